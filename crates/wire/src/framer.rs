//! RFC 6120 sections 4 and 11, RFC 7395 section 3: bytes of a stream, however they are split, to frames.
//!
//! What arrives whole is checked where it lies and borrowed. What arrives in pieces is held until it is whole; each new
//! piece is only scanned for its end, and the check comes once more at the end. So each byte is looked at a fixed number
//! of times, and the faults found do not depend on how the bytes were split.

use std::borrow::Cow;
use std::fmt;

use base::limits::{
    SERVER_STANZA_BYTES_MAX, STANZA_ADDED_ELEMENTS_MAX, STANZA_BYTES_MAX, STANZA_ELEMENTS_MAX,
    UNAUTHENTICATED_STANZA_BYTES_MAX,
};

use crate::chars::{self, SPACE};
use crate::check::{self, Checked, Place};
use crate::element::Element;
use crate::error::{FrameError, Limit};
use crate::head::Refused;
use crate::header::{self, Header};
use crate::ns;
use crate::scan::{Found, Scan};
use crate::scope::Scope;
use crate::stanza::Stanza;

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A client and its server; stanzas are in `jabber:client`.
    Client,
    /// Two servers; stanzas are in `jabber:server`.
    Server,
    /// A client and its server over a WebSocket: each frame declares its own namespaces (RFC 7395).
    WebSocket,
    /// Two clients on one link (XEP-0174). Names there need not be addresses, so stanzas come as [`Frame::Element`].
    LinkLocal,
}

impl Mode {
    fn content(self) -> &'static str {
        match self {
            Mode::Client | Mode::WebSocket | Mode::LinkLocal => ns::CLIENT,
            Mode::Server => ns::SERVER,
        }
    }

    /// What may stand where this is declared.
    fn place<'x>(self, scope: &'x Scope<'x>) -> Place<'x> {
        let elements_max = match self {
            Mode::Client | Mode::WebSocket | Mode::LinkLocal => STANZA_ELEMENTS_MAX,
            Mode::Server => STANZA_ELEMENTS_MAX + STANZA_ADDED_ELEMENTS_MAX,
        };
        Place { scope, content: Some(self.content()), elements_max }
    }
}

