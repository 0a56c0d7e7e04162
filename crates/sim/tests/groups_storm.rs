//! Design, sections 5, 8 and 14: what the post promises, in weather. Nothing acknowledged is lost, nothing is shown twice,
//! order is kept from one to another, presence is true again soon, and in the end nobody owes anything.
//!
//! A failure says how it is replayed: `POST_SEED=<seed> cargo test -p sim --test groups_storm`.

mod groups_common;

use std::collections::BTreeSet;
use std::time::Duration;

use base::ledger::StoreError;
use groups_common::{LISA, PAULO, Pair, body, contact, seconds};
use sim::bench::CrashAt;
use sim::check::Delivery;

/// The seeds of a test: these, or the one that is to be replayed.
fn seeds(usual: std::ops::Range<u64>) -> Vec<u64> {
    match option_env!("POST_SEED").and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => usual.collect(),
    }
}

/// Two friends who write to each other, and who watches them.
struct Storm {
    pair: Pair,
    delivery: Delivery,
    crashes: [u64; 2],
    next: u64,
}

const NAMES: [&str; 2] = ["lisa", "paulo"];

impl Storm {
    fn new(seed: u64) -> Storm {
        let pair = Pair::befriended(seed);
        Storm { pair, delivery: Delivery::default(), crashes: [0; 2], next: 1 }
    }

    /// One writes the next numbered message to the other.
    fn say(&mut self, author: usize) {
        let at = [self.pair.lisa, self.pair.paulo][author];
        let id = format!("m{}", self.next);
        self.next += 1;
        if !self.pair.group.is_ready(at) {
            return;
        }
        self.pair.group.send(at, &body([PAULO, LISA][author], &id, &id));
        self.delivery.sent(NAMES[author], NAMES[1 - author], &id);
    }

