//! What a list does with the people it is offered.

use std::collections::BTreeSet;
use std::time::Duration;

use base::limits::{IN_REACH_SHOWN_MAX, IN_REACH_TOLD_MAX};

use super::*;

fn bare(address: &str) -> Bare {
    Bare::new(address).unwrap()
}

fn at(seconds: u64) -> Time {
    Time(0) + Duration::from_secs(seconds)
}

fn list() -> List {
    let mut list = List::new(IN_REACH_SHOWN_MAX);
    list.learn_contacts(["Zuri"].into_iter().map(Look::of));
    list
}

/// Somebody called as their address says, of a circle.
fn who(address: &str, circle: Circle, came: u64) -> Who {
    let name = address.split('@').next().unwrap_or_default().to_owned();
    Who { name, circle, gateway: address.contains("@nearby."), came }
}

fn offer(list: &mut List, seconds: u64, address: &str, circle: Circle) -> bool {
    list.offer(at(seconds), &bare(address), who(address, circle, seconds), Words::None)
}

/// What is told now: `+` and `~` with the name, `-` with the address.
#[track_caller]
fn check(list: &mut List, expect: &[&str]) {
    let news = list.take_news();
    let told: Vec<String> = news
        .iter()
        .map(|(address, news)| match (news, list.get(address.as_str())) {
            (News::New, Some(person)) => format!("+{}", person.name(address, Language::English)),
            (News::Renamed, Some(person)) => format!("~{}", person.name(address, Language::English)),
            (_, None) => format!("-{address}"),
            (News::Gone, Some(_)) => panic!("{address} is there"),
        })
        .collect();
    assert_eq!(told, expect);
}

#[test]
fn people_come_and_are_named_by_the_daemon() {
    let mut list = list();
    offer(&mut list, 1, "lisa@otter.jirani.alt", Circle::Green);
    offer(&mut list, 1, "paulo@lamp.jirani.alt", Circle::Yellow);
    offer(&mut list, 1, "eva@nearby.own.jirani.alt", Circle::Red);
    check(&mut list, &["+eva (not verified)", "+lisa", "+paulo (not verified)"]);
    offer(&mut list, 2, "paulo@lamp.jirani.alt", Circle::Red);
    check(&mut list, &[]);
    offer(&mut list, 2, "paulo@lamp.jirani.alt", Circle::Green);
    check(&mut list, &["~paulo"]);
    list.remove(&bare("paulo@lamp.jirani.alt"));
    list.remove(&bare("nobody@lamp.jirani.alt"));
    check(&mut list, &["-paulo@lamp.jirani.alt"]);
    list.retract(&bare("ghost@lamp.jirani.alt"));
    list.hand_over(&bare("lisa@otter.jirani.alt"));
    check(&mut list, &["-ghost@lamp.jirani.alt"]);
    assert_eq!(list.people().count(), 1);
}

#[test]
fn who_leaves_stays_a_moment() {
    let linger = IN_REACH_LINGER_TIME.as_secs();
    let lisa = bare("lisa@otter.jirani.alt");
    for (back, expect) in [(Some(linger - 1), &[] as &[&str]), (None, &["-lisa@otter.jirani.alt"])] {
        let mut list = list();
        offer(&mut list, 0, "lisa@otter.jirani.alt", Circle::Green);
        list.take_news();
        list.leave(at(100), &lisa);
        assert_eq!(list.wake_at(), Some(at(100 + linger)));
        if let Some(back) = back {
            list.pass(at(100 + back));
            offer(&mut list, 100 + back, "lisa@otter.jirani.alt", Circle::Green);
            assert_eq!(list.wake_at(), None);
        }
        list.pass(at(100 + linger));
        check(&mut list, expect);
    }
}

