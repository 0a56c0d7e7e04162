//! The directory: which word holds (attack cases B22, B23, B24, B26, E06, E07, F02, F03).

use base::Wall;
use base::ledger::{StatementKey, StatementRow, Write};
use mesh::identity::{
    Chain, Directory, Hosting, Issuer, IssuerKey, KeyChange, Kind, Noted, Pin, Refusal, Revocation, Sealing,
    SealingKey, Stamp, Statement, Vouch, stamp,
};

use crate::world::{DAY, Home, IN_2099, NOW, days, device, hosting, person, proven, sign, sign_as};

const TODAY: u64 = 1_795_168_380;

/// A chain whose membership has this sequence.
fn at(home: &Home, name: &str, seed: u8, sequence: u64) -> Chain {
    let (owner, laptop) = (person(seed), device(seed + 100));
    let member = sign_as(&home.root, home.member(name, &owner), sequence);
    home.join(vec![member, hosting(&owner, &laptop, NOW)])
}

/// The same directory after a restart: from what was written.
fn restarted(writes: &[Write]) -> Directory {
    let (mut statements, mut pins) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for write in writes {
        match write.clone() {
            Write::PutStatement(row) => drop(statements.insert(row.key.clone(), row)),
            Write::RemoveStatement(key) => drop(statements.remove(&key)),
            Write::PutPin(pin) => drop(pins.insert(pin.address.clone(), pin)),
            Write::RemovePin(address) => drop(pins.remove(&address)),
            other => panic!("{other:?}"),
        }
    }
    let mut directory = Directory::new();
    directory.load_statements(statements.into_values().collect());
    directory.load_pins(pins.into_values().collect());
    directory
}

/// F02: the higher sequence wins, in whatever order they come.
#[test]
fn f02_the_higher_sequence_wins() {
    let home = Home::new();
    let with_role = |sequence, role| {
        let member = mesh::identity::Membership { role: Some(role), ..home.member("maria", &person(10)) };
        home.join(vec![sign_as(&home.root, member, sequence), hosting(&person(10), &device(20), NOW)])
    };
    let mut directory = Directory::new();
    for (sequence, role, expect) in [
        (TODAY, 1, Noted::New),
        (TODAY, 1, Noted::Same),
        (TODAY - 1, 2, Noted::Older),
        (TODAY + 5, 3, Noted::Newer),
        (TODAY, 1, Noted::Older),
        (TODAY + 5, 3, Noted::Same),
        (TODAY + 5, 4, Noted::Fork),
        (TODAY + 5, 4, Noted::Same),
        (TODAY + 5, 5, Noted::Fork),
        (TODAY + 6, 6, Noted::Newer),
    ] {
        let chain = with_role(sequence, role);
        assert_eq!(directory.learn(NOW, &chain).unwrap()[0], expect, "{sequence} {role}");
        let held: Vec<_> = directory.statements(&home.address("maria")).iter().filter(|r| r.key.kind == 2).collect();
        assert!(held.len() <= 2, "two are proof enough");
        assert_eq!(directory.forks().count(), held.len() - 1);
    }
    assert_eq!(directory.forks().count(), 0, "a newer word ends a fork");
}

