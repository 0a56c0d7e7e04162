//! RFC 9562 section 4, RFC 4648 sections 4, 5 and 8: what looks random in a text (ids, hashes, pictures) and its bits.
//!
//! A compressor cannot make such a run shorter, and pays more than its bits for letters that are rare in words. So its
//! bits travel beside the text, and one byte that XML does not have stands for it there. Which runs are taken is the
//! packer's choice; docs/formats/packed.md says how each is read.

use std::collections::VecDeque;
use std::ops::Range;

use super::UnpackError;

/// A UUID in lower case: 16 bytes.
const UUID: u8 = 0x0b;
/// A UUID in upper case: 16 bytes.
const UUID_UPPER: u8 = 0x0c;
/// Hexadecimal digits in lower case. The next byte says how many pairs.
const HEX: u8 = 0x0e;
/// Characters of base64 for URLs, six bits each. The next byte says how many.
const BASE64_URL: u8 = 0x0f;
/// The last new run of this stanza again; the codes behind it stand for the last but one and so on.
const AGAIN: u8 = 0x10;
/// How many runs can be said again.
const REMEMBERED: usize = 8;
/// Characters of base64, six bits each. The next byte says how many.
const BASE64: u8 = 0x18;

/// The next byte must be ASCII, or the text would be no text.
const PAIRS_MAX: usize = 127;
/// As many as are whole bytes.
const SEXTETS_MAX: usize = 124;

/// Shorter ones cost less as text (measured: docs/decisions/005-packing.md).
const DIGITS_MIN: usize = 8;
/// See [`DIGITS_MIN`].
const SEXTETS_MIN: usize = 6;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const URL_DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const PLAIN_DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Where a UUID has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_LEN: usize = 36;

/// Takes runs out of texts.
#[derive(Debug, Default)]
pub(super) struct Taker {
    /// The last new runs, the newest first: how each is written in the text, and where its bits are.
    seen: VecDeque<([u8; 2], Range<usize>)>,
}

impl Taker {
    /// Begins a new stanza.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
    }

    /// Appends a piece to `text`, and the bits of its runs to `bits`.
    pub(super) fn take(&mut self, piece: &[u8], text: &mut Vec<u8>, bits: &mut Vec<u8>) {
        let (mut at, mut copied) = (0, 0);
        while at < piece.len() {
            if !is_word(piece[at]) {
                at += 1;
                continue;
            }
            let rest = &piece[at..];
            let word = rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len());
            let Some((skip, run)) = find(rest, word) else {
                at += word;
                continue;
            };
            text.extend_from_slice(&piece[copied..at + skip]);
            at += skip;
            copied = at + run.len;
            while at < copied {
                at += self.put(run.code, &piece[at..copied], text, bits);
            }
        }
        text.extend_from_slice(&piece[copied..]);
    }

    /// Writes as much of a run as one code can say. Says how much that is.
    fn put(&mut self, code: u8, run: &[u8], text: &mut Vec<u8>, bits: &mut Vec<u8>) -> usize {
        let start = bits.len();
        let (taken, count) = match code {
            HEX => {
                let pairs = (run.len() / 2).min(PAIRS_MAX);
                push_pairs(&run[..2 * pairs], bits);
                (2 * pairs, pairs)
            }
            BASE64 | BASE64_URL => {
                let count = run.len().min(SEXTETS_MAX);
                push_sextets(&run[..count], bits);
                (count, count)
            }
            _ => {
                push_pairs(run, bits);
                (run.len(), 0)
            }
        };
        let written = [code, count as u8];
        let same = |(seen, place): &&([u8; 2], Range<usize>)| *seen == written && bits[place.clone()] == bits[start..];
        if let Some(which) = self.seen.iter().position(|run| same(&run)) {
            text.push(AGAIN + which as u8);
            bits.truncate(start);
            return taken;
        }
        self.seen.truncate(REMEMBERED - 1);
        self.seen.push_front((written, start..bits.len()));
        text.extend_from_slice(if count == 0 { &written[..1] } else { &written });
        taken
    }
}

/// A run at the front of a text.
struct Run {
    code: u8,
    len: usize,
}

