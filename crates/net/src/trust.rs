//! `jirani trust`: makes the trust store of a person or of the system believe this computer's authority, and undoes it.
//!
//! What would be done is worked out first, as data that can be shown; doing it is one function. Nothing is asked.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whose trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The person's own: NSS databases, that is Chromium and Firefox.
    Person,
    /// The system's: what is built on OpenSSL or GnuTLS, that is most chat programs. Needs root.
    System,
}

/// What is to become of the authority in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It shall be believed.
    Trust,
    /// It shall be forgotten.
    Forget,
}

/// The authority, as a trust store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its certificate in PEM.
    pub pem: &'a str,
}

/// One deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes a directory and those above it.
    MakeDirectory(PathBuf),
    /// Writes a file.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Removes a file, if it is there.
    Remove(PathBuf),
    /// Runs a program.
    Run {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
        /// What it reads.
        input: String,
        /// Whether it may fail, because that means that there was nothing to do.
        may_fail: bool,
    },
}

impl fmt::Display for Step {
    /// As a person would do it in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::MakeDirectory(path) => write!(f, "mkdir -p {}", quoted(&path.to_string_lossy())),
            Step::Write { path, .. } => {
                write!(f, "jirani trust --print > {}", quoted(&path.to_string_lossy()))
            }
            Step::Remove(path) => write!(f, "rm -f {}", quoted(&path.to_string_lossy())),
            Step::Run { program, args, input, .. } => {
                if !input.is_empty() {
                    f.write_str("jirani trust --print | ")?;
                }
                f.write_str(&quoted(&program.to_string_lossy()))?;
                args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
            }
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:,=".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Why the store cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The program that changes it is missing.
    #[error("{tool} is not installed. Install {package} and run this again{by_hand}")]
    NoTool {
        /// What is missing.
        tool: &'static str,
        /// What brings it.
        package: &'static str,
        /// What to do instead, as a further sentence, or nothing.
        by_hand: &'static str,
    },
    /// The system's store is root's.
    #[error("only root may change {path}: run this again with sudo")]
    NotRoot {
        /// What was to be changed.
        path: PathBuf,
    },
    /// A file or a program could not be used.
    #[error("`{step}` failed: {reason}. The steps before it are done; run this again, or do the rest by hand")]
    Failed {
        /// What was to be done.
        step: String,
        /// The system's or the program's word.
        reason: String,
    },
}

/// What is on this computer. Found by [`Surroundings::look`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The person's directory.
    pub home: PathBuf,
    /// NSS `certutil`, if it is installed.
    pub certutil: Option<PathBuf>,
    /// NSS databases that exist: directories with a `cert9.db`.
    pub databases: Vec<PathBuf>,
    /// The system's directory for added authorities, and the program to run after a change.
    pub system: Option<(PathBuf, PathBuf)>,
}

/// Where systems keep added authorities, and which program makes them known: Debian and Alpine, SUSE, Fedora, Arch.
const SYSTEMS: [(&str, &str); 4] = [
    ("/usr/local/share/ca-certificates", "update-ca-certificates"),
    ("/etc/pki/trust/anchors", "update-ca-certificates"),
    ("/etc/pki/ca-trust/source/anchors", "update-ca-trust"),
    ("/etc/ca-certificates/trust-source/anchors", "update-ca-trust"),
];

/// Where browsers keep profiles, below the home directory: packaged, as a snap, as a flatpak.
const PROFILES: [&str; 3] =
    [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".var/app/org.mozilla.firefox/.mozilla/firefox"];

/// Where Chromium keeps its database, below the home directory. The first is made if it is missing.
const DATABASES: [&str; 2] = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"];

impl Surroundings {
    /// Looks around. `programs` are the directories in which programs lie.
    pub fn look(home: &Path, programs: &[PathBuf]) -> Surroundings {
        // Those for root are not always in an ordinary person's path.
        let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
        let find = |name: &str| programs.iter().chain(&sbin).map(|dir| dir.join(name)).find(|file| file.is_file());
        let profiles = PROFILES.iter().filter_map(|dir| fs::read_dir(home.join(dir)).ok()).flatten();
        let mut databases: Vec<PathBuf> = DATABASES
            .iter()
            .map(|dir| home.join(dir))
            .chain(profiles.filter_map(|entry| Some(entry.ok()?.path())))
            .filter(|dir| dir.join("cert9.db").is_file())
            .collect();
        databases.sort();
        let system = SYSTEMS.iter().find_map(|(dir, program)| {
            let dir = PathBuf::from(dir);
            Some((dir.is_dir().then_some(dir)?, find(program)?))
        });
        Surroundings { home: home.into(), certutil: find("certutil"), databases, system }
    }
}

