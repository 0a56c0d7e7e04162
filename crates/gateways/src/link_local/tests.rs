//! Plays with one gateway: lisa of this laptop, others on the link, and what is done, line by line.

mod fuzz;
mod limits;
mod peers;
mod people;
mod streams;

use std::net::SocketAddr;
use std::time::Duration;

use base::Time;
use wire::{Form, Stanza};

use super::{End, Gateway, Input, Output, Own, Sighting, StreamId};

const LISA: &str = "lisa@a.example";
const HERE: &str = "10.0.0.1";
const ROMEO: &str = "10.0.0.2:5298";
const NETWORK: u32 = 2;

struct Bench {
    gateway: Gateway,
    now: Time,
}

impl Bench {
    /// Nobody is on.
    fn empty() -> Bench {
        let mut bench = Bench { gateway: Gateway::new("laptop.lan", 0x51f3), now: Time(1_000_000) };
        let own = |ip: &str, bits| Own { network: NETWORK, ip: ip.parse().unwrap(), bits };
        bench.tell(Input::Addresses(vec![own(HERE, 24), own("fe80::1", 64)]), &[]);
        bench
    }

    /// Lisa is announced, at port 5298.
    fn new() -> Bench {
        let mut bench = Bench::empty();
        bench.stanza("<presence from='lisa@a.example' to='nearby.a.example'/>");
        bench.tell(Input::Listening { port: 5298 }, &[]);
        bench.pass(1.0);
        bench
    }

    /// The same, and romeo is there.
    fn with_romeo() -> Bench {
        let mut bench = Bench::new();
        bench.meet("romeo@forza", &[ROMEO], &[]);
        bench
    }

    #[track_caller]
    fn tell(&mut self, input: Input<'_>, expect: &[&str]) {
        let got = self.give(input);
        assert_eq!(got, expect);
    }

    fn give(&mut self, input: Input<'_>) -> Vec<String> {
        self.gateway.handle(self.now, input);
        std::iter::from_fn(|| self.gateway.poll()).map(|output| line(&output)).collect()
    }

    fn stanza(&mut self, xml: &str) -> Vec<String> {
        let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
        self.give(Input::Stanza(Stanza::parse(xml.as_bytes()).unwrap()))
    }

    fn see(&mut self, instance: &str, addresses: &[&str], txt: &[&str]) -> Vec<String> {
        let pair = |text: &&str| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_owned(), value.as_bytes().to_vec())
        };
        self.give(Input::Seen(Sighting {
            network: NETWORK,
            instance: instance.to_owned(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            txt: txt.iter().map(pair).collect(),
        }))
    }

    /// Somebody is seen and answers the look; gives what is seen of them. That look takes no number of the play.
    fn meet(&mut self, instance: &str, addresses: &[&str], txt: &[&str]) -> Vec<String> {
        let made = self.gateway.streams_made;
        let mut lines = self.see(instance, addresses, txt);
        for stream in made + 1..=self.gateway.streams_made {
            lines.extend(self.give(Input::Connected { stream: StreamId::Out(stream) }));
        }
        self.gateway.streams_made = made;
        lines.retain(|line| !line.starts_with("connect ") && !line.starts_with("close "));
        lines
    }

    /// Whoever is looked at answers.
    fn answer(&mut self, lines: &[String]) {
        for line in lines {
            if let Some(number) = line.strip_prefix("connect Out(").and_then(|rest| rest.split(')').next()) {
                self.give(Input::Connected { stream: StreamId::Out(number.parse().unwrap()) });
            }
        }
    }

    fn say(&mut self, to: &str, id: &str, body: &str) -> Vec<String> {
        self.stanza(&format!(
            "<message from='lisa@a.example/x' to='{to}@nearby.a.example' id='{id}' type='chat'><body>{body}</body></message>"
        ))
    }

    fn call(&mut self, number: u64, from: &str) -> Vec<String> {
        let remote: SocketAddr = from.parse().unwrap();
        self.give(Input::Accepted { stream: StreamId::In(number), remote })
    }

    fn bytes(&mut self, stream: StreamId, bytes: &str) -> Vec<String> {
        self.give(Input::Bytes { stream, bytes: bytes.as_bytes() })
    }

    fn end(&mut self, stream: StreamId, how: End) -> Vec<String> {
        self.give(Input::Ended { stream, how })
    }

    /// Time passes, as a driver lets it.
    fn pass(&mut self, seconds: f64) -> Vec<String> {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut all = Vec::new();
        while let Some(due) = self.gateway.wake_at().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            all.extend(self.give(Input::Timer));
        }
        self.now = end;
        all
    }
}

/// libpurple's header.
fn header(from: &str, to: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<stream:stream xmlns=\"jabber:client\" \
         xmlns:stream=\"http://etherx.jabber.org/streams\" from=\"{from}\" to=\"{to}\">"
    )
}

/// libpurple's message.
fn message(body: &str) -> String {
    format!(
        "<message to='lisa@laptop' from='romeo@forza' type='chat'><body>{body}</body>\
         <html xmlns='http://www.w3.org/1999/xhtml'><body><font>{body}</font></body></html>\
         <x xmlns='jabber:x:event'><composing/></x></message>"
    )
}

/// An output in short.
fn line(output: &Output) -> String {
    match output {
        Output::Open(on) => format!("open {on}"),
        Output::Announce { instance, txt } => {
            let txt: Vec<_> = txt.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("announce {instance} {}", txt.join(" "))
        }
        Output::Withdraw { instance } => format!("withdraw {instance}"),
        Output::Ask => "ask".to_owned(),
        Output::Connect { stream, from, to } => format!("connect {stream:?} {from} {to}"),
        Output::Write { stream, bytes } => {
            let text = String::from_utf8_lossy(bytes);
            let short = text
                .replace("<?xml version='1.0' encoding='UTF-8'?>", "")
                .replace("xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' ", "")
                .replace(" version='1.0' xml:lang='en'", "");
            format!("{stream:?} {short}")
        }
        Output::Close { stream } => format!("close {stream:?}"),
        Output::Stanza(stanza) => {
            let mut out = Vec::new();
            stanza.emit(Form::Tcp, &mut out);
            let text = String::from_utf8(out).unwrap();
            text.replace(" xmlns='http://jabber.org/protocol/nick'", "")
                .replace(" xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'", "")
        }
    }
}

/// Romeo's own, in short.
const OUT1: StreamId = StreamId::Out(1);
const IN1: StreamId = StreamId::In(1);
const IN2: StreamId = StreamId::In(2);

/// What lisa's header is to romeo.
const GREETING: &str = "<stream:stream from='lisa@laptop' to='romeo@forza'>";

/// What lisa hears of romeo.
fn heard(number: u32, body: &str) -> String {
    format!(
        "<message from='romeo\\40forza@nearby.a.example/bonjour' to='{LISA}' id='51f3-{number}' type='chat'>\
         <body>{body}</body></message>"
    )
}

/// What romeo hears of lisa.
fn said(body: &str) -> String {
    let html = format!("<html xmlns='http://www.w3.org/1999/xhtml'><body><font>{body}</font></body></html>");
    let html = if body.contains('&') { html } else { String::new() };
    format!("<message to='romeo@forza' from='lisa@laptop' type='chat'><body>{body}</body>{html}</message>")
}
