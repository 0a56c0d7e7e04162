//! A daemon with a directory and a port of its own. Both are gone at the end of the test.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// More than any step takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_jirani");

pub(crate) struct House {
    directory: PathBuf,
    pub(crate) port: u16,
    daemon: Option<Child>,
}

/// A port that nobody has now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl House {
    /// A directory with a configuration: one port of its own, and these lines.
    pub(crate) fn new(more: &str) -> House {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jirani-daemon-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let house = House { directory: std::env::temp_dir().join(name), port: free_port(), daemon: None };
        fs::create_dir(&house.directory).unwrap();
        house.configure(more);
        house
    }

    /// Writes the configuration anew. Without links: houses of several tests, and other machines, would find each other.
    pub(crate) fn configure(&self, more: &str) {
        let listen = format!("listen = [\"127.0.0.1:{}\"]\nlisten_tls = []\n", self.port);
        fs::write(self.path("config.toml"), listen + "open_to_this_computer = false\nlinks = false\n" + more).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// A command of the program for this house; not as the test's own surroundings have it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        self.surround(&mut command);
        command.args(["--data", self.path("data").to_str().unwrap()]).args(args);
        command.args(["--config", self.path("config.toml").to_str().unwrap()]);
        command
    }

    fn surround(&self, command: &mut Command) {
        for name in ["RUST_LOG", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            command.env_remove(name);
        }
        command.env("HOME", &self.directory).stdin(Stdio::null());
    }

    /// Starts the daemon and waits until it serves.
    pub(crate) fn start(&mut self, args: &[&str], environment: &[(&str, &str)]) {
        let mut command = self.command(args);
        command.envs(environment.iter().copied());
        self.start_as(command);
        self.wait_for("it does not serve", |house| house.said().contains("Ctrl-C ends it."));
    }

    /// Runs this as the daemon.
    pub(crate) fn start_as(&mut self, mut command: Command) {
        let file = |name: &str| File::options().create(true).append(true).open(self.path(name)).unwrap();
        let child = command.stdout(file("said")).stderr(file("log")).spawn().unwrap();
        self.daemon = Some(child);
    }

    /// What it has said on standard output.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, missing: &str, mut seen: impl FnMut(&mut House) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap());
            let said = format!("{}\n{}", self.said(), self.log());
            assert!(ended.is_none(), "{missing}: it has ended\n{said}");
            assert!(begun.elapsed() < PATIENCE, "{missing}\n{said}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command to its end; `input` is what it reads.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// As [`House::run`], where it must succeed; gives what it prints.
    #[track_caller]
    pub(crate) fn ask(&self, args: &[&str], input: &str) -> String {
        let done = self.run(args, input);
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{args:?}: {}\n{error}", done.status);
        assert_eq!(error, "", "{args:?}: without a terminal there is no word of progress");
        String::from_utf8(done.stdout).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.daemon.as_ref().expect("it runs").id();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
    }

    /// Waits for the daemon's end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.daemon.take().expect("it runs").wait().unwrap()
    }

    pub(crate) fn has(&self, name: impl AsRef<Path>) -> bool {
        self.directory.join(name).exists()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // It may have ended by itself.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        fs::remove_dir_all(&self.directory).unwrap();
    }
}
