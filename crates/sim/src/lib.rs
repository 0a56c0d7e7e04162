//! The simulator: the daemon's own values under one clock and one seed, without socket, thread or waiting.
//!
//! Every protocol test of the project is written on it. The shortest one:
//!
//! ```
//! use sim::Bench;
//!
//! let mut bench = Bench::new(1);
//! let maria = bench.login("maria", "laptop");
//! let paulo = bench.login("paulo", "phone");
//! bench.send(maria, "<message to='paulo@jirani.example' type='chat'><body>hi</body></message>");
//! bench.expect(paulo, "<message from='maria@jirani.example/laptop'><body>hi</body></message>");
//! ```
//!
//! | module | what it names |
//! |---|---|
//! | [`bench`](mod@bench) | [`Bench`]: a node and its clients; time, delays, cut cables, full disks, crashes |
//! | [`group`] | several nodes and the links between them: weather, partitions, crashes, restored backups |
//! | [`check`] | checkers: whether what is promised was kept |
//! | [`client`] | a client as a value: login, XEP-0198, what it has heard; used over TCP too |
//! | [`xml`] | what clients read: a tree, read by another parser than the daemon's |
//! | [`fuzz`] | bodies of the fuzz targets, which ordinary tests run over their corpus too |
//! | [`tree`] | XML as a tree, by our reader and by others, to be compared |
//! | [`pattern`] | whether a stanza is what was expected |
//! | [`play`] | plays: acceptance tests as text, performed on the bench or over TCP |
//! | [`tables`] | tables of the specifications, row by row |
//! | [`scene`] | what plays and rows have in common: a name, where it is prescribed, and whether it holds |
//! | [`reference`](mod@reference) | where something is prescribed |

pub mod bench;
pub mod check;
pub mod client;
pub mod fuzz;
pub mod group;
mod heap;
mod node;
pub mod pattern;
mod pipe;
pub mod play;
pub mod reference;
pub mod scene;
pub mod tables;
pub mod tree;
pub mod xml;

pub use bench::{Bench, Seat};
pub use client::{Client, Goal, Login};
pub use group::Group;
pub use pattern::{Bindings, Pattern};
pub use play::Play;
pub use reference::Reference;
pub use scene::Scene;
pub use xml::Tree;
