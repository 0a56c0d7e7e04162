//! Measures links on this machine: `cargo run --release -p net --example measure_links`. Both ends are in this process.

// It reads clocks and opens sockets.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../tests/links/weather.rs"]
mod weather;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use base::LinkId;
use mesh::link::{CloseCode, Command, Event, Links as _, ProtocolId};
use net::links::{Door, QuicLinks};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use tokio::task::LocalSet;
use tokio::time::sleep;
use weather::{Traffic, Way, Weather};

const DIALS: usize = 100;
const ECHOES: usize = 2000;
const FRAMES: usize = 100_000;
const LINKS: usize = 100;

struct Node {
    links: QuicLinks,
    door: Door,
    address: SocketAddr,
}

impl Node {
    fn open_at(ip: Ipv4Addr) -> Node {
        let links = QuicLinks::over(std::net::UdpSocket::bind((ip, 0)).expect("a socket")).expect("links");
        let address = links.address().expect("an address");
        let door = links.register(&[ProtocolId::POST]).expect("the first to register");
        Node { links, door, address }
    }

    fn open() -> Node {
        Node::open_at(Ipv4Addr::LOCALHOST)
    }

    fn dial(&mut self, to: SocketAddr) {
        self.door.command(Command::Dial { attempt: 0, addresses: vec![to] });
    }

    fn send(&mut self, link: LinkId, frame: &[u8]) {
        self.door.command(Command::Send { link, protocol: ProtocolId::POST, frame: frame.to_vec() });
    }

    async fn up(&mut self) -> LinkId {
        match self.door.next().await {
            Event::Up { link, .. } => link,
            other => panic!("{other:?}"),
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        match self.door.next().await {
            Event::Frame { frame, .. } => frame,
            other => panic!("{other:?}"),
        }
    }
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the system counts");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros as u64)
}

/// Resident memory in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

fn middle(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 9 / 10])
}

async fn pair(by: Option<&Way>) -> (Node, LinkId, Node, LinkId) {
    let (mut a, mut b) = (Node::open(), Node::open());
    a.dial(by.map_or(b.address, Way::address));
    let (to_b, to_a) = (a.up().await, b.up().await);
    (a, to_b, b, to_a)
}

async fn dials() {
    let (mut a, mut b) = (Node::open(), Node::open());
    let mut times = Vec::new();
    let before = cpu();
    for _ in 0..DIALS {
        let begin = Instant::now();
        a.dial(b.address);
        let (to_b, _) = (a.up().await, b.up().await);
        times.push(begin.elapsed());
        a.door.command(Command::Close { link: to_b, code: CloseCode::Unwanted });
        a.door.next().await;
        b.door.next().await;
    }
    let spent = (cpu() - before) / DIALS as u32;
    let (median, ninth) = middle(times);
    println!("dial: {median:?}, nine of ten within {ninth:?}; CPU {spent:?} for both ends");
}

async fn dials_in_bad_weather() {
    let mut times = Vec::new();
    let mut failed = 0;
    for seed in 0..60 {
        let (mut a, b) = (Node::open(), Node::open());
        let way = Way::open_seeded(b.address, seed).await;
        way.set(Weather { lost: 40, ..Weather::default() });
        let begin = Instant::now();
        a.dial(way.address());
        match a.door.next().await {
            Event::Up { .. } => times.push(begin.elapsed()),
            _ => failed += 1,
        }
    }
    let (median, ninth) = middle(times);
    println!("dial at 40 % loss: {median:?}, nine of ten of the successful within {ninth:?}; {failed} of 60 failed");
}

async fn echoes() {
    let (mut a, to_b, mut b, to_a) = pair(None).await;
    let frame = [7; 100];
    let mut times = Vec::new();
    let before = cpu();
    for _ in 0..ECHOES {
        let begin = Instant::now();
        a.send(to_b, &frame);
        let there = b.frame().await;
        b.send(to_a, &there);
        a.frame().await;
        times.push(begin.elapsed());
    }
    let spent = (cpu() - before) / (2 * ECHOES) as u32;
    let (median, ninth) = middle(times);
    println!("echo of 100 bytes: {median:?}, nine of ten within {ninth:?}; CPU {spent:?} a lone frame, both ends");
}

async fn many_frames() {
    let (mut a, to_b, mut b, _) = pair(None).await;
    let frame = [7; 100];
    let (before, begin) = (cpu(), Instant::now());
    for _ in 0..FRAMES / 100 {
        (0..100).for_each(|_| a.send(to_b, &frame));
        for _ in 0..100 {
            b.frame().await;
        }
    }
    let (spent, took) = ((cpu() - before).as_nanos() / FRAMES as u128, begin.elapsed());
    println!("{FRAMES} frames of 100 bytes, a hundred at a time: CPU {spent} ns a frame, both ends; {took:?}");
}

