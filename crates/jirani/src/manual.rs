//! `jirani man` and `jirani completions`: made from the definition of the command line (`cli.rs`), so that they are true.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;

/// Prints the manual page of the whole program, or writes a page for each command into a directory.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn man(directory: Option<&Path>) -> Result<()> {
    match directory {
        None => page(&mut io::stdout().lock()).context("cannot print the manual"),
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory)
            .with_context(|| format!("cannot write the manual into {}", directory.display())),
    }
}

fn page(out: &mut impl Write) -> io::Result<()> {
    Man::new(Cli::command()).render(out)
}

/// Prints what makes a shell complete the program's commands and flags.
///
/// # Errors
/// If it cannot be printed.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    // Made first, because the generator would panic at a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "jirani", &mut script);
    io::stdout().lock().write_all(&script).context("cannot print the completions")
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_manual_has_the_exit_codes_and_every_command() {
        let mut text = Vec::new();
        page(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Exit codes:") && text.contains("no daemon runs with this data"), "{text}");
        for command in Cli::command().get_subcommands().map(Command::get_name) {
            assert!(text.contains(&format!("jirani\\-{command}(1)")), "{command}\n{text}");
        }
    }
}
