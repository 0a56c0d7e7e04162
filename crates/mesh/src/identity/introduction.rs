//! docs/formats/statements.md, `jirani/introduction/1`: what both sides of a fresh link say to prove who is there.
//!
//! The link itself is between two transport keys that say nothing. Inside it a device shows its [`Chain`] and signs the
//! link's exporter, the role of its side and both transport keys, so that what it says is worthless on every other link and
//! from the other side. To whom it shows itself is decided device by device; those who hide from strangers are found by tags.
//!
//! A value: [`Introduction::handle`], then [`Introduction::poll`] until `None`.

mod message;
mod proof;
mod tag;
mod vouched;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::limits::{
    INTRODUCTION_FAILURES_MAX, INTRODUCTION_FRAME_BYTES_MAX, INTRODUCTION_HOUR_BYTES_MAX, LINK_DEVICES_MAX, VOUCHED_MAX,
};
use base::{DeviceId, Now, Time};

use super::chain::{Chain, ChainError};
use super::directory::{Directory, Refusal};
use super::key::{DeviceKey, PersonId, PersonKey};
use super::statement::{Statement, StatementError};
use crate::genesis::{Genesis, GenesisError};
use crate::keys::BadSignature;
use message::Message;
use proof::Prover;
use tag::Tags;
use vouched::Vouched;

pub use message::MessageError;

/// The protocol's id on a link.
pub const PROTOCOL: &str = "jirani/introduction/1";

/// Which end of a link a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It dialled.
    Dialler,
    /// It was dialled.
    Listener,
}

impl Role {
    /// The other end.
    pub fn other(self) -> Role {
        match self {
            Role::Dialler => Role::Listener,
            Role::Listener => Role::Dialler,
        }
    }

    /// As it is signed.
    fn byte(self) -> u8 {
        match self {
            Role::Dialler => 1,
            Role::Listener => 2,
        }
    }
}

/// A device of this node: its key, the chain that it shows, and its person's key where that is here.
#[derive(Debug)]
pub struct Own {
    key: DeviceKey,
    chain: Chain,
    person: Option<PersonKey>,
}

impl Own {
    /// `None` if the chain does not end at this key.
    pub fn new(key: DeviceKey, chain: Chain) -> Option<Own> {
        (key.public() == *chain.device()).then_some(Own { key, chain, person: None })
    }

    /// The same, which can say something for the person, too. `None` if it is not this person's device.
    pub fn with_person(self, person: PersonKey) -> Option<Own> {
        (person.public() == self.chain.proven().person).then_some(Own { person: Some(person), ..self })
    }

    /// The key of the person, if it is here.
    pub fn person(&self) -> Option<&PersonKey> {
        self.person.as_ref()
    }

    /// What the device shows.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    fn id(&self) -> DeviceId {
        self.chain.proven().device
    }
}

/// To whom a device shows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// To whoever is on the link.
    Everyone,
    /// To these people: when they have proved to be there, or have left a tag that only who knows them can make.
    Known(Arc<BTreeSet<PersonId>>),
}

/// Which devices of this node are shown on a link, and to whom.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The devices; beyond [`LINK_DEVICES_MAX`] none is shown.
    pub devices: Vec<(Arc<Own>, Visibility)>,
    /// Random for each link: what the tags are filled up with.
    pub noise: [u8; 32],
}

/// Who vouches for whom, as far as this node knows.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// What others have said of the persons of our devices: the first ones are shown, at most
    /// [`VOUCHED_MAX`](base::limits::VOUCHED_MAX) of each, to those who know who said it.
    pub vouches: Arc<BTreeMap<DeviceId, Vec<Statement>>>,
    /// Whose vouches count for anybody here.
    pub known: Arc<BTreeSet<PersonId>>,
    /// Random for each link and each time.
    pub noise: [u8; 32],
}

