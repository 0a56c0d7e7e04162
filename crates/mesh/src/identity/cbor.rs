//! RFC 8949 section 4.2.1: CBOR in its one deterministic form. No floating point numbers, no tags.

use ciborium::Value;

use base::limits::STATEMENT_DEPTH_MAX;

/// Why bytes are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// No CBOR, or more than one value, or deeper than anything of ours.
    #[error("the bytes are no CBOR value")]
    Malformed,
    /// The same could be said in other bytes.
    #[error("the CBOR is not in its deterministic form")]
    NotDeterministic,
    /// A value is missing, too many, or of another sort.
    #[error("a value is missing, too many, or of another sort than expected")]
    Shape,
}

/// Reads one value strictly: these bytes are the only ones for it.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, CborError> {
    let value: Value =
        ciborium::de::from_reader_with_recursion_limit(bytes, STATEMENT_DEPTH_MAX).map_err(|_| CborError::Malformed)?;
    if is_plain(&value) && write(&value) == bytes { Ok(value) } else { Err(CborError::NotDeterministic) }
}

/// The deterministic form of a value whose maps are in order.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("a vector takes all bytes, and our values have no others");
    bytes
}

/// What re-encoding does not show: the order of maps, keys that stand twice, kinds of values that we never use.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Integer(_) | Value::Bytes(_) | Value::Text(_) | Value::Bool(_) | Value::Null => true,
        Value::Array(items) => items.iter().all(is_plain),
        Value::Map(entries) => {
            let keys: Vec<_> = entries.iter().map(|(key, _)| write(key)).collect();
            keys.is_sorted_by(|a, b| a < b) && entries.iter().all(|(key, value)| is_plain(key) && is_plain(value))
        }
        _ => false,
    }
}

/// The items of an array, taken one by one.
pub(crate) struct Items(std::vec::IntoIter<Value>);

impl Items {
    pub(crate) fn of(value: Value) -> Result<Items, CborError> {
        Ok(Items(value.into_array().map_err(|_| CborError::Shape)?.into_iter()))
    }

    pub(crate) fn value(&mut self) -> Result<Value, CborError> {
        self.0.next().ok_or(CborError::Shape)
    }

    pub(crate) fn number(&mut self) -> Result<u64, CborError> {
        number(self.value()?)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, CborError> {
        self.value()?.into_bytes().map_err(|_| CborError::Shape)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        array(self.value()?)
    }

    pub(crate) fn text(&mut self) -> Result<String, CborError> {
        text(self.value()?)
    }

    /// Nothing may be left.
    pub(crate) fn end(mut self) -> Result<(), CborError> {
        self.0.next().map_or(Ok(()), |_| Err(CborError::Shape))
    }
}

pub(crate) fn number(value: Value) -> Result<u64, CborError> {
    value.into_integer().ok().and_then(|number| number.try_into().ok()).ok_or(CborError::Shape)
}

pub(crate) fn text(value: Value) -> Result<String, CborError> {
    value.into_text().map_err(|_| CborError::Shape)
}

pub(crate) fn array<const N: usize>(value: Value) -> Result<[u8; N], CborError> {
    let bytes = value.into_bytes().map_err(|_| CborError::Shape)?;
    bytes.try_into().map_err(|_| CborError::Shape)
}

pub(crate) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: Result<(), CborError>) {
        assert_eq!(read(bytes).map(drop), expect, "{bytes:02x?}");
    }

    #[test]
    fn only_the_deterministic_form_is_read() {
        use CborError::{Malformed, NotDeterministic};
        check(&[0x00], Ok(()));
        check(&[0x82, 0x01, 0x41, 0xff], Ok(()));
        check(&[0xa2, 0x01, 0x02, 0x18, 0x64, 0x02], Ok(()));
        check(&[0xf6], Ok(()));
        for (what, bytes) in [
            ("a number in too many bytes", &[0x18, 0x17][..]),
            ("a length in too many bytes", &[0x58, 0x01, 0x00]),
            ("an array without a length", &[0x9f, 0x01, 0xff]),
            ("a text in pieces", &[0x7f, 0x61, 0x61, 0xff]),
            ("keys out of order", &[0xa2, 0x02, 0x00, 0x01, 0x00]),
            ("a key twice", &[0xa2, 0x01, 0x00, 0x01, 0x00]),
            ("a tag", &[0xc0, 0x00]),
            ("a big number that is small", &[0xc2, 0x41, 0x01]),
            ("a floating point number", &[0xf9, 0x00, 0x00]),
        ] {
            assert_eq!(read(bytes), Err(NotDeterministic), "{what}");
        }
        check(&[], Err(Malformed));
        check(&[0x82, 0x01], Err(Malformed));
        check(&[0x62, 0xff, 0xff], Err(Malformed));
        check(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Err(Malformed));
        check(&[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Err(Malformed));
        // Something behind the value.
        assert!(read(&[0x00, 0x00]).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
        for (depth, ok) in [
            (STATEMENT_DEPTH_MAX - 1, true),
            (STATEMENT_DEPTH_MAX, true),
            (STATEMENT_DEPTH_MAX + 1, false),
            (10 * STATEMENT_DEPTH_MAX, false),
        ] {
            assert_eq!(read(&nested(depth)).is_ok(), ok, "{depth}");
        }
    }
}