/// Two words with one sequence: both are kept and shown, and neither is believed of somebody who was not known.
#[test]
fn f02_a_fork_is_kept_and_shown() {
    let home = Home::new();
    let (maria, eve) = (at(&home, "maria", 10, TODAY), at(&home, "maria", 66, TODAY));
    let mut directory = Directory::new();
    directory.learn(NOW, &maria).unwrap();
    assert_eq!(directory.learn(NOW, &eve), Err(Refusal::Forked));
    assert_eq!(directory.judge(NOW, &maria), Err(Refusal::Forked));
    let writes = directory.take_writes();
    for directory in [&directory, &restarted(&writes)] {
        let forks: Vec<_> = directory.forks().collect();
        let [(address, [first, second])] = &forks[..] else { panic!("{forks:?}") };
        assert_eq!(**address, home.address("maria"));
        assert_eq!((&first.bytes, &second.bytes), (maria.membership().bytes(), eve.membership().bytes()));
        assert_eq!(directory.judge(NOW, &eve), Err(Refusal::Forked));
    }
    // Who was known stays known; the contradiction is kept all the same.
    let mut directory = Directory::new();
    directory.pin(&proven(&maria)).unwrap();
    directory.learn(NOW, &maria).unwrap();
    assert!(matches!(directory.learn(NOW, &eve), Err(Refusal::KeyChanged(_))));
    assert_eq!((directory.judge(NOW, &maria), directory.forks().count()), (Ok(()), 1));
    // The authority decides.
    let later = at(&home, "maria", 10, TODAY + 1);
    directory.learn(NOW, &later).unwrap();
    assert_eq!(directory.forks().count(), 0);
}

#[test]
fn what_the_authority_has_said_since_counts() {
    let home = Home::new();
    let (first, second) = (at(&home, "maria", 10, TODAY - 50), at(&home, "maria", 11, TODAY));
    let mut directory = Directory::new();
    directory.learn(NOW, &first).unwrap();
    directory.learn(NOW, &second).unwrap();
    assert_eq!(directory.learn(NOW, &first), Err(Refusal::Superseded));
    // Said by two keys of one authority: sequences are compared all the same.
    let issuer = IssuerKey::from_seed(&[5; 32]);
    let entrusted = || sign(&home.root, Issuer { domain: home.genesis.hash(), key: issuer.public() }, NOW);
    let member = sign_as(&issuer, home.member("maria", &person(12)), TODAY + 9);
    let third = home.join(vec![entrusted(), member, hosting(&person(12), &device(22), NOW)]);
    directory.learn(NOW, &third).unwrap();
    assert_eq!(directory.judge(NOW, &second), Err(Refusal::Superseded));
    // The issuer's key was stolen: with it falls what it said, and what the root key said holds again.
    let undo = sign_as(&home.root, Revocation::of(Kind::ISSUER, entrusted().subject()), TODAY + 10);
    let brings = home.join([second.statements(), &[undo]].concat());
    assert_eq!(directory.learn(NOW, &brings).map(|noted| noted[2]), Ok(Noted::New));
    assert_eq!(directory.judge(NOW, &third), Err(Refusal::Revoked(Kind::ISSUER)));
    assert_eq!(directory.judge(NOW, &second), Ok(()));
    // One word of it alone is taken back by the root key: the same, whoever brings it.
    let undo = sign_as(&home.root, Revocation::of(Kind::MEMBERSHIP, third.membership().subject()), TODAY + 10);
    let mut directory = Directory::new();
    directory.learn(NOW, &third).unwrap();
    assert_eq!(directory.judge(NOW, &second), Err(Refusal::Superseded));
    let brings = home.join([third.statements(), &[undo]].concat());
    assert_eq!(directory.learn(NOW, &brings), Err(Refusal::Revoked(Kind::MEMBERSHIP)));
    assert_eq!(directory.judge(NOW, &third), Err(Refusal::Revoked(Kind::MEMBERSHIP)));
    assert_eq!(directory.judge(NOW, &at(&home, "maria", 11, TODAY + 11)), Ok(()));
    // The issuer itself takes it back: only its own word falls.
    let undo = sign_as(&issuer, Revocation::of(Kind::MEMBERSHIP, third.membership().subject()), TODAY + 10);
    let mut directory = Directory::new();
    let brings = home.join([third.statements(), &[undo]].concat());
    assert_eq!(directory.learn(NOW, &brings), Err(Refusal::Revoked(Kind::MEMBERSHIP)));
    assert_eq!(directory.judge(NOW, &second), Ok(()));
}

