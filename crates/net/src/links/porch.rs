//! Attack cases F08 and F10: peers that dial us. Nothing is kept for an address before it has answered.

use std::rc::Rc;

use base::limits::LINK_HANDSHAKE_TIME_MAX;
use quinn::Incoming;
use tokio::time::timeout;

use super::socket::canonical;
use super::state::State;

/// Takes peers in until the socket is closed.
pub(super) async fn serve(state: Rc<State>) {
    while let Some(incoming) = state.endpoint.accept().await {
        take(&state, incoming);
    }
}

fn take(state: &Rc<State>, incoming: Incoming) {
    // Whoever sends under another's address has 100 bytes sent there for its 1,200, once; QUIC without this would send up to
    // three times as much as came. It costs a neighbour one more way there and back, a millisecond, and holds nothing here.
    if !incoming.remote_address_validated() {
        // It may be answered so as long as it is not validated.
        let _ = incoming.retry();
        return;
    }
    let from = canonical(incoming.remote_address()).ip();
    if !state.may_shake_hands(from) {
        incoming.refuse();
        return;
    }
    let state = Rc::clone(state);
    let local_key = state.attachment.borrow().key;
    tokio::task::spawn_local(async move {
        let connected = match incoming.accept() {
            Ok(connecting) => timeout(LINK_HANDSHAKE_TIME_MAX, connecting).await.ok(),
            Err(error) => Some(Err(error)),
        };
        state.shook_hands(from);
        match connected {
            Some(Ok(connection)) => {
                if let Err(why) = state.up(connection, local_key, None) {
                    tracing::debug!(?why, "a connection became no link");
                }
            }
            Some(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            None => tracing::debug!("a handshake did not end"),
        }
    });
}