#[test]
fn who_talks_with_the_person_stays_while_the_chat_is_open() {
    let open = CHAT_OPEN_TIME.as_secs();
    let lisa = bare("lisa@otter.jirani.alt");
    let mut list = list();
    offer(&mut list, 0, "lisa@otter.jirani.alt", Circle::Red);
    list.take_news();
    assert!(!list.speak(at(5), &lisa, Words::Strange), "nobody has answered");
    assert!(!list.get(lisa.as_str()).unwrap().is_open(at(5)));
    assert!(list.speak(at(10), &lisa, Words::Chat) && !list.speak(at(20), &lisa, Words::Chat));
    for (seconds, expect) in
        [(20 + open - 1, true), (20 + open, false), (20 + open + 1, false), (20 + 10 * open, false)]
    {
        assert_eq!(list.get(lisa.as_str()).unwrap().is_open(at(seconds)), expect, "{seconds}");
    }
    list.leave(at(30), &lisa);
    list.pass(at(20 + open - 1));
    check(&mut list, &[]);
    list.pass(at(20 + open));
    check(&mut list, &["-lisa@otter.jirani.alt"]);
}

#[test]
fn a_list_has_room_for_so_many() {
    for (count, expect) in [
        (IN_REACH_SHOWN_MAX - 1, IN_REACH_SHOWN_MAX - 1),
        (IN_REACH_SHOWN_MAX, IN_REACH_SHOWN_MAX),
        (IN_REACH_SHOWN_MAX + 1, IN_REACH_SHOWN_MAX),
        (10 * IN_REACH_SHOWN_MAX, IN_REACH_SHOWN_MAX),
    ] {
        let mut list = list();
        for n in 0..count {
            let taken = offer(&mut list, n as u64, &format!("p{n}@otter.jirani.alt"), Circle::Yellow);
            assert_eq!(taken, n < IN_REACH_SHOWN_MAX);
        }
        assert_eq!(list.people().count(), expect, "{count}");
        assert!(!list.take_hunger(), "there is no room");
        list.remove(&bare("p0@otter.jirani.alt"));
        assert_eq!(list.take_hunger(), count > IN_REACH_SHOWN_MAX, "{count}");
        assert!(!list.take_hunger(), "it has been told");
    }
}

#[test]
fn so_many_linger() {
    for (count, expect) in [
        (IN_REACH_LINGERING_MAX - 1, IN_REACH_LINGERING_MAX - 1),
        (IN_REACH_LINGERING_MAX, IN_REACH_LINGERING_MAX),
        (IN_REACH_LINGERING_MAX + 1, IN_REACH_LINGERING_MAX),
        (10 * IN_REACH_LINGERING_MAX, IN_REACH_LINGERING_MAX),
    ] {
        let mut list = list();
        for n in 0..count {
            let address = format!("p{n}@otter.jirani.alt");
            offer(&mut list, n as u64, &address, Circle::Red);
            list.leave(at(n as u64), &bare(&address));
        }
        assert_eq!(list.people().count(), expect, "{count}");
        let last = format!("p{}@otter.jirani.alt", count - 1);
        assert!(list.get(&last).is_some(), "the first goes, not the last");
    }
}

#[test]
fn the_nearer_takes_the_place_of_the_farther() {
    let mut list = list();
    for n in 0..IN_REACH_SHOWN_MAX as u64 {
        offer(&mut list, n, &format!("p{n}@otter.jirani.alt"), Circle::Yellow);
    }
    list.take_news();
    assert!(!offer(&mut list, 100, "late@otter.jirani.alt", Circle::Yellow), "who is as near waits");
    check(&mut list, &[]);
    assert!(offer(&mut list, 100, "lisa@otter.jirani.alt", Circle::Green));
    check(&mut list, &["+lisa", "-p0@otter.jirani.alt"]);
    // Who talks with the person goes before all others, and who is talked with does not go.
    list.speak(at(100), &bare("p1@otter.jirani.alt"), Words::Chat);
    let red = "eva@otter.jirani.alt";
    assert!(list.offer(at(101), &bare(red), who(red, Circle::Red, 101), Words::Chat));
    check(&mut list, &["+eva (not verified)", "-p2@otter.jirani.alt"]);
    let order: Vec<_> = list.in_order(at(101)).iter().take(4).map(|(_, p)| p.who.name.clone()).collect();
    assert_eq!(order, ["p1", "eva", "lisa", &format!("p{}", IN_REACH_SHOWN_MAX - 1)]);
}

