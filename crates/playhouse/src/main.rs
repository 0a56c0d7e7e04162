//! Performs the plays of `plays/` over TCP, each against a server of its own with fresh data; or the attacks of
//! `docs/attacks.md` against one daemon.
//!
//! `playhouse jirani target/debug/jirani` or `playhouse prosody prosody`, then what a test takes: part of a name,
//! `--list`, `--test-threads 2`. The same plays run on the simulator's bench by `cargo test -p sim --test plays`.
//! `playhouse attacks target/debug/jirani`, then ids of cases; with `--slow` also those that take minutes.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it starts processes and talks to them over sockets; nothing of the daemon depends on it"
)]

mod attacks;
mod on_tcp;
mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use sim::Play;
use sim::play::PlayFile;

use on_tcp::OnTcp;
use server::{Kind, Maker, Server};

/// A play is waiting most of its time.
const PLAYS_PER_CORE: usize = 3;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().collect();
    if let [_, word, binary, ids @ ..] = &args[..]
        && word == "attacks"
    {
        return attack(binary, ids);
    }
    let kind = args.get(1).and_then(|name| Kind::from_name(name));
    let (Some(kind), Some(binary)) = (kind, args.get(2).map(PathBuf::from)) else {
        eprintln!("playhouse jirani|prosody BINARY [part of a play's name] [--list] [--test-threads N]");
        eprintln!("playhouse attacks BINARY [--slow] [ID...]");
        return ExitCode::FAILURE;
    };
    args.drain(1..3);
    let files = match PlayFile::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plays")) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("playhouse: the plays cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let maker = match Maker::new(kind, binary) {
        Ok(maker) => Arc::new(maker),
        Err(error) => {
            eprintln!("playhouse: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = files.into_iter().map(|file| trial(file, kind, Arc::clone(&maker))).collect();
    let mut arguments = Arguments::from_iter(args);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(cores * PLAYS_PER_CORE);
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn attack(binary: &str, words: &[String]) -> ExitCode {
    let (flags, ids): (Vec<_>, Vec<_>) = words.iter().cloned().partition(|word| word == "--slow");
    match attacks::attacks(binary.into(), &ids, !flags.is_empty()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("playhouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trial(file: PlayFile, kind: Kind, maker: Arc<Maker>) -> Trial {
    let play = match file.read() {
        Ok(play) => play,
        Err(why) => return Trial::test(file.name, move || Err(why.into())),
    };
    let name = file.name;
    let other = play.others.as_ref().filter(|_| kind != Kind::Jirani);
    let skipped = play.needs_bench().map(str::to_owned).or_else(|| other.cloned());
    match skipped {
        Some(why) => Trial::test(format!("{name} (skipped: {why})"), || Ok(())).with_ignored_flag(true),
        None => Trial::test(name, move || perform(&play, &maker).map_err(|error| format!("{error:#}").into())),
    }
}

fn perform(play: &Play, maker: &Maker) -> anyhow::Result<()> {
    let server = Server::start(maker, &play.accounts)?;
    let mut stage = OnTcp::new(server, play);
    play.perform(&mut stage).map_err(|failure| anyhow::anyhow!("{failure}\nthe server said:\n{}", stage.server_said()))
}
