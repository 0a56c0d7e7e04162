//! Design, section 7: the daemon as everybody's contact: in the list, in words, in menus.

mod common;
mod groups_common;

use std::time::Duration;

use base::ledger::StoreError;
use base::limits::{CONTACT_LINE_BYTES_MAX, CONTACT_LINES_MAX, ROSTER_NAME_BYTES_MAX};
use base::{Audience, Bare, Circle, DeviceId};
use common::{heard, hears, online, roster};
use groups_common::{LISA, PAULO, Pair, bodies, body, seconds};
use mesh::finding::Reason;
use mesh::verification::{Act, Cause, Event};
use sim::bench::{DOMAIN, Setup, login};
use sim::{Bench, Goal, Login, Seat, Tree};
use xmpp::{Answer, Choice, Command};

fn bare(address: &str) -> Bare {
    Bare::new(address).unwrap()
}

fn with_contact(seed: u64) -> Bench {
    Bench::set_up(seed, Setup { contact: true, ..Setup::default() })
}

/// Somebody comes in reach, or leaves.
fn reach(bench: &mut Bench, number: u16, address: &str, up: bool) {
    let mut device = [0; 32];
    device[..2].copy_from_slice(&number.to_be_bytes());
    bench.reach(DeviceId(device), &bare(address), up);
}

fn line(bench: &mut Bench, seat: Seat, text: &str) {
    bench.send(seat, &format!("<message to='{DOMAIN}' type='chat' id='l'><body>{text}</body></message>"));
}

/// What the daemon has said to a client since it was asked last.
#[track_caller]
fn said(bench: &mut Bench, seat: Seat) -> Vec<String> {
    let from_daemon =
        |tree: &&Tree| tree.name == "message" && tree.attr("from") == Some(DOMAIN) && tree.attr("type") == Some("chat");
    let heard = bench.received(seat);
    heard.iter().filter(from_daemon).map(|tree| tree.text_of("body").to_owned()).collect()
}

/// A line and its only answer.
#[track_caller]
fn ask(bench: &mut Bench, seat: Seat, text: &str) -> String {
    said(bench, seat);
    line(bench, seat, text);
    let mut said = said(bench, seat);
    assert_eq!(said.len(), 1, "{text}: {said:?}");
    said.remove(0)
}

/// The bodies in an account's history.
fn history(bench: &mut Bench, seat: Seat) -> Vec<String> {
    bench.received(seat);
    bench.send(seat, "<iq type='set' id='h'><query xmlns='urn:xmpp:mam:2'/></iq>");
    let message =
        |tree: &Tree| Some(tree.child("result")?.child("forwarded")?.child("message")?.text_of("body").to_owned());
    bench.received(seat).iter().filter_map(message).collect()
}

#[test]
fn lines_are_answered_and_both_are_history() {
    let mut bench = Bench::new(1);
    let maria = bench.login_managed("maria", "laptop");
    line(&mut bench, maria, "/WHO?");
    let answer = "Nobody is near. Write why to see what may be the reason.";
    assert_eq!(said(&mut bench, maria), [answer]);
    assert!(bench.client_of(maria).acknowledged().iter().any(|stanza| stanza.contains("/WHO?")));
    assert!(ask(&mut bench, maria, "help").contains("\nhide – "));
    assert_eq!(ask(&mut bench, maria, "what"), "I do not understand that. Write help to see what you can ask me.");
    let kept = history(&mut bench, maria);
    assert_eq!(kept.len(), 6);
    assert_eq!((&*kept[0], &*kept[1], &*kept[2], &*kept[4]), ("/WHO?", answer, "help", "what"));
    bench.crash();
    bench.connect(maria, Goal::Online);
    assert_eq!(history(&mut bench, maria), kept);
}

/// Nothing is said to what says nothing, or two machines would talk for ever.
#[test]
fn what_has_no_words_is_not_answered() {
    let mut bench = Bench::new(2);
    let maria = bench.login("maria", "laptop");
    for message in [
        "<message to='jirani.example' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        "<message to='jirani.example'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
        "<message to='jirani.example' type='chat'><body> \n </body></message>",
        "<message to='jirani.example' type='error'><body>help</body></message>",
    ] {
        bench.send(maria, message);
    }
    bench.expect_nothing(maria);
    // What only rooms and feeds say is still refused.
    bench.send(maria, "<message to='jirani.example' type='groupchat' id='g'><body>help</body></message>");
    bench.expect(maria, "<message type='error' id='g'/>");
    bench.expect_nothing(maria);
}

