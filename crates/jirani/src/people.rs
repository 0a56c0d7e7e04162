//! The keys of this node's accounts (design, section 3): a person's, which only certifies, and the device's, which proves on
//! each link who is there. One file for each account in `identity/people`, named by the account's number, which is never
//! given twice: 32 bytes from which the person's key is made, 32 for the device's; 0600.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use base::ledger::AccountRow;
use base::{AccountId, Wall};
use mesh::identity::household::{self, Keys};
use mesh::identity::introduction::Own;
use mesh::identity::{DeviceKey, Directory, PersonKey};
use mesh::{Genesis, RootKey};
use net::neighbourhood::Keyring;

use crate::home::{self, Home};

/// Bytes of a file.
const FILE_BYTES: usize = 64;

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
    pub(crate) fn open(home: &Home, genesis: &Genesis) -> anyhow::Result<People> {
        let directory = home.people();
        home::private_directory(&directory)?;
        Ok(People { directory, genesis: genesis.clone(), root: home.root_key()? })
    }

    fn path(&self, account: AccountId) -> PathBuf {
        self.directory.join(format!("{}.key", account.0))
    }

    /// The account's seeds; made if there are none.
    fn seeds(&self, account: AccountId) -> anyhow::Result<[u8; FILE_BYTES]> {
        let path = self.path(account);
        if let Some(bytes) = home::read_if_there(&path)? {
            return bytes.try_into().ok().with_context(|| format!("{} is damaged; restore it", path.display()));
        }
        let seeds = net::random();
        home::save(&path, &seeds)?;
        Ok(seeds)
    }
}

impl Keyring for People {
    fn device(&self, directory: &mut Directory, now: Wall, account: &AccountRow) -> io::Result<Option<Arc<Own>>> {
        // Only what the node's own domain says can be proved by its root key.
        if account.address.jid().domain() != self.genesis.name().to_string() {
            return Ok(None);
        }
        let seeds = self.seeds(account.id).map_err(io::Error::other)?;
        let (person, device) = seeds.split_at(FILE_BYTES / 2);
        let person = PersonKey::from_seed(person.try_into().expect("half of it"));
        let device = DeviceKey::from_seed(device.try_into().expect("half of it"));
        let keys = Keys { genesis: &self.genesis, root: &self.root, person: &person, device: &device };
        let chain = household::certify(directory, now, &account.address, keys).map_err(io::Error::other)?;
        Ok(Own::new(device, chain).map(Arc::new))
    }

    fn retain(&self, accounts: &[AccountRow]) -> io::Result<()> {
        for file in fs::read_dir(&self.directory)? {
            let path = file?.path();
            let is_of = |account: &AccountRow| path == self.path(account.id);
            if path.extension().is_some_and(|extension| extension == "key") && !accounts.iter().any(is_of) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::Bare;

    use super::*;

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

        people.retain(std::slice::from_ref(&tom)).unwrap();
        assert_ne!(device(&lisa).person, first.person, "another account has other keys");

        let elsewhere = AccountRow { address: Bare::new("lisa@school.example").unwrap(), ..lisa };
        assert!(people.device(&mut Directory::new(), now, &elsewhere).unwrap().is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
