//! The configuration file: TOML, every key optional. `jirani config example` prints it with these comments.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What an administrator may set. A person sets nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where clients connect, in clear with STARTTLS or by TLS at once.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where clients connect by TLS only (XEP-0368).
    pub(crate) listen_tls: Vec<SocketAddr>,
    /// A DNS domain of your own. Accounts are made under it; without one, under this node's own jirani.alt domain.
    pub(crate) domain: Option<String>,
    /// Certificates for DNS domains; `kill -HUP` reads the files again.
    pub(crate) certificates: Vec<Certificate>,
    /// Whether messages are kept as history (XEP-0313).
    pub(crate) archive: bool,
    /// Whether clients on this computer must use TLS too. All others must in any case.
    pub(crate) require_tls: bool,
    /// PBKDF2 rounds for new passwords: more cost a thief more, and a login by PLAIN too.
    pub(crate) scram_iterations: NonZeroU32,
    /// Minutes for which a broken session may be resumed (XEP-0198).
    pub(crate) resume_minutes: u32,
    /// Whether other users of this computer may make themselves an account each, named as they are.
    pub(crate) open_to_this_computer: bool,
}

/// A certificate in files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// For which domain.
    pub(crate) domain: String,
    /// PEM: the certificate and those that lead to the root.
    pub(crate) chain: PathBuf,
    /// PEM: its key.
    pub(crate) key: PathBuf,
}

impl Default for Config {
    fn default() -> Config {
        let on =
            |port| vec![SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))];
        Config {
            listen: on(5222),
            listen_tls: on(5223),
            domain: None,
            certificates: Vec::new(),
            archive: true,
            require_tls: false,
            scram_iterations: NonZeroU32::new(10_000).expect("not zero"),
            resume_minutes: 10,
            open_to_this_computer: true,
        }
    }
}

/// The file with its defaults, for people to begin from.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

impl Config {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Where it is wrong, and what is expected there.
    pub(crate) fn read(path: &Path, must_exist: bool) -> Result<Config> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(Config::default()),
            Err(e) => return Err(e).with_context(|| format!("cannot read the configuration {}", path.display())),
        };
        toml::from_str(&text).with_context(|| {
            format!("the configuration {} is wrong. `jirani config example` shows every key", path.display())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        let example: Config = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn every_key_is_in_the_example() {
        let unknown = toml::from_str::<Config>("no_such_key = 1").unwrap_err().to_string();
        let keys = unknown.split("expected one of").nth(1).unwrap();
        for key in keys.split('`').skip(1).step_by(2) {
            assert!(
                EXAMPLE.lines().any(|l| l.trim_start_matches("# ").trim_start_matches("[[").starts_with(key)),
                "{key}"
            );
        }
    }

    #[test]
    fn a_wrong_file_says_where() {
        let path = std::env::temp_dir().join(format!("jirani-config-{}", std::process::id()));
        std::fs::write(&path, "listen = [\"127.0.0.1\"]\n").unwrap();
        let error = format!("{:#}", Config::read(&path, true).unwrap_err());
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains("line 1") && error.contains("socket address"), "{error}");
    }
}
