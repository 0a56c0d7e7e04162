//! Design, section 5: what people of this node say to people of others, and owe to their own other devices.
//!
//! What lasts is filed in one batch: a row of the outbox, the author's copy in their history, and what is owed to the
//! author's other devices; it is acknowledged when that is durable, and leaves then. Presence, IQ and chat states go to who
//! is in reach now (RFC 6121 section 8.5, RFC 6120 section 10.4). What has not arrived in
//! [`OUTBOX_TIME_MAX`](base::limits::OUTBOX_TIME_MAX) comes back to its author, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::ledger::{Copy, NewMessage, NewPost, PostRow, Record, RecordKind, Write};
use base::limits::{OUTBOX_MAX, OUTBOX_TIME_MAX, SIBLINGS_MAX};
use base::{Bare, DeviceId, Jid, Ticket, Wall};
use mesh::post::{Copied, Post};
use wire::{IqType, Kind, MessageType, Stanza};

use super::carbons::{self, Copies, Side};
use super::subscription_states::Verb;
use super::worth::{self, Class};
use super::{archive, near, offline};
use crate::error::{Condition, StanzaError};
use crate::packing;
use crate::parking::Parked;
use crate::shard::{After, Fate, Origin, Shard};

/// Counts what an account says to each addressee. It goes with the account's memory: then another incarnation begins.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    incarnation: u64,
    next: BTreeMap<(Bare, Option<DeviceId>), u64>,
}

/// For how long something matters on its way to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// Until it has arrived.
    Lasts,
    /// It says something about this moment; if nobody is in reach, its author hears so in this way, if any.
    Fleets(Option<Condition>),
}

/// The other devices of an account, from its records.
pub(crate) fn siblings(records: &[Record]) -> BTreeSet<DeviceId> {
    let of_kind = records.iter().filter(|record| record.kind == RecordKind::Device);
    of_kind.filter_map(|record| device_of(&record.key)).collect()
}

fn device_of(key: &str) -> Option<DeviceId> {
    let digits = key.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(DeviceId(bytes))
}

/// Another device of an account is in reach: it is remembered.
pub(crate) fn note_sibling(shard: &mut Shard, own: &Bare, device: DeviceId) {
    let Some(account) = shard.accounts.get_mut(own) else { return };
    if account.siblings.len() >= SIBLINGS_MAX || !account.siblings.insert(device) {
        return;
    }
    let key: String = device.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let ticket = shard.put_record(own, RecordKind::Device, &key, Some(Vec::new()));
    shard.after(ticket, After::Distrust(own.clone()));
}

/// A stanza of one of our people to somebody elsewhere.
pub(crate) fn send(shard: &mut Shard, origin: Origin, stanza: Stanza<'_>) -> Fate {
    let (Some(from), Some(to)) = (&stanza.head.from, &stanza.head.to) else { return Fate::Done };
    let (own, to_bare) = (Bare::of(from), Bare::of(to));
    near::note_said(shard, &stanza);
    match worth(&stanza) {
        Worth::Lasts => file(shard, &own, &to_bare, origin, &stanza),
        Worth::Fleets(otherwise) => {
            let devices = devices_for(shard, to, matches!(stanza.head.kind, Kind::Iq(_)));
            if let (true, Some(condition)) = (devices.is_empty(), otherwise) {
                let text = format!("{to_bare} is not in reach now.");
                shard.bounce(origin, &stanza, &StanzaError::new(condition, text));
            }
            tell(shard, &own, &devices, &stanza);
            Fate::Done
        }
    }
}

fn worth(stanza: &Stanza<'_>) -> Worth {
    match stanza.head.kind {
        Kind::Message(MessageType::Groupchat) => Worth::Fleets(Some(Condition::ServiceUnavailable)),
        Kind::Message(_) => match worth::class(stanza) {
            Class::Lasting | Class::Passing => Worth::Lasts,
            Class::Unkept => Worth::Fleets(Some(Condition::RecipientUnavailable)),
            Class::Momentary => Worth::Fleets(None),
        },
        Kind::Presence(kind) if Verb::of(kind).is_some() => Worth::Lasts,
        Kind::Presence(_) => Worth::Fleets(None),
        Kind::Iq(IqType::Get | IqType::Set) => Worth::Fleets(Some(Condition::RecipientUnavailable)),
        Kind::Iq(IqType::Result | IqType::Error) => Worth::Fleets(None),
    }
}

