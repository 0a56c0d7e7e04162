//! Design, section 13: every limit has a test that reaches it. Here: one that names it.

use super::tree::{Tree, split_tests};

const FILE: &str = "crates/base/src/limits.rs";

/// Limits that no test names yet, and why. A debt: what is paid is taken off.
const OWED: [(&str, &str); 3] = [
    ("SERVER_STANZA_BYTES_MAX", "federation is not built yet"),
    ("STANZA_ADDED_ELEMENTS_MAX", "not reached by a test"),
    ("ACCOUNTS_IDLE_MAX", "not reached by a test"),
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text(FILE) else { return Vec::new() };
    let names = text.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    names
        .filter_map(|name| match (is_tested(tree, name), OWED.iter().any(|(owed, _)| *owed == name)) {
            (false, false) => Some(format!("{FILE}: no test names {name}")),
            (true, true) => Some(format!("{FILE}: a test names {name}: take it off xtask's list of owed tests")),
            (true, false) | (false, true) => None,
        })
        .collect()
}

fn is_tested(tree: &Tree, name: &str) -> bool {
    let tests = tree.ending(".rs").filter(|(path, _)| *path != FILE).map(|(path, text)| {
        let whole = path.ends_with("/tests.rs") || path.contains("/tests/");
        if whole { text } else { split_tests(text).1 }
    });
    let cases = tree.ending(".py").map(|(_, text)| text);
    tests.chain(cases).any(|text| names(text, name))
}

/// Whether the name stands there as a word of its own.
fn names(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check_tree;

    #[test]
    fn a_limit_is_named_by_a_test() {
        let limits = (FILE, "/// Why.\npub const A_MAX: usize = 1;\n");
        let missing = "crates/base/src/limits.rs: no test names A_MAX";
        check_tree(check, &[limits], &[missing]);
        check_tree(check, &[limits, ("a.rs", "use A_MAX;\n")], &[missing]);
        check_tree(check, &[limits, ("a.rs", "x\n#[cfg(test)]\nmod tests { use A_MAX; }\n")], &[]);
        check_tree(check, &[limits, ("a.rs", "x\n#[cfg(test)]\nmod tests { use OTHER_A_MAX; }\n")], &[missing]);
        check_tree(check, &[limits, ("a/tests/b.rs", "use A_MAX;\n")], &[]);
        check_tree(check, &[limits, ("tests/clients/b.py", "limit('A_MAX')\n")], &[]);
    }
}