/// The run in the word at the front, if it is worth it, and how much text stands before it. Base64 may go on behind the
/// word.
fn find(rest: &[u8], word: usize) -> Option<(usize, Run)> {
    let letters = &rest[..word];
    if let Some(code) = uuid(letters) {
        return Some((0, Run { code, len: UUID_LEN }));
    }
    let digits = letters.iter().rev().take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).count();
    // An odd one stays text.
    let digits = digits - digits % 2;
    if digits >= DIGITS_MIN {
        let before = word - digits;
        if before >= SEXTETS_MIN && is_random(&letters[..before]) {
            return Some((0, Run { code: BASE64_URL, len: before }));
        }
        return Some((before, Run { code: HEX, len: digits }));
    }
    let plain = rest.iter().position(|b| !is_plain_base64(*b)).unwrap_or(rest.len());
    // Else it is a path with a word of another alphabet in it.
    let ends = !rest.get(plain).is_some_and(|b| is_word(*b));
    let (code, len) = if plain > word && ends { (BASE64, plain) } else { (BASE64_URL, word) };
    (len >= SEXTETS_MIN && is_random(&rest[..len])).then_some((0, Run { code, len }))
}

fn uuid(word: &[u8]) -> Option<u8> {
    if word.len() != UUID_LEN || DASHES.iter().any(|at| word[*at] != b'-') {
        return None;
    }
    let all = |is_digit: fn(&u8) -> bool| {
        word.iter().enumerate().all(|(at, b)| if DASHES.contains(&at) { *b == b'-' } else { is_digit(b) })
    };
    if all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Some(UUID)
    } else if all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
        Some(UUID_UPPER)
    } else {
        None
    }
}

/// Whether small letters, capitals and digits alternate as they do by chance: at two of five places. In chance it is three,
/// in words and names of programs one.
fn is_random(run: &[u8]) -> bool {
    let class = |b: u8| match b {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    };
    let changes = run.windows(2).filter(|pair| match (class(pair[0]), class(pair[1])) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    });
    let changes = changes.count();
    changes * 5 >= run.len() * 2
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

fn is_plain_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

/// Two hexadecimal digits are a byte; dashes are skipped.
fn push_pairs(run: &[u8], bits: &mut Vec<u8>) {
    let value = |b: u8| char::from(b).to_digit(16).unwrap_or_default() as u8;
    let mut digits = run.iter().filter(|b| **b != b'-').map(|b| value(*b));
    while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
        bits.push((high << 4) | low);
    }
}

/// Six bits each, the highest first; the last byte is filled with zeros.
fn push_sextets(run: &[u8], bits: &mut Vec<u8>) {
    let value = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'-' | b'+' => 62,
        _ => 63,
    };
    for group in run.chunks(4) {
        let mut word = 0;
        for at in 0..4 {
            word = (word << 6) | group.get(at).map_or(0, |b| u32::from(value(*b)));
        }
        bits.extend_from_slice(&word.to_be_bytes()[1..1 + bytes_of(group.len())]);
    }
}

/// The bytes that so many sextets take.
fn bytes_of(sextets: usize) -> usize {
    (sextets * 6).div_ceil(8)
}

/// Puts runs back into texts.
#[derive(Debug)]
pub(super) struct Giver<'b> {
    bits: &'b [u8],
    /// The last new runs, the newest first.
    given: VecDeque<Vec<u8>>,
}

impl<'b> Giver<'b> {
    pub(super) fn new(bits: &'b [u8]) -> Giver<'b> {
        Giver { bits, given: VecDeque::new() }
    }

    /// Whether all bits were used.
    pub(super) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Appends the run that the code at the front of `text` stands for to `out`, and goes behind it. No run has characters
    /// that XML escapes; none is longer than 254 bytes.
    pub(super) fn give(&mut self, text: &mut &[u8], out: &mut Vec<u8>) -> Result<(), UnpackError> {
        let code = take(text, 1)?[0];
        let start = out.len();
        match code {
            UUID | UUID_UPPER => {
                for (at, byte) in take(&mut self.bits, 16)?.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        out.push(b'-');
                    }
                    push_hex(*byte, out);
                }
                if code == UUID_UPPER {
                    out[start..].make_ascii_uppercase();
                }
            }
            HEX => {
                let pairs = count(text)?;
                take(&mut self.bits, pairs)?.iter().for_each(|byte| push_hex(*byte, out));
            }
            BASE64 | BASE64_URL => {
                let sextets = count(text)?;
                let digits = if code == BASE64 { PLAIN_DIGITS } else { URL_DIGITS };
                for group in take(&mut self.bits, bytes_of(sextets))?.chunks(3) {
                    let [a, b, c] = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or_default()));
                    let word = (a << 16) | (b << 8) | c;
                    out.extend([18, 12, 6, 0].map(|shift| digits[((word >> shift) & 63) as usize]));
                }
                out.truncate(start + sextets);
            }
            _ => {
                let which = usize::from(code.wrapping_sub(AGAIN));
                out.extend_from_slice(self.given.get(which).ok_or(UnpackError::Malformed)?);
                return Ok(());
            }
        }
        let oldest = if self.given.len() == REMEMBERED { self.given.pop_back() } else { None };
        let mut run = oldest.unwrap_or_default();
        run.clear();
        run.extend_from_slice(&out[start..]);
        self.given.push_front(run);
        Ok(())
    }
}

