//! docs/formats/verification.md: the messages as deterministic CBOR.

use ciborium::Value;

use base::DeviceId;
use base::limits::VERIFICATION_FRAME_BYTES_MAX;

use crate::identity::cbor::{self, CborError, Items};

/// Bytes of a number that nobody can guess, and of what promises one.
pub(crate) const NUMBER_BYTES: usize = 32;
/// Bytes that say which words a yes is for.
pub(crate) const CHECK_BYTES: usize = 16;

/// One side's random number.
pub(crate) type Number = [u8; NUMBER_BYTES];
/// What promises a number. It also names the attempt: no two have the same.
pub(crate) type Promise = [u8; NUMBER_BYTES];
/// Which words a yes is for.
pub(crate) type Check = [u8; CHECK_BYTES];

/// What one device says to another of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) from: DeviceId,
    pub(crate) to: DeviceId,
    /// Which attempt.
    pub(crate) attempt: Promise,
    pub(crate) said: Said,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A person wants to compare words.
    Ask,
    /// The other one does, too; and a number.
    Answer(Number),
    /// The number that was promised.
    Open(Number),
    /// The person sees the same words.
    Agree(Check),
    /// The attempt is over.
    End(End),
}

/// Why one side ends an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The person does not want to.
    Refused,
    /// The person sees other words.
    Differed,
    /// The two have tried too often.
    TooOften,
    /// Somebody else is being compared with.
    Busy,
    /// It took too long.
    Late,
    /// What was opened is not what was promised, or the yes is for other words.
    Cheated,
}

impl End {
    const ALL: [End; 6] = [End::Refused, End::Differed, End::TooOften, End::Busy, End::Late, End::Cheated];

    fn number(self) -> u64 {
        match self {
            End::Refused => 1,
            End::Differed => 2,
            End::TooOften => 3,
            End::Busy => 4,
            End::Late => 5,
            End::Cheated => 6,
        }
    }

    /// A reason of a later version is a plain refusal.
    fn of(number: u64) -> End {
        End::ALL.into_iter().find(|end| end.number() == number).unwrap_or(End::Refused)
    }
}

const ASK: u64 = 1;
const ANSWER: u64 = 2;
const OPEN: u64 = 3;
const AGREE: u64 = 4;
const END: u64 = 5;

impl Message {
    /// Reads a frame; `None` if it is of a kind that is not known here.
    pub(crate) fn read(frame: &[u8]) -> Result<Option<Message>, CborError> {
        if frame.len() > VERIFICATION_FRAME_BYTES_MAX {
            return Err(CborError::Malformed);
        }
        let mut items = Items::of(cbor::read(frame)?)?;
        let kind = items.number()?;
        if !(ASK..=END).contains(&kind) {
            return Ok(None);
        }
        let (from, to, attempt) = (DeviceId(items.array()?), DeviceId(items.array()?), items.array()?);
        let said = match kind {
            ASK => Said::Ask,
            ANSWER => Said::Answer(items.array()?),
            OPEN => Said::Open(items.array()?),
            AGREE => Said::Agree(items.array()?),
            _ => Said::End(End::of(items.number()?)),
        };
        items.end()?;
        Ok(Some(Message { from, to, attempt, said }))
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let (kind, more) = match &self.said {
            Said::Ask => (ASK, None),
            Said::Answer(number) => (ANSWER, Some(cbor::bytes(number))),
            Said::Open(number) => (OPEN, Some(cbor::bytes(number))),
            Said::Agree(check) => (AGREE, Some(cbor::bytes(check))),
            Said::End(end) => (END, Some(end.number().into())),
        };
        let names = [&self.from.0, &self.to.0, &self.attempt].map(|name| cbor::bytes(name));
        let items = [kind.into()].into_iter().chain(names).chain(more);
        cbor::write(&Value::Array(items.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(said: Said) -> Message {
        Message { from: DeviceId([1; 32]), to: DeviceId([2; 32]), attempt: [3; 32], said }
    }

    #[test]
    fn messages_come_back_and_fit() {
        let ends = End::ALL.map(Said::End);
        let others = [Said::Ask, Said::Answer([4; 32]), Said::Open([5; 32]), Said::Agree([6; 16])];
        for said in ends.into_iter().chain(others) {
            let bytes = message(said).write();
            assert_eq!(Message::read(&bytes), Ok(Some(message(said))));
            assert!(bytes.len() <= VERIFICATION_FRAME_BYTES_MAX);
            // Whatever is missing or changed is refused or something else; but all later reasons are one.
            let is_reason = |at: usize| matches!(said, Said::End(_)) && at + 1 == bytes.len();
            for at in 0..bytes.len() {
                assert!(Message::read(&bytes[..at]).is_err(), "{said:?} {at}");
                for bit in (0..8).filter(|_| !is_reason(at)) {
                    let mut other = bytes.clone();
                    other[at] ^= 1 << bit;
                    assert_ne!(Message::read(&other), Ok(Some(message(said))), "{said:?} {at} {bit}");
                }
            }
        }
    }

    #[test]
    fn what_is_long_is_no_message_and_what_is_later_is_passed_over() {
        // An array of a kind and a byte string that fills it.
        let long =
            |bytes: usize, kind: u64| cbor::write(&Value::Array(vec![kind.into(), Value::Bytes(vec![0; bytes])]));
        let overhead = long(200, 9).len() - 200;
        let most = VERIFICATION_FRAME_BYTES_MAX - overhead;
        for (bytes, ok) in [(most - 1, true), (most, true)] {
            assert_eq!(Message::read(&long(bytes, 9)), Ok(None), "{bytes} {ok}");
        }
        for bytes in [most + 1, 10 * most] {
            assert_eq!(Message::read(&long(bytes, 9)), Err(CborError::Malformed), "{bytes}");
        }
        let items = vec![END.into(), cbor::bytes(&[1; 32]), cbor::bytes(&[2; 32]), cbor::bytes(&[3; 32]), 77.into()];
        let later = Message::read(&cbor::write(&Value::Array(items))).unwrap().unwrap();
        assert_eq!(later.said, Said::End(End::Refused));
    }
}
