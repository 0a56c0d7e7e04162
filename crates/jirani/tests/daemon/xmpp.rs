//! A client of a few lines, in clear: what the daemon is told must be known to the last byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

pub(crate) struct Client {
    stream: TcpStream,
    heard: String,
}

impl Client {
    pub(crate) fn connect(server: SocketAddr, domain: &str) -> Client {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut client = Client { stream, heard: String::new() };
        client.open(domain);
        client
    }

    fn open(&mut self, domain: &str) {
        self.say(&format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
             version='1.0' to='{domain}'>"
        ));
        self.hear("</stream:features>");
    }

    pub(crate) fn say(&mut self, words: &str) {
        self.stream.write_all(words.as_bytes()).unwrap();
    }

    /// Reads until this has come. Gives all that came since the last time.
    #[track_caller]
    pub(crate) fn hear(&mut self, words: &str) -> String {
        let mut buffer = [0; 4096];
        while !self.heard.contains(words) {
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the daemon has closed, and {words:?} has not come:\n{}", self.heard);
            self.heard += std::str::from_utf8(&buffer[..count]).unwrap();
        }
        std::mem::take(&mut self.heard)
    }

    /// SASL PLAIN's message (RFC 4616).
    pub(crate) fn plain(name: &str, password: &str) -> String {
        BASE64_STANDARD.encode(format!("\0{name}\0{password}"))
    }

    pub(crate) fn authenticate(&mut self, message: &str) {
        self.say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>"));
    }

    /// Logs in as `name` with a session.
    pub(crate) fn log_in(server: SocketAddr, domain: &str, name: &str, password: &str) -> Client {
        let mut client = Client::connect(server, domain);
        client.authenticate(&Client::plain(name, password));
        client.hear("<success");
        client.open(domain);
        client.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        client.hear("</iq>");
        client.say("<presence/>");
        client.hear("<presence");
        client
    }
}