/// Where something of this moment goes: to the device on which a resource is, else to all in reach, of which `one` is enough.
fn devices_for(shard: &Shard, to: &Jid<'_>, one: bool) -> Vec<DeviceId> {
    let mut devices = if to.is_bare() { Vec::new() } else { shard.devices_with(to) };
    if devices.is_empty() {
        devices = shard.devices_of(&Bare::of(to));
    }
    devices.truncate(if one { 1 } else { usize::MAX });
    devices
}

/// Says something of this moment to devices.
pub(crate) fn tell(shard: &mut Shard, own: &Bare, devices: &[DeviceId], stanza: &Stanza<'_>) {
    if devices.is_empty() {
        return;
    }
    for device in devices {
        shard.pass(own, *device, stanza, None);
    }
}

/// Files what lasts.
fn file(shard: &mut Shard, own: &Bare, to: &Bare, origin: Origin, stanza: &Stanza<'_>) -> Fate {
    let row = shard.accounts.get(own).and_then(|account| account.row.as_ref());
    let refused = match row {
        None => Some(Condition::InternalServerError.into()),
        Some(row) if room(row.outbox) == 0 => {
            Some(StanzaError::new(Condition::ResourceConstraint, "Too much waits for others already."))
        }
        Some(_) => None,
    };
    if let Some(error) = refused {
        shard.bounce(origin, stanza, &error);
        return Fate::Done;
    }
    let is_message = matches!(stanza.head.kind, Kind::Message(_));
    let kept = is_message && worth::class(stanza) == Class::Lasting && archive::keeps_with(shard, own, to);
    let copies: Vec<_> =
        if kept { archive::copy(shard, own, to, true, false).into_iter().collect() } else { Vec::new() };
    // To a resource of one's own: to the device that it is on.
    let full = stanza.head.to.as_ref().filter(|_| own == to);
    let device = full.and_then(|full| shard.devices_with(full).first().copied());
    let mut posts: Vec<NewPost> = post(shard, own, to, device, Copied::No).into_iter().collect();
    if is_message {
        posts.extend(to_siblings(shard, own, Copied::Sent, device));
    }
    Fate::After(write(shard, own, origin, stanza, copies, posts))
}

/// Writes what a session says that lasts: the author's copy, and rows of the outbox; and tells the author's other sessions.
fn write(
    shard: &mut Shard,
    own: &Bare,
    origin: Origin,
    stanza: &Stanza<'_>,
    copies: Vec<Copy>,
    posts: Vec<NewPost>,
) -> Ticket {
    let seq = copies.first().map(|copy| copy.seq);
    let message =
        NewMessage { stanza: packing::content(stanza).into(), origin: shard.now.wall, copies, posts: posts.clone() };
    let ticket = shard.write(Write::AddMessage(message));
    if let Some(reply) = StanzaError::from(Condition::InternalServerError).answer_to(stanza) {
        shard.after(ticket, After::Bounce(origin.session, Box::new(reply)));
    }
    enqueue(shard, own, &posts, stanza, shard.now.wall, ticket);
    tell_sessions(shard, own, origin, stanza, seq, Some(ticket));
    ticket
}

/// The author's other sessions hear what one of them says.
fn tell_sessions(
    shard: &mut Shard,
    own: &Bare,
    origin: Origin,
    stanza: &Stanza<'_>,
    seq: Option<i64>,
    after: Option<Ticket>,
) {
    if matches!(stanza.head.kind, Kind::Message(_)) && shard.carbons > 0 {
        let told: Vec<_> = shard.sessions.get(&origin.session).map(|_| origin.session).into_iter().collect();
        carbons::send(shard, stanza, &Copies { side: Side::Sent, account: own, told: &told, seq, after });
    }
}

/// Keeps a message that one of our people sends on a way without an outbox: their history, and their other devices'; and
/// tells their other sessions. Gives `None` if nothing of it is written.
pub(crate) fn keep(shard: &mut Shard, own: &Bare, to: &Bare, origin: Origin, stanza: &Stanza<'_>) -> Option<Ticket> {
    let kept = worth::class(stanza) == Class::Lasting && archive::keeps_with(shard, own, to);
    let copies = if kept { archive::copy(shard, own, to, true, false) } else { None };
    let posts = to_siblings(shard, own, Copied::Sent, None);
    if copies.is_none() && posts.is_empty() {
        tell_sessions(shard, own, origin, stanza, None, None);
        return None;
    }
    Some(write(shard, own, origin, stanza, copies.into_iter().collect(), posts))
}

