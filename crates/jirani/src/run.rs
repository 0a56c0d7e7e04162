//! The daemon from start to end: a readable list of small steps.

use std::io;
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
use net::sasl::FakeKey;
use net::{control as sockets, listen, tls};
use store::Sqlite;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{LocalSet, spawn_local};
use xmpp::Hosts;

use crate::config::Config;
use crate::control::{self, Daemon, Reply, Request};
use crate::home::{Home, Identity};
use crate::{machine, setup};

/// How often the daemon looks whether its certificate must be renewed.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(3600);

/// Starts the daemon and serves until a signal ends it; or, if one runs already, gets an account there.
pub(crate) fn run(home: &Home, config: Config, name: Option<String>, label: Option<String>) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(io::stderr)
        .init();
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
        let Some(listeners) = bind(&config).await? else { return join(&config) };
        if home.path().join("identity/genesis").exists() {
            serve(home, config, home.identity(label)?, name, listeners).await
        } else {
            eprintln!("Making your address (some seconds on an old computer)...");
            serve(home, config, home.identity(label)?, name, listeners).await
        }
    }))
}

/// Opens the sockets for clients. `None` if another Jirani has them.
async fn bind(config: &Config) -> Result<Option<Vec<(TcpListener, Begin)>>> {
    let mut listeners = Vec::new();
    let all =
        config.listen.iter().map(|a| (*a, Begin::Either)).chain(config.listen_tls.iter().map(|a| (*a, Begin::Tls)));
    for (address, begin) in all {
        match listen::listen(address).await {
            Ok(listener) => listeners.push((listener, begin)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if net::control::client::connect_abstract(&control::public_name(config)).is_ok() {
                    return Ok(None);
                }
                bail!(
                    "another program has {address} already (`ss -ltnp` shows which). Stop it, or choose another port: \
                     `listen` in the configuration"
                );
            }
            // A computer without IPv6 is served on IPv4.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv6() => {
                tracing::info!(%address, "this computer has no such address");
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
        }
    }
    Ok(Some(listeners))
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

async fn serve(
    home: &Home,
    config: Config,
    identity: Identity,
    name: Option<String>,
    listeners: Vec<(TcpListener, Begin)>,
) -> Result<()> {
    let hosts = Arc::new(hosts(&config, &identity)?);
    let clock = Clock::start();
    let authority = Authority::open(&home.tls()).context("this computer's certificate authority cannot be used")?;
    let served: Vec<&str> = hosts.served.iter().map(String::as_str).collect();
    let certificates = Arc::new(Certificates::new(authority.leaf(&served, clock.now().wall)?));
    certificates.reload(&config.certificate_files())?;
    let store = Sqlite::open(&home.store()).context("the store cannot be opened")?;
    let engine = Engine::start(Parts {
        shard: xmpp::Config {
            hosts: Arc::clone(&hosts),
            node: identity.node,
            archive: config.archive,
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
    let daemon = Rc::new(Daemon { engine, hosts, home: home.clone(), certificates, clock, since: clock.now().wall });
    control_sockets(&config, &daemon)?;
    welcome(&config, &daemon, &identity, name).await?;
    wait(&config, &authority, &daemon).await?;
    daemon.engine.shut_down().await;
    // A socket without a daemon behind it would only puzzle; the next start would remove it too.
    let _ = std::fs::remove_file(home.control());
    Ok(())
}

/// The domains: an administrator's own one before the node's.
fn hosts(config: &Config, identity: &Identity) -> Result<Hosts> {
    let own = identity.genesis.name().to_string();
    Ok(match config.domain()? {
        None => Hosts { primary: own.clone(), served: vec![own] },
        Some(domain) => Hosts { primary: domain.clone(), served: vec![domain, own] },
    })
}

fn control_sockets(config: &Config, daemon: &Rc<Daemon>) -> Result<()> {
    let answerer = |public: bool| -> sockets::Answerer {
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
    let own: UnixListener = sockets::listen_in(&path).with_context(|| format!("cannot open {}", path.display()))?;
    spawn_local(sockets::serve(own, answerer(false)));
    if config.open_to_this_computer {
        match sockets::listen_abstract(&control::public_name(config)) {
            Ok(public) => {
                spawn_local(sockets::serve(public, answerer(true)));
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
        Reply::Account { .. } | Reply::Status(_) | Reply::Done => Vec::new(),
    };
    if accounts.is_empty() && config.domain.is_none() {
        let name = name.unwrap_or_else(setup::user_name);
        match control::perform(daemon, Request::Add { name, password: None }).await {
            Reply::Account { address, password } => {
                println!("Jirani is running. Welcome!\n");
                setup::print_account(&address, password.as_deref(), first_port(config));
            }
            Reply::Refused(why) => bail!("the first account could not be made: {why}"),
            Reply::Accounts(_) | Reply::Status(_) | Reply::Done => {}
        }
    } else {
        println!("Jirani is running for {} on {}.", daemon.hosts.primary, crate::account::server(config));
        println!(
            "`jirani account add NAME` makes an account, `jirani setup CLIENT` says what to type into a chat program."
        );
    }
    if identity.new {
        println!("\nOn paper: {} has the key to your address's future.", daemon.home.next_root_key().display());
    }
    println!("Ctrl-C ends it.");
    Ok(())
}

fn first_port(config: &Config) -> u16 {
    config.listen.first().or(config.listen_tls.first()).map_or(0, SocketAddr::port)
}

/// Waits for the end; reads certificates again on SIGHUP and before they expire.
async fn wait(config: &Config, authority: &Authority, daemon: &Daemon) -> Result<()> {
    let Daemon { hosts, certificates, clock, .. } = daemon;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let reload = tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => true,
            () = tokio::time::sleep(CERTIFICATE_CHECK) => false,
        };
        let served: Vec<&str> = hosts.served.iter().map(String::as_str).collect();
        match authority.leaf(&served, clock.now().wall) {
            Ok(leaf) => certificates.set_own(leaf),
            Err(error) => tracing::error!(%error, "the certificate could not be renewed; the old one stays"),
        }
        if reload {
            match certificates.reload(&config.certificate_files()) {
                Ok(()) => tracing::info!("certificates were read again"),
                Err(error) => tracing::error!(%error, "the new certificates are not used; the old ones stay"),
            }
        }
    }
}