#[test]
fn a_flood_of_lines_is_answered_in_part() {
    let mut bench = Bench::new(3);
    let maria = bench.login("maria", "laptop");
    for _ in 0..10 * CONTACT_LINES_MAX {
        line(&mut bench, maria, "who");
    }
    let answers = said(&mut bench, maria);
    assert_eq!(answers.len() as u32, CONTACT_LINES_MAX + 1);
    assert_eq!(answers.last().unwrap(), "That is too much for me at once. Wait a minute, then go on.");
    bench.pass(Duration::from_secs(61));
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody"));
    // An echo of what the daemon says ends soon.
    let mut echoes = 0;
    line(&mut bench, maria, "hello");
    while let Some(answer) = said(&mut bench, maria).pop() {
        echoes += 1;
        line(&mut bench, maria, &answer);
    }
    assert_eq!(echoes, 3);
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody"), "who says something is answered again");
}

#[test]
fn a_long_line_is_not_read() {
    let mut bench = Bench::new(18);
    let maria = bench.login("maria", "laptop");
    for (bytes, is_read) in [
        (CONTACT_LINE_BYTES_MAX - 1, true),
        (CONTACT_LINE_BYTES_MAX, true),
        (CONTACT_LINE_BYTES_MAX + 1, false),
        (CONTACT_LINE_BYTES_MAX * 10, false),
    ] {
        let answer = ask(&mut bench, maria, &format!("who {}", "x".repeat(bytes - 4)));
        assert_eq!(answer.starts_with("Nobody is near."), is_read, "{bytes}");
    }
}

#[test]
fn who_is_near() {
    let mut bench = Bench::new(4);
    let maria = bench.login("maria", "laptop");
    bench.circle(&bare("maria@jirani.example"), &bare("tom@a.jirani.alt"), Circle::Green);
    reach(&mut bench, 1, "tom@a.jirani.alt", true);
    reach(&mut bench, 2, "tom@b.jirani.alt", true);
    bench.pass(Duration::from_secs(130));
    reach(&mut bench, 3, "ana@c.jirani.alt", true);
    let who = "3 people are near:\ntom · a: verified, here for 2 minutes\nana: not verified, came just now\n\
               tom · b: not verified, here for 2 minutes";
    assert_eq!(ask(&mut bench, maria, "who"), who);
    assert_eq!(ask(&mut bench, maria, "why"), who, "somebody is there");
    for number in 4..1000 {
        reach(&mut bench, number, &format!("p{number}@d.jirani.alt"), true);
    }
    let answer = ask(&mut bench, maria, "who");
    assert_eq!((answer.lines().count(), answer.lines().last()), (22, Some("and 979 more")), "{answer}");
    reach(&mut bench, 1, "tom@a.jirani.alt", false);
    assert!(ask(&mut bench, maria, "who").starts_with("998 people"));
}

#[test]
fn why_nobody_is_near() {
    let mut bench = Bench::new(5);
    let maria = bench.login("maria", "laptop");
    assert_eq!(ask(&mut bench, maria, "why"), "I am still looking. Others come within a minute if they are there.");
    bench.network(Some(Reason::NoInterface));
    assert!(ask(&mut bench, maria, "why").starts_with("This computer is connected to no network."));
    bench.network(None);
    ask(&mut bench, maria, "hide");
    assert!(ask(&mut bench, maria, "why").starts_with("You let nobody see you"));
}

#[test]
fn who_may_see_a_person_is_chosen_in_words() {
    let mut bench = Bench::new(6);
    let maria = bench.login("maria", "laptop");
    assert!(ask(&mut bench, maria, "show").starts_with("Everybody near can see you."));
    for (line, expect) in [
        ("hide", "Nobody can see you now."),
        ("show friends", "People you know can see you, and people for whom two of them vouch."),
        ("mostrar conocidos", "People you know can see you:"),
    ] {
        let answer = ask(&mut bench, maria, line);
        assert!(answer.starts_with(expect), "{line}: {answer}");
        bench.crash();
        bench.connect(maria, Goal::Online);
        let answer = ask(&mut bench, maria, "show");
        assert!(answer.starts_with(expect), "{line}: {answer}");
    }
    // What is not written is not said.
    bench.fail_batch(1, StoreError::Full);
    line(&mut bench, maria, "show all");
    assert_eq!(said(&mut bench, maria), [] as [&str; 0]);
    bench.connect(maria, Goal::Online);
    assert!(ask(&mut bench, maria, "show").starts_with("People you know can see you:"));
}