/// Works out what to do. Changes nothing.
///
/// # Errors
/// [`TrustError::NoTool`] if it cannot be done here.
pub fn plan(store: Store, wish: Wish, subject: Subject<'_>, here: &Surroundings) -> Result<Vec<Step>, TrustError> {
    match store {
        Store::Person => plan_person(wish, subject, here),
        Store::System => plan_system(wish, subject, here),
    }
}

fn plan_person(wish: Wish, subject: Subject<'_>, here: &Surroundings) -> Result<Vec<Step>, TrustError> {
    let certutil = here.certutil.clone().ok_or(TrustError::NoTool {
        tool: "certutil",
        package: "libnss3-tools (Debian, Ubuntu), nss-tools (Fedora), nss (Arch) or mozilla-nss-tools (SUSE)",
        by_hand: "; or import what `jirani trust --print` shows in the browser's settings, under certificate authorities",
    })?;
    let run = |args: &[&str], database: &Path, input: &str, may_fail: bool| Step::Run {
        program: certutil.clone(),
        args: ["-d", &format!("sql:{}", database.display())].iter().chain(args).map(|arg| arg.to_string()).collect(),
        input: input.into(),
        may_fail,
    };
    let own = here.home.join(DATABASES[0]);
    let mut steps = Vec::new();
    if wish == Wish::Trust && !here.databases.contains(&own) {
        steps.push(Step::MakeDirectory(own.clone()));
        steps.push(run(&["-N", "--empty-password"], &own, "", false));
        steps.push(run(&["-A", "-a", "-t", "C,,", "-n", subject.name], &own, subject.pem, false));
    }
    steps.extend(here.databases.iter().map(|database| match wish {
        Wish::Trust => run(&["-A", "-a", "-t", "C,,", "-n", subject.name], database, subject.pem, false),
        Wish::Forget => run(&["-D", "-n", subject.name], database, "", true),
    }));
    Ok(steps)
}

fn plan_system(wish: Wish, subject: Subject<'_>, here: &Surroundings) -> Result<Vec<Step>, TrustError> {
    let (directory, program) = here.system.clone().ok_or(TrustError::NoTool {
        tool: "update-ca-certificates (or update-ca-trust)",
        package: "ca-certificates",
        by_hand: "; or give your chat program what `jirani trust --print` shows, if it can import an authority",
    })?;
    let path = directory.join(format!("{}.crt", file_name(subject.name)));
    let change = match wish {
        Wish::Trust => Step::Write { path, text: subject.pem.into() },
        Wish::Forget => Step::Remove(path),
    };
    Ok(vec![change, Step::Run { program, args: Vec::new(), input: String::new(), may_fail: false }])
}

/// `Jirani on this computer (a1b2c3d4)` -> `jirani-on-this-computer-a1b2c3d4`.
fn file_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Does what was planned, in order, up to the first step that fails. To do it twice does no harm.
///
/// # Errors
/// Which step failed and why.
pub fn carry_out(steps: &[Step]) -> Result<(), TrustError> {
    steps.iter().try_for_each(|step| {
        let failed = |reason: String| TrustError::Failed { step: step.to_string(), reason };
        let of_file = |path: &Path, done: io::Result<()>| match done {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(TrustError::NotRoot { path: path.into() }),
            done => done.map_err(|error| failed(error.to_string())),
        };
        match step {
            Step::MakeDirectory(path) => fs::create_dir_all(path).map_err(|error| failed(error.to_string())),
            // Everybody must be able to read it, whatever root's umask is.
            Step::Write { path, text } => of_file(
                path,
                fs::write(path, text).and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o644))),
            ),
            Step::Remove(path) => match fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                done => of_file(path, done),
            },
            Step::Run { program, args, input, may_fail } => match run(program, args, input) {
                Err(reason) if !may_fail => Err(failed(reason)),
                _ => Ok(()),
            },
        }
    })
}

/// Runs a program to its end. An error is what it said.
fn run(program: &Path, args: &[String], input: &str) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // A program that ends without reading says why by its status.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(match String::from_utf8_lossy(&output.stderr).trim() {
        "" => output.status.to_string(),
        said => said.to_string(),
    })
}

#[cfg(test)]
mod tests;
