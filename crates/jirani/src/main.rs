//! The `jirani` program: the daemon, and the commands that speak to it.

// This floor may know files, the environment and the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod backup;
mod chat;
mod check;
mod cli;
mod config;
mod control;
mod demo;
mod exit;
mod health;
mod home;
mod logs;
mod machine;
mod manual;
mod metrics;
mod nearby;
mod password;
mod people;
mod progress;
mod run;
mod setup;
mod share;
mod sockets;
mod status;
mod terminal;
mod trust;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::exit::Exit;
use crate::home::Home;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // What a daemon says may quote anybody.
            eprintln!("jirani: {}", terminal::harmless_lines(&format!("{error:#}")));
            Exit::of(&error).into()
        }
    }
}

/// The configuration in the file that is named, or in the usual one if it is there.
fn read_config(named: Option<&Path>, home: &Home) -> Result<Config> {
    match named {
        Some(path) => Config::read(path, true),
        None => Config::read(&home.config(), false),
    }
}

fn command(cli: Cli) -> Result<Exit> {
    let named = cli.config;
    let home = || if cli.system { Ok(Home::system(cli.data.clone())) } else { Home::find(cli.data.clone()) };
    let config = |home: &Home| read_config(named.as_deref(), home);
    // What needs neither data nor a configuration works without them.
    let both = || {
        let home = home()?;
        let config = config(&home)?;
        anyhow::Ok((home, config))
    };
    match cli.command.unwrap_or_default() {
        Command::Run { name, label, log_format } => {
            let (home, config) = both()?;
            run::run(&home, config, run::Wishes { name, label, log_format }, &|| read_config(named.as_deref(), &home))?;
        }
        Command::Status { json } => return status::status(&home()?, json),
        Command::Neighbours => nearby::neighbours(&home()?)?,
        Command::Dial { address } => nearby::dial(&home()?, address)?,
        Command::Accept { address, yes } => nearby::accept(&home()?, address, yes)?,
        Command::Verify { who, account } => verify::verify(&home()?, who, account)?,
        Command::Unverify { who, account } => verify::unverify(&home()?, who, account)?,
        Command::Check => return check::check(&home()?, named.as_deref()),
        Command::Backup { file } => backup::backup(&home()?, &file)?,
        Command::Restore { file } => backup::restore(&home()?, &file)?,
        Command::Account(command) => {
            let (home, config) = both()?;
            account::account(&home, &config, command)?;
        }
        Command::Chat { name } => {
            let (home, config) = both()?;
            chat::chat(&home, &config, name)?;
        }
        Command::Demo { quick } => demo::demo(quick)?,
        Command::Setup { client, name } => {
            let (home, config) = both()?;
            setup::setup(&home, &config, client, name)?;
        }
        Command::Trust { system, remove, print, yes } => trust::trust(&home()?, system, remove, print, yes)?,
        Command::Config(cli::Config::Example) => print!("{}", Config::example()),
        Command::Man { directory } => manual::man(directory.as_deref())?,
        Command::Completions { shell } => manual::completions(shell)?,
    }
    Ok(Exit::Done)
}
