//! The keys of this node's accounts (design, section 3): a person's, which only certifies, and the device's, which proves on
//! each link who is there. One file for each account in `identity/people`, named by the account's number, which is never
//! given twice: 32 bytes from which the person's key is made, 32 for the device's; 0600. For an account that was taken from
//! another laptop (share.rs) more follows: the length of its domain's genesis record in two bytes, the record, and the
//! membership as it was when it was taken.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base::ledger::AccountRow;
use base::{AccountId, Bare, Wall};
use mesh::identity::household::{self, Authority, Keys};
use mesh::identity::introduction::Own;
use mesh::identity::{DeviceKey, Directory, Fact, PersonKey, Statement};
use mesh::{Genesis, RootKey};
use net::neighbourhood::Keyring;

use crate::home::{self, Home};

/// Bytes of a key's seed.
const SEED_BYTES: usize = 32;

/// What is kept of an account.
pub(crate) struct Kept {
    /// Makes the person's key.
    pub(crate) person: [u8; SEED_BYTES],
    /// Makes the device's.
    pub(crate) device: [u8; SEED_BYTES],
    /// What proves the name, if the domain's root key is not here.
    pub(crate) guest: Option<Guest>,
}

/// Somebody of a domain whose root key is elsewhere.
pub(crate) struct Guest {
    /// The domain.
    pub(crate) genesis: Genesis,
    /// The name.
    pub(crate) membership: Statement,
}

impl Guest {
    /// The address that the membership gives.
    ///
    /// # Errors
    /// If the statement is none, or its name is no address.
    pub(crate) fn address(&self) -> Result<Bare> {
        let Fact::Membership(membership) = self.membership.fact() else {
            anyhow::bail!("it is no membership");
        };
        Ok(Bare::new(&format!("{}@{}", membership.name, self.genesis.name()))?)
    }
}

impl Kept {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [self.person, self.device].concat();
        if let Some(Guest { genesis, membership }) = &self.guest {
            let genesis = genesis.encode();
            bytes.extend((genesis.len() as u16).to_be_bytes());
            bytes.extend(genesis);
            bytes.extend_from_slice(membership.bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Kept> {
        let (person, rest) = bytes.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        let guest = if rest.is_empty() {
            None
        } else {
            let (length, rest) = rest.split_first_chunk()?;
            let (genesis, membership) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            Some(Guest { genesis: Genesis::decode(genesis).ok()?, membership: Statement::read(membership).ok()? })
        };
        Some(Kept { person: *person, device: *device, guest })
    }

    /// Whether the keys prove the guest's address at this moment.
    ///
    /// # Errors
    /// Why they do not.
    pub(crate) fn prove(&self, now: Wall) -> Result<()> {
        let Some(guest) = &self.guest else { return Ok(()) };
        let (person, device) = (PersonKey::from_seed(&self.person), DeviceKey::from_seed(&self.device));
        let authority = Authority::Said(&guest.membership);
        let keys = Keys { genesis: &guest.genesis, authority, person: &person, device: &device };
        let chain = household::certify(&mut Directory::new(), now, &guest.address()?, keys)?;
        let held = chain.check(now).map(|_| ());
        held.map_err(|(kind, why)| anyhow::anyhow!("the {kind} does not hold: {why}"))
    }

    /// The same from a file, if it is there.
    fn open(path: &Path) -> Result<Option<Kept>> {
        let Some(bytes) = home::read_if_there(path)? else { return Ok(None) };
        Kept::read(&bytes).with_context(|| format!("{} is damaged; restore it", path.display())).map(Some)
    }

    /// What is kept of an account of a home, if anything is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn of(home: &Home, account: AccountId) -> Result<Option<Kept>> {
        Kept::open(&path(&home.people(), account))
    }

    /// Keeps it for an account of a home.
    ///
    /// # Errors
    /// If something is kept already, or cannot be.
    pub(crate) fn save(&self, home: &Home, account: AccountId) -> Result<()> {
        home::private_directory(&home.people())?;
        home::save(&path(&home.people(), account), &self.to_bytes())
    }
}

fn path(directory: &Path, account: AccountId) -> PathBuf {
    directory.join(format!("{}.key", account.0))
}

/// The files of a directory that are an account's.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: Vec<_> = fs::read_dir(directory)?.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "key")).collect())
}

