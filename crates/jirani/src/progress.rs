//! What takes long says on a terminal what it is and how far: one line, which is gone when it is over. Where there is no
//! terminal nothing is said.

use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What is over before is not spoken of.
const SILENCE: Duration = Duration::from_secs(1);

/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(200);

/// Does `work`. If it takes over a second, a person at a terminal sees what it is, and what `how_far` says.
pub(crate) fn during<T>(
    what: impl Into<String>,
    how_far: impl Fn() -> Option<String> + Send,
    work: impl FnOnce() -> T,
) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    watch(io::stderr(), SILENCE, PACE, &what.into(), how_far, work)
}

fn watch<T>(
    mut out: impl Write + Send,
    silence: Duration,
    pace: Duration,
    what: &str,
    how_far: impl Fn() -> Option<String> + Send,
    work: impl FnOnce() -> T,
) -> T {
    let begun = Instant::now();
    let (over, is_over) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut wait = silence;
            // The work ends by dropping its side, whatever it ends with.
            while is_over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let far = how_far().map(|far| format!(", {far}")).unwrap_or_default();
                // Who cannot be shown it does without.
                let _ = write!(out, "\r\x1b[K{what}: {} s{far}", begun.elapsed().as_secs()).and_then(|()| out.flush());
                wait = pace;
            }
            if wait == pace {
                let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
            }
        });
        let done = work();
        drop(over);
        done
    })
}

/// So much of so much, in whole mebibytes and per cent.
pub(crate) fn share(done: u64, all: u64) -> Option<String> {
    let percent = (done.min(all) * 100).checked_div(all)?;
    Some(format!("{} of about {} MiB, {percent} %", done.min(all) >> 20, all >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_shown_and_wiped() {
        let mut shown = Vec::new();
        let (silence, pace) = (Duration::from_millis(5), Duration::from_millis(5));
        let far = || Some("half".to_owned());
        let done = watch(&mut shown, silence, pace, "Counting", far, || {
            thread::sleep(Duration::from_millis(100));
            7
        });
        let shown = String::from_utf8(shown).unwrap();
        assert_eq!(done, 7);
        assert!(
            shown.starts_with("\r\x1b[KCounting: 0 s, half\r\x1b[K") && shown.ends_with("half\r\x1b[K"),
            "{shown:?}"
        );
        assert!(!shown.contains('\n'), "{shown:?}");
    }

    #[test]
    fn what_is_quick_says_nothing() {
        let mut shown = Vec::new();
        watch(&mut shown, Duration::from_secs(60), PACE, "Counting", || None, || ());
        assert!(shown.is_empty(), "{shown:?}");
    }

    #[test]
    fn a_share_is_never_more_than_all() {
        for (done, all, expect) in [
            (0, 0, None),
            (0, 10 << 20, Some("0 of about 10 MiB, 0 %")),
            (5 << 20, 10 << 20, Some("5 of about 10 MiB, 50 %")),
            (11 << 20, 10 << 20, Some("10 of about 10 MiB, 100 %")),
        ] {
            assert_eq!(share(done, all).as_deref(), expect);
        }
    }
}
