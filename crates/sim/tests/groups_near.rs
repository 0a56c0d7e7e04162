//! Design, section 7 (D7, D9): people on a link who are no contacts: what they see of each other, and may say.

mod groups_common;

use base::limits::{APART_MAX, NEAR_BYTES_MAX, NEAR_CHARS_MAX, NEAR_HOUR_MAX, NEAR_MESSAGES_MAX, NEAR_PRESENCES_MAX};
use base::{Audience, Bare, Circle};
use groups_common::{LISA, PAULO, Pair, bodies, body, seconds};
use sim::Tree;
use xmpp::{Answer, Choice, Command};

fn bare(address: &str) -> Bare {
    Bare::new(address).unwrap()
}

/// The conditions of the errors among these, by the id of what they answer.
fn errors(heard: &[Tree]) -> Vec<(String, String)> {
    let error = |tree: &Tree| {
        let condition = tree.child("error")?.children.first()?.name.clone();
        Some((tree.attr("id").unwrap_or_default().to_owned(), condition))
    };
    heard.iter().filter(|tree| tree.attr("type") == Some("error")).filter_map(error).collect()
}

#[track_caller]
fn choose(pair: &mut Pair, audience: Audience) {
    let command = Command::Choose { address: bare(PAULO), choice: Choice::Audience(audience) };
    assert_eq!(pair.group.command(1, command), Answer::Done);
    pair.group.pass(seconds(1));
}

#[test]
fn strangers_who_are_near_see_each_other() {
    let mut pair = Pair::strangers(1);
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(true), Some(true)));
    pair.group.send(pair.lisa, "<presence><show>away</show><status>at lunch</status></presence>");
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.paulo);
    assert!(heard.iter().any(|tree| tree.text_of("status") == "at lunch"), "{heard:?}");
    pair.group.disconnect(pair.lisa);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_lisa(), Some(false));
    pair.group.come_back(pair.lisa);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_lisa(), Some(true));
    pair.group.unlink(0, 1);
    pair.group.pass(seconds(1));
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(false), Some(false)));
}

#[test]
fn a_stranger_says_three_things_until_they_are_answered() {
    let mut pair = Pair::strangers(2);
    for id in 1..=10 {
        pair.group.send(pair.lisa, &body(PAULO, &id.to_string(), "hello"));
    }
    pair.group.pass(seconds(2));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), usize::from(NEAR_MESSAGES_MAX));
    let refused = errors(&pair.group.heard(pair.lisa));
    let ids: Vec<&str> = refused.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["4", "5", "6", "7", "8", "9", "10"]);
    assert!(refused.iter().all(|(_, condition)| condition == "policy-violation"), "{refused:?}");

    // It is remembered.
    pair.group.crash(1);
    pair.group.pass(seconds(1));
    pair.group.come_back(pair.paulo);
    pair.group.pass(seconds(2));
    pair.group.heard(pair.paulo);
    pair.group.send(pair.lisa, &body(PAULO, "11", "still there?"));
    pair.group.pass(seconds(2));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);

    // What is no word is no answer; a word is.
    pair.group.send(
        pair.paulo,
        &format!("<message to='{LISA}' type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>"),
    );
    pair.group.send(pair.lisa, &body(PAULO, "12", "and now?"));
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
    pair.group.send(pair.paulo, &body(LISA, "a", "hello Lisa"));
    pair.group.pass(seconds(1));
    for id in 20..30 {
        pair.group.send(pair.lisa, &body(PAULO, &id.to_string(), &"x".repeat(NEAR_CHARS_MAX + 1)));
    }
    pair.group.pass(seconds(2));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), 10);
    assert_eq!(bodies(&pair.group.heard(pair.lisa)), ["hello Lisa"]);
}

#[test]
fn whoever_writes_first_hears_the_answer_at_length() {
    let mut pair = Pair::strangers(3);
    pair.group.send(pair.paulo, &body(LISA, "1", "who are you?"));
    pair.group.pass(seconds(1));
    let long = "a long story ".repeat(100);
    for id in 0..5 {
        pair.group.send(pair.lisa, &body(PAULO, &id.to_string(), &long));
    }
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), 5);
}

