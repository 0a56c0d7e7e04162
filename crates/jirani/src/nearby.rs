//! Links as people see them: who is in reach or why nobody is, and what is wrong with keys (`jirani neighbours`, and a part
//! of `jirani status`); an address that is tried now (`jirani dial`); a new key that is right (`jirani accept`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use base::Bare;
use base::limits::{MANUAL_ADDRESSES_MAX, PINS_MAX};
use mesh::link::DialCause;
use mesh::node::{self, Dialled};
use net::neighbourhood::Neighbourhood;
use serde::{Deserialize, Serialize};
use xmpp::Standing;

use crate::account;
use crate::config::LINKS_PORT;
use crate::control::{self, Daemon, Reply, Request};
use crate::health::Finding;
use crate::home::Home;
use crate::status::{ago, some};
use crate::terminal::harmless;
use crate::{progress, status};

/// Of more accounts the text does not print the keys: it would be a list of a school.
const KEYS_SHOWN_MAX: usize = 8;

/// What a daemon says of its links. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nearby {
    /// Whether the configuration wants links.
    pub(crate) on: bool,
    /// Why there are none nevertheless.
    pub(crate) error: Option<String>,
    /// Where links are accepted: a UDP address.
    pub(crate) address: Option<String>,
    /// Who is in reach.
    pub(crate) neighbours: Vec<Neighbour>,
    /// Links, with people on them or not.
    pub(crate) count: u64,
    /// Those that nobody has shown themselves on.
    pub(crate) without_people: u64,
    /// What neighbours see of this node's accounts.
    pub(crate) keys: Vec<Key>,
    /// Accounts that are on the link for other programs (XEP-0174).
    #[serde(default)]
    pub(crate) bonjour_accounts: u64,
    /// People of those programs who are shown to them.
    #[serde(default)]
    pub(crate) bonjour_people: u64,
    /// The TCP port at which those programs call.
    #[serde(default)]
    pub(crate) bonjour_port: Option<u16>,
    /// Why they cannot, though accounts want it.
    #[serde(default)]
    pub(crate) bonjour_error: Option<String>,
    /// Why nobody is found, if that is so and known.
    pub(crate) nobody: Option<String>,
    /// What people should hear of.
    pub(crate) troubles: Vec<Trouble>,
}

/// Somebody who is in reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbour {
    pub(crate) address: String,
    /// Since when there is this link.
    pub(crate) since_ms: i64,
    /// The other end of the link.
    pub(crate) remote: String,
    /// Which of this computer's accounts has met them.
    pub(crate) verified_by: Vec<String>,
}

/// An account's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) address: String,
    /// Six words (docs/formats/statements.md).
    pub(crate) fingerprint: String,
}

/// What a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Trouble {
    /// Somebody shows another key than the known one.
    KeyChanged { at_ms: i64, address: String, known: String, shown: String },
    /// Another computer has this account's device key.
    IdentityCopied { at_ms: i64, address: String },
    /// What proves an account does not hold.
    OwnRefused { at_ms: i64, address: String, why: String },
    /// No more keys can be remembered.
    TooManyKeys { at_ms: i64 },
}

