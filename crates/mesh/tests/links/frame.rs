//! `docs/formats/links.md`: streams of a link, in whatever pieces they come.

use base::limits::{LINK_FRAME_BYTES_MAX, PROTOCOL_ID_BYTES_MAX};
use mesh::link::frame::{FrameTooLong, PRELUDE_VERSION, write_frame, write_prelude};
use mesh::link::{ProtocolId, StreamError, StreamItem, StreamReader};
use proptest::prelude::*;

/// All that is read of a stream that comes in pieces of one size.
fn read(bytes: &[u8], piece: usize) -> (Vec<StreamItem>, Result<bool, StreamError>) {
    let mut reader = StreamReader::new();
    let mut items = Vec::new();
    for mut piece in bytes.chunks(piece) {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.read(&mut &b"\x01a"[..]), Err(error), "it stays so");
                    return (items, Err(error));
                }
            }
        }
        assert!(piece.is_empty(), "all is taken");
    }
    let may_end = reader.may_end();
    (items, Ok(may_end))
}

fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_prelude(&ProtocolId::POST, &mut bytes);
    frames.iter().for_each(|frame| write_frame(frame, &mut bytes).unwrap());
    bytes
}

#[test]
fn bytes_are_as_documented() {
    let mut bytes = Vec::new();
    write_prelude(&ProtocolId::new("a/1").unwrap(), &mut bytes);
    write_frame(b"", &mut bytes).unwrap();
    write_frame(&[7; 127], &mut bytes).unwrap();
    write_frame(&[8; 300], &mut bytes).unwrap();
    let expect = [b"\x01\x03a/1\x00\x7f".as_slice(), &[7; 127], b"\xac\x02", &[8; 300]].concat();
    assert_eq!(bytes, expect);
}

proptest! {
    #[test]
    fn frames_come_as_they_went(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8), piece in 1_usize..400) {
        let (items, end) = read(&stream(&frames), piece);
        let mut expect = vec![StreamItem::Protocol(ProtocolId::POST)];
        expect.extend(frames.into_iter().map(StreamItem::Frame));
        prop_assert_eq!(items, expect);
        prop_assert_eq!(end, Ok(true));
    }

    #[test]
    fn anything_is_read_alike_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>(), piece in 1_usize..9) {
        let bytes = if head { [b"\x01\x03a/1".as_slice(), &bytes].concat() } else { bytes };
        prop_assert_eq!(read(&bytes, piece), read(&bytes, bytes.len().max(1)));
    }
}

#[test]
fn a_stream_ends_between_frames() {
    let bytes = stream(&[vec![1; 200]]);
    let prelude = stream(&[]).len();
    for end in 1..=bytes.len() {
        assert_eq!(read(&bytes[..end], 64).1, Ok(end == prelude || end == bytes.len()), "{end}");
    }
}

#[test]
fn what_is_no_stream_is_refused() {
    let check = |bytes: &[u8], expect: StreamError| assert_eq!(read(bytes, 1).1, Err(expect), "{bytes:x?}");
    check(b"\x02\x03a/1", StreamError::Version(2));
    check(b"<stream:stream", StreamError::Version(b'<'));
    check(b"\x01\x00", StreamError::Protocol);
    check(b"\x01\x01A", StreamError::Protocol);
    check(b"\x01\x02\xc3\xa9", StreamError::Protocol);
    for length in [PROTOCOL_ID_BYTES_MAX + 1, 255] {
        assert_eq!(PRELUDE_VERSION, 1);
        check(&[1, length as u8], StreamError::Protocol);
    }
    check(b"\x01\x01a\x80\x00", StreamError::Length);
    check(b"\x01\x01a\x80\x80\x80\x00", StreamError::Length);
    check(b"\x01\x01a\x80\x80\x80\x80", StreamError::Length);
    check(b"\x01\x01a\x80\x80\x80\x01", StreamError::TooLong { found: 1 << 21 });
}

#[test]
fn a_frame_has_a_longest_size() {
    let with_length = |length: usize| {
        let mut bytes = b"\x01\x01a".to_vec();
        bytes.extend([length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8]);
        bytes
    };
    for fits in [LINK_FRAME_BYTES_MAX - 1, LINK_FRAME_BYTES_MAX] {
        let mut bytes = with_length(fits);
        bytes.resize(bytes.len() + fits, b'x');
        let (items, end) = read(&bytes, 65_536);
        assert_eq!((items.len(), &items[1], end), (2, &StreamItem::Frame(vec![b'x'; fits]), Ok(true)));
        assert_eq!(stream(&[vec![0; fits]]).len(), stream(&[]).len() + 3 + fits);
    }
    let found = LINK_FRAME_BYTES_MAX + 1;
    assert_eq!(read(&with_length(found), 9).1, Err(StreamError::TooLong { found: found as u64 }));
    for found in [found, 10 * LINK_FRAME_BYTES_MAX] {
        let mut out = b"as before".to_vec();
        assert_eq!(write_frame(&vec![0; found], &mut out), Err(FrameTooLong { found }));
        assert_eq!(out, b"as before");
    }
}