#[test]
fn who_is_near_is_hidden_and_shown() {
    let mut bench = with_contact(16);
    let maria = online(&mut bench, "maria", "laptop");
    reach(&mut bench, 1, "tom@a.jirani.alt", true);
    bench.pass(Duration::from_secs(60));
    let heard = heard(&mut bench, maria);
    assert!(heard.contains(&"push tom@a.jirani.alt tom (not verified) both [In reach]".to_owned()), "{heard:?}");
    let answer = "tom is not in your list any more. To undo that, write: show tom@a.jirani.alt";
    line(&mut bench, maria, "hide Tom");
    let heard = common::heard(&mut bench, maria);
    assert!(heard.contains(&"push tom@a.jirani.alt remove".to_owned()), "{heard:?}");
    assert!(heard.contains(&format!("message jirani.example ({answer})")), "{heard:?}");
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody is near."));
    assert!(ask(&mut bench, maria, "show Ana").starts_with("You have hidden nobody called Ana."));
    let answer = "tom@a.jirani.alt will be in your list again when they are near.";
    assert_eq!(ask(&mut bench, maria, "show tom"), answer);
    assert!(ask(&mut bench, maria, "who").starts_with("1 person is near:"));
    common::set(&mut bench, maria, "<item jid='tom@a.jirani.alt' name='Tom'/>");
    bench.received(maria);
    assert!(
        ask(&mut bench, maria, "who").starts_with("1 person is near:\nTom: not verified"),
        "contacts are told of, too"
    );
    assert!(ask(&mut bench, maria, "hide tom").starts_with("Tom is your contact."));
}

/// A client takes out of its list whom a push removes, though the server would keep them.
#[test]
fn only_who_is_no_contact_is_hidden() {
    let mut bench = with_contact(21);
    let maria = online(&mut bench, "maria", "laptop");
    for away in ["tom@a.jirani.alt", "ana@jirani.example"] {
        common::set(&mut bench, maria, &format!("<item jid='{away}'/>"));
        bench.received(maria);
        line(&mut bench, maria, &format!("hide {away}"));
        let heard = heard(&mut bench, maria);
        let answer = format!("message jirani.example ({away} is your contact.");
        assert!(heard.len() == 1 && heard[0].starts_with(&answer), "{heard:?}");
    }
    // Whom no client has ever shown is nothing to take out.
    line(&mut bench, maria, "hide eve@b.jirani.alt");
    let heard = heard(&mut bench, maria);
    assert!(heard.len() == 1 && heard[0].contains("eve@b.jirani.alt is not in your list any more."), "{heard:?}");
    reach(&mut bench, 1, "eve@b.jirani.alt", true);
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody is near."), "it is remembered all the same");
}

#[test]
fn who_may_not_see_a_person_and_would_be_a_contact_is_answered_in_words() {
    for (word, is_contact) in [("accept", true), ("decline", false)] {
        let mut pair = Pair::strangers(19);
        let hide = Command::Choose { address: bare(PAULO), choice: Choice::Audience(Audience::Nobody) };
        assert_eq!(pair.group.command(1, hide), Answer::Done);
        let ask = |pair: &mut Pair, text: &str| {
            pair.group.heard(pair.paulo);
            pair.group.send(pair.paulo, &body("paulo.jirani.alt", "l", text));
            pair.group.pass(seconds(2));
            bodies(&pair.group.heard(pair.paulo)).join("|")
        };
        assert_eq!(ask(&mut pair, "requests"), "Nobody waits to be your contact.");
        pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'/>"));
        pair.group.pass(seconds(2));
        let answer = "1 person wants to be your contact. Write accept or decline and one of these addresses:\n";
        assert_eq!(ask(&mut pair, "requests"), format!("{answer}{LISA}"));
        assert!(ask(&mut pair, &format!("{word} lisa")).starts_with("Nobody with the address lisa has asked."));
        assert!(ask(&mut pair, &format!("{word} {LISA}")).starts_with(LISA));
        assert_eq!(ask(&mut pair, "requests"), "Nobody waits to be your contact.");
        pair.group.send(pair.paulo, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        pair.group.pass(seconds(1));
        let heard = pair.group.heard(pair.paulo);
        let items = heard.iter().filter_map(|tree| tree.child("query")).flat_map(|query| &query.children);
        let stands =
            items.filter(|item| item.attr("jid") == Some(LISA)).any(|i| i.attr("subscription") == Some("from"));
        assert_eq!(stands, is_contact, "{heard:?}");
    }
}

/// Nobody is said to be a contact who is not.
#[test]
fn a_full_list_takes_nobody() {
    let mut pair = Pair::strangers(22);
    let hide = Command::Choose { address: bare(PAULO), choice: Choice::Audience(Audience::Nobody) };
    assert_eq!(pair.group.command(1, hide), Answer::Done);
    pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    pair.group.pass(seconds(2));
    let name = "n".repeat(ROSTER_NAME_BYTES_MAX);
    let set = |pair: &mut Pair, item: &str| {
        pair.group
            .send(pair.paulo, &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{item}</query></iq>"));
        pair.group.pass(seconds(1));
        pair.group.heard(pair.paulo).iter().any(|tree| tree.attr("type") == Some("error"))
    };
    let ask = |pair: &mut Pair, text: &str| {
        pair.group.send(pair.paulo, &body("paulo.jirani.alt", "l", text));
        pair.group.pass(seconds(2));
        bodies(&pair.group.heard(pair.paulo)).join("|")
    };
    let mut known = 0;
    while !set(&mut pair, &format!("<item jid='p{known}@b.jirani.alt' name='{name}'/>")) {
        known += 1;
    }
    // What is left has no room for an address either.
    while !set(&mut pair, &format!("<item jid='p{known}@b.jirani.alt'/>")) {
        known += 1;
    }
    let answer = ask(&mut pair, &format!("accept {LISA}"));
    assert!(answer.starts_with("Your list of contacts is full."), "{answer}");
    assert!(ask(&mut pair, "requests").contains(LISA), "she can be accepted later");
    assert!(!set(&mut pair, "<item jid='p0@b.jirani.alt' subscription='remove'/>"));
    assert_eq!(ask(&mut pair, &format!("accept {LISA}")), format!("{LISA} is your contact now."));
}

/// Attack case D14: the daemon of another node is nobody's to talk to.
#[test]
fn only_its_own_people_talk_to_the_daemon() {
    let mut pair = Pair::strangers(20);
    pair.group.heard(pair.lisa);
    pair.group.send(pair.lisa, &body("paulo.jirani.alt", "l", "who"));
    pair.group.pass(seconds(2));
    let heard = pair.group.heard(pair.lisa);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].child("error").is_some_and(|error| error.child("remote-server-not-found").is_some()), "{heard:?}");
    assert_eq!(bodies(&pair.group.heard(pair.paulo)), [] as [&str; 0]);
}

