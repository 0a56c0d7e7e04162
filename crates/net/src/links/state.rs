//! What all tasks of one socket's links share. One thread; nothing is borrowed across an `await`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use base::LinkId;
use base::limits::{LINK_HANDSHAKES_MAX, LINKS_MAX, LINKS_PER_ADDRESS_MAX};
use mesh::link::{CloseCode, Command, DownCause, Event, ProtocolId};
use quinn::rustls::pki_types::CertificateDer;
use quinn::{ClientConfig, Connection, Endpoint, VarInt};

use super::dial;
use super::door::{Inbox, Taken};
use super::keys::shown_key;
use super::link::Link;
use super::socket::canonical;

/// RFC 5705, RFC 8446 section 7.5: what identities sign.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-jirani-link";

/// The present attachment: what we dial with.
#[derive(Clone)]
pub(super) struct Attachment {
    pub(super) client: ClientConfig,
    pub(super) key: [u8; 32],
}

/// See the module.
pub(super) struct State {
    pub(super) endpoint: Endpoint,
    pub(super) attachment: RefCell<Attachment>,
    links: RefCell<BTreeMap<LinkId, Rc<Link>>>,
    inboxes: RefCell<Vec<Rc<Inbox>>>,
    protocols: RefCell<BTreeMap<ProtocolId, Rc<Inbox>>>,
    /// Peers that dialled us and are not linked yet.
    handshakes: RefCell<Vec<IpAddr>>,
    next: Cell<u64>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} links", self.links.borrow().len())
    }
}

/// Why a connection became no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLink {
    Full,
    Ourselves,
    /// It shows no key; TLS does not let that happen.
    NoKey,
}

impl State {
    pub(super) fn new(endpoint: Endpoint, attachment: Attachment) -> State {
        State {
            endpoint,
            attachment: RefCell::new(attachment),
            links: RefCell::default(),
            inboxes: RefCell::default(),
            protocols: RefCell::default(),
            handshakes: RefCell::default(),
            next: Cell::new(1),
        }
    }

    pub(super) fn register(&self, protocols: &[ProtocolId]) -> Result<Rc<Inbox>, Taken> {
        let mut registered = self.protocols.borrow_mut();
        let is_taken = |protocol: &&ProtocolId| **protocol == ProtocolId::LINK || registered.contains_key(protocol);
        if let Some(taken) = protocols.iter().find(is_taken) {
            return Err(Taken(taken.clone()));
        }
        let inbox = Rc::new(Inbox::default());
        registered.extend(protocols.iter().map(|protocol| (protocol.clone(), Rc::clone(&inbox))));
        self.inboxes.borrow_mut().push(Rc::clone(&inbox));
        Ok(inbox)
    }

    pub(super) fn unregister(&self, inbox: &Rc<Inbox>) {
        self.protocols.borrow_mut().retain(|_, other| !Rc::ptr_eq(other, inbox));
        self.inboxes.borrow_mut().retain(|other| !Rc::ptr_eq(other, inbox));
    }

    /// Where frames of a protocol go.
    pub(super) fn inbox(&self, protocol: &ProtocolId) -> Option<Rc<Inbox>> {
        self.protocols.borrow().get(protocol).cloned()
    }

    pub(super) fn command(self: &Rc<State>, door: &Rc<Inbox>, command: Command) {
        match command {
            Command::Dial { attempt, addresses } => dial::start(self, door, attempt, addresses),
            Command::Send { link, protocol, frame } => {
                let is_its_own = self.inbox(&protocol).is_some_and(|inbox| Rc::ptr_eq(&inbox, door));
                match self.link(link) {
                    Some(link) if is_its_own => link.send(self, &protocol, &frame),
                    Some(_) => tracing::error!(%protocol, "a frame of a protocol that its sender has not registered"),
                    None => {}
                }
            }
            Command::Close { link, code } => {
                if let Some(link) = self.link(link) {
                    link.close(DownCause::ByUs(code));
                }
            }
            Command::Doubt { link } => {
                if let Some(link) = self.link(link) {
                    link.send(self, &ProtocolId::LINK, &[]);
                }
            }
        }
    }

    pub(super) fn link(&self, id: LinkId) -> Option<Rc<Link>> {
        self.links.borrow().get(&id).cloned()
    }

    pub(super) fn links(&self) -> Vec<Rc<Link>> {
        self.links.borrow().values().cloned().collect()
    }

    pub(super) fn is_full(&self) -> bool {
        self.links.borrow().len() >= LINKS_MAX
    }

    /// Takes a peer in that dials us, if it may come (attack case F08); until [`State::shook_hands`] it counts.
    pub(super) fn may_shake_hands(&self, with: IpAddr) -> bool {
        let mut handshakes = self.handshakes.borrow_mut();
        let links = self.links.borrow();
        let from_there = |ip: IpAddr| usize::from(ip == with);
        let same = handshakes.iter().map(|ip| from_there(*ip)).sum::<usize>()
            + links.values().map(|link| from_there(canonical(link.connection.remote_address()).ip())).sum::<usize>();
        let may = handshakes.len() < LINK_HANDSHAKES_MAX
            && handshakes.len() + links.len() < LINKS_MAX
            && same < LINKS_PER_ADDRESS_MAX;
        if may {
            handshakes.push(with);
        }
        may
    }

    pub(super) fn shook_hands(&self, with: IpAddr) {
        let mut handshakes = self.handshakes.borrow_mut();
        if let Some(at) = handshakes.iter().position(|ip| *ip == with) {
            handshakes.swap_remove(at);
        }
    }

    /// A connection becomes a link.
    pub(super) fn up(
        self: &Rc<State>,
        connection: Connection,
        local_key: [u8; 32],
        dial: Option<(&Rc<Inbox>, u64)>,
    ) -> Result<(), NoLink> {
        let refuse = |why: NoLink, code: CloseCode| {
            connection.close(VarInt::from_u32(code.number()), b"");
            Err(why)
        };
        let Some(remote_key) = key_of(&connection) else { return refuse(NoLink::NoKey, CloseCode::Malformed) };
        if remote_key == local_key {
            return refuse(NoLink::Ourselves, CloseCode::Ourselves);
        }
        if self.is_full() {
            return refuse(NoLink::Full, CloseCode::Full);
        }
        let mut exporter = [0; 32];
        if connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").is_err() {
            return refuse(NoLink::NoKey, CloseCode::Unspecified);
        }
        let id = LinkId(self.next.replace(self.next.get() + 1));
        let remote = canonical(connection.remote_address());
        let link = Rc::new(Link::new(id, connection));
        self.links.borrow_mut().insert(id, Rc::clone(&link));
        for inbox in self.inboxes.borrow().iter() {
            let attempt = dial.filter(|(door, _)| Rc::ptr_eq(door, inbox)).map(|(_, attempt)| attempt);
            let dialled = dial.is_some();
            inbox.push(Event::Up { link: id, attempt, exporter, local_key, remote_key, dialled, remote });
        }
        tokio::task::spawn_local(link.run(Rc::clone(self)));
        Ok(())
    }

    /// Called once for each link.
    pub(super) fn down(&self, link: LinkId, cause: &DownCause) {
        self.links.borrow_mut().remove(&link);
        for inbox in self.inboxes.borrow().iter() {
            inbox.push(Event::Down { link, cause: cause.clone() });
        }
    }
}

/// The key that the peer holds.
fn key_of(connection: &Connection) -> Option<[u8; 32]> {
    let shown = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    shown_key(shown.first()?)
}
