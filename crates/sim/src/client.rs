//! A client as a value (RFC 6120, RFC 6121 section 4.2, XEP-0198): bytes in, bytes out; logs in by itself and keeps what
//! it has heard. The bench and a driver over TCP use the same one.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::xml::{Heard, Reader, STREAMS, Tree};

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const SM: &str = "urn:xmpp:sm:3";

/// Who a client is, and how it likes to be.
#[derive(Clone, Debug)]
pub struct Login {
    /// The local part of its address.
    pub account: String,
    /// The domain part.
    pub domain: String,
    /// The password.
    pub password: String,
    /// The resource it asks for, if any.
    pub resource: Option<String>,
    /// What it says as soon as it is bound, if anything.
    pub presence: Option<String>,
    /// Whether it uses XEP-0198, with resumption.
    pub managed: bool,
    /// The language of its stream, if it names one.
    pub language: Option<String>,
}

impl Login {
    /// The bare address.
    pub fn address(&self) -> String {
        format!("{}@{}", self.account, self.domain)
    }
}

/// How far a client goes by itself when it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It says nothing by itself.
    Open,
    /// It logs in and waits for the features.
    Authenticated,
    /// It takes up its session, or begins one.
    Online,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Away,
    /// The header, the features and the result of SASL are due.
    Header,
    Features,
    Sasl,
    /// Authenticated; header and features are due.
    SecondHeader,
    SecondFeatures,
    Resuming,
    Binding,
    Enabling,
    /// Its own presence is due.
    Echo,
    /// What comes is for who uses the client.
    Free,
}

/// XEP-0198 on the client's side.
#[derive(Debug, Default)]
struct Managed {
    id: Option<String>,
    received: u32,
    acknowledged: u32,
    queue: VecDeque<String>,
}

/// A client.
pub struct Client {
    login: Login,
    goal: Goal,
    stage: Stage,
    reader: Reader,
    output: Vec<u8>,
    heard: VecDeque<Tree>,
    jid: Option<String>,
    managed: Option<Managed>,
    /// Whether it answers the server's `<r/>`.
    pub acknowledges: bool,
    acknowledged: Vec<String>,
    resumed: bool,
    ended: bool,
    fault: Option<String>,
}

impl Client {
    /// One that is not connected.
    pub fn new(login: Login) -> Client {
        Client {
            login,
            goal: Goal::Open,
            stage: Stage::Away,
            reader: Reader::new(),
            output: Vec::new(),
            heard: VecDeque::new(),
            jid: None,
            managed: None,
            acknowledges: true,
            acknowledged: Vec::new(),
            resumed: false,
            ended: false,
            fault: None,
        }
    }

    /// Who it is. To be changed while it is away.
    pub fn login_mut(&mut self) -> &mut Login {
        &mut self.login
    }

    /// It has a connection, and goes as far as the goal.
    pub fn handle_connected(&mut self, goal: Goal) {
        self.goal = goal;
        self.reader = Reader::new();
        self.output.clear();
        (self.ended, self.resumed, self.fault) = (false, false, None);
        if goal == Goal::Open {
            self.stage = Stage::Free;
        } else {
            self.stage = Stage::Header;
            self.write_header();
        }
    }

