//! The daemon from start to end: a readable list of small steps.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mesh::Label;
use net::ca::Authority;
use net::certificates::Certificates;
use net::clock::Clock;
use net::conn::Begin;
use net::engine::{Engine, Parts};
use net::neighbourhood::{self, Neighbourhood};
use net::sasl::FakeKey;
use net::{control as control_sockets, listen, tls};
use sd_notify::NotifyState;
use store::Sqlite;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{LocalSet, spawn_local};
use xmpp::Hosts;

use crate::config::Config;
use crate::control::{self, Daemon, Reply, Request};
use crate::home::{Home, Identity};
use crate::logs::{Format, Logs};
use crate::people::{self, People};
use crate::{machine, metrics, progress, setup, sockets};

/// How often the daemon looks whether its certificate must be renewed.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(3600);

/// What the command line says beside the configuration.
pub(crate) struct Wishes {
    pub(crate) name: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) log_format: Option<Format>,
}

/// What ends the daemon, or has it read its files again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they are kept until they are looked at.
    fn listen() -> Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Starts the daemon and serves until a signal ends it; or, if one runs already, gets an account there.
///
/// # Errors
/// Why it cannot be started.
pub(crate) fn run(home: &Home, config: Config, wishes: Wishes, again: &dyn Fn() -> Result<Config>) -> Result<()> {
    let Wishes { name, label, log_format } = wishes;
    let logs = Logs::begin(&config.log, log_format.unwrap_or(config.log_format))?;
    if let Err(error) = machine::raise_file_limit() {
        tracing::info!(%error, "the number of open files stays as it is");
    }
    let label = label.map(|l| Label::new(&l)).transpose().context("the label cannot be used")?;
    let Some(_lock) = home.lock()? else {
        bail!("a daemon runs with the data in {} already. `jirani account list` asks it", home.path().display());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        let Some(listeners) = sockets::open(&config).await? else { return join(&config) };
        let metrics = match config.metrics()? {
            Some(address) => Some(sockets::open_metrics(address).await?),
            None => None,
        };
        let identity = home.identity(label)?;
        let (daemon, authority) = start(home, &config, &identity, listeners)?;
        if let Some(listener) = metrics {
            spawn_local(net::metrics::serve(listener, config.metrics_for_others, teller(&daemon)));
        }
        find_neighbours(&config, &daemon, &identity).await;
        // Before anybody can see that it serves: whoever does may end it the moment after.
        let signals = Signals::listen()?;
        control_sockets(&config, &daemon)?;
        welcome(&config, &daemon, &identity, name).await?;
        sockets::tell_system(NotifyState::Ready);
        wait(signals, &authority, &daemon, &logs, again).await?;
        sockets::tell_system(NotifyState::Stopping);
        if let Some(Ok(neighbourhood)) = daemon.neighbourhood.get() {
            neighbourhood.close().await;
        }
        daemon.engine.shut_down().await;
        // A socket without a daemon behind it would only puzzle; the next start would remove it too.
        let _ = std::fs::remove_file(home.control());
        Ok(())
    }))
}

/// A second person on this computer: an account at the daemon that runs.
fn join(config: &Config) -> Result<()> {
    match control::ask_neighbour(&control::public_name(config), &Request::Join)? {
        Some(Reply::Account { address, password }) => {
            println!("A Jirani of another user runs on this computer. You have an account there now.\n");
            setup::print_account(&address, password.as_deref(), first_port(config));
            Ok(())
        }
        _ => bail!("a daemon of this computer answers, but gives no account"),
    }
}

