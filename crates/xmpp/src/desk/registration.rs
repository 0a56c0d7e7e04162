//! XEP-0077 in-band registration: a stranger asks for an account, a person changes their password or leaves.
//!
//! The first is part of the negotiation, which takes its words from here; the others are a desk, whether strangers may
//! register or not. Hashing a password takes long and chance: the driver does it between [`Output::Hash`] and
//! [`Input::Hashed`](crate::Input::Hashed).

use std::sync::Arc;

use base::ledger::{Credential, Write};
use base::{AccountId, Bare, SessionId};
use wire::{Element, IqType, Kind, Stanza, Xml};

use super::{Ask, Place, Verdict, subscription};
use crate::contacts::Roster;
use crate::error::{Condition, StanzaError, StreamError};
use crate::ns;
use crate::shard::{After, Fate, Origin, Output, Shard};

/// A change of password whose hash is being made.
pub(crate) struct Change {
    account: AccountId,
    place: Place,
    /// To whom the request was.
    asked: Bare,
    origin: Origin,
    /// The request, without what is in it: the password is not kept.
    request: Stanza<'static>,
}

// --- before the login ------------------------------------------------------------------------------------------------

/// Whether a stanza is a request of this specification.
pub(crate) fn is_request(stanza: &Stanza<'_>) -> bool {
    matches!(stanza.head.kind, Kind::Iq(IqType::Get | IqType::Set)) && stanza.payload("query", ns::REGISTER).is_some()
}

/// Section 3.1: what a stranger must say.
pub(crate) fn form() -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open("query", ns::REGISTER).leaf("instructions", ns::REGISTER, "Choose a name and a password.");
    xml.open("username", ns::REGISTER).close();
    xml.open("password", ns::REGISTER).close();
    xml.finish()
}

/// The address and the password that a stranger wants.
///
/// # Errors
/// Section 3.1: `not-acceptable` if one of them is missing, or the name cannot be one.
pub(crate) fn wish(query: &Element<'_>, domain: &str) -> Result<(Bare, String), StanzaError> {
    let refuse = |text| Err(StanzaError::new(Condition::NotAcceptable, text));
    let (Some(name), Some(password)) = (field(query, "username"), field(query, "password")) else {
        return refuse("A name and a password are needed.");
    };
    match address(&name, domain) {
        Some(address) => Ok((address, password)),
        None => refuse("This cannot be a name: take letters and digits."),
    }
}

/// What a field says; `None` if that is nothing.
fn field(query: &Element<'_>, name: &str) -> Option<String> {
    query.child(name, ns::REGISTER).map(|field| field.text().into_owned()).filter(|text| !text.is_empty())
}

/// The address of a name. A name with `@` or `/` in it must not become one elsewhere.
fn address(name: &str, domain: &str) -> Option<Bare> {
    if name.contains(['@', '/']) {
        return None;
    }
    Bare::new(&format!("{name}@{domain}")).ok()
}

// --- after it --------------------------------------------------------------------------------------------------------

/// What a person has here (section 3.1), a new password (section 3.3), or the end of the account (section 3.2).
pub(crate) fn handle(shard: &mut Shard, ask: &Ask<'_>) -> Verdict {
    let own = ask.asker().and_then(|own| Some((shard.account_id(&own)?, own)));
    let Some((account, own)) = own else { return Verdict::Error(Condition::ServiceUnavailable.into()) };
    if !ask.set {
        return Verdict::Result(registered(&own));
    }
    if ask.payload.child("remove", ns::REGISTER).is_some() {
        if ask.payload.children().count() > 1 {
            return refuse(Condition::BadRequest, "Who wants to leave says nothing else.");
        }
        let Some(contacts) = shard.accounts.get(&own).and_then(|account| account.roster.clone()) else {
            return Verdict::NeedsRoster;
        };
        let ticket = shard.write(Write::RemoveAccount { account });
        let gone = Gone { address: own, contacts, why: StreamError::NotAuthorized, reply: None };
        return Verdict::ResultAfterThen(Vec::new(), ticket, After::Removed(Box::new(gone)));
    }
    let (Some(name), Some(password)) = (field(&ask.payload, "username"), field(&ask.payload, "password")) else {
        return refuse(Condition::BadRequest, "Your name and a new password are needed.");
    };
    if address(&name, own.jid().domain()).is_none_or(|address| address != own) {
        return refuse(Condition::NotAllowed, "You can change your own password only.");
    }
    if shard.changes.contains_key(&own) {
        return refuse(Condition::ResourceConstraint, "Your password is being changed already.");
    }
    Verdict::NewPassword(account, password)
}

