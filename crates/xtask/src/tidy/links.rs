//! What a document points to inside of the checkout exists.

use super::tree::Tree;

/// Documents that are being written, from the top. What is there is taken off.
const OWED: [&str; 0] = [];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.ending(".md") {
        for target in targets(text) {
            let meant = resolve(path, target);
            if !tree.has(&meant) && !OWED.contains(&meant.as_str()) {
                complaints.push(format!("{path} points to {target}, which is not there"));
            }
        }
    }
    let written = OWED.iter().filter(|owed| tree.has(owed));
    complaints.extend(written.map(|path| format!("{path} is there: take it off xtask's list of documents to come")));
    complaints
}

/// The local targets of a document's links, without the places inside them.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains(':') && !target.contains(char::is_whitespace)).then_some(target)
    })
}

/// A target as a path from the top.
fn resolve(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check_tree;

    #[test]
    fn links_lead_somewhere() {
        let check = |text: &str, expect: &[&str]| {
            check_tree(check, &[("docs/a.md", text), ("docs/sub/b.md", ""), ("README.md", "")], expect);
        };
        check("[b](sub/b.md), [the top](../README.md#two), [here](#place), [sub](sub), [x](https://x.example/)", &[]);
        check("see [c](sub/c.md)", &["docs/a.md points to sub/c.md, which is not there"]);
        check("see [b](b.md)", &["docs/a.md points to b.md, which is not there"]);
    }
}