#[test]
fn other_programs_are_switched_on_and_off() {
    let mut bench = Bench::new(17);
    let maria = bench.login("maria", "laptop");
    assert!(ask(&mut bench, maria, "bonjour").contains("do not see you."));
    assert!(ask(&mut bench, maria, "bonjour on").contains("nothing is encrypted"));
    assert!(ask(&mut bench, maria, "show friends").starts_with("People you know"));
    assert!(ask(&mut bench, maria, "bonjour").contains("only while everybody near can see you"));
    bench.crash();
    bench.connect(maria, Goal::Online);
    ask(&mut bench, maria, "show all");
    assert!(ask(&mut bench, maria, "bonjour").contains("nothing is encrypted"));
    assert!(ask(&mut bench, maria, "bonjour off").contains("do not see you."));
    let mut bench = Bench::set_up(17, Setup { links: false, ..Setup::default() });
    let maria = bench.login("maria", "laptop");
    assert!(ask(&mut bench, maria, "bonjour on").contains("links are off"));
    assert!(ask(&mut bench, maria, "bonjour off").contains("do not see you."));
}

/// Attack case D18.
#[test]
fn who_has_the_name_of_another_is_not_meant() {
    let mut bench = Bench::new(7);
    let (own, maria) = (bare("maria@jirani.example"), bench.login("maria", "laptop"));
    reach(&mut bench, 1, "tom@a.jirani.alt", true);
    line(&mut bench, maria, "verify Tom");
    bench.expect_nothing(maria);
    assert_eq!(bench.acts(), [(own.clone(), bare("tom@a.jirani.alt"), Act::Begin)]);
    reach(&mut bench, 2, "tom@b.jirani.alt", true);
    let answer =
        "More than one is called tom. Write the whole address of one of them:\ntom@b.jirani.alt\ntom@a.jirani.alt";
    assert_eq!(ask(&mut bench, maria, "verify tom"), answer);
    assert_eq!(ask(&mut bench, maria, "verify Lisa"), "Nobody near is called Lisa. Write who to see the names.");
    assert!(ask(&mut bench, maria, "verify").contains("whom you mean"));
    assert_eq!(bench.acts(), []);
    line(&mut bench, maria, "verify TOM@b.jirani.alt");
    bench.run_until_idle();
    assert_eq!(bench.acts(), [(own, bare("tom@b.jirani.alt"), Act::Begin)]);
}

