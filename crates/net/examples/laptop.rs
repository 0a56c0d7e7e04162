//! Finding alone, without the rest of a daemon: the finder with the kernel and the responders. What it does is printed, a
//! line each; orders come as lines. `tests/laptops` runs it in network namespaces.
//!
//! `laptop PORT [loopback]`. Orders: `manual ADDRESS`, `up NUMBER NAME ADDRESS`, `down NUMBER`, `suspect NUMBER`,
//! `unreachable NAME`, `quit`.

// A program may know files, the environment and the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::io::BufRead as _;

use base::LinkId;
use mesh::finding::{Config, Finder, Input, Instance, Key, Order, Output};
use net::clock::Clock;
use net::mdns::{Mdns, Said};
use net::netlink::Kernel;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok()).expect("laptop PORT [loopback]");
    let loopback = arguments.next().is_some_and(|word| word == "loopback");
    let (clock, mut kernel, mut mdns) = (Clock::start(), Kernel::open()?, Mdns::default());
    let mut finder = Finder::new(Config { port, loopback, seed: net::random() });
    let mut orders = orders();
    loop {
        let due = async {
            match finder.wake_at() {
                Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            changed = kernel.next() => changed?,
            said = mdns.next() => match said {
                Said::Finder(heard) => heard,
                // Nobody has asked for people of other programs.
                Said::People(_) => continue,
            },
            order = orders.recv() => match order {
                Some(order) => order,
                None => break,
            },
            () = due => Input::Due,
        };
        finder.handle(clock.now(), input);
        while let Some(output) = finder.poll() {
            match output {
                Output::Order(order) => {
                    println!("{}", describe(&order));
                    mdns.obey(order);
                }
                Output::Candidate { key, addresses } => {
                    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                    println!("candidate {} {}", name(&key), addresses.join(","));
                }
                Output::CandidateGone { key } => println!("gone {}", name(&key)),
                Output::Reason(reason) => println!("reason {reason:?}"),
            }
        }
    }
    mdns.close().await;
    Ok(())
}

fn name(key: &Key) -> String {
    match key {
        Key::Announced(instance) => instance.as_str().to_owned(),
        Key::Manual(address) => address.to_string(),
    }
}

fn describe(order: &Order) -> String {
    match order {
        Order::Start { network, .. } => format!("start {}", network.0),
        Order::Stop { network } => format!("stop {}", network.0),
        Order::Look { network, .. } => format!("look {}", network.0),
        Order::Announce { network, instance, .. } => format!("announce {} {}", network.0, instance.as_str()),
        Order::Withdraw { network, instance } => format!("withdraw {} {}", network.0, instance.as_str()),
        Order::Verify { network, instance } => format!("verify {} {}", network.0, instance.as_str()),
    }
}

/// What is typed, until `quit`.
fn orders() -> mpsc::UnboundedReceiver<Input> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line == "quit" {
                return;
            }
            match read(&line) {
                Some(order) => tell.send(order).expect("the program runs until this thread ends"),
                None => eprintln!("not understood: {line}"),
            }
        }
        // Whoever started it without orders wants it to run.
        loop {
            std::thread::park();
        }
    });
    told
}

fn read(line: &str) -> Option<Input> {
    let mut words = line.split_whitespace();
    let order = words.next()?;
    let mut next = || words.next();
    Some(match order {
        "manual" => Input::Manual(next()?.parse().ok()?),
        "up" => Input::LinkUp {
            link: LinkId(next()?.parse().ok()?),
            key: Some(Key::Announced(Instance::new(next()?)?)),
            remote: next()?.parse().ok()?,
        },
        "down" => Input::LinkDown { link: LinkId(next()?.parse().ok()?) },
        "suspect" => Input::Suspect { link: LinkId(next()?.parse().ok()?) },
        "unreachable" => Input::Unreachable { key: Key::Announced(Instance::new(next()?)?) },
        _ => return None,
    })
}
