//! `jirani check`: what would keep the daemon from starting, or programs from connecting, found without starting.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base::Wall;
use net::ca;
use net::certificates;
use net::neighbourhood::BONJOUR_PORT;
use nix::unistd::{AccessFlags, access, getuid};
use toml::{Table, Value};

use crate::config::{Certificate, Config};
use crate::exit::Exit;
use crate::health::Finding;
use crate::home::Home;
use crate::{machine, status};

/// How alike two words are for one to be a slip of the other (Jaro-Winkler, 1 is the same).
const ALIKE_MIN: f64 = 0.8;

/// The port of mDNS (RFC 6762).
const MDNS_PORT: u16 = 5353;

/// How `links_to` is written.
const LINKS_TO: &str = "An address is written \"192.0.2.7:5290\" or \"[2001:db8::7]:5290\", and \"[fe80::7%2]:5290\" with the \
                        number of an interface (`ip link` shows it).";

/// Checks the configuration in the file that is named, or in the data directory if there is one, and what it needs on
/// this computer.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn check(home: &Home, named: Option<&Path>) -> Result<Exit> {
    let path = named.map_or_else(|| home.config(), Path::to_owned);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => None,
        text => Some(text.with_context(|| format!("cannot read {}", path.display()))?),
    };
    let (config, mut findings) = read(text.as_deref().unwrap_or_default());
    let runs = net::control::client::connect_in(&home.control()).is_ok();
    if let Some(config) = &config {
        findings.extend(domains(config, net::clock::Clock::start().now().wall));
        findings.extend(sockets(config, runs));
        findings.extend(values(config));
        findings.extend(strangers(config));
        findings.extend(links(config, runs));
    }
    // Root looks after the computer's own daemon, which runs as somebody else.
    if !(home.is_system() && getuid().is_root()) {
        findings.extend(data(home.path()));
    }
    let name = if text.is_some() { path.display().to_string() } else { "none, so the defaults hold".to_owned() };
    println!("Configuration  {name}");
    println!("Data           {}", home.path().display());
    println!("Daemon         {}", if runs { "runs with this data" } else { "does not run" });
    if let Some(ports) = config.as_ref().and_then(ports) {
        println!("Firewall       {ports}");
    }
    print!("{}", status::list(&findings));
    if findings.is_empty() {
        println!("\nAll is well.");
        return Ok(Exit::Done);
    }
    Ok(Exit::Attention)
}

/// Reads the file and finds everything that is wrong with it, not only the first thing. The configuration is that of the
/// keys that are good, or `None` if the file is no TOML.
fn read(text: &str) -> (Option<Config>, Vec<Finding>) {
    let mut table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let what = format!("The file is no TOML: {}", error.to_string().trim_end());
            let todo = "Put it right there. `jirani config example` shows how it is written.";
            return (None, vec![Finding::new("config-syntax", what, todo)]);
        }
    };
    let mut findings = Vec::new();
    table.retain(|key, value| {
        let wrong = wrong(text, key, value);
        let is_good = wrong.is_empty();
        findings.extend(wrong);
        is_good
    });
    (table.try_into().ok(), findings)
}

/// What is wrong with one key and its value.
fn wrong(text: &str, key: &str, value: &Value) -> Vec<Finding> {
    if !Config::KEYS.contains(&key) {
        return vec![unknown(text, key, Config::KEYS)];
    }
    if let (Value::Array(tables), "certificates") = (value, key) {
        let keys = tables.iter().filter_map(Value::as_table).flat_map(Table::keys);
        let unknown: Vec<Finding> = keys
            .filter(|key| !Certificate::KEYS.contains(&key.as_str()))
            .map(|key| unknown(text, key, Certificate::KEYS))
            .collect();
        if !unknown.is_empty() {
            return unknown;
        }
    }
    match Table::from_iter([(key.to_owned(), value.clone())]).try_into::<Config>() {
        Ok(_) => Vec::new(),
        Err(error) => {
            let reason = error.message();
            let what = format!("{}`{key}` cannot be that: {reason}.", line(text, key));
            let todo = if key == "links_to" { LINKS_TO } else { "`jirani config example` shows what it may be." };
            vec![Finding::new("config-value", what, todo)]
        }
    }
}