/// Learns a revocation along with another chain of the same keys, and judges the chain it is about.
#[track_caller]
fn check_revoked(chain: &Chain, brings: &Chain, expect: Result<(), Refusal>) {
    let mut directory = Directory::new();
    directory.learn(NOW, chain).unwrap();
    let _ = directory.learn(NOW, brings);
    assert_eq!(directory.judge(NOW, chain), expect);
    let writes = directory.take_writes();
    assert_eq!(restarted(&writes).judge(NOW, chain), expect, "after a restart");
}

#[test]
fn what_was_taken_back_does_not_hold() {
    let (home, maria) = (Home::new(), person(10));
    let chain = at(&home, "maria", 10, TODAY);
    let hosted = &chain.links()[1];
    let with = |more: Statement| home.join([chain.statements(), &[more]].concat());
    let by_root = |kind, subject: &[u8], sequence| sign_as(&home.root, Revocation::of(kind, subject), sequence);
    let by_maria = |kind, subject: &[u8], sequence| sign_as(&maria, Revocation::of(kind, subject), sequence);
    let name = chain.membership().subject();
    let revoked = |kind| Err(Refusal::Revoked(kind));
    check_revoked(&chain, &with(by_root(Kind::MEMBERSHIP, name, TODAY)), revoked(Kind::MEMBERSHIP));
    check_revoked(&chain, &with(by_root(Kind::MEMBERSHIP, name, TODAY - 1)), Ok(()));
    check_revoked(&chain, &with(by_maria(Kind::HOSTING, hosted.subject(), TODAY)), revoked(Kind::HOSTING));
    check_revoked(&chain, &with(by_maria(Kind::HOSTING, hosted.subject(), TODAY - 1)), Ok(()));
    // Another device, another kind: nothing to do with it.
    let other = hosting(&maria, &device(99), NOW);
    check_revoked(&chain, &with(by_maria(Kind::HOSTING, other.subject(), TODAY)), Ok(()));
    check_revoked(&chain, &with(by_maria(Kind::VOUCH, hosted.subject(), TODAY)), Ok(()));
    // A key takes back itself: nothing of it holds any more, whatever its sequence.
    check_revoked(&chain, &with(sign_as(&maria, Revocation::of_key(), 5)), revoked(Kind::HOSTING));
    // From a clock that is wrong.
    let in_2099 = stamp::seconds(IN_2099);
    check_revoked(&chain, &with(by_maria(Kind::HOSTING, hosted.subject(), in_2099)), Ok(()));
    // A thief shows the stolen device on another chain that was signed before; a new word holds again.
    let mut directory = Directory::new();
    let _ = directory.learn(NOW, &with(by_root(Kind::MEMBERSHIP, name, TODAY)));
    assert_eq!(directory.judge(NOW, &at(&home, "maria", 10, TODAY - 5)), revoked(Kind::MEMBERSHIP));
    assert_eq!(directory.judge(NOW, &at(&home, "maria", 11, TODAY + 1)), Ok(()));
}

/// E07: another key for an address that somebody here knows is never accepted silently.
#[test]
fn e07_a_changed_key_is_told() {
    let (home, twin) = (Home::new(), Home::nakuru());
    let (maria, eve) = (at(&home, "maria", 10, TODAY), at(&home, "maria", 66, TODAY + 10));
    let mut directory = Directory::new();
    directory.pin(&proven(&maria)).unwrap();
    directory.pin(&proven(&maria)).unwrap();
    let address = home.address("maria");
    let changed = Refusal::KeyChanged(Box::new(KeyChange {
        address: address.clone(),
        known: Pin::of(maria.proven()),
        shown: Pin::of(eve.proven()),
    }));
    assert_eq!(directory.learn(NOW, &eve), Err(changed.clone()));
    assert_eq!(directory.pin(&proven(&eve)), Err(changed.clone()));
    let writes = directory.take_writes();
    assert_eq!(writes.len(), 1, "the pin, and nothing of what was refused");
    assert_eq!(restarted(&writes).judge(NOW, &eve), Err(changed));
    assert_eq!(directory.judge(NOW, &maria), Ok(()));
    // The person says that it is right.
    directory.repin(&proven(&eve));
    assert_eq!(directory.judge(NOW, &eve), Ok(()));
    assert!(matches!(directory.judge(NOW, &maria), Err(Refusal::KeyChanged(_))));
    // Nobody cares any more.
    directory.unpin(&address);
    assert_eq!(directory.pinned(&address), None);
    assert_eq!(directory.judge(NOW, &maria), Ok(()));
    // Not pinned is not repinned; another domain is another address.
    directory.repin(&proven(&at(&twin, "maria", 66, TODAY)));
    assert_eq!(directory.pinned(&twin.address("maria")), None);
}

