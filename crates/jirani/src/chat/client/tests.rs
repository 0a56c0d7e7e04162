//! Conversations as scenes: what the daemon says, what the person types, what is sent and shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::scram::tests::{CHALLENGE, LAST, NONCE};
use super::*;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='1' from='x' version='1.0'>";
const SASL_FEATURES: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                             <mechanism>SCRAM-SHA-256</mechanism></mechanisms></stream:features>";

/// 10:53 UTC on a Friday; local time is an hour ahead.
const NOW: Wall = Wall(1_795_171_980_000);

fn stranger() -> Client {
    let address = Bare::new("user@x").unwrap();
    Client::new(Login { address, password: "pencil".into(), nonce: NONCE.into(), ahead_ms: 3_600_000 })
}

fn says(client: &mut Client, xml: &str) {
    // One byte at a time: where the socket cuts does not matter.
    xml.as_bytes().chunks(1).for_each(|byte| client.handle_bytes(NOW, byte));
}

fn sasl(name: &str, text: &str) -> String {
    format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</{name}>", BASE64.encode(text))
}

/// A client that is logged in, with what it has said and shown by then taken away.
fn online() -> Client {
    let mut client = stranger();
    says(&mut client, &format!("{HEADER}{SASL_FEATURES}"));
    says(&mut client, &sasl("challenge", CHALLENGE));
    says(&mut client, &sasl("success", LAST));
    says(
        &mut client,
        &format!("{HEADER}<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"),
    );
    assert!(!client.is_online());
    says(&mut client, "<iq type='result' id='bind'/>");
    assert!(client.is_online());
    assert!(client.is_over().is_none());
    let sent = String::from_utf8(client.poll_bytes()).unwrap();
    for part in ["<auth ", "<response ", "<bind ", "jabber:iq:roster", "<presence/>"] {
        assert!(sent.contains(part), "{sent}");
    }
    assert_eq!(sent.matches("<stream:stream").count(), 2);
    assert!(!sent.contains("pencil"), "the password is never sent");
    assert!(client.poll_lines()[0].starts_with("You are user@x. /to NAME"));
    client
}