#[test]
fn words_are_compared() {
    let mut bench = Bench::new(8);
    let (own, tom, eve) = (bare("maria@jirani.example"), bare("tom@a.jirani.alt"), bare("eve@b.jirani.alt"));
    let maria = bench.login("maria", "laptop");
    reach(&mut bench, 1, tom.as_str(), true);
    assert!(ask(&mut bench, maria, "yes").starts_with("There is nothing to say yes or no to."));
    let compare = Event::Compare { words: ["acorn", "bell", "coin"], begun_here: false };

    bench.verification(&own, &tom, Event::Asked);
    assert!(said(&mut bench, maria)[0].starts_with("tom (tom@a.jirani.alt) wants to make sure with you"));
    line(&mut bench, maria, "yes");
    bench.expect_nothing(maria);
    bench.verification(&own, &tom, Event::Waiting);
    bench.expect_nothing(maria);
    bench.verification(&own, &tom, compare);
    let answer = "tom's screen must show the same three words:\nacorn bell coin\nDoes it? Write yes or no.";
    assert_eq!(said(&mut bench, maria), [answer]);
    // Nobody else gets the yes that is for these words.
    bench.verification(&own, &eve, Event::Asked);
    assert_eq!(said(&mut bench, maria), [] as [&str; 0]);
    line(&mut bench, maria, "yes");
    bench.run_until_idle();
    bench.verification(&own, &tom, Event::Verified);
    assert_eq!(said(&mut bench, maria), ["It is certain now: this is tom, and nobody is between your computers."]);
    assert_eq!(bench.acts(), [Act::Begin, Act::Agree].map(|act| (own.clone(), tom.clone(), act)));
    assert!(ask(&mut bench, maria, "no").starts_with("There is nothing"));

    bench.verification(&own, &tom, compare);
    bench.verification(&own, &tom, Event::Failed(Cause::Differed));
    let answer = "tom is not verified: they saw other words; somebody may be between your computers.";
    assert_eq!(said(&mut bench, maria).last().map(String::as_str), Some(answer));
    assert!(ask(&mut bench, maria, "yes").starts_with("There is nothing"), "these words are of the past");
    assert_eq!(bench.acts(), []);
    bench.verification(&own, &tom, compare);
    line(&mut bench, maria, "no");
    bench.run_until_idle();
    assert_eq!(bench.acts(), [(own, tom, Act::Refuse)]);
}

/// A yes is for the question on the screen, and for nobody who asks after that.
#[test]
fn the_first_question_stands() {
    let mut bench = Bench::new(23);
    let (own, tom, eve) = (bare("maria@jirani.example"), bare("tom@a.jirani.alt"), bare("eve@b.jirani.alt"));
    let maria = bench.login("maria", "laptop");
    reach(&mut bench, 1, tom.as_str(), true);
    reach(&mut bench, 2, eve.as_str(), true);
    let compare = Event::Compare { words: ["acorn", "bell", "coin"], begun_here: true };
    let asks = |bench: &mut Bench, other: &Bare| {
        bench.verification(&own, other, Event::Asked);
        said(bench, maria).len()
    };
    assert_eq!([asks(&mut bench, &tom), asks(&mut bench, &eve)], [1, 0]);
    line(&mut bench, maria, "yes");
    bench.expect_nothing(maria);
    assert_eq!(bench.acts(), [(own.clone(), tom.clone(), Act::Begin)]);
    assert_eq!(asks(&mut bench, &eve), 0, "the words will come");
    bench.verification(&own, &tom, Event::Failed(Cause::LeftReach));
    assert_eq!(said(&mut bench, maria).len(), 1);
    assert_eq!(asks(&mut bench, &eve), 1);
    // What the person wants is first.
    line(&mut bench, maria, "verify tom");
    bench.expect_nothing(maria);
    bench.verification(&own, &tom, Event::Waiting);
    assert!(said(&mut bench, maria)[0].starts_with("I have asked tom."));
    assert_eq!(asks(&mut bench, &eve), 0);
    bench.acts();
    assert!(ask(&mut bench, maria, "yes").starts_with("There is nothing to say yes or no to."));
    bench.verification(&own, &tom, compare);
    assert_eq!(said(&mut bench, maria).len(), 1);
    line(&mut bench, maria, "yes");
    bench.run_until_idle();
    assert_eq!(bench.acts(), [(own.clone(), tom.clone(), Act::Agree)]);
}

#[test]
fn an_account_made_anew_inherits_nothing() {
    let mut bench = Bench::new(24);
    let (own, tom) = (bare("maria@jirani.example"), bare("tom@a.jirani.alt"));
    let maria = bench.login("maria", "laptop");
    bench.verification(&own, &tom, Event::Asked);
    for _ in 0..=CONTACT_LINES_MAX {
        line(&mut bench, maria, "who");
    }
    assert!(said(&mut bench, maria).last().unwrap().starts_with("That is too much"));
    assert_eq!(bench.remove_account("maria"), Answer::Done);
    let maria = bench.login("maria", "other");
    assert!(ask(&mut bench, maria, "yes").starts_with("There is nothing to say yes or no to."));
    assert_eq!(bench.acts(), []);
}

