//! Attack case D08: whoever answers in somebody else's place is seen to be who they are. What a client asked is for it to
//! remember; that it can trust the `from` of an answer is for the server.

mod common;

use common::online;
use sim::Bench;

#[test]
fn an_answer_bears_the_name_of_who_gave_it() {
    let mut bench = Bench::new(1);
    let maria = online(&mut bench, "maria", "here");
    for (claimed, ends) in [
        ("", false),
        (" from='eve@jirani.example/there'", false),
        (" from='paulo@jirani.example'", true),
        (" from='jirani.example'", true),
    ] {
        let eve = online(&mut bench, "eve", "there");
        bench.send(eve, &format!("<iq type='result' id='1' to='maria@jirani.example/here'{claimed}/>"));
        bench.run_until_idle();
        assert_eq!(bench.client_of(eve).is_away(), ends, "{claimed}");
        let heard = bench.received(maria);
        let froms: Vec<_> = heard.iter().filter(|t| t.name == "iq").map(|t| t.attr("from").unwrap_or("")).collect();
        let expect: &[&str] = if ends { &[] } else { &["eve@jirani.example/there"] };
        assert_eq!(froms, expect, "{claimed}");
    }
}
