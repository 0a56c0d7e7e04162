//! Style, sections 1 and 3: a file of code opens with its specification and duty, is short enough to be read at once, and
//! leaves nothing undone.

use super::tree::{Tree, without_comments};

const LINES_MAX: usize = 800;

/// Words of what is not finished. In halves, or this file would have them.
const UNDONE: [(&str, &str); 3] = [("to", "do!("), ("db", "g!("), ("unimpl", "emented!(")];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.ending(".rs").flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//! ") {
        complaints.push(format!("{path} does not open with `//!` and its duty"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        complaints.push(format!("{path} has {lines} lines: divide it"));
    }
    let code = without_comments(text);
    for (half, rest) in UNDONE {
        let word = format!("{half}{rest}");
        if code.contains(&word) {
            complaints.push(format!("{path} has `{word}..)`"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check_tree;

    #[test]
    fn a_file_says_its_duty_and_is_done() {
        check_tree(check, &[("a.rs", "//! RFC 1: one.\n\nfn f() {}\n")], &[]);
        check_tree(check, &[("a.rs", "fn f() {}\n")], &["a.rs does not open with `//!` and its duty"]);
        let undone = ["//! RFC 1: one.\nfn f() { to", "do!() }"].concat();
        check_tree(check, &[("a.rs", &undone)], &[&["a.rs has `to", "do!(..)`"].concat()]);
    }

    #[test]
    fn a_file_is_read_at_once() {
        let of_lines = |count: usize| format!("//! RFC 1: one.\n{}", "\n".repeat(count - 1));
        check_tree(check, &[("a.rs", &of_lines(LINES_MAX))], &[]);
        check_tree(check, &[("a.rs", &of_lines(LINES_MAX + 1))], &["a.rs has 801 lines: divide it"]);
    }
}
