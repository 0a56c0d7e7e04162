//! The vectors of docs/formats/domain.md.

#[path = "../common/vectors.rs"]
mod read;

pub(crate) use read::Vector;

/// Those that have a field of this name; at least one.
#[track_caller]
pub(crate) fn with(field: &str) -> Vec<Vector> {
    read::with(include_str!("../../../../docs/formats/domain.md"), field)
}