    /// Bytes of the server.
    pub fn handle_bytes(&mut self, mut bytes: &[u8]) {
        loop {
            match self.reader.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(Heard::Header(tree) | Heard::Element(tree))) => self.handle_tree(tree),
                Ok(Some(Heard::End)) => self.ended = true,
                Err(why) => {
                    self.fault.get_or_insert(why);
                    return;
                }
            }
        }
    }

    /// The connection is gone.
    pub fn handle_closed(&mut self) {
        if !matches!(self.stage, Stage::Free | Stage::Away) && !self.ended {
            self.fault.get_or_insert(format!("the connection ended when {:?} was due", self.stage));
        }
        self.stage = Stage::Away;
        self.output.clear();
    }

    /// What it wants to be written.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Says something. With XEP-0198 each stanza is kept until the server acknowledges it.
    pub fn send(&mut self, xml: &str) {
        self.output.extend_from_slice(xml.as_bytes());
        let stanzas = match &self.managed {
            Some(_) => Tree::fragment(xml).unwrap_or_default().iter().filter(|tree| tree.is_stanza()).count(),
            None => 0,
        };
        if let Some(managed) = self.managed.as_mut().filter(|_| stanzas == 1) {
            managed.queue.push_back(xml.to_owned());
            self.output.extend_from_slice(b"<r xmlns='urn:xmpp:sm:3'/>");
        }
    }

    /// Ends its stream.
    pub fn close(&mut self) {
        self.output.extend_from_slice(b"</stream:stream>");
        self.forget_session();
    }

    /// It will not take up the session that it had.
    pub fn forget_session(&mut self) {
        self.managed = None;
    }

    /// What it has heard first and nobody has asked for yet.
    pub fn next_heard(&mut self) -> Option<Tree> {
        self.heard.pop_front()
    }

    /// Everything that it has heard and nobody has asked for yet.
    pub fn heard(&self) -> &VecDeque<Tree> {
        &self.heard
    }

    /// Whether it has reached its goal.
    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Free
    }

    /// Whether it has no connection.
    pub fn is_away(&self) -> bool {
        self.stage == Stage::Away
    }

    /// Whether the server has ended the stream.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether its last login took up an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The full address that it was given last.
    pub fn jid(&self) -> Option<&str> {
        self.jid.as_deref()
    }

    /// What went wrong between it and the server, if anything did.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Stanzas of its own that the server has acknowledged, in order.
    pub fn acknowledged(&self) -> &[String] {
        &self.acknowledged
    }

    fn write_header(&mut self) {
        let domain = &self.login.domain;
        let language = self.login.language.as_ref().map(|tag| format!(" xml:lang='{tag}'")).unwrap_or_default();
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0'{language} xmlns='jabber:client' \
             xmlns:stream='{STREAMS}'>"
        );
        self.output.extend_from_slice(header.as_bytes());
    }

    fn handle_tree(&mut self, tree: Tree) {
        if tree.is("success", SASL) {
            self.reader = Reader::new();
        }
        match self.stage {
            Stage::Header if tree.is("stream", STREAMS) => self.stage = Stage::Features,
            Stage::SecondHeader if tree.is("stream", STREAMS) => self.stage = Stage::SecondFeatures,
            Stage::Features if tree.is("features", STREAMS) => {
                let proof = BASE64.encode(format!("\0{}\0{}", self.login.account, self.login.password));
                self.write(&format!("<auth xmlns='{SASL}' mechanism='PLAIN'>{proof}</auth>"));
                self.stage = Stage::Sasl;
            }
            Stage::Sasl if tree.is("success", SASL) => {
                self.write_header();
                self.stage = Stage::SecondHeader;
            }
            Stage::SecondFeatures if tree.is("features", STREAMS) => self.begin_session(),
            Stage::Resuming if tree.is("resumed", SM) => {
                self.resumed = true;
                self.stage = Stage::Free;
                self.acknowledge(&tree);
                let again: Vec<String> =
                    self.managed.iter_mut().flat_map(|managed| std::mem::take(&mut managed.queue)).collect();
                again.iter().for_each(|xml| self.send(xml));
            }
            Stage::Resuming if tree.is("failed", SM) => {
                self.managed = None;
                self.bind();
            }
            Stage::Binding
                if tree.name == "iq" && tree.attr("id") == Some("bind") && tree.attr("type") == Some("result") =>
            {
                self.jid = tree.child("bind").map(|bind| bind.text_of("jid").to_owned());
                if self.login.managed {
                    self.write(&format!("<enable xmlns='{SM}' resume='true'/>"));
                    self.stage = Stage::Enabling;
                } else {
                    self.announce();
                }
            }
            Stage::Enabling if tree.is("enabled", SM) => {
                self.managed = Some(Managed { id: tree.attr("id").map(str::to_owned), ..Managed::default() });
                self.announce();
            }
            Stage::Echo => {
                let echo = tree.name == "presence" && tree.attr("from") == self.jid();
                let heard = self.count(tree);
                if echo {
                    self.stage = Stage::Free;
                } else {
                    self.heard.extend(heard);
                }
            }
            Stage::Free => {
                let heard = self.count(tree);
                self.heard.extend(heard);
            }
            stage => {
                self.fault.get_or_insert(format!("{stage:?} was due, and this came:\n{tree}"));
                self.stage = Stage::Free;
                self.heard.push_back(tree);
            }
        }
    }

    fn write(&mut self, xml: &str) {
        self.output.extend_from_slice(xml.as_bytes());
    }

    fn begin_session(&mut self) {
        let earlier = self.managed.as_ref().and_then(|m| m.id.as_ref().map(|id| (id.clone(), m.received)));
        match earlier {
            _ if self.goal == Goal::Authenticated => self.stage = Stage::Free,
            Some((id, received)) => {
                self.write(&format!("<resume xmlns='{SM}' previd='{id}' h='{received}'/>"));
                self.stage = Stage::Resuming;
            }
            None => self.bind(),
        }
    }

    fn bind(&mut self) {
        let resource = self.login.resource.as_ref().map_or(String::new(), |r| format!("<resource>{r}</resource>"));
        self.write(&format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{resource}</bind></iq>"
        ));
        self.stage = Stage::Binding;
    }

    fn announce(&mut self) {
        self.stage = match self.login.presence.clone() {
            Some(presence) => {
                self.send(&presence);
                Stage::Echo
            }
            None => Stage::Free,
        };
    }

    /// Does what XEP-0198 asks for. Gives back what is not XEP-0198's own.
    fn count(&mut self, tree: Tree) -> Option<Tree> {
        let Some(managed) = &mut self.managed else { return Some(tree) };
        if tree.is("r", SM) {
            if self.acknowledges {
                let answer = format!("<a xmlns='{SM}' h='{}'/>", managed.received);
                self.write(&answer);
            }
            return None;
        }
        if tree.is("a", SM) {
            self.acknowledge(&tree);
            return None;
        }
        if tree.is_stanza() {
            managed.received = managed.received.wrapping_add(1);
        }
        Some(tree)
    }

    fn acknowledge(&mut self, answer: &Tree) {
        let Some(managed) = &mut self.managed else { return };
        let Some(h) = answer.attr("h").and_then(|h| h.parse::<u32>().ok()) else {
            self.fault.get_or_insert(format!("an acknowledgement without a number:\n{answer}"));
            return;
        };
        let count = h.wrapping_sub(managed.acknowledged) as usize;
        if count > managed.queue.len() {
            self.fault.get_or_insert(format!("{count} stanzas acknowledged of {}", managed.queue.len()));
            return;
        }
        managed.acknowledged = h;
        self.acknowledged.extend(managed.queue.drain(..count));
    }
}
