//! Design, section 2: how near somebody is to an account of ours, by keys alone.
//!
//! People of the account's own domain are green, too: their address says so, and nobody needs to be asked.

use base::{Bare, Circle, Wall};

use super::directory::{Directory, Pin};

/// How near whoever proves this key at this address is to an account of ours. Green is who the account's person has met; a
/// key that has changed since is somebody else's.
pub fn circle(directory: &Directory, now: Wall, own: &Bare, other: &Bare, key: &Pin) -> Circle {
    if directory.vouches(now, own, other, key) { Circle::Green } else { Circle::Red }
}
