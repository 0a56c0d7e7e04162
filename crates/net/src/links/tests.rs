//! RFC 9000, RFC 9002: QUIC as it is set here, in virtual time: when it says that a peer is gone, and never wrongly.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::limits::{LINK_ASK_TIME, LINK_HANDSHAKES_MAX, LINK_SILENCE_MAX, LINKS_PER_ADDRESS_MAX};
use mesh::link::{CloseCode, Command, Event as LinkEvent, Links as _, Liveness, ProtocolId};
use quinn_proto::{Connection, ConnectionError, ConnectionHandle, DatagramEvent, Endpoint, Event};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::keys::TransportKey;
use super::{QuicLinks, quic};

/// One way through the network.
const LATENCY: Duration = Duration::from_millis(3);

struct Side {
    endpoint: Endpoint,
    link: Option<(ConnectionHandle, Connection)>,
    lost: Option<(Instant, ConnectionError)>,
}

/// Two nodes with a link, a clock that leaps from event to event, and a network that loses packets by a seed.
struct World {
    start: Instant,
    now: Instant,
    sides: [Side; 2],
    /// Datagrams on their way, by when they arrive: to whom.
    flying: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
    chance: ChaCha8Rng,
    lost_percent: u64,
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, side as u8 + 1), 7))
}

impl World {
    fn new(seed: u64) -> World {
        let side = |number: u8| {
            let server = quic::server(&TransportKey::generate().unwrap()).unwrap();
            let rng = [seed as u8 ^ number; 32];
            let endpoint = Endpoint::new(Arc::new(quic::endpoint()), Some(Arc::new(server)), false, Some(rng));
            Side { endpoint, link: None, lost: None }
        };
        let start = Instant::now();
        let mut world = World {
            start,
            now: start,
            sides: [side(1), side(2)],
            flying: BTreeMap::new(),
            sent: 0,
            chance: ChaCha8Rng::seed_from_u64(seed),
            lost_percent: 0,
        };
        let client = quic::client(&TransportKey::generate().unwrap()).unwrap();
        let link = world.sides[0].endpoint.connect(start, client, address(1), "jirani").unwrap();
        world.sides[0].link = Some(link);
        world.run(Duration::from_secs(1));
        assert!(world.sides.iter().all(|side| side.link.as_ref().is_some_and(|(_, link)| !link.is_handshaking())));
        world
    }

    fn fly(&mut self, to: usize, bytes: &[u8]) {
        self.sent += 1;
        if self.chance.next_u64() % 100 >= self.lost_percent {
            self.flying.insert((self.now + LATENCY, self.sent), (to, bytes.to_vec()));
        }
    }

    /// Lets a side do what is to do now.
    fn drive(&mut self, at: usize) {
        let now = self.now;
        let mut out: Vec<Vec<u8>> = Vec::new();
        let side = &mut self.sides[at];
        let Some((handle, link)) = &mut side.link else { return };
        if link.poll_timeout().is_some_and(|due| due <= now) {
            link.handle_timeout(now);
        }
        while let Some(event) = link.poll_endpoint_events() {
            if let Some(event) = side.endpoint.handle_event(*handle, event) {
                link.handle_event(event);
            }
        }
        let mut bytes = Vec::new();
        while link.poll_transmit(now, 1, &mut bytes).is_some() {
            out.push(std::mem::take(&mut bytes));
        }
        while let Some(event) = link.poll() {
            if let Event::ConnectionLost { reason } = event {
                side.lost = Some((now, reason));
            }
        }
        out.iter().for_each(|bytes| self.fly(1 - at, bytes));
    }

    fn arrive(&mut self, at: usize, bytes: &[u8]) {
        let (now, mut answer) = (self.now, Vec::new());
        let side = &mut self.sides[at];
        match side.endpoint.handle(now, address(1 - at), None, None, bytes.into(), &mut answer) {
            Some(DatagramEvent::ConnectionEvent(_, event)) => {
                side.link.as_mut().expect("it is its link's").1.handle_event(event);
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                side.link = side.endpoint.accept(incoming, now, &mut answer, None).ok();
            }
            Some(DatagramEvent::Response(_)) => self.fly(1 - at, &answer),
            None => {}
        }
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            (0..2).for_each(|at| self.drive(at));
            let due = |side: &mut Side| side.link.as_mut().and_then(|(_, link)| link.poll_timeout());
            let [one, other] = &mut self.sides;
            let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = [due(one), due(other), arrival].into_iter().flatten().min().filter(|next| *next <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(first) = self.flying.first_entry().filter(|first| first.key().0 <= self.now) {
                let (to, bytes) = first.remove();
                self.arrive(to, &bytes);
            }
        }
        self.now = end;
    }

