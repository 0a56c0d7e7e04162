//! RFC 6121 Appendix A: the nine states of a subscription, and what each of the four stanzas makes of them, as tables.
//!
//! A row says whether the stanza goes on (outbound: to the contact; inbound: to the person's sessions) and which state is
//! left. The rows are in the order in which the states are listed. What is beside the tables, pre-approval and answers in a person's
//! name, is in `subscription.rs`.

use wire::PresenceType;

use crate::contacts::Registers;

/// Section A.1. `In` and `Out` are the pending requests of the contact and of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    None,
    NoneOut,
    NoneIn,
    NoneOutIn,
    To,
    ToIn,
    From,
    FromOut,
    Both,
}

use State::{Both, From, FromOut, None, NoneIn, NoneOut, NoneOutIn, To, ToIn};

/// One stanza in one direction: for each state whether it goes on, and the next state.
type Table = [(bool, State); 9];

const OUT_SUBSCRIBE: Table = [
    (true, NoneOut),
    (true, NoneOut),
    (true, NoneOutIn),
    (true, NoneOutIn),
    (true, To),
    (true, ToIn),
    (true, FromOut),
    (true, FromOut),
    (true, Both),
];

const OUT_UNSUBSCRIBE: Table = [
    (true, None),
    (true, None),
    (true, NoneIn),
    (true, NoneIn),
    (true, None),
    (true, NoneIn),
    (true, From),
    (true, From),
    (true, From),
];

const OUT_SUBSCRIBED: Table = [
    (false, None),
    (false, NoneOut),
    (true, From),
    (true, FromOut),
    (false, To),
    (true, Both),
    (false, From),
    (false, FromOut),
    (false, Both),
];

const OUT_UNSUBSCRIBED: Table = [
    (false, None),
    (false, NoneOut),
    (true, None),
    (true, NoneOut),
    (false, To),
    (true, To),
    (true, None),
    (true, NoneOut),
    (true, To),
];

const IN_SUBSCRIBE: Table = [
    (true, NoneIn),
    (true, NoneOutIn),
    (false, NoneIn),
    (false, NoneOutIn),
    (true, ToIn),
    (false, ToIn),
    (false, From),
    (false, FromOut),
    (false, Both),
];

const IN_UNSUBSCRIBE: Table = [
    (false, None),
    (false, NoneOut),
    (true, None),
    (true, NoneOut),
    (false, To),
    (true, To),
    (true, None),
    (true, NoneOut),
    (true, To),
];

const IN_SUBSCRIBED: Table = [
    (false, None),
    (true, To),
    (false, NoneIn),
    (true, ToIn),
    (false, To),
    (false, ToIn),
    (false, From),
    (true, Both),
    (false, Both),
];

const IN_UNSUBSCRIBED: Table = [
    (false, None),
    (true, None),
    (false, NoneIn),
    (true, NoneIn),
    (true, None),
    (true, NoneIn),
    (false, From),
    (true, From),
    (true, From),
];

/// The four stanzas that change a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

impl Verb {
    /// The verb of a presence type, if it is one.
    pub(crate) fn of(kind: PresenceType) -> Option<Verb> {
        match kind {
            PresenceType::Subscribe => Some(Verb::Subscribe),
            PresenceType::Subscribed => Some(Verb::Subscribed),
            PresenceType::Unsubscribe => Some(Verb::Unsubscribe),
            PresenceType::Unsubscribed => Some(Verb::Unsubscribed),
            _ => Option::None,
        }
    }

    /// The presence type that says it.
    pub(crate) fn kind(self) -> PresenceType {
        match self {
            Verb::Subscribe => PresenceType::Subscribe,
            Verb::Subscribed => PresenceType::Subscribed,
            Verb::Unsubscribe => PresenceType::Unsubscribe,
            Verb::Unsubscribed => PresenceType::Unsubscribed,
        }
    }
}

impl State {
    /// All, in the order of the appendix.
    #[cfg(test)]
    const ALL: [State; 9] = [None, NoneOut, NoneIn, NoneOutIn, To, ToIn, From, FromOut, Both];

