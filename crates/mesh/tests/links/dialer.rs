//! Whom to dial when: against a layer of links that answers as each test says. Attack cases E08, F06 and F08.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::limits::{
    CANDIDATE_ADDRESSES_MAX, CANDIDATES_MAX, DIAL_BURST_MAX, DIAL_INTERVAL, DIAL_WAIT_MAX, DIAL_WAIT_MIN, DIALS_MAX,
    LINKS_MAX,
};
use base::{LinkId, Time};
use mesh::link::dialer::{Input, OTHER_SIDE_TIME};
use mesh::link::{CloseCode, Command, DialCause, Dialer, DownCause, Event};

const SECOND: Duration = Duration::from_secs(1);

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// A dialer with its clock.
struct Bench {
    dialer: Dialer,
    now: Time,
}

impl Bench {
    fn new(instance: &str) -> Bench {
        let mut bench = Bench { dialer: Dialer::new(Time(0), [7; 32]), now: Time(0) };
        assert!(bench.handle(Input::Instance(Some(instance))).is_empty());
        bench
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<Command> {
        self.dialer.handle(self.now, input);
        std::iter::from_fn(|| self.dialer.poll()).collect()
    }

    fn candidate(&mut self, key: &str, port: u16) -> Vec<Command> {
        self.handle(Input::Candidate { key, addresses: &[address(port)] })
    }

    /// Lets time pass; what is said on the way, with its time.
    fn pass(&mut self, time: Duration) -> Vec<(Time, Command)> {
        let end = self.now + time;
        let mut said = Vec::new();
        while let Some(at) = self.dialer.wake_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let commands = self.handle(Input::Timer);
            said.extend(commands.into_iter().map(|command| (self.now, command)));
        }
        self.now = end;
        said
    }

    fn fail(&mut self, attempt: u64) -> Vec<Command> {
        self.handle(Input::Event(&Event::DialFailed { attempt, cause: DialCause::Silent }))
    }

    fn down(&mut self, link: u64, cause: DownCause) -> Vec<Command> {
        self.handle(Input::Event(&Event::Down { link: LinkId(link), cause }))
    }

    fn up(&mut self, link: u64, attempt: Option<u64>, remote_key: u8, port: u16) -> Vec<Command> {
        self.handle(Input::Event(&up(link, attempt, [5; 32], [remote_key; 32], link as u8, port)))
    }
}

fn up(link: u64, attempt: Option<u64>, local_key: [u8; 32], remote_key: [u8; 32], exporter: u8, port: u16) -> Event {
    let (link, exporter, dialled) = (LinkId(link), [exporter; 32], attempt.is_some());
    Event::Up { link, attempt, exporter, local_key, remote_key, dialled, remote: address(port) }
}

fn dial(attempt: u64, port: u16) -> Command {
    Command::Dial { attempt, addresses: vec![address(port)] }
}

fn close(link: u64, code: CloseCode) -> Command {
    Command::Close { link: LinkId(link), code }
}

fn attempts(commands: &[(Time, Command)]) -> Vec<u64> {
    commands.iter().filter_map(|(_, command)| attempt(command)).collect()
}

fn attempt(command: &Command) -> Option<u64> {
    match command {
        Command::Dial { attempt, .. } => Some(*attempt),
        _ => None,
    }
}

#[test]
fn the_lower_name_dials_and_the_other_waits() {
    let mut lower = Bench::new("b");
    assert_eq!(lower.candidate("c", 1), [dial(0, 1)]);
    let mut higher = Bench::new("c");
    assert_eq!(higher.candidate("b", 2), []);
    assert_eq!(higher.pass(SECOND), []);
    assert_eq!(higher.candidate("b", 2), [], "heard again");
    assert_eq!(higher.pass(SECOND), [(Time(0) + OTHER_SIDE_TIME, dial(0, 2))]);
    // An address of the configuration stands behind all names, and who announces nothing waits for nobody.
    assert_eq!(Bench::new("z").candidate("~10.0.0.1", 1), [dial(0, 1)]);
    let mut silent = Bench::new("z");
    silent.handle(Input::Instance(None));
    assert_eq!(silent.candidate("b", 1), [dial(0, 1)]);
}