/// How many pairs or sextets a run has.
fn count(text: &mut &[u8]) -> Result<usize, UnpackError> {
    match take(text, 1)?[0] {
        0 => Err(UnpackError::Malformed),
        count => Ok(usize::from(count)),
    }
}

fn take<'x>(from: &mut &'x [u8], len: usize) -> Result<&'x [u8], UnpackError> {
    from.split_off(..len).ok_or(UnpackError::Malformed)
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    out.extend([byte >> 4, byte & 15].map(|digit| HEX_DIGITS[usize::from(digit)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text becomes, its codes in brackets, and how many bytes its runs have; and that it comes back.
    #[track_caller]
    fn check(piece: &str, expect: &str, bits_len: usize) {
        let (mut text, mut bits) = (Vec::new(), Vec::new());
        Taker::default().take(piece.as_bytes(), &mut text, &mut bits);
        let mut shown = String::new();
        for c in String::from_utf8(text.clone()).unwrap().chars() {
            match c {
                '\0'..' ' | '\x7f' => shown.push_str(&format!("[{:x}]", u32::from(c))),
                c => shown.push(c),
            }
        }
        assert_eq!((&*shown, bits.len()), (expect, bits_len), "{piece}");
        assert_eq!(given(&text, &bits).as_deref(), Ok(piece.as_bytes()));
    }

    fn given(mut text: &[u8], bits: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let (mut giver, mut out) = (Giver::new(bits), Vec::new());
        while let Some(first) = text.first() {
            if *first < b' ' {
                giver.give(&mut text, &mut out)?;
            } else {
                out.extend_from_slice(take(&mut text, 1)?);
            }
        }
        if giver.is_empty() { Ok(out) } else { Err(UnpackError::Malformed) }
    }

    #[test]
    fn ids_become_bits() {
        check("", "", 0);
        check("a4f1d", "a4f1d", 0);
        check("4f1d9c6e-73ab-4b52-9e0a-d2c81f57a6e3", "[b]", 16);
        check("4F1D9C6E-73AB-4B52-9E0A-D2C81F57A6E3", "[c]", 16);
        check("/up/4f1d9c6e-73ab-4b52-9e0a-d2c81f57a6e3/a.jpg", "/up/[b]/a.jpg", 16);
        check("'7b0e94c2d15fa8636e2b9d407cf1835aa6de0214'", "'[e][14]'", 20);
        check("purple6c1f03be", "purple[e][4]", 4);
        check("aW3kz9QmB7xLd0R5b2f74c9e1a80d635", "[f][10][e][8]", 20);
        check("pX7mVw0Dq1cGt4sKj8RnYb2zLf+=", "[18][1b]=", 21);
        check("MNuc7Sm3mG-6", "[f][c]", 9);
        check("x='MNuc7Sm3mG-6' y='MNuc7Sm3mG-6'", "x='[f][c]' y='[10]'", 9);
    }

    #[test]
    fn words_stay_text() {
        for text in
            ["http://jabber.org/protocol/chatstates", "McDonald", "2026-11-20T13:11:40Z", "café-crème", "a-b_c+d/e"]
        {
            check(text, text, 0);
        }
    }

    #[test]
    fn long_runs_are_cut() {
        check(&"0123456789abcdef".repeat(20), "[e][7f][e]!", 160);
        check(&"aB3+".repeat(60), "[18]|[18]t", 180);
        // The second half is the first one again.
        check(&"aB3+".repeat(62), "[18]|[10]", 93);
    }

    #[test]
    fn the_last_eight_are_remembered() {
        let id = |n: usize| format!("<MNuc7Sm3mG{n:02}>");
        let ids: String = (0..9).map(id).collect();
        let shown = "<[f][c]>".repeat(9);
        check(&format!("{ids}{}{}", id(8), id(1)), &format!("{shown}<[10]><[17]>"), 81);
        check(&format!("{ids}{}", id(0)), &format!("{shown}<[f][c]>"), 90);
    }

    #[test]
    fn broken_runs_are_refused() {
        for (text, bits) in [
            (&b"\x0b"[..], &[0; 15][..]),
            (b"\x0b", &[0; 17]),
            (b"\x0e", &[]),
            (b"\x0e\0", &[]),
            (b"\x0e\x02", &[0]),
            (b"\x0f\x04", &[0; 2]),
            (b"\x10", &[]),
            (b"\x0b\x11", &[0; 16]),
            (b"\x19", &[]),
            (b"\x01", &[]),
        ] {
            assert_eq!(given(text, bits), Err(UnpackError::Malformed), "{text:?}");
        }
    }
}
