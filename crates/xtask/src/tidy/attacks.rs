//! Every attack case that this server must stand has a row in `docs/attacks.md`, and each row names tests that name it.

use super::tree::Tree;

const FILE: &str = "docs/attacks.md";

/// What must stand there. Cases of parts that are not built yet are added with them.
const CASES: [&str; 69] = [
    "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11", "A12", "A13", "A14", "A15", "A16",
    "A17", "A18", "A19", "A20", "A21", "A22", "A23", "A25", "A26", "A27", "B01", "B02", "B03", "B04", "B11", "B12",
    "B14", "B17", "B19", "B20", "B21", "B22", "B23", "B25", "B26", "B27", "B28", "C11", "C14", "C15", "D01", "D02",
    "D03", "D04", "D07", "D08", "D14", "D18", "D23", "E04", "E05", "E06", "E07", "E08", "E09", "E15", "F02", "F03",
    "F06", "F08", "F09", "F10", "H14",
];

/// Cases that no test can hold yet, and why. What is built is taken off.
const OWED: [(&str, &str); 1] = [("B27", "nothing is locked with a password yet")];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text(FILE) else { return vec![format!("{FILE} is not there")] };
    let rows: Vec<(&str, Vec<&str>)> = text.lines().filter_map(row).collect();
    let mut complaints = Vec::new();
    for case in CASES {
        let is_owed = OWED.iter().any(|(owed, _)| *owed == case);
        match rows.iter().find(|(id, _)| *id == case) {
            None => complaints.push(format!("{FILE}: {case} has no row")),
            Some((_, tests)) if tests.is_empty() != is_owed => {
                complaints.push(format!("{FILE}: {case} names no test, or is on xtask's list of owed cases and does"));
            }
            Some(_) => {}
        }
    }
    for (id, tests) in &rows {
        for test in tests {
            match tree.text(test) {
                None => complaints.push(format!("{FILE}: {id} is held by {test}, which is not there")),
                Some(text) if !names(text, id) => complaints.push(format!("{FILE}: {test} does not name {id}")),
                Some(_) => {}
            }
        }
    }
    complaints
}

/// The id of a row of the catalogue, and the files in its last column.
fn row(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let id = cells.next().filter(|id| is_id(id))?;
    // The table of a run begins with ids, too: it has more columns.
    let [_, _, tests] = cells.collect::<Vec<_>>()[..] else { return None };
    Some((id, tests.split('`').skip(1).step_by(2).collect()))
}

fn is_id(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, tens, ones] if letter.is_ascii_uppercase() && tens.is_ascii_digit() && ones.is_ascii_digit())
}

fn names(text: &str, id: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_tests_that_name_it() {
        let complaints = |row: &str, test: &str| -> Vec<String> {
            let tree = Tree::of(&[(FILE, row), ("a/tests/b.rs", test)]);
            check(&tree).into_iter().filter(|complaint| complaint.contains("A01")).collect()
        };
        assert_eq!(complaints("| A01 | a | b | `a/tests/b.rs` |", "// Attack case A01"), [""; 0]);
        assert_eq!(complaints("", ""), ["docs/attacks.md: A01 has no row"]);
        assert_eq!(complaints("| A01 | `x` | 1 | 2 | 3 | 4 |", ""), ["docs/attacks.md: A01 has no row"]);
        let other = complaints("| A01 | a | b | `a/tests/b.rs` |", "// A011 A02");
        assert_eq!(other, ["docs/attacks.md: a/tests/b.rs does not name A01"]);
        let missing = complaints("| A01 | a | b | `c.rs` |", "");
        assert_eq!(missing, ["docs/attacks.md: A01 is held by c.rs, which is not there"]);
        assert_eq!(complaints("| A01 | a | b | nothing yet |", "").len(), 1);
    }
}
