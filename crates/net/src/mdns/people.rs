//! XEP-0174 section 3 by the responders of [`super`]: people of other programs on a network, and ours for them.
//!
//! The crate forgets where the dots in a name belong when it asks about one: who has a dot in their name is found by
//! announcements and by questions to all, not by questions about them.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::MDNS_TOLD_ANEW_MAX;
use gateways::link_local::Sighting;
use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use mesh::finding::NetworkId;

use super::addresses;

/// XEP-0174 section 2.
const SERVICE: &str = "_presence._tcp.local.";

/// One of our people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The port that all of ours have.
    pub port: u16,
    /// The TXT record, in order.
    pub txt: Vec<(&'static str, String)>,
}

/// What a responder is told about people.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Look(bool),
    Ask,
    Announce(String, Person),
    Withdraw(String),
}

/// What a network says of people.
#[derive(Debug)]
pub enum Heard {
    /// Somebody is there, or is different.
    Seen(Sighting),
    /// Somebody has said goodbye, or is not heard any more.
    Gone {
        /// Where.
        network: NetworkId,
        /// Who.
        instance: String,
    },
}

/// What all responders must know, those that are started later, too.
#[derive(Debug)]
pub(super) struct Wanted {
    looking: bool,
    people: BTreeMap<String, Person>,
    /// What our people's service is said to be at. A name that means nothing: the system's own belongs to its responder.
    pub(super) host: String,
}

impl Wanted {
    pub(super) fn new() -> Wanted {
        let host = format!("{:016x}.local.", u64::from_be_bytes(crate::random()));
        Wanted { looking: false, people: BTreeMap::new(), host }
    }

    pub(super) fn note(&mut self, order: &Order) {
        match order {
            Order::Look(on) => self.looking = *on,
            Order::Ask => {}
            Order::Announce(instance, person) => drop(self.people.insert(instance.clone(), person.clone())),
            Order::Withdraw(instance) => drop(self.people.remove(instance)),
        }
    }

    /// What tells a new responder all that the others know.
    pub(super) fn orders(&self) -> Vec<Order> {
        let people = self.people.iter().map(|(instance, person)| Order::Announce(instance.clone(), person.clone()));
        self.looking.then_some(Order::Look(true)).into_iter().chain(people).collect()
    }
}

/// What one responder does about people.
pub(super) struct People {
    network: NetworkId,
    host: String,
    events: Option<Receiver<ServiceEvent>>,
    announced: BTreeMap<String, String>,
    pub(super) found: BTreeSet<String>,
}

impl People {
    pub(super) fn new(network: NetworkId, host: String) -> People {
        People { network, host, events: None, announced: BTreeMap::new(), found: BTreeSet::new() }
    }

    pub(super) fn obey(&mut self, daemon: &ServiceDaemon, order: Order) -> Result<(), mdns_sd::Error> {
        match order {
            Order::Look(true) => self.browse(daemon)?,
            Order::Look(false) => {
                self.events = None;
                self.found.clear();
                daemon.stop_browse(SERVICE)?;
            }
            Order::Ask if self.may_ask() => self.browse(daemon)?,
            Order::Ask => {}
            Order::Announce(instance, person) => {
                let service = self.service(&instance, &person)?;
                self.announced.insert(instance, service.get_fullname().to_owned());
                daemon.register(service)?;
            }
            Order::Withdraw(instance) => {
                if let Some(name) = self.announced.remove(&instance) {
                    daemon.unregister(&name)?;
                }
            }
        }
        Ok(())
    }

    /// Everybody is told of anew by that, and nobody of whom a goodbye was not read yet.
    fn browse(&mut self, daemon: &ServiceDaemon) -> Result<(), mdns_sd::Error> {
        self.found.clear();
        self.events = Some(daemon.browse(SERVICE)?);
        Ok(())
    }

    /// The crate tells all that it knows at once: more than its channel holds, and it ends the search.
    fn may_ask(&self) -> bool {
        self.events.is_some() && self.found.len() <= MDNS_TOLD_ANEW_MAX
    }

