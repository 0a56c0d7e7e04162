//! Design, section 7, requirement B3: people in reach in the contact list of an ordinary client, over links that come and go.

mod groups_common;

use std::collections::BTreeMap;

use base::limits::{CHAT_OPEN_TIME, IN_REACH_LINGER_TIME, IN_REACH_SHOWN_MAX};
use base::{Audience, Bare, Circle};
use groups_common::{LISA, PAULO, Pair, body, seconds};
use sim::group::At;
use sim::{Group, Tree};
use xmpp::{Answer, Choice, Command};

const ROSTER: &str = "jabber:iq:roster";
const GROUP: &str = "In reach";

fn bare(address: &str) -> Bare {
    Bare::new(address).unwrap()
}

/// What a client shows: names by address, as results and pushes have told it. It believes what it was told.
#[derive(Default)]
struct Shown {
    names: BTreeMap<String, String>,
    version: String,
    pushes: usize,
    /// Presence that came for somebody whom it did not show.
    lost: Vec<String>,
    /// Addresses whose presence had capabilities or a picture's hash.
    curious: Vec<String>,
    present: BTreeMap<String, bool>,
}

impl Shown {
    fn take(&mut self, heard: Vec<Tree>) {
        for tree in heard {
            if let Some(query) = tree.child("query").filter(|query| query.namespace == ROSTER) {
                self.version = query.attr("ver").unwrap_or_default().to_owned();
                self.pushes += usize::from(tree.attr("type") == Some("set"));
                for item in query.children.iter().filter(|child| child.name == "item") {
                    let jid = item.attr("jid").unwrap_or_default().to_owned();
                    match item.attr("subscription") {
                        Some("remove") => drop(self.names.remove(&jid)),
                        _ => drop(self.names.insert(jid, item.attr("name").unwrap_or_default().to_owned())),
                    }
                }
            }
            let from = tree.attr("from").unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
            if tree.name == "presence" && from != LISA {
                if !self.names.contains_key(&from) {
                    self.lost.push(from.clone());
                }
                assert!(tree.child("nick").is_none(), "attack case D18: {tree:?}");
                if tree.child("c").is_some() || tree.child("x").is_some() {
                    self.curious.push(from.clone());
                }
                match tree.attr("type") {
                    None => drop(self.present.insert(from, true)),
                    Some("unavailable") => drop(self.present.insert(from, false)),
                    Some(_) => {}
                }
            }
        }
    }

    fn names(&self) -> Vec<&str> {
        self.names.values().map(String::as_str).collect()
    }
}

/// Time goes by, and what Lisa's client hears is taken in.
fn pass(group: &mut Group, at: At, shown: &mut Shown, time: u64) {
    group.pass(seconds(time));
    shown.take(group.heard(at));
}

/// Lisa, who has just read her list, and Paulo, who has come.
fn lisa_and_paulo(seed: u64) -> (Pair, Shown) {
    let mut pair = Pair::strangers(seed);
    let mut shown = Shown::default();
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.names(), ["paulo (not verified)"]);
    // She was online before she asked for her list, and so was he.
    shown.lost.clear();
    (pair, shown)
}

fn ask(group: &mut Group, at: At, ver: &str) -> Vec<Tree> {
    group.heard(at);
    group.send(at, &format!("<iq type='get' id='again'><query xmlns='{ROSTER}' ver='{ver}'/></iq>"));
    group.pass(seconds(1));
    group.heard(at)
}

fn set(group: &mut Group, at: At, shown: &mut Shown, item: &str) -> Tree {
    group.send(at, &format!("<iq type='set' id='set'><query xmlns='{ROSTER}'>{item}</query></iq>"));
    group.pass(seconds(1));
    let heard = group.heard(at);
    let answer = heard.iter().find(|tree| tree.attr("id") == Some("set")).cloned();
    shown.take(heard);
    answer.expect("it is answered")
}

