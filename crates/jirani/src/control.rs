//! What may be asked of a running daemon: by its owner on the socket in the data directory, by other users of the
//! computer on the one that everybody can reach. One JSON value on a line each way.

use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use base::Bare;
use net::engine::Engine;
use nix::unistd::{Uid, User};
use serde::{Deserialize, Serialize};
use xmpp::{Answer, Command, Hosts};

use crate::home::Home;
use crate::password;

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
    /// List the accounts.
    List,
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

/// Answers the owner, or root; nobody else, whatever the socket's directory allows.
pub(crate) async fn answer_owner(engine: Rc<Engine>, hosts: &Hosts, uid: u32, line: &str) -> Reply {
    if uid != 0 && uid != nix::unistd::getuid().as_raw() {
        return Reply::Refused("only the user who runs the daemon may do that".into());
    }
    match serde_json::from_str(line) {
        Ok(request) => perform(engine, hosts, request).await,
        Err(error) => Reply::Refused(format!("that is no request: {error}")),
    }
}

/// Answers another user of the computer: one account each, named as the system names them, so that nobody can take
/// another's name or more than one.
pub(crate) async fn answer_user(engine: Rc<Engine>, hosts: &Hosts, uid: u32, line: &str) -> Reply {
    let Ok(request @ (Request::Join | Request::Mine)) = serde_json::from_str(line) else {
        return Reply::Refused("only the user who runs the daemon may do that".into());
    };
    // The system may have to ask a server for it.
    let user = tokio::task::spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
    let Ok(Ok(Some(User { name, .. }))) = user else {
        return Reply::Refused(format!("the system has no name for user {uid}"));
    };
    match request {
        Request::Mine => mine(&engine, hosts, &name).await.unwrap_or_else(|error| Reply::Refused(format!("{error:#}"))),
        _ => perform(engine, hosts, Request::Add { name, password: None }).await,
    }
}

/// Does what a request says.
pub(crate) async fn perform(engine: Rc<Engine>, hosts: &Hosts, request: Request) -> Reply {
    let done = match request {
        Request::Add { name, password } => add(&engine, hosts, &name, password).await,
        Request::Passwd { name, password } => passwd(&engine, hosts, &name, password).await,
        Request::Remove { name } => remove(&engine, hosts, &name).await,
        Request::List => list(&engine).await,
        Request::Join | Request::Mine => Err(anyhow::anyhow!("you run the daemon: use `jirani account add NAME`")),
    };
    done.unwrap_or_else(|error| Reply::Refused(format!("{error:#}")))
}

async fn add(engine: &Rc<Engine>, hosts: &Hosts, name: &str, password: Option<String>) -> Result<Reply> {
    let address = address(hosts, name)?;
    let made = password.is_none().then(password::generate);
    let credentials = engine.make_credentials(made.as_ref().or(password.as_ref()).expect("given or made")).await?;
    match engine.command(Command::CreateAccount { address: address.clone(), credentials }).await {
        Answer::Done => Ok(Reply::Account { address: address.to_string(), password: made }),
        Answer::Failed(base::ledger::StoreError::Taken) => {
            // Also a second person reads this, who may not give that order.
            bail!(
                "{address} exists already. If the password is lost, who runs the daemon can make another: \
                 `jirani account passwd {name}`"
            )
        }
        Answer::Failed(error) => Err(error).context("the account could not be made"),
        Answer::Accounts(_) | Answer::Sessions(_) => bail!("the daemon is confused"),
    }
}

async fn mine(engine: &Rc<Engine>, hosts: &Hosts, name: &str) -> Result<Reply> {
    let address = address(hosts, name)?;
    find(engine, &address).await?;
    Ok(Reply::Account { address: address.to_string(), password: None })
}

async fn passwd(engine: &Rc<Engine>, hosts: &Hosts, name: &str, password: Option<String>) -> Result<Reply> {
    let address = address(hosts, name)?;
    let account = find(engine, &address).await?;
    let made = password.is_none().then(password::generate);
    let credentials = engine.make_credentials(made.as_ref().or(password.as_ref()).expect("given or made")).await?;
    let command = Command::SetPassword { address: address.clone(), account, credentials };
    match engine.command(command).await {
        Answer::Failed(error) => Err(error).context("the password could not be changed"),
        _ => Ok(Reply::Account { address: address.to_string(), password: made }),
    }
}

async fn remove(engine: &Rc<Engine>, hosts: &Hosts, name: &str) -> Result<Reply> {
    let address = address(hosts, name)?;
    let account = find(engine, &address).await?;
    match engine.command(Command::RemoveAccount { address, account }).await {
        Answer::Failed(error) => Err(error).context("the account could not be removed"),
        _ => Ok(Reply::Done),
    }
}

async fn list(engine: &Rc<Engine>) -> Result<Reply> {
    match engine.command(Command::Accounts).await {
        Answer::Accounts(accounts) => Ok(Reply::Accounts(accounts.iter().map(Bare::to_string).collect())),
        Answer::Failed(error) => Err(error).context("the accounts could not be listed"),
        Answer::Done | Answer::Sessions(_) => bail!("the daemon is confused"),
    }
}

async fn find(engine: &Rc<Engine>, address: &Bare) -> Result<base::AccountId> {
    let found = engine.credentials(address.clone()).await?;
    let (account, _) =
        found.with_context(|| format!("there is no account {address}. `jirani account list` shows all"))?;
    Ok(account)
}

/// What a person means by a name: a whole address of ours, or a local part of the primary domain.
pub(crate) fn address(hosts: &Hosts, name: &str) -> Result<Bare> {
    let text = if name.contains('@') { name.to_owned() } else { format!("{name}@{}", hosts.primary) };
    let address = Bare::new(&text).with_context(|| format!("{name} cannot be a name"))?;
    let jid = address.jid();
    if jid.local().is_none() || !hosts.served.iter().any(|d| d == jid.domain()) {
        bail!("{} is no domain of this daemon", jid.domain());
    }
    Ok(address)
}

/// Asks the daemon that uses this data directory.
///
/// # Errors
/// If none runs, or it refuses.
pub(crate) fn ask(home: &Home, request: &Request) -> Result<Reply> {
    let stream = net::control::client::connect_in(&home.control()).with_context(|| {
        format!("no daemon runs with the data in {}. Start one with `jirani`", home.path().display())
    })?;
    exchange(stream, request)
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
