//! The ways in which one attack is tried: as it is, cut at each byte, a byte at a time, by a thousand at once.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::attacker::Attacker;
use super::case::{CROWD, Case, Stage, Trick};

/// How long an outcome is waited for, whatever its cap: then there is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so long without a word, nothing was said.
const SILENCE: Duration = Duration::from_millis(400);
/// At once.
pub(crate) const CROWD_SIZE: usize = 1000;
/// Longer ones are not sent a thousand times: that is a gigabyte.
const CROWD_BYTES_MAX: usize = 200_000;
/// Shorter ones are cut at each byte; of longer ones some places are tried.
const CUTS_MAX: usize = 600;
const CUTS_OF_LONG_ONES: usize = 50;
/// Connections open at once while cuts are tried.
const CUTS_AT_ONCE: usize = 200;
/// Until the first half has surely been read alone.
const BETWEEN_HALVES: Duration = Duration::from_millis(20);
/// So many bytes at the end are sent one at a time; the rest before them as it is.
const SINGLE_BYTES_MAX: usize = 4_000;
/// Connections that are opened and dropped before one of them waits for an answer.
const DROPS_IN_TURN: usize = 100;
/// Messages of a flood.
const FLOOD_MESSAGE_BYTES: usize = 250_000;

/// The daemon, and its domain.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) domain: &'static str,
}

/// What was said, and how long that took.
pub(crate) struct Outcome {
    pub(crate) line: String,
    pub(crate) after: Duration,
}

impl Target {
    fn attacker(self, stage: Stage, account: &str) -> Result<Attacker> {
        Attacker::at(stage, self.address, self.domain, account)
    }

    /// As it is.
    pub(crate) fn whole(self, case: &Case, number: usize) -> Result<Outcome> {
        match case.trick {
            Trick::None | Trick::Drip(_) => self.straight(case),
            Trick::OpenAndDrop(count) => self.open_and_drop(case, count),
            Trick::Forgery(forged) => self.forgery(case, forged),
            Trick::Flood { messages, reads, ends } => self.flood(messages, reads, ends, number),
        }
    }

    fn straight(self, case: &Case) -> Result<Outcome> {
        let mut attacker = self.attacker(case.stage, "mallory")?;
        let begin = Instant::now();
        for (at, part) in case.parts.iter().enumerate() {
            if at > 0 {
                attacker.hear_until(begin + PATIENCE, |words| words.count() >= at);
            }
            match case.trick {
                Trick::Drip(pause) => {
                    for byte in part.chunks(1) {
                        attacker.send(byte);
                        if attacker.hear_until(Instant::now() + pause, |words| words.line() == case.outcome) {
                            break;
                        }
                    }
                }
                _ => attacker.send(part),
            }
        }
        Ok(conclude(&mut attacker, case, begin))
    }

    fn open_and_drop(self, case: &Case, count: usize) -> Result<Outcome> {
        let begin = Instant::now();
        for number in 0..count {
            let mut attacker = self.attacker(case.stage, "")?;
            attacker.send(&case.parts[0]);
            // Now and then one waits for an answer: who connects faster than the daemon accepts is held up by the system.
            if number % DROPS_IN_TURN == 0 {
                attacker.read_something(begin + Duration::from_millis(case.caps.refusal_ms));
            }
            attacker.leave(number % 2 == 0)?;
        }
        Ok(Outcome { line: String::new(), after: begin.elapsed() })
    }

    fn forgery(self, case: &Case, forged: &str) -> Result<Outcome> {
        let mut bob = self.attacker(Stage::Bound, "bob")?;
        bob.raw = Some(Vec::new());
        let mut attacker = self.attacker(case.stage, "mallory")?;
        let begin = Instant::now();
        attacker.send(&case.parts[0]);
        let last = format!("<message to='bob@{}/here' type='chat'><body>END</body></message>", self.domain);
        attacker.send(last.as_bytes());
        let came = bob.hear_until(begin + PATIENCE, |words| words.line().ends_with(case.outcome));
        let heard = String::from_utf8_lossy(&bob.raw.take().unwrap_or_default()).contains(forged);
        let line = match (heard, came) {
            (true, _) => format!("Bob has heard {forged}"),
            (false, true) => case.outcome.to_owned(),
            (false, false) => format!("Bob has heard only this: {}", bob.words.line()),
        };
        Ok(Outcome { line, after: begin.elapsed() })
    }

