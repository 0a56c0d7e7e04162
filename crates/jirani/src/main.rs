//! The `jirani` program: the daemon, and the commands that speak to it.

// This floor may know files, the environment and the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod cli;
mod config;
mod control;
mod exit;
mod health;
mod home;
mod machine;
mod password;
mod run;
mod setup;
mod status;
mod terminal;
mod trust;

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

fn command(cli: Cli) -> Result<Exit> {
    let home = Home::find(cli.data)?;
    let config = match &cli.config {
        Some(path) => Config::read(path, true)?,
        None => Config::read(&home.config(), false)?,
    };
    match cli.command {
        None => run::run(&home, config, None, None)?,
        Some(Command::Run { name, label }) => run::run(&home, config, name, label)?,
        Some(Command::Account(command)) => account::account(&home, &config, command)?,
        Some(Command::Setup { client, name }) => setup::setup(&home, &config, client, name)?,
        Some(Command::Trust { system, remove, print, yes }) => trust::trust(&home, system, remove, print, yes)?,
        Some(Command::Status { json }) => return status::status(&home, json),
        Some(Command::Config(cli::Config::Example)) => print!("{}", config::EXAMPLE),
    }
    Ok(Exit::Done)
}