#[test]
fn the_daemon_is_a_contact_and_greets_once() {
    let mut bench = with_contact(9);
    let maria = common::bound(&mut bench, "maria", "laptop");
    assert_eq!(roster(&mut bench, maria), "roster jirani.example Jirani both [In reach]");
    bench.send(maria, "<presence/>");
    hears(&mut bench, maria, &["available maria/laptop", "available jirani.example (nobody near)"]);
    reach(&mut bench, 1, "tom@a.jirani.alt", true);
    reach(&mut bench, 2, "ana@b.jirani.alt", true);
    bench.pass(Duration::from_secs(10));
    let heard = heard(&mut bench, maria);
    let status: Vec<_> = heard.iter().filter(|words| words.contains("jirani.example (")).collect();
    assert_eq!(status.len(), 2, "{heard:?}");
    assert!(heard.contains(&"available jirani.example (2 people near)".to_owned()), "{heard:?}");
    let greeting = "message jirani.example (Hello, I am Jirani: I carry your messages from this computer to the people \
                    around you. 2 people are near: ana, tom. Write help to see what you can ask me.)";
    assert!(heard.contains(&greeting.to_owned()), "{heard:?}");
    // Never again.
    let phone = online(&mut bench, "maria", "phone");
    bench.pass(Duration::from_secs(60));
    assert_eq!(said(&mut bench, phone), [] as [&str; 0]);
    bench.crash();
    bench.connect(maria, Goal::Online);
    bench.pass(Duration::from_secs(60));
    assert_eq!(said(&mut bench, maria), [] as [&str; 0]);
}

#[test]
fn who_shows_no_presence_is_not_greeted() {
    let mut bench = with_contact(10);
    let bot = common::bound(&mut bench, "bot", "bot");
    bench.pass(Duration::from_secs(60));
    bench.expect_nothing(bot);
    assert_eq!(history(&mut bench, bot), [] as [&str; 0]);
}

#[test]
fn the_contact_is_renamed_removed_and_taken_back() {
    let mut bench = with_contact(11);
    let maria = online(&mut bench, "maria", "laptop");
    bench.pass(Duration::from_secs(10));
    bench.received(maria);
    common::set(&mut bench, maria, "<item jid='jirani.example' name='Computer'><group>Me</group></item>");
    hears(&mut bench, maria, &["push jirani.example Computer both [Me]", "result"]);
    common::set(&mut bench, maria, "<item jid='jirani.example' subscription='remove'/>");
    let heard = heard(&mut bench, maria);
    assert!(heard.contains(&"unavailable jirani.example".to_owned()), "{heard:?}");
    assert_eq!(heard.iter().filter(|line| *line == "push jirani.example remove").count(), 1, "{heard:?}");
    bench.crash();
    bench.connect(maria, Goal::Online);
    assert_eq!(roster(&mut bench, maria), "roster ");
    bench.send(maria, "<presence/>");
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody"), "it can be asked all the same");
    common::set(&mut bench, maria, "<item jid='jirani.example' name='Jirani'/>");
    let heard = common::heard(&mut bench, maria);
    let place = |line: &str| heard.iter().position(|heard| heard == line);
    let (push, there) = (place("push jirani.example Jirani both"), place("available jirani.example (nobody near)"));
    assert!(push.is_some() && there > push, "a client drops presence of whom it does not show: {heard:?}");
}

#[test]
fn the_daemon_speaks_the_language_of_the_client() {
    let mut bench = with_contact(12);
    let speaks = |language: &str, resource: &str| Login {
        resource: Some(resource.into()),
        language: Some(language.into()),
        ..login("maria")
    };
    let maria = bench.client(speaks("es-MX", "a"));
    bench.connect(maria, Goal::Online);
    assert!(ask(&mut bench, maria, "who").starts_with("No hay nadie cerca."));
    assert_eq!(roster(&mut bench, maria), "roster jirani.example Jirani both [Al alcance]");
    // It is remembered; and a client that names none changes nothing.
    bench.crash();
    let other = bench.login("maria", "b");
    assert!(ask(&mut bench, other, "who").starts_with("No hay nadie cerca."));
    let swahili = bench.client(speaks("sw", "c"));
    bench.connect(swahili, Goal::Online);
    assert_eq!(ask(&mut bench, other, "nani"), "Hakuna mtu karibu. Andika kwa nini uone sababu inayowezekana.");
}

/// A client that knows the version of a list without the daemon reads it anew.
#[test]
fn the_version_of_the_list_says_whether_the_daemon_is_in_it() {
    let mut bench = with_contact(13);
    let maria = online(&mut bench, "maria", "laptop");
    let get = |bench: &mut Bench, ver: &str| {
        bench.send(maria, &format!("<iq type='get' id='v'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>"));
        bench.received(maria).pop().and_then(|tree| tree.child("query")?.attr("ver").map(str::to_owned))
    };
    let version = get(&mut bench, "").unwrap();
    assert_eq!(get(&mut bench, &version), None);
    let number: String = version.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(get(&mut bench, &number), Some(version));
}

