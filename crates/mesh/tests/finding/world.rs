//! A finder with a clock, and words to tell it things.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::{LinkId, Now, Time, Wall};
use mesh::finding::{
    Config, Finder, Input, Instance, Interface, Key, NetworkId, Order, Output, Prefix, Reason, Sighting,
};

/// The port of links, ours and the others'.
pub(crate) const PORT: u16 = 4700;

/// Noon of some day.
const NOON: i64 = 1_795_168_800_000;

pub(crate) struct World {
    pub(crate) finder: Finder,
    pub(crate) now: Now,
    pub(crate) interfaces: Vec<Interface>,
    /// All it did since it was last asked.
    pub(crate) outputs: Vec<Output>,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(false, [7; 32])
    }

    pub(crate) fn with(loopback: bool, seed: [u8; 32]) -> World {
        let finder = Finder::new(Config { port: PORT, loopback, seed });
        World {
            finder,
            now: Now { mono: Time(1_000_000), wall: Wall(NOON) },
            interfaces: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// A laptop with one cable, announced; what that took is not looked at.
    pub(crate) fn with_cable() -> World {
        let mut world = World::new();
        world.plug(cable(2, "eth0", &["10.0.0.1/24", "fe80::1/64"]));
        world.outputs.clear();
        world
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.finder.handle(self.now, input);
        while let Some(output) = self.finder.poll() {
            self.outputs.push(output);
        }
    }

    /// What it said since the last time.
    pub(crate) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outputs).iter().map(describe).collect()
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expect: &[&str]) {
        assert_eq!(self.said(), expect);
    }

    /// Lets time pass, and wakes it whenever it wants to be woken.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(at) = self.finder.wake_at().filter(|at| *at <= end) {
            // Not before it is time, and not without end.
            let at = at.max(Time(self.now.mono.0 + 1)).min(end);
            self.go_to(at);
            self.tell(Input::Due);
            if at == end {
                break;
            }
        }
        self.go_to(end);
        self.tell(Input::Due);
    }

    pub(crate) fn go_to(&mut self, at: Time) {
        let passed = i64::try_from((at - self.now.mono).as_millis()).unwrap();
        self.now = Now { mono: at, wall: Wall(self.now.wall.0 + passed) };
    }

    /// Sleeps: the monotonic clock stands still.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.now.wall.0 += i64::try_from(time.as_millis()).unwrap();
    }

    pub(crate) fn plug(&mut self, interface: Interface) {
        self.interfaces.retain(|other| other.index != interface.index);
        self.interfaces.push(interface);
        self.tell(Input::Interfaces(self.interfaces.clone()));
    }

    pub(crate) fn unplug(&mut self, index: u32) {
        self.interfaces.retain(|other| other.index != NetworkId(index));
        self.tell(Input::Interfaces(self.interfaces.clone()));
    }

    pub(crate) fn see(&mut self, name: &str, addresses: &[&str]) {
        self.see_on(2, name, addresses);
    }

    pub(crate) fn see_on(&mut self, network: u32, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| socket(address)).collect();
        let sighting = Sighting { network: NetworkId(network), instance: instance(name), addresses, format: Some(1) };
        self.tell(Input::Seen(sighting));
    }

    pub(crate) fn lose(&mut self, network: u32, name: &str) {
        self.tell(Input::Gone { network: NetworkId(network), instance: instance(name) });
    }

    pub(crate) fn fail(&mut self, network: u32) {
        self.tell(Input::Failed { network: NetworkId(network) });
    }

    pub(crate) fn link(&mut self, number: u64, name: Option<&str>, remote: &str) {
        let key = name.map(|name| Key::Announced(instance(name)));
        self.tell(Input::LinkUp { link: LinkId(number), key, remote: socket(remote) });
    }

    pub(crate) fn unlink(&mut self, number: u64) {
        self.tell(Input::LinkDown { link: LinkId(number) });
    }

    pub(crate) fn unreachable(&mut self, name: &str) {
        self.tell(Input::Unreachable { key: Key::Announced(instance(name)) });
    }

    /// What it is announced as on a network, by what it said so far.
    #[track_caller]
    pub(crate) fn announced(&mut self, network: u32) -> String {
        let announced = self.outputs.iter().rev().find_map(|output| match output {
            Output::Order(Order::Announce { network: at, instance, .. }) if at.0 == network => Some(instance.as_str()),
            _ => None,
        });
        announced.expect("it is announced there").to_owned()
    }
}

pub(crate) fn instance(name: &str) -> Instance {
    Instance::new(name).unwrap()
}

pub(crate) fn socket(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

pub(crate) fn cable(index: u32, name: &str, addresses: &[&str]) -> Interface {
    Interface {
        index: NetworkId(index),
        name: name.to_owned(),
        up: true,
        multicast: true,
        loopback: false,
        point_to_point: false,
        wireless: false,
        addresses: prefixes(addresses),
    }
}

pub(crate) fn prefixes(addresses: &[&str]) -> BTreeSet<Prefix> {
    let prefix = |address: &&str| {
        let (ip, bits) = address.split_once('/').unwrap();
        Prefix { ip: ip.parse().unwrap(), bits: bits.parse().unwrap() }
    };
    addresses.iter().map(prefix).collect()
}

pub(crate) fn describe(output: &Output) -> String {
    let name = |key: &Key| match key {
        Key::Announced(instance) => instance.as_str().to_owned(),
        Key::Manual(address) => address.to_string(),
    };
    match output {
        Output::Order(Order::Start { network, .. }) => format!("start {}", network.0),
        Output::Order(Order::Stop { network }) => format!("stop {}", network.0),
        Output::Order(Order::Look { network, .. }) => format!("look {}", network.0),
        Output::Order(Order::Announce { network, .. }) => format!("announce {}", network.0),
        Output::Order(Order::Withdraw { network, .. }) => format!("withdraw {}", network.0),
        Output::Order(Order::Verify { network, instance }) => format!("verify {} {}", network.0, instance.as_str()),
        Output::Candidate { key, addresses } => {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            format!("candidate {} {}", name(key), addresses.join(" "))
        }
        Output::CandidateGone { key } => format!("gone {}", name(key)),
        Output::Reason(None) => "found".to_owned(),
        Output::Reason(Some(reason)) => format!("reason {reason:?}"),
    }
}

/// All reasons there are, for tests that look at each.
pub(crate) const REASONS: [Reason; 6] = [
    Reason::NoInterface,
    Reason::NoMulticast,
    Reason::Unheard,
    Reason::Isolated,
    Reason::Nobody { wireless: false },
    Reason::Nobody { wireless: true },
];
