//! The driver of the gateway to people of other programs (XEP-0174): between the shard, the responders and the sockets.

use gateways::link_local::{End, Input, Output};
use xmpp::Input as ShardInput;

use super::Drive;
use crate::bonjour::Event;
use crate::mdns::{Heard, Person};

impl Drive {
    /// Gives the gateway one input and does what it says.
    pub(super) fn pass(&mut self, input: Input<'_>) {
        self.shared.gateway.borrow_mut().handle(self.engine.clock.now().mono, input);
        loop {
            let Some(output) = self.shared.gateway.borrow_mut().poll() else { return };
            match output {
                Output::Open(true) => {
                    self.mdns.look_for_people(true);
                    match self.sockets.open() {
                        Ok(port) => self.pass(Input::Listening { port }),
                        Err(error) => {
                            tracing::error!(%error, "nobody can call by Bonjour: our people are not announced")
                        }
                    }
                }
                Output::Open(false) => {
                    self.mdns.look_for_people(false);
                    self.sockets.shut();
                }
                Output::Announce { instance, txt } => {
                    let port = self.sockets.port();
                    self.mdns.announce_person(instance, Person { port, txt });
                }
                Output::Withdraw { instance } => self.mdns.withdraw_person(instance),
                Output::Ask => self.mdns.ask_for_people(),
                Output::Connect { stream, from, to } => self.sockets.connect(stream, from, to),
                Output::Write { stream, bytes } => {
                    if !self.sockets.write(stream, &bytes) {
                        self.pass(Input::Ended { stream, how: End::Failed });
                    }
                }
                Output::Close { stream } => self.sockets.close(stream),
                Output::Stanza(stanza) => self.engine.handle(ShardInput::Gateway { stanza }),
            }
        }
    }

    pub(super) fn heard_of_people(&mut self, heard: Heard) {
        match heard {
            Heard::Seen(sighting) => self.pass(Input::Seen(sighting)),
            Heard::Gone { network, instance } => self.pass(Input::Gone { network: network.0, instance: &instance }),
        }
    }

    pub(super) fn on_socket(&mut self, event: Event) {
        match event {
            Event::Accepted(caller) => {
                let stream = self.sockets.announce();
                self.pass(Input::Accepted { stream, remote: caller.remote });
                self.sockets.adopt(stream, caller);
            }
            Event::Connected(stream) if self.sockets.knows(stream) => self.pass(Input::Connected { stream }),
            Event::Bytes(stream, bytes) if self.sockets.knows(stream) => {
                self.pass(Input::Bytes { stream, bytes: &bytes });
            }
            Event::Ended(stream, how) if self.sockets.knows(stream) => {
                self.sockets.forget(stream);
                self.pass(Input::Ended { stream, how });
            }
            // We have closed it meanwhile.
            Event::Connected(_) | Event::Bytes(..) | Event::Ended(..) => {}
        }
    }
}