/// A row for somebody, with the next number on the way to them.
fn post(shard: &mut Shard, own: &Bare, to: &Bare, device: Option<DeviceId>, copied: Copied) -> Option<NewPost> {
    let fresh = shard.random();
    let expires = Wall(shard.now.wall.0.saturating_add(OUTBOX_TIME_MAX.as_millis() as i64));
    let account = shard.accounts.get_mut(own)?;
    let counters =
        account.counters.get_or_insert_with(|| Box::new(Counters { incarnation: fresh, next: BTreeMap::new() }));
    let counter = counters.next.entry((to.clone(), device)).or_insert(1);
    let counter = std::mem::replace(counter, *counter + 1);
    let incarnation = counters.incarnation;
    let seq = account.take_seq();
    let row = account.row.as_ref()?;
    Some(NewPost {
        account: row.id,
        seq,
        to: to.clone(),
        device,
        incarnation,
        counter,
        copied: copied.to_bytes(),
        expires,
    })
}

/// How often it is looked for what has expired, while anything waits.
pub(crate) const EXPIRY_LOOK: Duration = Duration::from_secs(6 * 3600);

/// How many rows more an outbox of so many may have.
fn room(rows: u64) -> usize {
    OUTBOX_MAX.saturating_sub(rows) as usize
}

/// A row for each other device of an account, but for one that has it anyway, as far as there is room. The last half of the
/// outbox is for what the person says: others cannot fill it while a second laptop is off.
pub(crate) fn to_siblings(shard: &mut Shard, own: &Bare, copied: Copied, but: Option<DeviceId>) -> Vec<NewPost> {
    let Some(account) = shard.accounts.get(own) else { return Vec::new() };
    let room = account.row.as_ref().map_or(0, |row| room(row.outbox + OUTBOX_MAX / 2));
    let devices: Vec<_> = account.siblings.iter().copied().filter(|device| Some(*device) != but).take(room).collect();
    devices.into_iter().filter_map(|device| post(shard, own, own, Some(device), copied)).collect()
}

/// Rows of an account are being written: they are counted, and said to who is in reach when they are durable.
pub(crate) fn enqueue(
    shard: &mut Shard,
    own: &Bare,
    posts: &[NewPost],
    stanza: &Stanza<'_>,
    written: Wall,
    ticket: Ticket,
) {
    if posts.is_empty() {
        return;
    }
    for new in posts {
        let mut in_reach = shard.devices_of(&new.to);
        in_reach.retain(|device| new.device.is_none_or(|only| only == *device));
        if in_reach.is_empty() {
            continue;
        }
        let payload = shard.packing.pack(stanza, own, &new.to);
        for device in in_reach {
            let copied = Copied::read(&new.copied).unwrap_or_default();
            let (seq, incarnation, counter) = (new.seq, new.incarnation, new.counter);
            let post = Post { seq, incarnation, counter, written, copied, payload: payload.clone() };
            shard.file_post(own, device, post, ticket);
        }
    }
    shard.count_posts(own, posts.len() as i64);
    shard.after(ticket, After::Unpost(own.clone(), posts.len() as u64));
    shard.after(ticket, After::Say(own.clone()));
    shard.expire_at(shard.now.mono + EXPIRY_LOOK);
}

/// What the account has said on another of its devices: history here, and told to who listens.
pub(crate) fn take_sent_copy(shard: &mut Shard, own: &Bare, mut message: Stanza<'static>, written: Wall) {
    super::forgery::cut(&mut message, &shard.config.hosts);
    let (Kind::Message(_), Some(to)) = (message.head.kind, message.head.to.as_ref().map(Bare::of)) else { return };
    near::note_said(shard, &message);
    let kept = worth::class(&message) == Class::Lasting && archive::keeps_with(shard, own, &to);
    let copy = if kept { archive::copy(shard, own, &to, true, false) } else { None };
    let seq = copy.as_ref().map(|copy| copy.seq);
    if let Some(copy) = copy {
        let message = NewMessage {
            stanza: packing::content(&message).into(),
            origin: written,
            copies: vec![copy],
            posts: Vec::new(),
        };
        shard.write(Write::AddMessage(message));
    }
    let after = Some(shard.newest());
    carbons::send(shard, &message, &Copies { side: Side::Sent, account: own, told: &[], seq, after });
}

