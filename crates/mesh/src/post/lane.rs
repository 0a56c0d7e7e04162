//! The way from one account to one device that is in reach: everything that lasts is said in the order in which it was
//! written, so much at a time, and again until it is confirmed.
//!
//! The rows are the store's: a lane holds a page of them and what is on its way. What is written while nothing waits is
//! said as soon as it is durable; what comes while something waits is read from the store in its turn. So memory is flat
//! however much waits, and nothing overtakes. A row of an older incarnation is confirmed before one of a newer is said:
//! order holds over a restart, too. After each change drain [`Lane::poll`], then ask [`Lane::wants_page`].

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use base::limits::{
    POST_FLEETING_MAX, POST_SAY_AGAIN_TIME, POST_SAY_AGAIN_TIME_MAX, POST_WINDOW_BYTES_MAX, POST_WINDOW_MAX,
};
use base::{Now, Ticket, Time, Wall};

use super::{Copied, Lasting, Parcel};

/// A row of the outbox, to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its number in the account: rows are said in this order.
    pub seq: i64,
    /// See [`Lasting::incarnation`].
    pub incarnation: u64,
    /// See [`Lasting::counter`].
    pub counter: u64,
    /// When it was written.
    pub written: Wall,
    /// See [`Lasting::copied`].
    pub copied: Copied,
    /// What it is.
    pub payload: Vec<u8>,
}

/// Something that waits for a write.
#[derive(Debug)]
enum Held {
    Post(Post),
    Fleeting(Vec<u8>),
}

/// What is on its way.
#[derive(Clone, Copy, Debug)]
struct Said {
    seq: i64,
    incarnation: u64,
    counter: u64,
    bytes: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Lane {
    /// Everything up to this row was taken in.
    read: i64,
    /// The store may have rows beyond.
    behind: bool,
    /// The page that was asked for.
    asked: Option<Ticket>,
    /// Rows that were done with while it was being read.
    gone: BTreeSet<i64>,
    unsaid: VecDeque<Post>,
    held: VecDeque<(Ticket, Held)>,
    said: VecDeque<Said>,
    said_bytes: usize,
    /// What "as before" means to the other side.
    current: Option<u64>,
    again_at: Option<Time>,
    pause: Duration,
    out: VecDeque<Vec<u8>>,
}

impl Lane {
    /// A lane to a device that has just come in reach. `behind`: whether the store may have rows for it.
    pub fn new(behind: bool) -> Lane {
        Lane {
            read: 0,
            behind,
            asked: None,
            gone: BTreeSet::new(),
            unsaid: VecDeque::new(),
            held: VecDeque::new(),
            said: VecDeque::new(),
            said_bytes: 0,
            current: None,
            again_at: None,
            pause: POST_SAY_AGAIN_TIME,
            out: VecDeque::new(),
        }
    }

    /// A row that is being written now: said when that is durable, or read from the store in its turn.
    pub fn file(&mut self, post: Post, after: Ticket) {
        let held = |lane: &Lane| lane.held.iter().filter(|(_, held)| matches!(held, Held::Post(_))).count();
        let last_held = self.held.iter().rev().find_map(|(_, held)| match held {
            Held::Post(post) => Some(post.incarnation),
            Held::Fleeting(_) => None,
        });
        let last = last_held.or(self.said.back().map(|said| said.incarnation));
        let same = last.is_none_or(|incarnation| incarnation == post.incarnation);
        let is_next = !self.behind && self.asked.is_none() && self.unsaid.is_empty() && same;
        if !is_next || self.said.len() + held(self) >= POST_WINDOW_MAX || self.said_bytes > POST_WINDOW_BYTES_MAX / 2 {
            self.behind = true;
            return;
        }
        self.read = post.seq;
        self.held.push_back((after, Held::Post(post)));
    }

