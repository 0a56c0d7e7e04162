//! docs/formats/packed.md: stanzas packed and unpacked.

#[path = "packed/typical.rs"]
mod typical;

use base::limits::{ATTRIBUTE_BYTES_MAX, PACKED_FRAME_BYTES_MAX, PACKED_STANZA_BYTES_MAX};
use base::{Bare, Jid};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use wire::packed::{DICTIONARY, Lean, VERSION};
use wire::{
    Form, FrameError, IqType, Kind, Limit, MessageType, PackError, Packer, ParseError, PresenceType, Stanza,
    UnpackError, Unpacker, Xml,
};

use typical::{TYPICAL, from, to};

fn packed(stanza: &Stanza<'_>) -> Result<Vec<u8>, PackError> {
    let mut frame = b"before".to_vec();
    Packer::new().pack(stanza, &from(), &to(), &mut frame)?;
    Ok(frame.strip_prefix(b"before").unwrap().to_vec())
}

/// What comes out, as XML.
fn unpacked(frame: &[u8]) -> Result<String, UnpackError> {
    let mut out = Vec::new();
    let stanza = Unpacker::new().unpack(frame, &from(), &to(), &mut out)?;
    assert_eq!(stanza.head.from.as_ref().unwrap().bare(), from().as_str(), "nobody else can be said");
    Ok(nested(&stanza))
}

fn nested(stanza: &Stanza<'_>) -> String {
    let mut out = Vec::new();
    stanza.emit(Form::Nested, &mut out);
    String::from_utf8(out).unwrap()
}

/// A frame whose text is not compressed.
fn raw_frame(text: &[u8], bits: &[u8]) -> Vec<u8> {
    let mut frame = vec![VERSION];
    push_number(text.len(), &mut frame);
    push_number(bits.len(), &mut frame);
    [&frame, bits, text].concat()
}

/// A frame of blocks as zstd writes them.
fn blocks_frame(text: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(1, DICTIONARY).unwrap();
    for parameter in [zstd::zstd_safe::CParameter::WindowLog(24), zstd::zstd_safe::CParameter::DictIdFlag(false)] {
        compressor.set_parameter(parameter).unwrap();
    }
    let mut frame = vec![VERSION | (3 << 6)];
    push_number(text.len(), &mut frame);
    frame.push(0);
    let header = 5 + if text.len() < 256 {
        1
    } else if text.len() < 65_792 {
        2
    } else {
        4
    };
    frame.extend_from_slice(&compressor.compress(text).unwrap()[header..]);
    frame
}

fn push_number(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[test]
fn typical_stanzas_are_short_and_come_back() {
    let (mut packer, mut unpacker) = (Packer::new(), Unpacker::new());
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    for case in TYPICAL {
        let stanza = Stanza::parse(case.xml.as_bytes()).unwrap();
        frame.clear();
        packer.pack(&stanza, &from(), &to(), &mut frame).unwrap();
        println!("{:4} of {:4}: {}", frame.len(), case.xml.len(), case.name);
        assert!(frame.len() <= case.frame_max, "{}: {} bytes, at most {}", case.name, frame.len(), case.frame_max);
        let again = unpacker.unpack(&frame, &from(), &to(), &mut out).unwrap();
        assert_eq!(again.head, stanza.head, "{}", case.name);
        assert_eq!(nested(&again), nested(&stanza), "{}", case.name);
        assert_eq!(String::from_utf8(out.clone()).unwrap(), nested(&stanza), "{}", case.name);
    }
}

/// Version 1 is never retired: with another dictionary old frames would say something else.
#[test]
fn version_1_stays_as_it_is() {
    let hash = Sha256::digest(DICTIONARY);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "9912928114c42c0a951476954a298ae9c7f7680003dddecd391173728daecb91");
    let vector = "81fc01104f1d9c6e73ab4b529e0ad2c81f57a6e303c2051e15519ae5a0c55d61d66b16e8b07e5883a0f7cc8c581e07fc5f58\
        742c72ec1fec6147338d90771aa50d49528282cb3e1b03";
    let byte = |at: usize| u8::from_str_radix(&vector[at..at + 2], 16).unwrap();
    let frame: Vec<u8> = (0..vector.len()).step_by(2).map(byte).collect();
    assert_eq!(unpacked(&frame).as_deref(), Ok(TYPICAL[0].xml));
    for version in (0..64).filter(|version| *version != VERSION) {
        let other = [&[version | (frame[0] & 0xc0)], &frame[1..]].concat();
        assert_eq!(unpacked(&other), Err(UnpackError::Version(version)));
    }
}

