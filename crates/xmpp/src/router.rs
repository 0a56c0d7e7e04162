//! RFC 6121 section 8, RFC 6120 section 10: where a stanza goes, by its head alone. One screen.
//!
//! From a client: what only a server may say is cut, then the address decides. `to` a domain: the server's desks. `to` a
//! person: their account, read first if need be. `to` a person of another node, or a resource that a person of this one has
//! there: the post. `to` elsewhere: no way yet.

use base::limits::PRESENCE_BYTES_MAX;
use base::{Bare, Jid, SessionId, Ticket};
use wire::{IqType, Kind, MessageType, PresenceType, Stanza};

use crate::desk::near::Judgement;
use crate::desk::subscription_states::Verb;
use crate::desk::{self, Ask, Desk, Place, Verdict};
use crate::error::{Condition, StanzaError};
use crate::parking::Parked;
use crate::questions::Question;
use crate::session::What;
use crate::shard::{After, Fate, Origin, Shard};

/// On which side of an account a stanza is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One of its sessions says it, and the account has its part in it: presence, and words to the daemon.
    Out,
    /// It is said to the account, by whomever.
    In,
}

impl Shard {
    /// A stanza of one of our sessions, `from` already stamped.
    pub(crate) fn accept(&mut self, origin: Origin, mut stanza: Stanza<'_>) -> Fate {
        if let Err(error) = self.check(&mut stanza) {
            return self.refuse(origin, &stanza, error);
        }
        let own = self.sessions[&origin.session].account.clone();
        let to = stanza.head.to.as_ref();
        if let Some(error) = to.and_then(|to| desk::blocking::refuse_outbound(self, &own, to)) {
            return self.refuse(origin, &stanza, error);
        }
        if to.is_some_and(|to| !self.serves(to) && !self.is_elsewhere(to) && !self.config.hosts.is_nearby(to)) {
            return self.route(origin, stanza);
        }
        desk::in_reach::wrote(self, &own, &stanza);
        let to = stanza.head.to.as_ref();
        match stanza.head.kind {
            // Without an address it is for all who may see it; with one, the person's own list may change.
            Kind::Presence(kind) if to.is_none() || Verb::of(kind).is_some() => {
                self.enter(&own, Way::Out, origin, stanza)
            }
            Kind::Presence(_) => match desk::presence::note_directed(self, origin, &stanza) {
                Ok(()) => self.route(origin, stanza),
                Err(error) => self.refuse(origin, &stanza, error),
            },
            Kind::Iq(_) if desk::is_foreign(&stanza, &own) => self.refuse(origin, &stanza, Condition::Forbidden.into()),
            // Before anybody looks whether there is such a person (attack case D14).
            Kind::Iq(IqType::Get | IqType::Set)
                if to.is_some_and(Jid::is_bare) && desk::sole_payload(&stanza).is_none() =>
            {
                self.refuse(origin, &stanza, desk::not_one_payload())
            }
            // RFC 6120 section 10.3: no `to` means the account itself.
            _ if to.is_none() => self.enter(&own, Way::In, origin, stanza),
            _ => self.route(origin, stanza),
        }
    }

    /// What a stanza of anybody must pass: what only a server may say is cut out of it.
    ///
    /// # Errors
    /// If nobody may say it.
    pub(crate) fn check(&self, stanza: &mut Stanza<'_>) -> Result<(), StanzaError> {
        desk::forgery::cut(stanza, &self.config.hosts);
        if desk::forgery::is_roster_push(stanza) {
            return Err(Condition::ServiceUnavailable.into());
        }
        if matches!(stanza.head.kind, Kind::Presence(_)) && stanza.inner_len() > PRESENCE_BYTES_MAX {
            return Err(StanzaError::new(Condition::PolicyViolation, "The presence is too long."));
        }
        Ok(())
    }

    /// A stanza that has left its author's account, by its address.
    pub(crate) fn route(&mut self, origin: Origin, stanza: Stanza<'_>) -> Fate {
        let Some(to) = &stanza.head.to else { return Fate::Done };
        if self.config.hosts.is_nearby(to) {
            desk::near::note_said(self, &stanza);
            return desk::bonjour::send(self, origin, stanza);
        }
        if self.is_elsewhere(to) || self.is_beside(&stanza, to) {
            return desk::post::send(self, origin, stanza);
        }
        if !self.serves(to) {
            let text = format!("{} cannot be reached from here.", to.domain());
            return self.refuse(origin, &stanza, StanzaError::new(Condition::RemoteServerNotFound, text));
        }
        if to.local().is_none() {
            return self.at_server(origin, stanza);
        }
        let address = Bare::of(to);
        self.enter(&address, Way::In, origin, stanza)
    }