// --- menus -----------------------------------------------------------------------------------------------------------

/// A command, and what comes of it.
#[track_caller]
fn command(bench: &mut Bench, seat: Seat, attributes: &str, inner: &str) -> Tree {
    bench.received(seat);
    bench.send(
        seat,
        &format!(
            "<iq type='set' id='c' to='{DOMAIN}'><command xmlns='http://jabber.org/protocol/commands' {attributes}>{inner}\
             </command></iq>"
        ),
    );
    bench.received(seat).into_iter().find(|tree| tree.attr("id") == Some("c")).expect("an answer")
}

/// The condition of this specification in an error.
#[track_caller]
fn detail(answer: &Tree) -> &str {
    let error = answer.child("error").expect("an error");
    let commands = |tree: &&Tree| tree.namespace == "http://jabber.org/protocol/commands";
    error.children.iter().find(commands).map_or(error.children[0].name.as_str(), |tree| tree.name.as_str())
}

fn form(field: &str, value: &str) -> String {
    format!("<x xmlns='jabber:x:data' type='submit'><field var='{field}'><value>{value}</value></field></x>")
}

/// A command with a form, filled in, and what is said to that.
#[track_caller]
fn fill(bench: &mut Bench, seat: Seat, node: &str, form: &str) -> String {
    let answer = command(bench, seat, &format!("node='{node}'"), "");
    let id = answer.child("command").and_then(|c| c.attr("sessionid")).unwrap().to_owned();
    let answer = command(bench, seat, &format!("node='{node}' sessionid='{id}' action='complete'"), form);
    answer.child("command").map(|c| c.text_of("note").to_owned()).expect("a result")
}

#[test]
fn menus_do_the_same() {
    let mut bench = Bench::new(14);
    let (own, maria) = (bare("maria@jirani.example"), bench.login("maria", "laptop"));
    let note = |answer: &Tree| {
        let command = answer.child("command").expect("a result");
        (command.attr("status").unwrap_or_default().to_owned(), command.text_of("note").to_owned())
    };
    let (status, words) = note(&command(&mut bench, maria, "node='who' action='execute'", ""));
    assert_eq!((&*status, &*words), ("completed", "Nobody is near. Write why to see what may be the reason."));
    let (_, words) = note(&command(&mut bench, maria, "node='why'", ""));
    assert!(words.starts_with("I am still looking."));
    let (status, _) = note(&command(&mut bench, maria, "node='verify'", ""));
    assert_eq!(status, "completed", "nobody can be chosen");

    let answer = command(&mut bench, maria, "node='audience'", "");
    let dialog = answer.child("command").unwrap();
    let id = dialog.attr("sessionid").unwrap().to_owned();
    let field = dialog.child("x").and_then(|x| x.child("field")).unwrap();
    let values: Vec<_> = field.children.iter().filter(|c| c.name == "option").map(|o| o.text_of("value")).collect();
    assert_eq!((field.text_of("value"), values), ("all", vec!["all", "yellow", "green", "nobody"]));
    let go_on = |action: &str| format!("node='audience' sessionid='{id}' action='{action}'");
    let (status, words) = note(&command(&mut bench, maria, &go_on("complete"), &form("audience", "green")));
    assert_eq!(status, "completed");
    assert!(words.starts_with("People you know can see you:"), "{words}");
    let again = command(&mut bench, maria, &go_on("complete"), &form("audience", "all"));
    assert_eq!(detail(&again), "bad-sessionid", "it has ended");
    assert!(ask(&mut bench, maria, "show").starts_with("People you know can see you:"));
    ask(&mut bench, maria, "show all");

    reach(&mut bench, 1, "tom@a.jirani.alt", true);
    let tom = form("person", "tom@a.jirani.alt");
    assert_eq!(fill(&mut bench, maria, "verify", &tom), "It goes on in your conversation with Jirani.");
    assert_eq!(bench.acts(), [(own, bare("tom@a.jirani.alt"), Act::Begin)]);
    assert!(fill(&mut bench, maria, "hide", &tom).starts_with("tom is not in your list any more."));
    assert!(ask(&mut bench, maria, "who").starts_with("Nobody is near."));
    assert!(fill(&mut bench, maria, "show", &tom).starts_with("tom@a.jirani.alt will be in your list again"));
    assert!(ask(&mut bench, maria, "who").starts_with("1 person is near:"));
    let (_, words) = note(&command(&mut bench, maria, "node='show'", ""));
    assert_eq!(words, "You have hidden nobody.");
    assert!(fill(&mut bench, maria, "bonjour", &form("bonjour", "1")).contains("nothing is encrypted"));
    assert!(fill(&mut bench, maria, "bonjour", &form("bonjour", "0")).contains("do not see you."));
    let (_, words) = note(&command(&mut bench, maria, "node='help'", ""));
    assert_eq!(words, ask(&mut bench, maria, "help"));
    let (_, words) = note(&command(&mut bench, maria, "node='requests'", ""));
    assert_eq!(words, "Nobody waits to be your contact.");
}

