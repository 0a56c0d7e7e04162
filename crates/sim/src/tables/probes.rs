//! RFC 6121 section 4.3.2: what one hears who asks for a person's presence, by their subscription and who is there.

use super::{ensure, online, say};
use crate::bench::PASSWORD;
use crate::{Bench, Reference, Scene};

/// What maria and paulo are to each other.
#[derive(Clone, Copy, Debug)]
enum Bond {
    Strangers,
    /// She waits for his answer.
    Asked,
    /// She sees him.
    To,
    /// He sees her.
    From,
    Both,
}
use Bond::{Asked, Both, From, Strangers, To};

/// What is heard: type and author, in order.
type Heard = &'static [(&'static str, &'static str)];

const DENIED: Heard = &[("unsubscribed", "paulo@jirani.example")];
const AWAY: Heard = &[("unavailable", "paulo@jirani.example")];
const ONE: Heard = &[("available", "paulo@jirani.example/r0")];
const TWO: Heard = &[("available", "paulo@jirani.example/r0"), ("available", "paulo@jirani.example/r1")];

/// What they are, how many resources he has, and what she hears.
#[rustfmt::skip]
const TABLE: [(Bond, usize, Heard); 15] = [
    (Strangers, 0, DENIED), (Strangers, 1, DENIED), (Strangers, 2, DENIED),
    (Asked,     0, DENIED), (Asked,     1, DENIED), (Asked,     2, DENIED),
    (To,        0, AWAY),   (To,        1, ONE),    (To,        2, TWO),
    (From,      0, DENIED), (From,      1, DENIED), (From,      2, DENIED),
    (Both,      0, AWAY),   (Both,      1, ONE),    (Both,      2, TWO),
];

pub(super) fn rows() -> Vec<Scene> {
    let row = |(bond, resources, expect): (Bond, usize, Heard)| {
        let references = vec![Reference::parse("RFC 6121 section 4.3.2").expect("it is a section")];
        let name = format!("probe by {bond:?}, resources {resources}");
        let heard: Vec<String> = expect.iter().map(|(kind, from)| format!("{kind} from {from}")).collect();
        Scene::new(references, name, format!("{}.", heard.join(", ")), move || perform(bond, resources, expect))
    };
    TABLE.into_iter().map(row).collect()
}

fn perform(bond: Bond, resources: usize, expect: Heard) -> Result<(), String> {
    let mut bench = Bench::new(1);
    bench.make_account("paulo", PASSWORD);
    let maria = online(&mut bench, "maria", "here", "<presence/>");
    let paulo = online(&mut bench, "paulo", "before", "<presence/>");
    if matches!(bond, Asked | To | Both) {
        say(&mut bench, maria, "subscribe", "paulo");
    }
    if matches!(bond, To | Both) {
        say(&mut bench, paulo, "subscribed", "maria");
    }
    if matches!(bond, From | Both) {
        say(&mut bench, paulo, "subscribe", "maria");
        say(&mut bench, maria, "subscribed", "paulo");
    }
    bench.disconnect(paulo);
    for i in 0..resources {
        online(&mut bench, "paulo", &format!("r{i}"), "<presence/>");
    }
    bench.received(maria);
    say(&mut bench, maria, "probe", "paulo");
    let heard = bench.received(maria);
    let mut came: Vec<(&str, &str)> = heard
        .iter()
        .map(|tree| (tree.attr("type").unwrap_or("available"), tree.attr("from").unwrap_or_default()))
        .collect();
    came.sort_unstable();
    ensure(came == expect, || format!("this came: {came:?}"))
}
