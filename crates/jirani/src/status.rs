//! `jirani status`: how the daemon is, for people and (`--json`) for programs.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use base::Wall;
use serde::{Deserialize, Serialize};

use crate::control::{self, Daemon, Reply, Request};
use crate::exit::Exit;
use crate::health::{self, Finding, bytes};
use crate::home::Home;
use crate::machine::{self, Machine};
use crate::nearby::{self, Nearby};
use crate::terminal::{harmless, harmless_lines};

/// What a daemon says of itself. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    /// The program's version.
    pub(crate) version: String,
    /// The domain that accounts are made under.
    pub(crate) domain: String,
    /// The data directory.
    pub(crate) data: String,
    /// When it looked.
    pub(crate) now_ms: i64,
    /// When it started.
    pub(crate) since_ms: i64,
    /// Who is on, by address.
    pub(crate) people: Vec<Person>,
    /// How many accounts there are.
    pub(crate) accounts: u64,
    /// How many messages wait for somebody.
    pub(crate) waiting_messages: u64,
    /// What waits for people elsewhere.
    pub(crate) outbox: Outbox,
    pub(crate) links: Nearby,
    /// What its parts hold.
    pub(crate) shard: Shard,
    pub(crate) connections: Connections,
    pub(crate) store: Store,
    pub(crate) machine: Machine,
    pub(crate) certificates: Vec<Certificate>,
    /// Whether others than the owner can look into the data directory.
    pub(crate) data_is_open: bool,
    /// Where the next root key still lies.
    pub(crate) next_root_key: Option<String>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    /// The full address.
    pub(crate) address: String,
    pub(crate) since_ms: i64,
    /// Whether it is available to others.
    pub(crate) available: bool,
    /// Whether it has a connection; if not, its client may still come back to it.
    pub(crate) connected: bool,
    pub(crate) tls: bool,
    /// How it logged in, if it is connected.
    pub(crate) mechanism: Option<String>,
}

/// What this node's people have said to others who have not got it yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbox {
    /// How much.
    pub(crate) count: u64,
    /// When the oldest of it was written.
    pub(crate) since_ms: Option<i64>,
}

/// The server's memory of people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    pub(crate) accounts: u64,
    pub(crate) sessions: u64,
    /// Bytes of stanzas that are on their way.
    pub(crate) held_bytes: u64,
}

/// Sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connections {
    pub(crate) all: u64,
    /// Those that have no session (yet).
    pub(crate) without_session: u64,
    pub(crate) held_bytes: u64,
}

/// The way to the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) unwritten_batches: u64,
    pub(crate) unwritten_bytes: u64,
    /// What keeps it from writing, if anything does.
    pub(crate) trouble: Option<Trouble>,
}

/// The store refuses what it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trouble {
    pub(crate) since_ms: i64,
    /// In the store's words.
    pub(crate) why: String,
    /// How many batches it has refused.
    pub(crate) refused: u64,
}

/// When a certificate ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// For which domain; this computer's own one has none.
    pub(crate) domain: Option<String>,
    pub(crate) ends_ms: i64,
}

/// What `--json` prints, with a daemon.
#[derive(Serialize)]
struct Report<'a> {
    running: bool,
    #[serde(flatten)]
    status: &'a Status,
    findings: &'a [Finding],
}

/// What `--json` prints without one.
#[derive(Serialize)]
struct Silence {
    running: bool,
}

/// Looks at everything, in the daemon.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn look(daemon: &Daemon) -> Result<Status> {
    let engine = daemon.engine.status().await.context("the store cannot be read")?;
    let next_root_key = daemon.home.next_root_key();
    let people: Vec<Person> = engine
        .people
        .into_iter()
        .map(|person| Person {
            address: person.address,
            since_ms: person.since.0,
            available: person.available,
            connected: person.login.is_some(),
            tls: person.login.is_some_and(|login| login.tls),
            mechanism: person.login.and_then(|login| login.mechanism).map(str::to_owned),
        })
        .collect();
    let certificate = |(domain, ends): (Option<String>, Wall)| Certificate { domain, ends_ms: ends.0 };
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        domain: daemon.engine.hosts().primary.clone(),
        data: daemon.home.path().display().to_string(),
        now_ms: daemon.clock.now().wall.0,
        since_ms: daemon.since.0,
        accounts: engine.accounts as u64,
        waiting_messages: engine.waiting,
        outbox: Outbox { count: engine.outbox, since_ms: engine.outbox_since.map(|since| since.0) },
        links: nearby::look(daemon),
        shard: Shard {
            accounts: engine.shard_accounts as u64,
            sessions: people.len() as u64,
            held_bytes: engine.shard_bytes as u64,
        },
        connections: Connections {
            all: engine.connections as u64,
            without_session: engine.strangers as u64,
            held_bytes: engine.connection_bytes as u64,
        },
        store: Store {
            unwritten_batches: engine.unwritten.items as u64,
            unwritten_bytes: engine.unwritten.bytes as u64,
            trouble: engine.trouble.map(|trouble| Trouble {
                since_ms: trouble.since.0,
                why: trouble.why,
                refused: trouble.refused,
            }),
        },
        people,
        machine: Machine::look(daemon.home.path(), &daemon.home.store()),
        certificates: daemon.certificates.ends().into_iter().map(certificate).collect(),
        data_is_open: machine::is_open_to_others(daemon.home.path()),
        next_root_key: next_root_key.exists().then(|| next_root_key.display().to_string()),
    })
}