/// The accounts of a home at domains whose root key is elsewhere.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn guests(home: &Home) -> Result<BTreeSet<Bare>> {
    if home.people().exists() { guests_in(&home.people()) } else { Ok(BTreeSet::new()) }
}

fn guests_in(directory: &Path) -> Result<BTreeSet<Bare>> {
    let kept = files(directory)?.into_iter().filter_map(|path| Kept::open(&path).transpose());
    let guests = kept.filter_map(|kept| kept.map(|kept| kept.guest).transpose());
    guests.map(|guest| guest.and_then(|guest| guest.address())).collect()
}

/// The accounts' keys, and the domain's, which certifies them.
pub(crate) struct People {
    directory: PathBuf,
    genesis: Genesis,
    root: RootKey,
}

impl People {
    /// The people of a home. Makes the directory.
    ///
    /// # Errors
    /// If it cannot be made, or the root key cannot be read.
    pub(crate) fn open(home: &Home, genesis: &Genesis) -> Result<People> {
        let directory = home.people();
        home::private_directory(&directory)?;
        Ok(People { directory, genesis: genesis.clone(), root: home.root_key()? })
    }

    /// What is kept of an account; made if there is nothing, and the name is ours to give.
    fn kept(&self, account: &AccountRow) -> Result<Option<Kept>> {
        let path = path(&self.directory, account.id);
        let kept = Kept::open(&path)?;
        if kept.is_some() || account.address.jid().domain() != self.genesis.name().to_string() {
            return Ok(kept);
        }
        let kept = Kept { person: net::random(), device: net::random(), guest: None };
        home::save(&path, &kept.to_bytes())?;
        Ok(Some(kept))
    }
}

impl Keyring for People {
    fn device(&self, directory: &mut Directory, now: Wall, account: &AccountRow) -> io::Result<Option<Arc<Own>>> {
        // A domain that has no key proves nobody.
        let Some(kept) = self.kept(account).map_err(io::Error::other)? else { return Ok(None) };
        let (person, device) = (PersonKey::from_seed(&kept.person), DeviceKey::from_seed(&kept.device));
        let (genesis, authority) = match &kept.guest {
            Some(guest) => (&guest.genesis, Authority::Said(&guest.membership)),
            None => (&self.genesis, Authority::Root(&self.root)),
        };
        let keys = Keys { genesis, authority, person: &person, device: &device };
        let chain = household::certify(directory, now, &account.address, keys).map_err(io::Error::other)?;
        if chain.proven().address != account.address {
            return Err(io::Error::other(format!("its keys are those of {}", chain.proven().address)));
        }
        Ok(Own::new(device, chain).and_then(|own| own.with_person(person)).map(Arc::new))
    }

    fn guests(&self) -> io::Result<BTreeSet<Bare>> {
        guests_in(&self.directory).map_err(io::Error::other)
    }

