//! Somebody at a laptop of the demo: the line client (`chat/client.rs`) with a socket and nobody at the keyboard but the story.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use base::Bare;
use net::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::chat::client::{Client, Login};
use crate::demo::laptop::Laptop;

/// Lines that wait each way: a story has fewer.
const LINES_MAX: usize = 256;

/// Longer than anything in the story takes: that somebody is gone without a word is known within half a minute.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line on somebody's screen, and when it came.
type Shown = (Instant, String);

/// See the module. Whoever is dropped logs out.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) address: Bare,
    typed: mpsc::Sender<String>,
    shown: mpsc::Receiver<Shown>,
    /// What is on the screen and nobody has looked for yet.
    unread: Vec<Shown>,
}

impl Person {
    /// Logs in to a laptop's daemon.
    ///
    /// # Errors
    /// If nobody listens there, or the login fails.
    pub(crate) async fn log_in(laptop: &Laptop) -> Result<Person> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, laptop.port)).await?;
        let client = Client::new(Login {
            address: laptop.address.clone(),
            password: laptop.password.clone(),
            nonce: format!("{:032x}", u128::from_le_bytes(net::random())),
            ahead_ms: 0,
        });
        let ((typed, keyboard), (screen, shown)) = (mpsc::channel(LINES_MAX), mpsc::channel(LINES_MAX));
        tokio::spawn(live(client, stream, keyboard, screen));
        let (name, address) = (laptop.name, laptop.address.clone());
        let mut person = Person { name, address, typed, shown, unread: Vec::new() };
        person.sees("their own address", |line| line.starts_with("You are ")).await?;
        Ok(person)
    }

    /// Types a line.
    pub(crate) async fn types(&self, line: impl Into<String>) {
        // Whoever has lost the connection will be missed when their screen is looked at.
        let _ = self.typed.send(line.into()).await;
    }

    /// Writes to somebody; gives when.
    pub(crate) async fn writes(&self, to: &Bare, words: &str) -> Instant {
        self.types(format!("/to {to}")).await;
        let at = Instant::now();
        self.types(words).await;
        at
    }

    /// Waits until there is such a line on the screen; gives when it came, and the line.
    ///
    /// # Errors
    /// If it does not come.
    pub(crate) async fn sees(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> Result<Shown> {
        if let Some(at) = self.unread.iter().position(|(_, line)| is_it(line)) {
            return Ok(self.unread.remove(at));
        }
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout_at(until, self.shown.recv()).await {
                Ok(Some((at, line))) if is_it(&line) => return Ok((at, line)),
                Ok(Some(other)) => self.unread.push(other),
                Ok(None) => bail!("{} has lost the connection", self.name),
                Err(_) => bail!("{} does not see {what} within {} s", self.name, PATIENCE.as_secs()),
            }
        }
    }

    /// Waits for words of somebody; gives when they came.
    ///
    /// # Errors
    /// If they do not come.
    pub(crate) async fn reads(&mut self, from: &Bare, words: &str) -> Result<Instant> {
        let (at, _) = self.sees("a message", |line| said_by(from, line) == Some(words)).await?;
        Ok(at)
    }

    /// Waits for the next line, however long that takes; `None` if the connection is lost.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.shown.recv().await.map(|(_, line)| line)
    }
}

/// What somebody says in a line of the screen, if it is theirs.
pub(crate) fn said_by<'a>(from: &Bare, line: &'a str) -> Option<&'a str> {
    let (time, words) = line.split_once(&format!(" {from}: "))?;
    time.bytes().all(|byte| byte.is_ascii_digit() || b":- ".contains(&byte)).then_some(words)
}

/// The client's own life: until it is over, or nobody looks at it any more.
async fn live(
    mut client: Client,
    mut stream: TcpStream,
    mut keyboard: mpsc::Receiver<String>,
    screen: mpsc::Sender<Shown>,
) {
    let clock = Clock::start();
    let mut buffer = [0; 4096];
    loop {
        if stream.write_all(&client.poll_bytes()).await.is_err() {
            return;
        }
        for line in client.poll_lines() {
            if screen.send((Instant::now(), line)).await.is_err() {
                return;
            }
        }
        if client.is_over().is_some() {
            return;
        }
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(count) if count > 0 => client.handle_bytes(clock.now().wall, &buffer[..count]),
                _ => return,
            },
            typed = keyboard.recv(), if client.is_online() => match typed {
                Some(line) => client.handle_line(&line),
                None => {
                    client.quit();
                    // The end of a stream that is broken needs no goodbye.
                    let _ = stream.write_all(&client.poll_bytes()).await;
                    return;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Option<&str>) {
        assert_eq!(said_by(&Bare::new("tom@x").unwrap(), line), expect);
    }

    #[test]
    fn who_says_what_is_told_from_the_line() {
        check("14:04 tom@x: at three: the boat", Some("at three: the boat"));
        check("2026-11-20 00:30 tom@x: hi", Some("hi"));
        check("14:04 eve@x: tom@x: hi", None);
        check("* tom@x is there", None);
    }
}
