//! XEP-0199 section 4.1 and XEP-0198 section 4: a client that has been silent for long is asked whether it is there, and
//! one that does not answer has lost its connection; one that talks and acknowledges nothing is sent away (attack case
//! A22).
//!
//! All sessions are looked at together, every few minutes and only while there are any: an idle server sleeps. Why not
//! TCP's own keepalive: `docs/decisions/004-keepalive.md`.

use base::SessionId;
use base::limits::{CLIENT_ANSWER_TIME_MAX, CLIENT_SILENCE_MAX};
use wire::{IqType, Kind, Stanza, Xml};

use crate::error::StreamError;
use crate::ns;
use crate::session::What;
use crate::shard::{Output, Shard};

/// Looks at every session that has a connection.
pub(crate) fn look(shard: &mut Shard) {
    let mut connected: Vec<SessionId> =
        shard.sessions.iter().filter(|(_, s)| s.conn.is_some()).map(|(id, _)| *id).collect();
    connected.sort_unstable();
    for id in connected {
        let now = shard.now.mono;
        let Some(session) = shard.sessions.get_mut(&id) else { continue };
        if session.sm.as_mut().is_some_and(|sm| sm.has_given_up(now)) {
            // What it has not confirmed waits in the store again.
            shard.end_stream(id, StreamError::PolicyViolation("Nothing was acknowledged for too long."));
            continue;
        }
        match session.asked {
            Some(asked) if now - asked >= CLIENT_ANSWER_TIME_MAX => lose(shard, id),
            None if now - session.heard >= CLIENT_SILENCE_MAX => {
                session.asked = Some(now);
                ask(shard, id);
            }
            _ => {}
        }
    }
    shard.look_again();
}

/// A request for an acknowledgement where the client knows that, else a ping.
fn ask(shard: &mut Shard, id: SessionId) {
    let Some(session) = shard.sessions.get(&id) else { return };
    if let (Some(conn), Some(_)) = (session.conn, &session.sm) {
        return shard.write_raw(conn, super::stream_management::REQUEST);
    }
    let jid = session.jid.clone();
    let mut ping = Stanza::new(Kind::Iq(IqType::Get)).with_inner(Xml::new().open("ping", ns::PING).finish());
    ping.head.from = base::Jid::new(jid.domain()).ok().map(base::Jid::into_owned);
    ping.head.to = Some((*jid).clone());
    ping.head.id = Some(shard.token().into());
    shard.send(id, &ping, What::Answer, None);
}

/// The connection counts as broken: a session that may be resumed waits for that.
fn lose(shard: &mut Shard, id: SessionId) {
    let Some(conn) = shard.sessions.get(&id).and_then(|session| session.conn) else { return };
    shard.end_with(conn, StreamError::ConnectionTimeout);
    shard.push(Output::Close { conn });
    shard.lose_connection(id);
}
