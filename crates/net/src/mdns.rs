//! RFC 6762 and RFC 6763 by the crate `mdns-sd`: announces this machine on its networks and hears the others, as
//! [`mesh::finding::Finder`] orders.
//!
//! Each network has a responder of its own, with a thread and two sockets. One responder for several networks would say on
//! each what it is called on the others: to it, every link-local address belongs to every link.
//!
//! What that crate does not do is done here. It keeps whatever it hears, without limit: it is counted, and beyond
//! [`MDNS_INSTANCES_MAX`], [`MDNS_RECORDS_MAX`] or [`MDNS_TIMERS_MAX`] the responder ends (attack case E06). It looks for
//! new addresses every five seconds: that is off, the kernel tells ([`crate::netlink`]). It answers questions from beyond
//! the link (attack case E03): [`Guard`].

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use base::limits::{MDNS_INSTANCES_MAX, MDNS_RECORDS_MAX, MDNS_TIMERS_MAX};
use mdns_sd::{
    DaemonEvent, IfKind, IfPredicate, MDNS_PORT, Metrics, Receiver, ResolvedService, ScopedIp, ServiceDaemon,
    ServiceEvent, ServiceInfo,
};
use mesh::finding::{FORMAT, Input, Instance, NetworkId, Order, Sighting};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use people::{Heard, Person};
use people::{People, Wanted};

/// Our service (RFC 6763 section 7).
const SERVICE: &str = "_jirani._udp.local.";

/// How long who is asked for may take to answer. RFC 6762 section 10.4 gives ten seconds for two questions; we ask when a
/// link has died already.
const VERIFY_WITHIN: Duration = Duration::from_secs(4);

/// How often what a responder holds is counted: a tenth of a millisecond of CPU each time.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// How long a responder may take to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// What waits to be read from all responders. While it is full they are not read, and end for it.
const EVENTS_MAX: usize = 256;

/// The responders of all networks.
pub struct Mdns {
    running: BTreeMap<NetworkId, Running>,
    started: u64,
    wanted: Wanted,
    tell: mpsc::Sender<(u64, Said)>,
    told: mpsc::Receiver<(u64, Said)>,
}

/// What a network says.
#[derive(Debug)]
pub enum Said {
    /// For the finder.
    Finder(Input),
    /// For the gateway to people of other programs.
    People(Heard),
}

/// What a responder is to do.
enum Task {
    Find(Order),
    People(people::Order),
}

struct Running {
    /// Tells it from others of the same network: what an older one said does not count.
    number: u64,
    orders: mpsc::UnboundedSender<Task>,
    task: JoinHandle<()>,
}

impl Default for Mdns {
    fn default() -> Mdns {
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        Mdns { running: BTreeMap::new(), started: 0, wanted: Wanted::new(), tell, told }
    }
}

impl Mdns {
    /// Does what the finder says. Must be called on a tokio runtime.
    pub fn obey(&mut self, order: Order) {
        match order {
            Order::Start { network, guard } => self.start(network, &guard),
            // Without its orders it ends by itself.
            Order::Stop { network } => drop(self.running.remove(&network)),
            Order::Look { network, .. }
            | Order::Announce { network, .. }
            | Order::Withdraw { network, .. }
            | Order::Verify { network, .. } => {
                if let Some(running) = self.running.get(&network) {
                    // If it has failed, the finder is about to hear of that.
                    let _ = running.orders.send(Task::Find(order));
                }
            }
        }
    }

    /// What a responder has to say. May be cancelled.
    pub async fn next(&mut self) -> Said {
        loop {
            let (number, said) = self.told.recv().await.expect("one end is here");
            let network = match &said {
                Said::Finder(
                    Input::Seen(Sighting { network, .. }) | Input::Gone { network, .. } | Input::Failed { network },
                ) => *network,
                Said::People(Heard::Seen(sighting)) => NetworkId(sighting.network),
                Said::People(Heard::Gone { network, .. }) => *network,
                Said::Finder(_) => continue,
            };
            if self.running.get(&network).is_some_and(|running| running.number == number) {
                return said;
            }
        }
    }

    /// Looks for people of other programs on all networks, from now on or no more.
    pub fn look_for_people(&mut self, on: bool) {
        self.tell_all(people::Order::Look(on));
    }

    /// Asks all networks who is there.
    pub fn ask_for_people(&mut self) {
        self.tell_all(people::Order::Ask);
    }

    /// Announces one of our people everywhere, or what is different of them.
    pub fn announce_person(&mut self, instance: String, person: Person) {
        self.tell_all(people::Order::Announce(instance, person));
    }

    /// Says goodbye for one of our people.
    pub fn withdraw_person(&mut self, instance: String) {
        self.tell_all(people::Order::Withdraw(instance));
    }

    fn tell_all(&mut self, order: people::Order) {
        self.wanted.note(&order);
        for running in self.running.values() {
            // If it has failed, the finder is about to hear of that.
            let _ = running.orders.send(Task::People(order.clone()));
        }
    }