#[test]
fn a_strangers_words_are_short_and_nothing_but_words() {
    let letters = NEAR_CHARS_MAX;
    for (count, comes) in [(letters - 1, true), (letters, true), (letters + 1, false), (10 * letters, false)] {
        let mut pair = Pair::strangers(4);
        // Letters, not bytes.
        pair.group.send(pair.lisa, &body(PAULO, "1", &"ñ".repeat(count)));
        pair.group.pass(seconds(1));
        assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), usize::from(comes), "{count}");
    }
    let mut pair = Pair::strangers(5);
    let extra = "<x xmlns='jabber:x:oob'><url>http://a.example/</url></x><nick xmlns='http://jabber.org/protocol/nick'>Mum</nick>";
    pair.group.send(pair.lisa, &format!("<message to='{PAULO}' type='chat'><body>hi</body>{extra}</message>"));
    pair.group.send(pair.lisa, &format!("<message to='{PAULO}' type='chat'>{extra}</message>"));
    pair.group.send(
        pair.lisa,
        &format!(
            "<message to='{PAULO}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ),
    );
    pair.group.send(pair.lisa, &format!("<message to='{PAULO}' type='headline'><body>news</body></message>"));
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.paulo);
    assert_eq!(bodies(&heard), ["hi"]);
    let said: Vec<&Tree> = heard.iter().filter(|tree| tree.name == "message").collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].child("x").is_none() && said[0].child("nick").is_none());
}

#[test]
fn a_stranger_asks_the_daemon_and_not_the_client() {
    let mut pair = Pair::strangers(6);
    let version = "<query xmlns='jabber:iq:version'/>";
    pair.group.send(pair.lisa, &format!("<iq type='get' id='v' to='{PAULO}/there'>{version}</iq>"));
    pair.group.pass(seconds(1));
    let asked = pair.group.heard(pair.paulo);
    assert!(asked.iter().all(|tree| tree.attr("id") != Some("v")), "{asked:?}");
    assert_eq!(errors(&pair.group.heard(pair.lisa)), [("v".into(), "service-unavailable".into())]);
    pair.group.send(
        pair.lisa,
        &format!("<iq type='get' id='d' to='{PAULO}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"),
    );
    pair.group.pass(seconds(1));
    let heard = pair.group.heard(pair.lisa);
    assert!(heard.iter().any(|tree| tree.attr("id") == Some("d") && tree.attr("type") == Some("result")), "{heard:?}");
}

/// Attack case E15: a hundred made-up people are no more than a class of curious ones.
#[test]
fn strangers_together_say_so_much_in_an_hour() {
    let mut pair = Pair::strangers(7);
    let crowd: Vec<_> = (0..100).map(|n| pair.group.login(0, &format!("s{n}"), "r")).collect();
    pair.group.pass(seconds(2));
    pair.group.heard(pair.paulo);
    let say = |pair: &mut Pair| {
        for round in 0..NEAR_MESSAGES_MAX {
            for at in &crowd {
                pair.group.send(*at, &body(PAULO, &round.to_string(), "buy this"));
            }
        }
        pair.group.pass(seconds(5));
        bodies(&pair.group.heard(pair.paulo)).len()
    };
    assert_eq!(say(&mut pair), NEAR_HOUR_MAX as usize);
    pair.group.pass(seconds(3600));
    assert_eq!(say(&mut pair), NEAR_HOUR_MAX as usize);
    // Whom he knows is heard all the same.
    pair.group.send(pair.paulo, &body(LISA, "1", "what is going on?"));
    pair.group.pass(seconds(1));
    pair.group.send(pair.lisa, &body(PAULO, "1", "no idea"));
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), ["no idea"]);
}

/// What an audience lets through of whom.
#[test]
fn the_person_chooses_who_sees_and_reaches_them() {
    let circles = [Circle::Green, Circle::Yellow, Circle::Red];
    for (seed, audience) in Audience::ALL.into_iter().enumerate() {
        for circle in circles {
            let mut pair = Pair::strangers(10 + seed as u64);
            pair.group.circle(1, &bare(PAULO), &bare(LISA), circle);
            choose(&mut pair, audience);
            pair.group.send(pair.lisa, "<presence><status>hm</status></presence>");
            pair.group.send(pair.lisa, &body(PAULO, "1", "hello"));
            pair.group.pass(seconds(1));
            let heard = pair.group.heard(pair.paulo);
            let admitted = audience.admits(circle);
            assert_eq!(bodies(&heard).len(), usize::from(admitted), "{audience:?} {circle:?}");
            assert_eq!(heard.iter().any(|tree| tree.text_of("status") == "hm"), admitted, "{audience:?} {circle:?}");
            assert_eq!(pair.presence_of_paulo(), Some(admitted), "{audience:?} {circle:?}");
            let errors = errors(&pair.group.heard(pair.lisa));
            let expect: &[_] = if admitted { &[] } else { &[("1".to_owned(), "service-unavailable".to_owned())] };
            assert_eq!(errors, expect, "{audience:?} {circle:?}");
            // A friend is heard at length.
            pair.group.send(pair.lisa, &body(PAULO, "2", &"x".repeat(NEAR_CHARS_MAX + 1)));
            pair.group.pass(seconds(1));
            let heard = pair.group.heard(pair.paulo);
            assert_eq!(bodies(&heard).len(), usize::from(admitted && circle != Circle::Red), "{audience:?} {circle:?}");
            // He changes his mind, and a restart does not.
            choose(&mut pair, Audience::All);
            assert_eq!(pair.presence_of_paulo(), Some(true));
            choose(&mut pair, audience);
            assert_eq!(pair.presence_of_paulo(), Some(admitted));
            pair.group.crash(1);
            pair.group.pass(seconds(3));
            pair.group.come_back(pair.paulo);
            pair.group.pass(seconds(3));
            let admitted = audience.admits(Circle::Red);
            assert_eq!(pair.presence_of_paulo(), Some(admitted), "{audience:?}, nobody has told the circle yet");
        }
    }
}

