//! Performs the plays of `plays/` over TCP, each against a server of its own with fresh data.
//!
//! `playhouse jirani target/debug/jirani` or `playhouse prosody prosody`, then what a test takes: part of a name,
//! `--list`, `--test-threads 2`. The same plays run on the simulator's bench by `cargo test -p sim --test plays`.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it starts processes and talks to them over sockets; nothing of the daemon depends on it"
)]

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
    let kind = args.get(1).and_then(|name| Kind::from_name(name));
    let (Some(kind), Some(binary)) = (kind, args.get(2).map(PathBuf::from)) else {
        eprintln!("playhouse jirani|prosody BINARY [part of a play's name] [--list] [--test-threads N]");
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
