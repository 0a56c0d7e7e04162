//! RFC 6120 sections 4 to 7: a client's stream from its first byte to resource binding, as a value outside the shards.
//!
//! It is told of frames ([`Negotiation::handle_frame`]), of TLS ([`Negotiation::handle_secured`]) and of what the SASL
//! engine found ([`Negotiation::handle_sasl`]); after each call drain [`Negotiation::poll`]. The engine itself draws
//! nonces, so it lives in `net`; here is only the order of things.

use std::collections::VecDeque;
use std::sync::Arc;

use base::limits::{AUTHENTICATION_FAILURES_MAX, AUTHENTICATION_TIME_MAX, REGISTRATIONS_MAX};
use base::{Bare, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use wire::{Element, Form, Frame, FrameError, Header, IqType, Kind, Stanza, Xml};

use crate::desk;
use crate::error::{Condition, StanzaError, StreamError};
use crate::hosts::Hosts;
use crate::ns;
use crate::speech::Language;

/// What is true of a connection when negotiation begins, or begins again under TLS.
#[derive(Clone, Debug)]
pub struct Security {
    /// Whether it is under TLS.
    pub tls: bool,
    /// Whether TLS can be had.
    pub tls_available: bool,
    /// Whether nothing but TLS is accepted: always so beyond loopback.
    pub tls_required: bool,
    /// SASL mechanisms that may be used on it now, best first.
    pub mechanisms: Vec<&'static str>,
    /// What the `-PLUS` mechanisms may bind to (XEP-0440).
    pub channel_bindings: Vec<&'static str>,
    /// Whether strangers may make themselves accounts (XEP-0077), where they could log in.
    pub registration: bool,
}

/// What the SASL engine found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sasl {
    /// The next challenge.
    Challenge(Vec<u8>),
    /// The user is who they say; with what the mechanism adds.
    Success {
        /// The local part, as the client sent it.
        username: String,
        /// Additional data with success.
        data: Option<Vec<u8>>,
    },
    /// It failed: an RFC 6120 section 6.5 condition.
    Failure(&'static str),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Drop every byte received in clear, and begin TLS.
    StartTls,
    /// A new stream header comes next.
    Restart,
    /// Begin an exchange with the SASL engine; answer with [`Negotiation::handle_sasl`].
    SaslStart {
        /// One of those in [`Security::mechanisms`].
        mechanism: &'static str,
        /// For which domain.
        domain: String,
        /// The client's first message.
        initial: Vec<u8>,
    },
    /// Continue it with the client's next message.
    SaslContinue(Vec<u8>),
    /// Make an account (XEP-0077); answer with [`Negotiation::handle_registered`].
    Register {
        /// Its address.
        address: Bare,
        /// Its password, as the stranger typed it.
        password: String,
    },
    /// Authentication is done: a larger stanza limit holds from now on.
    Authenticated,
    /// The client wants to be bound: the connection goes to its account's shard, and this value is done.
    Bind {
        /// Who is authenticated.
        address: Bare,
        /// The resource that the client asks for.
        resource: Option<String>,
        /// The id of its request.
        id: String,
        /// The language of its stream, if it says one (section 4.7.4).
        language: Option<Language>,
    },
    /// The client wants an earlier session back (XEP-0198); the shard knows whether it may. If not, it comes back as
    /// [`Negotiation::handle_resume_refused`].
    Resume {
        /// Who is authenticated.
        address: Bare,
        /// The earlier session's id.
        previd: String,
        /// How many stanzas the client has had of it.
        handled: u32,
    },
    /// Write what was written, then close.
    Close(Why),
}

/// Why a stream ended before a session began. Counted, so that an operator sees what fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The client closed its stream.
    Finished,
    /// Stream error, by condition.
    Refused(&'static str),
}

#[derive(Debug)]
enum State {
    /// A stream header is due.
    Header,
    /// Features were sent; TLS or SASL may begin.
    Choosing,
    /// `<proceed/>` was sent.
    Securing,
    /// A mechanism was named without a first message: an empty challenge was sent.
    AwaitInitial(&'static str),
    /// The engine thinks about the client's last message.
    Engine,
    /// The client shall answer a challenge.
    AwaitResponse,
    /// An account is being made for this request.
    Registering(Box<Stanza<'static>>),
    /// Authenticated; the new header is due.
    AuthenticatedHeader(Bare),
    /// Authenticated; bind or resume may come.
    Binding(Bare),
    /// A shard decides about a resumption.
    Resuming(Bare),
    /// Nothing more is looked at.
    Done,
}

/// A client's stream before it has a session.
pub struct Negotiation {
    hosts: Arc<Hosts>,
    security: Security,
    state: State,
    /// The served domain this stream is for, from its first header on.
    host: Option<String>,
    header_sent: bool,
    /// What the newest header says.
    language: Option<Language>,
    failures: u32,
    /// Accounts that were asked for.
    registrations: u32,
    deadline: Time,
    rng: ChaCha8Rng,
    outputs: VecDeque<Output>,
}

impl Negotiation {
    /// A new connection. `seed` makes its stream ids; it must come from a strong source.
    pub fn new(now: Time, hosts: Arc<Hosts>, security: Security, seed: [u8; 32]) -> Negotiation {
        Negotiation {
            hosts,
            security,
            state: State::Header,
            host: None,
            header_sent: false,
            language: None,
            failures: 0,
            registrations: 0,
            deadline: now + AUTHENTICATION_TIME_MAX,
            rng: ChaCha8Rng::from_seed(seed),
            outputs: VecDeque::new(),
        }
    }

    /// What is to be done next; drain it after every call.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Negotiation::handle_timeout`] is due. However many bytes arrive, it does not move (attack case A21).
    pub fn wake_at(&self) -> Time {
        self.deadline
    }

    /// The time to authenticate is over.
    pub fn handle_timeout(&mut self, now: Time) {
        if now >= self.deadline {
            self.refuse(StreamError::ConnectionTimeout);
        }
    }

    /// TLS is established, or was there from the first byte. What was said before counts no more (RFC 6120 section
    /// 5.4.3.3).
    pub fn handle_secured(&mut self, security: Security) {
        self.security = security;
        self.host = None;
        self.header_sent = false;
        self.state = State::Header;
    }

    /// The bytes cannot be framed.
    pub fn handle_broken(&mut self, error: FrameError) {
        self.refuse(StreamError::Bytes(error));
    }

    /// One frame of the stream.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        match (frame, &self.state) {
            (_, State::Done) => {}
            (Frame::Close, _) => {
                self.write_header_once();
                self.outputs.push_back(Output::Write(b"</stream:stream>".to_vec()));
                self.finish(Why::Finished);
            }
            (Frame::Open(header), State::Header) => self.handle_header(header, None),
            (Frame::Open(header), State::AuthenticatedHeader(address)) => {
                let address = address.clone();
                self.handle_header(header, Some(address));
            }
            // XEP-0198 section 3: not before a resource is bound; the stream goes on.
            (Frame::Element(element), State::Choosing | State::Binding(_)) if element.is("enable", ns::SM) => {
                self.outputs.push_back(Output::Write(desk::stream_management::failed("unexpected-request")));
            }
            (Frame::Element(element), State::Choosing) => self.handle_choice(element),
            (Frame::Element(element), State::AwaitInitial(mechanism)) => {
                let mechanism = *mechanism;
                if let Some(initial) = self.response(element) {
                    self.start(mechanism, initial);
                }
            }
            (Frame::Element(element), State::AwaitResponse) => {
                if let Some(response) = self.response(element) {
                    self.state = State::Engine;
                    self.outputs.push_back(Output::SaslContinue(response));
                }
            }
            (Frame::Stanza(stanza), State::Choosing) if desk::registration::is_request(stanza) => {
                self.handle_registration(stanza);
            }
            (Frame::Stanza(stanza), State::Binding(address)) => {
                let address = address.clone();
                self.handle_bind(stanza, address);
            }
            (Frame::Element(element), State::Binding(address)) if element.is("resume", ns::SM) => {
                let address = address.clone();
                self.handle_resume(element, address);
            }
            (Frame::Stanza(_) | Frame::Refused(_), _) => self.refuse(StreamError::NotAuthorized),
            (Frame::Element(_), State::Binding(_)) => self.refuse(StreamError::UnsupportedStanzaType),
            // Only an answer that the client could not know yet comes while the engine or a shard thinks, or TLS begins.
            (Frame::Element(_) | Frame::Open(_), _) => {
                self.refuse(StreamError::PolicyViolation("That was sent before it was its turn."));
            }
        }
    }

    /// What the SASL engine found in the client's last message.
    pub fn handle_sasl(&mut self, found: Sasl) {
        if !matches!(self.state, State::Engine) {
            return;
        }
        match found {
            Sasl::Challenge(challenge) => {
                self.state = State::AwaitResponse;
                self.write_sasl("challenge", Some(&challenge));
            }
            Sasl::Success { username, data } => {
                let host = self.host.as_deref().unwrap_or(&self.hosts.primary);
                let Ok(address) = Bare::new(&format!("{username}@{host}")) else {
                    return self.fail("not-authorized");
                };
                self.write_sasl("success", data.as_deref());
                self.state = State::AuthenticatedHeader(address);
                self.header_sent = false;
                self.outputs.push_back(Output::Authenticated);
                self.outputs.push_back(Output::Restart);
            }
            Sasl::Failure(condition) => self.fail(condition),
        }
    }

    /// The account that was asked for is made and durable, or is not made.
    pub fn handle_registered(&mut self, made: Result<(), StanzaError>) {
        let request = match std::mem::replace(&mut self.state, State::Choosing) {
            State::Registering(request) => request,
            // The time to log in was over first.
            other => return self.state = other,
        };
        match made {
            Ok(()) => {
                // XEP-0077 section 3.1.1: one account, not one after the other.
                self.registrations = REGISTRATIONS_MAX;
                self.write_result(&request, Vec::new());
            }
            Err(error) => self.write_error(&request, &error),
        }
    }

    /// The shard does not have the session that the client wants back; it may bind a new one.
    pub fn handle_resume_refused(&mut self, failed: Vec<u8>) {
        if let State::Resuming(address) = &self.state {
            self.state = State::Binding(address.clone());
            self.outputs.push_back(Output::Write(failed));
        }
    }

    fn handle_header(&mut self, header: &Header<'_>, authenticated: Option<Bare>) {
        let meant = self.hosts.meant_by(header).map(str::to_owned);
        let Some(meant) = meant else { return self.refuse(StreamError::HostUnknown) };
        // Attack case A14: after authentication the stream stays with its domain.
        if self.host.as_ref().is_some_and(|host| *host != meant) {
            return self.refuse(StreamError::HostUnknown);
        }
        self.host = Some(meant);
        self.language = header.lang.as_deref().map(Language::of);
        if header.version.as_deref().and_then(|v| v.split('.').next()) != Some("1") {
            return self.refuse(StreamError::UnsupportedVersion);
        }
        self.write_header_once();
        self.write_features(authenticated.is_some());
        self.state = match authenticated {
            Some(address) => State::Binding(address),
            None => State::Choosing,
        };
    }

    fn handle_choice(&mut self, element: &Element<'_>) {
        if element.is("starttls", ns::TLS) {
            if self.security.tls || !self.security.tls_available {
                self.outputs.push_back(Output::Write(Xml::new().open("failure", ns::TLS).finish()));
                self.outputs.push_back(Output::Write(b"</stream:stream>".to_vec()));
                return self.finish(Why::Refused("tls-failure"));
            }
            self.outputs.push_back(Output::Write(Xml::new().open("proceed", ns::TLS).finish()));
            self.outputs.push_back(Output::Restart);
            self.outputs.push_back(Output::StartTls);
            self.state = State::Securing;
            return;
        }
        if !element.is("auth", ns::SASL) {
            return self.refuse(StreamError::UnsupportedStanzaType);
        }
        if self.must_secure_first() {
            return self.fail("encryption-required");
        }
        let wanted = element.attr("mechanism").unwrap_or_default();
        let Some(mechanism) = self.security.mechanisms.iter().copied().find(|offered| *offered == wanted) else {
            return self.fail("invalid-mechanism");
        };
        let text = element.text();
        if text.is_empty() {
            // RFC 6120 section 6.4.2: no initial response; every mechanism here has the client speak first.
            self.state = State::AwaitInitial(mechanism);
            return self.write_sasl("challenge", None);
        }
        match decode(&text) {
            Some(initial) => self.start(mechanism, initial),
            None => self.fail("incorrect-encoding"),
        }
    }

    /// XEP-0077 section 3.1: a stranger asks what an account needs, or for one.
    fn handle_registration(&mut self, stanza: &Stanza<'_>) {
        let Some(query) = stanza.payload("query", ns::REGISTER) else { return };
        if !self.may_register() {
            return self.write_error(stanza, &Condition::ServiceUnavailable.into());
        }
        if stanza.head.kind == Kind::Iq(IqType::Get) {
            return self.write_result(stanza, desk::registration::form());
        }
        if query.child("remove", ns::REGISTER).is_some() {
            return self.write_error(stanza, &Condition::UnexpectedRequest.into());
        }
        if self.registrations >= REGISTRATIONS_MAX {
            let error = StanzaError::new(Condition::NotAcceptable, "Log in now, or connect again.");
            return self.write_error(stanza, &error);
        }
        match desk::registration::wish(&query, self.host.as_deref().unwrap_or(&self.hosts.primary)) {
            Ok((address, password)) => {
                self.registrations += 1;
                // Without what is in it: the password is kept by nobody who does not need it.
                let request = stanza.borrow().into_owned().with_inner(Vec::new());
                self.state = State::Registering(Box::new(request));
                self.outputs.push_back(Output::Register { address, password });
            }
            Err(error) => self.write_error(stanza, &error),
        }
    }

    fn may_register(&self) -> bool {
        // At a domain whose key is elsewhere nobody is given a name here.
        let own = self.host.as_ref().is_none_or(|host| self.hosts.served.contains(host));
        self.security.registration && own && !self.must_secure_first()
    }

    fn start(&mut self, mechanism: &'static str, initial: Vec<u8>) {
        let domain = self.host.clone().unwrap_or_else(|| self.hosts.primary.clone());
        self.state = State::Engine;
        self.outputs.push_back(Output::SaslStart { mechanism, domain, initial });
    }

    /// The bytes of a `<response/>`; otherwise the attempt has been ended.
    fn response(&mut self, element: &Element<'_>) -> Option<Vec<u8>> {
        if element.is("abort", ns::SASL) {
            self.fail("aborted");
            return None;
        }
        if !element.is("response", ns::SASL) {
            self.refuse(StreamError::UnsupportedStanzaType);
            return None;
        }
        let decoded = decode(&element.text());
        if decoded.is_none() {
            self.fail("incorrect-encoding");
        }
        decoded
    }

    fn handle_bind(&mut self, stanza: &Stanza<'_>, address: Bare) {
        let bind = match stanza.head.kind {
            Kind::Iq(IqType::Set) => stanza.payload("bind", ns::BIND),
            _ => None,
        };
        let (Some(bind), Some(id)) = (bind, stanza.head.id.as_deref()) else {
            // RFC 6120 section 7.1: nothing else before a resource is bound.
            return self.refuse(StreamError::NotAuthorized);
        };
        let resource = bind.child("resource", ns::BIND).map(|r| r.text().into_owned()).filter(|r| !r.is_empty());
        let valid = resource.as_deref().is_none_or(|r| address.jid().with_resource(r).is_ok());
        if !valid {
            let error = StanzaError::new(Condition::BadRequest, "This resource is no RFC 7622 resourcepart.");
            return self.write_error(stanza, &error);
        }
        let id = id.to_owned();
        self.state = State::Done;
        self.outputs.push_back(Output::Bind { address, resource, id, language: self.language });
    }

    fn handle_resume(&mut self, element: &Element<'_>, address: Bare) {
        let handled = element.attr("h").and_then(|h| h.parse().ok());
        let (Some(previd), Some(handled)) = (element.attr("previd"), handled) else {
            return self.refuse(StreamError::PolicyViolation("A resume needs the attributes previd and h."));
        };
        self.state = State::Resuming(address.clone());
        self.outputs.push_back(Output::Resume { address, previd: previd.into_owned(), handled });
    }

    fn write_error(&mut self, request: &Stanza<'_>, error: &StanzaError) {
        if let Some(answer) = error.answer_to(request) {
            self.write_stanza(&answer);
        }
    }

    fn write_result(&mut self, request: &Stanza<'_>, payload: Vec<u8>) {
        let mut result = Stanza::new(Kind::Iq(IqType::Result)).with_inner(payload);
        result.head.id = request.head.id.as_ref().map(|id| id.clone().into_owned().into());
        result.head.from = request.head.to.as_ref().map(|to| to.borrow().into_owned());
        self.write_stanza(&result);
    }

    fn write_stanza(&mut self, stanza: &Stanza<'_>) {
        let mut bytes = Vec::new();
        stanza.emit(Form::Tcp, &mut bytes);
        self.outputs.push_back(Output::Write(bytes));
    }

    fn must_secure_first(&self) -> bool {
        self.security.tls_required && !self.security.tls
    }

    fn write_header_once(&mut self) {
        if self.header_sent {
            return;
        }
        self.header_sent = true;
        let mut id = [0u8; 16];
        self.rng.fill_bytes(&mut id);
        // A served domain has no character that would have to be escaped.
        let header = format!(
            "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' from='{}' id='{:032x}' version='1.0' \
             xml:lang='en'>",
            ns::CLIENT,
            ns::STREAMS,
            self.host.as_deref().unwrap_or(&self.hosts.primary),
            u128::from_le_bytes(id),
        );
        self.outputs.push_back(Output::Write(header.into_bytes()));
    }

    fn write_features(&mut self, authenticated: bool) {
        let mut xml = Xml::new();
        if authenticated {
            xml.open("bind", ns::BIND).close();
            // COMPAT(RFC 3921 clients): the session element, marked as needless as draft-cridland-xmpp-session asks.
            xml.open("session", ns::SESSION).open("optional", ns::SESSION).close().close();
            desk::caps::write_feature(&mut xml);
            for (name, namespace) in desk::STREAM_FEATURES {
                xml.open(name, namespace).close();
            }
        } else {
            if !self.security.tls && self.security.tls_available {
                xml.open("starttls", ns::TLS);
                if self.security.tls_required {
                    xml.open("required", ns::TLS).close();
                }
                xml.close();
            }
            if !self.must_secure_first() {
                xml.open("mechanisms", ns::SASL);
                for mechanism in &self.security.mechanisms {
                    xml.leaf("mechanism", ns::SASL, mechanism);
                }
                xml.close();
                if !self.security.channel_bindings.is_empty() {
                    xml.open("sasl-channel-binding", ns::CHANNEL_BINDINGS);
                    for binding in &self.security.channel_bindings {
                        xml.open("channel-binding", ns::CHANNEL_BINDINGS).attr("type", binding).close();
                    }
                    xml.close();
                }
            }
            if self.may_register() {
                xml.open("register", ns::REGISTER_FEATURE).close();
            }
        }
        let features = [b"<stream:features>", &*xml.finish(), b"</stream:features>"].concat();
        self.outputs.push_back(Output::Write(features));
    }

    fn write_sasl(&mut self, name: &str, data: Option<&[u8]>) {
        let mut xml = Xml::new();
        xml.open(name, ns::SASL);
        match data {
            None => {}
            Some([]) => {
                xml.text("=");
            }
            Some(data) => {
                xml.text(BASE64.encode(data));
            }
        }
        xml.close();
        self.outputs.push_back(Output::Write(xml.finish()));
    }

    /// Ends a SASL attempt (RFC 6120 section 6.4.5); after too many, the stream.
    fn fail(&mut self, condition: &'static str) {
        let mut xml = Xml::new();
        xml.open("failure", ns::SASL).open(condition, ns::SASL);
        self.outputs.push_back(Output::Write(xml.finish()));
        self.state = State::Choosing;
        self.failures += 1;
        if self.failures >= AUTHENTICATION_FAILURES_MAX {
            self.refuse(StreamError::PolicyViolation("Too many failed attempts to log in."));
        }
    }

    fn refuse(&mut self, error: StreamError) {
        if matches!(self.state, State::Done) {
            return;
        }
        // RFC 6120 section 4.9.1.2: an error in the first header is answered by a header, the error and the end.
        self.write_header_once();
        self.outputs.push_back(Output::Write(error.to_xml()));
        self.finish(Why::Refused(error.name()));
    }

    fn finish(&mut self, why: Why) {
        self.state = State::Done;
        self.outputs.push_back(Output::Close(why));
    }
}

/// RFC 6120 section 6.4.2: base64 without white space; `=` stands for an empty message.
fn decode(text: &str) -> Option<Vec<u8>> {
    match text {
        "=" | "" => Some(Vec::new()),
        text => BASE64.decode(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use wire::{Framer, Mode};

    use super::*;

    fn begin(registration: bool, tls_required: bool) -> Negotiation {
        let guests = [Bare::new("lisa@b.example").unwrap()].into();
        let hosts = Hosts { primary: "a.example".into(), served: vec!["a.example".into()], guests, ..Hosts::default() };
        let security = Security {
            tls: false,
            tls_available: tls_required,
            tls_required,
            mechanisms: vec!["PLAIN"],
            channel_bindings: Vec::new(),
            registration,
        };
        Negotiation::new(Time(5), Arc::new(hosts), security, [0; 32])
    }

    #[test]
    fn whoever_is_not_in_by_then_is_sent_away() {
        let mut negotiation = begin(false, false);
        let due = Time(5) + AUTHENTICATION_TIME_MAX;
        assert_eq!(negotiation.wake_at(), due);
        negotiation.handle_timeout(Time(due.0 - 1));
        assert_eq!(negotiation.poll(), None);
        negotiation.handle_timeout(due);
        let outputs: Vec<_> = std::iter::from_fn(|| negotiation.poll()).collect();
        assert_eq!(outputs.last(), Some(&Output::Close(Why::Refused("connection-timeout"))));
    }

    /// Says it, and gives what is written; the accounts that are wanted become this.
    fn say(negotiation: &mut Negotiation, text: &str, made: &Result<(), StanzaError>) -> String {
        let (mut framer, mut bytes, mut written) = (Framer::new(Mode::Client), text.as_bytes(), Vec::new());
        while let Some(frame) = framer.next(&mut bytes).unwrap() {
            negotiation.handle_frame(&frame);
            while let Some(output) = negotiation.poll() {
                match output {
                    Output::Write(bytes) => written.extend(bytes),
                    Output::Register { .. } => negotiation.handle_registered(made.clone()),
                    other => panic!("{other:?}"),
                }
            }
        }
        String::from_utf8(written).unwrap()
    }

    fn asks(count: u32) -> String {
        let ask = "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>ana</username>\
                   <password>p</password></query></iq>";
        let header =
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
        header.to_owned() + &ask.repeat(count as usize)
    }

    #[test]
    fn where_nobody_may_register_that_is_said_and_the_login_goes_on() {
        for (registration, tls_required, expect) in
            [(true, false, true), (false, false, false), (true, true, false), (false, true, false)]
        {
            let written = say(&mut begin(registration, tls_required), &asks(1), &Ok(()));
            assert_eq!(written.contains(ns::REGISTER_FEATURE), expect, "{written}");
            assert_eq!(written.contains("type='result'"), expect, "{written}");
            assert_eq!(written.contains("<service-unavailable "), !expect, "{written}");
        }
        // Whoever has an account here at another's domain: nobody is given a name there.
        let to_guests = asks(1).replacen(" version", " to='b.example' version", 1);
        let written = say(&mut begin(true, false), &to_guests, &Ok(()));
        assert!(written.contains("from='b.example'") && written.contains("<service-unavailable "), "{written}");
    }

    #[test]
    fn a_connection_asks_for_few_accounts() {
        let most = REGISTRATIONS_MAX;
        for asked in [most - 1, most, most + 1, most * 10] {
            let taken = Err(Condition::Conflict.into());
            let written = say(&mut begin(true, false), &asks(asked), &taken);
            let count = |what: &str| written.matches(what).count() as u32;
            assert_eq!(count("<conflict "), asked.min(most), "{written}");
            assert_eq!(count("<not-acceptable "), asked.saturating_sub(most), "{written}");
        }
    }

    #[test]
    fn a_connection_gets_one_account() {
        let written = say(&mut begin(true, false), &asks(2), &Ok(()));
        assert_eq!((written.matches("type='result'").count(), written.matches("<not-acceptable ").count()), (1, 1));
    }
}
