//! docs/formats/packed.md, RFC 8878: a stanza on a link, in few bytes.
//!
//! What both sides know is left out, what looks random travels as bits, and the rest is compressed with a dictionary of
//! what XMPP clients say. Each frame stands alone. What comes out has passed the same check as what comes on a stream.
//!
//! | module | what it names |
//! |---|---|
//! | `lean` | the stanza before it is compressed: codes instead of its start tag |
//! | `runs` | what looks random in a text, and its bits |

mod lean;
mod runs;

use std::fmt;

use base::Bare;
use base::limits::{PACKED_FRAME_BYTES_MAX, PACKED_STANZA_BYTES_MAX};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

pub use lean::Lean;

use crate::error::ParseError;
use crate::stanza::Stanza;

/// The version of the format, which names the dictionary too: six bits of the first byte of each frame.
pub const VERSION: u8 = 1;

/// The dictionary of version 1. It never changes: what it packed must be unpacked for ever.
pub const DICTIONARY: &[u8] = include_bytes!("packed/dictionary-1");

const VERSION_BITS: u32 = 6;

/// Levels of zstd by figures: docs/decisions/005-packing.md. The best for what is said most, and for a long text one that does
/// not keep everybody waiting and takes little memory.
const LEVEL: i32 = 19;
const LONG_LEVEL: i32 = 3;
/// Longer texts than this are long.
const SHORT_BYTES_MAX: usize = 4096;
/// Of a whole stanza, so that the header of each frame is known from its size.
const WINDOW_LOG: u32 = PACKED_STANZA_BYTES_MAX.ilog2();
/// What a packer keeps of its buffers: most stanzas fit, and a picture is not kept in memory for ever.
const KEPT_BYTES: usize = 16_384;

/// Why a stanza is not packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Its sender is none, or another than the one whose frame it shall be.
    #[error("the stanza is not from the one whose frame it shall be")]
    Sender,
    /// It is longer than [`PACKED_STANZA_BYTES_MAX`].
    #[error("the stanza is too long")]
    TooLong,
}

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It has another version than [`VERSION`].
    #[error("the frame has version {0}, which is not known")]
    Version(u8),
    /// It is longer than [`PACKED_FRAME_BYTES_MAX`], or the stanza would be longer than [`PACKED_STANZA_BYTES_MAX`].
    #[error("the frame or its stanza is too long")]
    TooLong,
    /// It is no frame of this format.
    #[error("the frame is malformed")]
    Malformed,
    /// It is one, and no acceptable stanza comes out.
    #[error("what is in the frame is refused: {0}")]
    Stanza(#[from] ParseError),
}

/// Packs stanzas. To be kept: making one reads the dictionary.
pub struct Packer {
    compressor: Compressor<'static>,
    lean: Lean,
    zstd: Vec<u8>,
}

impl Packer {
    /// A packer of frames of version [`VERSION`].
    pub fn new() -> Packer {
        Packer { compressor: compressor(LEVEL), lean: Lean::default(), zstd: Vec::new() }
    }

    /// Appends the frame of this stanza to `out`. `from` and `to` are not in it: who unpacks it knows them.
    ///
    /// # Errors
    /// As [`Lean::write`]; nothing was appended then.
    pub fn pack(&mut self, stanza: &Stanza<'_>, from: &Bare, to: &Bare, out: &mut Vec<u8>) -> Result<(), PackError> {
        self.lean.write(stanza, from, to)?;
        let Lean { text, bits, .. } = &self.lean;
        self.zstd.clear();
        self.zstd.reserve(zstd_safe::compress_bound(text.len()));
        let outcome = if text.len() <= SHORT_BYTES_MAX {
            self.compressor.compress_to_buffer(text, &mut self.zstd)
        } else {
            compressor(LONG_LEVEL).compress_to_buffer(text, &mut self.zstd)
        };
        outcome.expect("there is room for the longest outcome");
        let header = Header::of(text.len());
        let blocks = self.zstd.strip_prefix(header.bytes()).expect("the header is as RFC 8878 has it for this size");
        let (form, blocks) = Form::shorten(blocks);
        out.push(VERSION | ((form as u8) << VERSION_BITS));
        push_number(text.len(), out);
        push_number(bits.len(), out);
        out.extend_from_slice(bits);
        out.extend_from_slice(blocks);
        self.lean.free();
        free(&mut self.zstd);
        Ok(())
    }
}

fn compressor(level: i32) -> Compressor<'static> {
    let compressor = Compressor::with_dictionary(level, DICTIONARY).and_then(|mut compressor| {
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(compressor)
    });
    compressor.expect("the dictionary is whole")
}

/// Unpacks frames. To be kept: making one reads the dictionary.
pub struct Unpacker {
    decompressor: Decompressor<'static>,
    zstd: Vec<u8>,
    text: Vec<u8>,
}

impl Unpacker {
    /// An unpacker of frames of version [`VERSION`].
    pub fn new() -> Unpacker {
        let decompressor = Decompressor::with_dictionary(DICTIONARY).expect("the dictionary is whole");
        Unpacker { decompressor, zstd: Vec::new(), text: Vec::new() }
    }

