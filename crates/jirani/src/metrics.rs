//! What Prometheus is told (text format 0.0.4): each number with its name, its kind and what it means. docs/metrics.md has
//! the same list, and a test compares them.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use anyhow::{Context as _, Result};
use mesh::link::DialCause;
use net::neighbourhood::View;
use net::sasl::{Mechanism, SaslFailure};
use net::status::Status;
use xmpp::Kinds;

use crate::control::Daemon;
use crate::machine::Machine;

/// All that there is to tell, from one moment.
pub(crate) struct Facts {
    pub(crate) status: Status,
    /// What links are doing; `None` if there are none.
    pub(crate) links: Option<View>,
    pub(crate) machine: Machine,
    pub(crate) version: &'static str,
    /// When the daemon started; milliseconds since 1970.
    pub(crate) since_ms: i64,
    /// When certificates end, in milliseconds since 1970; this computer's own has no domain.
    pub(crate) certificates: Vec<(Option<String>, i64)>,
}

/// Looks at everything, in the daemon.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn look(daemon: &Daemon) -> Result<String> {
    let certificates = daemon.certificates.ends().into_iter().map(|(domain, ends)| (domain, ends.0));
    Ok(text(&Facts {
        status: daemon.engine.status().await.context("the store cannot be read")?,
        links: daemon.neighbourhood.get().and_then(|links| links.as_ref().ok()).map(|links| links.view()),
        machine: Machine::look(daemon.home.path(), &daemon.home.store()),
        version: env!("CARGO_PKG_VERSION"),
        since_ms: daemon.since.0,
        certificates: certificates.collect(),
    }))
}

