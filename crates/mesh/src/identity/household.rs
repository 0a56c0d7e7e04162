//! Design, section 3: what proves that an account of this node is its address: by the domain's root key where the node holds
//! it, else by the membership that came from where the root key is.

use base::limits::GIVEN_VOUCH_TIME_MAX;
use base::{Bare, Wall};

use crate::genesis::Genesis;
use crate::keys::RootKey;

use super::chain::{Chain, ChainError, Proven};
use super::directory::{Directory, Refusal};
use super::fact::{Fact, Hosting, Kind, Membership, Vouch};
use super::introduction::Own;
use super::key::{DeviceKey, MaySign, PersonKey};
use super::stamp::{self, Stamp};
use super::statement::{SignError, Statement};

const WEEK_SECONDS: u64 = 7 * 24 * 3600;

/// Why there is no chain to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertifyError {
    /// What should be said cannot be.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The root key, or whoever signed the membership, is not the domain's; or the membership is somebody else's.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What says that the person has the name.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// The domain's root key is here, and says it again in time.
    Root(&'a RootKey),
    /// It is elsewhere, and said this once. What it says later comes by link, from a device of the person that is where
    /// the key is.
    Said(&'a Statement),
}

/// The keys of an account on this node, and of its domain.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The domain.
    pub genesis: &'a Genesis,
    /// Who gave the name.
    pub authority: Authority<'a>,
    /// The person.
    pub person: &'a PersonKey,
    /// The account on this node.
    pub device: &'a DeviceKey,
}

/// The chain to an account: what is on file of it as long as half of its time is not over, else said anew with a higher
/// sequence. The directory holds it afterwards.
///
/// # Errors
/// If the name is none, or a key is not the right one.
pub fn certify(directory: &mut Directory, now: Wall, address: &Bare, keys: Keys<'_>) -> Result<Chain, CertifyError> {
    let membership = match keys.authority {
        Authority::Root(root) => {
            let domain = keys.genesis.hash();
            let name = address.jid().local().unwrap_or_default().to_owned();
            let person = keys.person.public();
            let membership = Membership { domain, name, person, role: None, group: None, policy: None };
            renewed(directory, now, address, root, membership)?
        }
        Authority::Said(said) => newest(directory, now, address, said),
    };
    let hosting = Hosting { device: keys.device.public() };
    let hosting = renewed(directory, now, address, keys.person, hosting)?;
    let said = [membership, hosting];
    let chain = Chain::new(keys.genesis.clone(), said.to_vec())?;
    for statement in &said {
        directory.add_own_statement(now, &chain, statement);
    }
    Ok(chain)
}

/// The newest of what the authority said of this person in this name: what came once, or what came later and is on file.
fn newest(directory: &Directory, now: Wall, address: &Bare, said: &Statement) -> Statement {
    let rows = directory.statements(address).iter().filter(|row| {
        row.key.issuer == *said.issuer().as_bytes()
            && row.key.kind == Kind::MEMBERSHIP.number()
            && row.key.subject == said.subject()
            && !row.key.fork
    });
    let person = |statement: &Statement| match statement.fact() {
        Fact::Membership(membership) => Some(membership.person),
        _ => None,
    };
    let later = |statement: &Statement| {
        let sequence = statement.stamp().sequence;
        person(statement) == person(said) && sequence > said.stamp().sequence && sequence <= stamp::ceiling(now)
    };
    rows.filter_map(|row| Statement::read(&row.bytes).ok()).find(later).unwrap_or_else(|| said.clone())
}