/// Opens the store, and lets clients in.
fn start(
    home: &Home,
    config: &Config,
    identity: &Identity,
    listeners: Vec<(TcpListener, Begin)>,
) -> Result<(Rc<Daemon>, Authority)> {
    let hosts = Arc::new(hosts(home, config, identity)?);
    let clock = Clock::start();
    let authority = Authority::open(&home.tls()).context("this computer's certificate authority cannot be used")?;
    let certificates = Arc::new(Certificates::new(authority.leaf(&hosts.domains(), clock.now().wall)?));
    certificates.reload(&config.certificate_files())?;
    let opened = progress::during("Opening the store", || None, || Sqlite::open(&home.store()));
    let store = opened.context("the store cannot be opened")?;
    let engine = Engine::start(Parts {
        shard: xmpp::Config {
            hosts,
            node: identity.node,
            archive: config.archive,
            contact: config.contact,
            links: config.links,
            resume_time_max: Duration::from_secs(u64::from(config.resume_minutes) * 60),
            version: env!("CARGO_PKG_VERSION"),
        },
        store,
        tls: Some(tls::server_config(Arc::clone(&certificates))?),
        tls_required_on_loopback: config.require_tls,
        registration: config.registration,
        fake: FakeKey::new(&identity.fake_secret, config.scram_iterations),
        iterations: config.scram_iterations,
        connections_max: machine::connections_max(),
    })
    .context("the store's threads cannot be started")?;
    for (listener, begin) in listeners {
        spawn_local(listen::serve(Rc::clone(&engine), listener, begin));
    }
    let daemon = Daemon {
        engine,
        home: home.clone(),
        certificates,
        clock,
        since: clock.now().wall,
        neighbourhood: OnceCell::new(),
    };
    Ok((Rc::new(daemon), authority))
}

/// Opens the links and looks around. Without them the daemon serves who is on it, and says so.
async fn find_neighbours(config: &Config, daemon: &Daemon, identity: &Identity) {
    if !config.links {
        return;
    }
    let opened = open_links(config, daemon, identity).await;
    if let Err(error) = &opened {
        tracing::error!(error = format!("{error:#}"), "no neighbours");
    }
    // Nobody else sets it.
    let _ = daemon.neighbourhood.set(opened.map_err(|error| format!("{error:#}")));
}

async fn open_links(config: &Config, daemon: &Daemon, identity: &Identity) -> Result<Rc<Neighbourhood>> {
    let parts = neighbourhood::Parts {
        port: config.links_port,
        loopback: config.links_on_this_computer,
        networks: config.links_on_networks,
        manual: config.links_to.clone(),
        shy: config.links_hidden,
        keyring: Box::new(People::open(&daemon.home, &identity.genesis)?),
    };
    Ok(Neighbourhood::start(&daemon.engine, parts).await?)
}

/// What tells the metrics.
fn teller(daemon: &Rc<Daemon>) -> net::metrics::Teller {
    let daemon = Rc::clone(daemon);
    Rc::new(move || {
        let daemon = Rc::clone(&daemon);
        Box::pin(async move { metrics::look(&daemon).await.ok() })
    })
}

/// The domains, an administrator's own one before the node's; and the accounts of other laptops' domains.
fn hosts(home: &Home, config: &Config, identity: &Identity) -> Result<Hosts> {
    let own = identity.genesis.name().to_string();
    let guests = people::guests(home)?;
    Ok(match config.domain()? {
        None => Hosts { primary: own.clone(), served: vec![own], guests, ..Hosts::default() },
        Some(domain) => Hosts { primary: domain.clone(), served: vec![domain, own], guests, ..Hosts::default() },
    })
}

