//! RFC 6120 section 7, XEP-0198 section 5: sessions begin, change their connection, and end.

use base::limits::{ACCOUNT_SESSIONS_MAX, ACCOUNTS_IDLE_MAX};
use base::{Bare, ConnId, SessionId};
use wire::{Form, IqType, Kind, Stanza, Xml};

use super::{Due, Output, Shard};
use crate::error::StreamError;
use crate::parking::Parked;
use crate::session::{Session, What};
use crate::{desk, ns, tally};

impl Shard {
    pub(super) fn handle_bind(&mut self, address: &Bare, request: Parked) {
        let Parked::Bind { conn, .. } = request else { return };
        self.binding.insert(conn);
        let account = self.accounts.get(address);
        if account.is_some_and(|a| a.row.is_some() && !a.is_loading()) {
            self.bind(address, request);
        } else {
            self.park(address, request);
        }
    }

    /// RFC 6120 section 7.6 and 7.7: gives a resource; an older session of the same resource ends.
    pub(super) fn bind(&mut self, address: &Bare, request: Parked) {
        let Parked::Bind { conn, resource, id, language } = request else { return };
        if !self.binding.remove(&conn) {
            return;
        }
        let resource = match resource {
            Some(resource) => resource,
            None => self.token(),
        };
        let jid = address.jid().with_resource(&resource).expect("the negotiation has checked the resource");
        let twin = self.accounts[address].sessions.iter().copied().find(|s| *self.sessions[s].jid == jid);
        if let Some(twin) = twin {
            self.end_stream(twin, StreamError::Conflict);
        }
        if self.accounts[address].sessions.len() >= ACCOUNT_SESSIONS_MAX {
            let text = "This account has too many sessions already. Log out somewhere else.";
            self.end_with(conn, StreamError::ResourceConstraint(text));
            self.push(Output::Close { conn });
            return;
        }
        let session = SessionId(self.next_session);
        self.next_session += 1;
        self.tally.sessions += 1;
        let mut answer = Stanza::new(Kind::Iq(IqType::Result));
        answer.head.id = Some(id.into());
        let mut xml = Xml::new();
        xml.open("bind", ns::BIND).leaf("jid", ns::BIND, jid.as_str());
        let answer = answer.with_inner(xml.finish());
        let language = desk::own_contact::note_language(self, address, language);
        self.sessions.insert(session, Session::new(conn, address.clone(), jid, language, self.now));
        self.conns.insert(conn, session);
        self.look_again();
        self.accounts.get_mut(address).expect("it is ready").sessions.push(session);
        self.push(Output::Bound { conn });
        let mut bytes = Vec::new();
        answer.emit(Form::Tcp, &mut bytes);
        self.write_raw(conn, &bytes);
    }

    /// Gives a session that has lost its connection another one (XEP-0198 section 5).
    pub(crate) fn attach(&mut self, session: SessionId, conn: ConnId) {
        self.sessions.get_mut(&session).expect("it is resumed").conn = Some(conn);
        self.heard(session);
        self.conns.insert(conn, session);
        self.look_again();
        self.push(Output::Bound { conn });
    }

    /// Another connection wants a session: the one that it has ends, and nothing more comes from there.
    pub(crate) fn displace(&mut self, session: SessionId) {
        if let Some(old) = self.sessions.get(&session).and_then(|s| s.conn) {
            self.end_with(old, StreamError::Conflict);
            self.push(Output::Close { conn: old });
            self.lose_connection(session);
        }
    }

    /// Takes its connection from a session.
    pub(super) fn detach(&mut self, session: SessionId) -> Option<ConnId> {
        let session = self.sessions.get_mut(&session)?;
        let conn = session.conn.take()?;
        session.questions.left();
        (session.leaving_bytes, session.watched) = (0, false);
        self.conns.remove(&conn);
        Some(conn)
    }

    pub(super) fn handle_closed(&mut self, conn: ConnId) {
        let Some(session) = self.conns.get(&conn).copied() else {
            // It may have gone while its bind waited for the account.
            self.binding.remove(&conn);
            return;
        };
        self.lose_connection(session);
    }

    /// A session has no connection any more: it waits to be resumed, or ends.
    pub(crate) fn lose_connection(&mut self, session: SessionId) {
        self.detach(session);
        let resumable = self.sessions[&session].sm.as_ref().is_some_and(|sm| sm.id.is_some());
        if resumable {
            let at = self.now.mono + self.config.resume_time_max;
            self.due.insert((at, Due::Forget(session)));
            self.sessions.get_mut(&session).expect("it was here just now").forgotten_at = Some(at);
        } else {
            self.end_session(session);
        }
    }

    /// Ends a session with a stream error to its client.
    pub(crate) fn end_stream(&mut self, session: SessionId, error: StreamError) {
        if let Some(conn) = self.sessions.get(&session).and_then(|s| s.conn) {
            self.end_with(conn, error);
        }
        self.close(session);
    }

    /// Tells a client why its stream ends.
    pub(crate) fn end_with(&mut self, conn: ConnId, error: StreamError) {
        tally::count(&mut self.tally.stream_errors, error.name());
        self.write_raw(conn, &error.to_xml());
    }

    pub(super) fn close(&mut self, session: SessionId) {
        if let Some(conn) = self.detach(session) {
            self.push(Output::Close { conn });
        }
        self.end_session(session);
    }

    /// Takes a session out of everything. Messages that it has not confirmed still wait in the store.
    pub(super) fn end_session(&mut self, session: SessionId) {
        self.keep(session);
        let Some(mut ended) = self.sessions.remove(&session) else { return };
        self.carbons -= usize::from(ended.carbons);
        if let Some(sm) = &mut ended.sm {
            sm.id.as_ref().map(|id| self.resumable.remove(id));
            if let Some(conn) = sm.take_waiting() {
                desk::stream_management::refuse(self, conn);
            }
        }
        let mut roster = None;
        if let Some(account) = self.accounts.get_mut(&ended.account) {
            roster = account.roster.clone();
            account.sessions.retain(|s| *s != session);
            for seq in ended.unconfirmed() {
                account.land(seq);
            }
        }
        self.dialogs.session_ended(&ended.account, session);
        desk::in_reach::session_ended(self, &ended.account);
        desk::offline::session_ended(self, &ended.account);
        self.retire(&ended.account);
        self.departed.push_back((ended, roster));
    }

    /// A copy that was to be sent to a session's client will not be: it waits again.
    pub(super) fn take_back(&mut self, session: SessionId, what: What) {
        if let (What::Copy(seq), Some(session)) = (what, self.sessions.get(&session))
            && let Some(account) = self.accounts.get_mut(&session.account)
        {
            account.land(seq);
        }
    }

    /// Remembers that nobody uses an account, and forgets those that nobody has used for long.
    pub(crate) fn retire(&mut self, address: &Bare) {
        let Some(account) = self.accounts.get_mut(address).filter(|a| a.is_idle()) else { return };
        account.forget_roster();
        account.private = None;
        if !std::mem::replace(&mut account.retired, true) {
            self.idle.push_back(address.clone());
        }
        while self.idle.len() > ACCOUNTS_IDLE_MAX {
            let Some(oldest) = self.idle.pop_front() else { break };
            match self.accounts.get_mut(&oldest) {
                Some(account) if account.is_idle() => {
                    self.accounts.remove(&oldest);
                }
                Some(account) => account.retired = false,
                None => {}
            }
        }
    }
}
