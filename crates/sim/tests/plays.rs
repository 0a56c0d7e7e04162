//! Performs each play of `plays/` and each row of the tables on the bench, as a test of its own: `cargo test -p sim --test
//! plays offline` takes those with `offline` in their name.

use std::path::Path;

use libtest_mimic::{Arguments, Trial};
use sim::Scene;
use sim::play::PlayFile;

/// Each play is performed with different delays.
const SEEDS: u64 = 8;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plays");
    let files = PlayFile::all(&root).expect("the plays are there");
    let plays = files.into_iter().map(|file| match file.read() {
        Ok(play) => trial(play.into_scene(&file.name, SEEDS)),
        Err(why) => Trial::test(file.name, move || Err(why.into())),
    });
    let rows = sim::tables::all().into_iter().map(trial);
    libtest_mimic::run(&Arguments::from_args(), plays.chain(rows).collect()).exit();
}

fn trial(scene: Scene) -> Trial {
    Trial::test(scene.name.clone(), move || scene.perform().map_err(Into::into))
}
