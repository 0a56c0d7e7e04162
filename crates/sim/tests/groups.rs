//! Design, sections 5, 8 and 14: people on several nodes, over links that break: RFC 6121's rules between servers, and the
//! post's promises.

mod groups_common;

use std::time::Duration;

use base::{Audience, Bare, DeviceId};
use groups_common::{LISA, PAULO, Pair, bodies, body, seconds};
use mesh::post::Parcel;
use sim::Group;
use sim::group::At;
use xmpp::{Answer, Command};

#[test]
fn contacts_on_another_laptop_are_simply_online() {
    let mut pair = Pair::befriended(1);
    assert_eq!(pair.presence_of_lisa(), Some(true));
    assert_eq!(pair.presence_of_paulo(), Some(true));
    pair.group.send(pair.lisa, &body(PAULO, "1", "hi"));
    pair.group.pass(seconds(3));
    let heard = pair.group.heard(pair.paulo);
    let message = heard.iter().find(|tree| tree.name == "message").expect("it has come");
    assert_eq!(message.attr("from"), Some(&*format!("{LISA}/here")));
    assert!(message.child("stanza-id").is_some() && message.child("delay").is_none());
    assert_eq!(pair.group.node(0).owed("lisa"), 0, "it is confirmed");
}

#[test]
fn who_leaves_reach_is_gone_at_once_and_comes_back() {
    let mut pair = Pair::befriended(2);
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(false), Some(false)));
    pair.group.send(pair.lisa, "<presence><show>away</show></presence>");
    pair.group.send(pair.lisa, &body(PAULO, "1", "while you were away"));
    pair.group.send(pair.lisa, &body(PAULO, "2", "and this"));
    pair.group.pass(seconds(100));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
    assert_eq!(pair.group.node(0).owed("lisa"), 2);
    pair.group.link(0, 1);
    pair.group.pass(seconds(2));
    let heard = pair.group.heard(pair.paulo);
    assert_eq!(bodies(&heard), ["while you were away", "and this"]);
    let stamp = heard.iter().find_map(|tree| tree.child("delay")).expect("it has waited");
    assert_eq!(stamp.attr("from"), Some("lisa.jirani.alt"));
    assert!(heard.iter().any(|tree| tree.name == "presence" && tree.text_of("show") == "away"));
    assert_eq!(pair.group.node(0).owed("lisa"), 0);
}

#[test]
fn a_clean_sign_off_is_seen_at_once() {
    let mut pair = Pair::befriended(3);
    pair.group.disconnect(pair.lisa);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_lisa(), Some(false));
    pair.group.come_back(pair.lisa);
    pair.group.pass(seconds(1));
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(true), Some(true)));
    // The daemon ends: the last word of its people still leaves.
    assert_eq!(pair.group.node(0).command(xmpp::Command::ShutDown), xmpp::Answer::Done);
    pair.group.send(pair.paulo, "<presence/>");
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_lisa(), Some(false));
}

/// A laptop with a new address has a new link a moment before the old one is known to be dead: its people were never away.
#[test]
fn another_link_in_the_place_of_the_old_shows_nobody_leave() {
    let mut pair = Pair::befriended(9);
    pair.group.heard(pair.paulo);
    for _ in 0..3 {
        pair.group.relink(0, 1);
        pair.group.pass(seconds(2));
    }
    pair.group.pass(seconds(10));
    let heard = pair.group.heard(pair.paulo);
    assert!(heard.iter().all(|tree| tree.attr("type") != Some("unavailable")), "{heard:?}");
    // But who is not said to be there again has left.
    pair.group.disconnect(pair.lisa);
    pair.group.relink(0, 1);
    pair.group.pass(seconds(3));
    assert_eq!(pair.presence_of_lisa(), None, "nothing has come");
    pair.group.pass(seconds(4));
    assert_eq!(pair.presence_of_lisa(), Some(false));
}

#[test]
fn a_subscription_waits_for_its_addressee_and_ends() {
    let mut pair = Pair::strangers(4);
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    pair.group.pass(seconds(50));
    pair.group.crash(0);
    pair.group.pass(seconds(1));
    pair.group.come_back(pair.lisa);
    pair.group.link(0, 1);
    pair.group.pass(seconds(2));
    let asked = pair.group.heard(pair.paulo);
    assert!(asked.iter().any(|tree| tree.attr("type") == Some("subscribe")), "{asked:?}");
    pair.group.send(pair.paulo, &format!("<presence type='subscribed' to='{LISA}'/>"));
    pair.group.pass(seconds(2));
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (None, Some(true)));
    pair.group.send(pair.paulo, &format!("<presence type='unsubscribed' to='{LISA}'/>"));
    pair.group.pass(seconds(2));
    assert_eq!(pair.presence_of_paulo(), Some(false));
}

