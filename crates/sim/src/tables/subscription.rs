//! RFC 6121 appendix A: the nine states of a subscription, and what each stanza makes of them, seen from outside.
//!
//! Maria and Paulo come to a state, one of them says something, and all that both hear, have in their lists and find at
//! their next login must be as the appendix says. Outbound rows are Maria's: she speaks. Inbound rows are hers too: Paulo
//! speaks. On one node both sides always agree, so that what he may not say never comes to her: those rows are tried too.

use super::{ensure, online, say};
use crate::{Bench, Reference, Scene, Seat};

/// How two people come to a state of Maria's, from nothing: who says what.
pub const STATES: [(&str, &[(&str, &str)]); 9] = [
    ("None", &[]),
    ("None + Pending Out", &[("maria", "subscribe")]),
    ("None + Pending In", &[("paulo", "subscribe")]),
    ("None + Pending Out+In", &[("maria", "subscribe"), ("paulo", "subscribe")]),
    ("To", &[("maria", "subscribe"), ("paulo", "subscribed")]),
    ("To + Pending In", &[("maria", "subscribe"), ("paulo", "subscribed"), ("paulo", "subscribe")]),
    ("From", &[("paulo", "subscribe"), ("maria", "subscribed")]),
    ("From + Pending Out", &[("paulo", "subscribe"), ("maria", "subscribed"), ("maria", "subscribe")]),
    ("Both", &[("maria", "subscribe"), ("paulo", "subscribed"), ("paulo", "subscribe"), ("maria", "subscribed")]),
];

/// The appendix's tables as it prints them: state, whether the stanza is sent on or delivered, next state.
const APPENDIX: &str = "
A.2.1: out subscribe
None                  | MUST     | None + Pending Out
None + Pending Out    | MUST     | no state change
None + Pending In     | MUST     | None + Pending Out+In
None + Pending Out+In | MUST     | no state change
To                    | MUST     | no state change
To + Pending In       | MUST     | no state change
From                  | MUST     | From + Pending Out
From + Pending Out    | MUST     | no state change
Both                  | MUST     | no state change
A.2.2: out unsubscribe
None                  | MUST     | no state change
None + Pending Out    | MUST     | None
None + Pending In     | MUST     | no state change
None + Pending Out+In | MUST     | None + Pending In
To                    | MUST     | None
To + Pending In       | MUST     | None + Pending In
From                  | MUST     | no state change
From + Pending Out    | MUST     | From
Both                  | MUST     | From
A.2.3: out subscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | From
None + Pending Out+In | MUST     | From + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | Both
From                  | MUST NOT | no state change
From + Pending Out    | MUST NOT | no state change
Both                  | MUST NOT | no state change
A.2.4: out unsubscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To
A.3.1: in subscribe
None                  | MUST     | None + Pending In
None + Pending Out    | MUST     | None + Pending Out+In
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST NOT | no state change
To                    | MUST     | To + Pending In
To + Pending In       | MUST NOT | no state change
From                  | MUST NOT | no state change
From + Pending Out    | MUST NOT | no state change
Both                  | MUST NOT | no state change
A.3.2: in unsubscribe
None                  | MUST NOT | no state change
None + Pending Out    | MUST NOT | no state change
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | no state change
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To
A.3.3: in subscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST     | To
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST     | To + Pending In
To                    | MUST NOT | no state change
To + Pending In       | MUST NOT | no state change
From                  | MUST NOT | no state change
From + Pending Out    | MUST     | Both
Both                  | MUST NOT | no state change
A.3.4: in unsubscribed
None                  | MUST NOT | no state change
None + Pending Out    | MUST     | None
None + Pending In     | MUST NOT | no state change
None + Pending Out+In | MUST     | None + Pending In
To                    | MUST     | None
To + Pending In       | MUST     | None + Pending In
From                  | MUST NOT | no state change
From + Pending Out    | MUST     | From
Both                  | MUST     | From";

