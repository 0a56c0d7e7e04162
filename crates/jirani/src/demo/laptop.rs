//! One laptop of the demo: a daemon as a process of this program, with data and a port of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, anyhow, bail};
use base::Bare;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use crate::control::{self, Reply, Request};
use crate::home::{Home, private_directory};

/// A first start makes keys; on a machine that does much else that takes a while.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that is asked to end does so in less.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether a daemon serves.
const LOOK: Duration = Duration::from_millis(10);

/// The order to end in the middle of whatever the daemon does.
#[derive(Clone, Copy, Debug)]
struct Kill;

/// A laptop, with the person whose it is.
pub(crate) struct Laptop {
    /// The person, as their account is named.
    pub(crate) name: &'static str,
    pub(crate) address: Bare,
    pub(crate) password: String,
    /// Where clients connect on 127.0.0.1.
    pub(crate) port: u16,
    /// The daemon's data.
    pub(crate) data: PathBuf,
    daemon: Daemon,
}

/// A daemon's process. It is asked to end when the value is dropped.
struct Daemon {
    name: &'static str,
    data: PathBuf,
    log: PathBuf,
    /// While it runs: what takes an order, and what is closed when the process is gone.
    runs: Option<(oneshot::Sender<Kill>, oneshot::Receiver<()>)>,
    /// Is told when it ends unasked; and the last process that has it closes it.
    ended: mpsc::Sender<Error>,
}

impl Laptop {
    /// Starts it for the first time, which makes its address and the account.
    ///
    /// # Errors
    /// Why the daemon does not serve.
    pub(crate) async fn new(folder: &Path, name: &'static str, ended: mpsc::Sender<Error>) -> Result<Laptop> {
        let folder = folder.join(name);
        let (data, log) = (folder.join("data"), folder.join("log"));
        private_directory(&data)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = format!(
            "listen = [\"127.0.0.1:{port}\"]\nlisten_tls = []\nopen_to_this_computer = false\nlog = \"info\"\n\
             links_port = 0\nlinks_on_this_computer = true\nlinks_on_networks = false\n"
        );
        fs::write(data.join("config.toml"), config)?;
        let mut daemon = Daemon { name, data: data.clone(), log, runs: None, ended };
        daemon.start().await?;
        match daemon.ask(&Request::Passwd { name: name.to_owned(), password: None })? {
            Reply::Account { address, password: Some(password) } => {
                Ok(Laptop { name, address: Bare::new(&address)?, password, port, data, daemon })
            }
            _ => bail!("the daemon of {name} gives no password"),
        }
    }

    /// Closes the lid: the daemon is gone in the middle of whatever it does.
    pub(crate) async fn close(&mut self) {
        if let Some((orders, gone)) = self.daemon.runs.take() {
            // Its keeper is there as long as the daemon is.
            let _ = orders.send(Kill);
            let _ = gone.await;
        }
    }

    /// Opens the lid.
    ///
    /// # Errors
    /// If the daemon does not serve.
    pub(crate) async fn open(&mut self) -> Result<()> {
        self.daemon.start().await
    }
}

impl Daemon {
    /// Starts the process, and waits until it serves.
    async fn start(&mut self) -> Result<()> {
        let log = || File::options().create(true).append(true).open(&self.log);
        let program = std::env::current_exe().context("the system does not say which program this is")?;
        let mut command = Command::new(program);
        command.arg("--data").arg(&self.data).args(["run", "--name", self.name]);
        // A signal of the terminal is for the story: it decides who ends when.
        command.process_group(0).kill_on_drop(true);
        for name in ["LISTEN_PID", "NOTIFY_SOCKET", "JOURNAL_STREAM"] {
            command.env_remove(name);
        }
        let child = command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).spawn();
        let child = child.context("a daemon cannot be started")?;
        let ((orders, order), (keeper, gone)) = (oneshot::channel(), oneshot::channel());
        tokio::spawn(keep(self.name, child, order, keeper, self.ended.clone()));
        self.runs = Some((orders, gone));
        let begun = Instant::now();
        // An address is there when the first account is.
        while !matches!(self.ask(&Request::List), Ok(Reply::Accounts(who)) if !who.is_empty()) {
            if begun.elapsed() > START_PATIENCE {
                bail!("the daemon of {} does not serve", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn ask(&self, request: &Request) -> Result<Reply> {
        control::ask(&Home::at(self.data.clone()), request)
    }
}

/// Has a daemon's process until it ends: by itself, which is a failure, or because of an order, or because nobody can
/// give one any more. `keeper` and `ended` are dropped then.
async fn keep(
    name: &'static str,
    mut child: Child,
    order: oneshot::Receiver<Kill>,
    keeper: oneshot::Sender<()>,
    ended: mpsc::Sender<Error>,
) {
    tokio::select! {
        status = child.wait() => {
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            // The story may be over, too.
            let _ = ended.send(anyhow!("the daemon of {name} has ended by itself: {how}")).await;
        }
        order = order => {
            let id = child.id().and_then(|id| i32::try_from(id).ok());
            if let (Err(_), Some(id)) = (order, id) {
                // It may be ending at this moment.
                let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
                let _ = tokio::time::timeout(STOP_PATIENCE, child.wait()).await;
            }
            // One that is gone cannot be killed.
            let _ = child.kill().await;
        }
    }
    drop(keeper);
}