    /// Hands a stanza to an account, or lets it wait until the account has been read.
    pub(crate) fn enter(&mut self, address: &Bare, way: Way, origin: Origin, stanza: Stanza<'_>) -> Fate {
        match self.accounts.get(address) {
            Some(account) if account.row.is_some() && !account.is_loading() => {
                return self.process(address, way, origin, stanza);
            }
            // Nobody is there to see it: an account is not woken for that.
            None if desk::presence::is_passing(&stanza) => return Fate::Done,
            _ => {}
        }
        self.park(address, Parked::Stanza { way, origin, stanza: Box::new(stanza.into_owned()) });
        Fate::Parked
    }

    /// A stanza at an account that is ready; presence may have to wait for its contacts.
    pub(crate) fn process(&mut self, address: &Bare, way: Way, origin: Origin, mut stanza: Stanza<'_>) -> Fate {
        if way == Way::In && desk::blocking::keep_out(self, address, origin, &stanza) {
            return Fate::Done;
        }
        if way == Way::In && self.is_near_judged(origin, &stanza) {
            match desk::near::judge(self, address, &mut stanza) {
                Judgement::Open => {}
                Judgement::NeedsRoster => return self.park_for_roster(address, way, origin, stanza),
                Judgement::Unheard => return Fate::Done,
                Judgement::Nobody => {
                    self.answer_for_nobody(origin, &stanza);
                    return Fate::Done;
                }
                Judgement::Refused(error) => return self.refuse(origin, &stanza, error),
            }
        }
        let about_contacts = match (way, stanza.head.kind) {
            (Way::Out, _) => true,
            (Way::In, Kind::Presence(kind)) => kind == PresenceType::Probe || Verb::of(kind).is_some(),
            (Way::In, _) => false,
        };
        if about_contacts && self.accounts[address].roster.is_none() {
            return self.park_for_roster(address, way, origin, stanza);
        }
        match (way, stanza.head.kind) {
            (Way::Out, Kind::Message(_)) => desk::own_contact::hear(self, address, origin, &stanza),
            (Way::Out, _) => desk::presence::send(self, address, origin, stanza),
            (Way::In, Kind::Presence(kind)) => desk::presence::deliver(self, address, origin, kind, stanza),
            (Way::In, Kind::Message(_)) => desk::message::deliver(self, address, origin, stanza),
            (Way::In, Kind::Iq(_)) => self.deliver_iq(address, origin, stanza),
        }
    }

    /// Whether somebody on a link says it: over a link of ours, or words by XEP-0174.
    fn is_near_judged(&self, origin: Origin, stanza: &Stanza<'_>) -> bool {
        let is_word_of_nearby = || {
            let is_nearby = stanza.head.from.as_ref().is_some_and(|from| self.config.hosts.is_nearby(from));
            is_nearby && matches!(stanza.head.kind, Kind::Message(_))
        };
        origin.peer().is_some() || is_word_of_nearby()
    }