#[test]
fn who_becomes_a_friend_appears() {
    let mut pair = Pair::strangers(20);
    choose(&mut pair, Audience::Green);
    assert_eq!(pair.presence_of_paulo(), Some(false));
    pair.group.circle(1, &bare(PAULO), &bare(LISA), Circle::Green);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_paulo(), Some(true));
    pair.group.circle(1, &bare(PAULO), &bare(LISA), Circle::Red);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_paulo(), Some(false));
}

#[test]
fn a_contact_stays_a_contact_whatever_the_audience() {
    let mut pair = Pair::befriended(21);
    choose(&mut pair, Audience::Nobody);
    assert_eq!((pair.presence_of_lisa(), pair.presence_of_paulo()), (Some(true), Some(true)));
    for id in 0..5 {
        pair.group.send(pair.lisa, &body(PAULO, &id.to_string(), "hello"));
    }
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), 5);
}

#[test]
fn whom_a_person_blocks_is_not_near() {
    let mut pair = Pair::strangers(22);
    pair.group.send(
        pair.paulo,
        &format!("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='{LISA}'/></block></iq>"),
    );
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_paulo(), Some(false));
    pair.group.heard(pair.paulo);
    pair.group.send(pair.paulo, "<presence><status>x</status></presence>");
    pair.group.send(pair.lisa, "<presence><status>y</status></presence>");
    pair.group.send(pair.lisa, &body(PAULO, "1", "hello"));
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
    assert_eq!(pair.presence_of_paulo(), Some(false));
}

/// What a stranger hides beside three short texts, or in them.
#[test]
fn a_strangers_message_is_one_short_text() {
    let long = "x".repeat(100_000);
    for (inner, comes) in [
        ("<body>hi</body><thread>t</thread>".to_owned(), true),
        (format!("<body xml:lang='fr'>hi</body><body>{long}</body>"), false),
        ("<body xml:lang='fr'>salut</body><body>hi</body>".to_owned(), false),
        (format!("<body>hi</body><thread>{long}</thread>"), false),
        (format!("<body>hi<b xmlns='u'>{long}</b></body>"), false),
        (format!("<body>hi</body><x xmlns='u'>{long}</x>"), true),
    ] {
        let mut pair = Pair::strangers(30);
        pair.group.send(pair.lisa, &format!("<message to='{PAULO}' id='1' type='chat'>{inner}</message>"));
        pair.group.pass(seconds(1));
        let heard = pair.group.heard(pair.paulo);
        assert_eq!(bodies(&heard).len(), usize::from(comes), "{}", &inner[..inner.len().min(60)]);
        let said = heard.iter().find(|tree| tree.name == "message");
        assert!(said.is_none_or(|said| said.child("x").is_none()));
    }
}

#[test]
fn a_strangers_message_has_so_many_bytes() {
    // Each as it would stand alone.
    let frame = "<body xmlns='jabber:client'>hi</body><thread xmlns='jabber:client'></thread>".len();
    for (bytes, comes) in
        [(NEAR_BYTES_MAX - 1, true), (NEAR_BYTES_MAX, true), (NEAR_BYTES_MAX + 1, false), (10 * NEAR_BYTES_MAX, false)]
    {
        let mut pair = Pair::strangers(36);
        let thread = "t".repeat(bytes - frame);
        let inner = format!("<body>hi</body><thread>{thread}</thread>");
        pair.group.send(pair.lisa, &format!("<message to='{PAULO}' type='chat'>{inner}</message>"));
        pair.group.pass(seconds(1));
        assert_eq!(bodies(&pair.group.heard(pair.paulo)).len(), usize::from(comes), "{bytes}");
    }
}

#[test]
fn a_stranger_asks_once_in_an_hour_and_adds_nothing_to_it() {
    let mut pair = Pair::strangers(31);
    let asks = |pair: &mut Pair| {
        for _ in 0..20 {
            let letter = "<status>a long letter</status><nick xmlns='http://jabber.org/protocol/nick'>Mum</nick>";
            pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'>{letter}</presence>"));
            pair.group.send(pair.lisa, &format!("<presence type='unsubscribe' to='{PAULO}'/>"));
        }
        pair.group.pass(seconds(2));
        let heard = pair.group.heard(pair.paulo);
        let asked: Vec<Tree> = heard.into_iter().filter(|tree| tree.attr("type") == Some("subscribe")).collect();
        assert!(asked.iter().all(|asked| asked.children.is_empty()), "{asked:?}");
        asked.len()
    };
    assert_eq!(asks(&mut pair), 1);
    assert_eq!(asks(&mut pair), 0);
    pair.group.pass(seconds(3600));
    assert_eq!(asks(&mut pair), 1);
}

