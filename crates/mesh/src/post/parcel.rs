//! `docs/formats/post.md`: a parcel, what goes over a link from an account's device to another device.

use base::DeviceId;

/// The highest number: what a store's integer holds, with room to add one.
pub const COUNTER_MAX: u64 = i64::MAX as u64 - 1;

const FLEETING: u8 = 0;
const LASTING: u8 = 1;
const LASTING_ANEW: u8 = 2;
const CONFIRM: u8 = 3;

/// What is said from one device to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel<'a> {
    /// Of this moment: taken or lost.
    Fleeting {
        /// What it is.
        payload: &'a [u8],
    },
    /// Said until it is confirmed.
    Lasting(Lasting<'a>),
    /// Everything of this incarnation that was said from its floor up to this number is durable at the other side.
    Confirm {
        /// The one who is confirmed to.
        incarnation: u64,
        /// The highest number.
        upto: u64,
    },
}

/// Something with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting<'a> {
    /// A random number that the author's side drew when it began to count; `None`: that of the lasting parcel before,
    /// since the two came in reach.
    pub incarnation: Option<u64>,
    /// Its number in that incarnation, from 1.
    pub counter: u64,
    /// The lowest number that is not confirmed; whoever has all from there to this one may take this one.
    pub floor: u64,
    /// How many seconds ago it was written: clocks differ, waits do not.
    pub age_s: u64,
    /// Whether it is for the addressee's device, or a copy between two devices of one account.
    pub copied: Copied,
    /// What it is.
    pub payload: &'a [u8],
}

/// What a device owes the other devices of its own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copied {
    /// No copy: it is said to whom it is for.
    #[default]
    No,
    /// What the account has said to somebody.
    Sent,
    /// What the account has heard. By a link: under which number, because the other device may hear it too.
    Heard(Option<OriginId>),
}

/// What tells one lasting parcel from all others, together with the account that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginId {
    /// Who said it first.
    pub device: DeviceId,
    /// In which of its incarnations.
    pub incarnation: u64,
    /// Its number there.
    pub counter: u64,
}

/// Why bytes are no parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// They end too early.
    #[error("the parcel ends in the middle")]
    Short,
    /// The first byte means nothing that this version knows.
    #[error("the parcel is of a kind that is not known: {0}")]
    Kind(u8),
    /// A number is longer than it has to be, or beyond its range.
    #[error("a number in the parcel is not written as it has to be")]
    Number,
    /// Something stands behind a parcel that has an end.
    #[error("something stands behind the parcel")]
    Long,
}

impl<'a> Parcel<'a> {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Parcel::Fleeting { payload } => {
                out.push(FLEETING);
                out.extend_from_slice(payload);
            }
            Parcel::Confirm { incarnation, upto } => {
                out.push(CONFIRM);
                out.extend_from_slice(&incarnation.to_be_bytes());
                put(&mut out, *upto);
            }
            Parcel::Lasting(lasting) => {
                let kind = if lasting.incarnation.is_some() { LASTING_ANEW } else { LASTING };
                out.push(kind | lasting.copied.tag() << 4);
                out.extend(lasting.incarnation.iter().flat_map(|incarnation| incarnation.to_be_bytes()));
                put(&mut out, lasting.counter);
                put(&mut out, lasting.counter - lasting.floor);
                put(&mut out, lasting.age_s);
                lasting.copied.put_fields(&mut out);
                out.extend_from_slice(lasting.payload);
            }
        }
        out
    }

    /// Reads one. What it allows, [`Parcel::to_bytes`] writes in the same way.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &'a [u8]) -> Result<Parcel<'a>, ParcelError> {
        let mut rest = bytes;
        let [first] = take(&mut rest)?;
        match (first & 0x0f, first >> 4) {
            (FLEETING, 0) => Ok(Parcel::Fleeting { payload: rest }),
            (CONFIRM, 0) => {
                let incarnation = u64::from_be_bytes(take(&mut rest)?);
                let upto = counter(&mut rest)?;
                if rest.is_empty() { Ok(Parcel::Confirm { incarnation, upto }) } else { Err(ParcelError::Long) }
            }
            (kind @ (LASTING | LASTING_ANEW), tag @ 0..=3) => {
                let incarnation = match kind {
                    LASTING_ANEW => Some(u64::from_be_bytes(take(&mut rest)?)),
                    _ => None,
                };
                let counter = counter(&mut rest)?;
                let behind = number(&mut rest)?;
                let floor = counter.checked_sub(behind).filter(|floor| *floor > 0).ok_or(ParcelError::Number)?;
                let age_s = number(&mut rest)?;
                let copied = Copied::read_fields(tag, &mut rest)?;
                Ok(Parcel::Lasting(Lasting { incarnation, counter, floor, age_s, copied, payload: rest }))
            }
            _ => Err(ParcelError::Kind(first)),
        }
    }
}

impl Copied {
    /// As it is stored: empty for [`Copied::No`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if *self != Copied::No {
            out.push(self.tag());
            self.put_fields(&mut out);
        }
        out
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// If it is nothing that was stored.
    pub fn read(bytes: &[u8]) -> Result<Copied, ParcelError> {
        let mut rest = bytes;
        if rest.is_empty() {
            return Ok(Copied::No);
        }
        match take(&mut rest)? {
            [tag @ 1..=3] => {
                let copied = Copied::read_fields(tag, &mut rest)?;
                if rest.is_empty() { Ok(copied) } else { Err(ParcelError::Long) }
            }
            [tag] => Err(ParcelError::Kind(tag)),
        }
    }

    fn tag(self) -> u8 {
        match self {
            Copied::No => 0,
            Copied::Sent => 1,
            Copied::Heard(None) => 2,
            Copied::Heard(Some(_)) => 3,
        }
    }

    fn put_fields(self, out: &mut Vec<u8>) {
        if let Copied::Heard(Some(origin)) = self {
            out.extend_from_slice(&origin.device.0);
            out.extend_from_slice(&origin.incarnation.to_be_bytes());
            put(out, origin.counter);
        }
    }

    fn read_fields(tag: u8, rest: &mut &[u8]) -> Result<Copied, ParcelError> {
        Ok(match tag {
            0 => Copied::No,
            1 => Copied::Sent,
            2 => Copied::Heard(None),
            _ => {
                let device = DeviceId(take(rest)?);
                let incarnation = u64::from_be_bytes(take(rest)?);
                Copied::Heard(Some(OriginId { device, incarnation, counter: counter(rest)? }))
            }
        })
    }
}

