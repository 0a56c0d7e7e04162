//! `jirani account`: asks the running daemon, which alone writes the store.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base::limits::SHARE_FILE_BYTES_MAX;
use mesh::phrase::PHRASE_WORDS;

use crate::cli::{Account, Password, Switch};
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
        Account::Visible { name, to } => Request::Visible { name, to: base::Audience::from(to).name().to_owned() },
        Account::Bonjour { name, switch } => Request::Bonjour { name, on: switch == Switch::On },
        Account::Share { name, file } => return share(home, name, &file),
        Account::Take { file } => Request::Take { file: read_share(&file)?, words: read_words()? },
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
        Reply::Said(words) => println!("{}", harmless(&words)),
        Reply::Status(_) | Reply::Contested { .. } | Reply::Compared(_) | Reply::Share { .. } => {
            bail!("the daemon answered something else")
        }
        Reply::Refused(why) => bail!("{why}"),
    }
    Ok(())
}

/// Writes an account into a file that did not exist, which its owner alone can read.
fn share(home: &Home, name: String, file: &Path) -> Result<()> {
    if file.exists() {
        bail!("{} exists already, and nothing is ever written over", file.display());
    }
    let Reply::Share { address, file: text, words } = control::ask(home, &Request::Share { name })? else {
        bail!("the daemon answered something else");
    };
    let write = || -> io::Result<()> {
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()
    };
    write().with_context(|| format!("cannot write {}", file.display()))?;
    let words: Vec<_> = words.split(' ').collect();
    println!("{} has {}. Whoever has it and these words can be", file.display(), harmless(&address));
    println!("this person: keep them apart, and delete the file when it has been taken. The words, shown only now:\n");
    words.chunks(6).for_each(|line| println!("  {}", line.join(" ")));
    println!("\nOn the other laptop: jirani account take FILE");
    Ok(())
}

fn read_share(file: &Path) -> Result<String> {
    let mut text = String::new();
    let most = SHARE_FILE_BYTES_MAX as u64 + 1;
    let read = File::open(file).and_then(|file| file.take(most).read_to_string(&mut text));
    read.with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text)
}

/// The words may be typed on one line or on several.
fn read_words() -> Result<String> {
    if io::stdin().is_terminal() {
        println!("The {PHRASE_WORDS} words that the other laptop has shown:");
    }
    let mut words = String::new();
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read the words")?;
        words = format!("{words} {line}");
        if line.trim().is_empty() || words.split_whitespace().count() >= PHRASE_WORDS {
            break;
        }
    }
    Ok(words)
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
