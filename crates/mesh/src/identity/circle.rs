//! Design, section 2: how near somebody is to an account of ours, by keys alone.
//!
//! People of the account's own domain are green, too: their address says so, and nobody needs to be asked.

use base::limits::VOUCHERS_NEEDED;
use base::{Bare, Circle, Wall};

use super::directory::{Directory, Pin};

/// How near somebody is to an account of ours. Green is who the account's person has met; a key that has changed since is
/// somebody else's. Yellow is for whom so many of its green people vouch, each counted once.
pub fn circle(
    directory: &Directory,
    now: Wall,
    own: &Bare,
    other: &Bare,
    known: Option<Pin>,
    vouchers: impl FnOnce() -> usize,
) -> Circle {
    if known.is_some_and(|key| directory.vouches(now, own, other, &key)) {
        Circle::Green
    } else if vouchers() >= VOUCHERS_NEEDED {
        Circle::Yellow
    } else {
        Circle::Red
    }
}
