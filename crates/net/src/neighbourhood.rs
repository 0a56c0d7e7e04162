//! The driver of the node (`mesh::node`): one task that gives it what the kernel, the responders of mDNS, the links and the
//! shard say, and does what it says. Beside the engine, on the same thread.

mod people;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base::ledger::{AccountRow, Query, Record, RecordKind, Rows, StoreError, Write};
use base::limits::{COMPARED_MAX, TROUBLES_MAX};
use base::{AccountId, Audience, Bare, Circle, DeviceId, Ticket, Wall};
use gateways::link_local::{self as gateway, Gateway};
use mesh::finding::{self, Reason};
use mesh::identity::introduction::{Own, Visibility};
use mesh::identity::{Chain, Directory, KeyChange, Pin};
use mesh::link::{Event, Links as _, ProtocolId};
use mesh::node::{Dialled, Input, Neighbour, Node, Output, Tally, Trouble};
use mesh::verification::{self, Act};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::Stanza;
use xmpp::Input as ShardInput;

pub use crate::bonjour::PORT as BONJOUR_PORT;
use crate::bonjour::{self, Sockets};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::links::{Door, LinksError, QuicLinks};
use crate::mdns::{Mdns, Said};
use crate::netlink::Kernel;

/// Statements that are read from the store at once.
const PAGE_STATEMENTS: u32 = 256;

/// How long a person waits for what comes of an address that they named: a little longer than a handshake may take, and
/// shorter than an answer on a control socket may.
const DIAL_PATIENCE: Duration = Duration::from_millis(8500);

/// How long they wait, with a link, for somebody to show themselves on it.
const PROOF_PATIENCE: Duration = Duration::from_secs(1);

/// How often it is looked.
const DIAL_LOOK: Duration = Duration::from_millis(20);

/// Accounts are shown anew at most so often because of what others do.
const SHOW_PAUSE: Duration = Duration::from_millis(250);

/// And at least so often: what proves them is renewed in time.
const SHOW_EVERY: Duration = Duration::from_secs(24 * 3600);

/// When a kernel that says nothing is asked again.
const KERNEL_RETRY: Duration = Duration::from_secs(5);

/// Events of links that are taken before what came of them is written.
const EVENTS_IN_TURN: usize = 64;

/// Whoever keeps the keys of this node's accounts.
pub trait Keyring {
    /// The device of an account, with the chain that proves it; made if need be. `None` if the account is of a domain that
    /// cannot be proved here.
    ///
    /// # Errors
    /// If the keys cannot be read or written.
    fn device(&self, directory: &mut Directory, now: Wall, account: &AccountRow) -> io::Result<Option<Arc<Own>>>;

    /// The accounts at domains whose root key is elsewhere.
    ///
    /// # Errors
    /// If the keys cannot be read.
    fn guests(&self) -> io::Result<BTreeSet<Bare>>;

    /// Forgets the keys that were there at this time of all accounts but these.
    ///
    /// # Errors
    /// If they cannot be removed.
    fn retain(&self, accounts: &[AccountRow], asked: Wall) -> io::Result<()>;
}

