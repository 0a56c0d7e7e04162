//! What may be asked of a running daemon: by its owner on the socket in the data directory, by other users of the
//! computer on the one that everybody can reach. One JSON value on a line each way.

use std::cell::OnceCell;
use std::ffi::CString;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use base::ledger::Credential;
use base::{AccountId, Audience, Bare};
use mesh::domain::SUFFIX;
use net::certificates::Certificates;
use net::clock::Clock;
use net::engine::Engine;
use net::neighbourhood::Neighbourhood;
use nix::unistd::{Gid, Uid, User};
use serde::{Deserialize, Serialize};
use xmpp::{Answer, Choice, Command, Hosts};

use crate::exit::NotRunning;
use crate::home::Home;
use crate::nearby;
use crate::password;
use crate::people::{self, Kept};
use crate::share::{Share, Shared};
use crate::status::{self, Status};
use crate::verify::{self, Compared};

/// What answers: the running daemon's parts.
pub(crate) struct Daemon {
    pub(crate) engine: Rc<Engine>,
    pub(crate) home: Home,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) clock: Clock,
    /// When it started.
    pub(crate) since: base::Wall,
    /// Laptops in reach, or why links could not be opened; empty if the configuration wants none.
    pub(crate) neighbourhood: OnceCell<Result<Rc<Neighbourhood>, String>>,
}

/// A request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Make an account; without a password one is made.
    Add { name: String, password: Option<String> },
    /// Change a password; without one it is made.
    Passwd { name: String, password: Option<String> },
    /// Remove an account.
    Remove { name: String },
    /// Choose who sees an account on links: the name of an audience.
    Visible { name: String, to: String },
    /// Put an account on the link for other programs (XEP-0174), or take it off.
    Bonjour { name: String, on: bool },
    /// Seal an account for the person's other laptop.
    Share { name: String },
    /// Open what another laptop has sealed, and make the account here.
    Take { file: String, words: String },
    /// List the accounts.
    List,
    /// Say how the daemon is.
    Status,
    /// Try an address of another node now.
    Dial { address: String },
    /// Say which other key an address shows.
    Contested { address: String },
    /// Believe that key, if it is still this one.
    Accept { address: String, shown: String },
    /// Compare words with somebody in reach.
    Verify { who: String, account: Option<String> },
    /// Say how far that is.
    Compared { own: String, other: String },
    /// The words are the same, or not.
    Compare { own: String, other: String, same: bool },
    /// Take back that somebody is verified.
    Unverify { who: String, account: Option<String> },
    /// Make the asking user of this computer an account, named as they are.
    Join,
    /// Say the address of the account that the asking user of this computer has so.
    Mine,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// An account and its password, if it was made here.
    Account { address: String, password: Option<String> },
    /// Addresses.
    Accounts(Vec<String>),
    /// A sealed account: what to write into a file, and the words that open it.
    Share { address: String, file: String, words: String },
    /// How the daemon is.
    Status(Box<Status>),
    /// Two keys of a contested address.
    Contested { known: String, shown: String },
    /// How far two people are who compare words.
    Compared(Compared),
    /// What came of it, for a person.
    Said(String),
    /// It is done.
    Done,
    /// It is not, and why.
    Refused(String),
}

/// The name of the socket that every user of the computer can reach. Daemons on other ports have other ones.
pub(crate) fn public_name(config: &crate::config::Config) -> String {
    let port = config.listen.first().map_or(0, std::net::SocketAddr::port);
    format!("jirani-{port}")
}

/// Answers the owner, root, and for the computer's own daemon the members of its group; nobody else, whatever the
/// socket's directory allows.
pub(crate) async fn answer_owner(daemon: &Daemon, uid: u32, line: &str) -> Reply {
    let own = uid == 0 || uid == nix::unistd::getuid().as_raw();
    let group = nix::unistd::getgid();
    let may = own || (daemon.home.is_system() && has_member(group, uid).await);
    if !may {
        return Reply::Refused("only the user who runs the daemon may do that".into());
    }
    match serde_json::from_str(line) {
        Ok(request) => perform(daemon, request).await,
        Err(error) => Reply::Refused(format!("that is no request: {error}")),
    }
}

/// Whether the system says that a user is in a group.
async fn has_member(group: Gid, uid: u32) -> bool {
    let asked = tokio::task::spawn_blocking(move || {
        let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return false };
        let name = CString::new(user.name).unwrap_or_default();
        nix::unistd::getgrouplist(&name, user.gid).is_ok_and(|groups| groups.contains(&group))
    });
    asked.await.unwrap_or(false)
}

/// Answers another user of the computer: one account each, named as the system names them, so that nobody can take
/// another's name or more than one.
pub(crate) async fn answer_user(daemon: &Daemon, uid: u32, line: &str) -> Reply {
    let Ok(request @ (Request::Join | Request::Mine)) = serde_json::from_str(line) else {
        return Reply::Refused("only the user who runs the daemon may do that".into());
    };
    // The system may have to ask a server for it.
    let user = tokio::task::spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
    let Ok(Ok(Some(User { name, .. }))) = user else {
        return Reply::Refused(format!("the system has no name for user {uid}"));
    };
    match request {
        Request::Mine => mine(daemon, &name).await.unwrap_or_else(|error| Reply::Refused(format!("{error:#}"))),
        _ => perform(daemon, Request::Add { name, password: None }).await,
    }
}