/// E07 for our own accounts: nobody but the account's own key is them.
#[test]
fn e07_our_own_addresses_are_pinned() {
    let home = Home::new();
    let (maria, eve) = (at(&home, "maria", 10, TODAY), at(&home, "maria", 66, TODAY + 10));
    let mut directory = Directory::new();
    directory.add_own(home.address("maria"), Pin::of(maria.proven()));
    assert!(matches!(directory.learn(NOW, &eve), Err(Refusal::KeyChanged(_))));
    directory.repin(&proven(&eve));
    assert!(matches!(directory.judge(NOW, &eve), Err(Refusal::KeyChanged(_))), "not by a mistake, either");
    directory.remove_own(&home.address("maria"), maria.proven().device);
    assert_eq!(directory.judge(NOW, &eve), Ok(()));
}

/// Who has two laptops and leaves one of them still lives on the other; who had one only does not live there any more.
#[test]
fn who_lives_where_the_membership_and_a_hosting_say() {
    let home = Home::new();
    let domain = home.address("maria").jid().domain().to_owned();
    let mut directory = Directory::new();
    let residents = |directory: &Directory| directory.residents(&domain).cloned().collect::<Vec<_>>();
    let mut chains = Vec::new();
    for (name, key) in [("maria", 10), ("paulo", 11)] {
        let chain = home.chain(name, &person(key), &device(20 + key), NOW);
        directory.add_own(home.address(name), Pin::of(chain.proven()));
        directory.learn(NOW, &chain).unwrap();
        chains.push(chain);
    }
    let second = home.chain("maria", &person(10), &device(40), NOW);
    directory.learn(NOW, &second).unwrap();
    assert_eq!(residents(&directory), [home.address("maria"), home.address("paulo")]);
    for chain in &chains {
        directory.remove_own(&chain.proven().address, chain.proven().device);
    }
    assert_eq!(residents(&directory), [home.address("maria")]);
    assert!(directory.residents("elsewhere.jirani.alt").next().is_none());
    let removed = |write: &Write| matches!(write, Write::RemoveStatement(key) if key.kind == Kind::HOSTING.number());
    assert_eq!(directory.take_writes().iter().filter(|write| removed(write)).count(), 2);
}

/// B26 and F03: what is dated 2099 moves neither a sequence nor anything that is held.
#[test]
fn b26_f03_statements_of_2099_change_nothing() {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let good = home.chain("maria", &maria, &laptop, NOW);
    let sealing = |sequence| sign_as(&laptop, Sealing { key: SealingKey([1; 32]) }, sequence);
    let with = |more: Statement| home.join([good.statements(), &[more]].concat());
    let in_2099 = stamp::seconds(IN_2099);
    let mut directory = Directory::new();
    let last = |directory: &Directory| {
        directory.last_sequence(&home.address("maria"), laptop.public().as_bytes(), Kind::SEALING, &[0x80])
    };
    for (sequence, expect) in [
        (in_2099, Noted::TooFarAhead),
        (stamp::SECOND_MAX, Noted::TooFarAhead),
        (stamp::ceiling(NOW) + 1, Noted::TooFarAhead),
        (TODAY, Noted::New),
        (in_2099, Noted::TooFarAhead),
        (stamp::ceiling(NOW), Noted::Newer),
    ] {
        assert_eq!(directory.learn(NOW, &with(sealing(sequence))).unwrap()[2], expect, "{sequence}");
    }
    assert_eq!(last(&directory), Some(stamp::ceiling(NOW)));
    // This laptop's own clock was in 2099 for a while: what was filed then gives way to what comes now.
    let mut directory = Directory::new();
    assert_eq!(directory.learn(IN_2099, &home.chain("maria", &maria, &laptop, IN_2099)).unwrap()[0], Noted::New);
    assert_eq!(directory.learn(NOW, &good).unwrap()[0], Noted::Newer);
    assert_eq!(directory.judge(NOW, &good), Ok(()));
}