    /// Something of this moment: said now, but not before what is held before it, nor before the write `after`.
    pub fn pass(&mut self, payload: Vec<u8>, after: Option<Ticket>) {
        if self.held.is_empty() && after.is_none() {
            self.out.push_back(Parcel::Fleeting { payload: &payload }.to_bytes());
        } else if self.held.iter().filter(|(_, held)| matches!(held, Held::Fleeting(_))).count() < POST_FLEETING_MAX {
            self.held.push_back((after.unwrap_or(Ticket(0)), Held::Fleeting(payload)));
        }
    }

    /// Everything up to this write is durable, or has failed and is dealt with.
    pub fn settled(&mut self, now: Now, upto: Ticket) {
        while self.held.front().is_some_and(|(after, _)| *after <= upto) {
            match self.held.pop_front() {
                Some((_, Held::Post(post))) => self.say(now, &post),
                Some((_, Held::Fleeting(payload))) => {
                    self.out.push_back(Parcel::Fleeting { payload: &payload }.to_bytes())
                }
                None => {}
            }
        }
        self.go_on(now);
    }

    /// A write has failed: what waited for it does not leave.
    pub fn failed(&mut self, ticket: Ticket) {
        self.held.retain(|(after, _)| *after != ticket);
    }

    /// The row behind which the next page begins, if one is due. Tell of the question by [`Lane::asked`].
    pub fn wants_page(&self) -> Option<i64> {
        let room = self.said.len() <= POST_WINDOW_MAX / 2 && self.said_bytes <= POST_WINDOW_BYTES_MAX / 2;
        (self.behind && self.asked.is_none() && self.unsaid.is_empty() && room).then_some(self.read)
    }

    /// A page was asked for, of everything that is written so far.
    pub fn asked(&mut self, ticket: Ticket) {
        self.asked = Some(ticket);
        // Rows that are written from now on may not be in it.
        self.behind = false;
        self.gone.clear();
    }

    /// The store has rows of which the lane does not know.
    pub fn look_again(&mut self) {
        self.behind = true;
    }

    /// Whether it waits for this answer.
    pub fn awaits(&self, ticket: Ticket) -> bool {
        self.asked == Some(ticket)
    }

    /// The page has come, in order; `last` is the number of its last row, of which `posts` are those that can be said. One
    /// without rows is the end.
    pub fn page(&mut self, now: Now, posts: Vec<Post>, last: Option<i64>) {
        self.asked = None;
        self.behind |= last.is_some();
        self.read = last.unwrap_or(self.read).max(self.read);
        // Some may have been confirmed by another device while the page was being read.
        let gone = std::mem::take(&mut self.gone);
        self.unsaid.extend(posts.into_iter().filter(|post| !gone.contains(&post.seq)));
        self.go_on(now);
    }

    /// The page could not be read, for now.
    pub fn no_page(&mut self, now: Now) {
        self.asked = None;
        self.again_at = Some(now.mono + self.pause);
    }

    /// The device has confirmed. Gives the rows that are done with.
    pub fn confirmed(&mut self, now: Now, incarnation: u64, upto: u64) -> Vec<i64> {
        let is_done = |said: &Said| said.incarnation == incarnation && said.counter <= upto;
        let done: Vec<i64> = self.said.iter().filter(|said| is_done(said)).map(|said| said.seq).collect();
        self.forget(now, &done);
        if !done.is_empty() {
            self.pause = POST_SAY_AGAIN_TIME;
            self.again_at = self.said.front().map(|_| now.mono + self.pause);
            // A number between was never written, or has expired: what came behind it was passed over.
            if self.said.front().is_some_and(|said| said.incarnation == incarnation && said.counter != upto + 1) {
                self.rewind(now);
            }
        }
        done
    }

    /// These rows are done with, in whatever way.
    pub fn forget(&mut self, now: Now, seqs: &[i64]) {
        if seqs.is_empty() {
            return;
        }
        if self.asked.is_some() {
            self.gone.extend(seqs);
        }
        self.said.retain(|said| !seqs.contains(&said.seq));
        self.unsaid.retain(|post| !seqs.contains(&post.seq));
        self.said_bytes = self.said.iter().map(|said| said.bytes).sum();
        if self.said.is_empty() {
            self.again_at = None;
        }
        self.go_on(now);
    }