/// Writes a number in groups of seven bits, the lowest first; all but the last have the high bit.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads such a number. There is one way to write each.
pub(super) fn number(rest: &mut &[u8]) -> Result<u64, ParcelError> {
    let mut found = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        let bits = u64::from(byte & 0x7f);
        let is_padding = byte == 0 && shift > 0;
        if is_padding || bits << shift >> shift != bits {
            return Err(ParcelError::Number);
        }
        found |= bits << shift;
        if byte < 0x80 {
            return Ok(found);
        }
    }
    Err(ParcelError::Number)
}

fn counter(rest: &mut &[u8]) -> Result<u64, ParcelError> {
    number(rest).and_then(|n| if (1..=COUNTER_MAX).contains(&n) { Ok(n) } else { Err(ParcelError::Number) })
}

pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ParcelError> {
    let (first, others) = rest.split_first_chunk().ok_or(ParcelError::Short)?;
    *rest = others;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(counter: u64, floor: u64) -> Lasting<'static> {
        Lasting { incarnation: None, counter, floor, age_s: 0, copied: Copied::No, payload: b"hi" }
    }

    fn origin() -> OriginId {
        OriginId { device: DeviceId([7; 32]), incarnation: 9, counter: 300 }
    }

    #[track_caller]
    fn check(parcel: &Parcel<'_>, expect: &[u8]) {
        let bytes = parcel.to_bytes();
        assert_eq!(bytes, expect);
        assert_eq!(Parcel::read(&bytes).as_ref(), Ok(parcel));
    }

    #[test]
    fn bytes() {
        check(&Parcel::Fleeting { payload: b"hi" }, b"\0hi");
        check(&Parcel::Fleeting { payload: b"" }, b"\0");
        check(&Parcel::Confirm { incarnation: 5, upto: 128 }, &[3, 0, 0, 0, 0, 0, 0, 0, 5, 0x80, 1]);
        check(&Parcel::Lasting(lasting(1, 1)), b"\x01\x01\0\0hi");
        check(&Parcel::Lasting(Lasting { age_s: 200, ..lasting(5, 3) }), b"\x01\x05\x02\xc8\x01hi");
        let anew = Lasting { incarnation: Some(0x0102), ..lasting(1, 1) };
        check(&Parcel::Lasting(anew), b"\x02\0\0\0\0\0\0\x01\x02\x01\0\0hi");
        check(&Parcel::Lasting(Lasting { copied: Copied::Sent, ..lasting(1, 1) }), b"\x11\x01\0\0hi");
        check(&Parcel::Lasting(Lasting { copied: Copied::Heard(None), ..lasting(1, 1) }), b"\x21\x01\0\0hi");
        let heard = Lasting { copied: Copied::Heard(Some(origin())), ..lasting(1, 1) };
        check(
            &Parcel::Lasting(heard),
            &[b"\x31\x01\0\0".as_slice(), &[7; 32], &[0, 0, 0, 0, 0, 0, 0, 9], b"\xac\x02hi"].concat(),
        );
    }

    /// Eight bytes for a warm message, up to more messages from one person to another than anybody writes.
    #[test]
    fn a_warm_message_costs_at_most_eight_bytes() {
        for counter in [1, 127, 128, 1 << 20, (1 << 35) - 1] {
            let parcel = Parcel::Lasting(lasting(counter, counter.saturating_sub(60).max(1)));
            assert!(parcel.to_bytes().len() - b"hi".len() <= 8, "{counter}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for (bytes, expect) in [
            (b"".as_slice(), ParcelError::Short),
            (b"\x04", ParcelError::Kind(4)),
            (b"\x10hi", ParcelError::Kind(0x10)),
            (b"\x13", ParcelError::Kind(0x13)),
            (b"\x41\x01\0\0", ParcelError::Kind(0x41)),
            (b"\x01", ParcelError::Short),
            (b"\x01\0\0\0", ParcelError::Number),
            (b"\x01\x01\x01\0", ParcelError::Number),
            (b"\x01\x81\0\0\0", ParcelError::Number),
            (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0", ParcelError::Number),
            (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0", ParcelError::Number),
            (b"\x02\0\0", ParcelError::Short),
            (b"\x31\x01\0\0aaaa", ParcelError::Short),
            (b"\x03\0\0\0\0\0\0\0\x05\x01!", ParcelError::Long),
        ] {
            assert_eq!(Parcel::read(bytes), Err(expect), "{bytes:?}");
        }
    }

    #[test]
    fn what_a_copy_is_is_stored() {
        for copied in [Copied::No, Copied::Sent, Copied::Heard(None), Copied::Heard(Some(origin()))] {
            assert_eq!(Copied::read(&copied.to_bytes()), Ok(copied));
        }
        assert_eq!(Copied::read(b"\x04"), Err(ParcelError::Kind(4)));
        assert_eq!(Copied::read(b"\x01\0"), Err(ParcelError::Long));
        assert_eq!(Copied::read(b"\x03"), Err(ParcelError::Short));
    }
}
