//! Proofs that need more than one crate or another reader than our own. Nothing here is part of the daemon.
//!
//! | module | what it does |
//! |---|---|
//! | [`fuzz`] | bodies of the fuzz targets, which ordinary tests run over their corpus too |
//! | [`tree`] | XML as a tree, by our reader and by others, to be compared |

pub mod fuzz;
pub mod tree;
