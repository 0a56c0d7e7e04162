//! The porch: sockets that clients connect to.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use base::ConnId;
use tokio::net::TcpListener;

use crate::conn::{Begin, Conn};
use crate::engine::Engine;

/// How long no connection is taken after the system could not give one (no file left, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Opens a socket.
///
/// # Errors
/// What the system says: taken, not allowed, no such address.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves a socket's clients, each in a task of its own on this thread, until the task is dropped.
pub async fn serve(engine: Rc<Engine>, listener: TcpListener, begin: Begin) {
    let mut failing = false;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Said once: the next try will hardly be another.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "no connection can be accepted");
                }
                engine.tally.borrow_mut().accept_errors += 1;
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        if std::mem::take(&mut failing) {
            tracing::info!("connections are accepted again");
        }
        // A stanza shall leave at once, not wait for more.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let id = ConnId(engine.number());
        let conn = Rc::new(Conn::new(id, engine.clock.now().mono, stream, peer, begin));
        engine.adopt(Rc::clone(&conn));
        tokio::task::spawn_local(conn.serve(Rc::clone(&engine)));
    }
}
