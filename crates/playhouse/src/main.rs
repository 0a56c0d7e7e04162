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

use on_tcp::OnTcp;
use server::{Kind, Server};

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().collect();
    let kind = args.get(1).and_then(|name| Kind::from_name(name));
    let (Some(kind), Some(binary)) = (kind, args.get(2).map(PathBuf::from)) else {
        eprintln!("playhouse jirani|prosody BINARY [part of a play's name] [--list] [--test-threads N]");
        return ExitCode::FAILURE;
    };
    args.drain(1..3);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plays");
    let binary = Arc::new(binary);
    let mut trials: Vec<Trial> = files(&root)
        .into_iter()
        .filter_map(|file| {
            let name = file.strip_prefix(&root).ok()?.with_extension("").display().to_string();
            Some(trial(name, file, kind, Arc::clone(&binary)))
        })
        .collect();
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&Arguments::from_iter(args), trials).exit_code()
}

fn trial(name: String, file: PathBuf, kind: Kind, binary: Arc<PathBuf>) -> Trial {
    let play = match read(&file) {
        Ok(play) => play,
        Err(why) => return Trial::test(name, move || Err(why.into())),
    };
    let other = play.others.as_ref().filter(|_| kind != Kind::Jirani);
    let skipped = play.needs_bench().map(str::to_owned).or_else(|| other.cloned());
    match skipped {
        Some(why) => Trial::test(format!("{name} (skipped: {why})"), || Ok(())).with_ignored_flag(true),
        None => Trial::test(name, move || perform(&play, kind, &binary).map_err(|error| format!("{error:#}").into())),
    }
}

fn read(file: &Path) -> Result<Play, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Play::parse(file, &text).map_err(|error| format!("{}:{}: {}", file.display(), error.line, error.why))
}

fn perform(play: &Play, kind: Kind, binary: &Path) -> anyhow::Result<()> {
    let server = Server::start(kind, binary, &play.accounts)?;
    let mut stage = OnTcp::new(server, play);
    play.perform(&mut stage).map_err(|failure| anyhow::anyhow!("{failure}\nthe server said:\n{}", stage.server_said()))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "play"))
        .collect()
}