    fn flood(self, messages: usize, reads: bool, ends: Option<(Duration, &str)>, number: usize) -> Result<Outcome> {
        // What is left waits for that person: nobody else's attack is to meet it.
        let account = format!("sink{number}");
        let mut attacker = self.attacker(Stage::Managed, &account)?;
        attacker.never_acknowledges();
        let mut bob = self.attacker(Stage::Bound, "bob")?;
        let begin = Instant::now();
        let body = "x".repeat(FLOOD_MESSAGE_BYTES);
        for id in 0..messages {
            let to = format!("{account}@{}", self.domain);
            bob.send(format!("<message to='{to}' type='chat' id='{id}'><body>{body}</body></message>").as_bytes());
            if reads {
                attacker.hear();
            }
        }
        bob.send(super::cases::PING.as_bytes());
        bob.hear_until(begin + PATIENCE, |words| words.line() == "result");
        let (mut line, mut after) = (bob.words.line(), begin.elapsed());
        if let Some((long, ends)) = ends {
            while begin.elapsed() < long {
                std::thread::sleep(Duration::from_secs(1));
                if reads {
                    attacker.hear();
                }
            }
            attacker.hear_until(Instant::now() + PATIENCE, |words| words.line().ends_with("closed"));
            after = begin.elapsed();
            if !attacker.words.line().ends_with(ends) {
                line = format!("{line}, and the attacker has heard {}", attacker.words.line());
            }
        }
        Ok(Outcome { line, after })
    }

    /// Cut in two at each byte, each on a connection of its own. How many ways there were, and the first wrong outcome.
    pub(crate) fn cut_everywhere(self, case: &Case) -> Result<(usize, Option<String>)> {
        let part = &case.parts[0];
        let places: Vec<usize> = match part.len() {
            0 | 1 => Vec::new(),
            len if len <= CUTS_MAX => (1..len).collect(),
            len => (0..CUTS_OF_LONG_ONES).map(|n| 1 + n * (len - 1) / CUTS_OF_LONG_ONES).collect(),
        };
        for places in places.chunks(CUTS_AT_ONCE) {
            let mut open = Vec::new();
            for place in places {
                let mut attacker = self.attacker(case.stage, "")?;
                attacker.send(&part[..*place]);
                open.push((*place, attacker));
            }
            std::thread::sleep(BETWEEN_HALVES);
            for (place, mut attacker) in open {
                let begin = Instant::now();
                attacker.send(&part[place..]);
                for more in &case.parts[1..] {
                    attacker.hear_until(begin + PATIENCE, |words| words.count() > 0);
                    attacker.send(more);
                }
                let line = conclude_of_many(&mut attacker, case, begin).line;
                if line != case.outcome {
                    return Ok((places.len(), Some(format!("cut at {place}: {line}"))));
                }
            }
        }
        Ok((places.len(), None))
    }

    /// A byte at a time, on one connection.
    pub(crate) fn byte_by_byte(self, case: &Case) -> Result<Outcome> {
        let mut attacker = self.attacker(case.stage, "mallory")?;
        let begin = Instant::now();
        let (front, back) = case.parts[0].split_at(case.parts[0].len().saturating_sub(SINGLE_BYTES_MAX));
        attacker.send(front);
        back.chunks(1).for_each(|byte| attacker.send(byte));
        for more in &case.parts[1..] {
            attacker.hear_until(begin + PATIENCE, |words| words.count() > 0);
            attacker.send(more);
        }
        Ok(conclude(&mut attacker, case, begin))
    }

    /// Whether a thousand strangers can try it at once here.
    pub(crate) fn has_crowd(case: &Case) -> bool {
        case.is_of_strangers() && case.parts[0].len() <= CROWD_BYTES_MAX
    }

    /// By a thousand at once.
    pub(crate) fn crowd(self, case: &Case) -> Result<Outcome> {
        let mut crowd = Vec::new();
        for _ in 0..CROWD_SIZE {
            crowd.push(self.attacker(case.stage, "")?);
        }
        let begin = Instant::now();
        for (at, part) in case.parts.iter().enumerate() {
            for attacker in &mut crowd {
                if at > 0 {
                    attacker.hear_until(begin + PATIENCE, |words| words.count() >= at);
                }
                attacker.send(part);
            }
        }
        let end = begin + Duration::from_millis(CROWD.refusal_ms);
        if case.outcome.is_empty() {
            std::thread::sleep(SILENCE);
        }
        let (mut wrong, mut line) = (0, case.outcome.to_owned());
        for attacker in &mut crowd {
            attacker.hear();
            attacker.hear_until(end, |words| words.line() == case.outcome);
            if attacker.words.line() != case.outcome {
                wrong += 1;
                line = format!("{wrong} of {CROWD_SIZE}: {}", attacker.words.line());
            }
        }
        Ok(Outcome { line, after: begin.elapsed() })
    }
}

/// What comes of it in the end.
fn conclude(attacker: &mut Attacker, case: &Case, begin: Instant) -> Outcome {
    if case.outcome.is_empty() {
        attacker.hear_until(Instant::now() + SILENCE, |words| words.count() > 0);
    }
    conclude_of_many(attacker, case, begin)
}

/// The same, where silence is not waited for.
fn conclude_of_many(attacker: &mut Attacker, case: &Case, begin: Instant) -> Outcome {
    let patience = PATIENCE.max(Duration::from_millis(case.caps.refusal_ms));
    attacker.hear_until(begin + patience, |words| words.line() == case.outcome);
    Outcome { line: attacker.words.line(), after: begin.elapsed() }
}

/// A connection that says nothing, to see that the daemon takes another one.
pub(crate) fn is_there(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}