#[test]
fn addresses() {
    let with = |sender: Option<&str>, addressee: Option<&str>| {
        let mut stanza = Stanza::new(Kind::Presence(PresenceType::Probe));
        stanza.head.from = sender.map(|text| Jid::new(text).unwrap().into_owned());
        stanza.head.to = addressee.map(|text| Jid::new(text).unwrap().into_owned());
        stanza
    };
    let (from, to) = (from(), to());
    let full = [format!("{from}/a'b<\"&c"), format!("{to}/x/y@z")];
    for (sender, addressee) in [
        (from.as_str(), Some(to.as_str())),
        (&full[0], Some(&*full[1])),
        (&full[0], Some("romeo@montague.example/orchard")),
        (from.as_str(), Some("montague.example")),
        (from.as_str(), None),
    ] {
        let stanza = with(Some(sender), addressee);
        assert_eq!(unpacked(&packed(&stanza).unwrap()), Ok(nested(&stanza)));
    }
    assert_eq!(packed(&with(Some("romeo@montague.example"), Some(to.as_str()))), Err(PackError::Sender));
    assert_eq!(packed(&with(None, Some(to.as_str()))), Err(PackError::Sender));
}

/// A peer writes frames as it likes; what it writes stays where it is put.
#[test]
fn nothing_is_smuggled() {
    let refused = |why| Err(UnpackError::Stanza(why));
    let malformed = || Err(UnpackError::Malformed);
    let head = format!("<message xmlns='jabber:client' from='{}", from());
    for (text, expect) in [
        // Quotes in a resource and in an id.
        (
            &b"a\x01x' from='eve@e.example\x08"[..],
            Ok(format!("{head}/x&apos; from=&apos;eve@e.example' to='{}' type='chat'/>", to())),
        ),
        (b"b\x04\x05' to='a.example\x08", Ok(format!("{head}' id='&apos; to=&apos;a.example'/>"))),
        // Another sender among the foreign attributes, an early end there, a second stanza behind the first.
        (b"a\x07 from='eve@e.example'\x08", refused(FrameError::NotWellFormed.into())),
        (b"a\x07><body>hi</body>\x08", refused(FrameError::NotWellFormed.into())),
        (b"a\x08</message><message xmlns='jabber:client'>", refused(FrameError::NotWellFormed.into())),
        (b"a\x08<!-- -->", refused(FrameError::RestrictedXml.into())),
        (b"a\x08<body>\0</body>", malformed()),
        (b"a\x08<body>\xff</body>", malformed()),
        (b"n\x08", refused(ParseError::Refused(wire::Why::NoId))),
        (b"a\x01\x08", refused(ParseError::Refused(wire::Why::From))),
        // Codes that are unknown, twice, out of order, missing.
        (b"r\x08", malformed()),
        (b"\x08", malformed()),
        (b"", malformed()),
        (b"a", malformed()),
        (b"a\x05i", malformed()),
        (b"a\x05i\x05j\x08", malformed()),
        (b"a\x05i\x01r\x08", malformed()),
        (b"a\x02r\x04\x08", malformed()),
        (b"a\x08\x08", malformed()),
        (b"a\x08\x1f", malformed()),
        (b"a\x08\x0b", malformed()),
    ] {
        assert_eq!(unpacked(&raw_frame(text, b"")), expect, "{:?}", String::from_utf8_lossy(text));
    }
    assert_eq!(unpacked(&raw_frame(b"a\x08", b"x")), malformed(), "bits that nothing uses");
    let whole = raw_frame(b"a\x08", b"");
    assert!(unpacked(&whole).is_ok());
    assert_eq!(unpacked(&[&whole[..], b"x"].concat()), malformed(), "something behind it");
    let skippable =
        [&[VERSION | (3 << 6), 2, 0], &[0x11, 0, 0][..], b"a\x08", &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat();
    assert_eq!(unpacked(&skippable), malformed(), "a second frame of zstd behind it");
    assert!(unpacked(&skippable[..8]).is_ok());
}

#[test]
fn damaged_frames_are_refused_or_say_something_acceptable() {
    let mut unpacker = Unpacker::new();
    let mut out = Vec::new();
    for case in TYPICAL {
        let frame = packed(&Stanza::parse(case.xml.as_bytes()).unwrap()).unwrap();
        for len in 0..frame.len() {
            assert!(unpacker.unpack(&frame[..len], &from(), &to(), &mut out).is_err(), "{}, {len} bytes", case.name);
        }
        for bit in 0..8 * frame.len() {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(stanza) = unpacker.unpack(&damaged, &from(), &to(), &mut out) {
                assert_eq!(stanza.head.from.as_ref().unwrap().bare(), from().as_str());
                Stanza::parse(nested(&stanza).as_bytes()).expect("what was let pass is a stanza");
            }
        }
        // The contexts are as good as new.
        assert!(unpacker.unpack(&frame, &from(), &to(), &mut out).is_ok());
    }
}

/// A message that is this long as XML. Words that compress badly, one element.
fn message_of(xml_len: usize) -> Stanza<'static> {
    let mut stanza = Stanza::new(Kind::Message(MessageType::Chat));
    stanza.head.from = Some(from().jid().into_owned());
    let around = nested(&stanza).len() + "<body></body></message>".len() - "/".len();
    let words = ["maji ", "ndizi! ", "Kwa ", "x9 ", "heri, "];
    let mut random = 1_u32;
    let mut text = String::new();
    while text.len() < xml_len - around {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(words[(random >> 24) as usize % words.len()]);
    }
    text.truncate(xml_len - around);
    stanza.with_inner(Xml::new().leaf("body", wire::ns::CLIENT, text).finish())
}

