//! `docs/formats/links.md`: one stream of a link: a prelude that names the protocol, then frames, each behind its length.
//!
//! A stream has one direction. A length is a LEB128 varint in its shortest form: a byte for frames under 128 bytes, which
//! most chat messages are.

use base::limits::{LINK_FRAME_BYTES_MAX, PROTOCOL_ID_BYTES_MAX};

use super::protocol::ProtocolId;

/// The first byte of each stream.
pub const PRELUDE_VERSION: u8 = 1;

/// What is taken for a frame before its bytes are here: a length alone is no reason to hold memory.
const TRUST_BYTES: usize = 4096;

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It begins with another version than [`PRELUDE_VERSION`].
    #[error("the stream begins with version {0}; {PRELUDE_VERSION} is known")]
    Version(u8),
    /// What should be a protocol id is none.
    #[error("the stream does not begin with a protocol id")]
    Protocol,
    /// A length that is not written in its shortest form.
    #[error("a length is not written in its shortest form")]
    Length,
    /// More than [`LINK_FRAME_BYTES_MAX`].
    #[error("a frame says that it has {found} bytes; {LINK_FRAME_BYTES_MAX} are allowed")]
    TooLong {
        /// As it said.
        found: u64,
    },
}

/// A frame that is longer than [`LINK_FRAME_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame has {found} bytes; {LINK_FRAME_BYTES_MAX} are allowed")]
pub struct FrameTooLong {
    /// Its bytes.
    pub found: usize,
}

/// Appends the beginning of a stream.
pub fn write_prelude(protocol: &ProtocolId, out: &mut Vec<u8>) {
    out.push(PRELUDE_VERSION);
    out.push(protocol.as_str().len() as u8); // An id has at most 64.
    out.extend_from_slice(protocol.as_str().as_bytes());
}

/// Appends a frame.
///
/// # Errors
/// If it is too long; nothing is appended.
pub fn write_frame(frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameTooLong> {
    if frame.len() > LINK_FRAME_BYTES_MAX {
        return Err(FrameTooLong { found: frame.len() });
    }
    let mut length = frame.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(frame);
    Ok(())
}

/// What is read of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// The first thing on each stream.
    Protocol(ProtocolId),
    /// All that follows.
    Frame(Vec<u8>),
}

/// Reads one stream, however its bytes are cut.
#[derive(Debug)]
pub struct StreamReader(State);

#[derive(Debug)]
enum State {
    Version,
    IdLength,
    Id { length: usize, bytes: Vec<u8> },
    Length { value: u64, shift: u32 },
    Frame { length: usize, bytes: Vec<u8> },
    Failed(StreamError),
}

impl State {
    const NEXT_FRAME: State = State::Length { value: 0, shift: 0 };
}

impl Default for StreamReader {
    fn default() -> StreamReader {
        StreamReader::new()
    }
}

impl StreamReader {
    /// At the beginning of a stream.
    pub fn new() -> StreamReader {
        StreamReader(State::Version)
    }

    /// Whether the stream may end here: behind a frame, or behind its prelude.
    pub fn may_end(&self) -> bool {
        matches!(self.0, State::Length { shift: 0, .. })
    }

    /// Takes from the front of `bytes` up to the end of the next item, which it returns; `None` when all are taken and
    /// the item goes on.
    ///
    /// # Errors
    /// If the stream cannot be read on. Every later call says the same.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<StreamItem>, StreamError> {
        let read = self.step(bytes);
        if let Err(error) = read {
            self.0 = State::Failed(error);
        }
        read
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<Option<StreamItem>, StreamError> {
        loop {
            match &mut self.0 {
                State::Failed(error) => return Err(*error),
                State::Id { length, bytes: taken } => {
                    if !fill(taken, *length, bytes) {
                        return Ok(None);
                    }
                    let text = str::from_utf8(taken).map_err(|_| StreamError::Protocol)?;
                    let protocol = ProtocolId::new(text).map_err(|_| StreamError::Protocol)?;
                    self.0 = State::NEXT_FRAME;
                    return Ok(Some(StreamItem::Protocol(protocol)));
                }
                State::Frame { length, bytes: taken } => {
                    if !fill(taken, *length, bytes) {
                        return Ok(None);
                    }
                    let frame = std::mem::take(taken);
                    self.0 = State::NEXT_FRAME;
                    return Ok(Some(StreamItem::Frame(frame)));
                }
                State::Version => {
                    let Some(version) = first(bytes) else { return Ok(None) };
                    if version != PRELUDE_VERSION {
                        return Err(StreamError::Version(version));
                    }
                    self.0 = State::IdLength;
                }
                State::IdLength => {
                    let Some(length) = first(bytes) else { return Ok(None) };
                    if !(1..=PROTOCOL_ID_BYTES_MAX).contains(&usize::from(length)) {
                        return Err(StreamError::Protocol);
                    }
                    self.0 = State::Id { length: length.into(), bytes: Vec::new() };
                }
                State::Length { value, shift } => {
                    let Some(byte) = first(bytes) else { return Ok(None) };
                    if byte == 0 && *shift > 0 {
                        return Err(StreamError::Length);
                    }
                    *value |= u64::from(byte & 0x7f) << *shift;
                    *shift += 7;
                    // Said as soon as it is certain: nobody sends ten bytes of length.
                    if *value > LINK_FRAME_BYTES_MAX as u64 {
                        return Err(StreamError::TooLong { found: *value });
                    }
                    if byte & 0x80 == 0 {
                        let length = *value as usize;
                        self.0 = State::Frame { length, bytes: Vec::with_capacity(length.min(TRUST_BYTES)) };
                    } else if *shift > 21 {
                        // Three bytes hold the longest frame; a fourth could only be empty.
                        return Err(StreamError::Length);
                    }
                }
            }
        }
    }
}

fn first(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

/// Moves what is missing to `length` over; says whether all is there.
fn fill(taken: &mut Vec<u8>, length: usize, bytes: &mut &[u8]) -> bool {
    let (more, rest) = bytes.split_at(bytes.len().min(length - taken.len()));
    taken.extend_from_slice(more);
    *bytes = rest;
    taken.len() == length
}
