//! Design, section 4: a crate imports only what its floor allows.

use super::tree::Tree;

/// Each crate of ours with those of ours that it may import.
const FLOORS: [(&str, &[&str]); 11] = [
    ("base", &[]),
    ("wire", &["base"]),
    ("mesh", &["base", "wire"]),
    ("xmpp", &["base", "wire", "mesh"]),
    ("gateways", &["base", "wire"]),
    ("store", &["base", "wire", "mesh", "xmpp", "gateways"]),
    // The driver of a shard hands its batches to the store.
    ("net", &["base", "wire", "mesh", "xmpp", "gateways", "store"]),
    ("sim", &["base", "wire", "mesh", "xmpp", "gateways", "store"]),
    // Tools for tests: what they need, and no part of the product needs them.
    ("playhouse", &["base", "sim"]),
    ("jirani", &["base", "wire", "mesh", "xmpp", "gateways", "store", "net"]),
    ("xtask", &["sim"]),
];

/// What tests and benches of any floor may import: its twin in memory answers as the store does.
const FOR_TESTS: &str = "store";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let manifests = tree.ending("/Cargo.toml").filter_map(|(path, text)| {
        let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((path, name, text))
    });
    manifests.flat_map(|(path, name, text)| check_manifest(path, name, text)).collect()
}

fn check_manifest(path: &str, name: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = FLOORS.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!("{path}: no floor is known for {name}: give it one in xtask's table")];
    };
    let manifest: toml::Table = match toml::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let imported = |table: &str| -> Vec<String> {
        let table = manifest.get(table).and_then(toml::Value::as_table);
        table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
    };
    let product = ["dependencies", "build-dependencies"].into_iter().flat_map(imported);
    let tests = imported("dev-dependencies").into_iter().filter(|import| import != FOR_TESTS);
    product
        .chain(tests)
        .filter(|import| FLOORS.iter().any(|(ours, _)| ours == import) && !allowed.contains(&import.as_str()))
        .map(|import| format!("{path}: {name} may not import {import}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_tree;

    #[test]
    fn only_from_below() {
        let check = |name: &str, text: &str, expect: &[&str]| {
            check_tree(super::check, &[(&format!("crates/{name}/Cargo.toml"), text)], expect);
        };
        check("xmpp", "[dependencies]\nbase = 1\nwire.workspace = true\nserde = 1", &[]);
        check("base", "[dependencies]\nwire = 1", &["crates/base/Cargo.toml: base may not import wire"]);
        check("mesh", "[dev-dependencies.xmpp]\npath = '1'", &["crates/mesh/Cargo.toml: mesh may not import xmpp"]);
        check("xmpp", "[dev-dependencies]\nstore = 1", &[]);
        check("xmpp", "[dependencies]\nstore = 1", &["crates/xmpp/Cargo.toml: xmpp may not import store"]);
        check("attic", "", &["crates/attic/Cargo.toml: no floor is known for attic: give it one in xtask's table"]);
    }
}
