//! What plays cannot say: slow disks, clients that do not read, limits, changed passwords.

use std::time::Duration;

use base::limits::{
    ACCOUNT_SESSIONS_MAX, PENDING_MESSAGES_MAX, ROSTER_GROUPS_MAX, ROSTER_ITEMS_MAX, ROSTER_NAME_BYTES_MAX,
};
use sim::bench::login;
use sim::{Bench, Goal, Login, Tree};
use xmpp::Answer;

fn chat(to: &str, id: &str) -> String {
    format!("<message to='{to}@jirani.example' type='chat' id='{id}'><body>{id}</body></message>")
}

fn typing(to: &str, id: &str) -> String {
    format!(
        "<message to='{to}@jirani.example' type='chat' id='{id}'><composing \
         xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
}

fn ids(trees: &[Tree]) -> Vec<&str> {
    trees.iter().filter(|tree| tree.name == "message").filter_map(|tree| tree.attr("id")).collect()
}

fn roster_item(id: &str, inner: &str) -> String {
    format!("<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'>{inner}</query></iq>")
}

#[test]
fn an_acknowledgement_waits_for_the_disk_and_nothing_overtakes() {
    let mut bench = Bench::new(1);
    let maria = bench.login_managed("maria", "laptop");
    let paulo = bench.login("paulo", "phone");
    let before = bench.client_of(maria).acknowledged().len();
    bench.setup.commit = Duration::from_secs(5)..=Duration::from_secs(5);
    bench.send(maria, &chat("paulo", "1"));
    bench.send(maria, &typing("paulo", "2"));
    bench.send(maria, &chat("paulo", "3"));
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.client_of(paulo).heard().len(), 0, "nothing is durable");
    assert_eq!(bench.client_of(maria).acknowledged().len(), before, "nothing is durable");
    assert_eq!(ids(&bench.received(paulo)), ["1", "2", "3"]);
    assert_eq!(bench.client_of(maria).acknowledged().len(), before + 3);
}