fn registered(own: &Bare) -> Vec<u8> {
    let own = own.jid();
    let mut xml = Xml::new();
    xml.open("query", ns::REGISTER).open("registered", ns::REGISTER).close();
    xml.leaf("instructions", ns::REGISTER, "You have an account here. A new password takes the place of the old one.");
    xml.leaf("username", ns::REGISTER, own.local().unwrap_or_default());
    xml.open("password", ns::REGISTER).close();
    xml.finish()
}

fn refuse(condition: Condition, text: &'static str) -> Verdict {
    Verdict::Error(StanzaError::new(condition, text))
}

/// Lets a password be hashed. Its account has no other change under way, so no more wait than there are people here.
pub(crate) fn begin(
    shard: &mut Shard,
    place: Place,
    asked: &Bare,
    origin: Origin,
    request: Stanza<'_>,
    (account, password): (AccountId, String),
) -> Fate {
    let Some(own) = request.head.from.as_ref().map(Bare::of) else { return Fate::Done };
    let request = request.into_owned().with_inner(Vec::new());
    shard.changes.insert(own.clone(), Change { account, place, asked: asked.clone(), origin, request });
    shard.push(Output::Hash { address: own, password });
    Fate::Parked
}

/// A password was hashed, or cannot be one.
pub(crate) fn hashed(shard: &mut Shard, own: &Bare, made: Result<Vec<Credential>, StanzaError>) {
    let Some(Change { account, place, asked, origin, request }) = shard.changes.remove(own) else { return };
    let verdict = match made {
        // The account may have gone meanwhile, and its number may be another's.
        Ok(credentials) if shard.account_id(own) == Some(account) => {
            let ticket = shard.write(Write::SetCredentials { account, credentials });
            Verdict::ResultAfterThen(Vec::new(), ticket, After::NewPassword(own.clone(), origin.session))
        }
        Ok(_) => Verdict::Error(Condition::ServiceUnavailable.into()),
        Err(error) => Verdict::Error(error),
    };
    let fate = shard.conclude(place, &asked, origin, request, verdict);
    shard.meet(origin, fate);
}

/// Attack case B19: a new password holds, and whoever is in, or half in, with the old one is out. `but`: who changed it.
pub(crate) fn password_changed(shard: &mut Shard, own: &Bare, but: Option<SessionId>) {
    let sessions = shard.accounts.get(own).map(|account| account.sessions.clone()).unwrap_or_default();
    for session in sessions.into_iter().filter(|session| Some(*session) != but) {
        shard.end_stream(session, StreamError::PolicyViolation("The password was changed."));
    }
    shard.push(Output::Expel { address: own.clone() });
}

/// An account that goes.
pub(crate) struct Gone {
    pub(crate) address: Bare,
    /// Whom it knew.
    pub(crate) contacts: Arc<Roster>,
    /// What its sessions are told.
    pub(crate) why: StreamError,
    /// The command that waits for it.
    pub(crate) reply: Option<u64>,
}

/// Section 3.2: an account is gone. All its sessions end, told why, and its contacts hear that all subscriptions are over
/// (RFC 6121 section 2.5.2).
pub(crate) fn removed(shard: &mut Shard, gone: &Gone) {
    let own = &gone.address;
    let sessions = shard.accounts.get(own).map(|account| account.sessions.clone()).unwrap_or_default();
    for session in sessions {
        shard.end_stream(session, gone.why);
    }
    shard.changes.remove(own);
    shard.forget_account(own);
    // That they are away is told first, and recorded nowhere any more.
    shard.tell_of_departed();
    subscription::farewell(shard, own, &gone.contacts);
    shard.push(Output::Expel { address: own.clone() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &str, expect: Result<(&str, &str), Condition>) {
        let xml = format!("<query xmlns='jabber:iq:register'>{fields}</query>");
        let found = wish(&Element::parse(xml.as_bytes()).unwrap(), "a.example");
        let found = found.as_ref().map(|(address, password)| (address.as_str(), &**password));
        assert_eq!(found.map_err(|error| error.condition), expect, "{fields}");
    }

    #[test]
    fn a_wish_is_a_name_and_a_password() {
        let long = "n".repeat(base::limits::JID_PART_BYTES_MAX + 1);
        let ok = |name: &str| format!("<username>{name}</username><password>p &amp; q</password>");
        check(&ok("ana"), Ok(("ana@a.example", "p & q")));
        check(&ok("ANA"), Ok(("ana@a.example", "p & q")));
        for name in ["", " ", "a b", "ana@b.example", "x@b.example/", "ana/b", "a:b", &long] {
            check(&ok(name), Err(Condition::NotAcceptable));
        }
        check("", Err(Condition::NotAcceptable));
        check("<username>ana</username>", Err(Condition::NotAcceptable));
        check("<username>ana</username><password/>", Err(Condition::NotAcceptable));
        check("<username xmlns='x'>ana</username><password>p</password>", Err(Condition::NotAcceptable));
    }
}