    /// When [`Lane::timeout`] is due.
    pub fn due(&self) -> Option<Time> {
        self.again_at
    }

    /// Nothing was confirmed for long: all that is on its way is said again.
    pub fn timeout(&mut self, now: Now) {
        if self.again_at.is_none_or(|at| at > now.mono) {
            return;
        }
        self.again_at = None;
        self.pause = (self.pause * 2).min(POST_SAY_AGAIN_TIME_MAX);
        self.behind = true;
        self.rewind(now);
    }

    /// The next parcel to be handed to the link.
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Bytes of payloads in memory.
    pub fn bytes(&self) -> usize {
        let held = self.held.iter().map(|(_, held)| match held {
            Held::Post(post) => post.payload.len(),
            Held::Fleeting(payload) => payload.len(),
        });
        held.chain(self.unsaid.iter().map(|post| post.payload.len())).chain(self.out.iter().map(Vec::len)).sum()
    }

    /// Everything from the first row that is on its way is read and said again.
    fn rewind(&mut self, now: Now) {
        if let Some(first) = self.said.front() {
            self.read = first.seq - 1;
            self.behind = true;
            self.asked = None;
            self.unsaid.clear();
            self.said.clear();
            self.said_bytes = 0;
            // Rows that are being written are read, too, when they are there.
            self.held.retain(|(_, held)| matches!(held, Held::Fleeting(_)));
        }
        // The other side may have missed what came before, too.
        self.current = None;
        self.go_on(now);
    }

    /// Says what may be said of the page.
    fn go_on(&mut self, now: Now) {
        while let Some(post) = self.unsaid.front() {
            let same = self.said.back().is_none_or(|said| said.incarnation == post.incarnation);
            let room = self.said.is_empty()
                || (self.said.len() < POST_WINDOW_MAX && self.said_bytes + post.payload.len() <= POST_WINDOW_BYTES_MAX);
            let held = self.held.iter().any(|(_, held)| matches!(held, Held::Post(_)));
            if !same || !room || held {
                return;
            }
            if let Some(post) = self.unsaid.pop_front() {
                self.say(now, &post);
            }
        }
    }