/// Attack case D14: whom a person does not let see them sees nothing, and hears the same as about nobody.
#[test]
fn a_stranger_sees_nothing() {
    let mut pair = Pair::strangers(5);
    let command = Command::SetAudience { address: Bare::new(PAULO).unwrap(), audience: Audience::Green };
    assert_eq!(pair.group.command(1, command), Answer::Done);
    pair.group.pass(seconds(1));
    pair.group.heard(pair.lisa);
    pair.group.send(pair.lisa, &format!("<presence type='probe' to='{PAULO}'/>"));
    pair.group.send(pair.lisa, &format!("<iq type='get' id='l' to='{PAULO}'><query xmlns='jabber:iq:last'/></iq>"));
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.lisa);
    assert_eq!(pair.presence_of_paulo(), None, "{heard:?}");
    let last = heard.iter().find(|tree| tree.attr("id") == Some("l")).expect("it is answered");
    assert!(last.child("error").is_some_and(|error| error.child("forbidden").is_some()));
}

#[test]
fn requests_find_the_resource_and_the_way_back() {
    let mut pair = Pair::befriended(6);
    pair.group
        .send(pair.lisa, &format!("<iq type='get' id='v' to='{PAULO}/there'><query xmlns='jabber:iq:version'/></iq>"));
    pair.group.pass(seconds(1));
    let asked = pair.group.heard(pair.paulo);
    let asked = asked.iter().find(|tree| tree.attr("id") == Some("v")).expect("the client is asked");
    let lisa = asked.attr("from").expect("it has an author").to_owned();
    pair.group.send(
        pair.paulo,
        &format!("<iq type='result' id='v' to='{lisa}'><query xmlns='jabber:iq:version'><name>p</name></query></iq>"),
    );
    // To the person themselves: their node answers, from its store if need be.
    for (id, payload) in
        [("d", "<query xmlns='http://jabber.org/protocol/disco#info'/>"), ("c", "<vCard xmlns='vcard-temp'/>")]
    {
        pair.group.send(pair.lisa, &format!("<iq type='get' id='{id}' to='{PAULO}'>{payload}</iq>"));
    }
    pair.group.send(
        pair.lisa,
        &format!("<iq type='set' id='f' to='{PAULO}'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>"),
    );
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.lisa);
    let kind = |id: &str| heard.iter().find(|t| t.attr("id") == Some(id)).and_then(|t| t.attr("type")).unwrap_or("-");
    assert_eq!([kind("v"), kind("d"), kind("c"), kind("f")], ["result", "result", "error", "error"]);
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    pair.group.send(pair.lisa, &format!("<iq type='get' id='x' to='{PAULO}/there'><ping xmlns='urn:xmpp:ping'/></iq>"));
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.lisa);
    let error = heard.iter().find(|t| t.attr("id") == Some("x")).and_then(|t| t.child("error")).expect("it is refused");
    assert!(error.child("recipient-unavailable").is_some() && error.attr("type") == Some("wait"));
}

#[test]
fn what_is_of_this_moment_never_waits_and_never_overtakes() {
    let mut pair = Pair::befriended(7);
    let typing = |what: &str| {
        format!("<message to='{PAULO}' type='chat'><{what} xmlns='http://jabber.org/protocol/chatstates'/></message>")
    };
    for n in 0..20 {
        pair.group.send(pair.lisa, &body(PAULO, &format!("m{n}"), "x"));
        pair.group.send(pair.lisa, &typing("composing"));
    }
    pair.group.pass(seconds(2));
    let heard = pair.group.heard(pair.paulo);
    let kinds: Vec<bool> =
        heard.iter().filter(|tree| tree.name == "message").map(|tree| tree.child("body").is_some()).collect();
    assert_eq!(kinds, [true, false].repeat(20));
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    pair.group.send(pair.lisa, &typing("paused"));
    pair.group.send(
        pair.lisa,
        &format!("<message to='{PAULO}' id='n'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>"),
    );
    pair.group.pass(seconds(1));
    assert_eq!(pair.group.node(0).owed("lisa"), 0);
    let heard = pair.group.heard(pair.lisa);
    assert!(heard.iter().any(|tree| tree.attr("id") == Some("n") && tree.attr("type") == Some("error")));
}

