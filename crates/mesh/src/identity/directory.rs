//! Design, section 3: the newest statements of people, by scope; forks are kept and shown; a known person's key never changes
//! in silence (attack case E07).
//!
//! Only what belongs to a [`Chain`] gets in, so every statement serves an address. What strangers fill is bounded; statements
//! of our own accounts and of people whose key is pinned are never pushed out by them (attack case E06).
//!
//! Whatever changes has to be written: [`Directory::take_writes`] goes into the next batch, before anything is said that
//! depends on it.

mod crowd;
mod group;
mod received;
mod vouches;

use std::collections::{BTreeMap, BTreeSet};

use base::ledger::{Batch, PinRow, StatementKey, StatementRow, Write};
use base::limits::PINS_MAX;
use base::{Bare, DeviceId, Wall};

use crate::genesis::GenesisHash;
use crate::hash;
use crate::words::{WORD_BITS, word};

use super::chain::{Chain, Proven};
use super::fact::{Fact, Hosting, Issuer, Kind, Revocation, Vouch};
use super::key::PersonId;
use super::stamp::{self, Stamp, Untimely};
use super::statement::{Claim, Statement};
use group::Group;
use received::Received;
use vouches::Vouches;

/// The kind of a row that has a genesis record.
const GENESIS: u8 = 0;

/// Words of a fingerprint.
const FINGERPRINT_WORDS: usize = 6;

/// Whose key an address has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The domain.
    pub genesis: GenesisHash,
    /// The person.
    pub person: PersonId,
}

impl Pin {
    /// What a chain proves of its address.
    pub fn of(proven: &Proven) -> Pin {
        Pin { genesis: proven.genesis, person: PersonId::of(&proven.person) }
    }

    /// The key in six words that two people can compare by voice: 72 bits, so that nobody finds another key with the same
    /// ones.
    pub fn fingerprint(&self) -> String {
        let hash = hash::tagged(hash::FINGERPRINT, &[self.genesis.as_bytes(), &self.person.0[..]].concat());
        let bits = hash.iter().take(FINGERPRINT_WORDS * WORD_BITS / 8).flat_map(|byte| [byte >> 4, byte & 15]);
        let nibbles: Vec<u16> = bits.map(u16::from).collect();
        let found: Vec<&str> = nibbles.chunks(3).map(|n| word(n[0] << 8 | n[1] << 4 | n[2])).collect();
        found.join("-")
    }
}

/// A chain proves another key for an address than the one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The address.
    pub address: Bare,
    /// What is known.
    pub known: Pin,
    /// What was shown.
    pub shown: Pin,
}

/// Why somebody who proved something is not accepted as the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A link of the chain does not hold now.
    #[error("the {kind} does not hold: {why}")]
    Untimely {
        /// Which link.
        kind: Kind,
        /// On which side of its time we are.
        why: Untimely,
    },
    /// A link of the chain was taken back.
    #[error("the {0} was taken back")]
    Revoked(Kind),
    /// The address is known with another key. Never accepted silently: the person says [`Directory::repin`], or not.
    #[error("{} is known with another key", .0.address)]
    KeyChanged(Box<KeyChange>),
    /// The authority gave the name to somebody else since.
    #[error("the authority has given the name to somebody else since")]
    Superseded,
    /// The authority gave the name to two people at once.
    #[error("the authority has given the name to two people at once")]
    Forked,
    /// There are as many pinned keys as there may be.
    #[error("{PINS_MAX} keys are remembered, and no more can be")]
    Full,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is the first of its scope.
    New,
    /// It takes the place of an older one.
    Newer,
    /// It is one of ours, and newer than what we know: this identity was restored from a backup, or is in use elsewhere too
    /// (attack cases B22 and B23). Sequences go on behind it.
    OwnAhead,
    /// It is there already.
    Same,
    /// A newer one is there (attack case F02).
    Older,
    /// It contradicts another one with the same sequence: both are kept and shown.
    Fork,
    /// It is from beyond the time that a clock can be believed (attack cases B26 and F03).
    TooFarAhead,
    /// The address has as many statements as it may.
    Full,
}

