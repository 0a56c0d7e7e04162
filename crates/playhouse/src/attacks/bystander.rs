//! Somebody who has nothing to do with it: a session on the same daemon that asks whether it still answers, all the time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::attacker::Attacker;
use super::case::Stage;

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(20);
/// Then the bystander has been locked out.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// What it has seen since it was asked last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Questions that were answered.
    pub(crate) answers: u32,
    /// The longest time that one took.
    pub(crate) slowest: Duration,
    /// Whether one was not answered.
    pub(crate) is_locked_out: bool,
}

impl Seen {
    /// And this behind it, when nobody measured.
    pub(crate) fn and(self, later: Seen) -> Seen {
        Seen { is_locked_out: self.is_locked_out || later.is_locked_out, ..self }
    }
}

/// See the module.
pub(crate) struct Bystander {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bystander {
    pub(crate) fn start(address: SocketAddr, domain: &str) -> Result<Bystander> {
        let mut session = Attacker::at(Stage::Bound, address, domain, "ana")?;
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    session.words = super::words::Words::default();
                    session.send(super::cases::PING.as_bytes());
                    let answered = session.hear_until(asked + ANSWER_TIME_MAX, |words| words.line() == "result");
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.answers += u32::from(answered);
                    seen.slowest = seen.slowest.max(asked.elapsed());
                    if !answered {
                        seen.is_locked_out = true;
                        return;
                    }
                    drop(seen);
                    std::thread::sleep(PAUSE);
                }
            }
        });
        Ok(Bystander { seen, stop, thread: Some(thread) })
    }

    /// What it has seen since it was asked last; for a short attack it is waited for once more.
    pub(crate) fn seen(&self) -> Seen {
        let end = Instant::now() + ANSWER_TIME_MAX;
        loop {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.answers > 0 || seen.is_locked_out || Instant::now() > end {
                let is_locked_out = seen.is_locked_out;
                return std::mem::replace(&mut seen, Seen { is_locked_out, ..Seen::default() });
            }
            drop(seen);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it has panicked, that was printed.
            let _ = thread.join();
        }
    }
}
