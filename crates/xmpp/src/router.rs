//! RFC 6121 section 8, RFC 6120 section 10: where a stanza goes, by its head alone. One screen.
//!
//! From a client: what only a server may say is cut, then the address decides. `to` a domain: the server's desks. `to` a
//! person: their account, read first if need be. `to` elsewhere: no way yet.

use base::{Bare, SessionId, Ticket};
use wire::{IqType, Kind, Stanza};

use crate::desk::{self, Ask, Place, Verdict};
use crate::error::{Condition, StanzaError};
use crate::session::What;
use crate::shard::{After, Fate, Origin, Shard};

impl Shard {
    /// A stanza of one of our sessions, `from` already stamped.
    pub(crate) fn from_client(&mut self, origin: Origin, mut stanza: Stanza<'_>) -> Fate {
        desk::forgery::cut(&mut stanza, &self.config.hosts);
        let own = self.sessions[&origin.session].account.clone();
        let Some(to) = &stanza.head.to else {
            return match stanza.head.kind {
                // RFC 6120 section 10.3: no `to` means the account itself, for presence all who may see it.
                Kind::Presence(_) => desk::presence::broadcast(self, origin, &stanza),
                _ => self.enter(&own, origin, stanza),
            };
        };
        if !self.config.hosts.served.iter().any(|d| d == to.domain()) {
            let text = format!("{} cannot be reached from here.", to.domain());
            self.bounce(origin, &stanza, &StanzaError::new(Condition::RemoteServerNotFound, text));
            return Fate::Done;
        }
        if to.local().is_none() {
            return self.at_server(origin, stanza);
        }
        let address = Bare::of(to);
        self.enter(&address, origin, stanza)
    }

    /// Delivers to an account, or lets the stanza wait until the account has been read.
    fn enter(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        let ready = self.accounts.get(address.as_str()).is_some_and(|a| a.row.is_some() && !a.is_loading());
        if ready {
            return self.deliver(address, origin, stanza);
        }
        self.park(address, crate::account::Parked::Stanza { origin, stanza: stanza.into_owned() });
        Fate::Parked
    }

    /// A stanza for an account that is ready.
    pub(crate) fn deliver(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        match stanza.head.kind {
            Kind::Message(_) => desk::message::deliver(self, address, origin, stanza),
            Kind::Presence(_) => desk::presence::deliver(self, address, origin, stanza),
            Kind::Iq(_) => self.deliver_iq(address, origin, stanza),
        }
    }

    /// RFC 6121 sections 8.5.1, 8.5.2.1.3 and 8.5.3: to a resource it goes as it is; to a person the server answers.
    fn deliver_iq(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        let to_resource = stanza.head.to.as_ref().filter(|to| !to.is_bare());
        if let Some(to) = to_resource {
            match self.resource(address, to.resource().unwrap_or_default()) {
                Some(session) => self.send(session, &stanza, What::Stanza, None),
                None => self.bounce(origin, &stanza, &Condition::ServiceUnavailable.into()),
            }
            return Fate::Done;
        }
        let own = self.sessions.get(&origin.session).is_some_and(|s| s.account == *address);
        let place = if own { Place::Own } else { Place::Person };
        self.ask(place, address, origin, stanza)
    }

    /// To the server itself.
    fn at_server(&mut self, origin: Origin, stanza: Stanza<'_>) -> Fate {
        match stanza.head.kind {
            Kind::Iq(_) => {
                let domain = Bare::of(stanza.head.to.as_ref().expect("it came here by its address"));
                self.ask(Place::Server, &domain, origin, stanza)
            }
            Kind::Message(_) => {
                self.bounce(origin, &stanza, &Condition::ServiceUnavailable.into());
                Fate::Done
            }
            Kind::Presence(_) => Fate::Done,
        }
    }

    /// An IQ for one of the server's desks.
    fn ask(&mut self, place: Place, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        let Kind::Iq(kind @ (IqType::Get | IqType::Set)) = stanza.head.kind else { return Fate::Done };
        let mut payloads = stanza.payloads();
        let verdict = match (payloads.next(), payloads.next()) {
            (Some(payload), None) => {
                let desk = desk::DESKS.iter().find(|d| d.places.contains(&place) && payload.is(d.name, d.namespace));
                match desk {
                    Some(desk) => (desk.handle)(
                        self,
                        &Ask { place, address, origin, set: kind == IqType::Set, stanza: &stanza, payload },
                    ),
                    None => Verdict::Error(Condition::ServiceUnavailable.into()),
                }
            }
            // RFC 6120 section 8.2.3: a request has exactly one child.
            _ => Verdict::Error(StanzaError::new(Condition::BadRequest, "A request has exactly one child element.")),
        };
        drop(payloads);
        match verdict {
            Verdict::Result(payload) => self.answer(origin, &stanza, payload, None),
            Verdict::ResultAfter(payload, ticket) => self.answer(origin, &stanza, payload, Some(ticket)),
            Verdict::Error(error) => {
                self.bounce(origin, &stanza, &error);
                Fate::Done
            }
            Verdict::Later => Fate::Done,
            Verdict::NeedsRoster => {
                self.park_for_roster(address, origin, stanza);
                Fate::Parked
            }
        }
    }

    /// The result of an IQ, once what it says is durable; or the error, if it could not be written.
    fn answer(&mut self, origin: Origin, stanza: &Stanza<'_>, payload: Vec<u8>, after: Option<Ticket>) -> Fate {
        let mut result = Stanza::new(Kind::Iq(IqType::Result)).with_inner(payload);
        result.head.id = stanza.head.id.clone();
        result.head.to = stanza.head.from.clone();
        result.head.from = stanza.head.to.clone();
        self.send(origin.session, &result, What::Stanza, after);
        let Some(ticket) = after else { return Fate::Done };
        let mut reply = result.into_owned();
        reply.head.kind = Kind::Iq(IqType::Error);
        self.after(ticket, After::Bounce(origin.session, Box::new(reply)));
        Fate::After(ticket)
    }

    /// The session of an account with this resource.
    pub(crate) fn resource(&self, address: &Bare, resource: &str) -> Option<SessionId> {
        let account = self.accounts.get(address.as_str())?;
        account.sessions.iter().copied().find(|s| self.sessions[s].jid.resource() == Some(resource))
    }
}
