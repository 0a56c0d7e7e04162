//! The metrics port of a daemon that people use.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::house::{House, free_port};
use crate::xmpp::Client;

fn scrape(port: u16) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_owned()
}

#[track_caller]
fn check(text: &str, name: &str, expect: f64) {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value: f64 = value.unwrap_or_else(|| panic!("{name} is missing:\n{text}")).parse().unwrap();
    assert!((value - expect).abs() < 1e-9, "{name} is {value}, not {expect}:\n{text}");
}

#[test]
fn what_people_do_is_counted_and_nobody_is_named() {
    let port = free_port();
    let mut house = House::new(&format!("metrics = \"127.0.0.1:{port}\"\nscram_iterations = 4096\n"));
    house.start(&["run", "--name", "first"], &[]);
    for name in ["maria", "paulo"] {
        house.ask(&["account", "add", name, "--password-stdin"], "a-password\n");
    }
    let list = house.ask(&["account", "list"], "");
    let domain = list.lines().next().unwrap().split_once('@').unwrap().1.to_owned();
    for guess in ["wrong-password", "worse-password"] {
        let mut stranger = Client::connect(house.address(), &domain);
        stranger.authenticate(&Client::plain("maria", guess));
        stranger.hear("<not-authorized");
    }
    let mut maria = Client::log_in(house.address(), &domain, "maria", "a-password");
    maria.say(&format!(
        "<message to='maria@{domain}' type='chat'><body>one</body></message>\
         <message to='paulo@{domain}' type='chat'><body>two</body></message>\
         <message to='x@elsewhere.example' id='n'><body>three</body></message>"
    ));
    maria.hear("remote-server-not-found");
    maria.say("<iq type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>");
    maria.hear("id='q'");
    // That the first message has arrived is written a second later at most.
    house.wait_for("a delivery is not counted", |_| scrape(port).contains("\njirani_messages_delivered_total 1\n"));
    let text = scrape(port);
    for (name, expect) in [
        ("jirani_accounts", 3.0),
        ("jirani_sessions", 1.0),
        ("jirani_sessions_total", 1.0),
        ("jirani_logins_total{mechanism=\"PLAIN\"}", 1.0),
        ("jirani_logins_total{mechanism=\"SCRAM-SHA-256\"}", 0.0),
        ("jirani_logins_refused_total{cause=\"not-authorized\"}", 2.0),
        ("jirani_connections_total", 3.0),
        ("jirani_stanzas_total{direction=\"in\",kind=\"message\"}", 3.0),
        ("jirani_stanzas_total{direction=\"in\",kind=\"presence\"}", 1.0),
        ("jirani_stanzas_total{direction=\"in\",kind=\"iq\"}", 1.0),
        // The one to herself, and the error.
        ("jirani_stanzas_total{direction=\"out\",kind=\"message\"}", 2.0),
        ("jirani_stanzas_total{direction=\"out\",kind=\"iq\"}", 1.0),
        ("jirani_stanza_errors_total{cause=\"remote-server-not-found\"}", 1.0),
        ("jirani_messages_stored_total", 2.0),
        ("jirani_messages_waiting", 1.0),
        ("jirani_store_batches_failed_total", 0.0),
    ] {
        check(&text, name, expect);
    }
    for name in ["maria", "paulo", "elsewhere", &domain] {
        assert!(!text.contains(name), "{name} is named:\n{text}");
    }
    house.run(&["status"], "");
}

#[test]
fn a_port_for_everybody_must_be_meant() {
    let house = House::new("metrics = \"0.0.0.0:1\"\n");
    let done = house.run(&["run"], "");
    let error = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{error}");
    assert!(error.contains("metrics_for_others = true"), "{error}");
    let check = house.run(&["check"], "");
    let said = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(4), "{said}");
    assert!(said.contains("metrics_for_others = true"), "{said}");
}
