//! Anything may happen, in any order: nothing panics, nothing grows without end, and no word is kept and lost.

use base::limits::{NEARBY_MAX, NEARBY_STREAMS_MAX};

use super::*;

/// A small generator: the same seed plays the same game.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

const NAMES: [&str; 6] = ["romeo@forza", "Jörg Müller@tablet", "alice", "x@y@z", "lisa@laptop", "ROMEO@forza"];
const PLACES: [&str; 4] = ["10.0.0.2:5298", "10.0.0.3:5298", "10.0.0.1:5298", "[fe80::2%2]:5298"];

fn play(seed: u64) {
    let mut dice = Dice(seed * 2 + 1);
    let mut bench = Bench::new();
    let (mut calls, mut outs, mut asked, mut answered) = (0, 0, 0, 0);
    for _ in 0..300 {
        let stream = match dice.roll(2) {
            0 => StreamId::In(1 + dice.roll(calls as usize + 1) as u64),
            _ => StreamId::Out(1 + dice.roll(outs as usize + 1) as u64),
        };
        let name = dice.pick(&NAMES);
        let mut lines = match dice.roll(12) {
            0 | 1 => bench.see(name, &[dice.pick(&PLACES)], &["nick=N", "status=dnd"]),
            2 => bench.give(Input::Gone { network: NETWORK, instance: name }),
            3 => {
                calls += 1;
                bench.call(calls, dice.pick(&PLACES))
            }
            4 => bench.give(Input::Connected { stream }),
            5 => bench.end(stream, dice.pick(&[End::Closed, End::Failed])),
            6 | 7 => {
                let text = header(name, "lisa@laptop") + &message("hi") + "</stream:stream>";
                let mut bytes = text.into_bytes();
                if dice.roll(3) == 0 {
                    let at = dice.roll(bytes.len());
                    bytes[at] ^= 1 << dice.roll(8);
                }
                let (from, to) = (dice.roll(2) * dice.roll(bytes.len()), bytes.len() - dice.roll(2) * dice.roll(20));
                bench.give(Input::Bytes { stream, bytes: &bytes[from.min(to)..to] })
            }
            8 | 9 => {
                asked += 1;
                bench.say(dice.pick(&["romeo\\40forza", "alice", "jörg\\20müller\\40tablet"]), &asked.to_string(), "w")
            }
            10 => bench.give(Input::Left { network: NETWORK }),
            _ => bench.pass(dice.roll(40) as f64 / 4.0),
        };
        // What follows at once comes to an end.
        for _ in 0..10 {
            if bench.gateway.wake_at().is_some_and(|due| due <= bench.now) {
                lines.extend(bench.give(Input::Timer));
            }
        }
        outs += lines.iter().filter(|line| line.starts_with("connect")).count() as u64;
        answered += ended_words(&lines);
        assert!(bench.gateway.peers.len() <= NEARBY_MAX && bench.gateway.streams.len() <= NEARBY_STREAMS_MAX);
        assert_eq!(bench.gateway.peers.len(), bench.gateway.locals.len());
        assert!(bench.gateway.wake_at().is_none_or(|due| due > bench.now), "seed {seed}");
    }
    // In the end each word was written to a stream or has come back, and nothing is held.
    answered += ended_words(&bench.pass(200.0));
    assert_eq!(bench.gateway.waiting_bytes, 0, "seed {seed}");
    assert!(answered >= asked, "seed {seed}: {answered} of {asked}");
}

/// Words that were written, or came back.
fn ended_words(lines: &[String]) -> usize {
    let written = |line: &&String| line.contains("type='chat'") && !line.starts_with('<');
    let back = |line: &&String| line.starts_with("<message") && line.contains("type='error'");
    lines.iter().filter(|line| written(line) || back(line)).count()
}

#[test]
fn whatever_happens() {
    (0..100).for_each(play);
}