#[test]
fn a_strangers_presence_is_passed_on_at_a_pace() {
    let mut pair = Pair::strangers(32);
    pair.group.heard(pair.paulo);
    for n in 0..200 {
        pair.group.send(pair.lisa, &format!("<presence><status>{n}</status></presence>"));
    }
    pair.group.pass(seconds(5));
    let told = pair.group.heard(pair.paulo).iter().filter(|tree| tree.name == "presence").count();
    assert!((1..=NEAR_PRESENCES_MAX as usize + 5).contains(&told), "{told}");
    pair.group.pass(seconds(10));
    pair.group.send(pair.lisa, "<presence><status>the last</status></presence>");
    pair.group.pass(seconds(1));
    assert!(pair.group.heard(pair.paulo).iter().any(|tree| tree.text_of("status") == "the last"));
    pair.group.disconnect(pair.lisa);
    pair.group.pass(seconds(1));
    assert_eq!(pair.presence_of_lisa(), Some(false));
}

/// When somebody was here last is told to who may always see them, not to whoever passes by.
#[test]
fn a_stranger_does_not_hear_when_somebody_was_there() {
    let mut pair = Pair::strangers(33);
    pair.group.send(pair.lisa, &format!("<iq type='get' id='l' to='{PAULO}'><query xmlns='jabber:iq:last'/></iq>"));
    pair.group.pass(seconds(1));
    assert_eq!(errors(&pair.group.heard(pair.lisa)), [("l".into(), "forbidden".into())]);
}

/// An answer that is not to be kept is an answer, too.
#[test]
fn whoever_was_written_to_without_a_trace_may_answer() {
    let mut pair = Pair::strangers(34);
    choose(&mut pair, Audience::Green);
    let hint = "<no-store xmlns='urn:xmpp:hints'/>";
    pair.group.send(pair.paulo, &format!("<message to='{LISA}' type='chat'><body>psst</body>{hint}</message>"));
    pair.group.pass(seconds(1));
    pair.group.heard(pair.paulo);
    pair.group.send(pair.lisa, &body(PAULO, "1", "yes?"));
    pair.group.pass(seconds(1));
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), ["yes?"]);
}

/// Two laptops of one person, each with contacts of its own: what one cannot hear waits for the other.
#[test]
fn what_is_not_for_one_laptop_waits_for_the_other() {
    let mut group = sim::Group::new(35, &["lisa.jirani.alt", "paulo.jirani.alt", "paulo.jirani.alt"]);
    let (lisa, one, two) =
        (group.login(0, "lisa", "l"), group.login(1, "paulo", "one"), group.login(2, "paulo", "two"));
    group.send(one, &groups_common::contact(LISA));
    group.link_all();
    group.pass(seconds(2));
    let command = Command::Choose { address: bare(PAULO), choice: Choice::Audience(Audience::Nobody) };
    assert_eq!(group.command(2, command), Answer::Done);
    group.unlink(0, 1);
    group.pass(seconds(1));
    group.heard(lisa);
    for id in 1..=5 {
        group.send(lisa, &body(PAULO, &id.to_string(), "hello"));
    }
    group.pass(seconds(60));
    assert_eq!(bodies(&group.heard(two)), [] as [&str; 0]);
    assert_eq!(errors(&group.heard(lisa)), [], "it is not refused");
    group.link(0, 1);
    group.pass(seconds(5));
    assert_eq!(bodies(&group.heard(one)).len(), 5);
    assert_eq!(bodies(&group.heard(two)).len(), 5, "the first laptop hands them on");
    assert_eq!(group.node(0).owed("lisa"), 0);
}

#[test]
fn requests_of_those_who_are_not_admitted_are_kept_apart() {
    let mut pair = Pair::strangers(23);
    choose(&mut pair, Audience::Green);
    pair.group.heard(pair.paulo);
    let crowd: Vec<_> = (0..2 * APART_MAX).map(|n| pair.group.login(0, &format!("s{n}"), "r")).collect();
    for at in &crowd {
        pair.group.send(*at, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    }
    pair.group.pass(seconds(2));
    let heard = pair.group.heard(pair.paulo);
    assert!(heard.iter().all(|tree| tree.attr("type") != Some("subscribe")), "{heard:?}");
    assert_eq!(pair.group.node(1).neighbour_records("paulo", "asks "), APART_MAX);
}
