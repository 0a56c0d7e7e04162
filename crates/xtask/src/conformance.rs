//! `cargo xtask conformance`: what the specifications say and what holds, from what really runs: every play and every row
//! of the tables, on the bench. `docs/conformance.md` is the last result, so that a regression is a difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sim::play::PlayFile;
use sim::reference::{Document, Place};
use sim::{Reference, Scene};

const FILE: &str = "docs/conformance.md";

/// Delays of the net are another matter: `cargo test -p sim --test plays` tries several.
const SEEDS: u64 = 1;

/// Prints the table, and compares it with the one of the checkout or writes it there.
///
/// # Errors
/// If a scene fails; if the table is another one than that of the checkout and is not to be written.
pub(crate) fn conformance(root: &Path, write: bool) -> Result<()> {
    let outcomes = outcomes(root)?;
    let table = table(&outcomes);
    print!("{table}");
    if write {
        fs::write(root.join(FILE), &table).with_context(|| format!("cannot write {FILE}"))?;
    }
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| Some(format!("{}: {}", outcome.scene.name, outcome.result.as_ref().err()?)))
        .collect();
    if !failures.is_empty() {
        bail!("{} scenes failed:\n{}", failures.len(), failures.join("\n"));
    }
    compare(root, &table)
}

/// Whether the checkout's table is this one.
fn compare(root: &Path, table: &str) -> Result<()> {
    let known = fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let difference = difference(&known, table);
    if !difference.is_empty() {
        bail!("{FILE} says otherwise (`cargo xtask conformance --write` brings it up to date):\n{difference}");
    }
    Ok(())
}

/// A scene and how it went.
struct Outcome {
    scene: Scene,
    result: Result<(), String>,
}

fn outcomes(root: &Path) -> Result<Vec<Outcome>> {
    let mut scenes = sim::tables::all();
    for file in PlayFile::all(&root.join("plays")).context("cannot read the plays")? {
        let play = file.read().map_err(anyhow::Error::msg)?;
        scenes.push(play.into_scene(&file.name, SEEDS));
    }
    Ok(scenes.into_iter().map(|scene| Outcome { result: scene.perform(), scene }).collect())
}

/// By specification, by section: how many scenes hold and how many do not, and each of them.
fn table(outcomes: &[Outcome]) -> String {
    let mut documents: BTreeMap<&Document, BTreeMap<&Option<Place>, Vec<&Outcome>>> = BTreeMap::new();
    for outcome in outcomes {
        for Reference { document, place } in &outcome.scene.references {
            documents.entry(document).or_default().entry(place).or_default().push(outcome);
        }
    }
    let mut text = String::from(
        "# Conformance\n\n\
         Made by `cargo xtask conformance --write` from what really runs: the plays of `plays/` and the tables of\n\
         `crates/sim/src/tables/`, on the bench. A scene that concerns several sections stands below each of them.\n\n\
         | specification | passed | failed |\n|---|---|---|\n",
    );
    for (document, places) in &documents {
        let (passed, failed) = count(places.values().flatten().copied());
        let _ = writeln!(text, "| {document} | {passed} | {failed} |");
    }
    for (document, places) in documents {
        let _ = writeln!(text, "\n## {document}");
        for (place, mut outcomes) in places {
            outcomes.sort_by(|a, b| a.scene.name.cmp(&b.scene.name));
            let (passed, failed) = count(outcomes.iter().copied());
            let heading = match place {
                Some(place) => format!("{place}"),
                None => "As a whole".into(),
            };
            let _ = writeln!(text, "\n### {heading}: {passed} passed, {failed} failed\n");
            for Outcome { scene, result } in outcomes {
                let failed = if result.is_ok() { "" } else { "**FAILED** " };
                let _ = writeln!(text, "- {failed}`{}`: {}", scene.name, scene.words);
            }
        }
    }
    text
}

fn count<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> (usize, usize) {
    outcomes.fold((0, 0), |(passed, failed), outcome| match outcome.result {
        Ok(()) => (passed + 1, failed),
        Err(_) => (passed, failed + 1),
    })
}

/// Lines that only one of them has, or that stand elsewhere.
fn difference(known: &str, now: &str) -> String {
    let only = |lines: &str, other: &str, sign: &str| -> String {
        let mut others: Vec<&str> = other.lines().collect();
        let mut text = String::new();
        for line in lines.lines() {
            match others.iter().position(|other| *other == line) {
                Some(at) => drop(others.remove(at)),
                None => _ = writeln!(text, "{sign} {line}"),
            }
        }
        text
    };
    let difference = only(known, now, "-") + &only(now, known, "+");
    if difference.is_empty() && known != now { "the order of its lines\n".into() } else { difference }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_checkout_is_what_holds() {
        let root = crate::root();
        compare(&root, &table(&outcomes(&root).unwrap())).unwrap();
    }

    #[test]
    fn a_regression_is_a_difference() {
        let scene = |holds: bool| {
            let references = Reference::parse_list("RFC 6121 section 10, XEP-0198").unwrap();
            let scene = Scene::new(references, "a", "it is so.", || Ok(()));
            Outcome { scene, result: if holds { Ok(()) } else { Err("no".into()) } }
        };
        let (good, bad) = (table(&[scene(true)]), table(&[scene(false)]));
        assert_eq!(difference(&good, &good), "");
        let expect = [
            "- | RFC 6121 | 1 | 0 |",
            "- | XEP-0198 | 1 | 0 |",
            "- ### 10: 1 passed, 0 failed",
            "- - `a`: it is so.",
            "- ### As a whole: 1 passed, 0 failed",
            "- - `a`: it is so.",
            "+ | RFC 6121 | 0 | 1 |",
            "+ | XEP-0198 | 0 | 1 |",
            "+ ### 10: 0 passed, 1 failed",
            "+ - **FAILED** `a`: it is so.",
            "+ ### As a whole: 0 passed, 1 failed",
            "+ - **FAILED** `a`: it is so.",
        ];
        assert_eq!(difference(&good, &bad).lines().collect::<Vec<_>>(), expect);
        assert_eq!(difference("a\nb\n", "b\na\n"), "the order of its lines\n");
    }
}