/// B22 and B24: after a restored backup nothing is said twice; and what we hear of ourselves is told.
#[test]
fn b22_b24_sequences_go_on_after_a_restored_backup() {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let chain = home.chain("maria", &maria, &laptop, days(-60));
    let subject = chain.links()[1].subject();
    let fresh = || {
        let mut directory = Directory::new();
        directory.add_own(home.address("maria"), Pin::of(chain.proven()));
        for statement in chain.statements() {
            assert_eq!(directory.add_own_statement(NOW, &chain, statement), Noted::New);
        }
        directory
    };
    let next = |directory: &Directory, now: Wall| {
        let last = directory.last_sequence(&home.address("maria"), maria.public().as_bytes(), Kind::HOSTING, subject);
        Stamp::next(last, now, None).sequence
    };
    let mut directory = fresh();
    let renewed = sign_as(&maria, Hosting { device: laptop.public() }, next(&directory, NOW));
    assert_eq!(directory.add_own_statement(NOW, &chain, &renewed), Noted::Newer);
    assert_eq!(next(&directory, NOW), TODAY + 1);
    // The backup is 60 days old; the calendar is not.
    let mut restored = fresh();
    assert_eq!(next(&restored, Wall(NOW.0 + 1000)), TODAY + 1);
    // A neighbour kept what the lost laptop said, and this clock is a day behind.
    let kept = home.join(vec![chain.membership().clone(), renewed]);
    let noted = restored.learn(days(-1), &kept).unwrap();
    assert_eq!(noted, [Noted::Same, Noted::OwnAhead]);
    assert_eq!(next(&restored, days(-1)), TODAY + 1);
}

/// B23 and B25 in the directory: two laptops that sign with one key make no fork about different devices, and a visible one
/// about the same.
#[test]
fn b23_b25_one_identity_on_two_laptops() {
    let (home, maria) = (Home::new(), person(10));
    let (one, two) = (home.chain("maria", &maria, &device(20), NOW), home.chain("maria", &maria, &device(21), NOW));
    let mut directory = Directory::new();
    assert_eq!(directory.learn(NOW, &one).unwrap(), [Noted::New, Noted::New]);
    assert_eq!(directory.learn(NOW, &two).unwrap(), [Noted::Same, Noted::New]);
    let vouch = |seed| {
        let vouch = Vouch { domain: home.genesis.hash(), name: "paulo".into(), person: person(seed).public() };
        home.join([one.statements(), &[sign(&maria, vouch, NOW)]].concat())
    };
    assert_eq!(directory.learn(NOW, &vouch(11)).unwrap()[2], Noted::New);
    assert_eq!(directory.learn(NOW, &vouch(11)).unwrap()[2], Noted::Same);
    assert_eq!(directory.learn(NOW, &vouch(12)).unwrap()[2], Noted::Fork);
    assert_eq!(directory.forks().count(), 1);
    assert_eq!((directory.judge(NOW, &one), directory.judge(NOW, &two)), (Ok(()), Ok(())));
}

