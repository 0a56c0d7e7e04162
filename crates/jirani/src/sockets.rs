//! The sockets that clients connect to: opened here, or adopted from systemd (sd_listen_fds(3)), which has them before
//! anybody else of the computer can take the port (attack case H14). And what systemd is told (sd_notify(3)).

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use listenfd::ListenFd;
use net::conn::Begin;
use net::listen;
use nix::sys::socket::{getsockopt, sockopt};
use sd_notify::NotifyState;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::control;

/// The name of a socket unit's sockets (FileDescriptorName=) that are for TLS only; all others are for both.
const TLS_ONLY: &str = "xmpps-client";

/// Opens the sockets for clients. `None` if another Jirani has them.
///
/// # Errors
/// Which one cannot be had, and why.
pub(crate) async fn open(config: &Config) -> Result<Option<Vec<(TcpListener, Begin)>>> {
    let given = adopt(ListenFd::from_env(), &std::env::var("LISTEN_FDNAMES").unwrap_or_default())?;
    if !given.is_empty() {
        return Ok(Some(given));
    }
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

/// Takes what systemd has opened; then the configuration's own addresses are not used. All of them must be TCP sockets
/// that listen: any other is a mistake in a unit, and is said.
fn adopt(mut given: ListenFd, names: &str) -> Result<Vec<(TcpListener, Begin)>> {
    let mut names = names.split(':');
    let mut listeners = Vec::new();
    for at in 0..given.len() {
        let begin = if names.next() == Some(TLS_ONLY) { Begin::Tls } else { Begin::Either };
        let what = || format!("the socket number {at} that systemd passes cannot be used: see the socket unit");
        let Some(socket) = given.take_tcp_listener(at).with_context(what)? else { continue };
        if !getsockopt(&socket, sockopt::AcceptConn).with_context(what)? {
            bail!("{}: nobody can connect to it", what());
        }
        socket.set_nonblocking(true).with_context(what)?;
        tracing::info!(address = %socket.local_addr().with_context(what)?, ?begin, "a socket was adopted");
        listeners.push((TcpListener::from_std(socket).with_context(what)?, begin));
    }
    Ok(listeners)
}

/// Opens the port that metrics are told on.
///
/// # Errors
/// If it is taken, or not of this computer.
pub(crate) async fn open_metrics(address: SocketAddr) -> Result<TcpListener> {
    listen::listen(address).await.with_context(|| format!("`metrics`: cannot listen on {address}"))
}

/// Tells systemd, if it started us, how the daemon is.
pub(crate) fn tell_system(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the daemon is");
    }
}
