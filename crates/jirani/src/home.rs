//! Where a node keeps what it is: its data directory, with the identity that is made at the first start.
//!
//! | file | what it is |
//! |---|---|
//! | `lock` | held by the daemon that uses the directory |
//! | `identity/root.key` | the seed of the root key of this node's own domain, 0600 |
//! | `identity/genesis` | the genesis record that names the domain (docs/formats/domain.md) |
//! | `identity/next-root-key.txt` | the only key that may follow, as words to be kept on paper |
//! | `identity/people/` | the keys of each account (people.rs), 0600 |
//! | `identity/node` | this node's number in archive ids, and the secret behind fake login records, 0600 |
//! | `tls/` | this computer's certificate authority and its certificate |
//! | `store/` | accounts, contacts, messages (docs/formats/store.md) |
//! | `control` | the socket on which the daemon takes its owner's orders (the system's daemon: in /run/jirani) |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use mesh::{Draft, Genesis, Label, RootKey, Search};

use crate::progress;

/// A data directory.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    /// The one of the whole computer, not of a person.
    system: bool,
}

/// Where the daemon of the whole computer keeps its data, finds its configuration (hier(7)) and takes orders.
const SYSTEM_DATA: &str = "/var/lib/jirani";
const SYSTEM_CONFIG: &str = "/etc/jirani/config.toml";
const SYSTEM_CONTROL: &str = "/run/jirani/control";

/// What a node is.
pub(crate) struct Identity {
    /// Names the domain.
    pub(crate) genesis: Genesis,
    /// In the ids of what this node archives first.
    pub(crate) node: u64,
    /// Makes records for people who do not exist.
    pub(crate) fake_secret: [u8; 32],
    /// Whether it was made just now.
    pub(crate) new: bool,
}

/// Modifiers tried between two looks at whether the person is still patient.
const TRIES_AT_ONCE: u32 = 1 << 20;

impl Home {
    /// The directory that was named, or the usual one of this person.
    ///
    /// # Errors
    /// If the environment does not say where people keep their things.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Home> {
        let directory = match named {
            Some(directory) => directory,
            None => match (std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")) {
                (Some(data), _) if !data.is_empty() => PathBuf::from(data).join("jirani"),
                (_, Some(home)) if !home.is_empty() => PathBuf::from(home).join(".local/share/jirani"),
                _ => bail!("neither XDG_DATA_HOME nor HOME is set: say where to keep data with --data DIR"),
            },
        };
        Ok(Home { directory, system: false })
    }

    /// This directory.
    pub(crate) fn at(directory: PathBuf) -> Home {
        Home { directory, system: false }
    }

    /// The one of the whole computer.
    pub(crate) fn system(named: Option<PathBuf>) -> Home {
        Home { directory: named.unwrap_or_else(|| SYSTEM_DATA.into()), system: true }
    }

    /// Whether it is the one of the whole computer.
    pub(crate) fn is_system(&self) -> bool {
        self.system
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    pub(crate) fn tls(&self) -> PathBuf {
        self.directory.join("tls")
    }

    pub(crate) fn control(&self) -> PathBuf {
        if self.system { SYSTEM_CONTROL.into() } else { self.directory.join("control") }
    }

    pub(crate) fn config(&self) -> PathBuf {
        if self.system { SYSTEM_CONFIG.into() } else { self.directory.join("config.toml") }
    }

    pub(crate) fn next_root_key(&self) -> PathBuf {
        self.directory.join("identity/next-root-key.txt")
    }

    /// Where the keys of accounts are.
    pub(crate) fn people(&self) -> PathBuf {
        self.directory.join("identity/people")
    }

    /// The key that certifies who has a name in this node's own domain.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn root_key(&self) -> Result<RootKey> {
        let path = self.directory.join("identity/root.key");
        let seed = read_if_there(&path)?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let seed = seed.with_context(|| format!("{} is missing or damaged; restore it", path.display()))?;
        Ok(RootKey::from_seed(&seed))
    }

    /// Makes the directory if need be, and takes it for this process. Gives `None` if another one has it.
    ///
    /// # Errors
    /// If the directory cannot be made or written.
    pub(crate) fn lock(&self) -> Result<Option<File>> {
        private_directory(&self.directory)?;
        let path = self.directory.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(e).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Reads the node's identity; makes it at the first start, under `label` if one is given. Needs the lock.
    ///
    /// # Errors
    /// If a file cannot be read or written, or is damaged. Nothing that exists is ever overwritten.
    pub(crate) fn identity(&self, label: Option<Label>) -> Result<Identity> {
        let directory = self.directory.join("identity");
        private_directory(&directory)?;
        let (genesis, new) = match read_if_there(&directory.join("genesis"))? {
            Some(bytes) => {
                let genesis = Genesis::decode(&bytes)
                    .with_context(|| format!("{} is damaged; restore it", directory.join("genesis").display()))?;
                (genesis, false)
            }
            None => (make_domain(&directory, label)?, true),
        };
        let path = directory.join("node");
        let secret: [u8; 40] = match read_if_there(&path)? {
            Some(bytes) => {
                bytes.try_into().ok().with_context(|| format!("{} is damaged; restore it", path.display()))?
            }
            None => {
                let secret = net::random();
                save(&path, &secret)?;
                secret
            }
        };
        let (node, fake_secret) = secret.split_first_chunk().expect("40 bytes are 8 and 32");
        Ok(Identity {
            genesis,
            node: u64::from_le_bytes(*node),
            fake_secret: fake_secret.try_into().expect("40 bytes are 8 and 32"),
            new,
        })
    }
}

