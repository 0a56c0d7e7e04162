//! The node is killed at every batch of a conversation, before the batch is durable and after: what was acknowledged is
//! not lost, and nothing comes twice without the client knowing.

use std::collections::BTreeSet;
use std::time::Duration;

use sim::bench::CrashAt;
use sim::check::Delivery;
use sim::{Bench, Goal, Seat};

/// Three people: maria and paulo with stream management, ana without.
struct Conversation {
    bench: Bench,
    people: [(&'static str, Seat); 3],
    delivery: Delivery,
    acknowledged: BTreeSet<String>,
    next: u32,
    crashes: u64,
}

const MARIA: usize = 0;
const PAULO: usize = 1;
const ANA: usize = 2;

impl Conversation {
    fn new(seed: u64) -> Conversation {
        let mut bench = Bench::new(seed);
        let maria = bench.login_managed("maria", "laptop");
        let paulo = bench.login_managed("paulo", "phone");
        let ana = bench.login("ana", "tablet");
        Conversation {
            bench,
            people: [("maria", maria), ("paulo", paulo), ("ana", ana)],
            delivery: Delivery::default(),
            acknowledged: BTreeSet::new(),
            next: 1,
            crashes: 0,
        }
    }

    fn say(&mut self, author: usize, addressee: usize) {
        let (author, seat) = self.people[author];
        let (addressee, _) = self.people[addressee];
        let id = format!("m{}", self.next);
        self.next += 1;
        if self.bench.client_of(seat).is_away() {
            return;
        }
        let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        self.bench.send(seat, &format!("<message to='{addressee}@jirani.example' type='chat'>{typing}</message>"));
        self.bench.send(
            seat,
            &format!("<message to='{addressee}@jirani.example' type='chat' id='{id}'><body>{id}</body></message>"),
        );
        self.delivery.sent(author, addressee, &id);
    }

    fn play(&mut self) {
        for round in 0..4 {
            for _ in 0..3 {
                self.say(MARIA, PAULO);
                self.say(PAULO, MARIA);
                self.say(MARIA, ANA);
            }
            self.look();
            self.say(ANA, PAULO);
            self.bench.send(self.people[MARIA].1, &format!("<iq type='set' id='r{round}'><query xmlns='jabber:iq:roster'><item jid='x{round}@a.example'/></query></iq>"));
            self.bench.cut(self.people[PAULO].1);
            self.say(MARIA, PAULO);
            self.look();
            self.bench.disconnect(self.people[ANA].1);
            self.say(PAULO, ANA);
            self.say(MARIA, ANA);
            self.look();
            self.bench.pass(Duration::from_secs(if round % 2 == 0 { 0 } else { 3 }));
        }
    }

    /// All hear what there is, and whoever is away comes back, until nobody is.
    fn look(&mut self) {
        loop {
            self.bench.run_until_idle();
            for (name, seat) in self.people {
                let client = self.bench.client_of(seat);
                while let Some(tree) = client.next_heard() {
                    self.delivery.received(name, &tree);
                }
                for xml in client.acknowledged() {
                    let id = xml.split(" id='").nth(1).and_then(|rest| rest.split('\'').next());
                    if let Some(id) = id.filter(|id| id.starts_with('m')) {
                        self.delivery.acknowledged(id);
                        self.acknowledged.insert(id.to_owned());
                    }
                }
            }
            if self.bench.crashes() > self.crashes {
                self.crashes = self.bench.crashes();
                for (name, _) in self.people {
                    self.delivery.crashed(name, &self.bench.waiting(name));
                }
            }
            let away: Vec<Seat> =
                self.people.iter().map(|(_, seat)| *seat).filter(|s| self.bench.client_of(*s).is_away()).collect();
            if away.is_empty() {
                return;
            }
            away.iter().for_each(|seat| self.bench.begin_to_connect(*seat, Goal::Online));
        }
    }

    fn end(mut self) -> (u64, usize) {
        for _ in 0..3 {
            self.look();
            self.bench.pass(Duration::from_secs(2));
        }
        self.delivery.verdict().unwrap();
        for (name, _) in self.people {
            assert_eq!(self.bench.waiting(name), [], "{name} has heard everything");
        }
        (self.bench.batches(), self.acknowledged.len())
    }
}

fn play(seed: u64, crash: Option<CrashAt>) -> (u64, usize) {
    let mut conversation = Conversation::new(seed);
    if let Some(at) = crash {
        conversation.bench.crash_at(at);
    }
    conversation.play();
    conversation.end()
}

#[test]
fn nothing_acknowledged_is_lost_at_any_batch() {
    for seed in 1..=2 {
        let (batches, acknowledged) = play(seed, None);
        assert!(batches > 40 && acknowledged > 30, "the conversation is worth it: {batches}, {acknowledged}");
        for n in 1..=batches {
            for at in [CrashAt::BeforeBatch(n), CrashAt::AfterBatch(n)] {
                let result = std::panic::catch_unwind(|| play(seed, Some(at)));
                assert!(result.is_ok(), "seed {seed}, {at:?}");
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_any_batch_fails() {
    for seed in 1..=2 {
        let (batches, _) = play(seed, None);
        for n in 1..=batches {
            let mut conversation = Conversation::new(seed);
            conversation.bench.fail_batch(n, base::ledger::StoreError::Full);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                conversation.play();
                conversation.end();
            }));
            assert!(result.is_ok(), "seed {seed}, batch {n} fails");
        }
    }
}