/// Attack case G02: some bytes that would expand without end.
#[test]
fn a_stanza_has_a_longest_size() {
    const MAX: usize = PACKED_STANZA_BYTES_MAX;
    for len in [MAX - 1, MAX] {
        let stanza = message_of(len);
        assert_eq!(nested(&stanza).len(), len);
        assert_eq!(unpacked(&packed(&stanza).unwrap()), Ok(nested(&stanza)));
    }
    for len in [MAX + 1, 10 * MAX] {
        assert_eq!(packed(&message_of(len)), Err(PackError::TooLong));
    }

    let said = |len: usize| {
        let mut frame = vec![VERSION | (3 << 6)];
        push_number(len, &mut frame);
        frame.push(0);
        unpacked(&frame)
    };
    assert_eq!(said(MAX), Err(UnpackError::Malformed), "may be so long, and is not");
    for len in [MAX + 1, 10 * MAX, usize::MAX] {
        assert_eq!(said(len), Err(UnpackError::TooLong));
    }
    for (len, expect) in [
        (PACKED_FRAME_BYTES_MAX - 1, UnpackError::Malformed),
        (PACKED_FRAME_BYTES_MAX, UnpackError::Malformed),
        (PACKED_FRAME_BYTES_MAX + 1, UnpackError::TooLong),
        (10 * PACKED_FRAME_BYTES_MAX, UnpackError::TooLong),
    ] {
        assert_eq!(unpacked(&vec![VERSION; len]), Err(expect), "{len}");
    }
}

/// Where the header of zstd's frame, the number of blocks, or the packer's level changes.
#[test]
fn every_size_has_its_header() {
    let around = |len: usize| [len - 1, len, len + 1];
    let mut lean = Lean::default();
    lean.write(&message_of(1000), &from(), &to()).unwrap();
    let known = 1000 - lean.text.len();
    for len in [128, 256, 4096, 16_384, 65_536, 65_792, 131_072, 262_144].map(around).concat() {
        let stanza = message_of(len + known);
        lean.write(&stanza, &from(), &to()).unwrap();
        assert_eq!(lean.text.len(), len);
        assert_eq!(unpacked(&packed(&stanza).unwrap()), Ok(nested(&stanza)), "{len}");
    }
}

#[test]
fn little_memory_is_taken_for_bombs() {
    const MAX: usize = PACKED_STANZA_BYTES_MAX;
    let mut unpacker = Unpacker::new();
    let mut bomb = |frame: &[u8]| {
        let mut out = Vec::new();
        let error = unpacker.unpack(frame, &from(), &to(), &mut out).unwrap_err();
        assert!(out.capacity() <= 2 * MAX + 1024, "{} bytes are held", out.capacity());
        error
    };
    // It says little and has much: one byte, repeated.
    let much = blocks_frame(&vec![b'x'; 400_000]);
    assert!(much.len() < 400);
    let at = 1 + 3;
    assert_eq!(bomb(&[&[much[0], 100], &much[at..]].concat()), UnpackError::Malformed);
    // A run of 254 digits again and again, by one byte each.
    let digits = [&b"a\x08<body>\x0e\x7f"[..], &[0x10; 300_000], b"</body>"].concat();
    assert_eq!(bomb(&raw_frame(&digits, &[0; 127])), UnpackError::TooLong);
    // Quotes, which are six times as long when they are escaped.
    let quotes = |len| [&b"a\x05"[..], &vec![b'\''; len], b"\x08"].concat();
    assert_eq!(bomb(&raw_frame(&quotes(ATTRIBUTE_BYTES_MAX + 1), b"")), UnpackError::TooLong);
    let why = FrameError::PolicyViolation(Limit::Attribute);
    assert_eq!(bomb(&raw_frame(&quotes(ATTRIBUTE_BYTES_MAX), b"")), UnpackError::Stanza(why.into()));
}