/// The statement of this key that holds, or a new one with a sequence behind the last one.
fn renewed<F: Into<Fact> + Clone, K: MaySign<F>>(
    directory: &Directory,
    now: Wall,
    address: &Bare,
    key: &K,
    said: F,
) -> Result<Statement, SignError> {
    let (fact, issuer): (Fact, _) = (said.clone().into(), key.public_key());
    let (kind, subject) = (fact.kind(), fact.subject());
    let fits = |statement: &Statement| *statement.fact() == fact && !statement.stamp().is_due(now);
    let rows = directory.statements(address).iter().filter(|row| {
        row.key.issuer == *issuer.as_bytes()
            && row.key.kind == kind.number()
            && row.key.subject == subject
            && !row.key.fork
    });
    let on_file = rows.filter_map(|row| Statement::read(&row.bytes).ok()).find(fits);
    match (on_file, directory.last_sequence(address, issuer.as_bytes(), kind, &subject)) {
        // Nothing that took it back has come since.
        (Some(held), Some(last)) if last == held.stamp().sequence => Ok(held),
        (_, last) => Statement::sign(key, said, Stamp::next(last, now, None)),
    }
}

/// Why an account does not vouch for somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VouchError {
    /// The person's key is not here, or does not sign.
    #[error("the person's key cannot vouch here")]
    Key,
    /// It cannot be kept, or is of somebody else than who is known by that address.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The person of an account of ours has met somebody: says so, remembers their key, and keeps both. The newest one counts.
///
/// # Errors
/// Why not.
pub fn vouch(directory: &mut Directory, now: Wall, own: &Own, met: &Proven) -> Result<(), VouchError> {
    let person = own.person().ok_or(VouchError::Key)?;
    let name = met.address.jid().local().unwrap_or_default().to_owned();
    let said = Vouch { domain: met.genesis, name, person: met.person };
    let address = &own.chain().proven().address;
    let statement = sign_vouch(directory, now, address, person, said).map_err(|_| VouchError::Key)?;
    directory.pin(met)?;
    Ok(directory.add_vouch(now, address, &statement)?)
}

/// What an account of ours says of somebody whom its person has met, for them to keep and to show. Of this week, not of this
/// moment: it tells their friends that the two have met, and need not tell when.
pub(crate) fn give(now: Wall, own: &Own, met: &Proven) -> Option<Statement> {
    let name = met.address.jid().local().unwrap_or_default().to_owned();
    let said = Vouch { domain: met.genesis, name, person: met.person };
    let seconds = stamp::seconds(now);
    let from = seconds - seconds % WEEK_SECONDS;
    let stamp = Stamp { sequence: from, from, until: Some(from + GIVEN_VOUCH_TIME_MAX.as_secs()) };
    Statement::sign(own.person()?, said, stamp).ok()
}

/// Says again, in time, what an account of ours says of others. What is over was not said again for a year: it stays over.
pub fn renew_vouches(directory: &mut Directory, now: Wall, own: &Own) {
    let Some(person) = own.person() else { return };
    let address = &own.chain().proven().address;
    for said in directory.due_vouches(now, address) {
        if let Ok(statement) = sign_vouch(directory, now, address, person, said) {
            // It takes the place of the one before: there is room.
            let _ = directory.add_vouch(now, address, &statement);
        }
    }
}

