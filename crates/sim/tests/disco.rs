//! XEP-0030 section 8 through a whole node: an account tells what it is to those who may see its person.

mod common;

use common::{befriend, online};
use sim::{Bench, Seat};

/// What a client is told: how many identities and features, or the error.
#[track_caller]
fn info(bench: &mut Bench, seat: Seat, to: &str, what: &str) -> String {
    bench.send(
        seat,
        &format!("<iq type='get' id='d' to='{to}'><query xmlns='http://jabber.org/protocol/disco#{what}'/></iq>"),
    );
    let answer = bench.received(seat).pop().expect("a request is answered");
    match answer.child("query") {
        Some(query) => query
            .children
            .iter()
            .filter_map(|child| child.attr("category").or(child.attr("var")))
            .collect::<Vec<_>>()
            .join(" "),
        None => answer.child("error").expect("a result or an error").children[0].name.clone(),
    }
}

#[test]
fn an_account_answers_those_who_may_see_its_person() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    let paulo = online(&mut bench, "paulo", "there");
    let eva = online(&mut bench, "eva", "else");
    befriend(&mut bench, ("maria", maria), ("paulo", paulo));
    let features = "account http://jabber.org/protocol/disco#info http://jabber.org/protocol/disco#items \
                    jabber:iq:last vcard-temp";
    for away in [false, true] {
        for (seat, to, what, expect) in [
            (paulo, "maria@jirani.example", "info", features),
            (paulo, "maria@jirani.example", "items", ""),
            (eva, "maria@jirani.example", "info", "service-unavailable"),
            (eva, "maria@jirani.example", "items", ""),
            (eva, "maria@jirani.example/none", "items", "service-unavailable"),
            (eva, "nobody@jirani.example", "info", "service-unavailable"),
            (eva, "nobody@jirani.example", "items", ""),
            (eva, "nobody@jirani.example/none", "items", "service-unavailable"),
            (eva, "jirani.example", "items", ""),
        ] {
            assert_eq!(info(&mut bench, seat, to, what), expect, "{to} {what}, away: {away}");
        }
        bench.disconnect(maria);
        bench.received(paulo);
    }
}
