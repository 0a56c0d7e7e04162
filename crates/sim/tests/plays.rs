//! Performs each play of `plays/` on the bench, as a test of its own: `cargo test -p sim --test plays offline` takes those
//! with `offline` in their name.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};
use sim::Play;
use sim::play::OnBench;

/// Each play is performed with different delays.
const SEEDS: u64 = 8;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plays").canonicalize().expect("the plays are there");
    let mut trials: Vec<Trial> = files(&root)
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).unwrap().with_extension("").display().to_string();
            Trial::test(name, move || perform(&file).map_err(Into::into))
        })
        .collect();
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn perform(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let play = Play::parse(file, &text).map_err(|e| format!("{}:{}: {}", file.display(), e.line, e.why))?;
    for seed in 1..=SEEDS {
        play.perform(&mut OnBench::new(&play, seed)).map_err(|failure| format!("{failure}\n(seed {seed})"))?;
    }
    Ok(())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory of plays can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|p| p.extension().is_some_and(|e| e == "play"))
        .collect()
}