    /// How long each side took to say so.
    fn gone_after(&self, cut: Instant) -> Vec<Duration> {
        let lost = self.sides.iter().map(|side| side.lost.clone().expect("both have noticed"));
        lost.map(|(at, why)| {
            assert_eq!(why, ConnectionError::TimedOut);
            at - cut
        })
        .collect()
    }
}

#[test]
fn a_healthy_link_is_never_given_up() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    for seed in 0..5 {
        let mut world = World::new(seed);
        world.lost_percent = 5;
        world.run(DAY);
        for (at, side) in world.sides.iter().enumerate() {
            assert!(side.lost.is_none(), "seed {seed}, side {at}: {:?} after {:?}", side.lost, world.now - world.start);
        }
        // Rare: a question and an answer in each interval, and some that were lost.
        let rounds = DAY.as_secs() / LINK_ASK_TIME.as_secs();
        assert!((rounds * 2..rounds * 5 / 2).contains(&world.sent), "{} datagrams", world.sent);
    }
}

#[test]
fn a_cut_is_noticed_in_time() {
    let mut slowest = [Duration::ZERO; 2];
    for seed in 0..200_u64 {
        for (number, is_asked) in [false, true].into_iter().enumerate() {
            let mut world = World::new(seed);
            world.lost_percent = 5;
            world.run(Duration::from_millis(30_000 + seed * 97));
            world.lost_percent = 100;
            let cut = world.now;
            if is_asked {
                world.sides.iter_mut().for_each(|side| side.link.as_mut().unwrap().1.ping());
            }
            world.run(Duration::from_secs(60));
            let most = if is_asked { LINK_SILENCE_MAX } else { Liveness::NORMAL.noticed_when_idle() };
            for took in world.gone_after(cut) {
                assert!(took <= most + Duration::from_millis(500), "seed {seed}: {took:?}, asked {is_asked}");
                slowest[number] = slowest[number].max(took);
            }
        }
    }
    println!("the slowest of 400: idle {:?}, asked {:?}", slowest[0], slowest[1]);
}

#[test]
fn nothing_of_a_link_stays() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (a, b) = (QuicLinks::open(0).unwrap(), QuicLinks::open(0).unwrap());
        let (mut from, mut to) = (a.register(&[ProtocolId::POST]).unwrap(), b.register(&[ProtocolId::POST]).unwrap());
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, b.address().unwrap().port()));
        from.command(Command::Dial { attempt: 1, addresses: vec![at] });
        let links = [(&a, &mut from), (&b, &mut to)];
        let mut held = Vec::new();
        for (owner, door) in links {
            let LinkEvent::Up { link, .. } = door.next().await else { panic!("no link") };
            // Streams of both directions are open and idle when it ends.
            door.command(Command::Send { link, protocol: ProtocolId::POST, frame: vec![1] });
            door.command(Command::Doubt { link });
            held.push((Rc::downgrade(&owner.state.link(link).unwrap()), link));
        }
        assert!(matches!((from.next().await, to.next().await), (LinkEvent::Frame { .. }, LinkEvent::Frame { .. })));
        from.command(Command::Close { link: held[0].1, code: CloseCode::Unwanted });
        assert!(matches!((from.next().await, to.next().await), (LinkEvent::Down { .. }, LinkEvent::Down { .. })));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(held.iter().all(|(link, _)| link.upgrade().is_none()), "a task still has it");
    });
}

#[test]
fn f08_handshakes_at_once_are_capped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let links = QuicLinks::open(0).unwrap();
        let from = |number: usize| IpAddr::V4(Ipv4Addr::new(10, 0, 0, number as u8));
        for number in 0..LINKS_PER_ADDRESS_MAX {
            assert!(links.state.may_shake_hands(from(0)), "{number} from one address");
        }
        assert!(!links.state.may_shake_hands(from(0)));
        for number in LINKS_PER_ADDRESS_MAX..LINK_HANDSHAKES_MAX {
            assert!(links.state.may_shake_hands(from(number)), "{number}");
        }
        for number in 1..10 * LINK_HANDSHAKES_MAX {
            assert!(!links.state.may_shake_hands(from(number)));
        }
        links.state.shook_hands(from(0));
        assert!(links.state.may_shake_hands(from(0)));
        assert!(!links.state.may_shake_hands(from(1)));
    });
}