/// One thing that the other side has said.
#[derive(Clone, Debug)]
pub enum Frame<'a> {
    /// The stream header, or `<open/>`.
    Open(Header<'a>),
    /// A stanza.
    Stanza(Stanza<'a>),
    /// A stanza that RFC 6120 does not allow; the stream goes on.
    Refused(Refused<'a>),
    /// Any other first-level element: `<auth/>`, `<starttls/>`, `<r/>`.
    Element(Element<'a>),
    /// The end of the stream, or `<close/>`. Nothing behind it is read.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has come yet: an XML declaration may.
    Start,
    /// The header comes next.
    Header,
    Open,
    Closed,
}

/// Cuts the bytes of one stream into frames. It holds bytes only while a frame is incomplete.
pub struct Framer {
    mode: Mode,
    state: State,
    bytes_max: usize,
    scan: Scan,
    held: Vec<u8>,
    /// Whether the frame in `held` has been handed out.
    spent: bool,
    /// What the stream header declares.
    scope: Scope<'static>,
    /// The name of the stream header, as it was written.
    root: Cow<'static, str>,
    lang: Option<Box<str>>,
}

impl Framer {
    /// A stream that begins. Nobody is authenticated: the limit is [`UNAUTHENTICATED_STANZA_BYTES_MAX`].
    pub fn new(mode: Mode) -> Framer {
        Framer {
            mode,
            state: State::Start,
            bytes_max: UNAUTHENTICATED_STANZA_BYTES_MAX,
            scan: Scan::new(true),
            held: Vec::new(),
            spent: false,
            scope: Scope::NONE,
            root: Cow::Borrowed(""),
            lang: None,
        }
    }

    /// From now on the limit is [`STANZA_BYTES_MAX`], for servers [`SERVER_STANZA_BYTES_MAX`].
    pub fn authenticated(&mut self) {
        self.bytes_max = match self.mode {
            Mode::Client | Mode::WebSocket | Mode::LinkLocal => STANZA_BYTES_MAX,
            Mode::Server => SERVER_STANZA_BYTES_MAX,
        };
    }

    /// A new stream header comes next, after TLS or SASL. What was held is dropped.
    pub fn restart(&mut self) {
        *self = Framer { bytes_max: self.bytes_max, ..Framer::new(self.mode) };
    }

    /// How many bytes of an incomplete frame are held.
    pub fn held_bytes(&self) -> usize {
        if self.spent { 0 } else { self.held.len() }
    }

    /// Takes bytes from the front of `chunk` until a frame is complete, or until none are left. To be called until it
    /// says none; that also frees the memory of the last frame.
    ///
    /// # Errors
    /// What ends the stream. Whatever comes behind it is taken and not read.
    pub fn next<'f, 'c: 'f>(&'f mut self, chunk: &mut &'c [u8]) -> Result<Option<Frame<'f>>, FrameError> {
        if self.spent {
            self.forget();
        }
        // Closed, unless it turns out well.
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => {
                *chunk = &[];
                self.held = Vec::new();
                Ok(None)
            }
            state @ (State::Start | State::Header) if self.mode != Mode::WebSocket => self.header(state, chunk),
            state => self.frame(state, chunk),
        }
    }

    /// Makes room for the next frame, and keeps the room.
    fn forget(&mut self) {
        self.held.clear();
        self.spent = false;
        self.scan = Scan::new(false);
    }

    /// Before the stream header of a TCP stream has come.
    fn header<'f>(&'f mut self, mut state: State, chunk: &mut &[u8]) -> Result<Option<Frame<'f>>, FrameError> {
        loop {
            if self.held.is_empty() {
                let spaces = chars::run(chunk, SPACE);
                *chunk = &chunk[spaces..];
                if spaces > 0 {
                    state = State::Header;
                    self.scan = Scan::new(false);
                }
                // UTF-16, with or without a byte order mark; or the mark in UTF-8, which section 11.6 forbids too.
                if chunk.first().is_some_and(|b| matches!(b, 0 | 0x80..)) {
                    return Err(FrameError::UnsupportedEncoding);
                }
            }
            match hold(&mut self.scan, &mut self.held, self.bytes_max, chunk)? {
                None => {
                    self.state = state;
                    return Ok(None);
                }
                Some(Found::Declaration) => {
                    header::check_declaration(&self.held)?;
                    state = State::Header;
                    self.forget();
                }
                Some(Found::FirstTag) => {
                    let (xml, tag) = check::start_tag(&self.held)?;
                    self.scope = header::scope(xml, &tag, self.mode.content())?;
                    self.root = match tag.name.whole(xml) {
                        "stream:stream" => Cow::Borrowed("stream:stream"),
                        other => Cow::Owned(other.to_owned()),
                    };
                    let header = Header::read(xml, &tag, self.scope.bindings());
                    self.lang = header.lang.as_deref().map(Box::from);
                    (self.spent, self.state) = (true, State::Open);
                    return Ok(Some(Frame::Open(header)));
                }
                Some(Found::Element | Found::EndTag) => {
                    check::element(&self.held, Place::ALONE)?;
                    return Err(FrameError::BadFormat);
                }
            }
        }
    }

    /// Inside a stream, and anywhere on a WebSocket.
    fn frame<'f, 'c: 'f>(&'f mut self, state: State, chunk: &mut &'c [u8]) -> Result<Option<Frame<'f>>, FrameError> {
        let place = self.mode.place(&self.scope);
        if self.held.is_empty() {
            *chunk = &chunk[chars::run(chunk, SPACE)..];
            if chunk.is_empty() {
                self.held = Vec::new();
                self.state = state;
                return Ok(None);
            }
            // RFC 6120 section 4.9.3.1: words between stanzas may be well-formed, but a stream has none.
            if chunk[0] != b'<' && chunk[0].is_ascii_graphic() {
                return Err(FrameError::BadFormat);
            }
            if !chunk.starts_with(b"</") {
                let window = &chunk[..chunk.len().min(self.bytes_max)];
                if let Some(checked) = check::element(window, place)? {
                    *chunk = &chunk[checked.xml.len()..];
                    self.state = State::Open;
                    if checked.namespace == ns::FRAMING && self.mode == Mode::WebSocket {
                        return framing(&checked, state, &mut self.state, &mut self.lang).map(Some);
                    }
                    return inside(&checked, state, place, self.mode, self.lang.as_deref()).map(Some);
                }
            }
            self.scan = Scan::new(false);
        }
        loop {
            let found = match hold(&mut self.scan, &mut self.held, self.bytes_max, chunk) {
                Ok(found) => found,
                // Perhaps something else is wrong before that.
                Err(error) => return check::element(&self.held, place).and(Err(error)),
            };
            match found {
                None => {
                    self.state = state;
                    return Ok(None);
                }
                // A wrong namespace, or a second stream header, need not wait for its end.
                Some(Found::FirstTag) => {
                    check::element(&self.held, place)?;
                }
                Some(Found::EndTag) => {
                    let name = self.held[b"</".len()..self.held.len() - b">".len()].trim_ascii_end();
                    self.spent = true;
                    return if name == self.root.as_bytes() && self.mode != Mode::WebSocket {
                        Ok(Some(Frame::Close))
                    } else {
                        Err(FrameError::NotWellFormed)
                    };
                }
                Some(Found::Element | Found::Declaration) => {
                    self.spent = true;
                    let checked = check::element(&self.held, place)?.ok_or(FrameError::NotWellFormed)?;
                    if checked.xml.len() < self.held.len() {
                        return Err(FrameError::NotWellFormed);
                    }
                    self.state = State::Open;
                    if checked.namespace == ns::FRAMING && self.mode == Mode::WebSocket {
                        return framing(&checked, state, &mut self.state, &mut self.lang).map(Some);
                    }
                    return inside(&checked, state, place, self.mode, self.lang.as_deref()).map(Some);
                }
            }
        }
    }
}