fn control_sockets(config: &Config, daemon: &Rc<Daemon>) -> Result<()> {
    let answerer = |public: bool| -> control_sockets::Answerer {
        let daemon = Rc::clone(daemon);
        Rc::new(move |uid, line| {
            let daemon = Rc::clone(&daemon);
            Box::pin(async move {
                let reply = if public {
                    control::answer_user(&daemon, uid, &line).await
                } else {
                    control::answer_owner(&daemon, uid, &line).await
                };
                serde_json::to_string(&reply).expect("a reply is plain data")
            })
        })
    };
    let path = daemon.home.control();
    let own: UnixListener = control_sockets::listen_in(&path, daemon.home.is_system())
        .with_context(|| format!("cannot open {}", path.display()))?;
    spawn_local(control_sockets::serve(own, answerer(false)));
    if config.open_to_this_computer {
        match control_sockets::listen_abstract(&control::public_name(config)) {
            Ok(public) => {
                spawn_local(control_sockets::serve(public, answerer(true)));
            }
            Err(error) => tracing::warn!(%error, "other users of this computer cannot get accounts by themselves"),
        }
    }
    Ok(())
}

/// Makes the first account if there is none, and says what to do.
async fn welcome(config: &Config, daemon: &Daemon, identity: &Identity, name: Option<String>) -> Result<()> {
    let accounts = match control::perform(daemon, Request::List).await {
        Reply::Accounts(accounts) => accounts,
        Reply::Refused(why) => bail!("{why}"),
        _ => bail!("the daemon is confused"),
    };
    // The computer's own daemon is nobody's, and what it prints is kept in the journal: it shows no password.
    if accounts.is_empty() && config.domain.is_none() && !daemon.home.is_system() {
        let name = name.unwrap_or_else(setup::user_name);
        match control::perform(daemon, Request::Add { name, password: None }).await {
            Reply::Account { address, password } => {
                println!("Jirani is running. Welcome!\n");
                setup::print_account(&address, password.as_deref(), first_port(config));
            }
            Reply::Refused(why) => bail!("the first account could not be made: {why}"),
            _ => {}
        }
    } else {
        println!("Jirani is running for {} on {}.", daemon.engine.hosts().primary, crate::account::server(config));
        let system = if daemon.home.is_system() { "--system " } else { "" };
        println!(
            "`jirani {system}account add NAME` makes an account, `jirani setup CLIENT` says what to type into a chat program."
        );
    }
    if identity.new {
        println!("\nOn paper: {} has the key to your address's future.", daemon.home.next_root_key().display());
    }
    if !daemon.home.is_system() {
        println!("Ctrl-C ends it.");
    }
    Ok(())
}

fn first_port(config: &Config) -> u16 {
    config.listen.first().or(config.listen_tls.first()).map_or(0, SocketAddr::port)
}

/// What of a configuration can change while the daemon runs. All else is for the next start.
fn take_again(config: &Config, certificates: &Certificates, logs: &Logs) {
    match certificates.reload(&config.certificate_files()) {
        Ok(()) => tracing::info!("certificates were read again"),
        Err(error) => tracing::error!(%error, "the new certificates are not used; the old ones stay"),
    }
    match logs.set_level(&config.log) {
        Ok(()) => tracing::info!(level = config.log, "the configuration was read again"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "the level of the logs stays as it was"),
    }
}

/// Waits for the end; on SIGHUP reads the configuration and certificates again, and these before they expire.
async fn wait(
    mut signals: Signals,
    authority: &Authority,
    daemon: &Daemon,
    logs: &Logs,
    again: &dyn Fn() -> Result<Config>,
) -> Result<()> {
    let Daemon { engine, certificates, clock, .. } = daemon;
    loop {
        let reload = tokio::select! {
            _ = signals.terminate.recv() => return Ok(()),
            _ = signals.interrupt.recv() => return Ok(()),
            _ = signals.hangup.recv() => true,
            () = tokio::time::sleep(CERTIFICATE_CHECK) => false,
            () = engine.domains_changed() => false,
        };
        match authority.leaf(&engine.hosts().domains(), clock.now().wall) {
            Ok(leaf) => certificates.set_own(leaf),
            Err(error) => tracing::error!(%error, "the certificate could not be renewed; the old one stays"),
        }
        if reload {
            match again() {
                Ok(config) => take_again(&config, certificates, logs),
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the new configuration is not used; the old one stays"
                ),
            }
        }
    }
}
