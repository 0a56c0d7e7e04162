//! Tables of the specifications, each row a [`Scene`]: what is prescribed for every case is tried in every case.
//!
//! | module | table |
//! |---|---|
//! | `delivery` | RFC 6121 section 8.5: what becomes of a stanza for a person |
//! | `probes` | RFC 6121 section 4.3.2: who hears what of whom |
//! | `subscription` | RFC 6121 appendix A: the states of a subscription |

mod delivery;
mod probes;
pub mod subscription;

use crate::scene::Scene;
use crate::{Bench, Goal, Login, Seat, bench};

/// All rows of all tables.
pub fn all() -> Vec<Scene> {
    let mut rows = delivery::rows();
    rows.extend(probes::rows());
    rows.extend(subscription::rows());
    rows
}

/// `Err` with these words if it is not so.
fn ensure(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}

/// A client of an account that has asked for its contacts and has said this presence.
fn online(bench: &mut Bench, account: &str, resource: &str, presence: &str) -> Seat {
    let login = Login { resource: Some(resource.into()), presence: None, ..bench::login(account) };
    let seat = bench.client(login);
    bench.connect(seat, Goal::Online);
    bench.send(seat, &format!("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>{presence}"));
    bench.received(seat);
    seat
}

/// A client says a presence of this type to an account, and all is done that comes of it.
fn say(bench: &mut Bench, seat: Seat, kind: &str, to: &str) {
    bench.send(seat, &format!("<presence type='{kind}' to='{to}@{}'/>", bench::DOMAIN));
    bench.run_until_idle();
}