/// Attack cases C07, C17 and D01 to D04: who a device is was proved, and what only a server may say is cut out.
#[test]
fn nobody_speaks_for_another() {
    let mut pair = Pair::befriended(8);
    let eve = DeviceId([9; 32]);
    let (eve_address, paulo) = (Bare::new("eve@eve.jirani.alt").unwrap(), Bare::new(PAULO).unwrap());
    let say = |group: &mut Group, xml: &str, counter: Option<u64>| {
        let payload = xml.as_bytes();
        let bytes = match counter {
            None => Parcel::Fleeting { payload }.to_bytes(),
            Some(counter) => groups_common::lasting(1, counter, counter, payload),
        };
        group.node(1).parcel(eve, &paulo, bytes);
        group.pass(seconds(1));
        group.heard(pair.paulo)
    };
    pair.group.heard(pair.paulo);
    let message = |from: &str, to: &str, inner: &str| {
        format!("<message xmlns='jabber:client' from='{from}' to='{to}' type='chat'>{inner}</message>")
    };
    let honest = message("eve@eve.jirani.alt/x", PAULO, "<body>hi</body>");
    assert!(say(&mut pair.group, &honest, Some(1)).is_empty(), "she is not in reach");
    pair.group.node(1).reach(eve, &eve_address, true);
    // She stands in the list of who is in reach.
    pair.group.pass(seconds(1));
    pair.group.heard(pair.paulo);
    let mut refused = 1;
    for (from, to) in [
        (&*format!("{LISA}/here"), PAULO),
        (LISA, PAULO),
        ("eve.jirani.alt", PAULO),
        ("eve@eve.jirani.alt/x", "somebody@paulo.jirani.alt"),
        ("eve@eve.jirani.alt/x", LISA),
    ] {
        for counter in [None, Some(1000 + refused)] {
            let forged = message(from, to, "<body>hi</body>");
            assert!(say(&mut pair.group, &forged, counter).is_empty(), "{from} {to}");
            refused += 1;
        }
    }
    for bytes in ["<message", "<iq xmlns='jabber:client'/>", "", "<x xmlns='jabber:client'/>"] {
        assert!(say(&mut pair.group, bytes, None).is_empty());
        refused += 1;
    }
    let xmpp::Answer::Report(report) = pair.group.node(1).command(xmpp::Command::Report) else { panic!("no report") };
    assert_eq!((report.parcels_refused, report.in_reach), (refused, 2));
    let forgeries = "<received xmlns='urn:xmpp:carbons:2'/><sent xmlns='urn:xmpp:carbons:2'/>\
                     <result xmlns='urn:xmpp:mam:2'/><stanza-id xmlns='urn:xmpp:sid:0' by='paulo@paulo.jirani.alt' id='1'/>";
    let heard = say(
        &mut pair.group,
        &message("eve@eve.jirani.alt/x", PAULO, &format!("{forgeries}<body>1</body>")),
        Some(5000),
    );
    assert_eq!(bodies(&heard), ["1"]);
    assert!(
        heard[0].child("received").is_none() && heard[0].child("sent").is_none() && heard[0].child("result").is_none()
    );
    assert_ne!(heard[0].child("stanza-id").and_then(|id| id.attr("id")), Some("1"));
    let push = format!(
        "<iq xmlns='jabber:client' type='set' id='p' from='eve@eve.jirani.alt/x' to='{PAULO}/there'>\
         <query xmlns='jabber:iq:roster'><item jid='eve@eve.jirani.alt'/></query></iq>"
    );
    assert!(say(&mut pair.group, &push, None).is_empty());
}

#[test]
fn who_is_blocked_hears_as_from_nobody() {
    let mut pair = Pair::befriended(9);
    pair.group.send(
        pair.paulo,
        &format!("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='{LISA}'/></block></iq>"),
    );
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_paulo(), Some(false));
    pair.group.heard(pair.paulo);
    pair.group.send(pair.lisa, &body(PAULO, "1", "hello?"));
    pair.group.pass(seconds(3));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
    let heard = pair.group.heard(pair.lisa);
    let error = heard.iter().find(|tree| tree.attr("id") == Some("1")).and_then(|tree| tree.child("error"));
    assert!(error.is_some_and(|error| error.child("service-unavailable").is_some()), "{heard:?}");
    assert_eq!(pair.group.node(0).owed("lisa"), 0);
    pair.group.send(
        pair.paulo,
        &format!("<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'><item jid='{LISA}'/></unblock></iq>"),
    );
    pair.group.pass(seconds(1));
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(true), Some(true)));
}