/// The time of a row has passed.
pub(crate) fn expire_or_park(shard: &mut Shard, own: &Bare, row: PostRow) {
    match shard.accounts.get(own) {
        Some(account) if account.row.is_some() && !account.is_loading() => expire(shard, own, &row),
        _ => shard.park(own, Parked::Expired(Box::new(row))),
    }
}

/// Nobody waits for a row any more. If it was a person's words, they hear so: the error waits for them like a message, and
/// is written together with the end of the row, so that it comes once whatever happens.
pub(crate) fn expire(shard: &mut Shard, own: &Bare, row: &PostRow) {
    let id = row.post.account;
    let (seqs, to) = (vec![row.post.seq], &row.post.to);
    let ticket = shard.write(Write::Arrived { account: id, seqs: seqs.clone() });
    shard.after(ticket, After::Expired(own.clone(), id, row.post.seq));
    shard.forget_posts(own, &seqs);
    let days = OUTBOX_TIME_MAX.as_secs() / (24 * 3600);
    let text = format!("It was not delivered: {to} did not come in reach for {days} days.");
    let words = Stanza::parse(&row.stanza).ok().filter(|stanza| matches!(stanza.head.kind, Kind::Message(_)));
    let error = StanzaError::new(Condition::RecipientUnavailable, text);
    let answer = words.filter(|_| row.post.device.is_none()).and_then(|stanza| error.answer_to(&stanza));
    let copy = if answer.is_some() { archive::copy(shard, own, to, false, true) } else { None };
    shard.count_posts(own, -1);
    if let (Some(answer), Some(copy)) = (answer, copy) {
        if let Some(row) = shard.accounts.get_mut(own).and_then(|account| account.row.as_mut()) {
            row.pending += 1;
        }
        shard.after(ticket, After::Unfile(own.clone(), copy.seq));
        let (stanza, origin) = (packing::content(&answer).into(), shard.now.wall);
        shard.write(Write::AddMessage(NewMessage { stanza, origin, copies: vec![copy], posts: Vec::new() }));
        offline::begin(shard, own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, expect: Worth) {
        assert_eq!(worth(&Stanza::parse(xml.as_bytes()).unwrap()), expect, "{xml}");
    }

    #[test]
    fn what_lasts_and_what_is_of_this_moment() {
        let message =
            |kind: &str, inner: &str| format!("<message xmlns='jabber:client' type='{kind}'>{inner}</message>");
        let body = "<body>hi</body>";
        for (kind, inner, expect) in [
            ("chat", body, Worth::Lasts),
            ("normal", body, Worth::Lasts),
            ("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", Worth::Lasts),
            ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", Worth::Lasts),
            ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", Worth::Fleets(None)),
            ("headline", body, Worth::Fleets(None)),
            ("error", body, Worth::Fleets(None)),
            ("groupchat", body, Worth::Fleets(Some(Condition::ServiceUnavailable))),
            (
                "chat",
                "<body>hi</body><no-store xmlns='urn:xmpp:hints'/>",
                Worth::Fleets(Some(Condition::RecipientUnavailable)),
            ),
        ] {
            check(&message(kind, inner), expect);
        }
        for kind in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
            check(&format!("<presence xmlns='jabber:client' type='{kind}'/>"), Worth::Lasts);
        }
        for kind in ["unavailable", "probe", "error"] {
            check(&format!("<presence xmlns='jabber:client' type='{kind}'/>"), Worth::Fleets(None));
        }
        for (kind, expect) in [
            ("get", Some(Condition::RecipientUnavailable)),
            ("set", Some(Condition::RecipientUnavailable)),
            ("result", None),
            ("error", None),
        ] {
            check(&format!("<iq xmlns='jabber:client' type='{kind}' id='1'/>"), Worth::Fleets(expect));
        }
    }

    #[test]
    fn an_outbox_has_room_for_so_many() {
        for (rows, expect) in [(OUTBOX_MAX - 1, 1), (OUTBOX_MAX, 0), (OUTBOX_MAX + 1, 0), (10 * OUTBOX_MAX, 0)] {
            assert_eq!(room(rows), expect, "{rows}");
        }
    }

    #[test]
    fn devices_are_read_from_their_records() {
        for (key, expect) in [
            ("0a".repeat(32), Some(DeviceId([10; 32]))),
            ("0A".repeat(32), Some(DeviceId([10; 32]))),
            ("0a".repeat(31), None),
            ("0a".repeat(33), None),
            ("xy".repeat(32), None),
            ("é".repeat(32), None),
        ] {
            assert_eq!(device_of(&key), expect, "{key}");
        }
    }
}