fn unknown(text: &str, key: &str, known: &[&str]) -> Finding {
    let nearest =
        known.iter().map(|known| (strsim::jaro_winkler(key, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    let todo = match nearest {
        Some((alike, known)) if alike >= ALIKE_MIN => format!("Do you mean `{known}`?"),
        _ => "Remove it. `jirani config example` shows every key.".to_owned(),
    };
    Finding::new("config-key", format!("{}there is no key `{key}`.", line(text, key)), todo)
}

/// "Line 3: " where a key is set; nothing if it is written in a way that hides it.
fn line(text: &str, key: &str) -> String {
    let sets = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '"', '\'', '.']))
    };
    text.lines().position(sets).map_or_else(String::new, |at| format!("Line {}: ", at + 1))
}

/// What is more than a value of its kind.
fn values(config: &Config) -> Option<Finding> {
    let error = config.check().err()?;
    Some(Finding::new("config-value", format!("{error:#}."), "Without it the daemon does not start."))
}

/// The domain, and the certificates that programs will want to see.
fn domains(config: &Config, now: Wall) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = config.certificate_files();
    for files in &files {
        match certificates::load(files) {
            Err(error) => {
                let what = format!("The certificate for {} cannot be used: {error}.", files.domain);
                findings.push(Finding::new("certificate", what, "Without it the daemon does not start."));
            }
            Ok(key) => {
                let end = key.cert.first().and_then(|first| net::expiry::not_after(first));
                if let Some(end) = end.filter(|end| *end <= now) {
                    let what = format!("The certificate for {} ended at {end}: programs refuse it.", files.domain);
                    findings.push(Finding::new("certificate-ended", what, "Renew it."));
                }
            }
        }
    }
    match config.domain() {
        Err(error) => findings.push(Finding::new(
            "domain",
            format!("{error:#}."),
            "A domain is written as school.example, without a name before it or a path behind it.",
        )),
        Ok(Some(domain)) if !ca::covers(&domain) => {
            if !files.iter().any(|files| same_domain(&files.domain, &domain)) {
                let what = format!("No certificate is configured for {domain}: programs will refuse to log in.");
                let todo =
                    "Have one issued (for example by Let's Encrypt), and name its files under `[[certificates]]`.";
                findings.push(Finding::new("domain-without-certificate", what, todo));
            }
        }
        Ok(_) => {}
    }
    findings
}

fn same_domain(one: &str, normal: &str) -> bool {
    base::Jid::new(one).is_ok_and(|jid| jid.as_str() == normal)
}

/// Whether the sockets can be opened. While the daemon runs with this data, it has them.
fn sockets(config: &Config, runs: bool) -> Vec<Finding> {
    let all: Vec<SocketAddr> = config.listen.iter().chain(&config.listen_tls).chain(&config.metrics).copied().collect();
    let mut findings = Vec::new();
    if config.listen.is_empty() && config.listen_tls.is_empty() {
        let what = "`listen` and `listen_tls` are empty: no program can connect.";
        findings.push(Finding::new("no-socket", what, "Remove one of them from the file: the defaults are good."));
    }
    for (at, address) in all.iter().enumerate() {
        if all[..at].contains(address) {
            let what = format!("{address} stands in `listen`, `listen_tls` and `metrics` more than once.");
            findings.push(Finding::new("socket-twice", what, "Leave it in one of them."));
        } else if let Err(error) = TcpListener::bind(address) {
            findings.extend(cannot_listen(*address, &error, runs));
        }
    }
    findings
}

fn cannot_listen(address: SocketAddr, error: &io::Error, runs: bool) -> Option<Finding> {
    let (what, todo) = match error.kind() {
        ErrorKind::AddrInUse if runs => return None,
        ErrorKind::AddrInUse => (
            format!("Another program has {address} already."),
            "`ss -ltnp` shows which. Stop it, or choose another port in the configuration.".to_owned(),
        ),
        ErrorKind::PermissionDenied => (
            format!("This user may not listen on {address}."),
            "Choose a port above 1023, or give the daemon CAP_NET_BIND_SERVICE.".to_owned(),
        ),
        // A computer without IPv6 is served on IPv4.
        ErrorKind::AddrNotAvailable if address.is_ipv6() => return None,
        ErrorKind::AddrNotAvailable => (
            format!("This computer has no address {}.", address.ip()),
            "`ip address` shows those that it has.".to_owned(),
        ),
        _ => (format!("Nobody can listen on {address}: {error}."), "Choose another address.".to_owned()),
    };
    Some(Finding::new("socket", what, todo))
}

