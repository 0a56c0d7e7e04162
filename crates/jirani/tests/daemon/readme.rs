//! What README.md shows is what the program says: each picture of a terminal is taken again and compared.
//! `UPDATE_EXPECT=1 cargo test -p jirani` puts the new ones in.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::house::{House, PROGRAM};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

/// In the pictures: the address, the password and the port that everybody sees, instead of the house's own.
const DOMAIN: &str = "otter-lamp-river-seven-brick.jirani.alt";
const PASSWORD: &str = "comfy-glen-reveal-cherish";

/// The same for the people of the demo.
const DEMO: [(&str, &str); 3] = [
    ("lisa", "paper-mango-tide-lantern-oak.jirani.alt"),
    ("tom", "violin-rain-copper-trail-moss.jirani.alt"),
    ("amina", "kettle-north-fig-velvet-drum.jirani.alt"),
];

/// What the program says, as it would in a home.
fn as_in_a_home(house: &House, domain: &str, said: &str) -> String {
    let lines = said.lines().map(|line| match line.split_once("Password  ") {
        Some((before, rest)) => {
            let after = rest.split_once(' ').map_or("", |(_, after)| after);
            format!("{before}Password  {PASSWORD} {after}")
        }
        None => line.to_owned(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let data = house.path("data").display().to_string();
    text.replace(domain, DOMAIN).replace(&data, "~/.local/share/jirani").replace(&house.port.to_string(), "5222")
}

/// What `jirani demo` says on the way, with addresses that everybody sees.
fn demo() -> String {
    let folder = std::env::temp_dir().join(format!("jirani-readme-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let mut command = Command::new(PROGRAM);
    let done = command.args(["demo", "--quick"]).env("TMPDIR", &folder).stdin(Stdio::null()).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let mut said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    for (name, domain) in DEMO {
        let (_, after) = said.split_once(&format!("{name}@")).expect("everybody has an address");
        let theirs = after.split_once(".alt").expect("an address ends").0.to_owned() + ".alt";
        said = said.replace(&theirs, domain);
    }
    // Other demos may run at this moment, and then there is more than one Tom on this computer.
    let alone = |line: &str| match line.split_once(" · ").and_then(|(name, rest)| Some((name, rest.split_once(' ')?.1)))
    {
        Some((name, rest)) => format!("{name} {rest}"),
        None => line.to_owned(),
    };
    said.lines().map(alone).collect::<Vec<_>>().join("\n")
}

/// A text without what differs from one time to the next: numbers, and the units that go with them.
fn shape(text: &str) -> String {
    let text = text.replace("less than 1 ms", "1 ms").replace(" ms", " s");
    let mut shape = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    let shape = ["# B", "# KiB", "# MiB", "# GiB"].iter().fold(shape, |shape, unit| shape.replace(unit, "# bytes"));
    let lines = shape.lines().map(|line| line.replace("#.# s", "# s").trim_start().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The pictures of a document: what was typed, by `<!-- seen: WORDS -->` before the block, and where it stands.
fn pictures(document: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut pictures = Vec::new();
    let mut from = 0;
    while let Some(at) = document[from..].find("<!-- seen: ") {
        let (words, _) = document[from + at + 11..].split_once(" -->").expect("the mark ends");
        let begin = from + at + document[from + at..].find("```\n").expect("a block follows") + 4;
        let end = begin + document[begin..].find("\n```").expect("the block ends");
        pictures.push((words.to_owned(), begin..end));
        from = end;
    }
    pictures
}

/// Chats as somebody until these words have come. Gives all that was shown.
fn chat_until(house: &House, name: &str, words: &str) -> String {
    let mut chat = house.command(&["chat", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut typing = chat.stdin.take().unwrap();
    typing.write_all(b"a-password\n").unwrap();
    let mut shown = String::new();
    let mut screen = BufReader::new(chat.stdout.take().unwrap());
    while !shown.contains(words) {
        assert_ne!(screen.read_line(&mut shown).unwrap(), 0, "{words:?} has not come:\n{shown}");
    }
    typing.write_all(b"/quit\n").unwrap();
    screen.read_to_string(&mut shown).unwrap();
    assert!(chat.wait().unwrap().success());
    shown
}

#[test]
fn the_pictures_in_the_readme_are_true() {
    let mut house = House::new("scram_iterations = 4096\n");
    house.start(&["run", "--name", "maria"], &[]);
    let list = house.ask(&["account", "list"], "");
    let domain = list.trim().split_once('@').unwrap().1.to_owned();
    let mut document = fs::read_to_string(README).unwrap();
    let mut seen = Vec::new();
    for (words, _) in pictures(&document) {
        let said = match words.as_str() {
            "jirani" => house.said(),
            "jirani demo" => demo(),
            "jirani account add paulo" => {
                let said = house.ask(&["account", "add", "paulo"], "");
                house.ask(&["account", "passwd", "paulo", "--password-stdin"], "a-password\n");
                house.ask(&["account", "passwd", "maria", "--password-stdin"], "a-password\n");
                said
            }
            "jirani chat paulo" => {
                house.ask(&["chat", "maria"], "a-password\n/to paulo\nhabari paulo\n/quit\n");
                chat_until(&house, "paulo", "habari paulo")
            }
            "jirani status" => String::from_utf8(house.run(&["status"], "").stdout).unwrap(),
            setup => {
                let args: Vec<&str> = setup.split(' ').skip(1).collect();
                house.ask(&args, "")
            }
        };
        seen.push(as_in_a_home(&house, &domain, said.trim_end()));
    }
    assert!(!seen.is_empty());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    // From the end, so that what is put in moves none of the others.
    for ((words, at), seen) in pictures(&document).into_iter().zip(&seen).rev() {
        if update {
            document.replace_range(at, seen);
        } else {
            let shown = &document[at];
            assert_eq!(
                shape(shown),
                shape(seen),
                "README.md, `{words}`: UPDATE_EXPECT=1 cargo test -p jirani takes it anew"
            );
        }
    }
    if update {
        fs::write(README, document).unwrap();
    }
}
