//! docs/formats/statements.md: any bytes as a statement, and as the frames of an introduction.

use std::sync::{Arc, LazyLock};

use base::limits::INTRODUCTION_FRAME_BYTES_MAX;
use base::{Now, Time, Wall};
use mesh::identity::introduction::{Input, Output, Own, Policy, Role, Trust, Visibility};
use mesh::identity::{
    Chain, Claim, DeviceKey, Directory, Hosting, Introduction, Membership, PersonId, PersonKey, Stamp, Statement,
};
use mesh::{Draft, Genesis, RootKey};

/// The transport keys and the exporter of the document's vectors: what is shown there is right on this link.
const DIALLER: [u8; 32] = [0xa0; 32];
const LISTENER: [u8; 32] = [0xb0; 32];
const EXPORTER: [u8; 32] = [0xe0; 32];
const NOW: Now = Now { mono: Time(1), wall: Wall(1_795_168_380_000) };
/// The person of the document's vectors: the only one who can be proved by bytes that lie around.
const VECTOR: [u8; 32] = [6; 32];

/// Somebody who shows herself, and somebody who hides from all but her and the person of the vectors.
static OWN: LazyLock<[Arc<Own>; 2]> =
    LazyLock::new(|| [("ana", 40), ("paulo", 50)].map(|(name, seed)| own(name, seed)));

fn own(name: &str, seed: u8) -> Arc<Own> {
    let root = RootKey::from_seed(&[1; 32]);
    let next = RootKey::from_seed(&[2; 32]).public().commitment();
    let modifier = 0x0010_9eaf_u128.to_be_bytes();
    let genesis = Genesis::new(Draft { label: None, root: root.public(), next }, modifier).expect("a good modifier");
    let (person, device) = (PersonKey::from_seed(&[seed; 32]), DeviceKey::from_seed(&[seed + 1; 32]));
    let (domain, stamp) = (genesis.hash(), Stamp::next(None, NOW.wall, None));
    let (name, public) = (name.to_owned(), person.public());
    let member = Membership { domain, name, person: public, role: None, group: None, policy: None };
    let member = Statement::sign(&root, member, stamp).expect("a good name");
    let hosting = Statement::sign(&person, Hosting { device: device.public() }, stamp).expect("a device");
    let chain = Chain::new(genesis, vec![member, hosting]).expect("a chain");
    Arc::new(Own::new(device, chain).expect("its own chain"))
}

/// The bytes are a statement; and they are frames, each behind its length in two bytes, that a listener hears.
///
/// # Panics
/// If anything does; if what is read is not the bytes that were read; if somebody is proven who signed nothing; if an honest
/// device is not heard any more on a link that lives.
pub fn statement(data: &[u8]) {
    if let Ok(claim) = Claim::read(data) {
        assert_eq!(&claim.statement().bytes()[..], data, "verified over the bytes received");
        let again = Claim::read(claim.statement().bytes()).expect("it was read before");
        assert_eq!(claim.statement(), again.statement());
        assert_eq!(claim.verify().is_ok(), Statement::read(data).is_ok());
    }
    let mut play = Play::new();
    let mut rest = data;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let frame;
        (frame, rest) = behind.split_at(usize::from(u16::from_be_bytes(*length)).min(behind.len()));
        play.hear(frame);
    }
    play.end();
}

struct Play {
    listener: Introduction,
    directory: Directory,
    closed: bool,
}

impl Play {
    fn new() -> Play {
        let vector = PersonId::of(&PersonKey::from_seed(&VECTOR).public());
        let devices = vec![(Arc::clone(&OWN[1]), Visibility::Known(Arc::new([vector].into())))];
        let policy = Policy { devices, noise: [3; 32] };
        let listener = Introduction::new(Role::Listener, EXPORTER, LISTENER, DIALLER, policy);
        let mut play = Play { listener, directory: Directory::new(), closed: false };
        let trust = Trust { known: Arc::new([vector].into()), ..Trust::default() };
        play.listener.handle(NOW, Input::Trust(trust), &play.directory);
        play
    }

    fn hear(&mut self, frame: &[u8]) {
        self.listener.handle(NOW, Input::Frame(frame), &self.directory);
        while let Some(output) = self.listener.poll() {
            assert!(!self.closed, "{output:?} behind the end");
            match output {
                Output::Frame(frame) => assert!(frame.len() <= INTRODUCTION_FRAME_BYTES_MAX),
                Output::Proven(chain) => {
                    let person = chain.proven().person;
                    let known = [VECTOR, [40; 32]].map(|seed| PersonKey::from_seed(&seed).public());
                    assert!(known.contains(&person), "{person:?} has signed nothing on this link");
                    self.directory.learn(NOW.wall, &chain).expect("it was judged just now");
                }
                Output::Close(_) => self.closed = true,
                Output::Vouched(device) => {
                    assert!(self.listener.vouched(device).is_empty(), "nobody has vouched for anybody");
                }
                Output::Given(device) => {
                    let by = self.listener.given(device).map(|said| *said.issuer());
                    let mut there = self.listener.present().map(Chain::proven);
                    assert!(there.any(|there| there.device == device && Some(there.person) == by));
                }
                Output::Gone(_) | Output::Refused(..) | Output::Twin(_) | Output::Failed(_) => {}
            }
        }
    }

    /// Somebody honest comes to the other end.
    fn end(mut self) {
        let devices = vec![(Arc::clone(&OWN[0]), Visibility::Everyone)];
        let policy = Policy { devices, noise: [4; 32] };
        let mut honest = Introduction::new(Role::Dialler, EXPORTER, DIALLER, LISTENER, policy);
        while let Some(output) = honest.poll() {
            let Output::Frame(frame) = output else { panic!("{output:?}") };
            self.hear(&frame);
        }
        let device = OWN[0].chain().proven().device;
        assert!(self.closed || self.listener.present().any(|chain| chain.proven().device == device));
    }
}
