//! Servers as processes: how each is set up, given accounts, started and killed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const DOMAIN: &str = "plays.example";
pub(crate) const PASSWORD: &str = "secret";
/// How long a server may take to answer after its start.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// A port that was free may be another's when the server wants it: then another one is tried.
const PORTS_TRIED_MAX: u32 = 5;

/// The servers that we know how to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jirani,
    Prosody,
}

impl Kind {
    pub(crate) fn from_name(name: &str) -> Option<Kind> {
        match name {
            "jirani" => Some(Kind::Jirani),
            "prosody" => Some(Kind::Prosody),
            _ => None,
        }
    }
}

/// How to make servers of a kind.
#[derive(Debug)]
pub(crate) struct Maker {
    kind: Kind,
    binary: PathBuf,
    /// What the first start makes by much computing and the others are given: names of directories, and where they lie.
    made: Option<(PathBuf, &'static [&'static str])>,
}

impl Maker {
    /// One for this program.
    pub(crate) fn new(kind: Kind, binary: PathBuf) -> Result<Maker> {
        let mut maker = Maker { kind, binary, made: None };
        if kind == Kind::Jirani {
            let mut first = Server::start(&maker, &[])?;
            first.kill();
            let kept = first.directory.with_extension("made");
            std::fs::rename(&first.directory, &kept)?;
            maker.made = Some((kept, &["identity", "tls"]));
        }
        Ok(maker)
    }

    /// Gives a new server's directory what is made already.
    fn furnish(&self, directory: &Path) -> Result<()> {
        let Some((made, names)) = &self.made else { return Ok(()) };
        for name in *names {
            std::fs::create_dir(directory.join(name))?;
            std::fs::set_permissions(directory.join(name), std::fs::metadata(made.join(name))?.permissions())?;
            for file in std::fs::read_dir(made.join(name))? {
                let file = file?;
                std::fs::copy(file.path(), directory.join(name).join(file.file_name()))?;
            }
        }
        Ok(())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        if let Some((made, _)) = &self.made {
            let _ = std::fs::remove_dir_all(made);
        }
    }
}

/// A running server with a directory of its own. Both go when it is dropped.
pub(crate) struct Server {
    kind: Kind,
    binary: PathBuf,
    directory: PathBuf,
    address: SocketAddr,
    process: Option<Child>,
}

impl Server {
    /// Starts one that has these accounts.
    pub(crate) fn start(maker: &Maker, accounts: &[String]) -> Result<Server> {
        let kind = maker.kind;
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("playhouse-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).context("cannot make a directory for the server")?;
        maker.furnish(&directory)?;
        let mut server = Server { kind, binary: maker.binary.clone(), directory, address: free()?, process: None };
        std::fs::write(server.config(), server.settings())?;
        // Prosody's accounts are files; Jirani's are made by the daemon.
        if kind == Kind::Prosody {
            accounts.iter().try_for_each(|account| server.make_account(account))?;
            server.launch_somewhere()?;
        } else {
            server.launch_somewhere()?;
            accounts.iter().try_for_each(|account| server.make_account(account))?;
        }
        Ok(server)
    }

    fn launch_somewhere(&mut self) -> Result<()> {
        let mut tried = 1;
        while let Err(error) = self.launch() {
            if tried == PORTS_TRIED_MAX || self.runs() {
                return Err(error);
            }
            tried += 1;
            self.address = free()?;
            std::fs::write(self.config(), self.settings())?;
        }
        Ok(())
    }

    /// Whether its process has not ended.
    fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    pub(crate) fn domain(&self) -> &'static str {
        DOMAIN
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// What it has printed since it was started last, and how it ended if it has.
    pub(crate) fn said(&mut self) -> String {
        let mut said = std::fs::read_to_string(self.directory.join("output")).unwrap_or_default();
        if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
            said.push_str(&format!("It ended by itself: {status}\n"));
        }
        said
    }

    /// `kill -9`, and again from what is on the disk.
    pub(crate) fn kill_and_start(&mut self) -> Result<()> {
        self.kill();
        self.launch()
    }

    fn config(&self) -> PathBuf {
        // Prosody reads the language of its configuration off the name.
        self.directory.join(if self.kind == Kind::Prosody { "config.lua" } else { "config.toml" })
    }

    fn settings(&self) -> String {
        let (address, port, directory) = (self.address, self.address.port(), self.directory.display());
        match self.kind {
            Kind::Jirani => {
                format!(
                    "domain = \"{DOMAIN}\"\nlisten = [\"{address}\"]\nlisten_tls = []\nlinks = false\ncontact = false\nscram_iterations = 1000\nregistration = true\n"
                )
            }
            Kind::Prosody => format!(
                r#"run_as_root = true
daemonize = false
data_path = "{directory}"
pidfile = "{directory}/pid"
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "version", "smacks", "offline", "carbons", "csi" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
log = {{ warn = "{directory}/log" }}
VirtualHost "{DOMAIN}"
"#
            ),
        }
    }

    fn launch(&mut self) -> Result<()> {
        let log = std::fs::File::create(self.directory.join("output"))?;
        let mut command = match self.kind {
            Kind::Jirani => self.command(&["run", "--name", "first"]),
            Kind::Prosody => {
                let mut command = Command::new(&self.binary);
                command.arg("-F").arg("--config").arg(self.config());
                command
            }
        };
        let process = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        self.process = Some(process.with_context(|| format!("cannot start {}", self.binary.display()))?);
        let begin = Instant::now();
        while !self.answers() {
            if !self.runs() || begin.elapsed() > START_TIME_MAX {
                bail!("the server does not answer; it said:\n{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether clients can connect and accounts can be made.
    fn answers(&self) -> bool {
        let controlled = || match self.kind {
            Kind::Jirani => self.command(&["account", "list"]).output().is_ok_and(|output| output.status.success()),
            Kind::Prosody => true,
        };
        TcpStream::connect(self.address).is_ok() && controlled()
    }

    /// The server's own program, told where everything is.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--data").arg(&self.directory).arg("--config").arg(self.config()).args(args);
        command
    }

    fn make_account(&self, name: &str) -> Result<()> {
        let mut command = match self.kind {
            Kind::Jirani => self.command(&["account", "add", name, "--password-stdin"]),
            Kind::Prosody => {
                let mut command = Command::new(self.binary.with_file_name("prosodyctl"));
                command.arg("--config").arg(self.config()).args(["--root", "register", name, DOMAIN, PASSWORD]);
                command
            }
        };
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = process.stdin.take() {
            // Who does not read a password there has closed it.
            let _ = writeln!(stdin, "{PASSWORD}");
        }
        let output = process.wait_with_output()?;
        if !output.status.success() {
            bail!("the account {name} cannot be made: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// An address that nobody listens on, and that none of our servers was given: Prosody goes on without a port that is
/// taken, and its clients would meet another play's server.
fn free() -> Result<SocketAddr> {
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    loop {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(address) {
            return Ok(address);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
