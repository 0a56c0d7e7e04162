//! What is in the logs, and what never is.

use nix::sys::signal::Signal;

use crate::house::House;
use crate::xmpp::Client;

/// The domain of its accounts.
fn domain(house: &House) -> String {
    let list = house.ask(&["account", "list"], "");
    list.lines().next().unwrap().split_once('@').unwrap().1.to_owned()
}

/// Lets somebody log in, write a message to themselves and change their password; and somebody else guess.
fn live(house: &House) {
    house.ask(&["account", "add", "maria", "--password-stdin"], "first-secret-of-maria\n");
    let domain = domain(house);
    let mut stranger = Client::connect(house.address(), &domain);
    stranger.authenticate(&Client::plain("maria", "guessed-by-a-stranger"));
    stranger.hear("<not-authorized");
    let mut maria = Client::log_in(house.address(), &domain, "maria", "first-secret-of-maria");
    maria.say(&format!(
        "<message to='maria@{domain}' type='chat' id='m'><body>words for nobody else</body></message>\
         <message to='nobody@elsewhere.example' id='n'><body>words for the lost</body></message>"
    ));
    maria.hear("words for nobody else");
    maria.say(
        "<iq type='set' id='p'><query xmlns='jabber:iq:register'><username>maria</username>\
         <password>second-secret-of-maria</password></query></iq>",
    );
    maria.hear("id='p'");
    // What breaks the stream is not quoted either.
    maria.say("<message><body>words that break off</message>");
    maria.hear("</stream:stream>");
    house.ask(&["account", "passwd", "maria", "--password-stdin"], "third-secret-of-maria\n");
}

#[track_caller]
fn check_silence(log: &str) {
    for secret in ["first-secret", "second-secret", "third-secret", "guessed-by", "words for", "words that"] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
    for (name, password) in [("maria", "first-secret-of-maria"), ("maria", "guessed-by-a-stranger")] {
        let message = Client::plain(name, password);
        assert!(!log.contains(&message), "{password:?} is in the log in base64:\n{log}");
        // As bytes in a list, which is how Rust shows them.
        let bytes = format!("{:?}", password.as_bytes());
        assert!(!log.contains(bytes.trim_matches(['[', ']'])), "{password:?} is in the log in numbers:\n{log}");
    }
}

#[test]
fn no_secret_and_no_message_is_in_the_log_whatever_its_level() {
    let mut house = House::new("scram_iterations = 4096\n");
    house.start(&["run", "--name", "first"], &[("RUST_LOG", "trace")]);
    live(&house);
    house.signal(Signal::SIGTERM);
    assert!(house.end().success());
    let log = house.log();
    assert!(log.contains("a login failed") && log.contains("TRACE") | log.contains("DEBUG"), "{log}");
    check_silence(&log);
    // The first account's password is shown once, to the person, and not logged.
    let said = house.said();
    let password = said.lines().find_map(|line| line.trim().strip_prefix("Password  ")?.split(' ').next()).unwrap();
    assert!(password.len() > 10 && !log.contains(password), "{password}\n{log}");
}

#[test]
fn json_is_a_value_on_each_line() {
    let mut house = House::new("log = \"debug\"\nlog_format = \"json\"\nscram_iterations = 4096\n");
    house.start(&["run", "--name", "first"], &[]);
    live(&house);
    let log = house.log();
    check_silence(&log);
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let failed = lines.iter().find(|line| line["message"] == "a login failed").expect(&log);
    assert_eq!((&failed["level"], &failed["failure"]), (&"INFO".into(), &"not-authorized".into()));
    assert!(failed["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{failed}");
}

#[test]
fn the_level_changes_at_a_hangup() {
    let mut house = House::new("");
    house.start(&["run", "--name", "first"], &[]);
    let try_once = |house: &House| {
        let mut stranger = Client::connect(house.address(), &domain(house));
        stranger.authenticate(&Client::plain("nobody", "a-guess"));
        stranger.hear("<failure");
    };
    try_once(&house);
    assert_eq!(house.log(), "", "at the level warn there is nothing to be said");
    house.configure("log = \"info\"\n");
    house.signal(Signal::SIGHUP);
    house.wait_for("the configuration is not read", |house| house.log().contains("the configuration was read again"));
    try_once(&house);
    house.wait_for("the level has not changed", |house| house.log().contains("a login failed"));
    house.configure("log = \"loud\"\n");
    house.signal(Signal::SIGHUP);
    house.wait_for("a wrong level is not told", |house| house.log().contains("the old one stays"));
}

#[test]
fn the_flag_is_before_the_configuration() {
    let mut house = House::new("log = \"info\"\nlog_format = \"text\"\n");
    house.start(&["run", "--name", "first", "--log-format", "json"], &[]);
    house.signal(Signal::SIGHUP);
    house.wait_for("it says nothing", |house| house.log().contains("certificates were read again"));
    assert!(house.log().starts_with('{'), "{}", house.log());
}
