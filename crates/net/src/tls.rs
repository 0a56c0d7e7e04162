//! RFC 8446, RFC 7590: the server's side of TLS as a value: ciphertext in, plaintext out, and back. No sockets.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::sync::Arc;

use base::limits::TLS_HANDSHAKE_BYTES_MAX;
use rustls::server::NoServerSessionStorage;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::certificates::Certificates;

/// The ALPN name of a client's stream (XEP-0368).
pub const ALPN_CLIENT: &[u8] = b"xmpp-client";

/// How much plaintext goes into one record (RFC 8446 section 5.1).
const RECORD_BYTES: usize = 16_384;

/// Why a TLS connection ended. What the peer shall be told of it is in the reply already.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The peer broke the protocol, or we have nothing in common.
    #[error("{0}")]
    Protocol(#[from] rustls::Error),
    /// The peer has sent more than [`TLS_HANDSHAKE_BYTES_MAX`] and the handshake is still not done.
    #[error("the peer's handshake is longer than {TLS_HANDSHAKE_BYTES_MAX} bytes")]
    TooLong,
    /// Something was to be sent before the handshake was done or after the end.
    #[error("the TLS connection is not open")]
    NotOpen,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The handshake goes on.
    Handshaking,
    /// Plaintext may flow.
    Open,
    /// The peer has said goodbye. Nothing that comes after it counts; we may still send.
    Closed,
}

/// Whether a connection's first bytes begin a TLS handshake: a record of type 22, of a version 3.x. XML never begins
/// so. `None` if it takes one more byte to know.
pub fn looks_like_tls(first: &[u8]) -> Option<bool> {
    match first {
        [] | [0x16] => None,
        [0x16, 0x03, ..] => Some(true),
        _ => Some(false),
    }
}

/// How we speak TLS to clients: 1.2 and 1.3; no tickets, resumption or early data, which would outlive a changed
/// password (attack case B28); a client that names a protocol must name ours (ALPN), one that names none is welcome.
///
/// # Errors
/// None that can happen with the versions and suites that are built in.
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![ALPN_CLIENT.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// One client's TLS connection.
pub struct TlsStream {
    connection: ServerConnection,
    handshake_bytes: usize,
    peer_closed: bool,
    we_closed: bool,
}

impl TlsStream {
    /// A connection that waits for its ClientHello.
    ///
    /// # Errors
    /// If the configuration is one that rustls refuses; [`server_config`] makes none such.
    pub fn new(config: &Arc<ServerConfig>) -> Result<TlsStream, TlsError> {
        let connection = ServerConnection::new(config.clone())?;
        Ok(TlsStream { connection, handshake_bytes: 0, peer_closed: false, we_closed: false })
    }

    /// Takes what came from the peer, all of it; appends what it says to `plaintext`, and what TLS itself must answer
    /// to `reply`, which is to be sent in any case: after an error it is the alert.
    ///
    /// # Errors
    /// If the connection cannot go on. Every later call fails too.
    pub fn receive(
        &mut self,
        mut ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Progress, TlsError> {
        while !ciphertext.is_empty() && !self.peer_closed {
            // Takes at most 4 kB. It refuses only when it is full of an unfinished message, long after our own limit.
            let taken = self.connection.read_tls(&mut ciphertext).map_err(|_| TlsError::TooLong)?;
            let state = self.connection.process_new_packets();
            self.take_plaintext(plaintext);
            self.flush(reply);
            self.peer_closed = state?.peer_has_closed();
            if !self.handshake_done() {
                self.handshake_bytes += taken;
                if self.handshake_bytes > TLS_HANDSHAKE_BYTES_MAX {
                    return Err(TlsError::TooLong);
                }
            }
        }
        // A long record leaves 16 kB behind until the next read, which for a sleeping client is hours away. An attempt to
        // read, without bytes, gives them back: 7 kB stay for each connection, whatever it has received.
        let _ = self.connection.read_tls(&mut Nothing);
        Ok(match () {
            () if self.peer_closed => Progress::Closed,
            () if self.handshake_done() => Progress::Open,
            () => Progress::Handshaking,
        })
    }

    /// Appends `plaintext`, encrypted, to `ciphertext`.
    ///
    /// # Errors
    /// [`TlsError::NotOpen`] if it is too early or too late: nothing was appended.
    pub fn send(&mut self, plaintext: &[u8], ciphertext: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.we_closed || !self.handshake_done() {
            return Err(TlsError::NotOpen);
        }
        for piece in plaintext.chunks(RECORD_BYTES) {
            self.connection.writer().write_all(piece).map_err(|_| TlsError::NotOpen)?;
            self.flush(ciphertext);
        }
        Ok(())
    }

    /// Appends our goodbye to `ciphertext`, the first time. What the peer still says is received.
    pub fn close_notify(&mut self, ciphertext: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.we_closed, true) {
            self.connection.send_close_notify();
            self.flush(ciphertext);
        }
    }

    /// Whether plaintext may flow.
    pub fn handshake_done(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// The channel binding `tls-exporter` (RFC 9266) of a finished handshake. Only of TLS 1.3: in 1.2 it is unique only
    /// with the extended master secret, of which rustls does not tell.
    pub fn exporter(&self) -> Option<[u8; 32]> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) || !self.handshake_done() {
            return None;
        }
        self.connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// The protocol that was agreed on, if the client named any.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// The name that the client asked for (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&str> {
        self.connection.server_name()
    }

    /// Moves the records that are decrypted.
    fn take_plaintext(&mut self, plaintext: &mut Vec<u8>) {
        let mut reader = self.connection.reader();
        while let Ok(record @ [_, ..]) = reader.fill_buf() {
            plaintext.extend_from_slice(record);
            let taken = record.len();
            reader.consume(taken);
        }
    }

    /// Moves the records that are encrypted.
    fn flush(&mut self, ciphertext: &mut Vec<u8>) {
        while self.connection.wants_write() {
            self.connection.write_tls(ciphertext).expect("a Vec takes whatever is written");
        }
    }
}

/// What has no bytes now, but has not ended.
struct Nothing;

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

#[cfg(test)]
mod tests;