/// Looks at the links, in the daemon.
pub(crate) fn look(daemon: &Daemon) -> Nearby {
    let neighbourhood = match daemon.neighbourhood.get() {
        None => return Nearby::default(),
        Some(Err(error)) => return Nearby { on: true, error: Some(error.clone()), ..Nearby::default() },
        Some(Ok(neighbourhood)) => neighbourhood,
    };
    let view = neighbourhood.view();
    let met = |other: &Bare| {
        let by = view.met.iter().filter(|(_, met)| met == other).map(|(own, _)| own.to_string());
        by.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    let neighbours = view.neighbours.iter().map(|(since, neighbour)| Neighbour {
        address: neighbour.address.to_string(),
        since_ms: since.0,
        remote: neighbour.remote.to_string(),
        verified_by: met(&neighbour.address),
    });
    let keys =
        view.own.into_iter().map(|(address, pin)| Key { address: address.to_string(), fingerprint: pin.fingerprint() });
    let trouble = |(at, trouble): (base::Wall, node::Trouble)| {
        let at_ms = at.0;
        match trouble {
            node::Trouble::KeyChanged(change) => Trouble::KeyChanged {
                at_ms,
                address: change.address.to_string(),
                known: change.known.fingerprint(),
                shown: change.shown.fingerprint(),
            },
            node::Trouble::Twin(address) => Trouble::IdentityCopied { at_ms, address: address.to_string() },
            node::Trouble::OwnRefused(address, refusal) => {
                Trouble::OwnRefused { at_ms, address: address.to_string(), why: refusal.to_string() }
            }
            node::Trouble::TooManyKeys => Trouble::TooManyKeys { at_ms },
        }
    };
    Nearby {
        on: true,
        error: None,
        address: Some(view.address.to_string()),
        neighbours: neighbours.collect(),
        count: view.links as u64,
        without_people: view.links_without_people as u64,
        keys: keys.collect(),
        bonjour_accounts: view.bonjour.0 as u64,
        bonjour_people: view.bonjour.1 as u64,
        bonjour_port: view.bonjour_port.as_ref().and_then(|port| port.as_ref().ok().copied()),
        bonjour_error: view.bonjour_port.and_then(Result::err),
        nobody: view.reason.map(|reason| reason.to_string()),
        troubles: view.troubles.into_iter().map(trouble).collect(),
    }
}

impl Nearby {
    /// Why nobody is in reach, in words.
    fn why_nobody(&self) -> String {
        match (self.on, &self.error, &self.nobody) {
            (false, _, _) => "links are off (`links` in the configuration)".to_owned(),
            (true, Some(error), _) => format!("there are no links: {}", harmless(error)),
            (true, None, Some(reason)) => harmless(reason).to_string(),
            (true, None, None) if self.count > 0 => "nobody has shown themselves on a link".to_owned(),
            (true, None, None) => "nobody has answered yet".to_owned(),
        }
    }

    /// A line for each neighbour.
    fn write_neighbours(&self, now_ms: i64, indent: &str, text: &mut String) -> std::fmt::Result {
        for Neighbour { address, since_ms, remote, verified_by } in &self.neighbours {
            let since = ago(now_ms - since_ms);
            let verified = match (verified_by.len(), self.keys.len()) {
                (0, _) => String::new(),
                (_, 1) => ", verified".to_owned(),
                _ => format!(", verified by {}", verified_by.join(", ")),
            };
            writeln!(
                text,
                "{indent}{}  since {since}, {}{}",
                harmless(address),
                harmless(remote),
                harmless(&verified)
            )?;
        }
        Ok(())
    }

    /// Its part of the status for people.
    pub(crate) fn write(&self, now_ms: i64, text: &mut String) -> std::fmt::Result {
        match self.neighbours.len() {
            0 => writeln!(text, "Neighbours  none: {}", self.why_nobody())?,
            count => writeln!(text, "Neighbours  {count} in reach")?,
        }
        self.write_neighbours(now_ms, "  ", text)?;
        if let Some(address) = &self.address {
            writeln!(
                text,
                "Links       {}, {} of them without people; UDP {address}",
                self.count, self.without_people
            )?;
        }
        if self.bonjour_accounts > 0 {
            let accounts = some(self.bonjour_accounts, "account");
            let port = self.bonjour_port.map_or_else(String::new, |port| format!("; TCP port {port}"));
            writeln!(
                text,
                "Bonjour     {accounts} for everybody on the network to see, {} there{port}",
                self.bonjour_people
            )?;
        }
        match self.keys.len() {
            0 => Ok(()),
            1..=KEYS_SHOWN_MAX => {
                writeln!(text, "Keys        what others see of this computer's accounts")?;
                self.keys.iter().try_for_each(|Key { address, fingerprint }| {
                    writeln!(text, "  {}  {}", harmless(address), harmless(fingerprint))
                })
            }
            more => writeln!(text, "Keys        {}; --json lists them", some(more as u64, "account")),
        }
    }

    /// What of it wants a person.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let failed = self.error.as_ref().map(|error| {
            let what = format!("Nobody on the network can be reached: {error}.");
            Finding::new("links-failed", what, "Put that right and start the daemon anew, or set `links = false`.")
        });
        let closed = self.bonjour_error.as_ref().map(|error| {
            let what =
                format!("Other programs on the network (Bonjour) see nobody here: no TCP port can be had: {error}.");
            Finding::new("bonjour-failed", what, "Put that right and start the daemon anew.")
        });
        failed.into_iter().chain(closed).chain(self.troubles.iter().map(finding)).collect()
    }
}