#[test]
fn what_was_written_is_what_there_is() {
    let home = Home::nakuru();
    let chain = at(&home, "maria", 10, TODAY);
    let mut directory = Directory::new();
    directory.learn(NOW, &chain).unwrap();
    directory.pin(&proven(&chain)).unwrap();
    let mut writes = directory.take_writes();
    assert_eq!(writes.len(), 4, "genesis, membership, hosting, pin");
    directory.learn(Wall(NOW.0 + DAY - 1), &chain).unwrap();
    assert_eq!(directory.take_writes(), [], "nothing new within a day");
    directory.learn(days(1), &chain).unwrap();
    let seen = directory.take_writes();
    assert_eq!(seen.len(), 3, "seen again");
    writes.extend(seen);
    let again = restarted(&writes);
    for address in [home.address("maria"), crate::world::bare(&home.genesis.name().to_string())] {
        let rows = |directory: &Directory| {
            let mut rows = directory.statements(&address).to_vec();
            rows.sort_by(|a, b| a.key.cmp(&b.key));
            rows
        };
        assert!(!rows(&again).is_empty());
        assert_eq!(rows(&again), rows(&directory));
    }
    assert_eq!(again.pinned(&home.address("maria")), Some(Pin::of(chain.proven())));
}

/// Rows that fill a directory: so many people of a domain, each with this many bytes.
pub(crate) fn crowd(domain: &str, people: usize, bytes: usize, seen: Wall) -> Vec<StatementRow> {
    let row = |n: usize| {
        let address = crate::world::bare(&format!("p{n}@{domain}"));
        let key = StatementKey { address, issuer: [1; 32], kind: 2, subject: vec![0x80], fork: false };
        StatementRow { key, sequence: 1, seen, bytes: vec![0; bytes].into() }
    };
    (0..people).map(row).collect()
}

/// E06: a hundred thousand made-up people push out each other.
#[test]
fn e06_strangers_push_out_only_the_largest_crowd() {
    let home = Home::new();
    let mut directory = Directory::new();
    directory.load_statements(crowd("school.alt", 300, 1000, days(-1)));
    directory.load_statements(crowd("made-up.alt", 5000, 1000, NOW));
    directory.load_statements(crowd("friends.alt", 3000, 1000, days(-30)));
    for n in 0..3000 {
        let pin = Pin { genesis: home.genesis.hash(), person: mesh::identity::PersonId([1; 32]) };
        directory.add_own(crate::world::bare(&format!("p{n}@friends.alt")), pin);
    }
    let chain = at(&home, "maria", 10, TODAY);
    directory.learn(NOW, &chain).unwrap();
    let count = |directory: &Directory, domain: &str, of: usize| {
        let there = |n: &usize| !directory.statements(&crate::world::bare(&format!("p{n}@{domain}"))).is_empty();
        (0..of).filter(there).count()
    };
    assert_eq!(count(&directory, "friends.alt", 3000), 3000, "ours and those we know are not strangers");
    assert_eq!(count(&directory, "school.alt", 300), 300, "a small crowd stays");
    assert_eq!(directory.statements(&home.address("maria")).len(), 2, "a newcomer too");
    let left = count(&directory, "made-up.alt", 5000);
    assert!((1300..1600).contains(&left), "{left}");
    let gone = directory.take_writes().into_iter().filter(|w| matches!(w, Write::RemoveStatement(_))).count();
    assert_eq!(gone, 5000 - left, "what is forgotten is forgotten on disk, too");
}

/// Of one crowd, those not seen for longest go first, and a domain goes with its last one.
#[test]
fn e06_who_was_seen_goes_last() {
    let home = Home::new();
    let mut directory = Directory::new();
    directory.load_statements(crowd("school.alt", 1500, 1000, days(-9)));
    let mut recent = crowd("school.alt", 2600, 1000, days(-1));
    directory.load_statements(recent.split_off(1500));
    directory.learn(NOW, &at(&home, "maria", 10, TODAY)).unwrap();
    let there = |n: usize| !directory.statements(&crate::world::bare(&format!("p{n}@school.alt"))).is_empty();
    assert!((1500..2600).all(there));
    assert!((0..1500).filter(|n| there(*n)).count() < 750);
}
