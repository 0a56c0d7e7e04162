//! RFC 6121 section 8.5: the whole table of what becomes of a message, by its type, its address and who is there.

use sim::bench::login;
use sim::{Bench, Goal, Login, Seat};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Everybody with a priority that is not negative gets it.
    Open,
    /// The resource that it names gets it.
    Named,
    /// It waits.
    Offline,
    /// Its author gets `service-unavailable`.
    Error,
    /// Nothing.
    Silent,
}
use Fate::{Error, Named, Offline, Open, Silent};

const TYPES: [&str; 5] = ["normal", "chat", "groupchat", "headline", "error"];

/// (priorities of the resources r0, r1 ..., address, fates in the order of [`TYPES`]). Where the RFC leaves the choice
/// between an error and silence, ours is the error: a person should know.
#[rustfmt::skip]
const TABLE: &[(&[i8], &str, [Fate; 5])] = &[
    // 8.5.2.2: no resource at all.
    (&[],         "paulo@jirani.example",       [Offline, Offline, Error, Silent, Silent]),
    (&[],         "paulo@jirani.example/gone",  [Error,   Offline, Error, Error,  Silent]),
    // Only negative ones.
    (&[-1, -128], "paulo@jirani.example",       [Offline, Offline, Error, Silent, Silent]),
    (&[-1, -128], "paulo@jirani.example/r0",    [Named,   Named,   Named, Named,  Named]),
    (&[-1, -128], "paulo@jirani.example/gone",  [Error,   Offline, Error, Error,  Silent]),
    // 8.5.2.1: one that is not negative.
    (&[0, -1],    "paulo@jirani.example",       [Open,    Open,    Error, Open,   Silent]),
    (&[0, -1],    "paulo@jirani.example/r1",    [Named,   Named,   Named, Named,  Named]),
    (&[0, -1],    "paulo@jirani.example/gone",  [Error,   Open,    Error, Error,  Silent]),
    // Several.
    (&[0, 5, -1], "paulo@jirani.example",       [Open,    Open,    Error, Open,   Silent]),
    (&[0, 5, -1], "paulo@jirani.example/r1",    [Named,   Named,   Named, Named,  Named]),
    (&[0, 5, -1], "paulo@jirani.example/gone",  [Error,   Open,    Error, Error,  Silent]),
    // 8.5.1: no such account.
    (&[],         "nobody@jirani.example",      [Error,   Error,   Error, Error,  Silent]),
    (&[],         "nobody@jirani.example/r0",   [Error,   Error,   Error, Error,  Silent]),
    // The server itself has nobody who reads.
    (&[],         "jirani.example",             [Error,   Error,   Error, Error,  Silent]),
];

fn messages(bench: &mut Bench, seat: Seat) -> usize {
    bench.received(seat).iter().filter(|tree| tree.name == "message").count()
}

#[track_caller]
fn check(priorities: &[i8], to: &str, kind: &str, expect: Fate) {
    let mut bench = Bench::new(1);
    let maria = bench.login("maria", "laptop");
    bench.make_account("paulo", sim::bench::PASSWORD);
    let resources: Vec<Seat> = (0..)
        .zip(priorities)
        .map(|(i, priority)| {
            let presence = Some(format!("<presence><priority>{priority}</priority></presence>"));
            let seat = bench.client(Login { resource: Some(format!("r{i}")), presence, ..login("paulo") });
            bench.connect(seat, Goal::Online);
            seat
        })
        .collect();
    bench.send(maria, &format!("<message to='{to}' type='{kind}' id='1'><body>hi</body></message>"));
    let got: Vec<bool> = resources.iter().map(|seat| messages(&mut bench, *seat) == 1).collect();
    let answers = bench.received(maria);
    let answered = answers.iter().any(|tree| {
        tree.attr("type") == Some("error")
            && tree.attr("from") == Some(to)
            && tree.child("error").is_some_and(|error| error.child("service-unavailable").is_some())
    });
    let waits = bench.waiting("paulo").len() == 1;
    let open: Vec<bool> = priorities.iter().map(|priority| *priority >= 0).collect();
    let named: Vec<bool> = (0..priorities.len()).map(|i| to.ends_with(&format!("/r{i}"))).collect();
    let nobody = vec![false; priorities.len()];
    let what = format!("type {kind} to {to} with priorities {priorities:?}: {answers:?}");
    match expect {
        Open => assert_eq!((got, answered), (open, false), "{what}"),
        Named => assert_eq!((got, answered), (named, false), "{what}"),
        Offline => assert_eq!((got, answered, waits), (nobody, false, true), "{what}"),
        Error => assert_eq!((got, answered, waits), (nobody, true, false), "{what}"),
        Silent => assert_eq!((got, answers.len(), waits), (nobody, 0, false), "{what}"),
    }
}

#[test]
fn the_table_of_rfc_6121_section_8_5() {
    for (priorities, to, fates) in TABLE {
        for (kind, fate) in TYPES.iter().zip(fates) {
            check(priorities, to, kind, *fate);
        }
    }
}
