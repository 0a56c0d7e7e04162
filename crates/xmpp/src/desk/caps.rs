//! XEP-0115 entity capabilities: a hash of what the server's disco#info says, so that a client need not ask again.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};
use wire::Xml;

use super::{Place, disco};
use crate::ns;

/// Names this software (section 4). An URN of our own: it needs no web site that lasts.
const NODE: &str = "urn:uuid:6b1c7d5e-3a94-4f0e-9d2b-8e5a1f7c4b60";

/// The server's; always the same.
static SERVER: LazyLock<String> =
    LazyLock::new(|| ver(&[disco::identity(Place::Server)], &disco::features(Place::Server)));

/// What disco#info says of an entity: category, type, language, name.
pub(crate) type Identity = [&'static str; 4];

/// Section 5.1: the verification string of identities and features, without forms, which we have none of.
fn ver(identities: &[Identity], features: &[&str]) -> String {
    let mut lines: Vec<String> = identities.iter().map(|identity| identity.join("/")).collect();
    lines.sort_unstable();
    let mut features = features.to_vec();
    features.sort_unstable();
    let mut hash = Sha1::new();
    for line in lines.iter().map(String::as_str).chain(features) {
        hash.update(line);
        hash.update("<");
    }
    BASE64.encode(hash.finalize())
}

/// Section 6.3: `<c/>` among the stream features.
pub(crate) fn write_feature(xml: &mut Xml<'_>) {
    xml.open("c", ns::CAPS).attr("hash", "sha-1").attr("node", NODE).attr("ver", &*SERVER).close();
}

/// Whether a disco#info node means the server as it is now (section 6.2).
pub(crate) fn is_server_node(node: &str) -> bool {
    node.strip_prefix(NODE).and_then(|rest| rest.strip_prefix('#')).is_some_and(|ver| ver == *SERVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simple_example_of_section_5() {
        let features = [ns::DISCO_ITEMS, "http://jabber.org/protocol/muc", ns::DISCO_INFO, ns::CAPS];
        assert_eq!(ver(&[["client", "pc", "", "Exodus 0.9.1"]], &features), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }

    #[test]
    fn identities_are_sorted_by_category_type_and_language() {
        let (psi, greek) = (["client", "pc", "en", "Psi"], ["client", "pc", "el", "\u{3a8}"]);
        assert_eq!(ver(&[psi, greek], &[]), ver(&[greek, psi], &[]));
        assert_ne!(ver(&[psi], &[]), ver(&[greek], &[]));
    }
}