    /// Says goodbye on all networks.
    pub async fn close(mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            drop(running.orders);
            // A responder that has panicked has said what it had to say.
            let _ = running.task.await;
        }
    }

    fn start(&mut self, network: NetworkId, guard: &[IpAddr]) {
        self.started += 1;
        let number = self.started;
        let (orders, to_obey) = mpsc::unbounded_channel();
        for order in self.wanted.orders() {
            let _ = orders.send(Task::People(order));
        }
        let (tell, guard, people) =
            (self.tell.clone(), Guard::new(guard), People::new(network, self.wanted.host.clone()));
        let task = tokio::spawn(async move {
            if let Err(failure) = Responder::run(network, guard, people, to_obey, number, &tell).await {
                tracing::warn!(network = network.0, %failure, "finding others rests");
                let _ = tell.send((number, Said::Finder(Input::Failed { network }))).await;
            }
        });
        self.running.insert(network, Running { number, orders, task });
    }
}

/// Why a responder ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Broken(#[from] mdns_sd::Error),
    #[error("the mDNS responder has ended by itself")]
    Ended,
    #[error("more is announced than can be true: somebody makes up neighbours")]
    Crowded,
}

/// The responder of one network.
struct Responder {
    network: NetworkId,
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
    monitor: Receiver<DaemonEvent>,
    /// All that were found, by the name that the crate has for them; those with a name such as ours.
    found: BTreeSet<String>,
    people: People,
    guard: Guard,
}

impl Responder {
    /// Works until there will be no more orders.
    async fn run(
        network: NetworkId,
        guard: Guard,
        people: People,
        mut orders: mpsc::UnboundedReceiver<Task>,
        number: u64,
        tell: &mpsc::Sender<(u64, Said)>,
    ) -> Result<(), Failure> {
        let mut responder = Responder::start(network, guard, people)?;
        let mut count = tokio::time::interval(COUNT_EVERY);
        count.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let end = loop {
            let input = tokio::select! {
                order = orders.recv() => match order {
                    Some(Task::Find(order)) => responder.obey(order).map(|()| None).map_err(Failure::from),
                    Some(Task::People(order)) => {
                        let Responder { people, daemon, .. } = &mut responder;
                        people.obey(daemon, order).map(|()| None).map_err(Failure::from)
                    }
                    None => break Ok(()),
                },
                event = responder.events.recv_async() => match event {
                    Ok(event) => responder.heard(event).map(|input| input.map(Said::Finder)),
                    // It ended the subscription: more came than was read.
                    Err(_) => Err(Failure::Crowded),
                },
                event = responder.people.next() => match event {
                    Ok(event) => responder.heard_of_people(event),
                    Err(()) => Err(Failure::Crowded),
                },
                event = responder.monitor.recv_async() => match event {
                    Ok(DaemonEvent::Error(error)) => Err(error.into()),
                    Ok(_) => Ok(None),
                    Err(_) => Err(Failure::Ended),
                },
                _ = count.tick() => responder.count().await.map(|()| None),
            };
            match input {
                Ok(None) => {}
                Ok(Some(input)) => {
                    let _ = tell.send((number, input)).await;
                }
                Err(failure) => break Err(failure),
            }
        };
        responder.close().await;
        end
    }

