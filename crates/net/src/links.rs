//! Design, section 6: links between nodes over QUIC: one UDP socket, TLS 1.3 with raw public keys, frames in streams.
//!
//! [`QuicLinks`] owns the socket. Whoever wants to speak registers protocols and gets a [`Door`], which is
//! `mesh::link::Links`: commands in, events out. Everything runs on the thread's `LocalSet`.
//!
//! | module | duty |
//! |---|---|
//! | [`door`] | registered protocols, what waits for whoever speaks them |
//! | [`keys`] | the transport key and TLS |
//! | `quic` | how QUIC is set |
//! | `socket` | the UDP socket |
//! | `scope` | link-local addresses as QUIC can keep them |
//! | `state` | what all tasks share |
//! | `porch` | peers that dial us |
//! | `dial` | peers that we dial |
//! | `link` | one link |

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mesh::link::{CloseCode, DownCause, ProtocolId};
use quinn::{Endpoint, TokioRuntime, VarInt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

mod dial;
pub mod door;
pub mod keys;
mod link;
mod porch;
mod quic;
mod scope;
mod socket;
mod state;
#[cfg(test)]
mod tests;

pub use door::{Door, Sender, Taken};
pub use quic::LinksConfigError;
pub use state::EXPORTER_LABEL;

use keys::TransportKey;
use scope::ScopedSocket;
use socket::canonical;
use state::{Attachment, State};

/// How long the last words to the peers may take when the daemon ends.
const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// All links of this process.
#[derive(Debug)]
pub struct QuicLinks {
    state: Rc<State>,
    /// The same socket as QUIC's, to make it anew for QUIC when an address changes.
    socket: UdpSocket,
    porch: JoinHandle<()>,
}

/// Why there can be no links.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    /// The system gives no socket.
    #[error("no UDP socket for links: {0}")]
    Socket(#[from] io::Error),
    /// See [`LinksConfigError`].
    #[error(transparent)]
    Config(#[from] LinksConfigError),
}

impl QuicLinks {
    /// Opens the socket: at this UDP port if it is free, else at another. Must be called on a `LocalSet`.
    ///
    /// # Errors
    /// If the system gives no socket.
    pub fn open(port: u16) -> Result<QuicLinks, LinksError> {
        QuicLinks::over(socket::open(port)?)
    }

    /// As [`QuicLinks::open`], over a socket that somebody else has bound.
    ///
    /// # Errors
    /// If the system does not take it.
    pub fn over(socket: UdpSocket) -> Result<QuicLinks, LinksError> {
        let key = TransportKey::generate().map_err(LinksConfigError::from)?;
        let (server, client) = (quic::server(&key)?, quic::client(&key)?);
        let (udp, runtime) = (ScopedSocket::new(socket.try_clone()?)?, Arc::new(TokioRuntime));
        let endpoint = Endpoint::new_with_abstract_socket(quic::endpoint(), Some(server), udp, runtime)?;
        let state = Rc::new(State::new(endpoint, Attachment { client, key: key.public() }));
        let porch = tokio::task::spawn_local(porch::serve(Rc::clone(&state)));
        Ok(QuicLinks { state, socket, porch })
    }

    /// From now on these protocols are spoken here, at the door that comes back.
    ///
    /// # Errors
    /// If one of them has a door already.
    pub fn register(&self, protocols: &[ProtocolId]) -> Result<Door, Taken> {
        Ok(Door::new(Rc::clone(&self.state), self.state.register(protocols)?))
    }

    /// Where the socket is: what is announced of it is the port.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        Ok(canonical(self.socket.local_addr()?))
    }

    /// The transport key of this attachment.
    pub fn own_key(&self) -> [u8; 32] {
        self.state.attachment.borrow().key
    }

    /// This computer's addresses have changed. Links that we dialled go on from the new address at once (RFC 9000 section 9).
    /// Those that peers dialled cannot if their address is gone: QUIC lets only the dialling side move. They end with
    /// [`DownCause::AddressLost`], and the dialer makes them anew.
    ///
    /// # Errors
    /// If the system does not give the socket a second time. Links go on where they can.
    pub fn addresses_changed(&self, own: &[IpAddr]) -> io::Result<()> {
        for link in self.state.links() {
            let came_to = link.connection.local_ip().map(|ip| ip.to_canonical());
            if came_to.is_some_and(|ip| !own.contains(&ip)) {
                link.close(DownCause::AddressLost);
            }
        }
        // The socket hears on all addresses and needs no change; its renewal makes QUIC look for its peers at once.
        self.state.endpoint.rebind_abstract(ScopedSocket::new(self.socket.try_clone()?)?)
    }

    /// This computer has come to another network: nobody there shall recognise it by its key. All links are closed, and
    /// those that are made from now on have a new key.
    ///
    /// # Errors
    /// None that can happen with the algorithms that are built in.
    pub fn attach_anew(&self) -> Result<(), LinksConfigError> {
        let key = TransportKey::generate()?;
        self.state.endpoint.set_server_config(Some(quic::server(&key)?));
        self.state.attachment.replace(Attachment { client: quic::client(&key)?, key: key.public() });
        for link in self.state.links() {
            link.close(DownCause::ByUs(CloseCode::Moved));
        }
        Ok(())
    }

    /// Closes all links and waits until the peers have been told, but not for long.
    pub async fn close(self) {
        self.say_goodbye();
        if timeout(GOODBYE_TIME, self.state.endpoint.wait_idle()).await.is_err() {
            tracing::debug!("some peers did not hear the goodbye in time");
        }
    }

    fn say_goodbye(&self) {
        for link in self.state.links() {
            link.close(DownCause::ByUs(CloseCode::Stopping));
        }
        self.state.endpoint.close(VarInt::from_u32(CloseCode::Stopping.number()), b"");
    }
}

impl Drop for QuicLinks {
    fn drop(&mut self) {
        self.porch.abort();
        self.say_goodbye();
    }
}
