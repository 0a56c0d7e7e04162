//! One connection of an attacker: brought as far as the attack needs, then bytes as they are.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sim::{Client, Goal, Login};
use socket2::{Domain, SockRef, Socket, Type};

use super::case::Stage;
use super::words::Words;

/// How long a login may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Written at once, before the daemon's answers are looked at.
const CHUNK: usize = 16_384;
/// The system remembers closed connections by both addresses for a minute: after so many, another address of this machine
/// is the attacker's.
const CONNECTIONS_PER_ADDRESS: u32 = 10_000;
/// The type of an alert in TLS, and no character of XML: from there on, nothing is XML.
const TLS_ALERT: u8 = 21;

/// See the module.
pub(crate) struct Attacker {
    client: Client,
    stream: TcpStream,
    pub(crate) words: Words,
    /// Everything that was heard, as it came, if somebody wants to look for something in it.
    pub(crate) raw: Option<Vec<u8>>,
    is_closed: bool,
}

/// Opens a connection to the daemon.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let [a, b, c, d] = Ipv4Addr::LOCALHOST.octets();
    let own = Ipv4Addr::new(a, b, c, d + (number / CONNECTIONS_PER_ADDRESS % 200) as u8);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddrV4::new(own, 0).into())?;
    socket.connect(&address.into()).context("the daemon takes no connection")?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

impl Attacker {
    /// One who has come so far, as this person where it takes one.
    pub(crate) fn at(stage: Stage, address: SocketAddr, domain: &str, account: &str) -> Result<Attacker> {
        let login = Login {
            account: account.into(),
            domain: domain.into(),
            password: crate::server::PASSWORD.into(),
            resource: Some("here".into()),
            presence: Some("<presence/>".into()),
            managed: stage == Stage::Managed,
            language: None,
        };
        let (client, stream) = (Client::new(login), connect(address)?);
        let mut attacker = Attacker { client, stream, words: Words::default(), raw: None, is_closed: false };
        let goal = match stage {
            Stage::Connected => Goal::Open,
            Stage::Stream => {
                attacker.client.handle_connected(Goal::Open);
                attacker.send(super::cases::HEADER.as_bytes());
                return Ok(attacker);
            }
            Stage::Authenticated => Goal::Authenticated,
            Stage::Bound | Stage::Managed => Goal::Online,
        };
        attacker.client.handle_connected(goal);
        attacker.answer();
        let end = Instant::now() + PATIENCE;
        while !attacker.client.is_ready() {
            attacker.read(Duration::from_millis(200));
            if attacker.is_closed || Instant::now() > end {
                bail!("{account} cannot log in: {}", attacker.client.fault().unwrap_or("it takes too long"));
            }
        }
        attacker.words = Words::default();
        Ok(attacker)
    }

    /// Waits for any bytes at all.
    pub(crate) fn read_something(&mut self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        self.read(left);
    }

    /// Goes, by a reset of the connection or by its end.
    pub(crate) fn leave(self, abruptly: bool) -> Result<()> {
        if abruptly {
            SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// It acknowledges nothing.
    pub(crate) fn never_acknowledges(&mut self) {
        self.client.acknowledges = false;
    }

    /// Sends bytes, and hears what is said meanwhile. If the daemon has closed, they are lost.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK) {
            if self.is_closed || self.stream.write_all(chunk).is_err() {
                return;
            }
            if bytes.len() > CHUNK {
                self.hear();
            }
        }
    }

    /// Hears what is there already.
    pub(crate) fn hear(&mut self) {
        let _ = self.stream.set_nonblocking(true);
        while !self.is_closed && self.take() {}
        let _ = self.stream.set_nonblocking(false);
    }

    /// Hears for so long, or until this is what was said. Whether it was.
    pub(crate) fn hear_until(&mut self, end: Instant, done: impl Fn(&Words) -> bool) -> bool {
        while !done(&self.words) {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_closed || left.is_zero() {
                return false;
            }
            self.read(left.min(Duration::from_millis(500)));
        }
        true
    }

    fn read(&mut self, longest: Duration) {
        let _ = self.stream.set_read_timeout(Some(longest.max(Duration::from_millis(1))));
        self.take();
    }

    /// One reading. Whether there may be more.
    fn take(&mut self) -> bool {
        let mut buffer = [0; 65_536];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.close(),
            Ok(count) => self.take_bytes(&buffer[..count]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                return false;
            }
            Err(_) => self.close(),
        }
        !self.is_closed
    }

    fn take_bytes(&mut self, bytes: &[u8]) {
        let xml = bytes.iter().position(|byte| *byte == TLS_ALERT).unwrap_or(bytes.len());
        let bytes = &bytes[..xml];
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(bytes);
        }
        self.client.handle_bytes(bytes);
        while self.client.is_ready()
            && let Some(tree) = self.client.next_heard()
        {
            self.words.hear(&tree);
        }
        if self.client.is_ready() && self.client.fault().is_some() {
            self.words.say("unreadable");
        }
        self.answer();
    }

    fn answer(&mut self) {
        let bytes = self.client.take_output();
        // If it is gone, that is heard next.
        let _ = self.stream.write_all(&bytes);
    }

    fn close(&mut self) {
        self.is_closed = true;
        self.words.say("closed");
    }
}
