//! Ways to people whose programs speak other protocols than ours. Each is a pure value; `net` has its sockets.
//!
//! | module | what it names |
//! |---|---|
//! | [`link_local`] | XEP-0174: people on the same link without a server, as Pidgin, Finch, iChat and Adium announce them |

pub mod link_local;

pub use link_local::Gateway;
