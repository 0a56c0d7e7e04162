//! `jirani backup FILE` and `jirani restore FILE`: all of a node in one file, while it runs, and back into an empty data
//! directory (docs/formats/backup.md).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf, absolute};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use store::{BackupError, Item};

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

/// Where the keys of accounts are (people.rs), each in a file called by the account's number.
const PEOPLE: &str = "identity/people/";

/// Whether a name is that of an account's keys, and of nothing else.
fn is_of_people(name: &str) -> bool {
    let number = name.strip_prefix(PEOPLE).and_then(|name| name.strip_suffix(".key")).unwrap_or_default();
    number.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == number)
}

/// The keys of all accounts.
fn people(home: &Home) -> Result<Vec<Item>, BackupError> {
    let place = home.people();
    let error = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    let mut items = Vec::new();
    let files = match fs::read_dir(&place) {
        // A node that never had links.
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(items),
        files => files.map_err(error(&place))?,
    };
    for file in files {
        let path = file.map_err(error(&place))?.path();
        let name = format!("{PEOPLE}{}", path.file_name().unwrap_or_default().display());
        if is_of_people(&name) {
            match fs::read(&path) {
                Ok(bytes) => items.push(Item { name, bytes }),
                // Its account was removed this moment.
                Err(gone) if gone.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(error(&path)(source)),
            }
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}

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
    progress::during("Writing the backup", how_far, || {
        store::backup(&home.store(), file, || {
            items.extend(people(home)?);
            Ok(items)
        })
    })
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
    for item in items
        .iter()
        .filter(|item| NEEDED.iter().chain(&OPTIONAL).any(|name| *name == item.name) || is_of_people(&item.name))
    {
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
    fn keys_are_called_by_numbers_and_nothing_else() {
        for good in ["1", "42", "9223372036854775807"] {
            assert!(is_of_people(&format!("identity/people/{good}.key")), "{good}");
        }
        for bad in ["", "0", "-1", "+1", "01", "1/2", "../1", "1.new", "9223372036854775808", "\u{661}", "a"] {
            assert!(!is_of_people(&format!("identity/people/{bad}.key")), "{bad}");
        }
        for bad in ["1.key", "identity/1.key", "identity/people/1", "/identity/people/1.key", "identity/people/1.key/x"]
        {
            assert!(!is_of_people(bad), "{bad}");
        }
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
        home::private_directory(&first.people()).unwrap();
        for (name, bytes) in [("7.key", "keys of 7"), ("12.key", "keys of 12"), ("7.new", "half of a file")] {
            fs::write(first.people().join(name), bytes).unwrap();
        }
        backup(&first, &file).unwrap();

        restore(&second, &file).unwrap();
        let again = second.identity(None).unwrap();
        assert_eq!((again.node, again.genesis), (identity.node, identity.genesis));
        assert_eq!(fs::read(second.config()).unwrap(), b"archive = false\n");
        assert_eq!(names(&second.people()), ["12.key", "7.key"]);
        assert_eq!(fs::read(second.people().join("7.key")).unwrap(), b"keys of 7");
        assert_eq!(fs::metadata(second.people().join("7.key")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(first.next_root_key().exists() && !second.next_root_key().exists());
        let error = restore(&second, &file).unwrap_err().to_string();
        assert!(error.contains("there is something in"), "{error}");

        // Files that were made by somebody else: without what is needed, or with more than is known.
        let item =
            |name: &str| Item { name: name.to_owned(), bytes: fs::read(first.path().join(name)).unwrap_or_default() };
        let (few, more) = (place.join("few"), place.join("more"));
        let items = |names: &[&str]| Ok(names.iter().map(|name| item(name)).collect());
        store::backup(&first.store(), &few, || items(&NEEDED[1..])).unwrap();
        let error = restore(&home("third"), &few).unwrap_err().to_string();
        assert!(error.contains("has no identity/root.key"), "{error}");
        let foreign = ["../evil", "/tmp/evil", "identity/evil", "identity/people/../evil.key", "lock"];
        store::backup(&first.store(), &more, || items(&[&NEEDED[..], &foreign].concat())).unwrap();
        fs::create_dir(home("fourth").path()).unwrap();
        restore(&home("fourth"), &more).unwrap();
        assert_eq!(names(home("fourth").path()), ["identity", "store", "tls"]);
        assert_eq!(names(&home("fourth").path().join("identity")), ["genesis", "node", "root.key"]);
        assert_eq!(names(&place), ["few", "file", "first", "fourth", "more", "second"]);
        fs::remove_dir_all(&place).unwrap();
    }
}