#[test]
fn a_client_that_is_cut_while_messages_are_leaving_gets_them_again() {
    let mut bench = Bench::new(2);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login("paulo", "phone");
    bench.set_reads(paulo, false);
    let body = "x".repeat(40_000);
    for id in 1..=4 {
        bench.send(maria, &format!("<message to='paulo@jirani.example' id='{id}'><body>{body}</body></message>"));
    }
    bench.run_until_idle();
    bench.cut(paulo);
    bench.run_until_idle();
    bench.set_reads(paulo, true);
    bench.connect(paulo, Goal::Online);
    assert_eq!(ids(&bench.received(paulo)), ["2", "3", "4"], "the first fitted into the wire: it has left");
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

#[test]
fn a_plain_client_confirms_by_reading() {
    let mut bench = Bench::new(3);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login("paulo", "phone");
    bench.send(maria, &chat("paulo", "1"));
    assert_eq!(ids(&bench.received(paulo)), ["1"]);
    bench.pass(Duration::from_secs(2));
    assert!(bench.waiting("paulo").is_empty());
}

#[test]
fn what_was_confirmed_before_a_crash_does_not_come_again_a_second_later() {
    let mut bench = Bench::new(4);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login_managed("paulo", "phone");
    bench.send(maria, &chat("paulo", "1"));
    assert_eq!(ids(&bench.received(paulo)), ["1"]);
    bench.pass(Duration::from_secs(2));
    bench.crash();
    bench.run_until_idle();
    bench.connect(paulo, Goal::Online);
    bench.expect_nothing(paulo);
}

#[test]
fn sessions_of_an_account_are_limited() {
    let mut bench = Bench::new(6);
    for n in 0..ACCOUNT_SESSIONS_MAX {
        let seat = bench.client(Login { resource: Some(format!("r{n}")), presence: None, ..login("maria") });
        bench.connect(seat, Goal::Online);
    }
    let more = bench.client(Login { presence: None, ..login("maria") });
    bench.begin_to_connect(more, Goal::Online);
    bench.run_until_idle();
    assert!(bench.client_of(more).is_away());
    assert!(bench.client_of(more).fault().is_some_and(|fault| fault.contains("resource-constraint")));
    // In the place of an old one of the same resource it may come.
    let again = bench.client(Login { resource: Some("r0".into()), presence: None, ..login("maria") });
    bench.connect(again, Goal::Online);
}

#[test]
fn contacts_are_limited() {
    let mut bench = Bench::new(7);
    let maria = bench.login("maria", "laptop");
    for n in 0..ROSTER_ITEMS_MAX {
        bench.send(maria, &roster_item("fill", &format!("<item jid='c{n}@a.example'/>")));
    }
    let answers = bench.received(maria);
    assert_eq!(answers.iter().filter(|tree| tree.attr("type") == Some("result")).count(), ROSTER_ITEMS_MAX);
    bench.send(maria, &roster_item("more", "<item jid='more@a.example'/>"));
    bench.expect(maria, "<iq type='error' id='more'><error><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    bench.send(maria, &roster_item("known", "<item jid='c1@a.example' name='known'/>"));
    bench.expect(maria, "<iq type='result' id='known'/>");
}

#[test]
fn names_and_groups_of_contacts_are_limited() {
    let groups = |n: usize| (0..n).map(|i| format!("<group>g{i}</group>")).collect::<String>();
    let name = |n: usize| "n".repeat(n);
    for (item, taken) in [
        (format!("<item jid='a@a.example' name='{}'/>", name(ROSTER_NAME_BYTES_MAX - 1)), true),
        (format!("<item jid='a@a.example' name='{}'/>", name(ROSTER_NAME_BYTES_MAX)), true),
        (format!("<item jid='a@a.example' name='{}'/>", name(ROSTER_NAME_BYTES_MAX + 1)), false),
        (format!("<item jid='a@a.example' name='{}'/>", name(ROSTER_NAME_BYTES_MAX * 10)), false),
        (format!("<item jid='a@a.example'><group>{}</group></item>", name(ROSTER_NAME_BYTES_MAX)), true),
        (format!("<item jid='a@a.example'><group>{}</group></item>", name(ROSTER_NAME_BYTES_MAX + 1)), false),
        (format!("<item jid='a@a.example'>{}</item>", groups(ROSTER_GROUPS_MAX - 1)), true),
        (format!("<item jid='a@a.example'>{}</item>", groups(ROSTER_GROUPS_MAX)), true),
        (format!("<item jid='a@a.example'>{}</item>", groups(ROSTER_GROUPS_MAX + 1)), false),
        (format!("<item jid='a@a.example'>{}</item>", groups(ROSTER_GROUPS_MAX * 10)), false),
    ] {
        let mut bench = Bench::new(8);
        let maria = bench.login("maria", "laptop");
        bench.send(maria, &roster_item("1", &item));
        let answer = bench.received(maria);
        assert_eq!(answer.iter().any(|tree| tree.attr("type") == Some("result")), taken, "{answer:?}");
    }
}

/// Attack case B19.
#[test]
fn a_new_password_ends_all_sessions_and_what_could_be_resumed() {
    let mut bench = Bench::new(9);
    let laptop = bench.login("maria", "laptop");
    let phone = bench.login_managed("maria", "phone");
    let broken = bench.login_managed("maria", "tablet");
    bench.cut(broken);
    bench.run_until_idle();
    for seat in [laptop, phone, broken] {
        bench.received(seat);
    }
    bench.set_password("maria", "better");
    assert!(bench.client_of(laptop).is_away() && bench.client_of(phone).is_away());
    bench.begin_to_connect(phone, Goal::Online);
    bench.run_until_idle();
    assert!(bench.client_of(phone).fault().is_some_and(|fault| fault.contains("not-authorized")));
    bench.client_of(broken).login_mut().password = "better".into();
    bench.connect(broken, Goal::Online);
    assert!(!bench.client_of(broken).is_resumed(), "the session of the old password is gone");
}

#[test]
fn a_wrong_calendar_disturbs_only_stamps() {
    let mut bench = Bench::new(10);
    let maria = bench.login("maria", "laptop");
    bench.make_account("paulo", sim::bench::PASSWORD);
    bench.send(maria, &chat("paulo", "1"));
    bench.run_until_idle();
    bench.jump_wall(-40 * 365 * 24 * 3_600_000);
    bench.send(maria, &chat("paulo", "2"));
    bench.send(maria, &roster_item("r", "<item jid='paulo@jirani.example' name='P'/>"));
    bench.run_until_idle();
    let paulo = bench.login("paulo", "phone");
    assert_eq!(ids(&bench.received(paulo)), ["1", "2"]);
    bench.crash();
    bench.run_until_idle();
    bench.received(maria);
    bench.connect(maria, Goal::Online);
    bench.send(maria, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
    bench.expect(maria, "<iq id='g'><query xmlns='jabber:iq:roster'><item name='P'/></query></iq>");
}

/// Messages of a client that has gone are not brought to one that may not have them.
#[test]
fn a_session_that_is_cut_while_a_backlog_flows_leaves_the_rest() {
    for seed in 0..30 {
        let mut bench = Bench::new(seed);
        let maria = bench.login("maria", "laptop");
        bench.make_account("paulo", sim::bench::PASSWORD);
        for id in 1..=230 {
            bench.send(maria, &chat("paulo", &id.to_string()));
        }
        bench.run_until_idle();
        let paulo = bench.client(Login { managed: true, ..login("paulo") });
        bench.begin_to_connect(paulo, Goal::Online);
        bench.pass(Duration::from_millis(10 + seed));
        bench.cut(paulo);
        bench.send(maria, &chat("paulo", "231"));
        bench.run_until_idle();
        let client = bench.client_of(paulo);
        let mut got: Vec<String> =
            std::iter::from_fn(|| client.next_heard()).filter_map(|t| t.attr("id").map(str::to_owned)).collect();
        bench.connect(paulo, Goal::Online);
        let resumed = bench.client_of(paulo).is_resumed();
        got.extend(ids(&bench.received(paulo)).into_iter().map(str::to_owned));
        if !resumed {
            bench.pass(Duration::from_secs(400));
            got.extend(ids(&bench.received(paulo)).into_iter().map(str::to_owned));
        }
        got.retain(|id| id != "bind");
        let mut once = got.clone();
        once.dedup();
        let all: Vec<String> = (1..=231).map(|id| id.to_string()).collect();
        let mut sorted = once.clone();
        sorted.sort_by_key(|id| id.parse::<u32>().unwrap());
        sorted.dedup();
        assert_eq!(sorted, all, "seed {seed}");
        if resumed {
            assert_eq!(got, all, "seed {seed}: in order and once");
        }
        bench.pass(Duration::from_secs(2));
        assert!(bench.waiting("paulo").is_empty(), "seed {seed}");
    }
}

#[test]
fn without_history_only_what_is_promised_is_written() {
    for (author_counts, reader_counts, written) in [(false, false, false), (true, false, true), (false, true, true)] {
        let mut bench = Bench::set_up(11, sim::bench::Setup { archive: false, ..sim::bench::Setup::default() });
        let mut arrive = |account: &str, counts: bool| {
            if counts { bench.login_managed(account, "r") } else { bench.login(account, "r") }
        };
        let (maria, paulo) = (arrive("maria", author_counts), arrive("paulo", reader_counts));
        let before = bench.batches();
        bench.send(maria, &chat("paulo", "1"));
        assert_eq!(ids(&bench.received(paulo)), ["1"]);
        assert_eq!(bench.batches() > before, written, "author {author_counts}, reader {reader_counts}");
    }
}

/// The quota of a person who is away (attack case A27).
#[test]
fn so_many_messages_wait_for_a_person_and_no_more() {
    let mut bench = Bench::new(31);
    bench.make_account("ana", "secret");
    let maria = bench.login("maria", "laptop");
    let most = PENDING_MESSAGES_MAX as usize;
    // A thousand at a time, so that the test's own wires stay short.
    for thousand in 0..most / 1000 {
        let batch: String = (0..1000).map(|n| chat("ana", &(1000 * thousand + n).to_string())).collect();
        bench.send(maria, &batch);
        bench.run_until_idle();
    }
    assert!(bench.received(maria).is_empty(), "up to the limit everything is taken");
    bench.send(maria, &chat("ana", "one too many"));
    bench.expect(
        maria,
        "<message type='error' id='one too many'>\
         <error><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    );
}

#[test]
fn an_account_is_removed_while_its_person_is_here() {
    let mut bench = Bench::new(9);
    let maria = bench.login("maria", "laptop");
    let paulo = bench.login("paulo", "phone");
    assert_eq!(bench.remove_account("maria"), Answer::Done);
    let told = bench.received(maria);
    assert!(told.iter().any(|tree| tree.name == "error"), "{told:?}");
    bench.send(paulo, &chat("maria", "1"));
    assert!(bench.received(paulo).iter().any(|tree| tree.attr("type") == Some("error")));
}