/// What an introduction is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A frame of [`PROTOCOL`] came.
    Frame(&'a [u8]),
    /// Devices came or went, a chain was renewed, somebody became known.
    Policy(Policy),
    /// Somebody has vouched for a person here, or is known now to somebody here.
    Trust(Trust),
    /// What a person here says of one at the other end: they get it to keep.
    Give(&'a Statement),
    /// The directory or the clock has changed: what was accepted is judged anew.
    Recheck,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this frame of [`PROTOCOL`].
    Frame(Vec<u8>),
    /// This device is at the other end, and its chain is accepted. Let the directory learn it.
    Proven(Box<Chain>),
    /// A device that was proven is at the other end no more, or is not accepted any more.
    Gone(DeviceId),
    /// A device is at the other end, and is not accepted as the address that its chain proves. The directory may learn the
    /// contradiction; a changed key is told to the person.
    Refused(Box<Chain>, Refusal),
    /// A device that is at the other end has given something that its person says; see [`Introduction::given`].
    Given(DeviceId),
    /// It is known who vouches for the person of this device, or not any more; see [`Introduction::vouched`].
    Vouched(DeviceId),
    /// A device with the key of one of ours is at the other end: the key was copied (attack case B23).
    Twin(DeviceId),
    /// Something was said that proves nothing.
    Failed(Failure),
    /// Close the link. Nothing comes after this.
    Close(Fault),
}

/// Why something that was said proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The frame is no message.
    #[error("the frame is no message of an introduction: {0}")]
    Message(#[from] MessageError),
    /// The genesis record is none.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A statement is none.
    #[error("a statement is refused: {0}")]
    Statement(#[from] StatementError),
    /// The statements are no chain.
    #[error("the statements are no chain: {0}")]
    Chain(#[from] ChainError),
    /// The device's signature is not over this link.
    #[error("the device has not signed this link")]
    Proof(#[from] BadSignature),
}

/// Why a link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Both ends have one transport key.
    #[error("the other end is this node itself")]
    Ourselves,
    /// More than [`INTRODUCTION_FAILURES_MAX`].
    #[error("too many proofs failed")]
    Failures,
    /// More than [`LINK_DEVICES_MAX`].
    #[error("too many devices on one link")]
    Devices,
    /// More than [`INTRODUCTION_HOUR_BYTES_MAX`], or a frame of more than [`INTRODUCTION_FRAME_BYTES_MAX`].
    #[error("too many bytes of introductions")]
    Bytes,
}

/// How long [`INTRODUCTION_HOUR_BYTES_MAX`] has to do.
const HOUR: Duration = Duration::from_secs(3600);

/// What a frame counts at least against [`INTRODUCTION_HOUR_BYTES_MAX`].
const FRAME_COST: usize = 512;

/// A device at the other end.
#[derive(Debug)]
struct There {
    chain: Box<Chain>,
    accepted: bool,
    /// The last that it has given.
    given: Option<Statement>,
    /// What known people say of its person.
    vouched: Vec<Statement>,
}

/// One link's introduction, from one of its ends.
#[derive(Debug)]
pub struct Introduction {
    role: Role,
    prover: Prover,
    policy: Policy,
    trust: Trust,
    /// Which vouches were shown last, by device: who said them, and when.
    vouches_shown: BTreeMap<DeviceId, Vec<(PersonId, u64)>>,
    /// The last tags that were said, so that the same are not said again.
    said: Option<Tags>,
    /// The other side's tags.
    tags: Tags,
    /// Our devices that are shown, with the hash of what they have shown.
    shown: BTreeMap<DeviceId, [u8; 32]>,
    there: BTreeMap<DeviceId, There>,
    failures: u32,
    /// When the present hour began, and the bytes that came in it.
    hour: (Time, usize),
    closed: bool,
    outputs: VecDeque<Output>,
}

impl Introduction {
    /// Begins on a link that is up: `exporter` is the same at both ends and different on every link; the keys are the
    /// transport's. What is said first is ready to be polled.
    pub fn new(
        role: Role,
        exporter: [u8; 32],
        local_key: [u8; 32],
        remote_key: [u8; 32],
        policy: Policy,
    ) -> Introduction {
        let mut introduction = Introduction {
            role,
            prover: Prover::new(exporter, local_key, remote_key),
            policy,
            trust: Trust::default(),
            vouches_shown: BTreeMap::new(),
            said: None,
            tags: Tags::default(),
            shown: BTreeMap::new(),
            there: BTreeMap::new(),
            failures: 0,
            hour: (Time(0), 0),
            closed: false,
            outputs: VecDeque::new(),
        };
        if local_key == remote_key {
            introduction.close(Fault::Ourselves);
        } else {
            introduction.show();
        }
        introduction
    }

    /// One input; then drain [`Introduction::poll`].
    pub fn handle(&mut self, now: Now, input: Input<'_>, directory: &Directory) {
        if self.closed {
            return;
        }
        match input {
            Input::Frame(frame) => self.frame(now, frame, directory),
            Input::Policy(policy) => self.policy = policy,
            Input::Trust(trust) => self.trust = trust,
            Input::Give(statement) => {
                self.outputs.push_back(Output::Frame(Message::Given(statement.bytes().to_vec()).write()));
            }
            Input::Recheck => self.recheck(now, directory),
        }
        if !self.closed {
            self.show();
        }
    }

    /// The next output, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The chains of those at the other end who are accepted.
    pub fn present(&self) -> impl Iterator<Item = &Chain> {
        self.there.values().filter(|there| there.accepted).map(|there| &*there.chain)
    }

    /// What known people say of the person of a device at the other end, who is accepted.
    pub fn vouched(&self, device: DeviceId) -> &[Statement] {
        let there = self.there.get(&device).filter(|there| there.accepted);
        there.map_or(&[], |there| &there.vouched)
    }

    /// The last that the person of a device at the other end, who is accepted, has said of somebody here.
    pub fn given(&self, device: DeviceId) -> Option<&Statement> {
        self.there.get(&device).filter(|there| there.accepted)?.given.as_ref()
    }

    /// Whether this device of ours is shown on the link.
    pub fn shows(&self, device: DeviceId) -> bool {
        self.shown.contains_key(&device)
    }

    fn close(&mut self, fault: Fault) {
        self.closed = true;
        self.outputs.push_back(Output::Close(fault));
    }

    fn frame(&mut self, now: Now, frame: &[u8], directory: &Directory) {
        if now.mono - self.hour.0 >= HOUR {
            self.hour = (now.mono, 0);
        }
        // The shortest one makes work, too.
        self.hour.1 += frame.len().max(FRAME_COST);
        if frame.len() > INTRODUCTION_FRAME_BYTES_MAX || self.hour.1 > INTRODUCTION_HOUR_BYTES_MAX {
            return self.close(Fault::Bytes);
        }
        let done = Message::read(frame).map_err(Failure::from).and_then(|message| match message {
            Message::Tags(tags) => {
                self.tags = tags;
                Ok(())
            }
            Message::Present { genesis, statements, signature } => {
                let statements = statements.iter().map(|bytes| Statement::read(bytes)).collect::<Result<_, _>>()?;
                let chain = Chain::new(Genesis::decode(&genesis)?, statements)?;
                self.prover.verify(self.role.other(), &chain, &signature)?;
                self.meet(now, chain, directory);
                Ok(())
            }
            Message::Withdraw(device) => {
                self.leave(device);
                Ok(())
            }
            Message::Given(bytes) => {
                self.take(Statement::read(&bytes)?);
                Ok(())
            }
            Message::Vouched { device, vouched } => {
                let Some(there) = self.there.get_mut(&device) else { return Ok(()) };
                let (of, role) = (there.chain.proven(), self.role.other());
                there.vouched = vouched.open(&self.prover, role, of, self.trust.known.iter())?;
                self.outputs.push_back(Output::Vouched(device));
                Ok(())
            }
            // Of a later version, and harmless.
            Message::Later => Ok(()),
        });
        if let Err(failure) = done {
            self.failures += 1;
            self.outputs.push_back(Output::Failed(failure));
            if self.failures > INTRODUCTION_FAILURES_MAX {
                self.close(Fault::Failures);
            }
        }
    }

    /// Somebody at the other end says something of somebody: only for themselves.
    fn take(&mut self, statement: Statement) {
        let by = |there: &There| there.accepted && there.chain.proven().person == *statement.issuer();
        let devices: Vec<DeviceId> = self.there.iter().filter(|(_, there)| by(there)).map(|(id, _)| *id).collect();
        for device in devices {
            if let Some(there) = self.there.get_mut(&device) {
                there.given = Some(statement.clone());
                self.outputs.push_back(Output::Given(device));
            }
        }
    }

    /// A device has proved that it is at the other end.
    fn meet(&mut self, now: Now, chain: Chain, directory: &Directory) {
        let device = chain.proven().device;
        if self.policy.devices.iter().any(|(own, _)| own.id() == device) {
            return self.outputs.push_back(Output::Twin(device));
        }
        if !self.there.contains_key(&device) && self.there.len() >= LINK_DEVICES_MAX {
            return self.close(Fault::Devices);
        }
        let before = self.there.get(&device).filter(|there| there.accepted);
        let accepted = before.is_some_and(|there| there.chain.proven() == chain.proven());
        if before.is_some() && !accepted {
            // With another address it is somebody else: whoever was told of the first must hear that it is gone.
            self.outputs.push_back(Output::Gone(device));
        }
        // What was said of this person holds for a renewed chain, too.
        let same = self.there.remove(&device).filter(|there| there.chain.proven() == chain.proven());
        let (given, vouched) = same.map_or((None, Vec::new()), |there| (there.given, there.vouched));
        self.there.insert(device, There { chain: Box::new(chain), accepted, given, vouched });
        self.judge(now, device, directory);
    }

    fn judge(&mut self, now: Now, device: DeviceId, directory: &Directory) {
        let Some(there) = self.there.get_mut(&device) else { return };
        match directory.judge(now.wall, &there.chain) {
            Ok(()) => {
                there.accepted = true;
                self.outputs.push_back(Output::Proven(there.chain.clone()));
            }
            Err(refusal) => {
                if std::mem::replace(&mut there.accepted, false) {
                    self.outputs.push_back(Output::Gone(device));
                }
                self.outputs.push_back(Output::Refused(there.chain.clone(), refusal));
            }
        }
    }

    fn leave(&mut self, device: DeviceId) {
        if self.there.remove(&device).is_some_and(|there| there.accepted) {
            self.outputs.push_back(Output::Gone(device));
        }
    }

    /// Says only what has changed.
    fn recheck(&mut self, now: Now, directory: &Directory) {
        let changed = |there: &There| directory.judge(now.wall, &there.chain).is_ok() != there.accepted;
        let changed: Vec<_> = self.there.iter().filter(|(_, there)| changed(there)).map(|(id, _)| *id).collect();
        changed.into_iter().for_each(|device| self.judge(now, device, directory));
    }

    /// Says what is not said yet: tags, devices that may be seen, devices that may be seen no more.
    fn show(&mut self) {
        let devices = || self.policy.devices.iter().take(LINK_DEVICES_MAX);
        let hidden = devices().filter(|(_, to)| matches!(to, Visibility::Known(_)));
        let hidden: Vec<PersonId> = hidden.map(|(own, _)| PersonId::of(&own.chain.proven().person)).collect();
        let tags = Tags::make(&self.prover, self.role, &hidden, &self.policy.noise);
        if self.said.as_ref() != Some(&tags) {
            self.outputs.push_back(Output::Frame(Message::Tags(tags.clone()).write()));
            self.said = Some(tags);
        }

        let proved: BTreeSet<PersonId> = self.present().map(|chain| PersonId::of(&chain.proven().person)).collect();
        let is_here =
            |person: &PersonId| proved.contains(person) || self.tags.has(&self.prover, self.role.other(), person);
        let may_see = |to: &Visibility| match to {
            Visibility::Everyone => true,
            Visibility::Known(people) => people.iter().any(is_here),
        };
        let seen: BTreeMap<DeviceId, &Arc<Own>> =
            devices().filter(|(_, to)| may_see(to)).map(|(own, _)| (own.id(), own)).collect();
        let gone: Vec<DeviceId> = self.shown.keys().filter(|device| !seen.contains_key(device)).copied().collect();
        for device in gone {
            self.shown.remove(&device);
            self.vouches_shown.remove(&device);
            self.outputs.push_back(Output::Frame(Message::Withdraw(device).write()));
        }
        for (device, own) in seen {
            let digest = proof::digest(&own.chain);
            if self.shown.insert(device, digest) != Some(digest) {
                let signature = self.prover.sign(self.role, &own.key, &own.chain);
                self.outputs.push_back(Output::Frame(Message::present(&own.chain, signature).write()));
            }
        }
        self.show_vouches();
    }

    /// Behind the devices that they are about.
    fn show_vouches(&mut self) {
        for device in self.shown.keys() {
            let vouches = self.trust.vouches.get(device).map_or(&[][..], Vec::as_slice);
            let summary = |vouch: &Statement| (PersonId::of(vouch.issuer()), vouch.stamp().sequence);
            let now: Vec<_> = vouches.iter().take(VOUCHED_MAX).map(summary).collect();
            let before = self.vouches_shown.get(device);
            if before.map_or(&[][..], Vec::as_slice) == now {
                continue;
            }
            let vouched = Vouched::seal(&self.prover, self.role, *device, vouches, &self.trust.noise);
            self.outputs.push_back(Output::Frame(Message::Vouched { device: *device, vouched }.write()));
            self.vouches_shown.insert(*device, now);
        }
    }
}
