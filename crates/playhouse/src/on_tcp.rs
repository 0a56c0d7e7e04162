//! A stage over TCP, without TLS: the clients of the simulator on real sockets.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sim::play::{Event, Play, Stage};
use sim::{Client, Goal};

use crate::server::Server;

/// How long something that is expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing must come to be called nothing.
const SILENCE: Duration = Duration::from_millis(250);

/// A server and the clients of a play.
pub(crate) struct OnTcp {
    server: Server,
    seats: Vec<Seat>,
}

struct Seat {
    client: Client,
    stream: Option<TcpStream>,
}

impl OnTcp {
    pub(crate) fn new(server: Server, play: &Play) -> OnTcp {
        let seat = |role: &sim::play::Role| Seat { client: Client::new(role.login(server.domain())), stream: None };
        OnTcp { seats: play.roles.iter().map(seat).collect(), server }
    }

    /// The server's own words.
    pub(crate) fn server_said(&mut self) -> String {
        self.server.said()
    }

    /// Reads until this is so, or patience ends.
    fn read_until(&mut self, role: usize, patience: Duration, done: impl Fn(&Client) -> bool) {
        let end = Instant::now() + patience;
        let seat = &mut self.seats[role];
        while !done(&seat.client) && !seat.client.is_away() && Instant::now() < end {
            seat.read(end);
        }
    }
}

impl Seat {
    /// Reads once, not longer than until `end`, and answers what is to be answered.
    fn read(&mut self, end: Instant) {
        let Some(stream) = &mut self.stream else { return self.client.handle_closed() };
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut buffer = [0; 16_384];
        match stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut buffer)) {
            Ok(0) => self.lose(),
            Ok(count) => {
                self.client.handle_bytes(&buffer[..count]);
                // A broken connection is seen at the next reading.
                let _ = self.write();
            }
            // A process that was stopped for a moment is interrupted in reads that have a time limit.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => self.lose(),
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        let bytes = self.client.take_output();
        match &mut self.stream {
            Some(stream) => stream.write_all(&bytes),
            None => Ok(()),
        }
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
        self.read_until(role, PATIENCE, |client| client.is_ready() || client.fault().is_some());
        let client = &self.seats[role].client;
        match client.fault() {
            Some(fault) => Err(fault.to_owned()),
            None if client.is_ready() => Ok(()),
            None => Err(format!("it has not become {goal:?}")),
        }
    }

    fn flush(&mut self, role: usize) -> Result<(), String> {
        self.seats[role].write().map_err(|error| error.to_string())
    }

    fn cut(&mut self, role: usize) {
        self.seats[role].lose();
        // The server sees it before the play goes on.
        std::thread::sleep(SILENCE);
    }

    fn wait(&mut self, role: usize, briefly: bool) {
        self.read_until(role, if briefly { SILENCE } else { PATIENCE }, |client| !client.heard().is_empty());
    }

    fn happen(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Crash => self.server.kill_and_start().map_err(|error| format!("{error:#}")),
            Event::Pass(_) | Event::StoreFails(_) | Event::Reads(..) => Err("that happens only on the bench".into()),
        }
    }
}