#[test]
fn who_comes_is_in_the_list_and_then_there() {
    let (mut pair, mut shown) = lisa_and_paulo(1);
    let whole = ask(&mut pair.group, pair.lisa, "");
    let item = whole[0].child("query").unwrap().child("item").unwrap();
    let said = ["jid", "name", "subscription"].map(|name| item.attr(name).unwrap_or_default());
    assert_eq!(said, [PAULO, "paulo (not verified)", "both"]);
    assert_eq!((item.text_of("group"), item.attr("ask")), (GROUP, None));
    shown.take(whole);
    assert_eq!(shown.present.get(PAULO), Some(&true));
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
    // Whoever says more of themselves is heard; what draws questions is left out.
    let curious = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>\
                   <x xmlns='vcard-temp:x:update'><photo>p</photo></x>\
                   <nick xmlns='http://jabber.org/protocol/nick'>Mama</nick>";
    pair.group.send(pair.paulo, &format!("<presence><show>away</show>{curious}</presence>"));
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.lisa);
    assert!(heard.iter().any(|tree| tree.text_of("show") == "away"), "{heard:?}");
    shown.take(heard);
    assert_eq!(shown.curious, [] as [&str; 0]);
    // Nor is it heard because a stranger has written.
    pair.group.send(pair.paulo, &body(LISA, "0", "are you there?"));
    pair.group.send(pair.paulo, &format!("<presence><show>away</show>{curious}</presence>"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.curious, [] as [&str; 0]);
    // A chat is open: their clients learn of each other.
    pair.group.send(pair.lisa, &body(PAULO, "1", "hello"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.curious, [PAULO]);
    pair.group.send(pair.paulo, &format!("<presence>{curious}</presence>"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.curious, [PAULO, PAULO]);
    // And no more when it is over.
    pass(&mut pair.group, pair.lisa, &mut shown, CHAT_OPEN_TIME.as_secs());
    pair.group.send(pair.paulo, &format!("<presence>{curious}</presence>"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.curious.len(), 2);
}

#[test]
fn who_is_away_for_a_moment_is_not_taken_out_and_in_again() {
    let linger = IN_REACH_LINGER_TIME.as_secs();
    let (mut pair, mut shown) = lisa_and_paulo(2);
    let pushes = shown.pushes;
    pair.group.unlink(0, 1);
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.present.get(PAULO), Some(&false), "gone at once");
    pass(&mut pair.group, pair.lisa, &mut shown, linger - 3);
    pair.group.link(0, 1);
    pass(&mut pair.group, pair.lisa, &mut shown, 2 * linger);
    assert_eq!((shown.present.get(PAULO), shown.pushes), (Some(&true), pushes));

    pair.group.unlink(0, 1);
    pass(&mut pair.group, pair.lisa, &mut shown, linger - 1);
    assert_eq!(shown.names().len(), 1);
    pass(&mut pair.group, pair.lisa, &mut shown, 2);
    assert_eq!(shown.names(), [] as [&str; 0]);
    pair.group.link(0, 1);
    pass(&mut pair.group, pair.lisa, &mut shown, 2);
    assert_eq!((shown.names().len(), shown.present.get(PAULO)), (1, Some(&true)));
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);

    // With an open chat they stay longer: from the person's own words on.
    pair.group.send(pair.lisa, &body(PAULO, "1", "I must go"));
    pair.group.pass(seconds(1));
    pair.group.send(pair.paulo, &body(LISA, "2", "so do I"));
    pair.group.pass(seconds(1));
    pair.group.unlink(0, 1);
    pass(&mut pair.group, pair.lisa, &mut shown, CHAT_OPEN_TIME.as_secs() - 3);
    assert_eq!(shown.names().len(), 1);
    pass(&mut pair.group, pair.lisa, &mut shown, 3);
    assert_eq!(shown.names(), [] as [&str; 0]);
}

/// XEP-0352: a telephone in a cafe sleeps while people come and go.
#[test]
fn a_client_nobody_looks_at_hears_of_it_later() {
    let (mut pair, mut shown) = lisa_and_paulo(8);
    pair.group.send(pair.lisa, "<inactive xmlns='urn:xmpp:csi:0'/>");
    for _ in 0..3 {
        pair.group.unlink(0, 1);
        pair.group.pass(seconds(2 * IN_REACH_LINGER_TIME.as_secs()));
        pair.group.link(0, 1);
        pair.group.pass(seconds(5));
    }
    assert_eq!(pair.group.heard(pair.lisa), [], "nothing wakes it");
    let pushes = shown.pushes;
    pair.group.send(pair.paulo, &body(LISA, "1", "hello"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.pushes, pushes + 6);
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
    assert_eq!((shown.names().len(), shown.present.get(PAULO)), (1, Some(&true)));
}

#[test]
fn a_client_that_was_away_is_told_who_is_gone() {
    for crash in [false, true] {
        let (mut pair, mut shown) = lisa_and_paulo(3);
        pass(&mut pair.group, pair.lisa, &mut shown, 2);
        pair.group.disconnect(pair.lisa);
        pair.group.unlink(0, 1);
        pair.group.pass(seconds(100));
        if crash {
            pair.group.crash(0);
        }
        pair.group.come_back(pair.lisa);
        pair.group.pass(seconds(1));
        let heard = ask(&mut pair.group, pair.lisa, &shown.version);
        let about =
            |tree: &Tree| tree.child("query").is_some().then(|| tree.attr("type").unwrap_or_default().to_owned());
        let order: Vec<String> = heard.iter().filter_map(about).collect();
        assert_eq!(order, ["result", "set"], "the push follows the result: {heard:?}");
        assert_eq!(pair.group.node(0).neighbour_records("lisa", "shown"), 1);
        shown.take(heard);
        assert_eq!(shown.names(), [] as [&str; 0]);
        // Once is enough, and nothing is left of it.
        pair.group.pass(seconds(2));
        assert_eq!(pair.group.node(0).neighbour_records("lisa", "shown"), 0);
        let heard = ask(&mut pair.group, pair.lisa, &shown.version);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].child("query").is_none(), "nothing is new");
    }
}

