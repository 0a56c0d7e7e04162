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

/// How a daemon's process ends, if not by itself. Without an order it is asked politely.
#[derive(Clone, Copy, Debug)]
struct Kill;

/// See the module. Its daemon is asked to end when the value is dropped.
pub(crate) struct Laptop {
    /// The person, as their account is named.
    pub(crate) name: &'static str,
    /// Where clients connect on 127.0.0.1.
    pub(crate) port: u16,
    /// The daemon's data.
    pub(crate) data: PathBuf,
    pub(crate) address: Bare,
    pub(crate) password: String,
    log: PathBuf,
    orders: Option<oneshot::Sender<Kill>>,
    killed: Option<oneshot::Receiver<()>>,
    /// Is told when the daemon ends unasked; and the last keeper who has it closes it.
    ended: mpsc::Sender<Error>,
}

impl Laptop {
    /// Starts it for the first time, which makes its address and the account.
    ///
    /// # Errors
    /// Why the daemon does not serve.
    pub(crate) async fn new(folder: &Path, name: &'static str, ended: mpsc::Sender<Error>) -> Result<Laptop> {
        let folder = folder.join(name);
        private_directory(&folder)?;
        let (data, log) = (folder.join("data"), folder.join("log"));
        private_directory(&data)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = format!(
            "listen = [\"127.0.0.1:{port}\"]\nlisten_tls = []\nopen_to_this_computer = false\nlog = \"info\"\n\
             links_port = 0\nlinks_on_this_computer = true\nlinks_on_networks = false\n"
        );
        fs::write(data.join("config.toml"), config)?;
        let nobody = Bare::new(name).context("a name of the demo")?;
        let (address, password) = (nobody, String::new());
        let mut laptop = Laptop { name, port, data, address, password, log, orders: None, killed: None, ended };
        laptop.open().await?;
        match control::ask(&laptop.home(), &Request::Passwd { name: name.to_owned(), password: None })? {
            Reply::Account { address, password: Some(password) } => {
                (laptop.address, laptop.password) = (Bare::new(&address)?, password);
                Ok(laptop)
            }
            _ => bail!("the daemon gives no password"),
        }
    }

    /// Starts the daemon, and waits until it serves.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn open(&mut self) -> Result<()> {
        let log = || File::options().create(true).append(true).open(&self.log);
        let program = std::env::current_exe().context("the system does not say which program this is")?;
        let mut command = Command::new(program);
        command.arg("--data").arg(&self.data).args(["run", "--name", self.name]);
        // A signal of the terminal is for the story: it decides who ends when.
        command.process_group(0).kill_on_drop(true);
        command.env_remove("LISTEN_PID").env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM");
        let child = command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).spawn();
        let child = child.context("a daemon cannot be started")?;
        let ((orders, order), (gone, killed)) = (oneshot::channel(), oneshot::channel());
        tokio::spawn(keep(self.name, child, order, gone, self.ended.clone()));
        (self.orders, self.killed) = (Some(orders), Some(killed));
        let begun = Instant::now();
        // An address is there when the first account is.
        while !matches!(control::ask(&self.home(), &Request::List), Ok(Reply::Accounts(who)) if !who.is_empty()) {
            if begun.elapsed() > START_PATIENCE {
                bail!("the daemon of {} does not serve", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Closes the lid: the process is gone in the middle of whatever it does.
    pub(crate) async fn close(&mut self) {
        if let (Some(orders), Some(killed)) = (self.orders.take(), self.killed.take()) {
            // Its keeper is there as long as the daemon is.
            let _ = orders.send(Kill);
            let _ = killed.await;
        }
    }

    fn home(&self) -> Home {
        Home::at(self.data.clone())
    }
}

/// Has a daemon's process until it ends: by itself, which is a failure, or because of an order, or because nobody can
/// give one any more. `gone` and `ended` are dropped then.
async fn keep(
    name: &'static str,
    mut child: Child,
    order: oneshot::Receiver<Kill>,
    gone: oneshot::Sender<()>,
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
    drop(gone);
}