/// Does what a request says.
pub(crate) async fn perform(daemon: &Daemon, request: Request) -> Reply {
    let done = match request {
        Request::Add { name, password } => add(daemon, &name, password).await,
        Request::Passwd { name, password } => passwd(daemon, &name, password).await,
        Request::Remove { name } => remove(daemon, &name).await,
        Request::Visible { name, to } => visible(daemon, &name, &to).await,
        Request::Bonjour { name, on } => bonjour(daemon, &name, on).await,
        Request::Share { name } => share(daemon, &name).await,
        Request::Take { file, words } => take(daemon, &file, &words).await,
        Request::List => list(daemon).await,
        Request::Status => status::look(daemon).await.map(|status| Reply::Status(Box::new(status))),
        Request::Dial { address } => nearby::dialled(daemon, &address).await,
        Request::Contested { address } => nearby::contested(daemon, &address),
        Request::Accept { address, shown } => nearby::accepted(daemon, &address, &shown),
        Request::Verify { who, account } => verify::begun(daemon, &who, account.as_deref()).await,
        Request::Compared { own, other } => verify::compared(daemon, &own, &other),
        Request::Compare { own, other, same } => verify::said(daemon, &own, &other, same).await,
        Request::Unverify { who, account } => verify::unverified(daemon, &who, account.as_deref()).await,
        Request::Join | Request::Mine => Err(anyhow::anyhow!("you run the daemon: use `jirani account add NAME`")),
    };
    done.unwrap_or_else(|error| Reply::Refused(format!("{error:#}")))
}

async fn add(daemon: &Daemon, name: &str, password: Option<String>) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    let made = password.is_none().then(password::generate);
    let credentials =
        daemon.engine.make_credentials(made.as_ref().or(password.as_ref()).expect("given or made")).await?;
    match daemon.engine.command(Command::CreateAccount { address: address.clone(), credentials }).await {
        Answer::Done => Ok(Reply::Account { address: address.to_string(), password: made }),
        Answer::Failed(base::ledger::StoreError::Taken) => {
            // Also a second person reads this, who may not give that order.
            bail!(
                "{address} exists already. If the password is lost, who runs the daemon can make another: \
                 `jirani account passwd {name}`"
            )
        }
        Answer::Failed(error) => Err(error).context("the account could not be made"),
        Answer::Accounts(_) | Answer::Report(_) | Answer::Bonjour(_) => bail!("the daemon is confused"),
    }
}

async fn mine(daemon: &Daemon, name: &str) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    find(daemon, &address).await?;
    Ok(Reply::Account { address: address.to_string(), password: None })
}

async fn passwd(daemon: &Daemon, name: &str, password: Option<String>) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    let (account, _) = find(daemon, &address).await?;
    let made = password.is_none().then(password::generate);
    let credentials =
        daemon.engine.make_credentials(made.as_ref().or(password.as_ref()).expect("given or made")).await?;
    let command = Command::SetPassword { address: address.clone(), account, credentials };
    match daemon.engine.command(command).await {
        Answer::Failed(error) => Err(error).context("the password could not be changed"),
        _ => Ok(Reply::Account { address: address.to_string(), password: made }),
    }
}

async fn visible(daemon: &Daemon, name: &str, to: &str) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    find(daemon, &address).await?;
    let audience = Audience::named(to).with_context(|| format!("nobody is called {to}"))?;
    choose(daemon, address, Choice::Audience(audience)).await
}

async fn bonjour(daemon: &Daemon, name: &str, on: bool) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    find(daemon, &address).await?;
    choose(daemon, address, Choice::Bonjour(on)).await
}

async fn choose(daemon: &Daemon, address: Bare, choice: Choice) -> Result<Reply> {
    match daemon.engine.command(Command::Choose { address: address.clone(), choice }).await {
        Answer::Failed(error) => Err(error).context("it could not be written"),
        Answer::Bonjour(standing) => Ok(Reply::Said(nearby::on_link(daemon, &address, standing))),
        _ => Ok(Reply::Done),
    }
}

async fn remove(daemon: &Daemon, name: &str) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    let (account, _) = find(daemon, &address).await?;
    match daemon.engine.command(Command::RemoveAccount { address, account }).await {
        Answer::Failed(error) => Err(error).context("the account could not be removed"),
        _ => Ok(Reply::Done),
    }
}

/// Laptops that share an account must be able to find each other.
fn neighbourhood(daemon: &Daemon) -> Result<&Neighbourhood> {
    match daemon.neighbourhood.get() {
        Some(Ok(neighbourhood)) => Ok(neighbourhood),
        Some(Err(why)) => bail!("this daemon has no links to other laptops: {why}"),
        None => bail!("this daemon makes no links to other laptops: `links` is off in its configuration"),
    }
}