#[test]
fn whoever_was_dialled_by_a_peer_does_not_dial_it() {
    let mut bench = Bench::new("c");
    bench.candidate("b", 2);
    assert_eq!(bench.up(1, None, 9, 2), []);
    assert_eq!(bench.dialer.keys_of(LinkId(1)).collect::<Vec<_>>(), ["b"]);
    assert_eq!(bench.pass(60 * SECOND), []);
    // Also when the link was there before the announcement.
    assert_eq!(bench.up(2, None, 8, 3), []);
    assert_eq!(bench.candidate("a", 3), []);
    assert_eq!(bench.pass(60 * SECOND), []);
    assert_eq!(bench.dialer.keys_of(LinkId(2)).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn waits_double_with_chance_and_end() {
    let mut bench = Bench::new("a");
    assert_eq!(bench.candidate("b", 1), [dial(0, 1)]);
    let mut wait = DIAL_WAIT_MIN;
    for attempt in 0..14 {
        bench.fail(attempt);
        let failed = bench.now;
        let said = bench.pass(DIAL_WAIT_MAX * 2);
        assert_eq!(said.len(), 1);
        let (at, command) = &said[0];
        assert_eq!(*command, dial(attempt + 1, 1));
        assert!(*at - failed >= wait / 2 && *at - failed <= wait * 3 / 2, "{attempt}: {:?}", *at - failed);
        wait = DIAL_WAIT_MAX.min(wait * 2);
    }
    // Two nodes with other seeds do not keep step.
    let first_wait = |seed: u8| {
        let mut bench = Bench { dialer: Dialer::new(Time(0), [seed; 32]), now: Time(0) };
        bench.candidate("b", 1);
        bench.fail(0);
        bench.dialer.wake_at()
    };
    assert_ne!(first_wait(1), first_wait(2));
    assert_eq!(first_wait(1), first_wait(1));
}

#[test]
fn a_good_link_forgets_failures_and_a_short_one_does_not() {
    let mut bench = Bench::new("a");
    bench.candidate("b", 1);
    let mut attempt = 0;
    for link in 1..8 {
        bench.up(link, Some(attempt), 9, 1);
        bench.now = bench.now + SECOND;
        assert_eq!(bench.down(link, DownCause::Silent), []);
        attempt = attempts(&bench.pass(DIAL_WAIT_MAX * 2))[0];
    }
    bench.up(8, Some(attempt), 9, 1);
    bench.now = bench.now + Duration::from_secs(29);
    bench.down(8, DownCause::Silent);
    assert_eq!(bench.pass(60 * SECOND), [], "the eighth wait is over a minute");
    attempt = attempts(&bench.pass(DIAL_WAIT_MAX))[0];
    bench.up(9, Some(attempt), 9, 1);
    bench.now = bench.now + Duration::from_secs(30);
    bench.down(9, DownCause::Silent);
    assert_eq!(bench.pass(2 * SECOND).len(), 1);
}

#[test]
fn whoever_lost_an_address_dials_at_once() {
    let mut bench = Bench::new("z");
    bench.candidate("b", 1);
    bench.up(1, None, 9, 1);
    assert_eq!(bench.down(1, DownCause::AddressLost), [dial(0, 1)]);
    // There may be no new address yet. The peer has noticed nothing: nobody waits for it when it is found again.
    bench.handle(Input::Gone { key: "b" });
    bench.fail(0);
    assert_eq!(bench.candidate("b", 1), [dial(1, 1)]);
    // Later it is as polite as ever.
    bench.pass(SECOND * 10);
    assert_eq!(bench.candidate("c", 2), []);
}

#[test]
fn a_dial_to_old_addresses_does_not_keep_the_new_ones_waiting() {
    // A dial into nothing takes eight seconds; the peer is announced elsewhere meanwhile.
    let mut bench = Bench::new("a");
    assert_eq!(bench.candidate("b", 1), [dial(0, 1)]);
    bench.pass(SECOND);
    assert_eq!(bench.candidate("b", 1), [], "the same");
    assert_eq!(bench.candidate("b", 2), []);
    assert_eq!(bench.pass(SECOND * 5), [(Time(0) + DIAL_WAIT_MIN * 4, dial(1, 2))]);
    bench.up(1, Some(1), 9, 2);
    assert_eq!(bench.fail(0), []);
    assert_eq!(bench.pass(SECOND * 60), []);

    // Whoever has just lost an address knows that what it dialled at once may have been old.
    assert_eq!(bench.down(1, DownCause::AddressLost), [dial(2, 2)]);
    assert_eq!(bench.candidate("b", 3), []);
    assert_eq!(attempts(&bench.pass(DIAL_WAIT_MIN)), [3]);
}

#[test]
fn both_sides_keep_the_same_link() {
    // Each order of events on both sides, each order of keys: links 1 (dialled by `a`) and 2 (dialled by `b`).
    for (a_key, b_key) in [([1; 32], [2; 32]), ([2; 32], [1; 32])] {
        let side = |order: [u64; 2], own: [u8; 32], other: [u8; 32], dialled: u64| {
            let mut bench = Bench::new("m");
            bench.candidate("n", 1);
            let closed = order.map(|link| {
                let event = up(link, (link == dialled).then_some(0), own, other, 10 - link as u8, 7);
                bench.handle(Input::Event(&event))
            });
            // Keys are learnt from the dialled one, whichever stays.
            let stays = if closed.concat() == [close(1, CloseCode::Duplicate)] { 2 } else { 1 };
            assert_eq!(closed.concat(), [close(3 - stays, CloseCode::Duplicate)]);
            assert_eq!(bench.dialer.keys_of(LinkId(stays)).collect::<Vec<_>>(), ["n"]);
            stays
        };
        let expect = if a_key < b_key { 1 } else { 2 };
        for order in [[1, 2], [2, 1]] {
            assert_eq!(side(order, a_key, b_key, 1), expect);
            assert_eq!(side(order, b_key, a_key, 2), expect);
        }
    }
    // Two dials of one side: what both derived decides.
    let mut bench = Bench::new("m");
    assert_eq!(bench.handle(Input::Event(&up(1, None, [1; 32], [2; 32], 8, 7))), []);
    let second = up(2, None, [1; 32], [2; 32], 7, 7);
    assert_eq!(bench.handle(Input::Event(&second)), [close(1, CloseCode::Duplicate)]);
}

#[test]
fn a_later_link_replaces_one_that_the_peer_gave_up() {
    let mut bench = Bench::new("m");
    bench.candidate("n", 1);
    bench.up(1, Some(0), 1, 1);
    bench.now = bench.now + 5 * SECOND;
    assert_eq!(bench.up(2, None, 1, 1), [close(1, CloseCode::Duplicate)]);
    assert_eq!(bench.down(1, DownCause::ByUs(CloseCode::Duplicate)), []);
    assert_eq!(bench.pass(600 * SECOND), [], "it is linked");
}

#[test]
fn a_peer_in_doubt_is_left_and_dialled_anew() {
    let mut bench = Bench::new("m");
    bench.candidate("n", 1);
    bench.up(1, Some(0), 9, 1);
    bench.candidate("~manual", 2);
    bench.up(2, Some(1), 9, 2);
    // The second name led to the same node: one link has both names.
    let stays = bench.dialer.keys_of(LinkId(1)).count() / 2;
    let link = if stays == 1 { 1 } else { 2 };
    assert_eq!(bench.dialer.keys_of(LinkId(link)).collect::<Vec<_>>(), ["n", "~manual"]);
    let said = bench.handle(Input::Redial { key: "n" });
    assert_eq!(said, [close(link, CloseCode::Redial), dial(2, 1), dial(3, 2)]);
    assert_eq!(bench.down(link, DownCause::ByUs(CloseCode::Redial)), []);
    assert_eq!(bench.handle(Input::Redial { key: "n" }), [], "it is being dialled");
}

#[test]
fn who_left_is_not_dialled() {
    let mut bench = Bench::new("m");
    bench.candidate("b", 1);
    assert_eq!(bench.handle(Input::Gone { key: "b" }), []);
    assert_eq!(bench.pass(600 * SECOND), []);
    assert_eq!(bench.candidate("n", 2), [dial(0, 2)]);
    bench.handle(Input::Gone { key: "n" });
    bench.fail(0);
    assert_eq!(bench.pass(600 * SECOND), []);
    // A link is a stronger word than an announcement; behind it nobody is dialled.
    bench.candidate("o", 3);
    bench.up(1, Some(1), 9, 3);
    assert_eq!(bench.handle(Input::Gone { key: "o" }), []);
    bench.down(1, DownCause::Silent);
    assert_eq!(bench.pass(600 * SECOND), []);
}

#[test]
fn a_dial_that_fails_beside_a_link_changes_nothing() {
    let mut bench = Bench::new("m");
    assert_eq!(bench.candidate("n", 1), [dial(0, 1)]);
    bench.up(1, None, 9, 1);
    bench.fail(0);
    assert_eq!(bench.pass(600 * SECOND), []);
    assert_eq!(bench.dialer.keys_of(LinkId(1)).count(), 1);
}

#[test]
fn e08_what_is_heard_often_is_not_dialled_often() {
    let mut bench = Bench::new("a");
    bench.candidate("b", 1);
    bench.fail(0);
    let mut dials = 0;
    for heard in 0..600 {
        for (_, command) in bench.pass(SECOND) {
            dials += 1;
            let attempt = attempt(&command).unwrap();
            dials += bench.fail(attempt).len();
        }
        for command in bench.candidate("b", 2 + heard % 2) {
            dials += 1;
            let attempt = attempt(&command).unwrap();
            bench.fail(attempt);
        }
    }
    assert!(dials <= 600 / 4 + 1, "{dials} in ten minutes");
}

/// 1,000 peers at once, none of which answers.
#[test]
fn f06_no_storm() {
    let mut bench = Bench::new("a");
    let mut dials: Vec<Time> = Vec::new();
    let mut open: BTreeMap<Time, Vec<u64>> = BTreeMap::new();
    let mut waiting = Vec::new();
    for peer in 0..1000_u16 {
        waiting.extend(bench.candidate(&format!("peer{peer:04}"), peer + 1));
    }
    // Each dial fails after ten seconds. Half an hour.
    while bench.now < Time(0) + 1800 * SECOND {
        for command in std::mem::take(&mut waiting) {
            open.entry(bench.now + 10 * SECOND).or_default().push(attempt(&command).unwrap());
            dials.push(bench.now);
        }
        let in_flight: usize = open.values().map(Vec::len).sum();
        assert!(in_flight <= DIALS_MAX, "{in_flight} at {:?}", bench.now);
        let wake = [bench.dialer.wake_at(), open.keys().next().copied()];
        bench.now = wake.into_iter().flatten().min().unwrap().max(bench.now);
        match open.first_entry().filter(|first| *first.key() <= bench.now) {
            Some(first) => {
                for attempt in first.remove() {
                    waiting.extend(bench.fail(attempt));
                }
            }
            None => waiting.extend(bench.handle(Input::Timer)),
        }
    }
    for (at, first) in dials.iter().enumerate() {
        let in_a_minute = dials[at..].iter().take_while(|later| **later - *first < 60 * SECOND).count();
        assert!(in_a_minute <= DIAL_BURST_MAX as usize + (60 * SECOND).div_duration_f32(DIAL_INTERVAL) as usize + 1);
    }
    assert!(dials.len() > 1500, "and they are dialled: {}", dials.len());
}

/// All links of a node are lost because it slept, and all peers are there.
#[test]
fn f06_waking_up_is_quick_and_bounded() {
    let mut bench = Bench::new("a");
    let mut linked = BTreeMap::new();
    let mut next_link = 0;
    let mut answer = |bench: &mut Bench, linked: &mut BTreeMap<u64, u16>, commands: Vec<Command>| {
        let mut commands = std::collections::VecDeque::from(commands);
        assert!(commands.len() <= DIALS_MAX);
        while let Some(Command::Dial { attempt, addresses }) = commands.pop_front() {
            next_link += 1;
            let port = addresses[0].port();
            linked.insert(next_link, port);
            bench.now = bench.now + Duration::from_millis(5);
            let event = up(next_link, Some(attempt), [5; 32], [port as u8; 32], 1, port);
            commands.extend(bench.handle(Input::Event(&event)));
        }
    };
    for peer in 1..=200_u16 {
        let commands = bench.candidate(&format!("peer{peer:04}"), peer);
        answer(&mut bench, &mut linked, commands);
    }
    assert_eq!(linked.len(), 200);
    bench.now = bench.now + 3600 * SECOND;
    for link in std::mem::take(&mut linked).into_keys() {
        assert_eq!(bench.down(link, DownCause::Silent), []);
    }
    assert_eq!(bench.handle(Input::Woke), []);
    let end = bench.now + 4 * SECOND;
    while let Some(at) = bench.dialer.wake_at().filter(|at| *at <= end) {
        bench.now = bench.now.max(at);
        let commands = bench.handle(Input::Timer);
        answer(&mut bench, &mut linked, commands);
    }
    assert_eq!(linked.len(), 200, "all are back in some seconds");
}

#[test]
fn f08_there_is_an_end_of_links() {
    let mut bench = Bench::new("a");
    for link in 0..LINKS_MAX as u64 - 1 {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&link.to_le_bytes());
        bench.handle(Input::Event(&up(link, None, [5; 32], key, 1, 9)));
    }
    assert_eq!(bench.candidate("b", 1), [dial(0, 1)]);
    assert_eq!(bench.candidate("c", 2), [], "with the one that is being dialled there are as many as may be");
    assert_eq!(bench.dialer.wake_at(), None);
    assert_eq!(bench.down(3, DownCause::Silent), [dial(1, 2)]);
}

#[test]
fn candidates_are_capped_and_the_dead_make_room() {
    let mut bench = Bench::new("a");
    let mut dialled = Vec::new();
    for peer in 0..CANDIDATES_MAX as u16 {
        dialled.extend(bench.candidate(&format!("peer{peer:04}"), peer + 1));
    }
    assert_eq!(dialled.len(), DIALS_MAX);
    bench.candidate("newcomer", 9999);
    // Nobody has failed: nobody makes room. Then one has, and does.
    bench.fail(0);
    bench.candidate("second", 9998);
    let mut seen = Vec::new();
    for _ in 0..2000 {
        let commands = bench.pass(SECOND);
        seen.extend(commands.iter().flat_map(|(_, command)| match command {
            Command::Dial { addresses, .. } => addresses.clone(),
            _ => Vec::new(),
        }));
        let open: Vec<u64> = dialled.drain(..).filter_map(|c| attempt(&c)).chain(attempts(&commands)).collect();
        for attempt in open {
            dialled.extend(bench.fail(attempt));
        }
        seen.extend(dialled.iter().flat_map(|command| match command {
            Command::Dial { addresses, .. } => addresses.clone(),
            _ => Vec::new(),
        }));
    }
    assert!(seen.contains(&address(9998)) && !seen.contains(&address(9999)));
    // And of one candidate not all addresses are kept.
    let mut bench = Bench::new("a");
    for count in [
        CANDIDATE_ADDRESSES_MAX - 1,
        CANDIDATE_ADDRESSES_MAX,
        CANDIDATE_ADDRESSES_MAX + 1,
        10 * CANDIDATE_ADDRESSES_MAX,
    ] {
        let addresses: Vec<SocketAddr> = (1..=count as u16).map(address).collect();
        let said = bench.handle(Input::Candidate { key: &format!("k{count}"), addresses: &addresses });
        let [Command::Dial { addresses, .. }] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!(addresses.len(), count.min(CANDIDATE_ADDRESSES_MAX));
    }
    assert_eq!(bench.handle(Input::Candidate { key: "none", addresses: &[] }), []);
}

#[test]
fn a_person_need_not_wait() {
    let mut bench = Bench::new("z");
    assert_eq!(bench.candidate("~there", 1), [dial(0, 1)]);
    let now = |bench: &mut Bench| bench.handle(Input::Now { key: "~there" });
    assert_eq!(now(&mut bench), [], "it is being dialled");
    bench.fail(0);
    assert_eq!(now(&mut bench), [dial(1, 1)]);
    bench.up(7, Some(1), 9, 1);
    assert_eq!(bench.dialer.link_to("~there"), Some(LinkId(7)));
    assert_eq!(now(&mut bench), [], "it has its link");
    assert_eq!((bench.dialer.link_to("~elsewhere"), bench.handle(Input::Now { key: "~elsewhere" })), (None, vec![]));
}
