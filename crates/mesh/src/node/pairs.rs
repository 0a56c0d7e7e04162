//! `docs/formats/links.md`, `jirani/post/1`: parcels between several devices at either end of one link, at one byte each.
//!
//! The first parcel from one device to another names both and gives the pair a number; the next ones have the number only.
//! Numbers are counted by whoever sends, from 0, and die with the link.

use std::collections::BTreeMap;

use base::DeviceId;
use base::limits::LINK_PAIRS_MAX;

/// The bit that says: this number is new, and the two devices follow.
const NEW: u8 = 0x80;

/// Who sends to whom.
pub(super) type Pair = (DeviceId, DeviceId);

/// Numbers of one link, one way.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    numbers: BTreeMap<Pair, u8>,
    by_number: Vec<Pair>,
}

/// Why a frame is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PairError {
    /// It ends before the parcel begins.
    #[error("the frame ends before the parcel")]
    Short,
    /// The number was never given, or is not the next one.
    #[error("the frame has number {0}, which names no devices")]
    Unknown(u8),
}

impl Pairs {
    /// The frame of a parcel; `None` if [`LINK_PAIRS_MAX`] pairs have their numbers already.
    pub(super) fn write(&mut self, pair: Pair, parcel: &[u8]) -> Option<Vec<u8>> {
        if let Some(number) = self.numbers.get(&pair) {
            return Some([&[*number], parcel].concat());
        }
        let number = self.add(pair)?;
        let (from, to) = pair;
        Some([&[NEW | number], &from.0[..], &to.0[..], parcel].concat())
    }

    /// Between whom a parcel is, and the parcel.
    ///
    /// # Errors
    /// If the frame is none.
    pub(super) fn read<'a>(&mut self, frame: &'a [u8]) -> Result<(Pair, &'a [u8]), PairError> {
        let (first, rest) = frame.split_first().ok_or(PairError::Short)?;
        let number = first & !NEW;
        if first & NEW == 0 {
            let pair = self.by_number.get(usize::from(number)).ok_or(PairError::Unknown(number))?;
            return Ok((*pair, rest));
        }
        let (from, rest) = rest.split_first_chunk().ok_or(PairError::Short)?;
        let (to, parcel) = rest.split_first_chunk().ok_or(PairError::Short)?;
        let pair = (DeviceId(*from), DeviceId(*to));
        if usize::from(number) != self.by_number.len() || self.add(pair).is_none() {
            return Err(PairError::Unknown(number));
        }
        Ok((pair, parcel))
    }

    fn add(&mut self, pair: Pair) -> Option<u8> {
        let number = self.by_number.len();
        if number >= LINK_PAIRS_MAX {
            return None;
        }
        let number = u8::try_from(number).ok()?;
        self.by_number.push(pair);
        self.numbers.insert(pair, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(from: u8, to: u8) -> Pair {
        (DeviceId([from; 32]), DeviceId([to; 32]))
    }

    #[test]
    fn a_pair_is_named_once() {
        let (mut here, mut there) = (Pairs::default(), Pairs::default());
        for (pair, bytes) in [(pair(1, 2), 65), (pair(1, 3), 65), (pair(1, 2), 1), (pair(2, 1), 65), (pair(1, 3), 1)] {
            let frame = here.write(pair, b"parcel").unwrap();
            assert_eq!(frame.len(), bytes + 6);
            assert_eq!(there.read(&frame), Ok((pair, &b"parcel"[..])));
        }
    }

    #[test]
    fn a_link_has_so_many_pairs_and_no_more() {
        let (mut here, mut there) = (Pairs::default(), Pairs::default());
        for at in 0..LINK_PAIRS_MAX {
            let frame = here.write(pair(at as u8, 255), b"").unwrap();
            assert_eq!(there.read(&frame), Ok((pair(at as u8, 255), &b""[..])));
        }
        assert_eq!(here.write(pair(254, 255), b""), None);
        assert!(here.write(pair(0, 255), b"").is_some(), "the others go on");
    }

    #[test]
    fn what_is_no_frame_names_nobody() {
        let mut there = Pairs::default();
        let named = [&[NEW][..], &[1; 64]].concat();
        for (frame, error) in [
            (&[][..], PairError::Short),
            (&[0], PairError::Unknown(0)),
            (&[NEW], PairError::Short),
            (&named[..64], PairError::Short),
            (&[&[NEW | 1][..], &[1; 64]].concat(), PairError::Unknown(1)),
        ] {
            assert_eq!(there.read(frame), Err(error), "{frame:?}");
        }
        assert_eq!(there.read(&named), Ok((pair(1, 1), &b""[..])));
        assert_eq!(there.read(&named), Err(PairError::Unknown(0)), "a number is given once");
        assert_eq!(there.read(&[127]), Err(PairError::Unknown(127)));
    }
}