    /// Who has the name already was listened for ([`gateways::link_local`]): the crate would take name after name for ever
    /// (attack case E05).
    fn service(&self, instance: &str, person: &Person) -> Result<ServiceInfo, mdns_sd::Error> {
        let service = ServiceInfo::new(SERVICE, instance, &self.host, "", person.port, &person.txt[..])?;
        let mut service = service.enable_addr_auto();
        service.set_requires_probe(false);
        service.set_interfaces(vec![IfKind::IndexV4(self.network.0), IfKind::IndexV6(self.network.0)]);
        Ok(service)
    }

    /// The next event; none for ever while nobody looks. An error means that more came than was read.
    pub(super) async fn next(&self) -> Result<ServiceEvent, ()> {
        match &self.events {
            Some(events) => events.recv_async().await.map_err(drop),
            None => std::future::pending().await,
        }
    }

    pub(super) fn heard(&mut self, event: ServiceEvent) -> Option<Heard> {
        match event {
            ServiceEvent::ServiceFound(_, name) => {
                self.found.insert(name);
                None
            }
            ServiceEvent::ServiceResolved(service) => self.sighting(&service).map(Heard::Seen),
            ServiceEvent::ServiceRemoved(_, name) => {
                self.found.remove(&name);
                Some(Heard::Gone { network: self.network, instance: instance(&name)?.to_owned() })
            }
            _ => None,
        }
    }

    fn sighting(&self, service: &ResolvedService) -> Option<Sighting> {
        let txt = service.get_properties().iter();
        Some(Sighting {
            network: self.network.0,
            instance: instance(service.get_fullname())?.to_owned(),
            addresses: addresses(service),
            txt: txt.map(|p| (p.key().to_owned(), p.val().unwrap_or_default().to_vec())).collect(),
        })
    }
}

/// The instance's own part of a service's name: whatever stands before the service.
fn instance(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(SERVICE.len() + 1)?;
    let (label, rest) = name.split_at_checked(at)?;
    let is_one = rest.strip_prefix('.').is_some_and(|service| service.eq_ignore_ascii_case(SERVICE));
    (is_one && !label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e01_names_of_people() {
        for (name, expect) in [
            ("juliet@pronto._presence._tcp.local.", Some("juliet@pronto")),
            ("Jörg Müller@tablet._Presence._TCP.local.", Some("Jörg Müller@tablet")),
            ("dot.name@tablet._presence._tcp.local.", Some("dot.name@tablet")),
            ("._presence._tcp.local.", None),
            ("_presence._tcp.local.", None),
            ("a._other._tcp.local.", None),
            ("é_presence._tcp.local.", None),
            ("", None),
        ] {
            assert_eq!(instance(name), expect, "{name:?}");
        }
    }

    #[tokio::test]
    async fn e06_who_is_asked_for_anew() {
        let daemon = ServiceDaemon::new().unwrap();
        let mut people = People::new(NetworkId(u32::MAX), "host.local.".to_owned());
        people.obey(&daemon, Order::Ask).unwrap();
        assert!(people.events.is_none(), "nobody looks");
        let most = MDNS_TOLD_ANEW_MAX;
        for (found, asked) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            people.obey(&daemon, Order::Look(true)).unwrap();
            for n in 0..found {
                people.heard(ServiceEvent::ServiceFound(SERVICE.to_owned(), format!("{n}.{SERVICE}")));
            }
            people.obey(&daemon, Order::Ask).unwrap();
            assert_eq!(people.found.is_empty(), asked, "{found}");
        }
        daemon.shutdown().unwrap();
    }

    #[test]
    fn a_new_responder_hears_all_that_is_wanted() {
        let mut wanted = Wanted::new();
        let person = |port| Person { port, txt: vec![("txtvers", "1".to_owned())] };
        for order in [
            Order::Look(true),
            Order::Announce("a".into(), person(1)),
            Order::Announce("b".into(), person(1)),
            Order::Announce("a".into(), person(2)),
            Order::Withdraw("b".into()),
            Order::Ask,
        ] {
            wanted.note(&order);
        }
        let orders = format!("{:?}", wanted.orders());
        assert_eq!(orders, format!("{:?}", [Order::Look(true), Order::Announce("a".into(), person(2))]));
        wanted.note(&Order::Look(false));
        wanted.note(&Order::Withdraw("a".into()));
        assert!(wanted.orders().is_empty());
    }
}
