//! `cargo xtask tidy`: the rules of the house that no compiler knows, as pure checks over the files of the checkout.
//!
//! | module | rule |
//! |---|---|
//! | [`tree`] | which files there are |
//! | [`floors`] | a crate imports only from its own floor down (design, section 4) |
//! | [`purity`] | pure crates know no clock, socket, thread, randomness, environment or file |
//! | [`files`] | a file opens with its duty, stays readable, and leaves nothing undone |
//! | [`limits`] | every limit is reached by a test |
//! | [`links`] | what the documents point to exists |
//! | [`attacks`] | every attack case has a test that names it |

mod attacks;
mod files;
mod floors;
mod limits;
mod links;
mod purity;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use tree::Tree;

/// Checks everything.
///
/// # Errors
/// If a rule is broken: each place, in words.
pub(crate) fn tidy(root: &Path) -> Result<()> {
    let complaints = complaints(&Tree::read(root)?);
    if !complaints.is_empty() {
        bail!("{} rules of the house are broken:\n  {}", complaints.len(), complaints.join("\n  "));
    }
    Ok(())
}

fn complaints(tree: &Tree) -> Vec<String> {
    [floors::check, purity::check, files::check, limits::check, links::check, attacks::check]
        .iter()
        .flat_map(|check| check(tree))
        .collect()
}

/// For the tests of the rules: what a check says of a tree of these files.
#[cfg(test)]
#[track_caller]
fn check_tree(check: fn(&Tree) -> Vec<String>, files: &[(&str, &str)], expect: &[&str]) {
    assert_eq!(check(&Tree::of(files)), expect);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        tidy(&crate::root()).unwrap();
    }
}
