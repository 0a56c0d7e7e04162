//! RFC 8305 section 5: a peer's addresses race, each a little behind the one before; the first that answers is the link.

use std::net::SocketAddr;
use std::rc::Rc;

use base::limits::LINK_HANDSHAKE_TIME_MAX;
use mesh::link::dialer::RACE_STAGGER;
use mesh::link::{CloseCode, DialCause, DownCause, Event};
use quinn::{Connection, ConnectionError, TransportErrorCode};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::door::Inbox;
use super::link::cause_of;
use super::socket::for_quic;
use super::state::{Attachment, NoLink, State};

/// What a server is called in a handshake: TLS wants a name, and does not say it (RFC 6066 is switched off).
const NO_NAME: &str = "jirani";

/// Starts a dial whose end is told at the door.
pub(super) fn start(state: &Rc<State>, door: &Rc<Inbox>, attempt: u64, addresses: Vec<SocketAddr>) {
    let (state, door) = (Rc::clone(state), Rc::clone(door));
    tokio::task::spawn_local(async move {
        if let Err(cause) = dial(&state, &door, attempt, addresses).await {
            tracing::debug!(attempt, %cause, "a dial made no link");
            door.push(Event::DialFailed { attempt, cause });
        }
    });
}

async fn dial(state: &Rc<State>, door: &Rc<Inbox>, attempt: u64, addresses: Vec<SocketAddr>) -> Result<(), DialCause> {
    if state.is_full() {
        return Err(DialCause::Full);
    }
    let attachment = state.attachment.borrow().clone();
    let raced = timeout(LINK_HANDSHAKE_TIME_MAX, race(state, &attachment, addresses)).await;
    let connection = raced.unwrap_or(Err(DialCause::Silent))?;
    state.up(connection, attachment.key, Some((door, attempt))).map_err(|why| match why {
        NoLink::Full => DialCause::Full,
        NoLink::Ourselves => DialCause::Ourselves,
        NoLink::NoKey => DialCause::Broken("it shows no key".into()),
    })
}

/// The first connection. The other attempts end with the set that they are in.
async fn race(state: &State, attachment: &Attachment, addresses: Vec<SocketAddr>) -> Result<Connection, DialCause> {
    let mut addresses = addresses.into_iter();
    let mut runners = JoinSet::new();
    let mut failed = DialCause::NoAddress;
    loop {
        // An address that fails at once makes room for the next.
        if let Some(address) = addresses.next() {
            match state.endpoint.connect_with(attachment.client.clone(), for_quic(address), NO_NAME) {
                Ok(connecting) => drop(runners.spawn_local(connecting)),
                Err(_) => continue,
            }
        } else if runners.is_empty() {
            return Err(failed);
        }
        tokio::select! {
            Some(ended) = runners.join_next() => match ended {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => failed = cause_of_failure(&error, failed),
                Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
            },
            () = sleep(RACE_STAGGER), if addresses.len() > 0 => {}
        }
    }
}

/// Why a dial failed, if one address failed so and others so before: what somebody answered says more than silence.
fn cause_of_failure(error: &ConnectionError, before: DialCause) -> DialCause {
    match error {
        ConnectionError::ConnectionClosed(close) if close.error_code == TransportErrorCode::CONNECTION_REFUSED => {
            DialCause::Refused(CloseCode::Full)
        }
        error => match cause_of(error) {
            DownCause::ByPeer(code) => DialCause::Refused(code),
            DownCause::Broken(why) => DialCause::Broken(why),
            _ if before == DialCause::NoAddress => DialCause::Silent,
            _ => before,
        },
    }
}