fn finding(trouble: &Trouble) -> Finding {
    let on = |at_ms: &i64| base::Wall(*at_ms).to_string();
    match trouble {
        Trouble::KeyChanged { address, known, shown, .. } => Finding::new(
            "key-changed",
            format!(
                "Somebody near says that they are {address}, and has another key than before. Nothing is delivered to or \
                 from them.\n  It was {known}\n  now it is {shown}"
            ),
            format!(
                "Perhaps they have a new computer; perhaps it is somebody else. Ask them, in person, which key their \
                 `jirani status` shows. If it is the new one: `jirani accept {address}`."
            ),
        ),
        Trouble::IdentityCopied { at_ms, address } => Finding::new(
            "identity-copied",
            format!(
                "On {} another computer was in reach with the very keys of {address}: the data was copied.",
                on(at_ms)
            ),
            "Stop one of the two and never start it again: messages reach either one or the other. Who wants an account on \
             both uses `jirani account share`; `jirani backup` and `restore` move a whole one.",
        ),
        Trouble::OwnRefused { at_ms, address, why } => Finding::new(
            "own-key-refused",
            format!("What proves {address} to others did not hold on {}: {why}.", on(at_ms)),
            "Most often a clock is or was wrong: look at `date`, put it right, and start the daemon anew.",
        ),
        Trouble::TooManyKeys { at_ms } => Finding::new(
            "too-many-keys",
            format!("Since {} no more keys are remembered: those of {PINS_MAX} people are.", on(at_ms)),
            "Whoever is new is not recognised the next time. Spread the accounts over more than one computer.",
        ),
    }
}

/// Whether other programs on the link see an account, in words: those that the daemon itself says to its people.
pub(crate) fn on_link(daemon: &Daemon, address: &Bare, standing: Standing) -> String {
    let error = daemon.neighbourhood.get().and_then(|opened| opened.as_ref().err());
    on_link_text(address, standing, error.map(String::as_str))
}

fn on_link_text(address: &Bare, standing: Standing, error: Option<&str>) -> String {
    let who = "Other programs on this network (Bonjour)";
    let jid = address.jid();
    let name = jid.local().unwrap_or_default();
    match (standing, error) {
        (Standing::Off, _) => format!("{who} do not see {address}."),
        (Standing::Unseen, _) => format!(
            "{who} see {address} only while everybody near can. For that: `jirani account visible {name} everybody`"
        ),
        (Standing::NoLinks, _) => {
            format!("{who} do not see {address}: links are off (`links` in the configuration).")
        }
        (Standing::On, Some(error)) => format!("{who} do not see {address}: there are no links: {error}"),
        (Standing::On, None) => format!(
            "{who} see {address} while they are logged in, and they see them. Nobody there proves who they are, and \
             nothing is encrypted."
        ),
    }
}

/// The links of a daemon that has some.
pub(crate) fn links(daemon: &Daemon) -> Result<&Rc<Neighbourhood>> {
    match daemon.neighbourhood.get() {
        Some(Ok(neighbourhood)) => Ok(neighbourhood),
        Some(Err(error)) => bail!("there are no links: {error}"),
        None => bail!("links are off: remove `links = false` from the configuration and start the daemon anew"),
    }
}

/// Tries an address, in the daemon. Gives what came of it, in words.
///
/// # Errors
/// If there is no link, and why.
pub(crate) async fn dialled(daemon: &Daemon, text: &str) -> Result<Reply> {
    let links = links(daemon)?;
    let address = address(text, net::netlink::interface_number)?;
    let again = "It is tried again whenever the network changes, until the daemon ends; `links_to` in the configuration \
                 names addresses for good.";
    let said = match links.dial(address).await {
        Dialled::Linked(people) if people.is_empty() => {
            format!("There is a link with {address}, and nobody has shown themselves on it.")
        }
        Dialled::Linked(people) => {
            let people: Vec<String> = people.iter().map(Bare::to_string).collect();
            format!("There is a link with {address}. In reach: {}", people.join(", "))
        }
        Dialled::Going => format!("Nobody has answered at {address} yet. {again}"),
        Dialled::Failed(DialCause::Silent) => bail!(
            "nobody answered at {address}. Does Jirani run there, on that port (`jirani status` says it), and does every \
             firewall let UDP port {} through? {again}",
            address.port()
        ),
        Dialled::Failed(DialCause::Ourselves) => bail!("{address} is this daemon itself"),
        Dialled::Failed(cause) => bail!("there is no link with {address}: {cause}. {again}"),
        Dialled::TooMany => {
            bail!("{MANUAL_ADDRESSES_MAX} addresses were named already; start the daemon anew to forget them")
        }
    };
    Ok(Reply::Said(said))
}

