//! The `jirani` program: the daemon, and the commands that speak to it.

// This floor may know files, the environment and the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod cli;
mod config;
mod control;
mod home;
mod password;
mod run;
mod setup;
mod trust;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::home::Home;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jirani: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(cli: Cli) -> Result<()> {
    let home = Home::find(cli.data)?;
    let config = match &cli.config {
        Some(path) => Config::read(path, true)?,
        None => Config::read(&home.config(), false)?,
    };
    match cli.command {
        None => run::run(&home, config, None, None),
        Some(Command::Run { name, label }) => run::run(&home, config, name, label),
        Some(Command::Account(command)) => account::account(&home, &config, command),
        Some(Command::Setup { client, name }) => setup::setup(&home, &config, client, name),
        Some(Command::Trust { system, remove, print, yes }) => trust::trust(&home, system, remove, print, yes),
        Some(Command::Config(cli::Config::Example)) => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
    }
}