#[test]
fn a_version_is_of_the_contacts_and_of_those_in_reach() {
    let (mut pair, shown) = lisa_and_paulo(4);
    let (count, digest) = shown.version.split_once('-').expect("somebody is shown");
    assert!(count.parse::<u64>().is_ok() && digest.len() == 16, "{}", shown.version);
    let same = ask(&mut pair.group, pair.lisa, &shown.version);
    assert!(same[0].child("query").is_none() && same.iter().skip(1).all(|tree| tree.name == "presence"), "{same:?}");
    for other in ["", count, &format!("{count}-0123456789abcdef")] {
        let heard = ask(&mut pair.group, pair.lisa, other);
        assert_eq!(heard[0].child("query").map(|query| query.children.len()), Some(1), "{other}: {heard:?}");
    }
}

#[test]
fn who_is_removed_is_hidden_until_the_person_writes_to_them() {
    let (mut pair, mut shown) = lisa_and_paulo(5);
    let remove = format!("<item jid='{PAULO}' subscription='remove'/>");
    assert_eq!(set(&mut pair.group, pair.lisa, &mut shown, &remove).attr("type"), Some("result"));
    assert_eq!(shown.names(), [] as [&str; 0]);
    let again = set(&mut pair.group, pair.lisa, &mut shown, "<item jid='eva@eva.jirani.alt' subscription='remove'/>");
    assert!(again.child("error").is_some_and(|error| error.child("item-not-found").is_some()));
    for restart in [false, true] {
        if restart {
            pair.group.pass(seconds(1));
            pair.group.crash(0);
            pair.group.pass(seconds(1));
            pair.group.come_back(pair.lisa);
            pair.group.link(0, 1);
            pair.group.pass(seconds(2));
            assert!(pair.group.is_ready(pair.lisa));
            shown.take(ask(&mut pair.group, pair.lisa, ""));
        }
        pair.group.unlink(0, 1);
        pass(&mut pair.group, pair.lisa, &mut shown, 60);
        pair.group.link(0, 1);
        pass(&mut pair.group, pair.lisa, &mut shown, 5);
        pair.group.send(pair.paulo, "<presence><show>dnd</show></presence>");
        pair.group.send(pair.paulo, &body(LISA, "1", "hello?"));
        pass(&mut pair.group, pair.lisa, &mut shown, 1);
        assert_eq!(shown.names(), [] as [&str; 0], "restart: {restart}");
    }
    shown.lost.clear();
    pair.group.send(pair.lisa, &body(PAULO, "2", "hello"));
    pass(&mut pair.group, pair.lisa, &mut shown, 2);
    assert_eq!(shown.names(), ["paulo (not verified)"]);
    assert_eq!(shown.present.get(PAULO), Some(&true));
    assert_eq!(pair.group.node(0).neighbour_records("lisa", "hidden"), 0);
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
}

