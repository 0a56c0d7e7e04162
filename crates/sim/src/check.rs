//! Checkers: they watch from outside what is promised, and know nothing of how it is kept.

mod delivery;

pub use delivery::Delivery;