/// The statements that a node holds.
#[derive(Debug, Default)]
pub struct Directory {
    /// By whom they serve: people, and domains.
    groups: BTreeMap<Bare, Group>,
    pins: BTreeMap<Bare, Pin>,
    own: BTreeMap<Bare, Pin>,
    /// What our own accounts say of others. It is shown to nobody.
    vouches: Vouches,
    /// What others say of our own accounts. It is shown to those who know who said it.
    received: Received,
    /// Keys that took themselves back.
    dead: BTreeSet<[u8; 32]>,
    writes: Batch,
}

impl Directory {
    /// An empty one.
    pub fn new() -> Directory {
        Directory::default()
    }

    /// Takes in statements that were written once; they were verified then.
    pub fn load_statements(&mut self, rows: Vec<StatementRow>) {
        for row in rows {
            if is_death(&row.key) {
                self.dead.insert(row.key.issuer);
            }
            self.groups.entry(row.key.address.clone()).or_default().load(row);
        }
    }

    /// Takes in pins that were written once.
    pub fn load_pins(&mut self, rows: Vec<PinRow>) {
        self.pins.extend(rows.into_iter().map(|row| {
            let (genesis, person) = (GenesisHash::from_bytes(row.genesis), PersonId(row.person));
            (row.address, Pin { genesis, person })
        }));
    }

    /// An account of this node: its key is pinned by being ours, and its statements are never pushed out.
    pub fn add_own(&mut self, address: Bare, pin: Pin) {
        if let Some(group) = self.groups.get_mut(&address) {
            for row in group.take_vouches(&pin.person, &subject(&address, &pin)) {
                match row.key.issuer == pin.person.0 {
                    true => self.vouches.load(row),
                    false => self.received.load(&row),
                }
            }
        }
        self.own.insert(address, pin);
    }

    /// An account was removed: its device here is no place any more where the person lives.
    pub fn remove_own(&mut self, address: &Bare, device: DeviceId) {
        self.own.remove(address);
        if let Some(group) = self.groups.get_mut(address) {
            group.remove_hosting(&Hosting::subject(&device.0), &mut self.writes);
        }
    }

    /// The people of a domain who are known to have a device: their membership and a hosting are on file.
    pub fn residents(&self, domain: &str) -> impl Iterator<Item = &Bare> {
        let of_domain = move |address: &Bare| address.jid().local().is_some() && address.jid().domain() == domain;
        let has = |group: &Group, kind: Kind| group.rows().iter().any(|row| row.key.kind == kind.number());
        let people = self.groups.iter().filter(move |(address, _)| of_domain(address));
        people.filter(move |(_, group)| has(group, Kind::MEMBERSHIP) && has(group, Kind::HOSTING)).map(|(a, _)| a)
    }

    /// The changes since the last call, in order.
    pub fn take_writes(&mut self) -> Batch {
        std::mem::take(&mut self.writes)
    }

    /// The people whose key is remembered, and our own.
    pub fn known_people(&self) -> BTreeSet<PersonId> {
        self.pins.values().chain(self.own.values()).map(|pin| pin.person).collect()
    }

    /// Whose key an address has, if it is ours or was pinned.
    pub fn pinned(&self, address: &Bare) -> Option<Pin> {
        self.own.get(address).or_else(|| self.pins.get(address)).copied()
    }

    /// Remembers the key of an address that somebody here cares for: a contact, somebody written to. Does nothing if it is
    /// remembered already.
    ///
    /// # Errors
    /// [`Refusal::KeyChanged`] if another one is, [`Refusal::Full`] beyond [`PINS_MAX`].
    pub fn pin(&mut self, proven: &Proven) -> Result<(), Refusal> {
        self.check_pin(proven)?;
        if self.pinned(&proven.address).is_none() {
            if self.pins.len() >= PINS_MAX {
                return Err(Refusal::Full);
            }
            self.put_pin(proven);
        }
        Ok(())
    }

