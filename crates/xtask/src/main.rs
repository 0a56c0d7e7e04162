//! `cargo xtask`: everything that developers run and that is no compiling. The same words in CI.

// A developer's tool may know files, the environment and the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attacks;
mod bench;
mod clients;
mod conformance;
mod deb;
mod fuzz;
mod laptops;
mod plays;
mod program;
mod soak;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What developers run beside cargo.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the rules of the house that a compiler does not know (`cargo test` does so too)
    Tidy,
    /// Try every play and every row of the tables, and compare with docs/conformance.md (`cargo test` does so too)
    Conformance {
        /// Bring docs/conformance.md up to date
        #[arg(long)]
        write: bool,
    },
    /// Perform the plays against the daemon over TCP
    Plays {
        /// Part of a play's name, and what else a test takes
        #[arg(value_name = "WORD", allow_hyphen_values = true)]
        only: Vec<String>,
    },
    /// Play the attacks of docs/attacks.md against the daemon, and measure what they cost
    Attacks {
        /// Also those that take minutes
        #[arg(long)]
        slow: bool,
        /// Only cases with this id, or with this word
        #[arg(value_name = "ID")]
        only: Vec<String>,
    },
    /// Measure: the pieces (framer, store, shard), or with --yardstick the whole server beside its peers
    Bench {
        /// The folder of the yardstick, its load generator built
        #[arg(long, value_name = "DIR")]
        yardstick: Option<PathBuf>,
        /// What else `cargo bench` or the yardstick shall be told
        #[arg(last = true, value_name = "ARGUMENT")]
        more: Vec<String>,
    },
    /// Build the Debian package
    Deb {
        /// With this program instead of one that is built for it
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
        /// Let lintian look at it
        #[arg(long)]
        lint: bool,
        /// As root: install it on a clean Debian (mmdebstrap), start, use and purge it
        #[arg(long = "try")]
        trial: bool,
    },
    /// Fuzz a target of fuzz/ (docs/fuzzing.md)
    Fuzz {
        /// framer, emit, negotiation, session or shard
        target: String,
        /// Do not look for more: keep of the corpus what is needed
        #[arg(long)]
        cmin: bool,
        /// What else libFuzzer shall be told: `-runs=10000000 -max_len=300`
        #[arg(last = true, value_name = "ARGUMENT")]
        more: Vec<String>,
    },
    /// Let random clients use the release daemon for a long time; fails if memory grows, files leak, or a message is lost
    Soak {
        /// For how long
        #[arg(long, default_value_t = 60.0)]
        minutes: f64,
        /// What the clients do
        #[arg(long, default_value_t = 1)]
        seed: u32,
        /// The daemon that the tests use, instead of the one that people get
        #[arg(long)]
        debug: bool,
    },
    /// Run the daemon against real, unmodified chat programs
    Clients {
        /// Only cases whose title has one of these words
        #[arg(value_name = "WORD")]
        only: Vec<String>,
    },
    /// Let laptops find each other: in network namespaces, joined by a bridge (needs root)
    Laptops {
        /// Only cases whose title has one of these words
        #[arg(value_name = "WORD")]
        only: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Tidy => tidy::tidy(&root()),
        Command::Conformance { write } => conformance::conformance(&root(), write),
        Command::Plays { only } => plays::plays(&root(), &only),
        Command::Attacks { slow, only } => attacks::attacks(&root(), slow, &only),
        Command::Bench { yardstick, more } => bench::bench(&root(), yardstick.as_ref(), &more),
        Command::Deb { program, lint, trial } => deb::deb(&root(), program.as_deref(), lint, trial),
        Command::Fuzz { target, cmin, more } => fuzz::fuzz(&root(), &target, cmin, &more),
        Command::Soak { minutes, seed, debug } => soak::soak(&root(), minutes, seed, debug),
        Command::Clients { only } => clients::clients(&root(), &only),
        Command::Laptops { only } => laptops::laptops(&root(), &only),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The top of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask lies two levels down").to_owned()
}