#[test]
fn what_does_not_arrive_in_time_comes_back_once() {
    for crash in [false, true] {
        let mut pair = Pair::befriended(10);
        pair.group.unlink(0, 1);
        pair.group.pass(seconds(1));
        pair.group.send(pair.lisa, &body(PAULO, "late", "too late"));
        pair.group.pass(Duration::from_secs(27 * 24 * 3600));
        pair.group.heard(pair.lisa);
        if crash {
            pair.group.crash(0);
        } else {
            pair.group.disconnect(pair.lisa);
        }
        pair.group.pass(Duration::from_secs(2 * 24 * 3600));
        assert_eq!(pair.group.node(0).owed("lisa"), 0);
        for times in [1, 0] {
            pair.group.come_back(pair.lisa);
            pair.group.pass(seconds(5));
            let heard = pair.group.heard(pair.lisa);
            let errors = heard.iter().filter(|t| t.attr("id") == Some("late") && t.attr("type") == Some("error"));
            assert_eq!(errors.count(), times, "crash: {crash}");
            pair.group.disconnect(pair.lisa);
            pair.group.pass(seconds(5));
        }
        pair.group.link(0, 1);
        pair.group.pass(seconds(5));
        assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
    }
}

/// A person on two laptops: what is said to them reaches both, and what they say on one is history on the other.
#[test]
fn a_person_with_two_laptops_has_all_on_both() {
    for seed in 20..24 {
        let mut group = Group::new(seed, &["lisa.jirani.alt", "paulo.jirani.alt", "paulo.jirani.alt"]);
        let lisa = group.login(0, "lisa", "here");
        let (first, second) = (group.login(1, "paulo", "one"), group.login(2, "paulo", "two"));
        for at in [first, second] {
            group.send(at, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        }
        group.link_all();
        group.pass(seconds(2));
        // Both are there; then one by one; then only through the other.
        group.send(lisa, &body(PAULO, "1", "to both"));
        group.pass(seconds(2));
        group.unlink(0, 2);
        group.unlink(1, 2);
        group.pass(seconds(2));
        group.send(lisa, &body(PAULO, "2", "to one"));
        group.pass(seconds(2));
        assert_eq!(group.node(0).owed("lisa"), 0, "one of them has it");
        group.send(first, &body(LISA, "3", "from one"));
        group.pass(seconds(2));
        group.unlink(0, 1);
        group.link(0, 2);
        group.pass(seconds(2));
        group.send(lisa, &body(PAULO, "4", "to the other"));
        group.pass(seconds(2));
        group.link(1, 2);
        group.pass(seconds(5));
        let heard = group.heard(first);
        assert_eq!(bodies(&heard), ["to both", "to one", "to the other"], "seed {seed}");
        let heard = group.heard(second);
        let (own, carbons): (Vec<_>, Vec<_>) = heard.into_iter().partition(|tree| tree.child("sent").is_none());
        assert_eq!(bodies(&own), ["to both", "to the other", "to one"], "seed {seed}");
        let sent = carbons.iter().filter(|tree| tree.to_string().contains("from one")).count();
        assert_eq!(sent, 1, "seed {seed}");
        group.link_all();
        group.pass(seconds(60));
        assert_eq!((bodies(&group.heard(first)).len(), bodies(&group.heard(second)).len()), (0, 0), "nothing twice");
        for (member, account) in [(0, "lisa"), (1, "paulo"), (2, "paulo")] {
            assert_eq!(group.node(member).owed(account), 0, "seed {seed}: {member}");
        }
        for member in [1, 2] {
            assert_eq!(groups_common::history(&mut group, [first, second][member - 1]).len(), 4, "seed {seed}");
        }
    }
}

/// Paulo's account lives on his own laptop and, taken there from a file, on Lisa's, whose domain is another one.
fn shared(seed: u64) -> (Group, At, At, At) {
    let mut group = Group::new(seed, &["paulo.jirani.alt", "lisa.jirani.alt", "tom.jirani.alt"]);
    let (one, tom) = (group.login(0, "paulo", "one"), group.login(2, "tom", "t"));
    group.link_all();
    group.pass(seconds(2));
    // On Lisa's laptop he was a neighbour before.
    group.make_account(1, PAULO);
    group.node(1).serve(|hosts| {
        hosts.guests.insert(Bare::new(PAULO).unwrap());
    });
    let two = group.login(1, PAULO, "two");
    for at in [one, two] {
        group.send(at, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    }
    group.pass(seconds(2));
    (group, one, two, tom)
}

const TOM: &str = "tom@tom.jirani.alt";

/// RFC 6121 sections 4.2.2 and 8.5.3: a person's own resources see and reach each other, wherever they are.
#[test]
fn a_persons_resources_on_two_laptops_are_one_persons() {
    let (mut group, one, two, tom) = shared(30);
    let sees = |group: &mut Group, at: At, kind: Option<&str>, whom: &str| {
        let heard = group.heard(at);
        heard.iter().any(|t| t.name == "presence" && t.attr("from") == Some(whom) && t.attr("type") == kind)
    };
    let (first, second) = (format!("{PAULO}/one"), format!("{PAULO}/two"));
    assert!(sees(&mut group, one, None, &second) && sees(&mut group, two, None, &first));

    // A question from one to the other, and the way back.
    group.send(one, &format!("<iq type='get' id='v' to='{second}'><query xmlns='jabber:iq:version'/></iq>"));
    group.pass(seconds(1));
    let heard = group.heard(two);
    let asked = heard.iter().find(|tree| tree.attr("id") == Some("v")).expect("the client is asked");
    assert_eq!(asked.attr("from"), Some(&*first));
    group.send(two, &format!("<iq type='result' id='v' to='{first}'><query xmlns='jabber:iq:version'/></iq>"));
    group.pass(seconds(1));
    let heard = group.heard(one);
    assert!(heard.iter().any(|tree| tree.attr("id") == Some("v") && tree.attr("type") == Some("result")));

    // A message to that resource is there once, and nowhere twice; also one that is no chat.
    for kind in ["chat", "normal"] {
        group.send(one, &format!("<message to='{second}' type='{kind}' id='m'><body>{kind}</body></message>"));
        group.pass(seconds(2));
        assert_eq!(bodies(&group.heard(two)), [kind]);
        assert_eq!(bodies(&group.heard(one)), [] as [&str; 0]);
    }
    assert_eq!((group.node(0).owed("paulo"), group.node(1).owed(PAULO)), (0, 0));

    // Others write to a resource: all of the person has it, and nobody says that there is no such resource.
    for (kind, to) in [("chat", &first), ("normal", &second)] {
        group.send(tom, &format!("<message to='{to}' type='{kind}' id='t'><body>{kind}</body></message>"));
        group.pass(seconds(2));
        for at in [one, two] {
            let heard = group.heard(at);
            assert_eq!(heard.iter().filter(|tree| tree.to_string().contains("<body")).count(), 1, "{to} {heard:?}");
        }
        assert!(group.heard(tom).iter().all(|tree| tree.attr("type") != Some("error")));
    }

    // What is said on one is history on the other, and told there.
    for (at, other, id) in [(one, two, "s1"), (two, one, "s2")] {
        group.send(at, &body(TOM, id, id));
        group.pass(seconds(2));
        let heard = group.heard(other);
        let copies = heard.iter().filter(|t| t.child("sent").is_some_and(|sent| sent.to_string().contains(id)));
        assert_eq!(copies.count(), 1, "{id}: {heard:?}");
        assert_eq!(bodies(&group.heard(tom)).last(), Some(&id));
    }

    group.unlink(0, 1);
    group.pass(seconds(1));
    assert!(sees(&mut group, one, Some("unavailable"), &second) && sees(&mut group, two, Some("unavailable"), &first));
    group.link(0, 1);
    group.pass(seconds(2));
    group.disconnect(two);
    group.pass(seconds(1));
    let gone: Vec<_> = group.heard(one).iter().filter_map(|t| t.attr("type").map(str::to_owned)).collect();
    assert_eq!(gone, ["unavailable"], "it came back, and left");
}

/// The second laptop has a list of contacts of its own, which says nothing about the first one's.
#[test]
fn a_laptop_with_an_empty_list_ends_no_subscription() {
    let (mut group, one, _, tom) = shared(31);
    let tom_sees = |group: &mut Group, whom: &str| {
        group.heard(tom).iter().filter(|t| t.name == "presence" && t.attr("from") == Some(whom)).count()
    };
    group.send(tom, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    group.send(tom, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    group.pass(seconds(2));
    group.send(one, &format!("<presence type='subscribed' to='{TOM}'/>"));
    group.pass(seconds(2));
    let first = format!("{PAULO}/one");
    assert!(tom_sees(&mut group, &first) > 0);
    // Both laptops are probed.
    group.disconnect(tom);
    group.pass(seconds(1));
    group.come_back(tom);
    group.pass(seconds(2));
    let heard = group.glimpse(tom);
    assert!(heard.iter().all(|tree| tree.attr("type") != Some("unsubscribed")), "{heard:?}");
    assert!(tom_sees(&mut group, &first) > 0);
}

/// Of another laptop's domain one account is here; the others are where they live. And who left their first laptop is
/// where the second one is.
#[test]
fn people_of_a_shared_domain_are_where_they_live() {
    let (mut group, one, two, _) = shared(32);
    let ana = group.login(0, "ana", "a");
    group.pass(seconds(1));
    let to_ana = "ana@paulo.jirani.alt";
    group.send(two, &body(to_ana, "1", "hi"));
    group.pass(seconds(2));
    let heard = group.heard(ana);
    assert_eq!(bodies(&heard), ["hi"]);
    assert_eq!(heard.iter().find_map(|tree| tree.attr("from")), Some(&*format!("{PAULO}/two")));
    group.send(ana, &body(PAULO, "2", "hi both"));
    group.pass(seconds(2));
    for at in [one, two] {
        assert_eq!(bodies(&group.heard(at)).last(), Some(&"hi both"));
    }

    // Late words carry the stamp of when they were written, although their domain is one of which somebody is here.
    group.unlink(0, 1);
    group.pass(seconds(1));
    group.send(ana, &body(PAULO, "3", "late"));
    group.pass(seconds(60));
    group.link(0, 1);
    group.pass(seconds(2));
    let heard = group.heard(two);
    let late = heard.iter().find(|tree| tree.text_of("body") == "late").expect("it has come");
    assert_eq!(late.child("delay").and_then(|delay| delay.attr("from")), Some("paulo.jirani.alt"));

    // Nobody of the domain who is known to live elsewhere: as before.
    let ask = |group: &mut Group, at: At, to: &str| {
        group.heard(at);
        group.send(at, &body(to, "n", "anybody?"));
        group.pass(seconds(2));
        let heard = group.heard(at);
        let error = heard.iter().find(|tree| tree.attr("id") == Some("n"))?.child("error")?;
        Some(error.child("service-unavailable").is_some())
    };
    assert_eq!(ask(&mut group, ana, "nobody@paulo.jirani.alt"), Some(true));
    assert_eq!(ask(&mut group, two, "nobody@paulo.jirani.alt"), None, "it waits for who may have that name");

    // Paulo leaves his first laptop.
    assert_eq!(group.node(0).remove_account("paulo"), xmpp::Answer::Done);
    group.node(0).serve(|hosts| {
        hosts.away.insert(Bare::new(PAULO).unwrap());
    });
    group.heard(two);
    assert_eq!(ask(&mut group, ana, PAULO), None);
    assert_eq!(bodies(&group.heard(two)), ["anybody?"]);
    assert_eq!(group.node(0).owed("ana"), 0);
}

#[test]
fn a_message_costs_few_bytes_beside_itself() {
    let mut pair = Pair::befriended(11);
    pair.group.send(pair.lisa, &body(PAULO, "1", "x"));
    pair.group.pass(seconds(2));
    pair.group.heard(pair.lisa);
    let before = pair.group.carried();
    pair.group.send(pair.lisa, &body(PAULO, "2", "x"));
    pair.group.pass(seconds(2));
    let after = pair.group.carried();
    let stanza = format!(
        "<message xmlns='jabber:client' from='{LISA}/here' to='{PAULO}' id='2' type='chat'><body>x</body></message>"
    );
    assert_eq!(after.0 - before.0, 2, "the message and its confirmation");
    assert!((after.1 - before.1) as usize <= stanza.len() + 8 + 10, "{}", after.1 - before.1);
}
