//! Design, section 6: what is said on links, and when they are made.

mod dialer;
mod frame;
