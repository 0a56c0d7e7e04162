//! `jirani verify`: two people who are together compare three words, each at their own terminal (design, section 9;
//! docs/formats/verification.md). The daemon compares; a person says yes or no.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base::Bare;
use mesh::verification::{Act, Event};
use nix::sys::termios;
use serde::{Deserialize, Serialize};

use crate::control::{self, Daemon, Reply, Request};
use crate::home::Home;
use crate::nearby::links;
use crate::terminal::harmless;
use crate::{account, progress};

/// How often the daemon is asked how far it is.
const PACE: Duration = Duration::from_millis(200);

/// How far two people are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compared {
    /// The account here.
    own: String,
    /// The other one.
    other: String,
    state: State,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum State {
    /// The other one has to begin, too.
    Waiting,
    /// To be compared.
    Words([String; 3]),
    /// Both have said yes.
    Verified,
    /// It has come to nothing: why.
    Failed(String),
}

// --- in the daemon --------------------------------------------------------------------------------------------------

/// Begins.
///
/// # Errors
/// If it is not clear who, or as whom.
pub(crate) async fn begun(daemon: &Daemon, who: &str, account: Option<&str>) -> Result<Reply> {
    let (own, other) = pair(daemon, who, account)?;
    let event = links(daemon)?.verify(&own, &other, Act::Begin).await;
    Ok(reply(&own, &other, event))
}

/// How far it is.
///
/// # Errors
/// If there are no links.
pub(crate) fn compared(daemon: &Daemon, own: &str, other: &str) -> Result<Reply> {
    let (own, other) = (Bare::new(own)?, Bare::new(other)?);
    Ok(reply(&own, &other, links(daemon)?.compared(&own, &other)))
}

/// What the person has seen.
///
/// # Errors
/// If there are no links.
pub(crate) async fn said(daemon: &Daemon, own: &str, other: &str, same: bool) -> Result<Reply> {
    let (own, other) = (Bare::new(own)?, Bare::new(other)?);
    let act = if same { Act::Agree } else { Act::Refuse };
    let links = links(daemon)?;
    let event = match links.compared(&own, &other) {
        Some(Event::Compare { .. }) => links.verify(&own, &other, act).await,
        // It ended while the person was looking.
        ended => ended,
    };
    Ok(reply(&own, &other, event))
}

/// Takes it back.
///
/// # Errors
/// If it is not clear who, or nobody was verified.
pub(crate) async fn unverified(daemon: &Daemon, who: &str, account: Option<&str>) -> Result<Reply> {
    let (own, other) = pair(daemon, who, account)?;
    let had = links(daemon)?.unverify(&own, &other).await;
    if !had.context("it could not be written, and holds again after the next start")? {
        bail!("{own} has not verified {other}");
    }
    Ok(Reply::Said(format!("{other} is verified no more.")))
}

fn reply(own: &Bare, other: &Bare, event: Option<Event>) -> Reply {
    let state = match event {
        Some(Event::Asked | Event::Waiting) => State::Waiting,
        Some(Event::Compare { words, .. }) => State::Words(words.map(str::to_owned)),
        Some(Event::Verified) => State::Verified,
        Some(Event::Failed(cause)) => State::Failed(cause.to_string()),
        None => State::Failed("the daemon was started anew".to_owned()),
    };
    Reply::Compared(Compared { own: own.to_string(), other: other.to_string(), state })
}

/// Whom a person means, and as whom.
fn pair(daemon: &Daemon, who: &str, account: Option<&str>) -> Result<(Bare, Bare)> {
    let view = links(daemon)?.view();
    let own: BTreeSet<Bare> = view.own.into_iter().map(|(own, _)| own).collect();
    let own = match account {
        Some(account) => only(&own, account).context("`--account` names one of this computer's accounts")?,
        None if own.len() == 1 => own.into_iter().next().context("there is no account")?,
        None => bail!("this computer has {} accounts that neighbours can see: say which with --account", own.len()),
    };
    let there = view.neighbours.into_iter().map(|(_, neighbour)| neighbour.address);
    let there: BTreeSet<Bare> = there.filter(|address| *address != own).collect();
    // Somebody who is not in reach has an address, too: what can be done without them is.
    let named = Bare::new(who).ok().filter(|address| address.jid().local().is_some());
    let other = match named {
        Some(address) => address,
        None => only(&there, who)?,
    };
    Ok((own, other))
}

