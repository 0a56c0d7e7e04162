//! Requirement J2: a module that somebody else wrote speaks its own protocol over links, through the door that the product uses.

use mesh::link::{Command, Event, Links as _, ProtocolId};
use net::links::{QuicLinks, Sender};

use crate::conformance::Transport as _;
use crate::quic::{Quic, on_a_thread};

const CHESS: &str = "example.org/chess/1";

/// The module: it greets whoever comes and answers each move.
struct Chess {
    sender: Sender,
    protocol: ProtocolId,
    moves: Vec<String>,
    answers: Vec<&'static str>,
}

impl Chess {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Frame { link, frame, .. } => {
                self.moves.push(String::from_utf8(frame.clone()).unwrap());
                if let Some(answer) = self.answers.pop() {
                    let (protocol, frame) = (self.protocol.clone(), answer.into());
                    self.sender.command(Command::Send { link: *link, protocol, frame });
                }
            }
            Event::Up { link, dialled: false, .. } => {
                let (protocol, frame) = (self.protocol.clone(), b"e2e4".to_vec());
                self.sender.command(Command::Send { link: *link, protocol, frame });
            }
            _ => {}
        }
    }
}

#[test]
fn two_modules_play_beside_the_post() {
    on_a_thread(async {
        let mut a = Quic.node(&["jirani/post/1"]).await;
        let mut b = Quic.node(&["jirani/post/1"]).await;
        let sit_down = |links: &QuicLinks, answers: &[&'static str]| {
            let protocol = ProtocolId::new(CHESS).unwrap();
            let door = links.register(std::slice::from_ref(&protocol)).unwrap();
            let chess = Chess { sender: door.sender(), protocol, moves: Vec::new(), answers: answers.to_vec() };
            (door, chess)
        };
        let (mut door_a, mut black) = sit_down(&a.owner, &["d8h4", "e7e5"]);
        let (mut door_b, mut white) = sit_down(&b.owner, &["g2g4"]);
        a.dial(4, &[b.address]);
        while black.moves.len() < 2 || white.moves.len() < 2 {
            tokio::select! {
                event = door_a.next() => {
                    assert!(!matches!(event, Event::Up { attempt: Some(_), .. }), "the dial was another's");
                    black.hear(&event);
                }
                event = door_b.next() => white.hear(&event),
            }
        }
        assert_eq!(
            (black.moves, white.moves),
            (vec!["e2e4".into(), "g2g4".into()], vec!["e7e5".into(), "d8h4".into()])
        );
        // The product's own door heard of the link and nothing of the game.
        let up = a.up(&Quic).await;
        b.up(&Quic).await;
        assert_eq!((a.links.poll(), b.links.poll()), (None, None));
        // A module that leaves is spoken to no more; the link lives on.
        drop(door_b);
        let frame = b"resign?".to_vec();
        door_a.command(Command::Send { link: up.link, protocol: ProtocolId::new(CHESS).unwrap(), frame });
        assert!(matches!(door_a.next().await, Event::Refused { .. }));
        a.send(up.link, "jirani/post/1", b"dinner");
        assert_eq!(b.frame(&Quic, "jirani/post/1").await, b"dinner");
    });
}