    fn retain(&self, accounts: &[AccountRow], asked: Wall) -> io::Result<()> {
        let asked = UNIX_EPOCH + Duration::from_millis(asked.0.max(0).unsigned_abs());
        let keep: BTreeSet<PathBuf> = accounts.iter().map(|account| path(&self.directory, account.id)).collect();
        for file in files(&self.directory)? {
            // The list says nothing of accounts that were made after it.
            if !keep.contains(&file) && fs::metadata(&file)?.modified()? < asked {
                fs::remove_file(&file)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mesh::identity::Membership;
    use mesh::identity::stamp::Stamp;

    use super::*;

    /// Later than any file that a test has made.
    const LATER: Wall = Wall(i64::MAX / 4);

    fn account(people: &People, id: i64, name: &str) -> AccountRow {
        AccountRow {
            id: AccountId(id),
            address: Bare::new(&format!("{name}@{}", people.genesis.name())).unwrap(),
            created: Wall(0),
            next_seq: 1,
            next_version: 1,
            clock: 0,
            pending: 0,
            outbox: 0,
        }
    }

    #[test]
    fn an_account_keeps_its_keys_until_it_is_removed() {
        let directory = std::env::temp_dir().join(format!("jirani-people-{}", std::process::id()));
        let home = Home::find(Some(directory.clone())).unwrap();
        let identity = home.identity(None).unwrap();
        let people = People::open(&home, &identity.genesis).unwrap();
        let now = Wall(1_795_132_800_000);
        let (lisa, tom) = (account(&people, 1, "lisa"), account(&people, 2, "tom"));
        let device = |account: &AccountRow| {
            let own = people.device(&mut Directory::new(), now, account).unwrap().unwrap();
            own.chain().proven().clone()
        };
        let first = device(&lisa);
        assert_eq!(first.address, lisa.address);
        assert_eq!(device(&lisa), first);
        assert_ne!(device(&tom).person, first.person);

        // What was made after the list was asked for stays.
        people.retain(std::slice::from_ref(&tom), Wall(0)).unwrap();
        assert_eq!(device(&lisa), first);
        people.retain(std::slice::from_ref(&tom), LATER).unwrap();
        assert_ne!(device(&lisa).person, first.person, "another account has other keys");

        let elsewhere = AccountRow { address: Bare::new("lisa@school.example").unwrap(), id: AccountId(3), ..lisa };
        assert!(people.device(&mut Directory::new(), now, &elsewhere).unwrap().is_none());
        fs::remove_dir_all(&directory).unwrap();
    }

    /// The person's second laptop: a device of its own, certified by the person; and only that account of the domain.
    #[test]
    fn an_account_from_another_laptop_has_a_device_of_its_own_here() {
        let directory = std::env::temp_dir().join(format!("jirani-guest-{}", std::process::id()));
        let home = |name: &str| Home::find(Some(directory.join(name))).unwrap();
        let (first, second) = (home("first"), home("second"));
        let domains = [&first, &second].map(|home| home.identity(None).unwrap().genesis);
        let there = People::open(&first, &domains[0]).unwrap();
        let now = Wall(1_795_132_800_000);
        let lisa = account(&there, 1, "lisa");
        let chain = there.device(&mut Directory::new(), now, &lisa).unwrap().unwrap().chain().clone();
        let person = Kept::of(&first, lisa.id).unwrap().unwrap().person;
        let guest = || Guest { genesis: domains[0].clone(), membership: chain.membership().clone() };
        let kept = |person, guest| Kept { person, device: [3; 32], guest: Some(guest) };

        assert!(kept([9; 32], guest()).prove(now).is_err(), "another person's key");
        assert!(kept(person, guest()).prove(Wall(now.0 + 400 * 24 * 3600 * 1000)).is_err(), "its time is over");
        let foreign = Guest { genesis: domains[1].clone(), ..guest() };
        assert!(kept(person, foreign).prove(now).is_err(), "another domain");
        let said = Membership {
            domain: domains[0].hash(),
            name: "lisa".into(),
            person: PersonKey::from_seed(&person).public(),
            role: None,
            group: None,
            policy: None,
        };
        let membership = Statement::sign(&RootKey::from_seed(&[8; 32]), said, Stamp::next(None, now, None)).unwrap();
        let forged = Guest { genesis: domains[0].clone(), membership };
        assert!(kept(person, forged).prove(now).is_err(), "nobody but the root key gives names");

        let taken = kept(person, guest());
        taken.prove(now).unwrap();
        let here = People::open(&second, &domains[1]).unwrap();
        let lisa_here = AccountRow { id: AccountId(7), ..lisa.clone() };
        assert!(here.device(&mut Directory::new(), now, &lisa_here).unwrap().is_none(), "her keys are not here");
        taken.save(&second, lisa_here.id).unwrap();
        assert!(taken.save(&second, lisa_here.id).is_err(), "nothing is written over");
        let own = here.device(&mut Directory::new(), now, &lisa_here).unwrap().unwrap();
        let (a, b) = (chain.proven(), own.chain().proven());
        assert_eq!((&a.address, a.person), (&b.address, b.person));
        assert_ne!(a.device, b.device);
        assert_eq!(guests(&second).unwrap(), BTreeSet::from([lisa.address.clone()]));
        assert_eq!(guests(&first).unwrap(), BTreeSet::new());
        let tom = AccountRow { id: lisa_here.id, ..account(&there, 8, "tom") };
        assert!(here.device(&mut Directory::new(), now, &tom).is_err(), "her keys are not his");
        here.retain(&[], LATER).unwrap();
        assert_eq!(guests(&second).unwrap(), BTreeSet::new());
        fs::remove_dir_all(&directory).unwrap();
    }
}
