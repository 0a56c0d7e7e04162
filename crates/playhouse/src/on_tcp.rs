//! A stage over TCP, without TLS: the clients of the simulator on real sockets.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sim::play::{Event, Play, Stage};
use sim::{Client, Goal};

use crate::server::Server;

/// How long something that is expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after the last thing that somebody did nothing must come to be called nothing.
const SILENCE: Duration = Duration::from_millis(250);

/// A server and the clients of a play.
pub(crate) struct OnTcp {
    server: Server,
    seats: Vec<Seat>,
    /// When somebody did something last.
    done_at: Instant,
}

struct Seat {
    client: Client,
    stream: Option<TcpStream>,
}

impl OnTcp {
    pub(crate) fn new(server: Server, play: &Play) -> OnTcp {
        let seat = |role: &sim::play::Role| Seat { client: Client::new(role.login(server.domain())), stream: None };
        OnTcp { seats: play.roles.iter().map(seat).collect(), server, done_at: Instant::now() }
    }

    /// The server's own words.
    pub(crate) fn server_said(&mut self) -> String {
        self.server.said()
    }

    /// Reads until this is so or it is too late; at least what has come.
    fn read_until(&mut self, role: usize, end: Instant, done: impl Fn(&Client) -> bool) {
        let seat = &mut self.seats[role];
        while !done(&seat.client) && !seat.client.is_away() {
            if seat.read(end) {
                self.done_at = Instant::now();
            }
            if Instant::now() >= end {
                break;
            }
        }
    }
}

impl Seat {
    /// Reads once, not longer than until `end`, and answers what is to be answered: whether that was something.
    fn read(&mut self, end: Instant) -> bool {
        let Some(stream) = &mut self.stream else {
            self.client.handle_closed();
            return false;
        };
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut buffer = [0; 16_384];
        match stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut buffer)) {
            Ok(0) => self.lose(),
            Ok(count) => {
                self.client.handle_bytes(&buffer[..count]);
                // A broken connection is seen at the next reading.
                return self.write().unwrap_or(false);
            }
            // A process that was stopped for a moment is interrupted in reads that have a time limit.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => self.lose(),
        }
        false
    }

    /// Writes what the client wants to say: whether that was something.
    fn write(&mut self) -> std::io::Result<bool> {
        let bytes = self.client.take_output();
        if let Some(stream) = &mut self.stream {
            stream.write_all(&bytes)?;
        }
        Ok(!bytes.is_empty())
    }

    fn lose(&mut self) {
        self.stream = None;
        self.client.handle_closed();
    }
}

impl Stage for OnTcp {
    fn domain(&self) -> String {
        self.server.domain().to_owned()
    }

    fn client(&mut self, role: usize) -> &mut Client {
        &mut self.seats[role].client
    }

    fn connect(&mut self, role: usize, goal: Goal) -> Result<(), String> {
        let stream = TcpStream::connect(self.server.address()).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let seat = &mut self.seats[role];
        seat.stream = Some(stream);
        seat.client.handle_connected(goal);
        seat.write().map_err(|error| error.to_string())?;
        self.read_until(role, Instant::now() + PATIENCE, |client| client.is_ready() || client.fault().is_some());
        self.done_at = Instant::now();
        let client = &self.seats[role].client;
        match client.fault() {
            Some(fault) => Err(fault.to_owned()),
            None if client.is_ready() => Ok(()),
            None => Err(format!("it has not become {goal:?}")),
        }
    }

    fn flush(&mut self, role: usize) -> Result<(), String> {
        self.done_at = Instant::now();
        self.seats[role].write().map(drop).map_err(|error| error.to_string())
    }

    fn cut(&mut self, role: usize) {
        self.seats[role].lose();
        // The server sees it before the play goes on.
        std::thread::sleep(SILENCE);
        self.done_at = Instant::now();
    }

    fn wait(&mut self, role: usize, briefly: bool) {
        let end = if briefly { self.done_at + SILENCE } else { Instant::now() + PATIENCE };
        self.read_until(role, end, |client| !client.heard().is_empty());
    }

    fn happen(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Crash => self.server.kill_and_start().map_err(|error| format!("{error:#}")),
            Event::Pass(_) | Event::StoreFails(_) | Event::Reads(..) => Err("that happens only on the bench".into()),
        }
    }
}