async fn idle_memory() {
    // Each peer has an address of its own: one address may have few links.
    let mut hub = Node::open();
    let mut peers = Vec::new();
    let mut warm = Node::open_at(Ipv4Addr::new(127, 0, 3, 1));
    warm.dial(hub.address);
    warm.up().await;
    hub.up().await;
    let mut peer = Node::open_at(Ipv4Addr::new(127, 0, 3, 2));
    let before = memory();
    for number in 0..LINKS {
        if number % 16 == 15 {
            let next = Node::open_at(Ipv4Addr::new(127, 0, 4, number as u8));
            peers.push(std::mem::replace(&mut peer, next));
        }
        peer.dial(hub.address);
        let (there, here) = (peer.up().await, hub.up().await);
        peer.send(there, &[7; 100]);
        hub.frame().await;
        hub.send(here, &[7; 100]);
        peer.frame().await;
    }
    sleep(Duration::from_secs(1)).await;
    println!(
        "memory of an idle link: {} bytes an end ({LINKS} links, both ends here)",
        (memory() - before) / (2 * LINKS)
    );
    let (before, begin) = (cpu(), Instant::now());
    sleep(Duration::from_secs(20)).await;
    let a_minute = (cpu() - before).as_secs_f64() / begin.elapsed().as_secs_f64() * 60.0 / LINKS as f64;
    println!("CPU of an idle link: {:.2} ms a minute, both ends", a_minute * 1000.0);
    drop((hub.links, warm.links));
}

/// What a frame costs on the network, and what is said because of it.
async fn bytes_on_the_way() {
    let target = Node::open();
    let way = Way::open(target.address).await;
    let (mut a, mut b) = (Node::open(), target);
    a.dial(way.address());
    let (to_b, to_a) = (a.up().await, b.up().await);
    // Warm: some frames have passed, nothing is owed.
    for _ in 0..200 {
        a.send(to_b, &[7; 100]);
        b.frame().await;
        b.send(to_a, &[7; 20]);
        a.frame().await;
    }
    sleep(Duration::from_secs(1)).await;
    let passed = |from: (Traffic, Traffic)| {
        let now = way.traffic();
        let since = |now: Traffic, then: Traffic| (now.datagrams - then.datagrams, now.bytes - then.bytes);
        (since(now.0, from.0), since(now.1, from.1))
    };
    const ROUNDS: u64 = 20;
    for (name, answer) in
        [("without an answer", None), ("with an answer of 8 bytes after 5 ms", Some(5)), ("... after 15 ms", Some(15))]
    {
        let before = way.traffic();
        for _ in 0..ROUNDS {
            a.send(to_b, &[7; 100]);
            b.frame().await;
            if let Some(after) = answer {
                sleep(Duration::from_millis(after)).await;
                b.send(to_a, &[7; 8]);
                a.frame().await;
            }
            sleep(Duration::from_millis(150)).await;
        }
        let ((there, there_bytes), (back, back_bytes)) = passed(before);
        println!(
            "a frame of 100 bytes {name}: {:.1} datagrams and {:.1} bytes of UDP payload there, {:.1} and {:.1} back",
            there as f64 / ROUNDS as f64,
            there_bytes as f64 / ROUNDS as f64,
            back as f64 / ROUNDS as f64,
            back_bytes as f64 / ROUNDS as f64,
        );
    }
    let before = way.traffic();
    sleep(Duration::from_secs(45)).await;
    let ((there, there_bytes), (back, back_bytes)) = passed(before);
    println!("45 s of silence: {there} datagrams, {there_bytes} bytes there; {back}, {back_bytes} back");
    let before = way.traffic();
    a.send(to_b, &[7; 500_000]);
    a.send(to_b, &[7; 500_000]);
    b.frame().await;
    b.frame().await;
    sleep(Duration::from_millis(100)).await;
    println!("a million bytes: {:?} there, {:?} back (datagrams, bytes)", passed(before).0, passed(before).1);
}

/// What it costs to make a link.
async fn bytes_of_a_dial() {
    let (mut a, mut b) = (Node::open(), Node::open());
    let way = Way::open(b.address).await;
    a.dial(way.address());
    a.up().await;
    b.up().await;
    sleep(Duration::from_millis(500)).await;
    println!("a dial on the network: {:?}", way.traffic());
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        println!("resident at the start: {} kB", memory() / 1024);
        let one = Node::open();
        println!("with a socket: {} kB", memory() / 1024);
        drop(one);
        // First: later there is memory that was used and is free, and links would seem to need none.
        idle_memory().await;
        dials().await;
        dials_in_bad_weather().await;
        echoes().await;
        many_frames().await;
        bytes_of_a_dial().await;
        bytes_on_the_way().await;
    });
}
