//! Who proves to be whom, from end to end; the test vectors of docs/formats/statements.md are read from the document itself.

mod chain;
mod directory;
mod introduction;
mod limits;
mod statement;
mod vectors;
mod vouched;
mod world;