/// Asks the daemon and prints what it says.
pub(crate) fn status(home: &Home, json: bool) -> Result<Exit> {
    let status = match control::ask(home, &Request::Status) {
        Ok(Reply::Status(status)) => status,
        Ok(_) => bail!("the daemon answered something else"),
        Err(error) => {
            if json && Exit::of(&error) == Exit::NotRunning {
                println!("{}", serde_json::to_string_pretty(&Silence { running: false })?);
            }
            return Err(error);
        }
    };
    let findings = health::findings(&status);
    if json {
        let report = Report { running: true, status: &status, findings: &findings };
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", text(&status));
        print!("{}", list(&findings));
    }
    Ok(if findings.is_empty() { Exit::Done } else { Exit::Attention })
}

/// What is found, each with what to do.
pub(crate) fn list(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = write!(text, "\n! {}\n  {}\n", harmless_lines(&finding.what), harmless_lines(&finding.todo));
    }
    text
}

/// The status for people.
fn text(status: &Status) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_text(status, &mut text);
    text
}

fn write_text(status: &Status, text: &mut String) -> std::fmt::Result {
    let Status { shard, connections, store, machine, .. } = status;
    let up = ago(status.now_ms - status.since_ms);
    writeln!(text, "Jirani {} runs for {} since {up}.", harmless(&status.version), harmless(&status.domain))?;
    writeln!(text, "\nPeople      {} on, {}", status.people.len(), some(status.accounts, "account"))?;
    for person in &status.people {
        let security = match (person.connected, person.tls) {
            (false, _) => "connection lost, may come back",
            (true, true) => "TLS",
            (true, false) => "no TLS",
        };
        let mechanism = person.mechanism.as_deref().map(|m| format!(", {}", harmless(m))).unwrap_or_default();
        let hidden = if person.available { "" } else { ", not available" };
        let since = ago(status.now_ms - person.since_ms);
        writeln!(text, "  {}  since {since}, {security}{mechanism}{hidden}", harmless(&person.address))?;
    }
    writeln!(text, "Messages    {} waiting for who is away", status.waiting_messages)?;
    if let Outbox { count: count @ 1.., since_ms } = status.outbox {
        let since = since_ms.map(|ms| format!(", the oldest since {}", ago(status.now_ms - ms))).unwrap_or_default();
        writeln!(text, "Outbox      {count} waiting for who is not in reach{since}")?;
    }
    status.links.write(status.now_ms, text)?;
    writeln!(text, "Memory      {}", bytes(machine.memory_bytes))?;
    let (accounts, sessions) = (some(shard.accounts, "account"), some(shard.sessions, "session"));
    writeln!(text, "  people       {} of stanzas; {accounts}, {sessions}", bytes(shard.held_bytes))?;
    let (held, strangers) = (bytes(connections.held_bytes), connections.without_session);
    writeln!(text, "  connections  {held}; {} of them, {strangers} not logged in", connections.all)?;
    let unwritten = bytes(store.unwritten_bytes);
    writeln!(text, "  store        {unwritten} not written yet, in {} batches", store.unwritten_batches)?;
    let (stored, free) = (bytes(machine.store_bytes), bytes(machine.disk_free_bytes));
    writeln!(text, "Disk        {stored} used, {free} free, in {}", harmless(&status.data))?;
    writeln!(text, "Files       {} open, {} allowed", machine.open_files, machine.open_files_max)
}

/// So many of something.
pub(crate) fn some(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A span of time as people say it.
pub(crate) fn ago(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Status {
        let person = |address: &str, connected, tls, available| Person {
            address: address.to_owned(),
            since_ms: 0,
            available,
            connected,
            tls,
            mechanism: connected.then(|| "SCRAM-SHA-256".to_owned()),
        };
        Status {
            version: "0.1.0".into(),
            domain: "a-b-c-d-e.jirani.alt".into(),
            data: "/data".into(),
            now_ms: 7_200_000,
            since_ms: 7_100_000,
            people: vec![
                person("maria@x/\u{1b}[2J", true, true, true),
                person("paulo@x/b", true, false, false),
                person("rosa@x/c", false, false, true),
            ],
            accounts: 4,
            waiting_messages: 7,
            outbox: Outbox { count: 3, since_ms: Some(0) },
            ..Status::default()
        }
    }

    #[test]
    fn people_read_it() {
        let text = text(&example());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Jirani 0.1.0 runs for a-b-c-d-e.jirani.alt since 100 s.");
        assert_eq!(
            lines[2..9],
            [
                "People      3 on, 4 accounts",
                r"  maria@x/\u{1b}[2J  since 2 h, TLS, SCRAM-SHA-256",
                "  paulo@x/b  since 2 h, no TLS, SCRAM-SHA-256, not available",
                "  rosa@x/c  since 2 h, connection lost, may come back",
                "Messages    7 waiting for who is away",
                "Outbox      3 waiting for who is not in reach, the oldest since 2 h",
                "Neighbours  none: links are off (`links` in the configuration)",
            ]
        );
    }

    #[test]
    fn what_is_found_is_told_with_what_to_do() {
        assert_eq!(list(&[]), "");
        let finding = Finding::new("disk", "The disk is full.", "Make room.");
        assert_eq!(list(&[finding]), "\n! The disk is full.\n  Make room.\n");
    }

    #[test]
    fn spans_of_time_are_short() {
        for (ms, expect) in
            [(-1, "0 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (172_800_000, "2 days")]
        {
            assert_eq!(ago(ms), expect);
        }
    }
}
