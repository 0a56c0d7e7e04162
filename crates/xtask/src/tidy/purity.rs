//! Design, section 4, an invariant: below `net` nothing knows a clock, a socket, a thread, a random source, the environment
//! or a file. Such things come in as arguments; so every secret begins at the one source in `net` (attack case B20).

use super::tree::{Tree, split_tests, without_comments};

const PURE: [&str; 5] = ["base", "wire", "mesh", "xmpp", "gateways"];

/// Beginnings of paths.
const FORBIDDEN: [&str; 16] = [
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::Tcp",
    "std::net::ToSocketAddrs",
    "std::net::Udp",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "getrandom",
    "ring::rand",
];

/// Names of random sources, by whatever path.
const SOURCES: [&str; 5] = ["OsRng", "SysRng", "ThreadRng", "thread_rng", "from_os_rng"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let pure = |path: &str| PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")));
    // Tests may read their vectors.
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    tree.ending(".rs")
        .filter(|(path, _)| pure(path) && !is_test(path))
        .flat_map(|(path, text)| {
            forbidden_in(split_tests(text).0)
                .into_iter()
                .map(move |what| format!("{path}: pure code may not know {what}"))
        })
        .collect()
}

fn forbidden_in(code: &str) -> Vec<String> {
    let code = without_comments(code);
    let mut found = Vec::new();
    let mut paths = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = next_use(rest) {
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
        expand("", &rest[at..end], &mut paths);
        rest = &rest[end..];
    }
    for forbidden in FORBIDDEN {
        if paths.iter().any(|path| begins(path, forbidden)) || words(&code).any(|path| begins(path, forbidden)) {
            found.push(forbidden.to_owned());
        }
    }
    for source in SOURCES {
        if words(&code).any(|path| path.split("::").any(|name| name == source)) {
            found.push(source.to_owned());
        }
    }
    found
}

/// Whether a path is the forbidden one or lies below it. A forbidden path that ends in a type's beginning (`Tcp`) forbids
/// all such types.
fn begins(path: &str, forbidden: &str) -> bool {
    let of_types = forbidden.rsplit("::").next().is_some_and(|last| last.starts_with(char::is_uppercase));
    path.strip_prefix(forbidden).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with("::") || (of_types && rest.starts_with(char::is_uppercase))
    })
}

/// Where the tree of the next `use` begins.
fn next_use(code: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = code[from..].find("use ") {
        let at = from + at;
        if code[..at].chars().next_back().is_none_or(char::is_whitespace) {
            return Some(at + 4);
        }
        from = at + 4;
    }
    None
}

/// `std::{fs, time::{Instant}}` -> `std::fs`, `std::time::Instant`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        // What it is called here does not matter.
        return paths.push(format!("{prefix}{}", tree.split_whitespace().next().unwrap_or("")));
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = tree[open + 1..].strip_suffix('}').unwrap_or(&tree[open + 1..]);
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inside[begin..at], paths);
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Paths as they stand in code.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|w| !w.is_empty())
}

#[cfg(test)]
mod tests {
    use super::forbidden_in;

    #[track_caller]
    fn check(code: &str, expect: &[&str]) {
        assert_eq!(forbidden_in(code), expect, "{code}");
    }

    #[test]
    fn what_is_pure() {
        check("use std::net::{IpAddr, Ipv4Addr};\nuse std::time::Duration;", &[]);
        check("// std::fs is not for us\nuse std::io::Read;", &[]);
        check("let environment = std_environment::fs();", &[]);
    }

    #[test]
    fn what_is_not() {
        check("use std::fs;", &["std::fs"]);
        check("use std::fs::File;", &["std::fs"]);
        check("use std::{\n    fmt,\n    time::{Duration, Instant},\n};", &["std::time::Instant"]);
        check("let s = std::net::TcpStream::connect(a);", &["std::net::Tcp"]);
        check("use std::net::{IpAddr, UdpSocket};", &["std::net::Udp"]);
        check("pub use std::thread::spawn as go;", &["std::thread"]);
        check("use std::time::{Duration, Instant as Moment};", &["std::time::Instant"]);
        check("fn f() -> u64 { rand::rngs::OsRng.next() }", &["OsRng"]);
        check("tokio::spawn(f())", &["tokio"]);
    }
}
