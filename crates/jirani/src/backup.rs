//! `jirani backup FILE` and `jirani restore FILE`: all of a node in one file, while it runs, and back into an empty data
//! directory (docs/formats/backup.md).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf, absolute};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use store::Item;

use crate::health::bytes;
use crate::home::{self, Home};
use crate::machine::Machine;
use crate::progress;
use crate::terminal::harmless;

/// What makes a node itself: without one of these it would be another one.
const NEEDED: [&str; 4] = ["identity/root.key", "identity/genesis", "identity/node", "tls/authority.pem"];

/// What belongs to it if it is there. Nothing else is ever restored, whatever a file says that it has.
const OPTIONAL: [&str; 2] = ["tls/leaf.pem", CONFIG];

const CONFIG: &str = "config.toml";

/// Writes the backup. It needs no daemon, and disturbs none.
///
/// # Errors
/// If there is nothing to back up, or no room, or the file exists.
pub(crate) fn backup(home: &Home, file: &Path) -> Result<()> {
    let mut items = Vec::new();
    for name in NEEDED {
        let bytes = fs::read(home.path().join(name))
            .with_context(|| format!("{} cannot be read: is there a Jirani in {}?", name, home.path().display()))?;
        items.push(Item { name: name.to_owned(), bytes });
    }
    for name in OPTIONAL {
        // The computer's own daemon has its configuration elsewhere.
        let path = if name == CONFIG { home.config() } else { home.path().join(name) };
        match fs::read(path) {
            Ok(bytes) => items.push(Item { name: name.to_owned(), bytes }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        }
    }
    let (draft, all) = (store::backup_draft(file), Machine::look(home.path(), &home.store()).store_bytes);
    let how_far = || progress::share(fs::metadata(&draft).map_or(0, |draft| draft.len()), all);
    progress::during("Writing the backup", how_far, || store::backup(&home.store(), file, &items))
        .context("there is no backup")?;
    let written = fs::metadata(file)?;
    println!("{} has all accounts, contacts and messages, and the keys ({}).", file.display(), bytes(written.len()));
    println!("Who has it can read them and be you: keep it as you keep a key.");
    if written.permissions().mode() & 0o077 != 0 {
        println!("This disk lets everybody read it (USB sticks often do): encrypt it, or lock it away.");
    }
    if home.next_root_key().exists() {
        println!("Not in it: {}, which belongs on paper.", home.next_root_key().display());
    }
    println!("`jirani --data DIR restore {}` brings it back.", file.display());
    Ok(())
}

/// Makes the data directory from a backup: whole, or not at all.
///
/// # Errors
/// If there is something in the directory already, or the backup is none.
pub(crate) fn restore(home: &Home, file: &Path) -> Result<()> {
    let directory = absolute(home.path())?;
    match fs::read_dir(&directory).map(|mut there| there.next().is_none()) {
        Ok(true) => {}
        Ok(false) => bail!(
            "there is something in {} already, and nothing is ever written over it: choose an empty directory with --data",
            directory.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot look into {}", directory.display())),
    }
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else {
        bail!("{} cannot be a data directory", directory.display());
    };
    home::private_directory(parent)?;
    let draft = parent.join(format!(".{}.restore-{}", name.display(), std::process::id()));
    let all = fs::metadata(file).map_or(0, |file| file.len());
    let restored = || Machine::look(&draft, &draft.join("store")).store_bytes;
    let made = progress::during("Restoring", || progress::share(restored(), all), || fill(&draft, file));
    let made = made.and_then(|domain| {
        // Over an empty directory, or none: with anything in it the system refuses.
        let moved = fs::rename(&draft, &directory).and_then(|()| fs::File::open(parent)?.sync_all());
        moved.with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(domain)
    });
    if made.is_err() {
        // It may never have been made.
        let _ = fs::remove_dir_all(&draft);
    }
    println!("{} is restored in {}. `jirani` starts it.", harmless(&made?), directory.display());
    println!("If the one that the backup was made of still exists, never start it again: there can be only one.");
    Ok(())
}

/// Fills a directory that is not there yet. Gives the domain.
fn fill(draft: &Path, file: &Path) -> Result<String> {
    home::private_directory(draft)?;
    // A clock before 1970 is a clock that is wrong: then numbers only leap.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let draft_home = Home::find(Some(draft.to_owned()))?;
    let items = store::restore(file, &draft_home.store(), now, u16::from_le_bytes(net::random()))
        .context("nothing was restored")?;
    if let Some(missing) = NEEDED.iter().find(|name| !items.iter().any(|item| item.name == **name)) {
        bail!("nothing was restored: {} has no {missing}", file.display());
    }
    for item in items.iter().filter(|item| NEEDED.iter().chain(&OPTIONAL).any(|name| *name == item.name)) {
        let path: PathBuf = draft.join(&item.name);
        home::private_directory(path.parent().unwrap_or(draft))?;
        home::save(&path, &item.bytes)?;
    }
    let identity = draft_home.identity(None).context("nothing was restored")?;
    net::ca::Authority::open(&draft_home.tls()).context("nothing was restored")?;
    Ok(identity.genesis.name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_node_is_restored_whole_or_not_at_all() {
        let place = std::env::temp_dir().join(format!("jirani-backup-{}", std::process::id()));
        let home = |name: &str| Home::find(Some(place.join(name))).unwrap();
        let (first, second, file) = (home("first"), home("second"), place.join("file"));
        assert!(backup(&first, &file).is_err(), "there is nothing yet");
        let identity = first.identity(None).unwrap();
        net::ca::Authority::open(&first.tls()).unwrap();
        drop(store::Sqlite::open(&first.store()).unwrap());
        fs::write(first.config(), "archive = false\n").unwrap();
        backup(&first, &file).unwrap();

        restore(&second, &file).unwrap();
        let again = second.identity(None).unwrap();
        assert_eq!((again.node, again.genesis), (identity.node, identity.genesis));
        assert_eq!(fs::read(second.config()).unwrap(), b"archive = false\n");
        assert!(first.next_root_key().exists() && !second.next_root_key().exists());
        let error = restore(&second, &file).unwrap_err().to_string();
        assert!(error.contains("there is something in"), "{error}");

        // Files that were made by somebody else: without what is needed, or with more than is known.
        let item =
            |name: &str| Item { name: name.to_owned(), bytes: fs::read(first.path().join(name)).unwrap_or_default() };
        let (few, more) = (place.join("few"), place.join("more"));
        store::backup(&first.store(), &few, &NEEDED[1..].iter().map(|name| item(name)).collect::<Vec<_>>()).unwrap();
        let error = restore(&home("third"), &few).unwrap_err().to_string();
        assert!(error.contains("has no identity/root.key"), "{error}");
        let foreign = ["../evil", "/tmp/evil", "identity/evil", "lock"];
        let all: Vec<_> = NEEDED.iter().chain(&foreign).map(|name| item(name)).collect();
        store::backup(&first.store(), &more, &all).unwrap();
        fs::create_dir(home("fourth").path()).unwrap();
        restore(&home("fourth"), &more).unwrap();
        assert_eq!(names(home("fourth").path()), ["identity", "store", "tls"]);
        assert_eq!(names(&home("fourth").path().join("identity")), ["genesis", "node", "root.key"]);
        assert_eq!(names(&place), ["few", "file", "first", "fourth", "more", "second"]);
        fs::remove_dir_all(&place).unwrap();
    }
}