    /// Reads a frame. `from` and `to` are what was said beside it: the stanza is from `from` or one of its resources,
    /// whatever the frame says. The stanza lies in `out`, whose old content is gone.
    ///
    /// # Errors
    /// If it is no frame, or no stanza that the check of a stream would let pass. Whatever it says, no more memory is taken than
    /// some times [`PACKED_STANZA_BYTES_MAX`].
    pub fn unpack<'o>(
        &mut self,
        frame: &[u8],
        from: &Bare,
        to: &Bare,
        out: &'o mut Vec<u8>,
    ) -> Result<Stanza<'o>, UnpackError> {
        out.clear();
        if frame.len() > PACKED_FRAME_BYTES_MAX {
            return Err(UnpackError::TooLong);
        }
        let (first, mut rest) = frame.split_first().ok_or(UnpackError::Malformed)?;
        let version = first & ((1 << VERSION_BITS) - 1);
        if version != VERSION {
            return Err(UnpackError::Version(version));
        }
        let text_len = take_number(&mut rest)?;
        let bits_len = take_number(&mut rest)?;
        if text_len > PACKED_STANZA_BYTES_MAX {
            return Err(UnpackError::TooLong);
        }
        let bits = rest.split_off(..bits_len).ok_or(UnpackError::Malformed)?;
        self.zstd.clear();
        self.zstd.extend_from_slice(Header::of(text_len).bytes());
        Form::of(first >> VERSION_BITS).lengthen(rest, text_len, &mut self.zstd);
        // One frame and nothing behind it.
        if zstd_safe::find_frame_compressed_size(&self.zstd) != Ok(self.zstd.len()) {
            return Err(UnpackError::Malformed);
        }
        self.text.clear();
        self.text.resize(text_len, 0);
        let unpacked = self.decompressor.decompress_to_buffer(&self.zstd, &mut self.text[..]);
        if !unpacked.is_ok_and(|len| len == text_len) {
            return Err(UnpackError::Malformed);
        }
        let outcome = lean::read(&self.text, bits, from, to, out);
        free(&mut self.zstd);
        free(&mut self.text);
        outcome?;
        Ok(Stanza::parse(out)?)
    }
}

impl Default for Packer {
    fn default() -> Packer {
        Packer::new()
    }
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker::new()
    }
}

/// Without what was packed last: it is somebody's message.
impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// Without what was unpacked last: it is somebody's message.
impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

/// RFC 8878 section 3.1.1: magic number and frame header of one segment of this size, without checksum and dictionary id.
/// All frames have it, so none carries it.
struct Header {
    bytes: [u8; 9],
    len: usize,
}

impl Header {
    fn of(size: usize) -> Header {
        let (descriptor, field, field_len) = match size {
            0..256 => (0x20, size, 1),
            256..65_792 => (0x60, size - 256, 2),
            _ => (0xa0, size, 4),
        };
        let mut bytes = [0x28, 0xb5, 0x2f, 0xfd, descriptor, 0, 0, 0, 0];
        bytes[5..].copy_from_slice(&(field as u32).to_le_bytes());
        Header { bytes, len: 5 + field_len }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// RFC 8878 section 3.1.1.2: a frame of one block is as long as the block, so the block needs no header: its type stands
/// beside the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One block, as it is.
    Raw = 0,
    /// One block: a byte that is repeated.
    Repeated = 1,
    /// One block, compressed.
    Compressed = 2,
    /// Blocks with their headers.
    Blocks = 3,
}

/// Bytes of the header of a block.
const BLOCK_HEADER: usize = 3;

impl Form {
    fn of(code: u8) -> Form {
        match code {
            0 => Form::Raw,
            1 => Form::Repeated,
            2 => Form::Compressed,
            _ => Form::Blocks,
        }
    }

    /// The form for what zstd has written, and what is left of that.
    fn shorten(blocks: &[u8]) -> (Form, &[u8]) {
        let is_last = blocks[0] & 1 == 1;
        match Form::of((blocks[0] >> 1) & 3) {
            form if is_last => (form, &blocks[BLOCK_HEADER..]),
            _ => (Form::Blocks, blocks),
        }
    }

    /// Undoes that.
    fn lengthen(self, rest: &[u8], text_len: usize, out: &mut Vec<u8>) {
        // For a repeated byte the header says how often.
        let size = if self == Form::Repeated { text_len } else { rest.len() };
        if self != Form::Blocks {
            let header = ((size << 3) | ((self as usize) << 1) | 1) as u32;
            out.extend_from_slice(&header.to_le_bytes()[..BLOCK_HEADER]);
        }
        out.extend_from_slice(rest);
    }
}

/// Gives the memory of a long stanza back.
fn free(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

/// LEB128: seven bits a byte, the lowest first.
fn push_number(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// At most three bytes: beyond that is beyond every limit.
fn take_number(from: &mut &[u8]) -> Result<usize, UnpackError> {
    let mut number = 0;
    for shift in [0, 7, 14] {
        let byte = *from.split_off_first().ok_or(UnpackError::Malformed)?;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(UnpackError::TooLong)
}