    /// RFC 6121 sections 8.5.1, 8.5.2.1.3 and 8.5.3: to a resource it goes as it is; to a person the server answers.
    fn deliver_iq(&mut self, address: &Bare, origin: Origin, stanza: Stanza<'_>) -> Fate {
        let to_resource = stanza.head.to.as_ref().filter(|to| !to.is_bare());
        if let Some(to) = to_resource {
            if desk::last_activity::is_request(&stanza) {
                let asker = stanza.head.from.as_ref().map(Bare::of);
                match asker.and_then(|asker| desk::presence::is_subscribed(self, address, &asker)) {
                    None => return self.park_for_roster(address, Way::In, origin, stanza),
                    Some(false) => return self.refuse(origin, &stanza, Condition::Forbidden.into()),
                    Some(true) => {}
                }
            }
            match self.resource(address, to.resource().unwrap_or_default()) {
                Some(session) => self.send(session, &stanza, What::Stanza, None),
                None => self.bounce(origin, &stanza, &Condition::ServiceUnavailable.into()),
            }
            return Fate::Done;
        }
        // It has waited for its author's own contacts.
        if stanza.head.to.as_ref().is_some_and(Jid::is_domain) {
            return self.at_server(origin, stanza);
        }
        // By what is stamped, not by its session: that may have ended while the request waited.
        let own = stanza.head.from.as_ref().is_some_and(|from| from.bare() == address.as_str());
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
            Kind::Message(MessageType::Chat | MessageType::Normal)
                if stanza.head.to.as_ref().is_some_and(Jid::is_domain)
                    && self.sessions.contains_key(&origin.session) =>
            {
                // The daemon as its person's contact: what has no words says nothing to it.
                match (desk::own_contact::line(&stanza), stanza.head.from.as_ref().map(Bare::of)) {
                    (Some(_), Some(own)) => self.enter(&own, Way::Out, origin, stanza),
                    _ => Fate::Done,
                }
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
        let Kind::Iq(IqType::Get | IqType::Set) = stanza.head.kind else { return Fate::Done };
        let verdict = match Ask::new(place, address, origin, &stanza) {
            Ok(ask) => {
                let answers = |desk: &&Desk| desk.places.contains(&place) && ask.payload.is(desk.name, desk.namespace);
                match desk::DESKS.iter().find(answers) {
                    Some(desk) => (desk.handle)(self, &ask),
                    None => Verdict::Error(Condition::ServiceUnavailable.into()),
                }
            }
            Err(error) => Verdict::Error(error),
        };
        self.conclude(place, address, origin, stanza, verdict)
    }

    /// Does what a desk says to a request.
    pub(crate) fn conclude(
        &mut self,
        place: Place,
        address: &Bare,
        origin: Origin,
        stanza: Stanza<'_>,
        verdict: Verdict,
    ) -> Fate {
        match verdict {
            Verdict::Result(payload) => self.answer(origin, &stanza, payload, None),
            Verdict::ResultAfter(payload, ticket) => self.answer(origin, &stanza, payload, Some(ticket)),
            Verdict::ResultAfterThen(payload, ticket, then) => {
                let fate = self.answer(origin, &stanza, payload, Some(ticket));
                self.after(ticket, then);
                fate
            }
            Verdict::Error(error) => self.refuse(origin, &stanza, error),
            Verdict::NewPassword(account, password) => {
                desk::registration::begin(self, place, address, origin, stanza, (account, password))
            }
            Verdict::NeedsRoster => {
                // What is asked of the server about oneself waits for one's own account: the server has none.
                let asker = stanza.head.from.as_ref().filter(|_| place == Place::Server).map(Bare::of);
                self.park_for_roster(asker.as_ref().unwrap_or(address), Way::In, origin, stanza)
            }
            Verdict::NeedsPrivate => self.park_for_private(address, origin, stanza),
            Verdict::Read(query, reading) => {
                let (address, stanza) = (address.clone(), stanza.into_owned());
                self.question(Question { place, address, origin, stanza, query, reading })
            }
        }
    }

    /// The result of an IQ, once what it says is durable; or the error, if it could not be written.
    fn answer(&mut self, origin: Origin, stanza: &Stanza<'_>, payload: Vec<u8>, after: Option<Ticket>) -> Fate {
        let mut result = Stanza::new(Kind::Iq(IqType::Result)).with_inner(payload);
        result.head.id = stanza.head.id.clone();
        result.head.to = stanza.head.from.clone();
        result.head.from = stanza.head.to.clone();
        self.reply(origin, &result, after);
        let Some(ticket) = after else { return Fate::Done };
        let mut reply = result.into_owned();
        reply.head.kind = Kind::Iq(IqType::Error);
        self.after(ticket, After::Bounce(origin.session, Box::new(reply)));
        Fate::After(ticket)
    }

    /// Answers with an error, where that may be.
    fn refuse(&mut self, origin: Origin, stanza: &Stanza<'_>, error: StanzaError) -> Fate {
        self.bounce(origin, stanza, &error);
        Fate::Done
    }

    /// Answers as if there were nobody at the address: what a stranger hears of a person who is there, too (attack case
    /// D14).
    pub(crate) fn answer_for_nobody(&mut self, origin: Origin, stanza: &Stanza<'_>) {
        if let Some(items) = desk::disco::items_of_nobody(stanza) {
            self.answer(origin, stanza, items, None);
        } else if desk::last_activity::is_request(stanza) {
            self.bounce(origin, stanza, &Condition::Forbidden.into());
        } else {
            self.bounce(origin, stanza, &Condition::ServiceUnavailable.into());
        }
    }

    /// Whether this node serves who is at an address, or would be.
    pub(crate) fn serves(&self, to: &Jid<'_>) -> bool {
        self.config.hosts.serves(to)
    }

    /// The session of an account with this resource.
    pub(crate) fn resource(&self, address: &Bare, resource: &str) -> Option<SessionId> {
        let account = self.accounts.get(address.as_str())?;
        account.sessions.iter().copied().find(|s| self.sessions[s].jid.resource() == Some(resource))
    }
}