/// Who may make accounts from where.
fn strangers(config: &Config) -> Option<Finding> {
    let mut all = config.listen.iter().chain(&config.listen_tls);
    let open = all.find(|address| !address.ip().to_canonical().is_loopback()).filter(|_| config.registration)?;
    let what = format!(
        "`registration` is on, and {open} is not for this computer alone: whoever reaches it may make accounts."
    );
    let todo = "If that is not meant, turn `registration` off and make accounts by `jirani account add`.";
    Some(Finding::new("registration-open", what, todo))
}

/// What keeps other laptops from being found.
fn links(config: &Config, runs: bool) -> Vec<Finding> {
    if !config.links {
        let what = "`links_to` names addresses, and `links = false` keeps them from being tried.";
        let without_use = Finding::new("links-off", what, "Remove one of the two.");
        return if config.links_to.is_empty() { Vec::new() } else { vec![without_use] };
    }
    let mut findings: Vec<Finding> = links_port(config.links_port, runs).into_iter().collect();
    findings.extend(config.links_to.iter().filter_map(links_to));
    match net::netlink::interfaces() {
        Ok(mut interfaces) => {
            interfaces.retain(|interface| config.links_on_networks || interface.loopback);
            let reason = mesh::finding::Reason::at_once(&interfaces, config.links_on_this_computer);
            findings.extend(reason.map(|reason| {
                let todo =
                    "Until then only people of this computer reach each other. `links = false` if that is meant.";
                Finding::new("links-network", format!("Nobody can be found: {reason}."), todo)
            }));
        }
        Err(error) => {
            let what = format!("The system does not tell of its networks: {error}.");
            let todo =
                "The daemon's user needs netlink sockets: AF_NETLINK in RestrictAddressFamilies= of a systemd unit.";
            findings.push(Finding::new("links-network", what, todo));
        }
    }
    findings
}

/// What a firewall must let in from the networks.
fn ports(config: &Config) -> Option<String> {
    (config.links && config.links_on_networks).then(|| {
        format!(
            "UDP {MDNS_PORT} and {} from the networks, and TCP {BONJOUR_PORT} if an account has Bonjour on",
            config.links_port
        )
    })
}

/// Whether the port of links is there to be had.
fn links_port(port: u16, runs: bool) -> Option<Finding> {
    let (what, todo) = if port == MDNS_PORT {
        (
            format!("`links_port` is {MDNS_PORT}, on which laptops find each other (mDNS)."),
            "Choose another one, or none: the default is good.",
        )
    } else {
        let bound = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port));
        match bound.map_err(|error| error.kind()) {
            Err(ErrorKind::AddrInUse) if !runs => (
                format!("Another program has UDP port {port} already: links are accepted at another one."),
                "A firewall, and `links_to` of others, may count on the port. `ss -lunp` shows who has it.",
            ),
            Err(ErrorKind::PermissionDenied) => (
                format!("This user may not have UDP port {port}: links are accepted at another one."),
                "Choose a port above 1023.",
            ),
            // A computer without IPv6 has links over IPv4.
            _ => return None,
        }
    };
    Some(Finding::new("links-port", what, todo))
}

/// What is wrong with an address that is to be dialled.
fn links_to(address: &SocketAddr) -> Option<Finding> {
    let what = match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => {
            "is on each network: say on which"
        }
        _ if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() => {
            "is nobody's address"
        }
        _ => return None,
    };
    Some(Finding::new("links-to", format!("`links_to`: {address} {what}."), LINKS_TO))
}

