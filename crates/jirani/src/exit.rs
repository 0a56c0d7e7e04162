//! What the program tells who called it: its exit codes, in one place.

use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done, and all is well.
    Done = 0,
    /// It could not be done. (2 is clap's: the command line was wrong.)
    Failed = 1,
    /// No daemon runs with this data.
    NotRunning = 3,
    /// It is done, and something was found that wants a person.
    Attention = 4,
}

/// For `--help` and the manual page.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done, and all is well
  1  it could not be done; standard error says why
  2  the command line is wrong
  3  no daemon runs with this data
  4  done, but `status` or `check` found something that wants a person";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// What an error is to who called.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        if error.downcast_ref::<NotRunning>().is_some() { Exit::NotRunning } else { Exit::Failed }
    }
}

/// Nobody is there to ask.
#[derive(Debug)]
pub(crate) struct NotRunning {
    /// With this data.
    pub(crate) data: PathBuf,
    /// Whether the computer's own daemon seems to run.
    pub(crate) system: bool,
}

impl std::fmt::Display for NotRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no daemon runs with the data in {}. ", self.data.display())?;
        f.write_str(match self.system {
            true => "The computer's own does: `jirani --system` before the command asks it",
            false => "Start one with `jirani`",
        })
    }
}

impl std::error::Error for NotRunning {}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_says_whether_there_is_no_daemon() {
        let missing = || anyhow::Error::from(NotRunning { data: "/x".into(), system: false });
        assert_eq!(Exit::of(&missing()), Exit::NotRunning);
        assert_eq!(Exit::of(&Err::<(), _>(missing()).context("cannot list").unwrap_err()), Exit::NotRunning);
        assert_eq!(Exit::of(&anyhow::anyhow!("no")), Exit::Failed);
    }

    #[test]
    fn every_code_is_told() {
        for exit in [Exit::Done, Exit::Failed, Exit::NotRunning, Exit::Attention] {
            assert!(EXIT_CODES.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
    }
}