/// Without the bytes that are held: half a password may be among them.
impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held_bytes = self.held_bytes();
        f.debug_struct("Framer")
            .field("mode", &self.mode)
            .field("state", &self.state)
            .field("held_bytes", &held_bytes)
            .finish_non_exhaustive()
    }
}

/// Moves what belongs to the frame from `chunk` to `held`, up to the next thing that is worth a look.
fn hold(scan: &mut Scan, held: &mut Vec<u8>, bytes_max: usize, chunk: &mut &[u8]) -> Result<Option<Found>, FrameError> {
    let window = &chunk[..chunk.len().min(bytes_max - held.len())];
    let (taken, outcome) = match scan.feed(window) {
        Ok((taken, found)) => (taken, Ok(found)),
        Err((taken, error)) => (taken, Err(error)),
    };
    held.extend_from_slice(&window[..taken]);
    *chunk = &chunk[taken..];
    match outcome {
        Ok(None) if held.len() >= bytes_max => Err(Limit::Bytes.into()),
        outcome => outcome,
    }
}

/// What an element on a stream is.
fn inside<'f>(
    checked: &Checked<'f>,
    state: State,
    place: Place<'f>,
    mode: Mode,
    lang: Option<&'f str>,
) -> Result<Frame<'f>, FrameError> {
    let Some(content) = place.content.filter(|_| state == State::Open) else {
        return Err(FrameError::InvalidNamespace);
    };
    Ok(if checked.is_stanza(content) && mode != Mode::LinkLocal {
        Stanza::read(checked, place.scope, content, lang).map_or_else(Frame::Refused, Frame::Stanza)
    } else {
        Frame::Element(Element::checked(checked.xml, Scope::new(&place.scope.default, place.scope.bindings())))
    })
}

/// RFC 7395 section 3.3.2: `<open/>` and `<close/>` stand for the stream header and its end.
fn framing<'f>(
    checked: &Checked<'f>,
    before: State,
    state: &mut State,
    lang: &mut Option<Box<str>>,
) -> Result<Frame<'f>, FrameError> {
    match checked.tag.name.local(checked.xml) {
        "open" if before != State::Open => {
            let header = Header::read(checked.xml, &checked.tag, &[]);
            *lang = header.lang.as_deref().map(Box::from);
            Ok(Frame::Open(header))
        }
        "close" => {
            *state = State::Closed;
            Ok(Frame::Close)
        }
        _ => {
            *state = State::Closed;
            Err(FrameError::BadFormat)
        }
    }
}
