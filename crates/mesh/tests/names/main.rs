//! Names from end to end; the test vectors of docs/formats/domain.md are read from the document itself.

mod domain;
mod genesis;
mod keys;
mod phrase;
mod vectors;
mod words;