/// How a neighbourhood is set up.
pub struct Parts {
    /// The UDP port of links; another one if it is taken.
    pub port: u16,
    /// Whether neighbours are looked for on this machine itself.
    pub loopback: bool,
    /// Whether they are looked for anywhere else.
    pub networks: bool,
    /// Addresses that a person named.
    pub manual: Vec<SocketAddr>,
    /// Whether only people whose key is known here see who is here: those whom somebody here has written to.
    pub shy: bool,
    /// The keys.
    pub keyring: Box<dyn Keyring>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NeighbourhoodError {
    /// No links.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// The kernel does not tell of its interfaces.
    #[error("the kernel does not tell of the network: {0}")]
    Kernel(io::Error),
    /// What is known of people cannot be read.
    #[error("what is known of people's keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// What is asked of the task.
pub(crate) enum Ask {
    /// The shard has a parcel.
    Parcel {
        /// Our account.
        from: Bare,
        /// The device.
        to: DeviceId,
        /// The parcel.
        bytes: Vec<u8>,
    },
    /// An account was made or removed.
    Accounts,
    /// Something new may be said of accounts that are known.
    Keys,
    /// Somebody is at this address. An answer says that it is being tried.
    Dial(SocketAddr, oneshot::Sender<()>),
    /// The key that this address shows is right.
    Accept(Bare, Pin),
    /// For people of other programs on the link.
    Gateway(Box<Stanza<'static>>),
    /// A person does something to make sure who somebody is.
    Verify {
        /// Their account.
        own: Bare,
        /// The other one.
        other: Bare,
        /// What they do.
        act: Act,
        /// An answer says that it is done.
        told: Option<oneshot::Sender<()>>,
    },
    /// A person takes that back.
    Unverify {
        /// Their account.
        own: Bare,
        /// The other one.
        other: Bare,
        /// An answer says that it is done.
        told: oneshot::Sender<Result<(), StoreError>>,
    },
    /// The daemon ends.
    Close(oneshot::Sender<()>),
}

/// Laptops in reach.
pub struct Neighbourhood {
    node: RefCell<Node>,
    gateway: RefCell<Gateway>,
    asks: mpsc::UnboundedSender<Ask>,
    reason: RefCell<Option<Reason>>,
    troubles: RefCell<VecDeque<(Wall, Trouble)>>,
    /// What was told last of two people who compare words, for who asks.
    compared: RefCell<VecDeque<(Bare, Bare, verification::Event)>>,
    /// Where people of other programs call, or why they cannot.
    bonjour_port: RefCell<Option<Result<u16, String>>>,
    address: SocketAddr,
    clock: Clock,
}

/// What there is to see of links, from one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// Where links are accepted.
    pub address: SocketAddr,
    /// Who is in reach, and since when.
    pub neighbours: Vec<(Wall, Neighbour)>,
    /// Of them, who was met, and by which of this node's accounts.
    pub met: Vec<(Bare, Bare)>,
    /// How many links there are, with people on them or not.
    pub links: usize,
    /// Those of them that nobody has shown themselves on.
    pub links_without_people: usize,
    /// This node's accounts that neighbours can see, and their keys.
    pub own: Vec<(Bare, Pin)>,
    /// Why nobody is found, if that is so and known.
    pub reason: Option<Reason>,
    /// What people should hear of, each as it was told last, and when.
    pub troubles: Vec<(Wall, Trouble)>,
    /// What was counted.
    pub tally: Tally,
    /// Our people who are on the link for other programs, and how many of those are shown to them (XEP-0174).
    pub bonjour: (usize, usize),
    /// The TCP port at which those call, or why none can be had; none while nobody wants them.
    pub bonjour_port: Option<Result<u16, String>>,
    /// What was counted there.
    pub bonjour_tally: gateway::Tally,
}

/// What the task works with.
struct Drive {
    engine: Rc<Engine>,
    shared: Rc<Neighbourhood>,
    keyring: Box<dyn Keyring>,
    shy: bool,
    networks: bool,
    loopback: bool,
    /// What proves each account, as it was last asked for.
    own: BTreeMap<AccountId, Arc<Own>>,
    /// What the node had written last.
    written: Option<Ticket>,
    /// When the accounts are shown anew, and when they were last.
    show_at: Option<Instant>,
    shown_at: Option<Instant>,
    links: QuicLinks,
    door: Door,
    mdns: Mdns,
    sockets: Sockets,
}

impl Neighbourhood {
    /// Opens the links and begins to look around. Must be called on a `LocalSet`.
    ///
    /// # Errors
    /// Why it does not begin.
    pub async fn start(engine: &Rc<Engine>, parts: Parts) -> Result<Rc<Neighbourhood>, NeighbourhoodError> {
        let links = QuicLinks::open(parts.port)?;
        let address = links.address().map_err(LinksError::from)?;
        let door = links
            .register(&[ProtocolId::INTRODUCTION, ProtocolId::POST, ProtocolId::VERIFICATION])
            .expect("nobody else has registered before there were links");
        let kernel = Kernel::open().map_err(NeighbourhoodError::Kernel)?;
        let now = engine.clock.now();
        let mut node = Node::new(now, address.port(), parts.loopback, crate::random());
        load(engine, &mut node).await?;
        for manual in parts.manual {
            node.handle(now, Input::Found(finding::Input::Manual(manual)));
        }
        let (asks, to_do) = mpsc::unbounded_channel();
        let shared = Rc::new(Neighbourhood {
            node: RefCell::new(node),
            gateway: RefCell::new(Gateway::new(&bonjour::host(), u64::from_be_bytes(crate::random()))),
            asks: asks.clone(),
            reason: RefCell::default(),
            troubles: RefCell::default(),
            compared: RefCell::default(),
            bonjour_port: RefCell::default(),
            address,
            clock: engine.clock,
        });
        engine.meet(asks);
        let drive = Drive {
            engine: Rc::clone(engine),
            shared: Rc::clone(&shared),
            keyring: parts.keyring,
            shy: parts.shy,
            networks: parts.networks,
            loopback: parts.loopback,
            own: BTreeMap::new(),
            written: None,
            show_at: None,
            shown_at: None,
            links,
            door,
            mdns: Mdns::default(),
            sockets: Sockets::default(),
        };
        tokio::task::spawn_local(drive.run(kernel, to_do));
        shared.ask(Ask::Keys);
        Ok(shared)
    }

    /// Tries an address that a person named, now and whenever the network changes. Waits until something has come of it,
    /// or for [`DIAL_PATIENCE`].
    pub async fn dial(&self, address: SocketAddr) -> Dialled {
        let (tell, told) = oneshot::channel();
        self.ask(Ask::Dial(address, tell));
        // If the task has ended, nothing comes of it.
        let _ = told.await;
        let begun = tokio::time::Instant::now();
        let mut linked_at = None;
        loop {
            let dialled = self.node.borrow().dialled(address);
            let wait = match &dialled {
                Dialled::Going => begun.elapsed() < DIAL_PATIENCE,
                // Who is there is proved a moment after the link has come up.
                Dialled::Linked(people) if people.is_empty() => {
                    linked_at.get_or_insert_with(tokio::time::Instant::now).elapsed() < PROOF_PATIENCE
                }
                Dialled::Linked(_) | Dialled::Failed(_) | Dialled::TooMany => false,
            };
            if !wait {
                return dialled;
            }
            tokio::time::sleep(DIAL_LOOK).await;
        }
    }

    /// What an address showed last, if that was another key than the known one and nobody has accepted it.
    pub fn contested(&self, address: &Bare) -> Option<KeyChange> {
        self.node.borrow().contested().find(|change| change.address == *address)
    }

    /// A person has made sure that the key which somebody shows now is theirs. Nothing happens if another one was shown
    /// meanwhile.
    pub fn accept(&self, address: Bare, shown: Pin) {
        self.ask(Ask::Accept(address, shown));
    }

    /// A person does something to make sure who somebody is. Gives what is told of it at once, if anything.
    pub async fn verify(&self, own: &Bare, other: &Bare, act: Act) -> Option<verification::Event> {
        let (tell, told) = oneshot::channel();
        self.ask(Ask::Verify { own: own.clone(), other: other.clone(), act, told: Some(tell) });
        // If the task has ended, nothing comes of it.
        let _ = told.await;
        self.compared(own, other)
    }

    /// What was told last of two people who compare words.
    pub fn compared(&self, own: &Bare, other: &Bare) -> Option<verification::Event> {
        let compared = self.compared.borrow();
        compared.iter().find(|(a, b, _)| (a, b) == (own, other)).map(|(.., event)| *event)
    }

    /// A person takes back that they have met somebody. Says whether they had, when it is written that they have not.
    ///
    /// # Errors
    /// If it could not be written: after the next start they have met.
    pub async fn unverify(&self, own: &Bare, other: &Bare) -> Result<bool, StoreError> {
        let had = self.node.borrow().has_met(own, other);
        let (tell, told) = oneshot::channel();
        self.ask(Ask::Unverify { own: own.clone(), other: other.clone(), told: tell });
        // If the task has ended, nothing comes of it.
        told.await.unwrap_or(Ok(())).map(|()| had)
    }

    /// Says goodbye on all networks and links.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.ask(Ask::Close(done));
        // If the task has ended already, there is nothing to close.
        let _ = closed.await;
    }

    /// Looks at everything.
    pub fn view(&self) -> View {
        let (node, now) = (self.node.borrow(), self.clock.now());
        let since = |neighbour: Neighbour| {
            let ago_ms = i64::try_from((now.mono - neighbour.since).as_millis()).unwrap_or(i64::MAX);
            (Wall(now.wall.0.saturating_sub(ago_ms)), neighbour)
        };
        let known = self.troubles.borrow();
        // Told once, but another key may be shown by now; what was accepted or has settled by itself troubles nobody.
        let contested = node.contested().map(|change| {
            let told = known.iter().find(|(_, trouble)| is_about_key(trouble, &change.address));
            (told.map_or(now.wall, |(at, _)| *at), Trouble::KeyChanged(Box::new(change)))
        });
        let others = known.iter().filter(|(_, trouble)| !matches!(trouble, Trouble::KeyChanged(_))).cloned();
        let there: BTreeSet<Bare> = node.neighbours().map(|neighbour| neighbour.address).collect();
        View {
            address: self.address,
            met: node.met().filter(|(_, other)| there.contains(other)).cloned().collect(),
            neighbours: node.neighbours().map(since).collect(),
            links: node.links(),
            links_without_people: node.links_without_people(),
            own: node.own().map(|(address, pin)| (address.clone(), pin)).collect(),
            reason: *self.reason.borrow(),
            troubles: contested.chain(others).collect(),
            tally: node.tally().clone(),
            bonjour: self.gateway.borrow().counts(),
            bonjour_port: self.bonjour_port.borrow().clone(),
            bonjour_tally: self.gateway.borrow().tally(),
        }
    }

    /// An account has other keys than before.
    pub fn keys_changed(&self) {
        self.ask(Ask::Keys);
    }

    /// What proves that an account of this node is its address, as it was said last.
    pub fn chain_of(&self, address: &Bare) -> Option<Chain> {
        self.node.borrow().own_chain(address).cloned()
    }

    fn ask(&self, ask: Ask) {
        // Nobody listens only when the daemon ends.
        let _ = self.asks.send(ask);
    }
}

/// What the kernel says next; while it says nothing, tries to hear it again at this time.
async fn hear(kernel: &mut Option<Kernel>, again_at: Instant) -> io::Result<finding::Input> {
    if kernel.is_none() {
        tokio::time::sleep_until(again_at).await;
        *kernel = Some(Kernel::open()?);
    }
    match kernel {
        Some(kernel) => kernel.next().await,
        None => std::future::pending().await,
    }
}

/// What was known of people before.
async fn load(engine: &Rc<Engine>, node: &mut Node) -> Result<(), NeighbourhoodError> {
    let mut statements = Vec::new();
    loop {
        let after = statements.last().map(|row: &base::ledger::StatementRow| row.key.clone());
        let Rows::Statements(page) = engine.ask(Query::Statements { after, limit: PAGE_STATEMENTS }).await? else {
            break;
        };
        if page.is_empty() {
            break;
        }
        statements.extend(page);
    }
    let Rows::Pins(pins) = engine.ask(Query::Pins).await? else { return Ok(()) };
    node.load(statements, pins);
    Ok(())
}

impl Drive {
    async fn run(mut self, kernel: Kernel, mut to_do: mpsc::UnboundedReceiver<Ask>) {
        let clock = self.engine.clock;
        let (mut kernel, mut kernel_at) = (Some(kernel), Instant::now());
        self.drain();
        loop {
            let due =
                self.shared.node.borrow().wake_at().into_iter().chain(self.shared.gateway.borrow().wake_at()).min();
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(clock.instant(due)).await,
                    None => std::future::pending().await,
                }
            };
            let show = async {
                match self.show_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = show => self.show_accounts(true).await,
                event = self.door.next() => {
                    self.take(event);
                    for _ in 1..EVENTS_IN_TURN {
                        let Some(event) = self.door.poll() else { break };
                        self.take(event);
                    }
                }
                ask = to_do.recv() => match ask {
                    Some(Ask::Close(done)) => {
                        self.mdns.close().await;
                        self.links.close().await;
                        // Whoever asked may have gone.
                        let _ = done.send(());
                        return;
                    }
                    Some(ask) => self.answer(ask).await,
                    None => return,
                },
                said = self.mdns.next() => match said {
                    Said::Finder(heard) => self.handle(Input::Found(heard)),
                    Said::People(heard) => self.heard_of_people(heard),
                },
                event = self.sockets.next() => self.on_socket(event),
                changed = hear(&mut kernel, kernel_at) => match changed {
                    Ok(changed) => self.changed(changed),
                    Err(error) => {
                        // There may be no file left for a moment.
                        tracing::error!(%error, "the kernel tells nothing of the network; it is asked again in some seconds");
                        kernel = None;
                        kernel_at = Instant::now() + KERNEL_RETRY;
                    }
                },
                () = due => {
                    self.handle(Input::Timer);
                    self.pass(gateway::Input::Timer);
                }
            }
            self.engine.flush();
        }
    }

    fn take(&mut self, event: Event) {
        self.handle(Input::Link(event));
    }

    fn changed(&mut self, mut changed: finding::Input) {
        if let finding::Input::Interfaces(interfaces) = &mut changed {
            interfaces.retain(|interface| self.networks || interface.loopback);
            let own: Vec<_> = interfaces.iter().flat_map(|i| i.addresses.iter().map(|prefix| prefix.ip)).collect();
            if let Err(error) = self.links.addresses_changed(&own) {
                tracing::warn!(%error, "links do not go on from the new address");
            }
            let own = bonjour::own_addresses(interfaces, self.loopback);
            self.sockets.addresses(own.clone());
            self.pass(gateway::Input::Addresses(own));
        }
        self.handle(Input::Found(changed));
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Parcel { from, to, bytes } => self.handle(Input::Parcel { from: &from, to, bytes }),
            // At once: whoever was made a moment ago may be writing to somebody already.
            Ask::Accounts => self.show_accounts(false).await,
            Ask::Keys => self.show_accounts(true).await,
            Ask::Dial(address, told) => {
                self.handle(Input::Dial(address));
                // Whoever asked may have gone.
                let _ = told.send(());
            }
            Ask::Gateway(stanza) => self.pass(gateway::Input::Stanza(*stanza)),
            Ask::Accept(address, shown) => self.handle(Input::Accept { address: &address, shown }),
            Ask::Verify { own, other, act, told } => {
                self.handle(Input::Verify { own: &own, other: &other, act });
                // Whoever asked may have gone.
                let _ = told.map(|told| told.send(()));
            }
            Ask::Unverify { own, other, told } => {
                self.handle(Input::Unverify { own: &own, other: &other });
                match self.written.take() {
                    Some(ticket) => {
                        let durable = self.engine.durable(ticket);
                        tokio::task::spawn_local(async move {
                            let lost = || Err(StoreError::Failed("the store is closed".into()));
                            // Whoever asked may have gone.
                            let _ = told.send(durable.await.unwrap_or_else(|_| lost()));
                        });
                    }
                    None => drop(told.send(Ok(()))),
                }
            }
            Ask::Close(_) => {}
        }
    }

    /// All accounts, as they are now, with what proves them. Of those that are known only if it is to be renewed: else
    /// each new account would cost as much as all that are there.
    async fn show_accounts(&mut self, renew: bool) {
        if renew {
            self.shown_at = Some(Instant::now());
            self.show_at = self.shown_at.map(|now| now + SHOW_EVERY);
        }
        let asked = self.engine.clock.now().wall;
        let accounts = match self.engine.ask(Query::Accounts).await {
            Ok(Rows::Accounts(accounts)) => accounts,
            Ok(_) => return,
            Err(error) => return tracing::error!(%error, "the accounts cannot be read: neighbours do not see them"),
        };
        let chosen = match self.audiences().await {
            Ok(chosen) => chosen,
            // Nobody is shown to whom they did not choose.
            Err(error) => {
                return tracing::error!(%error, "who may see the accounts cannot be read: nothing is shown anew");
            }
        };
        let now = self.engine.clock.now();
        let here: BTreeMap<AccountId, &Bare> = accounts.iter().map(|account| (account.id, &account.address)).collect();
        if renew || self.own.keys().any(|known| !here.contains_key(known)) {
            self.tidy_keys(&accounts, asked);
        }
        for (_, gone) in self.own.iter().filter(|(known, _)| !here.contains_key(known)) {
            let gone = &gone.chain().proven().address;
            self.shared.node.borrow_mut().directory_mut().forget_vouches(gone);
        }
        if renew {
            self.own.clear();
        }
        self.own.retain(|known, _| here.contains_key(known));
        for account in &accounts {
            if self.own.contains_key(&account.id) {
                continue;
            }
            let own = {
                let mut node = self.shared.node.borrow_mut();
                self.keyring.device(node.directory_mut(), now.wall, account)
            };
            match own {
                Ok(Some(own)) => {
                    self.own.insert(account.id, own);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(account = %account.address, %error, "an account has no keys: nobody sees it")
                }
            }
        }
        // If it still does not hold, it is told again.
        self.shared.troubles.borrow_mut().retain(|(_, trouble)| !matches!(trouble, Trouble::OwnRefused(..)));
        let known = Arc::new(self.shared.node.borrow().directory().known_people());
        // Contacts and the person's other laptops find whoever is hidden: what others may see and say, the shard judges.
        let visibility = |account: &AccountId, own: &Own| match chosen.get(account).copied().unwrap_or_default() {
            Audience::All if !self.shy => Visibility::Everyone,
            Audience::Yellow => Visibility::Known(Arc::new(self.shared.node.borrow().known_or_vouched(own))),
            _ => Visibility::Known(Arc::clone(&known)),
        };
        let devices = self.own.iter().map(|(account, own)| (Arc::clone(own), visibility(account, own))).collect();
        self.handle(Input::Devices(devices));
        let served = self.engine.hosts();
        let here: BTreeSet<&Bare> = here.into_values().collect();
        let away = {
            let node = self.shared.node.borrow();
            let residents = served.served.iter().flat_map(|domain| node.directory().residents(domain));
            residents.filter(|address| !here.contains(*address)).cloned().collect()
        };
        self.engine.set_away(away);
    }

    /// What accounts have chosen, if they have.
    async fn audiences(&self) -> Result<BTreeMap<AccountId, Audience>, StoreError> {
        let query = Query::RecordsOfAll { kind: RecordKind::Preference, key: Audience::KEY.to_owned() };
        let Rows::Records(records) = self.engine.ask(query).await? else { return Ok(BTreeMap::new()) };
        let named = |record: &Record| Audience::named(std::str::from_utf8(record.value.as_deref()?).ok()?);
        Ok(records.iter().filter_map(|record| Some((record.account, named(record)?))).collect())
    }

    /// Forgets keys of accounts that are gone, and reads which accounts are of domains elsewhere.
    fn tidy_keys(&self, accounts: &[AccountRow], asked: Wall) {
        if let Err(error) = self.keyring.retain(accounts, asked) {
            tracing::warn!(%error, "the keys of removed accounts are still there");
        }
        match self.keyring.guests() {
            Ok(guests) => self.engine.set_guests(guests),
            Err(error) => tracing::error!(%error, "accounts of other laptops' domains stay as they were"),
        }
    }

    /// Others can make it necessary again and again.
    fn show_soon(&mut self) {
        let earliest = self.shown_at.map_or_else(Instant::now, |shown| shown + SHOW_PAUSE);
        self.show_at = Some(self.show_at.map_or(earliest, |at| at.min(earliest)));
    }

    /// Gives the node one input and does what it says.
    fn handle(&mut self, input: Input<'_>) {
        self.written = None;
        self.shared.node.borrow_mut().handle(self.engine.clock.now(), input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let Some(output) = self.shared.node.borrow_mut().poll() else { return };
            match output {
                Output::Order(order) => {
                    let stopped = if let finding::Order::Stop { network } = order { Some(network.0) } else { None };
                    self.mdns.obey(order);
                    if let Some(network) = stopped {
                        self.pass(gateway::Input::Left { network });
                    }
                }
                Output::Moved => self.moved(),
                Output::Link(command) => self.door.command(command),
                Output::Reach { device, address, up } => {
                    tracing::info!(%address, ?device, up, "reach");
                    // Another device of one of our people, or of our domain: it may have brought a newer membership, or show
                    // where somebody lives.
                    if up && self.engine.hosts().has_domain(address.jid().domain()) {
                        self.show_soon();
                    }
                    self.engine.handle(ShardInput::Reach { device, address, up });
                }
                Output::Parcel { from, to, bytes } => {
                    self.engine.handle(ShardInput::Parcel { from, to, bytes });
                }
                Output::Store(batch) => {
                    // Whoever is known from now on may see who is here.
                    if batch.iter().any(|w| matches!(w, Write::PutPin(_) | Write::RemovePin(_))) {
                        self.show_soon();
                    }
                    self.written = Some(self.engine.write(batch));
                }
                Output::Verification { own, other, event } => {
                    tracing::info!(%own, %other, event = event.name(), "verification");
                    match self.written.filter(|_| event == verification::Event::Verified) {
                        Some(ticket) => self.tell_verified(ticket, own, other),
                        None => tell_compared(&self.engine, &self.shared, own, other, event),
                    }
                }
                Output::Circle { own, other, circle } => {
                    if circle != Circle::Green {
                        self.show_soon();
                    }
                    self.engine.handle(ShardInput::Circle { own, other, circle });
                }
                Output::Reason(reason) => {
                    self.shared.reason.replace(reason);
                    self.engine.handle(ShardInput::Network(reason));
                }
                Output::Trouble(trouble) => self.trouble(trouble),
            }
        }
    }

    /// Two people have said yes. They hear so when it is written.
    fn tell_verified(&self, ticket: Ticket, own: Bare, other: Bare) {
        let (engine, shared, durable) = (Rc::clone(&self.engine), Rc::clone(&self.shared), self.engine.durable(ticket));
        tokio::task::spawn_local(async move {
            let event = match durable.await {
                Ok(Ok(())) => verification::Event::Verified,
                _ => verification::Event::Failed(verification::Cause::Unwritten),
            };
            tell_compared(&engine, &shared, own, other, event);
            engine.flush();
        });
    }

    /// In another place we have another key.
    fn moved(&mut self) {
        if let Err(error) = self.links.attach_anew() {
            tracing::error!(%error, "links keep their key in another network");
        }
    }

    fn trouble(&self, trouble: Trouble) {
        let mut troubles = self.shared.troubles.borrow_mut();
        match &trouble {
            Trouble::KeyChanged(change) => {
                tracing::warn!(address = %change.address, "somebody shows another key than the known one and is not believed");
                // Whoever makes key after key sends nobody message after message.
                if !troubles.iter().any(|(_, known)| is_about_key(known, &change.address)) {
                    self.engine.handle(ShardInput::KeyChanged { address: change.address.clone() });
                }
            }
            Trouble::Twin(address) => {
                tracing::error!(%address, "another computer has the same keys: one data directory was copied");
            }
            Trouble::OwnRefused(address, refusal) => {
                tracing::error!(%address, %refusal, "what proves an account does not hold: check this computer's clock");
            }
            Trouble::TooManyKeys => tracing::warn!("no more keys of people can be remembered"),
        }
        let now = self.engine.clock.now().wall;
        remember(&mut troubles, now, trouble);
    }
}