/// Each row of the appendix.
pub(super) fn rows() -> Vec<Scene> {
    let mut rows = Vec::new();
    let (mut section, mut inbound, mut verb) = ("", false, "");
    for line in APPENDIX.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [before, goes_on, after] = cells[..] else {
            let heading = line.split_once(": ").and_then(|(place, words)| Some((place, words.split_once(' ')?)));
            let (place, (direction, word)) = heading.expect("a heading has three words");
            (section, inbound, verb) = (place, direction == "in", word);
            continue;
        };
        let row = Row {
            inbound,
            verb,
            before,
            goes_on: goes_on == "MUST",
            after: if after == "no state change" { before } else { after },
        };
        let reference = Reference::parse(&format!("RFC 6121 appendix {section}")).expect("a heading has a place");
        let direction = if inbound { "inbound" } else { "outbound" };
        let words = format!("{} {goes_on}, {after}.", if inbound { "delivered:" } else { "routed:" });
        let name = format!("{direction} {verb} in {before}");
        rows.push(Scene::new(vec![reference], name, words, move || row.perform()));
    }
    rows
}

/// One row.
#[derive(Clone, Copy)]
struct Row {
    inbound: bool,
    verb: &'static str,
    before: &'static str,
    goes_on: bool,
    after: &'static str,
}

impl Row {
    fn perform(&self) -> Result<(), String> {
        let mut bench = Bench::new(1);
        let maria = online(&mut bench, "maria", "here", "<presence/>");
        let paulo = online(&mut bench, "paulo", "there", "<presence/>");
        let (_, way) = STATES.iter().find(|(name, _)| *name == self.before).ok_or("there is no such state")?;
        for (who, verb) in *way {
            let (seat, to) = if *who == "maria" { (maria, "paulo") } else { (paulo, "maria") };
            say(&mut bench, seat, verb, to);
        }
        bench.received(paulo);
        bench.received(maria);
        let state = state(&mut bench, "maria", "before");
        ensure(state == self.before, || format!("the state before was {state}"))?;
        bench.received(maria);
        bench.received(paulo);
        let (speaker, hearer, to) = if self.inbound { (paulo, maria, "maria") } else { (maria, paulo, "paulo") };
        say(&mut bench, speaker, self.verb, to);
        let came = came(&mut bench, hearer, self.verb);
        ensure(came == self.is_heard(), || format!("whether the other hears it: {came}"))?;
        let state = self::state(&mut bench, "maria", "after");
        ensure(state == self.after, || format!("the state after it was {state}"))
    }

    /// Whether the hearer's client gets it. A request that is made again is routed, and not delivered twice; one who has
    /// been allowed already asks the server only, which answers.
    fn is_heard(&self) -> bool {
        let settled = ["Pending Out", "To", "Both"].iter().any(|word| self.before.contains(word));
        let nothing_to_end = ["None", "None + Pending In", "From"].contains(&self.before);
        self.goes_on
            && (self.inbound
                || match self.verb {
                    "subscribe" => !settled,
                    "unsubscribe" => !nothing_to_end,
                    _ => true,
                })
    }
}

fn came(bench: &mut Bench, seat: Seat, verb: &str) -> bool {
    bench.received(seat).iter().any(|tree| tree.name == "presence" && tree.attr("type") == Some(verb))
}

/// The state of an account towards the only one that it knows: what its list says, and whether a request of the other
/// waits, which comes with a first presence.
fn state(bench: &mut Bench, account: &str, resource: &str) -> String {
    let seat = online(bench, account, resource, "");
    bench.send(seat, "<iq type='get' id='s'><query xmlns='jabber:iq:roster'/></iq>");
    let answer = bench.received(seat);
    let item = answer.first().and_then(|iq| iq.child("query")).and_then(|query| query.child("item"));
    let subscription = item.and_then(|item| item.attr("subscription")).unwrap_or("none").to_owned();
    let asked = item.is_some_and(|item| item.attr("ask").is_some());
    bench.send(seat, "<presence/>");
    let requested = came(bench, seat, "subscribe");
    bench.disconnect(seat);
    bench.run_until_idle();
    let name = subscription[..1].to_uppercase() + &subscription[1..];
    match (asked, requested) {
        (false, false) => name,
        (true, false) => format!("{name} + Pending Out"),
        (false, true) => format!("{name} + Pending In"),
        (true, true) => format!("{name} + Pending Out+In"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_appendix_has_72_rows() {
        assert_eq!(rows().len(), 72);
    }
}
