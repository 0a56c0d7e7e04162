//! The program as it is started: the daemon with its sockets, logs and metrics, and the commands that ask it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod demo;
mod house;
mod logs;
mod metrics;
mod nearby;
mod readme;
mod service;
mod xmpp;