    /// What the registers and a waiting request say. A request of somebody who has the subscription already says nothing
    /// more, nor does a person's own for what they have.
    pub(crate) fn of(registers: Registers, requested: bool) -> State {
        let has = |register| registers.has(register);
        match (has(Registers::TO), has(Registers::FROM), has(Registers::ASK), requested) {
            (true, true, _, _) => Both,
            (true, false, _, false) => To,
            (true, false, _, true) => ToIn,
            (false, true, false, _) => From,
            (false, true, true, _) => FromOut,
            (false, false, false, false) => None,
            (false, false, true, false) => NoneOut,
            (false, false, false, true) => NoneIn,
            (false, false, true, true) => NoneOutIn,
        }
    }

    /// Its registers.
    pub(crate) fn registers(self) -> Registers {
        match self {
            None | NoneIn => Registers::default(),
            NoneOut | NoneOutIn => Registers::ASK,
            To | ToIn => Registers::TO,
            From => Registers::FROM,
            FromOut => Registers::FROM.with(Registers::ASK),
            Both => Registers::TO.with(Registers::FROM),
        }
    }

    /// Whether a request of the contact waits for an answer.
    pub(crate) fn requested(self) -> bool {
        matches!(self, NoneIn | NoneOutIn | ToIn)
    }

    /// Whether the contact sees the person's presence.
    pub(crate) fn from(self) -> bool {
        matches!(self, From | FromOut | Both)
    }

    /// Section A.2: what the person says.
    pub(crate) fn outbound(self, verb: Verb) -> (bool, State) {
        self.row(match verb {
            Verb::Subscribe => &OUT_SUBSCRIBE,
            Verb::Subscribed => &OUT_SUBSCRIBED,
            Verb::Unsubscribe => &OUT_UNSUBSCRIBE,
            Verb::Unsubscribed => &OUT_UNSUBSCRIBED,
        })
    }

    /// Section A.3: what the contact says.
    pub(crate) fn inbound(self, verb: Verb) -> (bool, State) {
        self.row(match verb {
            Verb::Subscribe => &IN_SUBSCRIBE,
            Verb::Subscribed => &IN_SUBSCRIBED,
            Verb::Unsubscribe => &IN_UNSUBSCRIBE,
            Verb::Unsubscribed => &IN_UNSUBSCRIBED,
        })
    }

