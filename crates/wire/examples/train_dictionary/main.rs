//! Trains a dictionary for packed stanzas (docs/formats/packed.md) on what this generator says.
//!
//! `cargo run -p wire --example train_dictionary > crates/wire/src/packed/dictionary-N`

mod clients;
mod random;
mod words;

use std::error::Error;
use std::io::Write;

use base::Bare;
use wire::Stanza;
use wire::packed::Lean;

use random::Random;

/// Of all samples.
const SEED: u64 = 1;
const SAMPLES: usize = 20_000;
/// By figures: docs/decisions/005-packing.md.
const DICTIONARY_BYTES: usize = 24 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random(SEED);
    let (from, to) = (Bare::new(clients::FROM)?, Bare::new(clients::TO)?);
    let mut lean = Lean::default();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES {
        let xml = clients::stanza(&mut random);
        let stanza = Stanza::parse(xml.as_bytes()).map_err(|error| format!("{error}: {xml}"))?;
        lean.write(&stanza, &from, &to)?;
        samples.push(lean.text.clone());
    }
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES)?;
    std::io::stdout().write_all(&dictionary)?;
    Ok(())
}
