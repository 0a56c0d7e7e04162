//! RFC 6121 section 8.5: what becomes of each stanza for a person, by its type, its address and who is there.

use super::{ensure, online};
use crate::bench::{DOMAIN, PASSWORD};
use crate::{Bench, Reference, Scene, Seat};

/// What becomes of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Everybody with a priority that is not negative gets it.
    Open,
    /// Everybody who is available gets it.
    Available,
    /// The resource that it names gets it.
    Named,
    /// It waits.
    Offline,
    /// Its author gets `service-unavailable`.
    Error,
    /// The server answers it in words.
    Words,
    /// Nothing.
    Silent,
}
use Fate::{Available, Error, Named, Offline, Open, Silent, Words};

/// Where in the RFC, priorities of the resources r0, r1 ..., address, fates in the order of the types.
type Case<const TYPES: usize> = (&'static str, &'static [i8], &'static str, [Fate; TYPES]);

const BARE: &str = "paulo@jirani.example";
const FIRST: &str = "paulo@jirani.example/r0";
const SECOND: &str = "paulo@jirani.example/r1";
const GONE: &str = "paulo@jirani.example/gone";
const NOBODY: &str = "nobody@jirani.example";
const NOBODY_THERE: &str = "nobody@jirani.example/r0";

const MESSAGE_TYPES: [&str; 5] = ["normal", "chat", "groupchat", "headline", "error"];

/// Where the RFC leaves the choice between an error and silence, ours is the error: a person should know.
#[rustfmt::skip]
const MESSAGES: &[Case<5>] = &[
    ("RFC 6121 section 8.5.1",     &[],         NOBODY,       [Error,   Error,   Error, Error,  Silent]),
    ("RFC 6121 section 8.5.1",     &[],         NOBODY_THERE, [Error,   Error,   Error, Error,  Silent]),
    ("RFC 6121 section 8.5.2.1.1", &[0],        BARE,         [Open,    Open,    Error, Open,   Silent]),
    ("RFC 6121 section 8.5.2.1.1", &[0, -1],    BARE,         [Open,    Open,    Error, Open,   Silent]),
    ("RFC 6121 section 8.5.2.1.1", &[0, 5, -1], BARE,         [Open,    Open,    Error, Open,   Silent]),
    ("RFC 6121 section 8.5.2.1.1", &[-1, -128], BARE,         [Offline, Offline, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.2.2.1", &[],         BARE,         [Offline, Offline, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.3.1",   &[0, 5, -1], FIRST,        [Named,   Named,   Named, Named,  Named]),
    ("RFC 6121 section 8.5.3.1",   &[0, 5, -1], SECOND,       [Named,   Named,   Named, Named,  Named]),
    ("RFC 6121 section 8.5.3.1",   &[0, -1],    SECOND,       [Named,   Named,   Named, Named,  Named]),
    ("RFC 6121 section 8.5.3.1",   &[-1, -128], FIRST,        [Named,   Named,   Named, Named,  Named]),
    ("RFC 6121 section 8.5.3.2.1", &[],         GONE,         [Error,   Offline, Error, Error,  Silent]),
    ("RFC 6121 section 8.5.3.2.1", &[-1, -128], GONE,         [Error,   Offline, Error, Error,  Silent]),
    ("RFC 6121 section 8.5.3.2.1", &[0, -1],    GONE,         [Error,   Open,    Error, Error,  Silent]),
    ("RFC 6121 section 8.5.3.2.1", &[0, 5, -1], GONE,         [Error,   Open,    Error, Error,  Silent]),
    // The server reads what its own people write to it.
    ("RFC 6120 section 10.5.1",    &[],         DOMAIN,       [Words,   Words,   Error, Error,  Silent]),
];

const PRESENCE_TYPES: [&str; 3] = ["", "unavailable", "error"];

#[rustfmt::skip]
const PRESENCE: &[Case<3>] = &[
    ("RFC 6121 section 8.5.1",     &[],         NOBODY,       [Silent; 3]),
    ("RFC 6121 section 8.5.1",     &[],         NOBODY_THERE, [Silent; 3]),
    ("RFC 6121 section 8.5.2.1.2", &[0],        BARE,         [Available; 3]),
    ("RFC 6121 section 8.5.2.1.2", &[0, 5, -1], BARE,         [Available; 3]),
    ("RFC 6121 section 8.5.2.1.2", &[-1, -128], BARE,         [Available; 3]),
    ("RFC 6121 section 8.5.2.2.2", &[],         BARE,         [Silent; 3]),
    ("RFC 6121 section 8.5.3.1",   &[0, 5, -1], SECOND,       [Named; 3]),
    ("RFC 6121 section 8.5.3.1",   &[-1, -128], FIRST,        [Named; 3]),
    ("RFC 6121 section 8.5.3.2.2", &[],         GONE,         [Silent; 3]),
    ("RFC 6121 section 8.5.3.2.2", &[0, -1],    GONE,         [Silent; 3]),
];

const IQ_TYPES: [&str; 4] = ["get", "set", "result", "error"];

/// For a payload that the server does not understand.
#[rustfmt::skip]
const IQ: &[Case<4>] = &[
    ("RFC 6121 section 8.5.1",     &[],         NOBODY,       [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.1",     &[],         NOBODY_THERE, [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.2.1.3", &[0],        BARE,         [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.2.1.3", &[0, 5, -1], BARE,         [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.2.2.3", &[],         BARE,         [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.3.1",   &[0, 5, -1], SECOND,       [Named, Named, Named, Named]),
    ("RFC 6121 section 8.5.3.1",   &[-1, -128], FIRST,        [Named, Named, Named, Named]),
    ("RFC 6121 section 8.5.3.2.3", &[],         GONE,         [Error, Error, Silent, Silent]),
    ("RFC 6121 section 8.5.3.2.3", &[0, -1],    GONE,         [Error, Error, Silent, Silent]),
];

/// Each case with each type.
pub(super) fn rows() -> Vec<Scene> {
    let mut rows = table("message", MESSAGE_TYPES, "<body>hi</body>", MESSAGES);
    rows.extend(table("presence", PRESENCE_TYPES, "", PRESENCE));
    rows.extend(table("iq", IQ_TYPES, "<query xmlns='urn:example:unknown'/>", IQ));
    rows
}

fn table<const TYPES: usize>(
    stanza: &'static str,
    types: [&'static str; TYPES],
    payload: &'static str,
    cases: &'static [Case<TYPES>],
) -> Vec<Scene> {
    let mut rows = Vec::new();
    for (section, priorities, to, fates) in cases {
        for (kind, fate) in types.into_iter().zip(*fates) {
            let references = vec![Reference::parse(section).expect("the tables refer to sections")];
            let there: Vec<String> = priorities.iter().map(i8::to_string).collect();
            let there = if there.is_empty() { "none".into() } else { there.join(", ") };
            let kind_name = if kind.is_empty() { "available" } else { kind };
            let name = format!("{stanza} {kind_name} to {to}, priorities {there}");
            let sent = Sent { stanza, kind, payload, to };
            rows.push(Scene::new(references, name, fate.words(), move || sent.perform(priorities, fate)));
        }
    }
    rows
}

/// What is sent.
#[derive(Clone, Copy)]
struct Sent {
    stanza: &'static str,
    kind: &'static str,
    payload: &'static str,
    to: &'static str,
}

impl Sent {
    fn perform(&self, priorities: &[i8], expect: Fate) -> Result<(), String> {
        let Sent { stanza, kind, payload, to } = *self;
        let mut bench = Bench::new(1);
        let maria = bench.login("maria", "laptop");
        bench.make_account("paulo", PASSWORD);
        let resource = |(i, priority): (usize, &i8)| {
            let presence = format!("<presence><priority>{priority}</priority></presence>");
            online(&mut bench, "paulo", &format!("r{i}"), &presence)
        };
        let resources: Vec<Seat> = priorities.iter().enumerate().map(resource).collect();
        for seat in &resources {
            bench.received(*seat);
        }
        let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
        bench.send(maria, &format!("<{stanza} to='{to}'{kind} id='1'>{payload}</{stanza}>"));
        let got: Vec<usize> = resources.iter().map(|seat| bench.received(*seat).len()).collect();
        let answers = bench.received(maria);
        let refused = answers.iter().any(|tree| {
            tree.attr("type") == Some("error")
                && tree.attr("from") == Some(to)
                && tree.child("error").is_some_and(|error| error.child("service-unavailable").is_some())
        });
        let gets = |i: usize, priority: i8| match expect {
            Open => priority >= 0,
            Available => true,
            Named => to.ends_with(&format!("/r{i}")),
            Offline | Error | Words | Silent => false,
        };
        let expected: Vec<usize> = priorities.iter().enumerate().map(|(i, p)| usize::from(gets(i, *p))).collect();
        let waits = bench.waiting("paulo").len();
        ensure(got == expected, || format!("expected at the resources: {expected:?}, there came {got:?}"))?;
        ensure(refused == (expect == Error), || format!("{expect:?} was expected, and its author heard {answers:?}"))?;
        let is_answered = refused || expect == Words;
        ensure(answers.len() == usize::from(is_answered), || format!("its author heard more: {answers:?}"))?;
        // What a session gets waits in the store until its client has acknowledged it.
        let may_wait = matches!(expect, Offline | Open | Named);
        ensure(may_wait || waits == 0, || format!("{expect:?} was expected, and it waits"))?;
        ensure(expect != Offline || waits == 1, || format!("{waits} messages wait"))
    }
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Open => "all whose priority is not negative get it.",
            Available => "all who are available get it.",
            Named => "the resource gets it.",
            Offline => "it waits.",
            Error => "service-unavailable.",
            Words => "the server answers it.",
            Silent => "nothing.",
        }
    }
}
