//! The commands about neighbours, as far as a daemon alone can answer them. Two daemons are in tests/laptops/nearby.py.

use crate::house::House;

/// What a command that must fail says.
#[track_caller]
fn refused(house: &House, args: &[&str], code: i32) -> String {
    let done = house.run(args, "");
    let error = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(code), "{args:?}: {error}");
    error
}

#[test]
fn without_links_nobody_is_there_and_it_is_said_why() {
    let mut house = House::new("scram_iterations = 4096\n");
    for args in [
        &["neighbours"][..],
        &["dial", "192.0.2.7"],
        &["accept", "tom@x.jirani.alt", "--yes"],
        &["verify", "tom"],
        &["unverify", "tom"],
    ] {
        assert!(refused(&house, args, 3).contains("no daemon runs"), "{args:?}");
    }
    house.start(&["run", "--name", "first"], &[]);
    let said = house.ask(&["neighbours"], "");
    assert_eq!(said, "Nobody is in reach: links are off (`links` in the configuration).\n");
    for args in
        [&["dial", "192.0.2.7"][..], &["accept", "tom@x.jirani.alt", "--yes"], &["verify", "tom"], &["unverify", "tom"]]
    {
        let error = refused(&house, args, 1);
        assert!(error.contains("links are off: remove `links = false`"), "{error}");
    }
    let error = refused(&house, &["accept", "tom", "--yes"], 1);
    assert!(error.contains("tom is no address"), "{error}");
    let json = String::from_utf8(house.run(&["status", "--json"], "").stdout).unwrap();
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["links"]["on"], false);
    assert_eq!(status["outbox"], serde_json::json!({ "count": 0, "since_ms": null }));
    assert!(!house.has("data/identity/people"), "without links there are no keys");
}

#[test]
fn each_command_says_what_it_does() {
    let house = House::new("");
    for (command, words) in [
        ("neighbours", "who is in reach"),
        ("dial", "fe80::7%eth0"),
        ("accept", "makes the new key the right one"),
        ("verify", "both of you give this order, see three words"),
        ("unverify", "Take back that somebody is verified"),
    ] {
        let help = house.ask(&[command, "--help"], "");
        let flowing = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(words), "{command}: {help}");
        let completions = house.ask(&["completions", "bash"], "");
        assert!(completions.contains(&format!("jirani,{command})")), "{command}");
    }
}