/// Whether the data directory, or what it will be made in, can be used.
fn data(directory: &Path) -> Vec<Finding> {
    let shown = directory.display();
    let finding = |id, what: String, todo: String| vec![Finding::new(id, what, todo)];
    let there = match fs::metadata(directory) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = directory.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new("."));
            if access(above, AccessFlags::W_OK | AccessFlags::X_OK).is_ok() {
                return Vec::new();
            }
            let what = format!("{shown} is not there, and this user cannot make it in {}.", above.display());
            return finding(
                "data",
                what,
                "Make it and give it to the daemon's user, or choose another with --data.".into(),
            );
        }
        Err(error) => {
            let todo = "Run this as the daemon's user, or choose another directory with --data.";
            return finding("data", format!("{shown} cannot be looked into: {error}."), todo.into());
        }
    };
    if !there.is_dir() {
        return finding("data", format!("{shown} is no directory."), "Choose another with --data.".into());
    }
    if there.uid() != getuid().as_raw() {
        let what = format!("{shown} belongs to user {}, and you are {}.", there.uid(), getuid());
        return finding("data", what, "Run this and the daemon as that user.".into());
    }
    if access(directory, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        return finding("data", format!("{shown} cannot be written."), format!("chmod 700 {shown}"));
    }
    if machine::is_open_to_others(directory) {
        let what = format!("Other users of this computer can look into {shown}.");
        return finding("data-open", what, format!("chmod 700 {shown}"));
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_read(text: &str, expect: &[(&str, &str)]) {
        let (_, findings) = read(text);
        let said: Vec<_> = findings.iter().map(|f| (f.what.as_str(), f.todo.as_str())).collect();
        assert_eq!(said, expect);
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        check_read("", &[]);
        check_read("archive = false\nlisten = [\"127.0.0.1:1\"]", &[]);
        let remove = "Remove it. `jirani config example` shows every key.";
        let shows = "`jirani config example` shows what it may be.";
        check_read(
            "archiv = true\n\n lisen=[]\nport = 5222\nresume_minutes = -1\n[certs]\nx = 1",
            &[
                ("Line 1: there is no key `archiv`.", "Do you mean `archive`?"),
                ("Line 6: there is no key `certs`.", "Do you mean `certificates`?"),
                ("Line 3: there is no key `lisen`.", "Do you mean `listen`?"),
                ("Line 4: there is no key `port`.", remove),
                ("Line 5: `resume_minutes` cannot be that: invalid value: integer `-1`, expected u32.", shows),
            ],
        );
        check_read(
            "listen = [\"127.0.0.1\"]\n",
            &[("Line 1: `listen` cannot be that: invalid socket address syntax.", shows)],
        );
        check_read(
            "[[certificates]]\ndomain = \"a.example\"\nchian = \"x\"\nkey = \"y\"",
            &[("Line 3: there is no key `chian`.", "Do you mean `chain`?")],
        );
        check_read(
            "[[certificates]]\ndomain = \"a.example\"",
            &[("Line 1: `certificates` cannot be that: missing field `chain`.", shows)],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_where() {
        let (config, findings) = read("archive = true\nlisten = [\n");
        assert!(config.is_none());
        assert_eq!(findings[0].id, "config-syntax");
        assert!(findings[0].what.contains("line 2") || findings[0].what.contains("line 3"), "{}", findings[0].what);
    }

    #[test]
    fn the_good_keys_hold() {
        let (config, findings) = read("archive = false\nnonsense = 1\n");
        assert_eq!((config.unwrap().archive, findings.len()), (false, 1));
    }

    #[track_caller]
    fn check_domains(text: &str, expect: &[&str]) {
        let (config, findings) = read(text);
        assert_eq!(findings, []);
        let found = domains(&config.unwrap(), Wall(0));
        assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), expect, "{found:?}");
    }

    #[test]
    fn a_domain_needs_a_certificate() {
        check_domains("", &[]);
        check_domains("domain = 'localhost'", &[]);
        check_domains("domain = 'x.jirani.alt'", &[]);
        check_domains("domain = 'school.example'", &["domain-without-certificate"]);
        check_domains("domain = 'maria@school.example'", &["domain"]);
        let files = "[[certificates]]\ndomain = 'School.example'\nchain = '/none'\nkey = '/none'";
        check_domains(&format!("domain = 'school.example'\n{files}"), &["certificate"]);
    }

    #[test]
    fn sockets_are_tried() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = |listen: Vec<SocketAddr>, listen_tls| Config { listen, listen_tls, ..Config::default() };
        let ids = |config: &Config, runs| sockets(config, runs).into_iter().map(|f| f.id).collect::<Vec<_>>();
        let address = taken.local_addr().unwrap();
        assert_eq!(ids(&config(vec![address], vec![]), false), ["socket"]);
        assert_eq!(ids(&config(vec![address], vec![]), true), [""; 0]);
        assert_eq!(ids(&config(vec![], vec![]), false), ["no-socket"]);
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert_eq!(ids(&config(vec!["192.0.2.1:5222".parse().unwrap()], vec![]), true), ["socket"]);
        drop(taken);
        assert_eq!(ids(&config(vec![address], vec![address]), false), ["socket-twice"]);
    }

    #[test]
    fn strangers_from_elsewhere_are_told_of() {
        let found = |text: &str| strangers(&read(text).0.unwrap()).map(|finding| finding.id);
        let open = Some("registration-open".to_owned());
        for (listen, expect) in [
            ("listen = ['127.0.0.1:1', '[::1]:1']", None),
            ("listen = ['[::ffff:127.0.0.1]:1']", None),
            ("listen = ['127.0.0.1:1', '0.0.0.0:1']", open.clone()),
            ("listen_tls = ['[::]:1']", open.clone()),
            ("listen_tls = ['192.0.2.1:1']", open.clone()),
        ] {
            assert_eq!(found(&format!("registration = true\n{listen}")), expect, "{listen}");
            assert_eq!(found(listen), None, "{listen}");
        }
        assert_eq!(found("registration = true"), None);
    }

    #[track_caller]
    fn check_links(text: &str, runs: bool, expect: &[&str]) {
        let mut found = links(&read(text).0.unwrap(), runs);
        // What this computer is connected to is not the test's business.
        found.retain(|finding| finding.id != "links-network");
        assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), expect, "{text}: {found:?}");
    }

    #[test]
    fn what_keeps_links_away_is_told() {
        let taken = UdpSocket::bind("[::]:0").or_else(|_| UdpSocket::bind("0.0.0.0:0")).unwrap();
        let port = format!("links_port = {}\n", taken.local_addr().unwrap().port());
        check_links(&port, false, &["links-port"]);
        check_links(&port, true, &[]);
        drop(taken);
        check_links(&port, false, &[]);
        check_links("links_port = 5353", false, &["links-port"]);
        let to = |address: &str| format!("{port}links_to = ['{address}']");
        for good in ["192.0.2.7:5290", "[2001:db8::7]:5290", "[fe80::7%2]:5290", "127.0.0.1:1"] {
            check_links(&to(good), false, &[]);
            check_links(&format!("links = false\n{}", to(good)), false, &["links-off"]);
        }
        for bad in ["192.0.2.7:0", "0.0.0.0:1", "[ff02::fb]:1", "[fe80::7]:1"] {
            check_links(&to(bad), false, &["links-to"]);
        }
        check_links("links = false", false, &[]);
        check_read(
            "links_to = ['192.0.2.7']",
            &[("Line 1: `links_to` cannot be that: invalid socket address syntax.", LINKS_TO)],
        );
    }

    #[test]
    fn what_a_firewall_must_let_in() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(ports(&read(text).0.unwrap()).as_deref(), expect, "{text}");
        };
        let said = "UDP 5353 and 7 from the networks, and TCP 5298 if an account has Bonjour on";
        check("links_port = 7", Some(said));
        check("links = false", None);
        check("links_on_networks = false", None);
    }

    #[test]
    fn a_data_directory_is_its_owners() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = std::env::temp_dir().join(format!("jirani-check-{}", std::process::id()));
        let ids = |path: &Path| data(path).into_iter().map(|f| f.id).collect::<Vec<_>>();
        assert_eq!(ids(&directory.join("to/be/made")), [""; 0]);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(ids(&directory), ["data-open"]);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(ids(&directory), [""; 0]);
        fs::write(directory.join("file"), "").unwrap();
        assert_eq!(ids(&directory.join("file")), ["data"]);
        fs::remove_dir_all(&directory).unwrap();
    }
}
