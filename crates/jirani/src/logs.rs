//! The logs: to standard error, as text for people and journald or as JSON for programs. Secrets and message text are in none.

use std::fs;
use std::io::{self, Stderr, Write};
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people, and for journald.
    Text,
    /// A JSON object on each line.
    Json,
}

/// The logs of this process: their level can be changed while it runs.
pub(crate) struct Logs {
    level: reload::Handle<EnvFilter, Registry>,
    /// Who starts the daemon by hand with RUST_LOG means it, whatever the configuration says.
    by_environment: bool,
}

impl Logs {
    /// Begins to log.
    ///
    /// # Errors
    /// If `level` is none.
    pub(crate) fn begin(level: &str, format: Format) -> Result<Logs> {
        let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok();
        let (filter, handle) = reload::Layer::new(filter(wanted.as_deref().unwrap_or(level))?);
        let to = Output { in_journal: is_in_journal() };
        let lines = match format {
            // The journal has its own times.
            Format::Text if to.in_journal => fmt::layer().without_time().with_writer(to).boxed(),
            Format::Text => fmt::layer().with_writer(to).boxed(),
            Format::Json => fmt::layer().json().flatten_event(true).with_writer(to).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
        Ok(Logs { level: handle, by_environment: wanted.is_some() })
    }

    /// Changes what is logged, unless the environment has the last word.
    ///
    /// # Errors
    /// If `level` is none; then all stays as it is.
    pub(crate) fn set_level(&self, level: &str) -> Result<()> {
        let filter = filter(level)?;
        if self.by_environment {
            return Ok(());
        }
        self.level.reload(filter).context("the level of the logs cannot be changed")
    }
}

/// What a level means: `warn`, or `warn,net=debug` for one part.
///
/// # Errors
/// If it means nothing.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    let what = || format!("`log`: {level:?} is no level (error, warn, info, debug, trace, or info,net=debug)");
    let words = level.split(',').map(|word| word.rsplit('=').next().unwrap_or_default());
    // Without this a slip of the pen would be taken for the name of a part, and all of it be logged.
    anyhow::ensure!(words.into_iter().all(|word| LEVELS.contains(&word.to_ascii_lowercase().as_str())), what());
    EnvFilter::try_new(level).with_context(what)
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether standard error is the journal's own socket (systemd.exec(5), JOURNAL_STREAM).
fn is_in_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").ok();
    let here = fs::metadata("/proc/self/fd/2").map(|file| format!("{}:{}", file.dev(), file.ino()));
    stream.is_some_and(|stream| here.is_ok_and(|here| here == stream))
}

/// Standard error; in the journal a line begins with its priority (sd-daemon(3)).
struct Output {
    in_journal: bool,
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { priority: None }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line { priority: self.in_journal.then(|| priority(*metadata.level())) }
    }
}

fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// One line, which comes as a whole.
struct Line {
    priority: Option<&'static str>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out: Stderr = io::stderr();
        if let Some(priority) = self.priority.take() {
            out.write_all(priority.as_bytes())?;
        }
        out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_level() {
        for good in ["warn", "INFO", "off", "info,net=debug", "error,store=trace"] {
            filter(good).unwrap();
        }
        for bad in ["", "loud", "info,net", "net=loud", "debugg", "info,,"] {
            let error = filter(bad).unwrap_err().to_string();
            assert!(error.contains("is no level"), "{bad}: {error}");
        }
    }
}
