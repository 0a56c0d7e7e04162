//! RFC 6120 section 11.2, RFC 7395 section 3.3: the namespaces that framing itself must know.

/// Stanzas between a client and its server, and stanzas that are stored or forwarded.
pub const CLIENT: &str = "jabber:client";
/// Stanzas between servers.
pub const SERVER: &str = "jabber:server";
/// `<stream:stream/>`, `<stream:features/>`, `<stream:error/>`.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// `<open/>` and `<close/>` on a WebSocket.
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// What the prefix `xml` means, always.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` means, always.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Whether stanzas may be in this namespace, on one stream or another.
pub(crate) fn is_content(namespace: &str) -> bool {
    matches!(namespace, CLIENT | SERVER)
}