/// Who may not see a person and would be a contact is answered in a menu, too.
#[test]
fn a_request_is_answered_in_a_menu() {
    let mut pair = Pair::strangers(25);
    let hide = Command::Choose { address: bare(PAULO), choice: Choice::Audience(Audience::Nobody) };
    assert_eq!(pair.group.command(1, hide), Answer::Done);
    pair.group.send(pair.lisa, &format!("<presence type='subscribe' to='{PAULO}'/>"));
    pair.group.pass(seconds(2));
    let command = |pair: &mut Pair, attributes: &str, inner: &str| {
        pair.group.heard(pair.paulo);
        let command = format!("<command xmlns='http://jabber.org/protocol/commands' {attributes}>{inner}</command>");
        pair.group.send(pair.paulo, &format!("<iq type='set' id='c' to='paulo.jirani.alt'>{command}</iq>"));
        pair.group.pass(seconds(1));
        let answer = pair.group.heard(pair.paulo).into_iter().find(|tree| tree.attr("id") == Some("c"));
        answer.and_then(|tree| tree.child("command").cloned()).expect("a result")
    };
    let dialog = command(&mut pair, "node='requests'", "");
    let fields = dialog.child("x").map(|x| x.children.iter().filter(|tree| tree.name == "field")).unwrap();
    let options = |field: &Tree| -> Vec<String> {
        let options = field.children.iter().filter(|tree| tree.name == "option");
        options.map(|option| option.text_of("value").to_owned()).collect()
    };
    assert_eq!(fields.map(options).collect::<Vec<_>>(), [vec![LISA], vec!["accept", "decline"]]);
    let id = dialog.attr("sessionid").unwrap();
    let field = |name: &str, value: &str| format!("<field var='{name}'><value>{value}</value></field>");
    let form =
        format!("<x xmlns='jabber:x:data' type='submit'>{}{}</x>", field("person", LISA), field("answer", "accept"));
    let done = command(&mut pair, &format!("node='requests' sessionid='{id}' action='complete'"), &form);
    assert_eq!(done.text_of("note"), format!("{LISA} is your contact now."));
}

#[test]
fn menus_refuse_what_is_wrong() {
    let mut bench = Bench::new(15);
    let (maria, phone) = (bench.login("maria", "laptop"), bench.login("maria", "phone"));
    for (attributes, expect) in [
        ("node='other'", "item-not-found"),
        ("", "item-not-found"),
        ("node='audience' action='prev'", "bad-action"),
        ("node='audience' action='jump'", "malformed-action"),
        ("node='audience' action='complete'", "bad-sessionid"),
        ("node='audience' sessionid='1'", "bad-sessionid"),
    ] {
        assert_eq!(detail(&command(&mut bench, maria, attributes, "")), expect, "{attributes}");
    }
    let begin = |bench: &mut Bench| {
        let answer = command(bench, maria, "node='audience'", "");
        answer.child("command").and_then(|c| c.attr("sessionid")).unwrap().to_owned()
    };
    let go_on = |id: &str, action: &str| format!("node='audience' sessionid='{id}' action='{action}'");
    for payload in ["", "<x xmlns='jabber:x:data' type='submit'/>", &form("audience", "red"), &form("other", "all")] {
        let id = begin(&mut bench);
        let answer = command(&mut bench, maria, &go_on(&id, "complete"), payload);
        assert_eq!(detail(&answer), "bad-payload", "{payload}");
    }
    let id = begin(&mut bench);
    assert_eq!(detail(&command(&mut bench, phone, &go_on(&id, "cancel"), "")), "bad-sessionid", "it is another's");
    let canceled = command(&mut bench, maria, &go_on(&id, "cancel"), "");
    assert_eq!(canceled.child("command").and_then(|c| c.attr("status")), Some("canceled"));
    let id = begin(&mut bench);
    bench.pass(Duration::from_secs(601));
    assert_eq!(
        detail(&command(&mut bench, maria, &go_on(&id, "complete"), &form("audience", "all"))),
        "session-expired"
    );
    assert!(ask(&mut bench, maria, "show").starts_with("Everybody near can see you."), "{:?}", Audience::default());
}