/// Pieces that may stand in a stanza, some of them with what looks random.
fn inner() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z ]{0,40}",
        "\\PC{0,20}".prop_map(|text| String::from_utf8(Xml::new().text(text).finish()).unwrap()),
        "[0-9a-f]{0,300}",
        "[A-Za-z0-9+/=_-]{0,300}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        Just("\t\r\n".to_owned()),
        Just("&#x1F600;&amp;".to_owned()),
        Just("<![CDATA[<&>]]>".to_owned()),
        Just("]] >".to_owned()),
    ];
    let element = (piece, "[a-zA-Z_][a-z0-9_-]{0,8}", "[a-zA-Z0-9:/#._-]{0,40}").prop_map(|(text, name, namespace)| {
        match text.as_str() {
            "" => format!("<{name} xmlns=\"{namespace}\" />"),
            text => format!("<{name} xmlns='{namespace}'>{text}</{name}>"),
        }
    });
    prop::collection::vec(element, 0..6).prop_map(|elements| elements.concat())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Message(MessageType::Chat),
        Kind::Message(MessageType::Normal),
        Kind::Message(MessageType::Groupchat),
        Kind::Message(MessageType::Headline),
        Kind::Message(MessageType::Error),
        Kind::Presence(PresenceType::Available),
        Kind::Presence(PresenceType::Unavailable),
        Kind::Presence(PresenceType::Probe),
        Kind::Presence(PresenceType::Subscribe),
        Kind::Presence(PresenceType::Subscribed),
        Kind::Presence(PresenceType::Unsubscribe),
        Kind::Presence(PresenceType::Unsubscribed),
        Kind::Presence(PresenceType::Error),
        Kind::Iq(IqType::Get),
        Kind::Iq(IqType::Set),
        Kind::Iq(IqType::Result),
        Kind::Iq(IqType::Error),
    ])
}

proptest! {
    /// What comes out is what went in: the head, and each byte between the tags.
    #[test]
    fn stanzas_come_back(
        kind in kind(),
        resource in prop::option::of("[a-zA-Z0-9 .'<&-]{0,30}[a-z]"),
        addressee in prop::option::of("[a-z]{1,8}\\.example(/[a-zA-Z0-9]{1,20})?"),
        is_known in any::<bool>(),
        id in "[ -~\t\n\u{e0}-\u{f0}]{0,60}",
        lang in prop::option::of("[a-z]{2}"),
        foreign in prop::option::of("[ -%(-;=?-~]{0,60}"),
        inner in inner(),
    ) {
        let mut head = Stanza::new(kind);
        let bare = from();
        head.head.from = Some(match &resource {
            Some(resource) => bare.jid().with_resource(resource).unwrap(),
            None => bare.jid().into_owned(),
        });
        head.head.to = match &addressee {
            Some(_) if is_known => Some(to().jid().into_owned()),
            other => other.as_deref().map(|text| Jid::new(text).unwrap().into_owned()),
        };
        head.head.id = Some(id.into());
        head.head.lang = lang.map(Into::into);
        let tag = nested(&head).replace("/>", "");
        let foreign = foreign.map(|value| format!(" xmlns:p='urn:p' p:a='{}'", value.replace('&', "&amp;").replace('<', "&lt;")));
        let xml = format!("{tag}{}>{inner}</{}>", foreign.unwrap_or_default(), kind.name());
        let Ok(stanza) = Stanza::parse(xml.as_bytes()) else {
            // Names and namespaces made by chance can be forbidden ones.
            return Ok(());
        };
        let frame = packed(&stanza).unwrap();
        let mut out = Vec::new();
        let again = Unpacker::new().unpack(&frame, &from(), &to(), &mut out).unwrap();
        prop_assert_eq!(&again.head, &stanza.head);
        prop_assert_eq!(nested(&again), nested(&stanza));
        prop_assert_eq!(String::from_utf8(out.clone()).unwrap(), nested(&stanza));
    }
}

/// The lean form has nothing in it that both sides know.
#[test]
fn lean() {
    let mut lean = Lean::default();
    let mut check = |xml: &str, expect: &[u8]| {
        lean.write(&Stanza::parse(xml.as_bytes()).unwrap(), &from(), &to()).unwrap();
        assert_eq!(lean.text.escape_ascii().to_string(), expect.escape_ascii().to_string());
    };
    check(TYPICAL[0].xml, b"a\x01Conversations.k2Qz\x05\x0b\x08<body>Shall we walk down to the lake on Friday</body><request xmlns=\"urn:xmpp:receipts\"/><markable xmlns=\"urn:xmpp:chat-markers:0\"/><origin-id id=\"\x10\" xmlns=\"urn:xmpp:sid:0\"/><active xmlns=\"http://jabber.org/protocol/chatstates\"/>");
    check(&format!("<presence xmlns='jabber:client' from='{}' to='{}'/>", from(), to()), b"f\x08");
    let bare = Bare::new("a@b.example").unwrap();
    assert_eq!(Lean::default().write(&Stanza::new(Kind::Iq(IqType::Get)), &bare, &bare), Err(PackError::Sender));
}
