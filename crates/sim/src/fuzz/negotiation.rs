//! RFC 6120 sections 4 to 7: the negotiation against any bytes and any answers of the SASL engine.

use std::sync::{Arc, LazyLock};

use base::Time;
use wire::{Framer, Mode};
use xmpp::negotiation::{Negotiation, Output, Sasl, Security, Why};
use xmpp::{Condition, Hosts};

use crate::xml::Reader;

static HOSTS: LazyLock<Arc<Hosts>> = LazyLock::new(|| {
    Arc::new(Hosts {
        primary: "a.example".into(),
        served: vec!["a.example".into(), "b.example".into()],
        ..Hosts::default()
    })
});

/// The first byte chooses the connection, the others arrive. Each message that the SASL engine is asked about is answered
/// by what its last byte chooses.
///
/// # Panics
/// If nobody proved who they are and somebody is bound; if anything happens behind the end; if what is written is no
/// stream.
pub fn negotiation(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let whole = Play::run(*choice, std::iter::once(data));
    let split = Play::run(*choice, data.chunks(1));
    // Only a fault in an element that never ends may be found sooner if more comes at once.
    assert_eq!(before_the_end(&whole), before_the_end(&split), "the split is seen");
}

/// What was said before the stream was refused, if it was.
fn before_the_end(outputs: &[Output]) -> &[Output] {
    match outputs {
        [before @ .., Output::Write(_), Output::Close(Why::Refused(_))] => before,
        all => all,
    }
}

struct Play {
    negotiation: Negotiation,
    framer: Framer,
    outputs: Vec<Output>,
    proved: bool,
    closed: bool,
    /// Bytes that the client reads on its present stream.
    written: Vec<u8>,
}

impl Play {
    fn run<'a>(choice: u8, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Output> {
        let security = Security {
            tls: choice & 1 != 0,
            tls_available: choice & 2 != 0,
            tls_required: choice & 4 != 0,
            mechanisms: vec!["SCRAM-SHA-256", "PLAIN"],
            channel_bindings: Vec::new(),
            registration: choice & 8 != 0,
        };
        let negotiation = Negotiation::new(Time(0), Arc::clone(&HOSTS), security, [choice; 32]);
        let mut play = Play {
            negotiation,
            framer: Framer::new(Mode::Client),
            outputs: Vec::new(),
            proved: false,
            closed: false,
            written: Vec::new(),
        };
        for mut piece in pieces {
            while !play.closed {
                match play.framer.next(&mut piece) {
                    Ok(None) => break,
                    Ok(Some(frame)) => play.negotiation.handle_frame(&frame),
                    Err(error) => play.negotiation.handle_broken(error),
                }
                if play.drain() {
                    // Beyond this point it is TLS's, or a shard's.
                    play.check_written();
                    return play.outputs;
                }
            }
        }
        play.negotiation.handle_timeout(Time(u64::MAX));
        play.drain();
        assert!(play.closed, "a client that never gets in is sent away in the end");
        play.check_written();
        play.outputs
    }

    /// `true` if the connection goes elsewhere.
    fn drain(&mut self) -> bool {
        while let Some(output) = self.negotiation.poll() {
            assert!(!self.closed, "{output:?} behind the end");
            self.outputs.push(output.clone());
            match output {
                Output::Write(bytes) => self.written.extend_from_slice(&bytes),
                Output::Restart => {
                    self.check_written();
                    self.framer.restart();
                }
                Output::Authenticated => self.framer.authenticated(),
                Output::SaslStart { initial: message, .. } | Output::SaslContinue(message) => self.answer(&message),
                Output::Register { address, password } => {
                    assert!(
                        address.jid().local().is_some() && address.jid().domain().ends_with(".example"),
                        "{address}"
                    );
                    self.negotiation.handle_registered(match password.len() % 2 {
                        0 => Ok(()),
                        _ => Err(Condition::Conflict.into()),
                    });
                }
                Output::Bind { address, .. } | Output::Resume { address, .. } => {
                    assert!(self.proved, "{address} has proved nothing");
                    return true;
                }
                Output::StartTls => return true,
                Output::Close(_) => self.closed = true,
            }
        }
        false
    }

    fn answer(&mut self, message: &[u8]) {
        let found = match message.last().map_or(0, |b| b % 4) {
            0 => Sasl::Failure("not-authorized"),
            1 => Sasl::Challenge(message.to_vec()),
            2 => Sasl::Success { username: String::from_utf8_lossy(message).into_owned(), data: None },
            _ => Sasl::Success { username: "maria".into(), data: Some(message.to_vec()) },
        };
        self.proved |= matches!(found, Sasl::Success { .. });
        self.negotiation.handle_sasl(found);
    }

    /// Another reader than ours finds a stream in what was written.
    fn check_written(&mut self) {
        let written = std::mem::take(&mut self.written);
        let (mut reader, mut rest) = (Reader::new(), &written[..]);
        while reader.next(&mut rest).expect("what is written is a stream").is_some() {}
    }
}
