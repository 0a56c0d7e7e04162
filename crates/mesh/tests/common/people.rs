//! Two households and the people there, from seeds.

use std::sync::{Arc, LazyLock};

use base::{Bare, Now, Time, Wall};
use mesh::identity::household::{self, Authority, Keys};
use mesh::identity::introduction::Own;
use mesh::identity::{DeviceKey, Directory, PersonKey};
use mesh::{Draft, Genesis, RootKey, Search};

pub(crate) const NOW: Now = Now { mono: Time(1_000_000), wall: Wall(1_795_132_800_000) };

fn root(seed: u8) -> RootKey {
    RootKey::from_seed(&[seed; 32])
}

fn domain(seed: u8) -> Genesis {
    let draft = Draft { label: None, root: root(seed).public(), next: root(seed + 100).public().commitment() };
    let mut search = Search::new(draft, [seed; 16]).unwrap();
    loop {
        if let Some(genesis) = search.step(1 << 20) {
            return genesis;
        }
    }
}

/// Two households.
static DOMAINS: LazyLock<[Genesis; 2]> = LazyLock::new(|| [domain(1), domain(2)]);

pub(crate) fn address(name: &str, house: u8) -> Bare {
    Bare::new(&format!("{name}@{}", DOMAINS[usize::from(house)].name())).unwrap()
}

/// A device of somebody in a household. The person's key is made from the seed.
pub(crate) fn own(name: &str, house: u8, seed: u8) -> Arc<Own> {
    let (person, device) = (PersonKey::from_seed(&[seed; 32]), DeviceKey::from_seed(&[seed + 50; 32]));
    let genesis = &DOMAINS[usize::from(house)];
    let root = root(house + 1);
    let keys = Keys { genesis, authority: Authority::Root(&root), person: &person, device: &device };
    let chain = household::certify(&mut Directory::new(), NOW.wall, &address(name, house), keys).unwrap();
    Arc::new(Own::new(device, chain).and_then(|own| own.with_person(person)).unwrap())
}