/// Tells a person how it stands with the words that they compare with somebody.
fn tell_compared(engine: &Engine, shared: &Neighbourhood, own: Bare, other: Bare, event: verification::Event) {
    remember_compared(&mut shared.compared.borrow_mut(), (&own, &other), event);
    engine.handle(ShardInput::Verification { own, other, event });
}

/// The oldest makes room; what is told again counts once, and of a key only what was shown last.
fn remember(troubles: &mut VecDeque<(Wall, Trouble)>, now: Wall, trouble: Trouble) {
    troubles.retain(|(_, known)| match &trouble {
        Trouble::KeyChanged(change) => !is_about_key(known, &change.address),
        other => known != other,
    });
    if troubles.len() >= TROUBLES_MAX {
        troubles.pop_front();
    }
    troubles.push_back((now, trouble));
}

/// The oldest makes room; of two people only what was told last.
fn remember_compared(
    compared: &mut VecDeque<(Bare, Bare, verification::Event)>,
    (own, other): (&Bare, &Bare),
    event: verification::Event,
) {
    compared.retain(|(a, b, _)| (a, b) != (own, other));
    if compared.len() >= COMPARED_MAX {
        compared.pop_front();
    }
    compared.push_back((own.clone(), other.clone(), event));
}

/// Whether it says that somebody shows another key.
fn is_about_key(trouble: &Trouble, address: &Bare) -> bool {
    matches!(trouble, Trouble::KeyChanged(change) if change.address == *address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_troubles_are_kept() {
        let most = TROUBLES_MAX;
        for (come, kept) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let mut troubles = VecDeque::new();
            let name = |at: usize| Trouble::Twin(Bare::new(&format!("p{at}@a.example")).unwrap());
            (0..come).for_each(|at| remember(&mut troubles, Wall(at as i64), name(at)));
            let last = (Wall(come as i64 - 1), name(come - 1));
            assert_eq!((troubles.len(), troubles.back()), (kept, Some(&last)));
            remember(&mut troubles, Wall(7), name(come - 1));
            assert_eq!((troubles.len(), troubles.back()), (kept, Some(&(Wall(7), name(come - 1)))), "told again");
        }
    }

    #[test]
    fn what_was_told_last_of_two_people_is_kept() {
        use verification::Event::{Asked, Waiting};
        let name = |at: usize| Bare::new(&format!("p{at}@a.example")).unwrap();
        let most = COMPARED_MAX;
        for (come, kept) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
            let mut compared = VecDeque::new();
            (0..come).for_each(|at| remember_compared(&mut compared, (&name(0), &name(at)), Asked));
            assert_eq!(compared.len(), kept);
            remember_compared(&mut compared, (&name(0), &name(come - 1)), Waiting);
            assert_eq!((compared.len(), compared.back()), (kept, Some(&(name(0), name(come - 1), Waiting))));
        }
    }
}
