//! `jirani account`: asks the running daemon, which alone writes the store.

use std::io::{self, BufRead as _, Write as _};

use anyhow::{Context as _, Result, bail};

use crate::cli::{Account, Password};
use crate::config::Config;
use crate::control::{self, Reply, Request};
use crate::home::Home;
use crate::progress;
use crate::terminal::harmless;

pub(crate) fn account(home: &Home, config: &Config, command: Account) -> Result<()> {
    let request = match command {
        Account::Add { name, password } => Request::Add { name, password: read(&password)? },
        Account::Passwd { name, password } => Request::Passwd { name, password: read(&password)? },
        Account::List => Request::List,
        Account::Remove { name, yes } => {
            if !yes && !confirm(&format!("Remove {name} with all contacts and messages?"))? {
                bail!("nothing was removed");
            }
            Request::Remove { name }
        }
    };
    let what = match &request {
        Request::Remove { name } => format!("Removing {}", harmless(name)),
        _ => "Asking the daemon".to_owned(),
    };
    match progress::during(what, || None, || control::ask(home, &request))? {
        Reply::Account { address, password } => {
            println!("Address   {}", harmless(&address));
            if let Some(password) = password {
                println!("Password  {}   (shown only now)", harmless(&password));
            }
            println!("Server    {}", server(config));
        }
        Reply::Accounts(accounts) => accounts.iter().for_each(|a| println!("{}", harmless(a))),
        Reply::Done => println!("Done."),
        Reply::Status(_) | Reply::Contested { .. } | Reply::Said(_) => bail!("the daemon answered something else"),
        Reply::Refused(why) => bail!("{why}"),
    }
    Ok(())
}

/// Where clients connect, in words.
pub(crate) fn server(config: &Config) -> String {
    match config.listen.first().or(config.listen_tls.first()) {
        Some(address) => format!("{}, port {}", address.ip(), address.port()),
        None => "none is configured".into(),
    }
}

fn read(password: &Password) -> Result<Option<String>> {
    if !password.password_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        bail!("the password is empty");
    }
    Ok(Some(line.to_owned()))
}

/// Asks a yes-or-no question; no answer means no.
pub(crate) fn confirm(question: &str) -> Result<bool> {
    print!("{question} [y/N] ");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
