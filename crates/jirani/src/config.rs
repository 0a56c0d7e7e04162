//! The configuration file: TOML, every key optional. `jirani config example` prints it with these comments.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use net::certificates::CertificateFiles;
use serde::{Deserialize, Serialize};
use toml::Value;

use crate::logs::{self, Format};

/// Makes the struct, its defaults, the list of its keys and the example file from one definition. A key that is off by
/// default has the lines that set it, for the example.
macro_rules! documented {
    (
        $(#[$attribute:meta])*
        pub(crate) struct $name:ident {
            $( $(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr $(, like $lines:literal)?; )+
        }
    ) => {
        $(#[$attribute])*
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $( $(#[doc = $doc])+ pub(crate) $key: $type, )+
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $( $key: $default, )+ }
            }
        }

        impl $name {
            /// Every key there is.
            pub(crate) const KEYS: &[&str] = &[$( stringify!($key) ),+];

            /// The file with its defaults, for people to begin from.
            pub(crate) fn example() -> String {
                let default = $name::default();
                let mut text = EXAMPLE_HEAD.to_owned();
                $( text += &entry(concat!($( "#", $doc, "\n" ),+), stringify!($key), &default.$key, None$( .or(Some($lines)) )?); )+
                text
            }
        }
    };
}

/// The UDP port of links where nobody says otherwise.
pub(crate) const LINKS_PORT: u16 = 5290;

const EXAMPLE_HEAD: &str = "# Jirani's configuration. Every key may be left out; these are the defaults.\n";

/// A key of the example: what it means, and its default, or commented out the lines that set it.
fn entry(doc: &str, key: &str, default: &impl Serialize, like: Option<&str>) -> String {
    match like {
        Some(lines) => lines.lines().fold(format!("\n{doc}"), |text, line| text + "# " + line + "\n"),
        None => {
            let value = Value::try_from(default).expect("a default is a value");
            format!("\n{doc}{key} = {value}\n")
        }
    }
}

documented! {
    /// What an administrator may set. A person sets nothing.
    #[derive(Debug, Deserialize)]
    pub(crate) struct Config {
        /// Where clients connect, in clear with STARTTLS or by TLS at once.
        listen: Vec<SocketAddr> = on_this_computer(5222);
        /// Where clients connect by TLS only (XEP-0368).
        listen_tls: Vec<SocketAddr> = on_this_computer(5223);
        /// A DNS domain of your own. Accounts are made under it; without one, under this node's own jirani.alt domain.
        domain: Option<String> = None, like "domain = \"school.example\"";
        /// Certificates for DNS domains; `kill -HUP` reads the files again.
        certificates: Vec<Certificate> = Vec::new(), like "[[certificates]]
domain = \"school.example\"
chain = \"/etc/ssl/school.example.fullchain.pem\"
key = \"/etc/ssl/school.example.key.pem\"";
        /// Whether messages are kept as history (XEP-0313).
        archive: bool = true;
        /// Whether this computer is in everybody's list of contacts, to be asked who is near. Without it, it answers all the same.
        contact: bool = true;
        /// Whether clients on this computer must use TLS too. All others must in any case.
        require_tls: bool = false;
        /// PBKDF2 rounds for new passwords: more cost a thief more, and a login by PLAIN too.
        scram_iterations: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");
        /// Minutes for which a broken session may be resumed (XEP-0198).
        resume_minutes: u32 = 10;
        /// Whether other users of this computer may make themselves an account each, named as they are.
        open_to_this_computer: bool = true;
        /// Whether strangers may make accounts from their chat program (XEP-0077), wherever they can connect.
        registration: bool = false;
        /// What is logged: error, warn, info, debug or trace; `warn,net=debug` for more of one part. `kill -HUP` reads it again.
        log: String = "warn".to_owned();
        /// How the log looks: text, or json (an object on each line).
        log_format: Format = Format::Text;
        /// Whether other laptops on the same networks are found and linked to, so that their people can be reached.
        links: bool = true;
        /// The UDP port on which links are accepted; another one if it is taken.
        links_port: u16 = LINKS_PORT;
        /// Whether only people to whom somebody here has written see the accounts of this computer on a link, and not whoever runs
        /// a Jirani on the same network. Two who are both hidden must have met before.
        links_hidden: bool = false;
        /// Addresses of other nodes that cannot be found by themselves: another part of the network, or a fixed place.
        links_to: Vec<SocketAddr> = Vec::new(), like "links_to = [\"192.0.2.7:5290\"]";
        /// Whether daemons on this same computer are found too.
        links_on_this_computer: bool = false;
        /// Whether daemons on other computers are found. If not, nothing is said on any network: for trying things out.
        links_on_networks: bool = true;
        /// Where Prometheus may fetch numbers, on this computer: docs/metrics.md. Off without it.
        metrics: Option<SocketAddr> = None, like "metrics = \"127.0.0.1:9522\"";
        /// Whether `metrics` may be an address that others can reach too. It asks for no password.
        metrics_for_others: bool = false;
    }
}

fn on_this_computer(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

impl Certificate {
    /// Every key there is.
    pub(crate) const KEYS: &[&str] = &["domain", "chain", "key"];
}

/// A certificate in files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// For which domain.
    pub(crate) domain: String,
    /// PEM: the certificate and those that lead to the root.
    pub(crate) chain: PathBuf,
    /// PEM: its key.
    pub(crate) key: PathBuf,
}

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
        toml::from_str(&text)
            .map_err(anyhow::Error::from)
            .and_then(|config: Config| config.check().map(|()| config))
            .with_context(|| format!("the configuration {} is wrong. `jirani check` says more", path.display()))
    }

    /// The administrator's own domain in its normal form.
    ///
    /// # Errors
    /// If it is no domain.
    pub(crate) fn domain(&self) -> Result<Option<String>> {
        let Some(domain) = &self.domain else { return Ok(None) };
        let jid = base::Jid::new(domain).with_context(|| format!("`domain`: {domain} cannot be used"))?;
        if !jid.is_domain() {
            bail!("`domain`: {domain} is no domain");
        }
        Ok(Some(jid.to_string()))
    }

    /// Where metrics are told, if anywhere.
    ///
    /// # Errors
    /// If others could reach it and nobody has said that they may.
    pub(crate) fn metrics(&self) -> Result<Option<SocketAddr>> {
        match self.metrics {
            Some(address) if !address.ip().to_canonical().is_loopback() && !self.metrics_for_others => bail!(
                "`metrics`: others than this computer can reach {address}, and it asks for no password. \
                 Use 127.0.0.1, or set `metrics_for_others = true` if a firewall guards it"
            ),
            metrics => Ok(metrics),
        }
    }

    /// Checks what is more than a value of its kind.
    ///
    /// # Errors
    /// What is wrong, and what is expected.
    pub(crate) fn check(&self) -> Result<()> {
        self.metrics()?;
        logs::filter(&self.log).map(drop)
    }

    /// The certificates, as they are loaded.
    pub(crate) fn certificate_files(&self) -> Vec<CertificateFiles> {
        let files =
            |c: &Certificate| CertificateFiles { domain: c.domain.clone(), chain: c.chain.clone(), key: c.key.clone() };
        self.certificates.iter().map(files).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        let example: Config = toml::from_str(&Config::example()).unwrap();
        assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
        assert!(Config::example().contains(
            "\n\n# Where clients connect, in clear with STARTTLS or by TLS at once.\n\
             listen = [\"127.0.0.1:5222\", \"[::1]:5222\"]\n\n"
        ));
    }

    #[test]
    fn every_key_of_the_example_can_be_set() {
        let example = Config::example();
        let blocks: Vec<&str> = example.split("\n\n").skip(1).collect();
        assert_eq!(blocks.len(), Config::KEYS.len());
        for (key, block) in Config::KEYS.iter().zip(blocks) {
            let lines = block.lines().map(|line| line.trim_start_matches("# "));
            let set = lines.skip_while(|line| !line.trim_start_matches("[[").starts_with(key)).collect::<Vec<_>>();
            assert!(!set.is_empty(), "{key}");
            toml::from_str::<Config>(&set.join("\n")).unwrap();
        }
    }

    #[track_caller]
    fn check_metrics(text: &str, expect: Option<&str>) {
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.metrics().ok(), expect.map(|address| Some(address.parse().unwrap())), "{text}");
        assert_eq!(config.check().is_ok(), expect.is_some(), "{text}");
    }

    #[test]
    fn metrics_are_for_this_computer() {
        for here in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            check_metrics(&format!("metrics = \"{here}\""), Some(here));
        }
        for open in ["0.0.0.0:1", "[::]:1", "192.168.1.2:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1"] {
            check_metrics(&format!("metrics = \"{open}\""), None);
            check_metrics(&format!("metrics = \"{open}\"\nmetrics_for_others = true"), Some(open));
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