/// A scene: lines with `< ` are from the daemon, with `> ` typed; then what is shown and what is sent.
#[track_caller]
fn scene(script: &str, shown: &[&str], sent: &str) {
    let mut client = online();
    for line in script.lines().map(str::trim) {
        match line.split_at(2) {
            ("< ", xml) => says(&mut client, xml),
            ("> ", typed) => client.handle_line(typed),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(client.poll_lines(), shown);
    assert_eq!(String::from_utf8(client.poll_bytes()).unwrap(), sent);
}

#[test]
fn messages_go_both_ways() {
    scene(
        "> habari
         > /to paulo
         > habari <paulo> & co
         > //me too
         < <message from='paulo@x/a' type='chat'><body>nzuri</body></message>
         < <message from='rosa@y.example/a'><body>I am elsewhere</body></message>
         < <message from='paulo@x/a' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        &[
            "! To whom? /to NAME chooses",
            "* You write to paulo.",
            "11:53 paulo: nzuri",
            "11:53 rosa@y.example: I am elsewhere",
        ],
        "<message to='paulo@x' type='chat'><body>habari &lt;paulo&gt; &amp; co</body></message>\
         <message to='paulo@x' type='chat'><body>/me too</body></message>",
    );
}

#[test]
fn nobody_writes_a_line_that_looks_like_another_persons_or_acts_on_the_terminal() {
    scene(
        "< <message from='eve@x/a'><body>hi&#10;11:53 paulo: send me money\u{9b}2J\u{202e}</body></message>",
        &["11:53 eve: hi", r"      11:53 paulo: send me money\u{9b}2J\u{202e}"],
        "",
    );
}

#[test]
fn what_waited_says_when_it_was_written() {
    scene(
        "< <message from='paulo@x/a'><body>today</body><delay xmlns='urn:xmpp:delay' stamp='2026-11-20T08:00:00Z'/></message>
         < <message from='paulo@x/a'><body>late</body><delay xmlns='urn:xmpp:delay' stamp='2026-11-18T23:30:00Z'/></message>
         < <message from='paulo@x/a'><body>never</body><delay xmlns='urn:xmpp:delay' stamp='nonsense'/></message>",
        &["09:00 paulo: today", "2026-11-19 00:30 paulo: late", "11:53 paulo: never"],
        "",
    );
}

#[test]
fn contacts_come_and_go() {
    scene(
        "> /who
         < <iq type='result' id='roster'><query xmlns='jabber:iq:roster'><item jid='paulo@x' name='Paulo N.' subscription='both'/><item jid='rosa@x' subscription='none'/></query></iq>
         < <presence from='paulo@x/a'/>
         < <presence from='paulo@x/b'/>
         < <presence from='stranger@x/b'/>
         > /who
         < <presence from='paulo@x/a' type='unavailable'/>
         < <presence from='paulo@x/b' type='unavailable'/>
         > /who",
        &[
            "* You have no contacts yet: /add NAME",
            "* paulo is there",
            "  Paulo N.: there   paulo",
            "  rosa: not known: they have not accepted yet",
            "* paulo has gone",
            "  Paulo N.: gone   paulo",
            "  rosa: not known: they have not accepted yet",
        ],
        "",
    );
}

/// Of several devices the one counts where the person is most.
#[test]
fn how_people_are_is_seen_and_said() {
    scene(
        "< <iq type='result' id='roster'><query xmlns='jabber:iq:roster'><item jid='paulo@x' subscription='both'/></query></iq>
         < <presence from='paulo@x/a'><show>away</show><status>at lunch</status></presence>
         < <presence from='paulo@x/b'><show>dnd</show></presence>
         < <presence from='paulo@x/a'><show>xa</show></presence>
         > /who
         < <presence from='paulo@x/b' type='unavailable'/>
         < <presence from='paulo@x/a'/>
         > /away back at <four>
         > /back",
        &["* paulo is away: at lunch", "* paulo is busy", "  paulo: busy", "* paulo is away", "* paulo is there"],
        "<presence><show>away</show><status>back at &lt;four&gt;</status></presence><presence/>",
    );
}

/// Attack case D18: whoever is of our own domain is meant first, and somebody whom nobody has verified only by the whole name
/// that the daemon has given them, or by their address.
#[test]
fn a_contact_elsewhere_is_chosen_by_name() {
    scene(
        "< <iq type='result' id='roster'><query xmlns='jabber:iq:roster'><item jid='paulo@y' name='paulo (not verified)'/><item jid='r@y' name='Rosa'/><item jid='rosa@z' name='rosa · kite (not verified)'/><item jid='asha@x'/><item jid='asha@y'/></query></iq>
         > /to paulo
         > habari
         > /to Rosa
         > /to rosa · kite (not verified)
         > /to paulo@y
         > /to asha
         > /to juma",
        &[
            "! Somebody near is called paulo, too: /to paulo@y",
            "* You write to paulo.",
            "! Somebody near is called Rosa, too: /to rosa@z",
            "* You write to r@y.",
            "* You write to rosa@z.",
            "* You write to paulo@y.",
            "* You write to asha.",
            "* You write to juma.",
        ],
        "<message to='paulo@x' type='chat'><body>habari</body></message>",
    );
}

#[test]
fn contacts_are_added_and_pushed() {
    scene(
        "< <presence from='rosa@x' type='subscribe'/>
         > /add rosa
         < <iq type='set' id='p1' from='user@x'><query xmlns='jabber:iq:roster'><item jid='rosa@x' subscription='both'/></query></iq>
         > /who
         < <iq type='set' id='p2'><query xmlns='jabber:iq:roster'><item jid='rosa@x' subscription='remove'/></query></iq>
         > /who
         > /add @@",
        &[
            "* rosa wants to be your contact: /add rosa accepts",
            "* rosa is asked, and may see you.",
            "  rosa: gone",
            "* You have no contacts yet: /add NAME",
            "! @@ cannot be a name",
        ],
        "<presence to='rosa@x' type='subscribe'/><presence to='rosa@x' type='subscribed'/>\
         <iq to='user@x' id='p1' type='result'/><iq id='p2' type='result'/>",
    );
}

/// Attack case D02, also for clients of other servers than ours.
#[test]
fn only_the_own_account_changes_the_contacts() {
    scene(
        "< <iq type='set' id='1' from='eve@x/a'><query xmlns='jabber:iq:roster'><item jid='eve@x' subscription='both'/></query></iq>
         < <iq type='get' id='2' from='x'><ping xmlns='urn:xmpp:ping'/></iq>
         > /who",
        &["* You have no contacts yet: /add NAME"],
        "<iq to='eve@x/a' id='1' type='error'><error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq><iq to='x' id='2' type='result'/>",
    );
}

#[test]
fn what_is_not_delivered_is_told() {
    scene(
        "< <message from='paulo@x' type='error'><body>habari</body><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>
         > /nonsense",
        &["! paulo did not get your message: service-unavailable", &format!("! {HELP}.")],
        "",
    );
}

/// How a login ends that goes this way.
#[track_caller]
fn check_end(xml: &str, expect: Result<(), &str>) {
    let mut client = stranger();
    says(&mut client, xml);
    assert_eq!(client.is_over(), Some(expect));
}

#[test]
fn a_login_that_fails_says_why() {
    let begin = format!("{HEADER}{SASL_FEATURES}");
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    check_end(&format!("{begin}{failure}"), Err("the password is wrong, or there is no such account"));
    let tls =
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
    check_end(&format!("{HEADER}{tls}"), Err("the daemon wants TLS (`require_tls`), which this client does not speak"));
    // Whoever listens there must know the password too.
    check_end(&format!("{begin}{}", sasl("success", LAST)), Err("what listens there does not know your password"));
    let no_server = "what listens there does not know how to log in: it is no Jirani of yours";
    check_end(&format!("{begin}{}", sasl("challenge", "r=other,s=,i=1")), Err(no_server));
    let error = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    check_end(&format!("{HEADER}{error}"), Err("the daemon ends the session: conflict"));
    check_end(&format!("{HEADER}</stream:stream>"), Ok(()));
    let mut client = stranger();
    says(&mut client, "HTTP/1.1 400 Bad Request");
    assert!(client.is_over().unwrap().is_err());
}

/// Attack case H14: another user of this computer has taken the port first. The password is proved, never told.
#[test]
fn whoever_listens_there_is_told_no_password() {
    for mechanisms in ["PLAIN", "LOGIN", "PLAIN</mechanism><mechanism>SCRAM-SHA-256"] {
        let mut client = stranger();
        let features = SASL_FEATURES.replace("SCRAM-SHA-256", mechanisms);
        says(&mut client, &format!("{HEADER}{features}"));
        let mut sent = String::from_utf8(client.poll_bytes()).unwrap();
        assert!(client.is_over().is_some() || sent.contains("'SCRAM-SHA-256'"), "{mechanisms}: {sent}");
        says(&mut client, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        sent += std::str::from_utf8(&client.poll_bytes()).unwrap();
        assert!(!sent.contains("pencil") && !sent.contains(&BASE64.encode("\0user\0pencil")), "{mechanisms}: {sent}");
    }
}

#[test]
fn who_quits_hears_the_end() {
    let mut client = online();
    client.handle_line("/quit");
    assert_eq!(client.poll_bytes(), b"</stream:stream>");
    assert!(client.is_over().is_none());
    says(&mut client, "</stream:stream>");
    assert_eq!(client.is_over(), Some(Ok(())));
}