/// One number: its labels, if any, and its value.
type Sample = (Vec<(&'static str, String)>, f64);

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str, samples: Vec<Sample>) {
        let text = &mut self.0;
        // Writing to a String does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }

    /// What goes up and down.
    fn gauge(&mut self, name: &str, help: &str, value: impl AsNumber) {
        self.family(name, "gauge", help, vec![(Vec::new(), value.number())]);
    }

    /// What only grows.
    fn counter(&mut self, name: &str, help: &str, value: impl AsNumber) {
        self.family(name, "counter", help, vec![(Vec::new(), value.number())]);
    }

    /// What only grows, by one label.
    fn counters(&mut self, name: &str, help: &str, label: &'static str, of: &BTreeMap<&'static str, u64>) {
        let samples = of.iter().map(|(by, count)| (vec![(label, (*by).to_owned())], *count as f64));
        self.family(name, "counter", help, samples.collect());
    }
}

/// Prometheus knows one kind of number. Counts beyond 2^53 lose their last digits.
trait AsNumber {
    fn number(self) -> f64;
}

impl AsNumber for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl AsNumber for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

impl AsNumber for f64 {
    fn number(self) -> f64 {
        self
    }
}

/// A label's value as the format wants it.
fn escape(value: &impl Display) -> String {
    value.to_string().replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// Every cause there can be, so that the first one of a kind is seen to come.
fn with_zeros(
    causes: impl IntoIterator<Item = &'static str>,
    seen: &BTreeMap<&'static str, u64>,
) -> BTreeMap<&'static str, u64> {
    let mut all: BTreeMap<_, _> = causes.into_iter().map(|cause| (cause, 0)).collect();
    all.extend(seen);
    all
}

/// The answer to a collector.
pub(crate) fn text(facts: &Facts) -> String {
    let mut text = Text::default();
    process(&mut text, facts);
    people(&mut text, &facts.status);
    connections(&mut text, &facts.status);
    stanzas(&mut text, &facts.status);
    links(&mut text, facts);
    store(&mut text, facts);
    text.0
}

fn process(text: &mut Text, facts: &Facts) {
    let Facts { machine, version, since_ms, certificates, status, .. } = facts;
    let version = vec![(vec![("version", (*version).to_owned())], 1.0)];
    text.family("jirani_build_info", "gauge", "Always 1; the label has the program's version.", version);
    text.gauge("process_start_time_seconds", "When the daemon started, in seconds since 1970.", *since_ms as f64 / 1e3);
    text.counter(
        "process_cpu_seconds_total",
        "Processor time used, for the program and by the system for it.",
        machine.cpu_ms as f64 / 1e3,
    );
    text.gauge("process_resident_memory_bytes", "Memory that the process uses.", machine.memory_bytes);
    text.gauge("process_open_fds", "Files and sockets that are open.", machine.open_files);
    text.gauge("process_max_fds", "Files and sockets that may be open.", machine.open_files_max);
    let part = |name: &str, bytes: usize| (vec![("part", name.to_owned())], bytes as f64);
    let parts = vec![
        part("people", status.shard_bytes),
        part("connections", status.connection_bytes),
        part("store", status.unwritten.bytes),
    ];
    text.family("jirani_held_bytes", "gauge", "Bytes of stanzas in memory, by the part that holds them.", parts);
    let ends = certificates
        .iter()
        .map(|(domain, ends_ms)| (vec![("domain", domain.clone().unwrap_or_default())], *ends_ms as f64 / 1e3));
    let help = "When a certificate ends, in seconds since 1970; this computer's own has no domain.";
    text.family("jirani_certificate_end_seconds", "gauge", help, ends.collect());
}

fn people(text: &mut Text, status: &Status) {
    let lost = status.people.iter().filter(|person| person.login.is_none()).count();
    text.gauge("jirani_accounts", "Accounts there are.", status.accounts);
    text.gauge("jirani_accounts_in_memory", "Accounts in memory.", status.shard_accounts);
    text.gauge("jirani_sessions", "Sessions there are.", status.people.len());
    text.gauge("jirani_sessions_lost", "Sessions without a connection that may still be resumed.", lost);
    text.counter("jirani_sessions_total", "Sessions that began.", status.shard.sessions);
    let net = &status.net;
    let logins = with_zeros(Mechanism::ALL.map(Mechanism::name), &net.logins);
    text.counters("jirani_logins_total", "Logins, by SASL mechanism.", "mechanism", &logins);
    let refused = with_zeros(SaslFailure::ALL.map(SaslFailure::name), &net.refused_logins);
    let help = "Logins that were refused. A wrong name and a wrong password are one cause.";
    text.counters("jirani_logins_refused_total", help, "cause", &refused);
    let registrations = BTreeMap::from([("done", net.registrations), ("refused", net.refused_registrations)]);
    text.counters("jirani_registrations_total", "Accounts that strangers asked for.", "result", &registrations);
}

fn connections(text: &mut Text, status: &Status) {
    let net = &status.net;
    text.gauge("jirani_connections", "Connections there are.", status.connections);
    text.gauge("jirani_connections_without_session", "Those of them that have no session yet.", status.strangers);
    text.counter("jirani_connections_total", "Connections that were accepted.", net.connections);
    text.counter("jirani_accept_errors_total", "Connections that the system could not give us.", net.accept_errors);
    let help = "Connections without a session that made room for newer ones.";
    text.counter("jirani_connections_evicted_total", help, net.evicted);
    text.counter("jirani_connections_late_total", "Connections that did not log in in time.", net.late);
    text.counter("jirani_tls_handshakes_total", "TLS handshakes that came to their end.", net.handshakes);
    text.counter("jirani_tls_errors_total", "Connections that broke the rules of TLS.", net.tls_errors);
    text.counter("jirani_received_bytes_total", "Bytes that came from clients, with TLS.", net.received_bytes);
    text.counter("jirani_sent_bytes_total", "Bytes that went to clients, with TLS.", net.sent_bytes);
    let help = "Streams that were ended with an error before there was a session.";
    text.counters("jirani_streams_refused_total", help, "cause", &net.refused_streams);
}

fn stanzas(text: &mut Text, status: &Status) {
    let of = |direction: &str, kinds: &Kinds| -> Vec<Sample> {
        [("message", kinds.messages), ("presence", kinds.presences), ("iq", kinds.iqs)]
            .map(|(kind, count)| (vec![("direction", direction.to_owned()), ("kind", kind.to_owned())], count as f64))
            .into()
    };
    let tally = &status.shard;
    let both = [of("in", &tally.from_clients), of("out", &tally.to_clients)].concat();
    text.family("jirani_stanzas_total", "counter", "Stanzas from clients (in) and to them (out), by kind.", both);
    let help = "Stanzas that were answered with an error.";
    text.counters("jirani_stanza_errors_total", help, "cause", &tally.stanza_errors);
    let help = "Streams with a session that were ended with an error.";
    text.counters("jirani_stream_errors_total", help, "cause", &tally.stream_errors);
}

fn links(text: &mut Text, facts: &Facts) {
    let (status, view) = (&facts.status, facts.links.as_ref());
    let tally = view.map(|view| view.tally.clone()).unwrap_or_default();
    text.gauge("jirani_links", "Links to other nodes there are.", view.map_or(0, |view| view.links));
    let help = "Those of them that nobody has shown themselves on.";
    text.gauge("jirani_links_without_people", help, view.map_or(0, |view| view.links_without_people));
    text.counter("jirani_links_total", "Links that came up.", tally.links);
    text.gauge("jirani_devices_in_reach", "Devices of people of other nodes in reach.", status.in_reach);
    text.counter("jirani_dials_total", "Attempts to make a link.", tally.dials);
    let failed = with_zeros(DialCause::NAMES, &tally.dials_failed);
    text.counters("jirani_dials_failed_total", "Those of them that made none.", "cause", &failed);
    let parcels = BTreeMap::from([
        ("in", tally.parcels_received),
        ("out", tally.parcels_sent),
        ("refused", tally.parcels_refused + status.parcels_refused),
    ]);
    let help =
        "Parcels from devices in reach (in) and to them (out), and what was none or not from whom it said (refused).";
    text.counters("jirani_parcels_total", help, "result", &parcels);
    let help = "What waits for people of other nodes, or for one's own other devices.";
    text.gauge("jirani_outbox", help, status.outbox);
    let oldest = status.outbox_since.map_or(0.0, |since| since.0 as f64 / 1e3);
    let help = "When the oldest of it was written, in seconds since 1970; 0 if nothing waits.";
    text.gauge("jirani_outbox_oldest_seconds", help, oldest);
    let (announced, people) = view.map_or((0, 0), |view| view.bonjour);
    let bonjour = view.map(|view| view.bonjour_tally).unwrap_or_default();
    text.gauge("jirani_bonjour_accounts", "Accounts that are on the link for other programs (XEP-0174).", announced);
    text.gauge("jirani_bonjour_people", "People of other programs on the link who are shown to them.", people);
    let messages = BTreeMap::from([("in", bonjour.heard), ("out", bonjour.said), ("refused", bonjour.refused)]);
    let help = "Messages from them (in) and to them (out), and what came back to its author (refused).";
    text.counters("jirani_bonjour_messages_total", help, "result", &messages);
    let help = "Announcements of theirs that nobody could be written to by.";
    text.counter("jirani_bonjour_skipped_total", help, bonjour.skipped);
    let help = "Connections that were closed: nobody known was at their other end, or there were too many.";
    text.counter("jirani_bonjour_turned_away_total", help, bonjour.turned_away);
}

fn store(text: &mut Text, facts: &Facts) {
    let Facts { status, machine, .. } = facts;
    let written = &status.written;
    text.counter("jirani_messages_stored_total", "Messages that were written to disk.", written.messages);
    let help = "Copies of stored messages that have reached their person.";
    text.counter("jirani_messages_delivered_total", help, written.delivered);
    text.gauge("jirani_messages_waiting", "Messages that wait for who is away.", status.waiting);
    text.counter("jirani_store_transactions_total", "Transactions: syncs of the disk.", written.transactions);
    text.counter(
        "jirani_store_batches_total",
        "Batches that were written; a transaction has one or more.",
        written.batches,
    );
    text.counter("jirani_store_batches_failed_total", "Batches that were not written.", written.failed);
    text.gauge("jirani_store_queue_batches", "Batches that wait to be written.", status.unwritten.items);
    text.gauge("jirani_store_queue_reads", "Questions that wait for the store.", status.unanswered);
    text.gauge("jirani_store_bytes", "What the store takes on the disk.", machine.store_bytes);
    text.gauge("jirani_disk_free_bytes", "Room on the disk where the data is.", machine.disk_free_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let cause = || BTreeMap::from([("conflict", 2)]);
        let net = net::tally::Tally { refused_streams: cause(), ..Default::default() };
        let shard = xmpp::Tally { stanza_errors: cause(), stream_errors: cause(), ..Default::default() };
        let status = Status {
            people: Vec::new(),
            accounts: 3,
            waiting: 0,
            outbox: 2,
            outbox_since: Some(base::Wall(2500)),
            in_reach: 0,
            parcels_refused: 0,
            connections: 0,
            strangers: 0,
            connection_bytes: 0,
            shard_accounts: 0,
            shard_bytes: 0,
            unwritten: store::Queued::default(),
            unanswered: 0,
            written: store::Written::default(),
            shard,
            net,
            trouble: None,
        };
        let certificates = vec![(None, 1000), (Some("a\\b\"c\nd".to_owned()), 1500)];
        Facts { status, links: None, machine: Machine::default(), version: "0.0.0", since_ms: 1500, certificates }
    }

    #[test]
    fn the_text_is_as_the_format_has_it() {
        let text = text(&facts());
        for expect in [
            "# HELP jirani_accounts Accounts there are.\n# TYPE jirani_accounts gauge\njirani_accounts 3\n",
            "\nprocess_start_time_seconds 1.5\n",
            "\njirani_build_info{version=\"0.0.0\"} 1\n",
            "\njirani_stanzas_total{direction=\"in\",kind=\"message\"} 0\n",
            "\njirani_logins_total{mechanism=\"PLAIN\"} 0\n",
            "\njirani_logins_refused_total{cause=\"not-authorized\"} 0\n",
            "\njirani_dials_failed_total{cause=\"silent\"} 0\n",
            "\njirani_outbox 2\n",
            "\njirani_outbox_oldest_seconds 2.5\n",
            "\njirani_certificate_end_seconds{domain=\"a\\\\b\\\"c\\nd\"} 1.5\n",
        ] {
            assert!(text.contains(expect), "{expect}\n{text}");
        }
    }

    /// `| name | kind | labels | meaning |` of every family.
    fn table(text: &str) -> String {
        let mut table = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for family in text.split("# HELP ").skip(1) {
            let (name, rest) = family.split_once(' ').unwrap();
            let (help, rest) = rest.split_once('\n').unwrap();
            let (kind, samples) = rest.split_once('\n').unwrap();
            let kind = kind.rsplit(' ').next().unwrap();
            let labels = samples.lines().next().and_then(|line| line.split_once('{')?.1.split_once('}'));
            let labels =
                labels.map_or("", |(labels, _)| labels).split(',').map(|label| label.split('=').next().unwrap());
            let labels: Vec<_> = labels.collect();
            table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
        }
        table
    }

    #[test]
    fn the_document_has_the_same_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let document = std::fs::read_to_string(path).unwrap();
        let table = table(&text(&facts()));
        let begin = document.find("| name | kind |").expect("docs/metrics.md has the table");
        let end = begin + document[begin..].find("\n\n").map_or(document[begin..].len(), |end| end + 1);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, [&document[..begin], &table, &document[end..]].concat()).unwrap();
        } else {
            assert_eq!(
                &document[begin..end],
                table,
                "docs/metrics.md: UPDATE_EXPECT=1 cargo test -p jirani brings it up to date"
            );
        }
    }
}