/// What an address that is contested shows, in the daemon.
///
/// # Errors
/// If it is not contested.
pub(crate) fn contested(daemon: &Daemon, name: &str) -> Result<Reply> {
    let change = change(daemon, name)?;
    Ok(Reply::Contested { known: change.known.fingerprint(), shown: change.shown.fingerprint() })
}

/// Believes a new key, in the daemon.
///
/// # Errors
/// If the address is not contested, or shows another key by now.
pub(crate) fn accepted(daemon: &Daemon, name: &str, shown: &str) -> Result<Reply> {
    let change = change(daemon, name)?;
    if change.shown.fingerprint() != shown {
        bail!("{name} shows yet another key by now. Nothing was accepted; ask again");
    }
    links(daemon)?.accept(change.address, change.shown);
    Ok(Reply::Done)
}

fn change(daemon: &Daemon, name: &str) -> Result<mesh::identity::KeyChange> {
    let address = Bare::new(name).ok().filter(|address| address.jid().local().is_some());
    let address =
        address.with_context(|| format!("{name} is no address: they look like maria@five-words.jirani.alt"))?;
    links(daemon)?.contested(&address).with_context(|| {
        format!("nobody has shown another key for {address} since the daemon started: there is nothing to accept")
    })
}

/// `jirani neighbours`.
///
/// # Errors
/// If no daemon can be asked.
pub(crate) fn neighbours(home: &Home) -> Result<()> {
    let Reply::Status(status) = control::ask(home, &Request::Status)? else {
        bail!("the daemon answered something else");
    };
    let status::Status { links, now_ms, .. } = *status;
    if links.neighbours.is_empty() {
        println!("Nobody is in reach: {}.", links.why_nobody());
    }
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = links.write_neighbours(now_ms, "", &mut text);
    print!("{text}");
    Ok(())
}

/// `jirani dial ADDRESS`.
///
/// # Errors
/// If there is no link, and why.
pub(crate) fn dial(home: &Home, address: String) -> Result<()> {
    let what = format!("Trying {}", harmless(&address));
    match progress::during(what, || None, || control::ask(home, &Request::Dial { address }))? {
        Reply::Said(words) => println!("{}", harmless(&words)),
        _ => bail!("the daemon answered something else"),
    }
    Ok(())
}

/// `jirani accept ADDRESS`.
///
/// # Errors
/// If there is nothing to accept, or the person does not want it.
pub(crate) fn accept(home: &Home, address: String, yes: bool) -> Result<()> {
    let Reply::Contested { known, shown } = control::ask(home, &Request::Contested { address: address.clone() })?
    else {
        bail!("the daemon answered something else");
    };
    println!("The key of {} was   {}", harmless(&address), harmless(&known));
    println!("and is said to be now  {}", harmless(&shown));
    println!("Whoever has the new key is {} from now on, for all accounts of this computer.", harmless(&address));
    if !yes && !account::confirm("Has their `jirani status` shown them the new one?")? {
        bail!("nothing was accepted");
    }
    match control::ask(home, &Request::Accept { address, shown })? {
        Reply::Done => println!("Accepted. What waits for them is delivered when they are in reach."),
        _ => bail!("the daemon answered something else"),
    }
    Ok(())
}

