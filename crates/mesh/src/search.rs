//! RFC 3972 section 4 steps 2-3: the search for a modifier whose extension hash begins with enough zero bits.

use sha2::block_api::compress256;

use crate::genesis::{Draft, EXTENSION_BITS, Genesis, GenesisError, MODIFIER_BYTES};
use crate::hash::{self, Tag};

/// A search that can be put aside and continued: a pure value, started from a modifier that the caller drew by lot.
///
/// It takes 2^22 tries on average, and by bad luck several times as many.
#[derive(Clone, Debug)]
pub struct Search {
    draft: Draft,
    modifier: u128,
    /// SHA-256 after the block that no modifier touches.
    midstate: [u32; 8],
    /// The last block, padded; the modifier is written into it again for each try.
    last: [u8; BLOCK_BYTES],
    modifier_at: usize,
}

const BLOCK_BYTES: usize = 64;
/// FIPS 180-4 section 5.3.3.
const SHA256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl Search {
    /// Prepares a search from a random modifier, so that two searches of one draft end in different names.
    pub fn new(draft: Draft, start: [u8; MODIFIER_BYTES]) -> Result<Search, GenesisError> {
        draft.check()?;
        let message = [&hash::EXTENSION[..], &draft.encode(start)].concat();
        let (first, rest) = message.split_first_chunk::<BLOCK_BYTES>().expect("tag and record are over 64 bytes");
        let mut midstate = SHA256_START;
        compress256(&mut midstate, &[*first]);
        Ok(Search {
            draft,
            modifier: u128::from_be_bytes(start),
            midstate,
            last: padded(rest, message.len()),
            modifier_at: rest.len() - MODIFIER_BYTES,
        })
    }

    /// Tries so many modifiers and returns the record with the first that fits. `None`: call again.
    pub fn step(&mut self, tries: u32) -> Option<Genesis> {
        for _ in 0..tries {
            let modifier = self.modifier.to_be_bytes();
            self.modifier = self.modifier.wrapping_add(1);
            self.last[self.modifier_at..][..MODIFIER_BYTES].copy_from_slice(&modifier);
            let mut state = self.midstate;
            compress256(&mut state, std::slice::from_ref(&self.last));
            if state[0].leading_zeros() >= EXTENSION_BITS {
                let genesis = Genesis::new(self.draft.clone(), modifier);
                return Some(genesis.expect("the search hashes as the check does"));
            }
        }
        None
    }
}

/// The last block of a message: what is left of it, one bit, zeros, the length in bits (FIPS 180-4 section 5.1.1).
fn padded(rest: &[u8], message_bytes: usize) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..rest.len()].copy_from_slice(rest);
    block[rest.len()] = 0x80;
    block[BLOCK_BYTES - 8..].copy_from_slice(&(message_bytes as u64 * 8).to_be_bytes());
    block
}

// The longest record leaves room for the bit and the length in the second block; and the modifier is not in the first.
const _: () = assert!(size_of::<Tag>() + crate::genesis::GENESIS_BYTES_MAX + 9 <= 2 * BLOCK_BYTES);
const _: () = assert!(size_of::<Tag>() + crate::genesis::GENESIS_BYTES_MIN - MODIFIER_BYTES >= BLOCK_BYTES);