    fn start(network: NetworkId, guard: Guard, people: People) -> Result<Responder, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.set_ip_check_interval(0)?;
        daemon.disable_interface(elsewhere(network))?;
        let monitor = daemon.monitor()?;
        let events = daemon.browse(SERVICE)?;
        Ok(Responder { network, daemon, events, monitor, found: BTreeSet::new(), people, guard })
    }

    fn obey(&mut self, order: Order) -> Result<(), mdns_sd::Error> {
        match order {
            Order::Start { .. } | Order::Stop { .. } => Ok(()),
            Order::Look { guard, .. } => {
                self.guard = Guard::new(&guard);
                // Said once more, it makes the crate look which addresses there are.
                self.daemon.disable_interface(elsewhere(self.network))
            }
            Order::Announce { instance, port, .. } => self.daemon.register(self.service(&instance, port)?),
            Order::Withdraw { instance, .. } => self.daemon.unregister(&full_name(&instance)).map(drop),
            Order::Verify { instance, .. } => self.verify(&instance),
        }
    }

    /// RFC 6762 section 8.1 has names probed, lest two hosts take one. Ours have 80 random bits; and who is not probed for
    /// cannot be made to take another name for ever (attack case E05), is found 750 ms sooner, and sends six packets fewer.
    fn service(&self, instance: &Instance, port: u16) -> Result<ServiceInfo, mdns_sd::Error> {
        let (name, format) = (instance.as_str(), FORMAT.to_string());
        let txt = &[("v", format.as_str())][..];
        let mut service = ServiceInfo::new(SERVICE, name, &format!("{name}.local."), "", port, txt)?.enable_addr_auto();
        service.set_requires_probe(false);
        service.set_interfaces(vec![IfKind::IndexV4(self.network.0), IfKind::IndexV6(self.network.0)]);
        Ok(service)
    }

    fn verify(&mut self, instance: &Instance) -> Result<(), mdns_sd::Error> {
        let known = self.found.iter().find(|name| label(name).as_ref() == Some(instance));
        match known {
            Some(name) => self.daemon.verify(name.clone(), VERIFY_WITHIN),
            // What has said goodbye is not remembered: ask everybody.
            None => {
                self.events = self.daemon.browse(SERVICE)?;
                Ok(())
            }
        }
    }

    fn heard(&mut self, event: ServiceEvent) -> Result<Option<Input>, Failure> {
        match event {
            ServiceEvent::ServiceFound(_, name) => {
                self.found.insert(name);
                if self.is_full() { Err(Failure::Crowded) } else { Ok(None) }
            }
            ServiceEvent::ServiceResolved(service) => Ok(self.sighting(&service).map(Input::Seen)),
            ServiceEvent::ServiceRemoved(_, name) => {
                self.found.remove(&name);
                Ok(label(&name).map(|instance| Input::Gone { network: self.network, instance }))
            }
            _ => Ok(None),
        }
    }

    fn heard_of_people(&mut self, event: ServiceEvent) -> Result<Option<Said>, Failure> {
        let heard = self.people.heard(event).map(Said::People);
        if self.is_full() { Err(Failure::Crowded) } else { Ok(heard) }
    }

    fn is_full(&self) -> bool {
        self.found.len() + self.people.found.len() > MDNS_INSTANCES_MAX
    }

    fn sighting(&self, service: &ResolvedService) -> Option<Sighting> {
        let instance = label(service.get_fullname())?;
        let format = service.get_property_val_str("v").and_then(|v| v.parse().ok());
        Some(Sighting { network: self.network, instance, addresses: addresses(service), format })
    }

    async fn count(&self) -> Result<(), Failure> {
        let asked = self.daemon.get_metrics()?;
        let Ok(answer) = tokio::time::timeout(COUNT_EVERY, asked.recv_async()).await else {
            // It does nothing but read packets.
            return Err(Failure::Crowded);
        };
        let metrics = answer.map_err(|_| Failure::Ended)?;
        if is_crowded(&metrics) { Err(Failure::Crowded) } else { Ok(()) }
    }

    /// Says goodbye and ends the thread.
    async fn close(self) {
        if let Ok(end) = self.daemon.shutdown() {
            let _ = tokio::time::timeout(GOODBYE_WITHIN, end.recv_async()).await;
        }
    }
}

/// Where a service is.
fn addresses(service: &ResolvedService) -> Vec<SocketAddr> {
    let port = service.get_port();
    let addresses = service.get_addresses().iter().filter_map(|ip| match ip {
        ScopedIp::V4(v4) => Some(SocketAddrV4::new(*v4.addr(), port).into()),
        ScopedIp::V6(v6) => Some(SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index).into()),
        _ => None,
    });
    addresses.collect()
}

fn is_crowded(metrics: &Metrics) -> bool {
    let held = |name: &str| metrics.get(name).map_or(0, |count| usize::try_from(*count).unwrap_or(0));
    let records: usize = metrics.keys().filter(|name| name.starts_with("cached-")).map(|name| held(name)).sum();
    records > MDNS_RECORDS_MAX || held("timer") > MDNS_TIMERS_MAX
}

/// All interfaces but that of the network.
fn elsewhere(network: NetworkId) -> IfKind {
    IfKind::Predicate(IfPredicate::new(move |interface| interface.index != Some(network.0)))
}

fn full_name(instance: &Instance) -> String {
    format!("{}.{SERVICE}", instance.as_str())
}

/// The instance's own part of a service's name, if it is such as ours.
fn label(name: &str) -> Option<Instance> {
    let at = name.len().checked_sub(SERVICE.len() + 1)?;
    let (label, rest) = name.split_at_checked(at)?;
    let is_ours = rest.strip_prefix('.').is_some_and(|service| service.eq_ignore_ascii_case(SERVICE));
    if is_ours { Instance::new(label) } else { None }
}

/// Attack case E03 (CVE-2017-6519 in another responder; RFC 6762 sections 5.5 and 11): who is not on the link is not
/// answered.
///
/// The crate reads whatever comes to port 5353, multicast or not, and does not look where from (its pull request 190 is to
/// change that). A socket that is bound to an address is given what is sent to that address, before those bound to none:
/// so here are sockets that nobody reads, for every address that can be reached from beyond the link. Multicast does
/// not come to them. Another responder of this machine does not get such questions, either.
struct Guard(#[expect(dead_code, reason = "they work by being there")] Vec<Socket>);

impl Guard {
    fn new(addresses: &[IpAddr]) -> Guard {
        let bound = addresses.iter().filter_map(|ip| {
            let address = SocketAddr::new(*ip, MDNS_PORT);
            let socket = Guard::bind(address);
            // An address that is not ready yet (IPv6 looks for duplicates) cannot be sent to, either.
            socket.inspect_err(|error| tracing::debug!(%address, %error, "not guarded")).ok()
        });
        Guard(bound.collect())
    }

    fn bind(address: SocketAddr) -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        // As little as the system allows: nothing of it is read.
        socket.set_recv_buffer_size(0)?;
        socket.bind(&address.into())?;
        Ok(socket)
    }
}

#[cfg(test)]
mod tests;