#[test]
fn who_is_renamed_becomes_a_contact() {
    let (mut pair, mut shown) = lisa_and_paulo(6);
    // What changes nothing changes nothing.
    let pushes = shown.pushes;
    let same = format!("<item jid='{PAULO}' name='paulo (not verified)'><group>{GROUP}</group></item>");
    assert_eq!(set(&mut pair.group, pair.lisa, &mut shown, &same).attr("type"), Some("result"));
    assert_eq!(shown.pushes, pushes);
    for (seed, wanted, name, group) in [
        (7, format!("<item jid='{PAULO}' name='Paul'><group>{GROUP}</group></item>"), Some("Paul"), None),
        (
            8,
            format!("<item jid='{PAULO}' name='paulo (not verified)'><group>Class</group></item>"),
            Some("paulo"),
            Some("Class"),
        ),
        (9, format!("<item jid='{PAULO}'/>"), None, None),
    ] {
        let (mut pair, mut shown) = lisa_and_paulo(seed);
        pair.group.heard(pair.paulo);
        assert_eq!(set(&mut pair.group, pair.lisa, &mut shown, &wanted).attr("type"), Some("result"));
        let whole = ask(&mut pair.group, pair.lisa, "");
        let items: Vec<&Tree> = whole[0].child("query").unwrap().children.iter().collect();
        let [item] = items[..] else { panic!("{whole:?}") };
        assert_eq!((item.attr("name"), item.child("group").map(|g| g.text.as_str())), (name, group));
        let said = ["subscription", "ask", "approved"].map(|name| item.attr(name).unwrap_or_default());
        assert_eq!(said, ["none", "subscribe", "true"]);
        let asked = pair.group.heard(pair.paulo);
        assert!(asked.iter().any(|tree| tree.attr("type") == Some("subscribe")), "{asked:?}");
        // Paulo agrees and asks, too: that is answered already.
        pair.group.send(pair.paulo, &format!("<presence type='subscribed' to='{LISA}'/>"));
        pair.group.send(pair.paulo, &format!("<presence type='subscribe' to='{LISA}'/>"));
        pair.group.pass(seconds(2));
        let whole = ask(&mut pair.group, pair.lisa, "");
        assert_eq!(whole[0].child("query").unwrap().child("item").unwrap().attr("subscription"), Some("both"));
        // Removed as a contact, he is no neighbour either.
        let remove = format!("<item jid='{PAULO}' subscription='remove'/>");
        set(&mut pair.group, pair.lisa, &mut shown, &remove);
        pass(&mut pair.group, pair.lisa, &mut shown, 5);
        assert_eq!(shown.names(), [] as [&str; 0]);
    }
}

#[test]
fn an_ordinary_subscription_takes_the_place() {
    let (mut pair, mut shown) = lisa_and_paulo(10);
    pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    let whole = ask(&mut pair.group, pair.lisa, "");
    let item = whole[0].child("query").unwrap().child("item").unwrap();
    assert_eq!((item.attr("subscription"), item.child("group")), (Some("none"), None));
    assert_eq!(whole[0].child("query").unwrap().children.len(), 1);
}

#[test]
fn circles_and_choices_are_seen_at_once() {
    let (mut pair, mut shown) = lisa_and_paulo(11);
    pair.group.circle(0, &bare(LISA), &bare(PAULO), Circle::Green);
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.names(), ["paulo"]);
    pair.group.circle(0, &bare(LISA), &bare(PAULO), Circle::Yellow);
    pass(&mut pair.group, pair.lisa, &mut shown, 1);
    assert_eq!(shown.names(), ["paulo (not verified)"]);
    for (audience, expect) in [(Audience::Green, 0), (Audience::Yellow, 1), (Audience::Nobody, 0), (Audience::All, 1)] {
        let command = Command::Choose { address: bare(LISA), choice: Choice::Audience(audience) };
        assert_eq!(pair.group.command(0, command), Answer::Done);
        pass(&mut pair.group, pair.lisa, &mut shown, 1);
        assert_eq!(shown.names().len(), expect, "{audience:?}");
    }
    for (verb, expect) in [("block", 0), ("unblock", 1)] {
        let item = format!("<{verb} xmlns='urn:xmpp:blocking'><item jid='{PAULO}'/></{verb}>");
        pair.group.send(pair.lisa, &format!("<iq type='set' id='b'>{item}</iq>"));
        pass(&mut pair.group, pair.lisa, &mut shown, 1);
        assert_eq!(shown.names().len(), expect, "{verb}");
    }
    assert_eq!(shown.present.get(PAULO), Some(&true));
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
}

/// A client that does not ask for its contacts is told who is there and no more; one that asks late misses nothing.
#[test]
fn a_list_is_for_who_asks() {
    let mut group = Group::new(12, &["lisa.jirani.alt", "paulo.jirani.alt"]);
    let (lisa, _) = (group.login(0, "lisa", "here"), group.login(1, "paulo", "there"));
    group.link(0, 1);
    let mut shown = Shown::default();
    pass(&mut group, lisa, &mut shown, 2);
    assert_eq!((shown.pushes, shown.present.remove(PAULO)), (0, Some(true)));
    shown.lost.clear();
    shown.take(ask(&mut group, lisa, ""));
    assert_eq!((shown.names(), shown.present.get(PAULO)), (vec!["paulo (not verified)"], Some(&true)));
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
}