/// The keys first, the record last: whoever finds a record finds its keys.
fn make_domain(directory: &Path, label: Option<Label>) -> Result<Genesis> {
    let seed_at = |name: &str| -> Result<[u8; 32]> {
        let path = directory.join(name);
        if let Some(bytes) = read_if_there(&path)? {
            return bytes.try_into().ok().with_context(|| format!("{} is damaged; restore it", path.display()));
        }
        let seed = net::random();
        save(&path, &seed)?;
        Ok(seed)
    };
    let root = RootKey::from_seed(&seed_at("root.key")?).public();
    let path = directory.join("next-root-key.txt");
    let next = match read_if_there(&path)? {
        Some(text) => {
            let text = String::from_utf8(text).ok().with_context(|| format!("{} is damaged", path.display()))?;
            let phrase = text.lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>().join(" ");
            *mesh::phrase::read(&phrase).with_context(|| format!("{} is damaged", path.display()))?
        }
        None => {
            let seed = net::random();
            let words = mesh::phrase::write(&seed);
            save(&path, [NEXT_ROOT_KEY, words.as_str(), "\n"].concat().as_bytes())?;
            seed
        }
    };
    let next = RootKey::from_seed(&next).public().commitment();
    let mut search = Search::new(Draft { label, root, next }, net::random())?;
    let tried = AtomicU32::new(0);
    let how_far = || Some(format!("{} million names tried, of about 4", tried.load(Ordering::Relaxed)));
    let genesis = progress::during("Making your address", how_far, || {
        loop {
            if let Some(genesis) = search.step(TRIES_AT_ONCE) {
                return genesis;
            }
            tried.fetch_add(1, Ordering::Relaxed);
        }
    });
    save(&directory.join("genesis"), &genesis.encode())?;
    Ok(genesis)
}

const NEXT_ROOT_KEY: &str = "\
# The key to the future of your address. Write these words on paper, keep the paper where you keep what matters, and
# delete this file. If this computer's key is stolen, these words alone can take the address back.
";

/// Makes a directory, and those above it, for its owner only.
pub(crate) fn private_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))
}

pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.and_then(|mut f| f.read_to_end(&mut bytes)),
    }
    .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(bytes))
}

/// Writes a file that must survive: for its owner only, on disk before it has its name, never over another.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let half = path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&half, path)?;
        fs::remove_file(&half)?;
        File::open(path.parent().unwrap_or(path))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
