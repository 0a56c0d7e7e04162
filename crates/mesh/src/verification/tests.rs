//! Two people, the wire between them, and whoever is on it.

use std::collections::VecDeque;
use std::time::Duration;

use base::limits::{
    VERIFICATION_ASKED_MAX, VERIFICATION_BROKEN_MAX, VERIFICATION_DEVICES_MAX, VERIFICATION_GRACE,
    VERIFICATION_TIME_MAX, VERIFICATION_TRIES_MAX,
};
use base::{Bare, DeviceId, LinkId, Time};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::book::{Book, Output};
use super::line::{Line, Party, Secret};
use super::message::{Message, Said};
use super::{Act, Cause, Event, WORDS};
use crate::genesis::GenesisHash;
use crate::identity::{PersonId, Pin};

const START: Time = Time(1_000_000);

fn party(n: u8) -> Party {
    let address = Bare::new(&format!("p{n}@a.alt")).unwrap();
    let pin = Pin { genesis: GenesisHash::from_bytes([n; 32]), person: PersonId([n; 32]) };
    Party { address, pin, device: DeviceId([n; 32]) }
}

/// Both ends of a link; the first one dialled.
fn lines(link: u64, ends: [&Party; 2]) -> [Line; 2] {
    let keys = [[link as u8; 32], [link as u8 + 100; 32]];
    [0, 1].map(|end| Line {
        link: LinkId(link),
        secret: Secret::of(&[link as u8; 32], end == 0, &keys[end], &keys[1 - end]),
        dialled: end == 0,
        here: ends[end].clone(),
        there: ends[1 - end].clone(),
    })
}

/// Two people at the ends of a link.
struct Two {
    now: Time,
    books: [Book; 2],
    lines: [Line; 2],
    told: [Vec<Event>; 2],
    verified: [bool; 2],
    said_yes: [bool; 2],
    /// To whom, and what.
    wires: VecDeque<(usize, Vec<u8>)>,
    rng: ChaCha20Rng,
}

impl Two {
    fn new(link: u64, ends: [u8; 2]) -> Two {
        let ends = ends.map(party);
        Two {
            now: START,
            books: Default::default(),
            lines: lines(link, [&ends[0], &ends[1]]),
            told: Default::default(),
            verified: [false; 2],
            said_yes: [false; 2],
            wires: VecDeque::new(),
            rng: ChaCha20Rng::seed_from_u64(link),
        }
    }

    fn other(&self, who: usize) -> [Bare; 2] {
        [self.lines[who].here.address.clone(), self.lines[who].there.address.clone()]
    }

    fn act(&mut self, who: usize, act: Act) {
        let [own, other] = self.other(who);
        match act {
            Act::Begin => {
                let mut number = [0; 32];
                self.rng.fill_bytes(&mut number);
                self.books[who].begin(self.now, &own, &other, vec![self.lines[who].clone()], number);
            }
            Act::Agree => {
                self.said_yes[who] = true;
                self.books[who].agree(&own, &other);
            }
            Act::Refuse => self.books[who].refuse(&own, &other),
        }
        self.drain(who);
    }