async fn share(daemon: &Daemon, name: &str) -> Result<Reply> {
    let address = address(&daemon.engine.hosts(), name)?;
    let neighbourhood = neighbourhood(daemon)?;
    let (account, credentials) = find(daemon, &address).await?;
    let chain = neighbourhood.chain_of(&address);
    let chain = chain.with_context(|| format!("only accounts at a domain that ends in {SUFFIX} can be shared"))?;
    let kept = Kept::of(&daemon.home, account)?.context("the account has no keys")?;
    let share = Share::new(chain.genesis(), chain.membership(), &kept.person, &credentials);
    let (file, words) = share.seal()?;
    Ok(Reply::Share { address: address.to_string(), file, words: words.to_string() })
}

async fn take(daemon: &Daemon, file: &str, words: &str) -> Result<Reply> {
    let neighbourhood = neighbourhood(daemon)?;
    let Shared { guest, person, credentials } = Share::open(file, words)?.read()?;
    let address = guest.address()?;
    if daemon.home.identity(None)?.genesis == guest.genesis {
        bail!("{address} is of this laptop's own domain: the file is for another laptop");
    }
    let kept = Kept { person, device: net::random(), guest: Some(guest) };
    kept.prove(daemon.clock.now().wall)?;
    let account = match daemon.engine.credentials(address.clone()).await? {
        Some((account, _)) if Kept::of(&daemon.home, account)?.is_some() => bail!("{address} is here already"),
        // It was being taken when the daemon ended.
        Some((account, _)) => account,
        None => {
            let command = Command::CreateAccount { address: address.clone(), credentials };
            if let Answer::Failed(error) = daemon.engine.command(command).await {
                return Err(error).context("the account could not be made");
            }
            find(daemon, &address).await?.0
        }
    };
    kept.save(&daemon.home, account)?;
    daemon.engine.set_guests(people::guests(&daemon.home)?);
    neighbourhood.keys_changed();
    Ok(Reply::Account { address: address.to_string(), password: None })
}

async fn list(daemon: &Daemon) -> Result<Reply> {
    match daemon.engine.command(Command::Accounts).await {
        Answer::Accounts(accounts) => Ok(Reply::Accounts(accounts.iter().map(Bare::to_string).collect())),
        Answer::Failed(error) => Err(error).context("the accounts could not be listed"),
        Answer::Done | Answer::Report(_) | Answer::Bonjour(_) => bail!("the daemon is confused"),
    }
}

async fn find(daemon: &Daemon, address: &Bare) -> Result<(AccountId, Vec<Credential>)> {
    let found = daemon.engine.credentials(address.clone()).await?;
    found.with_context(|| format!("there is no account {address}. `jirani account list` shows all"))
}

/// What a person means by a name: a whole address of ours or of an account that was taken from another laptop, or a local part of the primary domain.
pub(crate) fn address(hosts: &Hosts, name: &str) -> Result<Bare> {
    let text = if name.contains('@') { name.to_owned() } else { format!("{name}@{}", hosts.primary) };
    let address = Bare::new(&text).with_context(|| format!("{name} cannot be a name"))?;
    let jid = address.jid();
    let known = hosts.served.iter().any(|domain| domain == jid.domain()) || hosts.guests.contains(&address);
    if jid.local().is_none() || !known {
        bail!("{} is no domain of this daemon", jid.domain());
    }
    Ok(address)
}

/// Asks the daemon that uses this data directory.
///
/// # Errors
/// [`NotRunning`] if none runs; otherwise if it refuses.
pub(crate) fn ask(home: &Home, request: &Request) -> Result<Reply> {
    match net::control::client::connect_in(&home.control()) {
        Ok(stream) => exchange(stream, request),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            let system = !home.is_system() && Home::system(None).control().exists();
            Err(NotRunning { data: home.path().to_owned(), system }.into())
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied && home.is_system() => {
            bail!("only root and the group jirani may do that: `sudo jirani --system ...`")
        }
        Err(error) => Err(error).with_context(|| format!("the daemon cannot be asked at {}", home.control().display())),
    }
}

/// Asks another user's daemon on this computer. `None` if there is none.
///
/// # Errors
/// If it refuses.
pub(crate) fn ask_neighbour(name: &str, request: &Request) -> Result<Option<Reply>> {
    match net::control::client::connect_abstract(name) {
        Ok(stream) => exchange(stream, request).map(Some),
        Err(_) => Ok(None),
    }
}

fn exchange(stream: std::os::unix::net::UnixStream, request: &Request) -> Result<Reply> {
    let answer = net::control::client::ask(stream, &serde_json::to_string(request)?)
        .context("the daemon did not answer; it may be stopping")?;
    match serde_json::from_str(&answer).context("the daemon is of another version: restart it")? {
        Reply::Refused(why) => bail!("{why}"),
        reply => Ok(reply),
    }
}