    fn say(&mut self, now: Now, post: &Post) {
        let floor = self.said.front().map_or(post.counter, |said| said.counter);
        let lasting = Lasting {
            incarnation: (self.current != Some(post.incarnation)).then_some(post.incarnation),
            counter: post.counter,
            floor: floor.min(post.counter),
            age_s: u64::try_from(now.wall.0.saturating_sub(post.written.0) / 1000).unwrap_or(0),
            copied: post.copied,
            payload: &post.payload,
        };
        self.out.push_back(Parcel::Lasting(lasting).to_bytes());
        self.current = Some(post.incarnation);
        let bytes = post.payload.len();
        self.said.push_back(Said { seq: post.seq, incarnation: post.incarnation, counter: post.counter, bytes });
        self.said_bytes += bytes;
        self.again_at.get_or_insert(now.mono + self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now { mono: Time(0), wall: Wall(1_000_000) };

    fn at(time: Duration) -> Now {
        Now { mono: Time(0) + time, wall: Wall(1_000_000 + time.as_millis() as i64) }
    }

    fn post(seq: i64, incarnation: u64, counter: u64) -> Post {
        let payload = counter.to_string().into_bytes();
        Post { seq, incarnation, counter, written: START.wall, copied: Copied::No, payload }
    }

    /// Whether nothing is on its way, and nothing waits.
    fn is_idle(lane: &Lane) -> bool {
        !lane.behind
            && lane.asked.is_none()
            && lane.unsaid.is_empty()
            && lane.held.is_empty()
            && lane.said.is_empty()
            && lane.out.is_empty()
    }

    /// What is said: of a lasting parcel its incarnation if it tells it, its number and its floor; of a fleeting one its
    /// payload.
    fn said(lane: &mut Lane) -> String {
        let mut out = Vec::new();
        while let Some(bytes) = lane.poll() {
            out.push(match Parcel::read(&bytes).unwrap() {
                Parcel::Lasting(l) => {
                    let anew = l.incarnation.map_or(String::new(), |i| format!("{i}:"));
                    assert_eq!(l.payload, l.counter.to_string().into_bytes());
                    format!("{anew}{}>{}", l.counter, l.floor)
                }
                Parcel::Fleeting { payload } => String::from_utf8(payload.to_vec()).unwrap(),
                Parcel::Confirm { .. } => unreachable!("a lane confirms nothing"),
            });
        }
        out.join(" ")
    }

    fn page(lane: &mut Lane, now: Now, posts: Vec<Post>) {
        let last = posts.last().map(|post| post.seq);
        lane.page(now, posts, last);
    }

    #[test]
    fn what_is_written_is_said_when_it_is_durable() {
        let mut lane = Lane::new(false);
        lane.pass(b"typing".to_vec(), None);
        lane.file(post(1, 9, 1), Ticket(4));
        lane.pass(b"paused".to_vec(), None);
        lane.file(post(2, 9, 2), Ticket(5));
        assert_eq!(said(&mut lane), "typing");
        lane.settled(START, Ticket(4));
        assert_eq!(said(&mut lane), "9:1>1 paused");
        lane.settled(START, Ticket(5));
        assert_eq!(said(&mut lane), "2>1");
        assert_eq!(lane.wants_page(), None);
        assert_eq!(lane.confirmed(START, 9, 2), [1, 2]);
        assert!(is_idle(&lane) && lane.due().is_none());
        lane.file(post(7, 9, 3), Ticket(6));
        lane.settled(START, Ticket(6));
        assert_eq!(said(&mut lane), "3>3");
    }

    #[test]
    fn what_waits_is_read_page_by_page_and_older_incarnations_come_first() {
        let mut lane = Lane::new(true);
        assert_eq!(lane.wants_page(), Some(0));
        lane.asked(Ticket(1));
        assert_eq!(lane.wants_page(), None);
        lane.file(post(9, 6, 1), Ticket(1));
        page(&mut lane, START, vec![post(3, 5, 11), post(5, 5, 14), post(6, 6, 1)]);
        assert_eq!(said(&mut lane), "5:11>11 14>11");
        assert_eq!(lane.confirmed(START, 5, 11), [3]);
        // 12 and 13 are nowhere any more: the other side has passed over 14.
        assert_eq!(lane.wants_page(), Some(4));
        lane.asked(Ticket(2));
        page(&mut lane, START, vec![post(5, 5, 14), post(6, 6, 1), post(9, 6, 2)]);
        assert_eq!(said(&mut lane), "5:14>14");
        assert_eq!(lane.confirmed(START, 5, 14), [5]);
        assert_eq!(said(&mut lane), "6:1>1 2>1");
        assert_eq!(lane.wants_page(), Some(9));
        lane.asked(Ticket(3));
        page(&mut lane, START, vec![]);
        assert_eq!(lane.wants_page(), None);
        assert_eq!(lane.confirmed(START, 6, 2), [6, 9]);
        assert!(is_idle(&lane));
    }

    #[test]
    fn the_window_is_never_passed() {
        for waiting in [POST_WINDOW_MAX - 1, POST_WINDOW_MAX, POST_WINDOW_MAX + 1, 10 * POST_WINDOW_MAX] {
            let mut lane = Lane::new(true);
            lane.asked(Ticket(1));
            page(&mut lane, START, (1..=waiting).map(|n| post(n as i64, 1, n as u64)).collect());
            assert_eq!(said(&mut lane).split(' ').count(), waiting.min(POST_WINDOW_MAX));
            let mut lane = Lane::new(false);
            (1..=waiting).for_each(|n| lane.file(post(n as i64, 1, n as u64), Ticket(n as u64)));
            lane.settled(START, Ticket(waiting as u64));
            assert_eq!(said(&mut lane).split(' ').count(), waiting.min(POST_WINDOW_MAX));
            assert_eq!(lane.behind, waiting > POST_WINDOW_MAX);
        }
        for bytes in [POST_WINDOW_BYTES_MAX - 1, POST_WINDOW_BYTES_MAX, POST_WINDOW_BYTES_MAX + 1] {
            let mut lane = Lane::new(true);
            lane.asked(Ticket(1));
            let large = |seq: i64, bytes| Post { payload: vec![0; bytes], ..post(seq, 1, seq as u64) };
            page(&mut lane, START, vec![large(1, bytes / 2), large(2, bytes - bytes / 2), large(3, 10 * bytes)]);
            let count = std::iter::from_fn(|| lane.poll()).count();
            assert_eq!(count, if bytes <= POST_WINDOW_BYTES_MAX { 2 } else { 1 });
            lane.confirmed(START, 1, 1);
            lane.confirmed(START, 1, 2);
            assert_eq!(lane.said.len(), 1, "one is on its way however large it is");
        }
    }

    #[test]
    fn what_is_not_confirmed_is_said_again_and_ever_more_rarely() {
        let mut lane = Lane::new(false);
        for n in 1..=2 {
            lane.file(post(n, 1, n as u64), Ticket(n as u64));
        }
        lane.settled(START, Ticket(2));
        said(&mut lane);
        let mut now = Duration::ZERO;
        let mut pause = POST_SAY_AGAIN_TIME;
        for round in 0..12 {
            assert_eq!(lane.due(), Some(Time(0) + now + pause), "{round}");
            lane.timeout(at(now));
            assert_eq!(lane.wants_page(), None, "it is not due yet");
            now += pause;
            pause = (pause * 2).min(POST_SAY_AGAIN_TIME_MAX);
            lane.timeout(at(now));
            assert_eq!(lane.wants_page(), Some(0));
            lane.asked(Ticket(3));
            page(&mut lane, at(now), vec![post(1, 1, 1), post(2, 1, 2)]);
            assert_eq!(said(&mut lane), "1:1>1 2>1");
            assert_eq!(lane.wants_page(), Some(2));
            lane.asked(Ticket(4));
            page(&mut lane, at(now), vec![]);
        }
        assert_eq!(lane.confirmed(at(now), 1, 1), [1]);
        assert_eq!(lane.due(), Some(Time(0) + now + POST_SAY_AGAIN_TIME));
    }

    #[test]
    fn what_was_not_written_is_not_said() {
        let mut lane = Lane::new(false);
        for n in 1..=3 {
            lane.file(post(n, 1, n as u64), Ticket(n as u64));
        }
        lane.settled(START, Ticket(1));
        lane.failed(Ticket(2));
        lane.settled(START, Ticket(3));
        assert_eq!(said(&mut lane), "1:1>1 3>1");
        assert_eq!(lane.confirmed(START, 1, 1), [1]);
        assert_eq!(lane.wants_page(), Some(2), "3 was passed over: it is said again");
    }

    #[test]
    fn fleeting_ones_wait_in_small_number() {
        for count in [POST_FLEETING_MAX - 1, POST_FLEETING_MAX, POST_FLEETING_MAX + 1, 10 * POST_FLEETING_MAX] {
            let mut lane = Lane::new(false);
            lane.file(post(1, 1, 1), Ticket(1));
            (0..count).for_each(|_| lane.pass(b"x".to_vec(), None));
            lane.settled(START, Ticket(1));
            assert_eq!(std::iter::from_fn(|| lane.poll()).count(), 1 + count.min(POST_FLEETING_MAX));
        }
    }

    #[test]
    fn what_another_device_has_is_forgotten() {
        let mut lane = Lane::new(true);
        lane.asked(Ticket(1));
        page(&mut lane, START, (1..=100).map(|n| post(n, 1, n as u64)).collect());
        said(&mut lane);
        lane.forget(START, &(1..=70).collect::<Vec<_>>());
        assert_eq!(said(&mut lane).split(' ').next(), Some("71>71"), "64 to 70 were not said");
        assert_eq!(lane.said.len(), 30);
    }
}