/// `ADDRESS[:PORT]` as people write it. `interface` gives an interface's number by its name.
fn address(text: &str, interface: impl Fn(&str) -> Option<u32>) -> Result<SocketAddr> {
    let how = "an address is written 192.0.2.7, 192.0.2.7:5290, 2001:db8::7, [2001:db8::7]:5290 or fe80::7%eth0";
    let v4 = text.parse::<SocketAddrV4>().ok();
    let v4 = v4.or_else(|| Some(SocketAddrV4::new(text.parse::<Ipv4Addr>().ok()?, LINKS_PORT)));
    let address: SocketAddr = match v4 {
        Some(v4) => v4.into(),
        None => {
            let (inner, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((inner, "")) => (inner, LINKS_PORT),
                Some((inner, rest)) => {
                    let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
                    (inner, port.with_context(|| format!("{text} cannot be dialled: {how}"))?)
                }
                None => (text, LINKS_PORT),
            };
            let (ip, scope) = inner.split_once('%').map_or((inner, None), |(ip, scope)| (ip, Some(scope)));
            let ip: Ipv6Addr =
                ip.parse().ok().with_context(|| format!("{text} cannot be dialled: {how}. Names are not looked up"))?;
            let scope = match scope {
                Some(name) => {
                    let number = name.parse().ok().or_else(|| interface(name));
                    number.with_context(|| format!("there is no interface {name}: `ip address` shows all"))?
                }
                None if ip.is_unicast_link_local() => {
                    bail!(
                        "{text} is an address on each network: say on which, as in {ip}%eth0 (`ip address` shows all)"
                    )
                }
                None => 0,
            };
            match ip.to_canonical() {
                IpAddr::V4(v4) => (v4, port).into(),
                IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, scope).into(),
            }
        }
    };
    let ip = address.ip();
    let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    if ip.is_unspecified() || ip.is_multicast() || is_broadcast || address.port() == 0 {
        bail!("{text} cannot be dialled: it is nobody's address");
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(text: &str, expect: Result<&str, &str>) {
        let interface = |name: &str| (name == "eth0").then_some(7);
        match (address(text, interface), expect) {
            (Ok(address), Ok(expect)) => assert_eq!(address.to_string(), expect, "{text}"),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        check_address("192.0.2.7", Ok("192.0.2.7:5290"));
        check_address("192.0.2.7:99", Ok("192.0.2.7:99"));
        check_address("2001:db8::7", Ok("[2001:db8::7]:5290"));
        check_address("[2001:db8::7]", Ok("[2001:db8::7]:5290"));
        check_address("[2001:db8::7]:99", Ok("[2001:db8::7]:99"));
        check_address("fe80::1%eth0", Ok("[fe80::1%7]:5290"));
        check_address("[fe80::1%eth0]:99", Ok("[fe80::1%7]:99"));
        check_address("fe80::1%3", Ok("[fe80::1%3]:5290"));
        check_address("::ffff:192.0.2.7", Ok("192.0.2.7:5290"));
        check_address("127.0.0.1:99", Ok("127.0.0.1:99"));
    }

    #[test]
    fn what_cannot_be_dialled_is_told_why() {
        for text in ["", "school.example", "192.0.2", "192.0.2.7:", "192.0.2.7:99999", "[2001:db8::7", "eth0"] {
            check_address(text, Err("is written 192.0.2.7"));
        }
        check_address("[2001:db8::7]99", Err("is written 192.0.2.7"));
        check_address("fe80::1", Err("say on which"));
        check_address("fe80::1%wlan9", Err("there is no interface wlan9"));
        for text in ["0.0.0.0", "224.0.0.251", "255.255.255.255", "192.0.2.7:0", "::", "ff02::fb%eth0"] {
            check_address(text, Err("nobody's address"));
        }
    }

    fn example() -> Nearby {
        let neighbour = Neighbour {
            address: "tom@x\u{1b}[2J".into(),
            since_ms: 0,
            remote: "[fe80::1%2]:5290".into(),
            verified_by: Vec::new(),
        };
        Nearby {
            on: true,
            address: Some("[::]:5290".into()),
            neighbours: vec![neighbour],
            count: 2,
            without_people: 1,
            keys: vec![Key { address: "lisa@y".into(), fingerprint: "a-b-c-d-e-f".into() }],
            ..Nearby::default()
        }
    }

    #[track_caller]
    fn check_text(nearby: &Nearby, expect: &[&str]) {
        let mut text = String::new();
        nearby.write(7_200_000, &mut text).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn people_read_who_is_there_and_why_nobody_is() {
        check_text(
            &example(),
            &[
                "Neighbours  1 in reach",
                r"  tom@x\u{1b}[2J  since 2 h, [fe80::1%2]:5290",
                "Links       2, 1 of them without people; UDP [::]:5290",
                "Keys        what others see of this computer's accounts",
                "  lisa@y  a-b-c-d-e-f",
            ],
        );
        let mut met = example();
        met.neighbours[0].verified_by = vec!["lisa@y".into()];
        let line = |nearby: &Nearby| {
            let mut text = String::new();
            nearby.write_neighbours(7_200_000, "", &mut text).unwrap();
            text
        };
        assert_eq!(line(&met), "tom@x\\u{1b}[2J  since 2 h, [fe80::1%2]:5290, verified\n");
        met.keys.push(met.keys[0].clone());
        assert_eq!(line(&met), "tom@x\\u{1b}[2J  since 2 h, [fe80::1%2]:5290, verified by lisa@y\n");
        let off = Nearby::default();
        check_text(&off, &["Neighbours  none: links are off (`links` in the configuration)"]);
        let failed = Nearby { on: true, error: Some("no socket".into()), ..off.clone() };
        check_text(&failed, &["Neighbours  none: there are no links: no socket"]);
        let alone = Nearby { on: true, ..off };
        check_text(&alone, &["Neighbours  none: nobody has answered yet"]);
        check_text(
            &Nearby { bonjour_accounts: 1, bonjour_people: 2, bonjour_port: Some(5298), ..alone.clone() },
            &[
                "Neighbours  none: nobody has answered yet",
                "Bonjour     1 account for everybody on the network to see, 2 there; TCP port 5298",
            ],
        );
        check_text(&Nearby { nobody: Some("no cable".into()), ..alone.clone() }, &["Neighbours  none: no cable"]);
        check_text(&Nearby { count: 1, ..alone.clone() }, &["Neighbours  none: nobody has shown themselves on a link"]);
        let keys = vec![example().keys[0].clone(); KEYS_SHOWN_MAX + 1];
        check_text(
            &Nearby { keys, ..alone },
            &["Neighbours  none: nobody has answered yet", "Keys        9 accounts; --json lists them"],
        );
    }

    #[test]
    fn whether_other_programs_see_somebody() {
        let check = |standing: Standing, error: Option<&str>, expect: &str| {
            let said = on_link_text(&Bare::new("lisa@y.example").unwrap(), standing, error);
            assert!(said.contains(expect), "{said}");
        };
        check(Standing::On, None, "see lisa@y.example while they are logged in");
        check(Standing::On, Some("no socket"), "do not see lisa@y.example: there are no links: no socket");
        check(Standing::Off, None, "do not see lisa@y.example.");
        check(Standing::Unseen, None, "`jirani account visible lisa everybody`");
        check(Standing::NoLinks, None, "do not see lisa@y.example: links are off");
    }

    #[test]
    fn a_port_that_cannot_be_had_is_told() {
        let failed = Nearby { on: true, bonjour_error: Some("no file is left".into()), ..Nearby::default() };
        let findings = failed.findings();
        assert_eq!((findings.len(), findings[0].id.as_str()), (1, "bonjour-failed"));
        assert!(findings[0].what.contains("no file is left"), "{}", findings[0].what);
    }

    #[test]
    fn each_trouble_is_told_with_what_to_do() {
        let (at_ms, address) = (0, "tom@x".to_owned());
        let troubles = vec![
            Trouble::KeyChanged { at_ms, address: address.clone(), known: "a-b".into(), shown: "c-d".into() },
            Trouble::IdentityCopied { at_ms, address: address.clone() },
            Trouble::OwnRefused { at_ms, address, why: "it is over".into() },
            Trouble::TooManyKeys { at_ms },
        ];
        // They pass the control socket.
        let json = serde_json::to_string(&troubles).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Trouble>>(&json).unwrap(), troubles);
        let findings = Nearby { on: true, troubles, error: Some("no socket".into()), ..Nearby::default() }.findings();
        let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["links-failed", "key-changed", "identity-copied", "own-key-refused", "too-many-keys"]);
        assert!(findings[1].what.contains("a-b") && findings[1].what.contains("c-d"), "{}", findings[1].what);
        assert!(findings[1].todo.contains("jirani accept tom@x"), "{}", findings[1].todo);
    }
}