/// The one that is called so: by the whole address, or by what stands before its @.
fn only(of: &BTreeSet<Bare>, called: &str) -> Result<Bare> {
    let is_so = |address: &&Bare| address.to_string() == called || address.jid().local() == Some(called);
    let found: Vec<&Bare> = of.iter().filter(is_so).collect();
    match found[..] {
        [one] => Ok(one.clone()),
        [] => bail!("nobody in reach is called {called}: `jirani neighbours` shows who is"),
        _ => {
            let all: Vec<String> = found.iter().map(|address| address.to_string()).collect();
            bail!("more than one is called {called}; say which: {}", all.join(", "))
        }
    }
}

// --- at the terminal ------------------------------------------------------------------------------------------------

/// `jirani verify NAME`.
///
/// # Errors
/// If they are not verified, and why.
pub(crate) fn verify(home: &Home, who: String, account: Option<String>) -> Result<()> {
    let mut now = ask(home, &Request::Verify { who, account })?;
    let (own, other) = (now.own.clone(), now.other.clone());
    let (me, them) = (harmless(&own), harmless(&other));
    let how_far = || ask(home, &Request::Compared { own: own.clone(), other: other.clone() });
    if now.state == State::Waiting {
        println!("{them} has to do the same now, within two minutes: jirani verify {me}");
        now = wait(format!("Waiting for {them}"), &now, how_far)?;
    }
    if let State::Words(words) = &now.state {
        let words: Vec<_> = words.iter().map(|word| harmless(word)).collect();
        println!("\n    {}\n", words.join("   "));
        let question = format!("Does the screen of {them}, beside you, show these three words in this order?");
        // What was typed before the words were seen is no answer.
        if io::stdin().is_terminal() {
            termios::tcflush(io::stdin(), termios::FlushArg::TCIFLUSH)?;
        }
        let same = account::confirm(&question)?;
        now = ask(home, &Request::Compare { own: own.clone(), other: other.clone(), same })?;
        if matches!(now.state, State::Words(_)) {
            now = wait(format!("Waiting for the yes of {them}"), &now, how_far)?;
        }
    }
    match now.state {
        State::Verified => println!("{them} is verified: nobody is between your two computers."),
        State::Failed(why) => bail!("{} is not verified: {}", them, harmless(&why)),
        State::Waiting | State::Words(_) => bail!("the daemon answered something else"),
    }
    Ok(())
}

/// `jirani unverify NAME`.
///
/// # Errors
/// If nobody is called so, or they were not verified.
pub(crate) fn unverify(home: &Home, who: String, account: Option<String>) -> Result<()> {
    match control::ask(home, &Request::Unverify { who, account })? {
        Reply::Said(words) => println!("{}", harmless(&words)),
        _ => bail!("the daemon answered something else"),
    }
    Ok(())
}

/// Waits until it is not so any more. The daemon ends what takes too long.
fn wait(what: String, so: &Compared, how_far: impl Fn() -> Result<Compared>) -> Result<Compared> {
    progress::during(
        what,
        || None,
        || loop {
            let now = how_far()?;
            if now.state != so.state {
                return Ok(now);
            }
            thread::sleep(PACE);
        },
    )
}

fn ask(home: &Home, request: &Request) -> Result<Compared> {
    match control::ask(home, request)? {
        Reply::Compared(compared) => Ok(compared),
        _ => bail!("the daemon answered something else"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(called: &str, expect: Result<&str, &str>) {
        let of = ["lisa@a.alt", "tom@a.alt", "tom@b.alt"].map(|address| Bare::new(address).unwrap()).into();
        match (only(&of, called), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found.to_string(), expect),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (found, _) => panic!("{called}: {found:?}"),
        }
    }

    #[test]
    fn a_name_means_one_person() {
        check("lisa", Ok("lisa@a.alt"));
        check("tom@b.alt", Ok("tom@b.alt"));
        check("tom", Err("tom@a.alt, tom@b.alt"));
        for nobody in ["", "Lisa", "a.alt", "mary"] {
            check(nobody, Err("nobody in reach is called"));
        }
    }
}