fn sign_vouch(
    directory: &Directory,
    now: Wall,
    own: &Bare,
    person: &PersonKey,
    said: Vouch,
) -> Result<Statement, SignError> {
    let subject = Vouch::subject(&said.domain, &said.name);
    let last = directory.last_vouch(own, &subject);
    Statement::sign(person, said, Stamp::next(last, now, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Pin;
    use crate::{Draft, Search};

    fn domain(root: &RootKey) -> Genesis {
        let next = RootKey::from_seed(&[9; 32]).public().commitment();
        let mut search = Search::new(Draft { label: None, root: root.public(), next }, [7; 16]).unwrap();
        loop {
            if let Some(genesis) = search.step(1 << 20) {
                return genesis;
            }
        }
    }

    #[test]
    fn a_chain_is_kept_until_half_its_time_is_over() {
        let root = RootKey::from_seed(&[1; 32]);
        let genesis = domain(&root);
        let (person, device) = (PersonKey::from_seed(&[2; 32]), DeviceKey::from_seed(&[3; 32]));
        let keys = Keys { genesis: &genesis, authority: Authority::Root(&root), person: &person, device: &device };
        let address = Bare::new(&format!("lisa@{}", genesis.name())).unwrap();
        let mut directory = Directory::new();
        let day = 24 * 3600 * 1000;
        let at = |days: i64| Wall(1_795_132_800_000 + days * day);
        let mut certified = |days| certify(&mut directory, at(days), &address, keys).unwrap();

        let first = certified(0);
        assert_eq!(first.check(at(0)).unwrap().address, address);
        assert_eq!(certified(80), first, "half of the hosting's six months is not over");
        let second = certified(100);
        assert_eq!(second.links()[0], first.links()[0], "the membership holds for thirteen months");
        assert!(second.links()[1].stamp().sequence > first.links()[1].stamp().sequence);
        assert_eq!(certified(99), second, "a clock that is a day behind changes nothing");
        // B26: one that is wrong by months says things for its own time, and once it is right again, sequences are beyond all.
        assert!(certified(-10).check(at(-10)).is_ok());
        let third = certified(101);
        assert!(third.links()[1].stamp().sequence > second.links()[1].stamp().sequence);
    }

    #[test]
    fn another_root_key_certifies_nobody() {
        let root = RootKey::from_seed(&[1; 32]);
        let genesis = domain(&root);
        let (person, device) = (PersonKey::from_seed(&[2; 32]), DeviceKey::from_seed(&[3; 32]));
        let other = RootKey::from_seed(&[4; 32]);
        let keys = Keys { genesis: &genesis, authority: Authority::Root(&other), person: &person, device: &device };
        let address = Bare::new(&format!("lisa@{}", genesis.name())).unwrap();
        let refused = certify(&mut Directory::new(), Wall(1_795_132_800_000), &address, keys);
        assert!(matches!(refused, Err(CertifyError::Chain(ChainError::Signer(Kind::MEMBERSHIP)))), "{refused:?}");
    }

    /// The person's other laptop, which has no root key: the renewal comes with the first one's introduction.
    #[test]
    fn a_second_device_is_certified_by_the_person_and_renewed_by_link() {
        let root = RootKey::from_seed(&[1; 32]);
        let genesis = domain(&root);
        let person = PersonKey::from_seed(&[2; 32]);
        let devices = [DeviceKey::from_seed(&[3; 32]), DeviceKey::from_seed(&[4; 32])];
        let address = Bare::new(&format!("lisa@{}", genesis.name())).unwrap();
        let at = |days: i64| Wall(1_795_132_800_000 + days * 24 * 3600 * 1000);
        let certified = |directory: &mut Directory, days, authority, device: usize| {
            let keys = Keys { genesis: &genesis, authority, person: &person, device: &devices[device] };
            certify(directory, at(days), &address, keys)
        };
        let (mut first, mut second) = (Directory::new(), Directory::new());
        let chain = certified(&mut first, 0, Authority::Root(&root), 0).unwrap();
        let said = chain.membership().clone();

        let sibling = certified(&mut second, 0, Authority::Said(&said), 1).unwrap();
        assert_eq!(sibling.check(at(0)).unwrap().address, address);
        assert_ne!(sibling.proven().device, chain.proven().device);
        assert_eq!(first.judge(at(0), &sibling), Ok(()));
        second.add_own(address.clone(), Pin::of(sibling.proven()));

        let renewed = certified(&mut first, 250, Authority::Root(&root), 0).unwrap();
        assert!(renewed.membership().stamp().sequence > said.stamp().sequence);
        let before = certified(&mut second, 250, Authority::Said(&said), 1).unwrap();
        assert_eq!(before.membership(), &said, "it has not met the first one yet");
        second.learn(at(250), &renewed).unwrap();
        let after = certified(&mut second, 250, Authority::Said(&said), 1).unwrap();
        assert_eq!(after.membership(), renewed.membership());

        // A membership of somebody else is not turned into this person's.
        let other = PersonKey::from_seed(&[5; 32]);
        let keys = Keys { genesis: &genesis, authority: Authority::Said(&said), person: &other, device: &devices[1] };
        let refused = certify(&mut Directory::new(), at(0), &address, keys);
        assert!(matches!(refused, Err(CertifyError::Chain(ChainError::Signer(Kind::HOSTING)))), "{refused:?}");
    }
}