    fn row(self, table: &Table) -> (bool, State) {
        table[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [Verb; 4] = [Verb::Subscribe, Verb::Subscribed, Verb::Unsubscribe, Verb::Unsubscribed];

    /// The appendix's tables as it prints them: a second copy, so that a slip in the first one shows.
    const APPENDIX: &str = "
        out subscribe
        None                  | MUST     | None + Pending Out
        None + Pending Out    | MUST     | no state change
        None + Pending In     | MUST     | None + Pending Out+In
        None + Pending Out+In | MUST     | no state change
        To                    | MUST     | no state change
        To + Pending In       | MUST     | no state change
        From                  | MUST     | From + Pending Out
        From + Pending Out    | MUST     | no state change
        Both                  | MUST     | no state change
        out unsubscribe
        None                  | MUST     | no state change
        None + Pending Out    | MUST     | None
        None + Pending In     | MUST     | no state change
        None + Pending Out+In | MUST     | None + Pending In
        To                    | MUST     | None
        To + Pending In       | MUST     | None + Pending In
        From                  | MUST     | no state change
        From + Pending Out    | MUST     | From
        Both                  | MUST     | From
        out subscribed
        None                  | MUST NOT | no state change
        None + Pending Out    | MUST NOT | no state change
        None + Pending In     | MUST     | From
        None + Pending Out+In | MUST     | From + Pending Out
        To                    | MUST NOT | no state change
        To + Pending In       | MUST     | Both
        From                  | MUST NOT | no state change
        From + Pending Out    | MUST NOT | no state change
        Both                  | MUST NOT | no state change
        out unsubscribed
        None                  | MUST NOT | no state change
        None + Pending Out    | MUST NOT | no state change
        None + Pending In     | MUST     | None
        None + Pending Out+In | MUST     | None + Pending Out
        To                    | MUST NOT | no state change
        To + Pending In       | MUST     | To
        From                  | MUST     | None
        From + Pending Out    | MUST     | None + Pending Out
        Both                  | MUST     | To
        in subscribe
        None                  | MUST     | None + Pending In
        None + Pending Out    | MUST     | None + Pending Out+In
        None + Pending In     | MUST NOT | no state change
        None + Pending Out+In | MUST NOT | no state change
        To                    | MUST     | To + Pending In
        To + Pending In       | MUST NOT | no state change
        From                  | MUST NOT | no state change
        From + Pending Out    | MUST NOT | no state change
        Both                  | MUST NOT | no state change
        in unsubscribe
        None                  | MUST NOT | no state change
        None + Pending Out    | MUST NOT | no state change
        None + Pending In     | MUST     | None
        None + Pending Out+In | MUST     | None + Pending Out
        To                    | MUST NOT | no state change
        To + Pending In       | MUST     | To
        From                  | MUST     | None
        From + Pending Out    | MUST     | None + Pending Out
        Both                  | MUST     | To
        in subscribed
        None                  | MUST NOT | no state change
        None + Pending Out    | MUST     | To
        None + Pending In     | MUST NOT | no state change
        None + Pending Out+In | MUST     | To + Pending In
        To                    | MUST NOT | no state change
        To + Pending In       | MUST NOT | no state change
        From                  | MUST NOT | no state change
        From + Pending Out    | MUST     | Both
        Both                  | MUST NOT | no state change
        in unsubscribed
        None                  | MUST NOT | no state change
        None + Pending Out    | MUST     | None
        None + Pending In     | MUST NOT | no state change
        None + Pending Out+In | MUST     | None + Pending In
        To                    | MUST     | None
        To + Pending In       | MUST     | None + Pending In
        From                  | MUST NOT | no state change
        From + Pending Out    | MUST     | From
        Both                  | MUST     | From";

    #[track_caller]
    fn state(name: &str) -> State {
        match name {
            "None" => None,
            "None + Pending Out" => NoneOut,
            "None + Pending In" => NoneIn,
            "None + Pending Out+In" => NoneOutIn,
            "To" => To,
            "To + Pending In" => ToIn,
            "From" => From,
            "From + Pending Out" => FromOut,
            "Both" => Both,
            other => panic!("no state: {other}"),
        }
    }

    #[test]
    fn the_tables_are_those_of_the_appendix() {
        let (mut inbound, mut verb, mut rows) = (false, Verb::Subscribe, 0);
        for line in APPENDIX.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [before, goes_on, after] = cells[..] else {
                let (direction, name) = line.split_once(' ').unwrap();
                inbound = direction == "in";
                verb = VERBS.into_iter().find(|v| format!("{v:?}").eq_ignore_ascii_case(name)).unwrap();
                continue;
            };
            let before = state(before);
            let after = if after == "no state change" { before } else { state(after) };
            let step = if inbound { before.inbound(verb) } else { before.outbound(verb) };
            assert_eq!(step, (goes_on == "MUST", after), "inbound {inbound}, {verb:?}, {before:?}");
            rows += 1;
        }
        assert_eq!(rows, 72);
    }

    #[test]
    fn states_are_their_registers_and_requests() {
        for state in State::ALL {
            assert_eq!(State::of(state.registers(), state.requested()), state);
        }
    }

    /// Whatever two people say, in any order, each word handled before the next: what one side believes, the other
    /// side believes too.
    #[test]
    fn two_sides_never_disagree() {
        let agree = |a: State, b: State| {
            let to_is_from = |x: State, y: State| x.registers().has(Registers::TO) == y.from();
            let ask_is_request = |x: State, y: State| x.registers().has(Registers::ASK) == y.requested();
            to_is_from(a, b) && to_is_from(b, a) && ask_is_request(a, b) && ask_is_request(b, a)
        };
        let mut seen = vec![(None, None)];
        let mut next = 0;
        while let Some((a, b)) = seen.get(next).copied() {
            next += 1;
            for verb in VERBS {
                for swapped in [false, true] {
                    let (speaker, hearer) = if swapped { (b, a) } else { (a, b) };
                    let (goes_on, speaker) = speaker.outbound(verb);
                    let hearer = if goes_on { hearer.inbound(verb).1 } else { hearer };
                    let pair = if swapped { (hearer, speaker) } else { (speaker, hearer) };
                    assert!(agree(pair.0, pair.1), "{a:?} {b:?} after {verb:?} gives {pair:?}");
                    if !seen.contains(&pair) {
                        seen.push(pair);
                    }
                }
            }
        }
        assert_eq!(seen.len(), 9, "all states are reached");
    }
}
