//! Two of these talk over a link: one is dialled, one says a number ten times a second and tells how long answers took.
//! `talk_over_link` prints its port; `talk_over_link ADDRESS` dials. On its input: `changed ADDRESS...` (this computer's
//! addresses now), `doubt`. For trying links between network namespaces and real laptops.

// It reads clocks and its arguments.
#![allow(clippy::disallowed_methods)]

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use base::LinkId;
use mesh::link::{Command, Event, Links as _, ProtocolId};
use net::links::QuicLinks;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::interval;

async fn talk(dial: Option<String>) -> Result<(), Box<dyn std::error::Error>> {
    let begin = Instant::now();
    let say = |text: String| println!("{:8.3} {text}", begin.elapsed().as_secs_f64());
    let protocol = ProtocolId::new("example.org/echo/1")?;
    let links = QuicLinks::open(0)?;
    let mut door = links.register(std::slice::from_ref(&protocol))?;
    say(format!("port {}", links.address()?.port()));
    if let Some(address) = &dial {
        door.command(Command::Dial { attempt: 1, addresses: vec![address.parse()?] });
    }
    let (tell, mut lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
    });
    let mut ticks = interval(Duration::from_millis(100));
    let (mut linked, mut last): (Option<LinkId>, Option<Instant>) = (None, None);
    loop {
        tokio::select! {
            event = door.next() => match event {
                Event::Frame { link, protocol, frame } if dial.is_none() => {
                    door.command(Command::Send { link, protocol, frame });
                }
                Event::Frame { .. } => {
                    let now = Instant::now();
                    let waited = now - last.replace(now).unwrap_or(now);
                    if waited > Duration::from_millis(200) {
                        say(format!("an answer after {waited:?}"));
                    }
                }
                other => {
                    say(format!("{other:?}"));
                    match other {
                        Event::Up { link, .. } => linked = Some(link),
                        Event::Down { .. } if dial.is_some() => return Ok(()),
                        _ => {}
                    }
                }
            },
            _ = ticks.tick(), if dial.is_some() => if let Some(link) = linked {
                let (protocol, frame) = (protocol.clone(), vec![7; 40]);
                door.command(Command::Send { link, protocol, frame });
            },
            Some(line) = lines.recv() => {
                let mut words = line.split_whitespace();
                match (words.next(), linked) {
                    (Some("changed"), _) => {
                        let own = words.map(str::parse).collect::<Result<Vec<_>, _>>()?;
                        links.addresses_changed(&own)?;
                        say("told".into());
                    }
                    (Some("doubt"), Some(link)) => door.command(Command::Doubt { link }),
                    _ => say("changed ADDRESS... or doubt".into()),
                }
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, talk(std::env::args().nth(1)))
}