/// Attack case E15: whoever has many names writes under each of them.
#[test]
fn a_strangers_words_count_among_strangers_only() {
    let mut list = list();
    offer(&mut list, 0, "lisa@otter.jirani.alt", Circle::Green);
    for n in 1..IN_REACH_SHOWN_MAX as u64 {
        offer(&mut list, n, &format!("p{n}@otter.jirani.alt"), Circle::Red);
    }
    let writes = |list: &mut List, seconds: u64, name: String| {
        let who = who(&name, Circle::Red, seconds);
        list.offer(at(seconds), &bare(&name), who, Words::Strange)
    };
    let taken = (100..400).filter(|n| writes(&mut list, *n, format!("x{n}@otter.jirani.alt"))).count();
    assert_eq!(taken, IN_REACH_SHOWN_MAX - 1, "those who said nothing make room, nobody else");
    assert!(list.get("lisa@otter.jirani.alt").is_some());
    let order: Vec<_> = list.in_order(at(400)).iter().take(1).map(|(_, p)| p.who.name.clone()).collect();
    assert_eq!(order, ["lisa"]);
    // And not for ever.
    let later = 200 + CHAT_OPEN_TIME.as_secs();
    assert!(writes(&mut list, later, "y@otter.jirani.alt".into()));
}

#[test]
fn equal_names_are_told_apart_by_words() {
    let mut list = list();
    offer(&mut list, 0, "anna@nakuru-otter.jirani.alt", Circle::Green);
    check(&mut list, &["+anna"]);
    offer(&mut list, 1, "аnna@lamp-river.jirani.alt", Circle::Red);
    check(&mut list, &["~anna · nakuru", "+аnna · lamp (not verified)"]);
    // One word is not enough.
    offer(&mut list, 2, "anna@nakuru-brick.jirani.alt", Circle::Yellow);
    check(
        &mut list,
        &["+anna · nakuru-brick (not verified)", "~anna · nakuru-otter", "~аnna · lamp-river (not verified)"],
    );
    // What was told stays.
    list.remove(&bare("anna@nakuru-brick.jirani.alt"));
    check(&mut list, &["-anna@nakuru-brick.jirani.alt"]);
    // A contact's name counts, too.
    offer(&mut list, 3, "zuri@lamp.jirani.alt", Circle::Green);
    check(&mut list, &["+zuri · lamp"]);
    offer(&mut list, 3, "eva@lamp.jirani.alt", Circle::Green);
    check(&mut list, &["+eva"]);
    list.rename_contact(Some(Look::of("Zuri")), Some(Look::of("Éva")));
    check(&mut list, &["~eva · lamp"]);
    offer(&mut list, 3, "zuri@river.jirani.alt", Circle::Green);
    check(&mut list, &["+zuri · river"]);
}

/// What a name looks like takes long to find out: it is found out once for each suffix, however many come.
#[test]
fn a_crowd_of_one_name_is_told_apart() {
    let mut list = List::new(IN_REACH_TOLD_MAX);
    list.learn_contacts(std::iter::empty());
    for n in 0..IN_REACH_TOLD_MAX {
        offer(&mut list, 0, &format!("anna@same-words.x{n}.jirani.alt"), Circle::Red);
    }
    let names: BTreeSet<_> = list.people().map(|(address, person)| person.plain_name(address)).collect();
    assert_eq!(names.len(), IN_REACH_TOLD_MAX);
    for (address, person) in list.people() {
        let looks: Vec<_> = (1..=3).map(|words| Look::of(&names::suffix(address, false, words))).collect();
        assert_eq!(person.suffixes, looks, "{address}");
    }
}

#[test]
fn the_version_is_what_a_client_has() {
    let mut list = list();
    assert_eq!(list.version(Language::English), None);
    offer(&mut list, 0, "lisa@otter.jirani.alt", Circle::Green);
    let lisa = list.version(Language::English);
    assert_ne!(lisa, list.version(Language::French));
    offer(&mut list, 0, "eva@otter.jirani.alt", Circle::Red);
    let both = list.version(Language::English);
    assert_ne!(lisa, both);
    offer(&mut list, 0, "eva@otter.jirani.alt", Circle::Green);
    assert_ne!(both, list.version(Language::English));
    list.remove(&bare("eva@otter.jirani.alt"));
    assert_eq!(list.version(Language::English), lisa);
    list.leave(at(1), &bare("lisa@otter.jirani.alt"));
    assert_eq!(list.version(Language::English), lisa, "who lingers is in the list");
}