    /// The person has said in words that the new key is right: it takes the place of the known one. The key of an own account
    /// is not changed so.
    /// Says whether it was done.
    pub fn repin(&mut self, proven: &Proven) -> bool {
        let may = self.pins.contains_key(&proven.address) && !self.own.contains_key(&proven.address);
        if may {
            self.put_pin(proven);
        }
        may
    }

    /// Nobody here cares for the address any more.
    pub fn unpin(&mut self, address: &Bare) {
        if self.pins.remove(address).is_some() {
            self.writes.push(Write::RemovePin(address.clone()));
        }
    }

    /// Files what one of our accounts has just said of somebody: it has met them.
    ///
    /// # Errors
    /// [`Refusal::Full`] beyond [`VOUCHES_MAX`](base::limits::VOUCHES_MAX).
    pub(crate) fn add_vouch(&mut self, now: Wall, own: &Bare, vouch: &Statement) -> Result<(), Refusal> {
        self.vouches.add(now, own, vouch, &mut self.writes)
    }

    /// An account was removed for good: nobody needs to know whom its person has met.
    pub fn forget_vouches(&mut self, own: &Bare) {
        self.vouches.remove_all(own, &mut self.writes);
        self.received.remove_all(own, &mut self.writes);
    }

    /// Keeps what somebody says of an account of ours, if it is about that account and newer than what is kept of them.
    /// Says whether it was.
    pub(crate) fn add_received(&mut self, now: Wall, own: &Bare, vouch: &Statement) -> bool {
        let Some(pin) = self.own.get(own) else { return false };
        let is_of = |said: &Vouch| PersonId::of(&said.person) == pin.person && vouch.subject() == subject(own, pin);
        matches!(vouch.fact(), Fact::Vouch(said) if is_of(said))
            && vouch.stamp().check(now).is_ok()
            && self.received.add(now, own, vouch, &mut self.writes)
    }

    /// What others say of an account of ours and holds, the newest first.
    pub(crate) fn received(&self, now: Wall, own: &Bare) -> Vec<Statement> {
        self.received.of(own, now)
    }

    /// Drops what others said of our own accounts and is over.
    pub(crate) fn tidy_received(&mut self, now: Wall) {
        self.received.tidy(now, &mut self.writes);
    }

    /// Whether what the person at this address has said holds: it is not over, and was not taken back, nor was their key.
    pub(crate) fn holds(&self, now: Wall, by: &Bare, said: &Statement) -> bool {
        let (issuer, kind, target) = (said.issuer().as_bytes(), said.fact().kind(), said.subject());
        let revocation = Revocation::subject(Some((kind, target)));
        let revoked = self.groups.get(by).and_then(|group| group.sequence(issuer, Kind::REVOCATION, &revocation));
        let is_revoked = revoked.is_some_and(|at| at <= stamp::ceiling(now) && at >= said.stamp().sequence);
        said.stamp().check(now).is_ok() && !is_revoked && !self.dead.contains(issuer)
    }

    /// The people of the own domain of an account, as far as their keys are known: its root key says who they are.
    pub(crate) fn household(&self, own: &Bare) -> impl Iterator<Item = (&Bare, &Pin)> {
        let is_of = move |address: &Bare| address != own && address.jid().domain() == own.jid().domain();
        self.pins.iter().chain(&self.own).filter(move |(address, _)| is_of(address))
    }

    /// An account of ours takes back what it said of an address. Says whether it had said anything.
    pub fn remove_vouch(&mut self, own: &Bare, other: &Bare) -> bool {
        let Some(pin) = self.pinned(other) else { return false };
        self.vouches.remove(own, &subject(other, &pin), &mut self.writes)
    }

    /// Whether an account of ours has met whoever has this key at this address, and that still holds. A person with another
    /// key is another one.
    pub fn vouches(&self, now: Wall, own: &Bare, other: &Bare, key: &Pin) -> bool {
        let Some(by) = self.own.get(own).map(|pin| pin.person) else { return false };
        self.vouches.of(own).get(&subject(other, key)).is_some_and(|held| held.counts(now, by, key.person))
    }

