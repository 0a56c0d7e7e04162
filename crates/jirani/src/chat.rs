//! `jirani chat`: a small chat program for a terminal, for who has no other yet and for scripts. What it says and shows is
//! decided in `chat/client.rs`; here are the socket, the keyboard and the clock.

pub(crate) mod client;
mod scram;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use base::Bare;
use net::clock::Clock;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use time::UtcOffset;

use crate::chat::client::{Client, Login};
use crate::config::Config;
use crate::home::Home;
use crate::setup;
use crate::terminal::harmless;

/// Events that wait for the client: a person types less, and what the daemon sends stays in its socket.
const EVENTS_MAX: usize = 64;

/// What happens to a client.
enum Event {
    Bytes(Vec<u8>),
    Gone,
    Line(String),
    NoMoreLines,
}

/// Logs in to the daemon of this computer, and chats until the person has enough.
///
/// # Errors
/// If there is no such account, the password is wrong, or the daemon goes away.
pub(crate) fn chat(home: &Home, config: &Config, name: Option<String>) -> Result<()> {
    // While there is one thread: the system tells it to no other program.
    let ahead = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    let address = setup::find(home, config, name)?;
    let address = Bare::new(&address).context("the daemon says an address that is none")?;
    let password = password(&address)?;
    let server = server(config)?;
    let stream = TcpStream::connect(server).with_context(|| format!("nobody answers at {server}"))?;
    let nonce: [u8; 16] = net::random();
    let mut client = Client::new(Login {
        address,
        password,
        nonce: format!("{:032x}", u128::from_le_bytes(nonce)),
        ahead_ms: i64::from(ahead.whole_seconds()) * 1000,
    });
    let clock = Clock::start();
    let (events, happened) = sync_channel(EVENTS_MAX);
    let mut typing = Some(events.clone());
    let (reading, mut writing) = (stream.try_clone()?, stream);
    thread::spawn(move || read_socket(reading, &events));
    loop {
        // It may be gone with its last words still to be read.
        let _ = writing.write_all(&client.poll_bytes());
        for line in client.poll_lines() {
            writeln!(io::stdout(), "{line}")?;
        }
        if let Some(end) = client.is_over() {
            return end.map_err(|why| anyhow!("{why}"));
        }
        if client.is_online()
            && let Some(events) = typing.take()
        {
            thread::spawn(move || read_keyboard(&events));
        }
        match happened.recv().unwrap_or(Event::Gone) {
            Event::Bytes(bytes) => client.handle_bytes(clock.now().wall, &bytes),
            Event::Line(line) => client.handle_line(&line),
            Event::NoMoreLines => client.quit(),
            Event::Gone => bail!("the daemon has gone"),
        }
    }
}

/// Where clients of this computer connect.
fn server(config: &Config) -> Result<SocketAddr> {
    let listen = config.listen.first().context("the daemon listens for TLS only, which this client does not speak")?;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}

/// Asks for the password without showing it; from a script it is the first line.
fn password(address: &Bare) -> Result<String> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        let before = tcgetattr(&stdin).context("the terminal cannot hide a password")?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        eprint!("Password of {}: ", harmless(address.as_str()));
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent).context("the terminal cannot hide a password")?;
        let read = stdin.lock().read_line(&mut line);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &before)?;
        eprintln!();
        read
    } else {
        stdin.lock().read_line(&mut line)
    }
    .context("cannot read the password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("there is no password. `jirani account passwd` makes a new one");
    }
    Ok(password.to_owned())
}

fn read_socket(mut stream: TcpStream, events: &SyncSender<Event>) {
    let mut buffer = [0; 16_384];
    loop {
        let event = match stream.read(&mut buffer) {
            Ok(count) if count > 0 => Event::Bytes(buffer[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            _ => Event::Gone,
        };
        let last = matches!(event, Event::Gone);
        if events.send(event).is_err() || last {
            return;
        }
    }
}

fn read_keyboard(events: &SyncSender<Event>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if events.send(Event::Line(line)).is_err() {
            return;
        }
    }
    // The client may be over already.
    let _ = events.send(Event::NoMoreLines);
}