    /// The watcher hears what the clients have heard; who was cut off comes back.
    fn look(&mut self) {
        for (member, at) in [self.pair.lisa, self.pair.paulo].into_iter().enumerate() {
            self.pair.note_presence(at);
            for tree in self.pair.group.heard(at) {
                self.delivery.received(NAMES[member], &tree);
            }
            for xml in self.pair.group.acknowledged(at) {
                let id = xml.split(" id='").nth(1).and_then(|rest| rest.split('\'').next());
                id.filter(|id| id.starts_with('m')).into_iter().for_each(|id| self.delivery.acknowledged(id));
            }
            let crashes = self.pair.group.node(member).crashes();
            if crashes > self.crashes[member] {
                self.crashes[member] = crashes;
                let waiting = self.pair.group.node(member).waiting(NAMES[member]);
                self.delivery.crashed(NAMES[member], &waiting);
            }
            self.pair.group.come_back(at);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.pair.group.pass(time);
        self.look();
    }

    /// The sky clears: everything converges, and the promise is kept.
    #[track_caller]
    fn end(&mut self) {
        let replay = self.pair.group.replay();
        self.pair.group.weather = sim::group::Weather::default();
        self.pair.group.link(0, 1);
        self.pass(seconds(5));
        self.pass(seconds(5));
        // Design, section 8: presence is true 30 seconds after healing.
        self.pass(seconds(20));
        let seen = (self.pair.presence_of_lisa(), self.pair.presence_of_paulo());
        assert_eq!(seen, (Some(true), Some(true)), "presence; {replay}");
        // What somebody had to pass over is said again after some while.
        for _ in 0..40 {
            let owed = [0, 1].map(|member| self.pair.group.node(member).owed(NAMES[member]));
            if owed == [0, 0] {
                break;
            }
            self.pass(seconds(60));
        }
        let owed = [0, 1].map(|member| self.pair.group.node(member).owed(NAMES[member]));
        assert_eq!(owed, [0, 0], "somebody owes something; {replay}");
        for (member, name) in NAMES.iter().enumerate() {
            assert_eq!(self.pair.group.node(member).waiting(name), [], "{name} has heard everything; {replay}");
        }
        if let Err(why) = self.delivery.verdict() {
            panic!("{why}\n{replay}");
        }
    }
}

/// Ten thousand numbered messages, while the link breaks again and again, at whatever moment.
#[test]
fn ten_thousand_messages_under_random_cuts() {
    for seed in seeds(1..2) {
        let mut storm = Storm::new(seed);
        storm.pair.group.weather.loss_percent = 5;
        storm.pair.group.weather.holds = Some(Duration::from_millis(1)..=seconds(4));
        storm.pair.group.weather.notice = Duration::ZERO..=seconds(3);
        storm.pair.group.weather.redial = Duration::from_millis(1)..=seconds(2);
        storm.pair.group.shake(0, 1);
        while storm.next <= 10_000 {
            for _ in 0..storm.pair.group.below(120) {
                let author = storm.pair.group.below(2) as usize;
                storm.say(author);
            }
            let time = Duration::from_millis(storm.pair.group.below(1500));
            storm.pass(time);
        }
        storm.end();
        assert!(storm.delivery.count() >= 10_000 - 1, "{}", storm.delivery.count());
    }
}

/// All sorts of weather, one after another.
#[test]
fn whatever_the_weather() {
    for seed in seeds(100..112) {
        let mut storm = Storm::new(seed);
        for _ in 0..30 {
            let weather = &mut storm.pair.group.weather;
            weather.delay = Duration::from_millis(1)..=Duration::from_millis(1 + seed % 7 * 300);
            weather.loss_percent = (seed % 5 * 10) as u32;
            weather.notice = Duration::ZERO..=seconds(30);
            match storm.pair.group.below(8) {
                // A partition, and its end.
                0 => storm.pair.group.unlink(0, 1),
                1 | 2 => storm.pair.group.link(0, 1),
                // An address changes: a short cut.
                3 => storm.pair.group.shake(0, 1),
                4 => {
                    let member = storm.pair.group.below(2) as usize;
                    storm.pair.group.crash(member);
                }
                5 => {
                    let at = [storm.pair.lisa, storm.pair.paulo][storm.pair.group.below(2) as usize];
                    storm.pair.group.cut_client(at);
                }
                // A clock is set wrong by up to a day, forwards or backwards.
                6 => {
                    let member = storm.pair.group.below(2) as usize;
                    let ms = storm.pair.group.below(172_800_000) as i64 - 86_400_000;
                    storm.pair.group.node(member).jump_wall(ms);
                }
                _ => {}
            }
            for _ in 0..storm.pair.group.below(20) {
                let author = storm.pair.group.below(2) as usize;
                storm.say(author);
            }
            let time = Duration::from_millis(storm.pair.group.below(20_000));
            storm.pass(time);
        }
        storm.end();
        assert!(storm.delivery.count() > 50, "it was worth it: {}", storm.delivery.count());
    }
}

/// A short conversation with a cut in it; what `arrange` does comes first.
fn conversation(seed: u64, arrange: impl Fn(&mut Storm)) -> [u64; 2] {
    let mut storm = Storm::new(seed);
    let before = [0, 1].map(|member| storm.pair.group.node(member).batches());
    arrange(&mut storm);
    for round in 0..2 {
        for author in [0, 0, 1, 0, 1] {
            storm.say(author);
        }
        storm.pass(Duration::from_millis(40));
        storm.pair.group.shake(0, 1);
        for author in [0, 1, 0] {
            storm.say(author);
        }
        storm.pass(Duration::from_millis(20));
        storm.pair.group.unlink(0, 1);
        for author in [1, 0] {
            storm.say(author);
        }
        storm.pass(seconds(2 * round));
        storm.pair.group.link(0, 1);
        storm.pass(Duration::from_millis(30));
    }
    storm.end();
    let after = [0, 1].map(|member| storm.pair.group.node(member).batches());
    [after[0] - before[0], after[1] - before[1]]
}

#[test]
fn nothing_is_lost_if_either_side_crashes_at_any_write() {
    for seed in seeds(200..201) {
        let batches = conversation(seed, |_| {});
        assert!(batches.iter().all(|count| *count > 10), "the conversation is worth it: {batches:?}");
        for member in [0, 1] {
            for n in 1..=batches[member] {
                for at in [CrashAt::BeforeBatch(n), CrashAt::AfterBatch(n)] {
                    let outcome = std::panic::catch_unwind(|| {
                        conversation(seed, |storm| storm.pair.group.node(member).crash_at(at));
                    });
                    assert!(outcome.is_ok(), "seed {seed}, {member} crashes at {at:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_lost_if_either_side_crashes_at_any_step() {
    for seed in seeds(250..251) {
        for member in [0, 1] {
            for step in 0..60 {
                let outcome = std::panic::catch_unwind(|| {
                    conversation(seed, |storm| {
                        for author in [0, 1, 0] {
                            storm.say(author);
                        }
                        storm.pass(Duration::from_millis(2 * step));
                        storm.pair.group.crash(member);
                        storm.look();
                    });
                });
                assert!(outcome.is_ok(), "seed {seed}, {member} crashes after {} ms", 2 * step);
            }
        }
    }
}

#[test]
fn nothing_is_lost_if_any_write_fails() {
    for seed in seeds(300..301) {
        let batches = conversation(seed, |_| {});
        for member in [0, 1] {
            for n in 1..=batches[member] {
                let outcome = std::panic::catch_unwind(|| {
                    conversation(seed, |storm| storm.pair.group.node(member).fail_batch(n, StoreError::Full));
                });
                assert!(outcome.is_ok(), "seed {seed}, batch {n} of {member} fails");
            }
        }
    }
}

/// One writes without a pause, and a write of either side fails or takes the process with it: what comes behind what was
/// lost waits for it.
#[test]
fn order_is_kept_in_a_steady_stream() {
    for seed in seeds(350..352) {
        for member in [0, 1] {
            for n in (1..40).step_by(3) {
                for crash in [false, true] {
                    let mut storm = Storm::new(seed);
                    if crash {
                        storm.pair.group.node(member).crash_at(CrashAt::BeforeBatch(n));
                    } else {
                        storm.pair.group.node(member).fail_batch(n, StoreError::Full);
                    }
                    for _ in 0..60 {
                        storm.say(0);
                        storm.pass(Duration::from_millis(7));
                    }
                    storm.end();
                }
            }
        }
    }
}

/// Attack cases B22 and B24: an old backup is put back. What its author writes then is new, and what was written and
/// confirmed before does not come again.
#[test]
fn a_restored_backup_repeats_nothing_and_loses_nothing_new() {
    for seed in seeds(400..406) {
        for member in [0, 1] {
            let mut storm = Storm::new(seed);
            let other = 1 - member;
            for _ in 0..5 {
                storm.say(member);
            }
            storm.pass(Duration::from_millis(seed % 3 * 30));
            let backup = storm.pair.group.node(member).backup();
            for _ in 0..5 {
                storm.say(member);
            }
            storm.pass(seconds(5));
            let heard_before = storm.delivery.count();
            storm.pair.group.restore(member, &backup);
            storm.pass(seconds(2));
            storm.pass(seconds(2));
            for _ in 0..5 {
                storm.say(member);
                storm.say(other);
            }
            storm.pass(seconds(5));
            assert_eq!(heard_before, 10, "{}", storm.pair.group.replay());
            storm.end();
            assert_eq!(storm.delivery.count(), 20, "{}", storm.pair.group.replay());
        }
    }
}

/// Design, section 8: on a link that holds, nobody is ever shown as gone, whatever the weather.
#[test]
fn nobody_is_gone_on_a_link_that_holds() {
    for seed in seeds(500..501) {
        let mut storm = Storm::new(seed);
        storm.pair.group.weather.loss_percent = 5;
        assert_eq!((storm.pair.presence_of_lisa(), storm.pair.presence_of_paulo()), (Some(true), Some(true)));
        storm.look();
        for _ in 0..24 {
            storm.pair.group.pass(seconds(3600));
            storm.say(0);
            for at in [storm.pair.lisa, storm.pair.paulo] {
                let gone = storm.pair.group.heard(at).into_iter().find(|tree| tree.attr("type") == Some("unavailable"));
                assert_eq!(gone, None, "{}", storm.pair.group.replay());
            }
        }
    }
}

/// A person on two laptops, in weather: in the end both have everything that was said to them and by them, once.
#[test]
fn two_laptops_of_one_person_have_the_same_in_the_end() {
    for seed in seeds(700..704) {
        let mut group = sim::Group::new(seed, &["lisa.jirani.alt", "paulo.jirani.alt", "paulo.jirani.alt"]);
        let seats = [group.login(0, "lisa", "here"), group.login(1, "paulo", "one"), group.login(2, "paulo", "two")];
        group.send(seats[0], &contact(PAULO));
        group.link_all();
        group.pass(seconds(2));
        group.weather.holds = Some(Duration::from_millis(10)..=seconds(20));
        group.weather.notice = Duration::ZERO..=seconds(5);
        for n in 0..120 {
            let author = group.below(3) as usize;
            if group.is_ready(seats[author]) {
                let id = format!("m{n}");
                group.send(seats[author], &body([PAULO, LISA, LISA][author], &id, &id));
            }
            match group.below(20) {
                0 => {
                    let member = group.below(3) as usize;
                    group.crash(member);
                }
                1 => group.unlink(0, 1),
                2 => group.unlink(1, 2),
                3 => group.link_all(),
                _ => {}
            }
            let time = Duration::from_millis(group.below(1000));
            group.pass(time);
            seats.iter().for_each(|seat| group.come_back(*seat));
        }
        group.weather = sim::group::Weather::default();
        group.link_all();
        for _ in 0..10 {
            group.pass(seconds(60));
            seats.iter().for_each(|seat| group.come_back(*seat));
        }
        let acknowledged: BTreeSet<String> = seats
            .iter()
            .flat_map(|seat| group.acknowledged(*seat))
            .filter_map(|xml| Some(xml.split(" id='").nth(1)?.split('\'').next()?.to_owned()))
            .filter(|id| id.starts_with('m'))
            .collect();
        assert!(acknowledged.len() > 60, "it was worth it: {}", acknowledged.len());
        for (member, account) in [(0, "lisa"), (1, "paulo"), (2, "paulo")] {
            assert_eq!(group.node(member).owed(account), 0, "{member}; {}", group.replay());
        }
        let histories = seats.map(|seat| groups_common::history(&mut group, seat));
        let sets: Vec<BTreeSet<&String>> = histories.iter().map(|history| history.iter().collect()).collect();
        for (history, set) in histories.iter().zip(&sets) {
            assert_eq!(history.len(), set.len(), "once; {}", group.replay());
            let lost = acknowledged.iter().find(|id| !set.contains(id));
            assert_eq!(lost, None, "{}", group.replay());
        }
        assert_eq!(sets[1], sets[2], "{}", group.replay());
    }
}

/// All with all, and every link breaks by itself.
#[test]
fn five_people_on_five_laptops() {
    use std::collections::BTreeMap;
    for seed in seeds(600..603) {
        let domains = ["a.jirani.alt", "b.jirani.alt", "c.jirani.alt", "d.jirani.alt", "e.jirani.alt"];
        let mut group = sim::Group::new(seed, &domains);
        let seats: Vec<_> = (0..5).map(|member| group.login(member, "me", "here")).collect();
        for seat in &seats {
            domains.iter().for_each(|domain| group.send(*seat, &contact(&format!("me@{domain}"))));
        }
        group.link_all();
        group.pass(seconds(2));
        group.weather.holds = Some(seconds(1)..=seconds(20));
        group.weather.notice = Duration::ZERO..=seconds(10);
        let mut sent: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        for n in 0..400 {
            let (from, to) = (group.below(5) as usize, group.below(5) as usize);
            if from != to {
                let id = format!("m{n}");
                group.send(seats[from], &body(&format!("me@{}", domains[to]), &id, &id));
                sent.entry((from, to)).or_default().push(id);
            }
            let time = Duration::from_millis(group.below(300));
            group.pass(time);
        }
        group.weather = sim::group::Weather::default();
        group.link_all();
        group.pass(seconds(120));
        for (to, seat) in seats.iter().enumerate() {
            let heard = group.heard(*seat);
            for (from, domain) in domains.iter().enumerate() {
                let author = format!("me@{domain}/here");
                let ids =
                    heard.iter().filter(|tree| tree.attr("from") == Some(&author) && tree.child("body").is_some());
                let ids: Vec<&str> = ids.filter_map(|tree| tree.attr("id")).collect();
                let expect = sent.get(&(from, to)).cloned().unwrap_or_default();
                assert_eq!(ids, expect, "from {from} to {to}; {}", group.replay());
            }
            assert_eq!(group.node(to).owed("me"), 0);
        }
        let all: BTreeSet<_> = sent.values().flatten().collect();
        assert!(all.len() > 250);
    }
}