    /// The last sequence of what an account of ours says of somebody.
    pub(crate) fn last_vouch(&self, own: &Bare, subject: &[u8]) -> Option<u64> {
        self.vouches.of(own).get(subject).map(|held| held.stamp().sequence)
    }

    /// What an account of ours says of others and has to say again, while it holds.
    pub(crate) fn due_vouches(&self, now: Wall, own: &Bare) -> Vec<Vouch> {
        let Some(by) = self.own.get(own).map(|pin| pin.person) else { return Vec::new() };
        let due = self.vouches.of(own).values().filter(|held| held.is_due(now, by));
        due.filter_map(|held| held.vouch()).collect()
    }

    /// Whom each of our accounts has met, by the keys that are known now. Walks over all that are known.
    pub fn vouched(&self, now: Wall) -> BTreeSet<(Bare, Bare)> {
        if self.vouches.is_empty() {
            return BTreeSet::new();
        }
        let known: BTreeMap<Vec<u8>, (&Bare, &Pin)> =
            self.pins.iter().chain(&self.own).map(|(address, pin)| (subject(address, pin), (address, pin))).collect();
        let said = self.own.iter().flat_map(|(own, pin)| self.vouches.of(own).iter().map(move |of| (own, pin, of)));
        said.filter_map(|(own, by, (subject, held))| {
            let (other, pin) = known.get(subject)?;
            held.counts(now, by.person, pin.person).then(|| (own.clone(), (*other).clone()))
        })
        .collect()
    }

    fn put_pin(&mut self, proven: &Proven) {
        let (address, pin) = (proven.address.clone(), Pin::of(proven));
        self.pins.insert(address.clone(), pin);
        self.writes.push(Write::PutPin(PinRow { address, genesis: *pin.genesis.as_bytes(), person: pin.person.0 }));
    }

    fn check_pin(&self, proven: &Proven) -> Result<(), Refusal> {
        let shown = Pin::of(proven);
        match self.pinned(&proven.address) {
            Some(known) if known != shown => {
                Err(Refusal::KeyChanged(Box::new(KeyChange { address: proven.address.clone(), known, shown })))
            }
            _ => Ok(()),
        }
    }