/// A hundred people on other laptops, two of them called alike.
#[test]
fn a_hundred_neighbours_in_one_list() {
    let mut group = Group::new(13, &["lisa.jirani.alt", "otter.jirani.alt", "lamp.jirani.alt"]);
    let lisa = group.login(0, "lisa", "here");
    group.send(lisa, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let caps = "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>";
    let mut others = Vec::new();
    for member in [1, 2] {
        for n in 0..50 {
            let name = if n == 0 { "anna".to_owned() } else { format!("p{member}{n:02}") };
            let at = group.login(member, &name, "there");
            group.send(at, caps);
            others.push((name, at));
        }
    }
    group.pass(seconds(1));
    let mut shown = Shown::default();
    pass(&mut group, lisa, &mut shown, 1);
    group.link(0, 1);
    group.link(0, 2);
    pass(&mut group, lisa, &mut shown, 5);
    assert_eq!(shown.names.len(), IN_REACH_SHOWN_MAX);
    assert_eq!(shown.pushes, IN_REACH_SHOWN_MAX, "nobody came and went");
    let there = shown.names.keys().filter(|jid| shown.present.get(*jid) == Some(&true));
    assert_eq!(there.count(), IN_REACH_SHOWN_MAX);
    assert!(shown.lost.is_empty() && shown.curious.is_empty(), "{:?} {:?}", shown.lost, shown.curious);

    // Whoever she writes to has a place, and so have those whom she knows.
    for (domain, circle, expect) in
        [("otter.jirani.alt", None, "anna (not verified)"), ("lamp.jirani.alt", Some(Circle::Green), "anna · lamp")]
    {
        let anna = bare(&format!("anna@{domain}"));
        match circle {
            Some(circle) => group.circle(0, &bare(LISA), &anna, circle),
            None => group.send(lisa, &body(anna.as_str(), "1", "is it you?")),
        }
        pass(&mut group, lisa, &mut shown, 2);
        assert_eq!(shown.names.len(), IN_REACH_SHOWN_MAX);
        assert_eq!(shown.names.get(anna.as_str()).map(String::as_str), Some(expect));
        assert_eq!(shown.present.get(anna.as_str()), Some(&true));
    }
    assert_eq!(shown.names["anna@otter.jirani.alt"], "anna · otter (not verified)");

    // Half of them leave: after a moment the others take their places.
    group.unlink(0, 1);
    pass(&mut group, lisa, &mut shown, 1);
    let here = |shown: &Shown| shown.names.keys().filter(|jid| shown.present.get(*jid) == Some(&true)).count();
    assert_eq!(here(&shown), IN_REACH_SHOWN_MAX, "there is room for others at once");
    pass(&mut group, lisa, &mut shown, IN_REACH_LINGER_TIME.as_secs() + 1);
    let gone: Vec<_> = shown.names.keys().filter(|jid| jid.ends_with("otter.jirani.alt")).collect();
    assert_eq!(gone, ["anna@otter.jirani.alt"], "only with whom she talks");
    assert_eq!(here(&shown), IN_REACH_SHOWN_MAX);
    assert!(shown.lost.is_empty(), "{:?}", shown.lost);
    assert_eq!(shown.curious.iter().filter(|jid| !jid.starts_with("anna@otter")).count(), 0, "{:?}", shown.curious);

    // What one of many says costs those who show them, and nobody else.
    let before = group.carried();
    group.send(others[99].1, "<presence><status>tired</status></presence>");
    group.pass(seconds(1));
    assert_eq!(group.carried().0 - before.0, 1);
}

/// A client that hears half of the pushes must not believe that it has all.
#[test]
fn a_version_in_the_middle_of_pushes_is_nobodys() {
    let mut pair = Pair::strangers(14);
    pair.group.heard(pair.lisa);
    let answer =
        pair.group.command(0, Command::Choose { address: bare(LISA), choice: Choice::Audience(Audience::Nobody) });
    assert_eq!(answer, Answer::Done);
    for n in 0..3 {
        pair.group.make_account(1, &format!("p{n}"));
    }
    pair.group.pass(seconds(1));
    pair.group.heard(pair.lisa);
    pair.group.command(0, Command::Choose { address: bare(LISA), choice: Choice::Audience(Audience::All) });
    pair.group.pass(seconds(1));
    let pushes = pair.group.heard(pair.lisa);
    let version = |tree: &Tree| tree.child("query")?.attr("ver").map(str::to_owned);
    let versions: Vec<String> = pushes.iter().filter_map(version).collect();
    assert_eq!(versions.len(), 4, "{pushes:?}");
    for (n, version) in versions.iter().enumerate() {
        let heard = ask(&mut pair.group, pair.lisa, version);
        assert_eq!(heard[0].child("query").is_none(), n == 3, "{version}: {heard:?}");
    }
}