    fn drain(&mut self, who: usize) {
        while let Some(output) = self.books[who].poll() {
            match output {
                Output::Send { frame, .. } => self.wires.push_back((1 - who, frame)),
                Output::Told { event, .. } => self.told[who].push(event),
                Output::Verified { there, .. } => {
                    assert_eq!(there, self.lines[who].there);
                    self.verified[who] = true;
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, frame: &[u8]) {
        if let Ok(Some(message)) = Message::read(frame) {
            // As the node does: only who is at this end and has proved to be at that one.
            let line = &self.lines[to];
            if (message.from, message.to) == (line.there.device, line.here.device) {
                let mut number = [0; 32];
                self.rng.fill_bytes(&mut number);
                self.books[to].hear(self.now, line, &message, number);
            }
        }
        self.drain(to);
    }

    fn carry(&mut self) {
        while let Some((to, frame)) = self.wires.pop_front() {
            self.deliver(to, &frame);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for who in 0..2 {
            self.books[who].handle_timer(self.now);
            self.drain(who);
        }
    }

    /// The words on a screen now.
    fn words(&self, who: usize) -> Option<[&'static str; WORDS]> {
        match self.told[who].last() {
            Some(Event::Compare { words, .. }) => Some(*words),
            _ => None,
        }
    }

    fn begin_both(&mut self) {
        self.act(0, Act::Begin);
        self.carry();
        self.act(1, Act::Begin);
        self.carry();
    }

    #[track_caller]
    fn hears(&mut self, who: usize, expect: &[Event]) {
        assert_eq!(std::mem::take(&mut self.told[who]), expect, "{who}");
    }
}

#[test]
fn two_people_see_the_same_words_and_say_yes() {
    for first in [0, 1] {
        let mut two = Two::new(1, [1, 2]);
        let second = 1 - first;
        two.act(first, Act::Begin);
        two.carry();
        two.hears(first, &[Event::Waiting]);
        two.hears(second, &[Event::Asked]);
        two.act(second, Act::Begin);
        two.carry();
        let words = two.words(0).unwrap();
        two.hears(first, &[Event::Compare { words, begun_here: true }]);
        two.hears(second, &[Event::Waiting, Event::Compare { words, begun_here: false }]);
        two.act(second, Act::Agree);
        two.carry();
        assert_eq!(two.verified, [false; 2], "a yes on one side is none");
        two.act(first, Act::Agree);
        assert!(two.verified[first]);
        two.carry();
        assert_eq!(two.verified, [true; 2]);
        assert_eq!(two.books.map(|book| book.wake_at()), [None, None]);
    }
}

#[test]
fn both_may_ask_at_once() {
    let mut two = Two::new(1, [1, 2]);
    two.act(0, Act::Begin);
    two.act(1, Act::Begin);
    two.carry();
    let words = two.words(0).unwrap();
    two.hears(0, &[Event::Waiting, Event::Compare { words, begun_here: true }]);
    two.hears(1, &[Event::Waiting, Event::Compare { words, begun_here: false }]);
    // Whoever asks again sees them again.
    two.act(0, Act::Begin);
    two.hears(0, &[Event::Compare { words, begun_here: true }]);
    two.act(0, Act::Agree);
    two.act(1, Act::Agree);
    two.carry();
    assert_eq!(two.verified, [true; 2]);
}

#[test]
fn a_question_that_came_too_early_is_asked_again() {
    for first in [0, 1] {
        let mut two = Two::new(1, [1, 2]);
        two.act(first, Act::Begin);
        // Who asked has not been proved there yet.
        two.wires.clear();
        two.act(1 - first, Act::Begin);
        two.carry();
        assert!(two.words(0).is_some() && two.words(0) == two.words(1), "{first}");
    }
}

#[test]
fn each_attempt_has_other_words() {
    let mut seen = std::collections::BTreeSet::new();
    let mut two = Two::new(1, [1, 2]);
    for _ in 0..VERIFICATION_TRIES_MAX {
        two.begin_both();
        assert!(seen.insert(two.words(0).unwrap()));
        two.act(0, Act::Refuse);
        two.carry();
        two.told = Default::default();
    }
    for link in 2..50 {
        let mut two = Two::new(link, [1, 2]);
        two.begin_both();
        assert_eq!(two.words(0), two.words(1));
        assert!(seen.insert(two.words(0).unwrap()));
    }
}

#[test]
fn a_no_ends_it_on_both_sides() {
    let mut two = Two::new(1, [1, 2]);
    two.begin_both();
    two.told = Default::default();
    two.act(0, Act::Agree);
    two.carry();
    two.act(1, Act::Refuse);
    two.carry();
    two.hears(0, &[Event::Failed(Cause::Differed)]);
    two.hears(1, &[Event::Failed(Cause::RefusedHere)]);

    // Before there are words, too.
    two.act(1, Act::Begin);
    two.carry();
    two.act(0, Act::Refuse);
    two.carry();
    two.hears(0, &[Event::Asked, Event::Failed(Cause::RefusedHere)]);
    two.hears(1, &[Event::Waiting, Event::Failed(Cause::Refused)]);
    for act in [Act::Agree, Act::Refuse] {
        two.act(0, act);
        two.hears(0, &[Event::Failed(Cause::NothingToSay)]);
    }
    assert_eq!(two.verified, [false; 2]);
}

#[test]
fn whoever_does_not_answer_is_not_waited_for() {
    // Nobody begins there; nobody says yes there.
    for begin in [false, true] {
        let mut two = Two::new(1, [1, 2]);
        two.act(0, Act::Begin);
        two.carry();
        two.pass(VERIFICATION_TIME_MAX - Duration::from_secs(1));
        if begin {
            two.act(1, Act::Begin);
            two.carry();
            two.act(0, Act::Agree);
            two.carry();
            // There is time again.
            two.pass(VERIFICATION_TIME_MAX - Duration::from_secs(1));
        }
        two.told = Default::default();
        two.pass(Duration::from_secs(1));
        two.carry();
        two.hears(0, &[Event::Failed(Cause::NoAnswer)]);
        two.hears(1, &[Event::Failed(Cause::NoAnswer)]);
        assert_eq!(two.verified, [false; 2]);
    }
}

impl Two {
    /// A link ends at one side, which finds those lines to the other one.
    fn lose(&mut self, who: usize, link: u64, lines: Vec<Line>) {
        for (own, other) in self.books[who].lost(LinkId(link), None) {
            self.books[who].come(self.now, &own, &other, lines.clone(), [link as u8 + 50 * who as u8; 32]);
        }
        self.drain(who);
    }

    /// The other one is in reach by the line that stands here.
    fn come(&mut self, who: usize) {
        let [own, other] = self.other(who);
        let line = self.lines[who].clone();
        let is_awaited = self.books[who].waiting_for(&other) == [own.clone()];
        if is_awaited {
            self.books[who].come(self.now, &own, &other, vec![line], [77 + who as u8; 32]);
        }
        self.drain(who);
    }

    /// How many more tries both have in this hour.
    fn tries_left(&mut self) -> usize {
        for tries in 0.. {
            self.told = Default::default();
            self.begin_both();
            if self.words(0).is_none() {
                return tries;
            }
            self.act(0, Act::Refuse);
            self.carry();
        }
        unreachable!("counted without end")
    }
}

#[test]
fn leaving_reach_ends_words() {
    for device in [None, Some(2), Some(1), Some(9)] {
        let mut two = Two::new(1, [1, 2]);
        two.begin_both();
        two.told = Default::default();
        let [own, other] = two.other(0);
        assert_eq!(two.books[0].lost(LinkId(2), None), []);
        let is_there = device == Some(9);
        let lost = two.books[0].lost(LinkId(1), device.map(|n| DeviceId([n; 32])));
        assert_eq!(lost.is_empty(), is_there);
        two.books[0].come(two.now, &own, &other, vec![], [3; 32]);
        // They may be back in a moment; the words are over whether they are or not.
        two.pass(VERIFICATION_GRACE - Duration::from_micros(1));
        two.wires.clear();
        two.act(0, Act::Agree);
        assert_eq!(two.wires.is_empty(), !is_there);
        two.hears(0, &[]);
        two.pass(Duration::from_micros(1));
        two.hears(0, if is_there { &[] } else { &[Event::Failed(Cause::LeftReach)] });
        assert!(!two.verified[0]);
    }
}

#[test]
fn what_is_asked_goes_on_by_another_link() {
    // The old one is lost first here or there; the other one is there already, or comes while they wait; who was asked begins
    // before, between or after.
    for (first, comes_later, begins) in (0..12).map(|n| (n % 2, n / 2 % 2 == 1, n / 4)) {
        let case = format!("{first} {comes_later} {begins}");
        let mut two = Two::new(1, [1, 2]);
        two.act(0, Act::Begin);
        two.carry();
        two.told = Default::default();
        if begins == 0 {
            two.act(1, Act::Begin);
            // The answer is lost with the link.
            two.wires.clear();
        }
        let after = lines(2, [&party(1), &party(2)]);
        two.lines = after.clone();
        for who in [first, 1 - first] {
            two.lose(who, 1, if comes_later { vec![] } else { vec![after[who].clone()] });
            if who == 1 && begins == 1 {
                two.act(1, Act::Begin);
            }
            if !comes_later {
                two.carry();
            }
        }
        if comes_later {
            two.pass(VERIFICATION_GRACE - Duration::from_secs(1));
            for who in [first, 1 - first] {
                two.come(who);
                two.carry();
            }
        }
        two.carry();
        if begins == 2 {
            two.hears(1, &[]);
            two.act(1, Act::Begin);
            two.carry();
        }
        assert!(two.words(0).is_some() && two.words(0) == two.words(1), "{case}: {:?}", two.told);
        assert!(!two.told.iter().flatten().any(|event| matches!(event, Event::Failed(_))), "{case}");
        two.pass(VERIFICATION_GRACE * 2);
        assert!(two.words(0).is_some(), "{case}: they have time again");
        // It was one try on each side.
        two.act(0, Act::Refuse);
        two.carry();
        assert_eq!(two.tries_left(), VERIFICATION_TRIES_MAX - 1, "{case}");
    }
}

#[test]
fn who_does_not_come_back_is_not_waited_for() {
    let mut two = Two::new(1, [1, 2]);
    two.act(0, Act::Begin);
    two.carry();
    two.told = Default::default();
    (0..2).for_each(|who| two.lose(who, 1, vec![]));
    two.pass(VERIFICATION_GRACE - Duration::from_micros(1));
    assert_eq!(two.told, [[], []]);
    // Whoever has other keys is somebody else.
    let mut other = lines(2, [&party(1), &party(2)])[0].clone();
    other.there.pin = party(3).pin;
    let [own, there] = two.other(0);
    two.books[0].come(two.now, &own, &there, vec![other], [3; 32]);
    two.drain(0);
    assert!(two.wires.is_empty());
    two.pass(Duration::from_micros(1));
    (0..2).for_each(|who| two.hears(who, &[Event::Failed(Cause::LeftReach)]));
    assert_eq!(two.tries_left(), VERIFICATION_TRIES_MAX, "it was no try");
    assert!(two.books.iter().all(|book| book.wake_at().is_none()));
}

#[test]
fn words_end_with_their_link_and_are_no_try() {
    // One side notices it first; the other one hears only that it is asked anew. The new link comes before or after.
    for (first, comes_later) in [(0, false), (0, true), (1, false), (1, true)] {
        let mut two = Two::new(1, [1, 2]);
        two.begin_both();
        let before = two.words(0);
        two.told = Default::default();
        let after = lines(2, [&party(1), &party(2)]);
        two.lines = after.clone();
        two.lose(first, 1, if comes_later { vec![] } else { vec![after[first].clone()] });
        if comes_later {
            two.act(first, Act::Begin);
            two.hears(first, &[Event::Waiting]);
            two.come(first);
        }
        two.hears(first, &[Event::Failed(Cause::LinkChanged)]);
        // A yes to the words that were there comes too late.
        two.act(first, Act::Agree);
        two.hears(first, &[Event::Failed(Cause::NothingToSay)]);
        two.act(first, Act::Begin);
        two.carry();
        two.hears(1 - first, &[Event::Failed(Cause::LinkChanged), Event::Asked]);
        two.lose(1 - first, 1, vec![after[1 - first].clone()]);
        two.act(1 - first, Act::Begin);
        two.carry();
        assert!(two.words(0).is_some() && two.words(0) == two.words(1) && two.words(0) != before);
        two.act(0, Act::Refuse);
        two.carry();
        assert_eq!(two.tries_left(), VERIFICATION_TRIES_MAX - 1);
    }
}

/// Somebody in the middle sees both numbers before the people see words, and ends the link when they do not like them.
#[test]
fn ending_links_gives_no_more_guesses_than_six_an_hour() {
    // Who is in the middle asks, and hangs up at the answer; or is asked, and hangs up at the opened number.
    for asks in [true, false] {
        let (mut book, me, them) = (Book::default(), party(1), party(2));
        let mut guesses = 0;
        for link in 1..100 {
            let [there, here] = lines(link, [&them, &me]);
            let hear = |book: &mut Book, said: Said, attempt| {
                let message = Message { from: them.device, to: me.device, attempt, said };
                book.hear(START, &here, &message, [link as u8; 32]);
            };
            let begin = |book: &mut Book| {
                book.begin(START, &me.address, &them.address, vec![here.clone()], [100 + link as u8; 32]);
            };
            let frames = |book: &mut Book| -> Vec<Message> {
                let outputs = std::iter::from_fn(|| book.poll());
                let frame = |output| if let Output::Send { frame, .. } = output { Some(frame) } else { None };
                outputs.filter_map(frame).map(|frame| Message::read(&frame).unwrap().unwrap()).collect()
            };
            if asks {
                hear(&mut book, Said::Ask, there.promise(true, &[5; 32]));
                begin(&mut book);
                guesses += frames(&mut book).iter().filter(|said| matches!(said.said, Said::Answer(_))).count();
            } else {
                begin(&mut book);
                if let Some(ask) = frames(&mut book).into_iter().find(|said| said.said == Said::Ask) {
                    hear(&mut book, Said::Answer([5; 32]), ask.attempt);
                }
                guesses += frames(&mut book).iter().filter(|said| matches!(said.said, Said::Open(_))).count();
            }
            assert!(book.lost(LinkId(link), None).len() <= 1);
            // The next link is there first, or a moment later, or too late.
            let next = lines(link + 1, [&them, &me])[1].clone();
            let mut come = |lines| book.come(START, &me.address, &them.address, lines, [150 + link as u8; 32]);
            let moments = [vec![], vec![next]];
            moments
                .into_iter()
                .skip(usize::from(link % 3 == 0))
                .take(if link % 3 == 2 { 1 } else { 2 })
                .for_each(&mut come);
            book.handle_timer(START + VERIFICATION_GRACE);
        }
        assert_eq!(guesses, VERIFICATION_TRIES_MAX + VERIFICATION_BROKEN_MAX, "{asks}");
    }
}

#[test]
fn three_tries_an_hour_on_any_link() {
    let mut two = Two::new(1, [1, 2]);
    for try_ in 0..VERIFICATION_TRIES_MAX as u64 {
        // Their laptops may find each other anew each time.
        two.lines = lines(10 + try_, [&party(1), &party(2)]);
        two.begin_both();
        two.act(0, Act::Refuse);
        two.carry();
    }
    two.lines = lines(20, [&party(1), &party(2)]);
    two.told = Default::default();
    let too_often = Event::Failed(Cause::TooOften { again_in: Duration::from_secs(3600) });
    for who in [0, 1] {
        two.act(who, Act::Begin);
        two.hears(who, &[too_often]);
        assert!(two.wires.is_empty());
    }
    // Who does not count is refused by who does, and nobody is told of it there.
    two.books[0] = Book::default();
    two.act(0, Act::Begin);
    two.carry();
    two.hears(0, &[Event::Waiting, too_often]);
    two.hears(1, &[]);
    two.pass(Duration::from_secs(3600));
    two.act(0, Act::Begin);
    two.carry();
    two.hears(1, &[Event::Asked]);
}

#[test]
fn one_at_a_time() {
    let (mut book, me) = (Book::default(), party(1));
    let told = |book: &mut Book| -> Vec<Event> {
        let outputs = std::iter::from_fn(|| book.poll());
        outputs.filter_map(|output| if let Output::Told { event, .. } = output { Some(event) } else { None }).collect()
    };
    let line = |n: u8| lines(u64::from(n), [&me, &party(n)])[0].clone();
    let begin = |book: &mut Book, n| book.begin(START, &me.address, &party(n).address, vec![line(n)], [n; 32]);
    begin(&mut book, 2);
    begin(&mut book, 3);
    assert_eq!(told(&mut book), [Event::Waiting, Event::Failed(Cause::Busy)]);
    let there = lines(4, [&party(4), &me]);
    let ask = Message { from: DeviceId([4; 32]), to: me.device, attempt: [4; 32], said: Said::Ask };
    book.hear(START, &there[1], &ask, [99; 32]);
    assert!(matches!(book.poll(), Some(Output::Send { link: LinkId(4), .. })), "refused");
    assert_eq!(told(&mut book), []);
    // Another account of the same computer is another person.
    book.begin(START, &party(9).address, &party(3).address, vec![lines(9, [&party(9), &party(3)])[0].clone()], [3; 32]);
    assert_eq!(told(&mut book), [Event::Waiting]);
}

#[test]
fn so_many_may_have_asked_and_no_more() {
    for (come, kept) in [
        (VERIFICATION_ASKED_MAX - 1, VERIFICATION_ASKED_MAX - 1),
        (VERIFICATION_ASKED_MAX, VERIFICATION_ASKED_MAX),
        (VERIFICATION_ASKED_MAX + 1, VERIFICATION_ASKED_MAX),
        (10 * VERIFICATION_ASKED_MAX, VERIFICATION_ASKED_MAX),
    ] {
        let (mut book, me) = (Book::default(), party(1));
        for n in 0..come {
            let them = party(10 + n as u8);
            let line = &lines(1, [&me, &them])[0];
            let ask = Message { from: them.device, to: me.device, attempt: [n as u8; 32], said: Said::Ask };
            book.hear(START, line, &ask, [99; 32]);
            // Said twice, it is heard once.
            book.hear(START, line, &ask, [99; 32]);
        }
        let asked = std::iter::from_fn(|| book.poll())
            .filter(|output| matches!(output, Output::Told { event: Event::Asked, .. }))
            .count();
        assert_eq!(asked, kept);
    }
}

#[test]
fn the_device_that_answers_is_the_one() {
    let most = VERIFICATION_DEVICES_MAX;
    for (devices, asked) in [(most - 1, most - 1), (most, most), (most + 1, most), (10 * most, most)] {
        let me = party(1);
        let theirs: Vec<Party> =
            (0..devices).map(|n| Party { device: DeviceId([100 + n as u8; 32]), ..party(2) }).collect();
        let all: Vec<[Line; 2]> = theirs.iter().map(|them| lines(1, [&me, them])).collect();
        let (mut book, mut there) = (Book::default(), Book::default());
        let here = all.iter().map(|[here, _]| here.clone()).collect();
        book.begin(START, &me.address, &party(2).address, here, [7; 32]);
        let sent = |book: &mut Book| -> Vec<Message> {
            let outputs = std::iter::from_fn(|| book.poll());
            let frame = |output| if let Output::Send { frame, .. } = output { Some(frame) } else { None };
            outputs.filter_map(frame).map(|frame| Message::read(&frame).unwrap().unwrap()).collect()
        };
        let asks = sent(&mut book);
        assert_eq!(asks.len(), asked);
        let ([here, end], ask) = (&all[1], &asks[1]);
        there.hear(START, end, ask, [99; 32]);
        there.begin(START, &party(2).address, &me.address, vec![end.clone()], [8; 32]);
        let answer = sent(&mut there);
        // One of them says no, which says nothing of the others.
        let no = Message { from: theirs[0].device, to: me.device, ..asks[0] };
        book.hear(START, &all[0][0], &Message { said: Said::End(super::message::End::Busy), ..no }, [99; 32]);
        book.hear(START, here, &answer[0], [99; 32]);
        let said = sent(&mut book);
        let ended = said.iter().filter(|message| matches!(message.said, Said::End(_))).count();
        assert_eq!(ended, asked - 2, "all that were asked but who said no, and who answered");
        assert!(said.iter().any(|message| message.to == theirs[1].device && matches!(message.said, Said::Open(_))));
    }
}

/// Somebody in the middle, with a link to each of two people and a key of their own on both, passes on what they can.
#[test]
fn who_is_in_the_middle_makes_the_words_differ() {
    for relayed in [false, true] {
        // Lisa at the middle's first face, and its second face at Tom.
        let (mut left, mut right) = (Two::new(1, [1, 8]), Two::new(2, [9, 2]));
        for _ in 0..VERIFICATION_TRIES_MAX {
            left.act(0, Act::Begin);
            if relayed {
                // Whatever Lisa says goes on to Tom in the name of the face that he knows, and back.
                for _ in 0..8 {
                    for (to, frame) in std::mem::take(&mut left.wires) {
                        let message = Message::read(&frame).unwrap().unwrap();
                        let line = &right.lines[1];
                        let forged = Message { from: line.there.device, to: line.here.device, ..message };
                        assert_eq!(to, 1);
                        right.deliver(1, &forged.write());
                    }
                    if right.told[1].last() == Some(&Event::Asked) {
                        right.act(1, Act::Begin);
                    }
                    for (to, frame) in std::mem::take(&mut right.wires) {
                        let message = Message::read(&frame).unwrap().unwrap();
                        let line = &left.lines[0];
                        let forged = Message { from: line.there.device, to: line.here.device, ..message };
                        assert_eq!(to, 0);
                        left.deliver(0, &forged.write());
                    }
                }
                // Tom's laptop sees that what is opened was promised on another link; Lisa's hears of it.
                assert_eq!(right.told[1].last(), Some(&Event::Failed(Cause::Cheated)));
                assert_eq!(left.told[0].last(), Some(&Event::Failed(Cause::Cheated)));
            } else {
                left.carry();
                left.act(1, Act::Begin);
                left.carry();
                right.begin_both();
                assert_eq!(left.words(0), left.words(1));
                assert_ne!(left.words(0), right.words(1), "one guess in 2^30");
                left.act(0, Act::Refuse);
                right.act(1, Act::Refuse);
                left.carry();
                right.carry();
            }
        }
        // And that was all for this hour, by whatever link.
        left.lines = lines(3, [&party(1), &party(8)]);
        left.act(0, Act::Begin);
        assert!(matches!(left.told[0].last(), Some(Event::Failed(Cause::TooOften { .. }))));
        assert_eq!((left.verified[0], right.verified[1]), (false, false));
    }
}

#[test]
fn what_was_said_on_another_link_is_worth_nothing() {
    // Everything of a good attempt is kept, and said again between the same two on another link.
    let mut two = Two::new(1, [1, 2]);
    let mut heard: [Vec<Vec<u8>>; 2] = Default::default();
    let carry = |two: &mut Two, heard: &mut [Vec<Vec<u8>>; 2]| {
        while let Some((to, frame)) = two.wires.pop_front() {
            heard[to].push(frame.clone());
            two.deliver(to, &frame);
        }
    };
    for act in [Act::Begin, Act::Agree] {
        two.act(0, act);
        carry(&mut two, &mut heard);
        two.act(1, act);
        carry(&mut two, &mut heard);
    }
    assert_eq!(two.verified, [true; 2]);
    let mut again = Two::new(2, [1, 2]);
    for frame in &heard[1] {
        again.deliver(1, frame);
        again.act(1, Act::Begin);
        again.act(1, Act::Agree);
    }
    assert_eq!(again.verified, [false; 2]);
    assert_eq!(again.words(1), None);
}

/// Frames are lost, come twice, in another order, changed, or from another attempt, at every step.
#[test]
fn no_fault_of_the_wire_makes_a_yes() {
    let (mut verified, mut compared) = (0, 0);
    for seed in 0..3000u64 {
        let mut two = Two::new(seed % 100, [1, 2]);
        let mut dice = ChaCha20Rng::seed_from_u64(seed);
        let mut old: Vec<(usize, Vec<u8>)> = Vec::new();
        // Some wires are better than others.
        let odds = 4 + seed as u32 % 40;
        for _ in 0..2 {
            (two.said_yes, two.verified) = ([false; 2], [false; 2]);
            for step in 0..24 {
                if step % 6 == 0 {
                    two.act((step / 6 + seed as usize) % 2, Act::Begin);
                }
                for who in 0..2 {
                    // Both look at both screens, and are honest.
                    if two.words(who).is_some() && two.words(0) == two.words(1) {
                        two.act(who, Act::Agree);
                    }
                }
                let Some((to, mut frame)) = two.wires.pop_front() else { continue };
                old.push((to, frame.clone()));
                match dice.next_u32() % odds {
                    0 => continue,
                    1 => two.wires.push_back((to, frame.clone())),
                    2 => {
                        two.wires.push_back((to, frame));
                        continue;
                    }
                    3 => {
                        let at = dice.next_u32() as usize % frame.len();
                        frame[at] ^= 1 << (dice.next_u32() % 8);
                    }
                    4 => {
                        let (to, frame) = old[dice.next_u32() as usize % old.len()].clone();
                        two.deliver(to, &frame);
                    }
                    _ => {}
                }
                two.deliver(to, &frame);
                for who in 0..2 {
                    assert!(!two.verified[who] || two.said_yes == [true; 2], "seed {seed}");
                }
            }
            two.pass(Duration::from_secs(3600));
            two.wires.clear();
            compared += usize::from(two.said_yes == [true; 2]);
            verified += usize::from(two.verified == [true; 2]);
        }
        assert!(two.books.iter().all(|book| book.wake_at().is_none()), "seed {seed}: nothing is left");
    }
    // The test does reach both ends.
    assert!(verified > 1000 && compared >= verified, "{verified} {compared}");
}