    /// Whether a chain is accepted now: it holds, nothing of it was taken back, the address is not known with another key,
    /// and the authority has not said otherwise since.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, now: Wall, chain: &Chain) -> Result<(), Refusal> {
        let proven = chain.check(now).map_err(|(kind, why)| Refusal::Untimely { kind, why })?;
        let root = chain.genesis().root().as_bytes();
        let revoked = |link: &&Statement| {
            let (by, kind, subject) = (link.issuer().as_bytes(), link.fact().kind(), link.subject());
            self.is_revoked(now, proven, [by, root], kind, subject, link.stamp().sequence)
        };
        if let Some(link) = chain.links().iter().find(revoked) {
            return Err(Refusal::Revoked(link.fact().kind()));
        }
        self.check_pin(proven)?;
        if self.pinned(&proven.address).is_some() { Ok(()) } else { self.check_authority(now, chain) }
    }

    /// Whether one of these keys took back what the first of them said.
    fn is_revoked(
        &self,
        now: Wall,
        of: &Proven,
        by: [&[u8; 32]; 2],
        kind: Kind,
        subject: &[u8],
        sequence: u64,
    ) -> bool {
        let target = Revocation::subject(Some((kind, subject)));
        let places = [Some(of.address.clone()), domain_of(&of.address)];
        let groups = || places.iter().flatten().filter_map(|place| self.groups.get(place));
        let latest = |key| groups().filter_map(|group| group.sequence(key, Kind::REVOCATION, &target)).max();
        let believed = |revoked: u64| revoked <= stamp::ceiling(now) && revoked >= sequence;
        self.dead.contains(by[0]) || by.into_iter().any(|key| latest(key).is_some_and(believed))
    }

    /// Whether the authority said of the same name something else, later or at once. Sequences of its different keys are
    /// compared too: all of them follow the calendar.
    fn check_authority(&self, now: Wall, chain: &Chain) -> Result<(), Refusal> {
        let (proven, membership) = (chain.proven(), chain.membership());
        let Some(group) = self.groups.get(&proven.address) else { return Ok(()) };
        let (mine, root) = (membership.stamp().sequence, chain.genesis().root().as_bytes());
        for row in group.of(Kind::MEMBERSHIP, membership.subject()) {
            let sequence = row.sequence.cast_unsigned();
            if sequence < mine || sequence > stamp::ceiling(now) || !names_another(row, proven) {
                continue;
            }
            let by = &row.key.issuer;
            let issuer = Issuer::subject(&proven.genesis, by);
            if self.is_revoked(now, proven, [by, root], Kind::MEMBERSHIP, membership.subject(), sequence)
                || self.is_revoked(now, proven, [root, root], Kind::ISSUER, &issuer, 0)
            {
                continue;
            }
            return Err(if sequence > mine { Refusal::Superseded } else { Refusal::Forked });
        }
        Ok(())
    }

    /// Keeps what a chain brings, if it is accepted. Of one that is not, only what its authority took back is kept, and the
    /// contradiction: a membership that forks. What each statement became stands in the order of [`Chain::statements`].
    ///
    /// # Errors
    /// Why the chain is not accepted.
    pub fn learn(&mut self, now: Wall, chain: &Chain) -> Result<Vec<Noted>, Refusal> {
        let root = chain.genesis().root();
        let taken_back = |s: &Statement| s.issuer() == root && matches!(s.fact(), Fact::Revocation(_));
        // First, for it may void what stands against the chain, or the chain.
        let first = |s| if taken_back(s) { Some(self.add(now, chain, s)) } else { None };
        let first: Vec<Option<Noted>> = chain.statements().iter().map(first).collect();
        let judged = self.judge(now, chain);
        let noted = match judged {
            Ok(()) => self.keep(now, chain, first),
            Err(_) => {
                if self.is_fork(chain) {
                    self.add(now, chain, chain.membership());
                }
                Vec::new()
            }
        };
        self.make_room();
        // It may have brought its own end.
        judged.and_then(|()| self.judge(now, chain)).map(|()| noted)
    }

    fn keep(&mut self, now: Wall, chain: &Chain, first: Vec<Option<Noted>>) -> Vec<Noted> {
        if let Some(domain) = domain_of(&chain.proven().address) {
            let (issuer, subject) = (*chain.genesis().root().as_bytes(), chain.proven().genesis.as_bytes().to_vec());
            let key = StatementKey { address: domain, issuer, kind: GENESIS, subject, fork: false };
            self.put(now, key, 0, &chain.genesis().encode().into(), &[issuer]);
        }
        let statements = chain.statements().iter().zip(first);
        statements.map(|(s, noted)| noted.unwrap_or_else(|| self.add(now, chain, s))).collect()
    }

    fn is_fork(&self, chain: &Chain) -> bool {
        let membership = chain.membership();
        let group = self.groups.get(&chain.proven().address);
        let held =
            group.and_then(|g| g.sequence(membership.issuer().as_bytes(), Kind::MEMBERSHIP, membership.subject()));
        held == Some(membership.stamp().sequence)
    }

    fn add(&mut self, now: Wall, chain: &Chain, statement: &Statement) -> Noted {
        let Stamp { sequence, .. } = statement.stamp();
        let person = &chain.proven().address;
        if sequence > stamp::ceiling(now) {
            return Noted::TooFarAhead;
        }
        let of_domain = match statement.fact() {
            Fact::Issuer(_) => true,
            Fact::Revocation(revocation) => revocation.kind() == Some(Kind::ISSUER),
            _ => false,
        };
        let key = StatementKey {
            address: if of_domain { domain_of(person).unwrap_or_else(|| person.clone()) } else { person.clone() },
            issuer: *statement.issuer().as_bytes(),
            kind: statement.fact().kind().number(),
            subject: statement.subject().to_vec(),
            fork: false,
        };
        if is_death(&key) {
            self.dead.insert(key.issuer);
        }
        let authority = [*chain.genesis().root().as_bytes(), *chain.membership().issuer().as_bytes()];
        let noted = self.put(now, key, sequence, statement.bytes(), &authority);
        if noted == Noted::Newer && self.own.contains_key(person) { Noted::OwnAhead } else { noted }
    }

    fn put(
        &mut self,
        now: Wall,
        key: StatementKey,
        sequence: u64,
        bytes: &std::sync::Arc<[u8]>,
        authority: &[[u8; 32]],
    ) -> Noted {
        let group = self.groups.entry(key.address.clone()).or_default();
        let row = StatementRow { key, sequence: sequence.cast_signed(), seen: now, bytes: bytes.clone() };
        group.put(row, stamp::ceiling(now), authority, &mut self.writes)
    }

    /// Says something of our own: files a statement that one of our keys has just signed for an own address.
    pub fn add_own_statement(&mut self, now: Wall, chain: &Chain, statement: &Statement) -> Noted {
        match self.add(now, chain, statement) {
            Noted::OwnAhead => Noted::Newer,
            noted => noted,
        }
    }

    /// The last sequence of a scope that is known: the next statement in it needs a higher one ([`Stamp::next`]). What took
    /// the scope back counts too.
    pub fn last_sequence(&self, address: &Bare, issuer: &[u8; 32], kind: Kind, subject: &[u8]) -> Option<u64> {
        let revocation = Revocation::subject(Some((kind, subject)));
        let places = [Some(address.clone()), domain_of(address)];
        let groups = places.iter().flatten().filter_map(|place| self.groups.get(place));
        groups
            .flat_map(|group| {
                [group.sequence(issuer, kind, subject), group.sequence(issuer, Kind::REVOCATION, &revocation)]
            })
            .flatten()
            .max()
    }

    /// All statements that are held of an address, as rows.
    pub fn statements(&self, address: &Bare) -> &[StatementRow] {
        self.groups.get(address).map_or(&[], Group::rows)
    }

    /// Contradictions: pairs of statements with one scope and one sequence, with the address that they serve.
    pub fn forks(&self) -> impl Iterator<Item = (&Bare, [&StatementRow; 2])> {
        self.groups.iter().flat_map(|(address, group)| group.forks().map(move |pair| (address, pair)))
    }

    fn make_room(&mut self) {
        if !crowd::is_too_large(&self.groups) {
            return;
        }
        let kept: BTreeSet<&Bare> = self.own.keys().chain(self.pins.keys()).collect();
        for address in crowd::to_evict(&self.groups, &kept) {
            let Some(group) = self.groups.remove(&address) else { continue };
            for key in group.into_keys() {
                if is_death(&key) {
                    self.dead.remove(&key.issuer);
                }
                self.writes.push(Write::RemoveStatement(key));
            }
        }
    }
}

/// Whether the statement there is a key's revocation of itself.
fn is_death(key: &StatementKey) -> bool {
    key.kind == Kind::REVOCATION.number() && key.subject == Revocation::subject(None)
}

/// The domain of an address, as an address.
fn domain_of(address: &Bare) -> Option<Bare> {
    Bare::new(address.jid().domain()).ok()
}

/// Whether a membership that was verified once gives its name to somebody else than a chain does.
fn names_another(row: &StatementRow, proven: &Proven) -> bool {
    let claim = Claim::read(&row.bytes).ok();
    claim.is_some_and(|claim| match claim.statement().fact() {
        Fact::Membership(membership) => membership.person != proven.person,
        _ => false,
    })
}

/// What a vouch for an address with this key is about.
fn subject(address: &Bare, key: &Pin) -> Vec<u8> {
    Vouch::subject(&key.genesis, address.jid().local().unwrap_or_default())
}
