//! XEP-0174 sections 2 and 3, attack case E05: how our people are announced.

use super::*;

fn presence(inner: &str) -> String {
    format!("<presence from='lisa@a.example' to='nearby.a.example'>{inner}</presence>")
}

fn announced(instance: &str, status: &str) -> String {
    format!("announce {instance} txtvers=1 nick=lisa 1st=lisa {status} port.p2pj=5298 vc=! jirani=1")
}

#[test]
fn a_person_comes_changes_and_goes() {
    let mut bench = Bench::empty();
    assert_eq!(bench.stanza(&presence("")), ["open true"]);
    assert_eq!(bench.pass(5.0), [""; 0], "not before there is a port");
    bench.tell(Input::Listening { port: 5298 }, &[&announced("lisa@laptop", "status=avail")]);
    assert_eq!(bench.pass(5.0), [""; 0]);
    let away = announced("lisa@laptop", "status=dnd");
    assert_eq!(bench.stanza(&presence("<show>away</show>")), [&*away]);
    assert_eq!(bench.stanza(&presence("<show>xa</show>")), [""; 0], "it looks the same");
    bench.pass(1.0);
    // However often it changes, once a second.
    for number in 0..10 {
        let more = bench.stanza(&presence(&format!("<status>{number}</status>")));
        let expect = if number == 0 { vec![announced("lisa@laptop", "status=avail msg=0")] } else { vec![] };
        assert_eq!(more, expect);
    }
    assert_eq!(bench.pass(1.0), [announced("lisa@laptop", "status=avail msg=9")]);
    let gone = bench.stanza("<presence from='lisa@a.example' to='nearby.a.example' type='unavailable'/>");
    assert_eq!(gone, ["withdraw lisa@laptop", "open false"]);
    assert_eq!(bench.pass(1000.0), [""; 0]);
    assert_eq!(bench.gateway.wake_at(), None);
}

#[test]
fn two_people_share_a_port() {
    let mut bench = Bench::new();
    let other = "<presence from='lisa@b.example' to='nearby.b.example'/>";
    assert_eq!(bench.stanza(other), [""; 0]);
    assert_eq!(bench.pass(1.0), [announced("lisa-1@laptop", "status=avail")], "of the same name");
    let gone = bench.stanza("<presence from='lisa@a.example' to='nearby.a.example' type='unavailable'/>");
    assert_eq!(gone, ["withdraw lisa@laptop"]);
}

#[test]
fn who_must_take_another_name_takes_none_of_ours() {
    let mut bench = Bench::new();
    bench.stanza("<presence from='lisa@b.example' to='nearby.b.example'/>");
    assert_eq!(bench.pass(1.0), [announced("lisa-1@laptop", "status=avail")]);
    let contested = bench.see("lisa@laptop", &["10.0.0.9:5298"], &["jirani=1"]);
    assert_eq!(contested, ["withdraw lisa@laptop"]);
    let again = bench.pass(1.0);
    assert!(again.len() == 1 && !again[0].starts_with("announce lisa-1@laptop "), "{again:?}");
}

#[test]
fn who_knows_more_than_that_hears_of_all_who_are_there() {
    let mut bench = Bench::with_romeo();
    let probe = "<presence from='lisa@a.example/phone' to='nearby.a.example' type='probe'/>";
    let there = "<presence from='romeo\\40forza@nearby.a.example/bonjour' to='lisa@a.example/phone'><nick>romeo@forza</nick></presence>";
    assert_eq!(bench.stanza(probe), [there]);
    assert_eq!(bench.stanza(&probe.replace("lisa", "tom")), [""; 0]);
    assert_eq!(bench.stanza(&probe.replace("nearby", "romeo\\40forza@nearby")), [there]);
    assert_eq!(bench.stanza(&probe.replace("nearby", "juliet\\40pronto@nearby")), [""; 0]);
    // A second person, at another domain of this computer.
    let come = bench.stanza("<presence from='tom@b.example' to='nearby.b.example'/>");
    assert_eq!(come, [there.replace("a.example/b", "b.example/b").replace("lisa@a.example/phone", "tom@b.example")]);
}

#[test]
fn e05_a_name_that_somebody_has() {
    use base::limits::NEARBY_NAMES_MAX;
    let mut bench = Bench::new();
    assert_eq!(bench.see("lisa@laptop", &["10.0.0.1:5298"], &["jirani=1"]), [""; 0], "our own echo");
    let mut name = "lisa@laptop".to_owned();
    let mut names = vec![name.clone()];
    for conflict in 1..=10 * NEARBY_NAMES_MAX {
        let contested = bench.see(&name.to_uppercase(), &["10.0.0.9:5298"], &["jirani=1"]);
        let expect = if conflict <= NEARBY_NAMES_MAX { vec![format!("withdraw {name}")] } else { vec![] };
        assert_eq!(contested, expect, "{conflict}");
        let again = bench.pass(1.0);
        assert_eq!(again.len(), usize::from(conflict < NEARBY_NAMES_MAX), "{conflict}: {again:?}");
        if let Some(again) = again.first() {
            name = again.split(' ').nth(1).unwrap().to_owned();
            assert!(!names.contains(&name));
            names.push(name.clone());
        }
    }
    assert_eq!(names[1], "lisa-1@laptop");
    assert_eq!(bench.stanza(&presence("<show>away</show>")), [""; 0], "given up");
    // After a quiet hour there is another try.
    let again = bench.pass(3600.0);
    assert_eq!(again.len(), 1, "{again:?}");
    let name = again[0].split(' ').nth(1).unwrap().to_owned();
    assert!(again[0].starts_with("announce ") && !names.contains(&name), "{again:?}");
    assert_eq!(bench.see(&name, &["10.0.0.9:5298"], &["jirani=1"]), [format!("withdraw {name}")]);
    assert_eq!(bench.pass(1.0).len(), 1);
}
