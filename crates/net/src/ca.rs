//! RFC 5280: this computer's own certificate authority, which can vouch for nothing but this computer.
//!
//! Ordinary clients want a certificate that their trust store vouches for, and no public authority signs `localhost` or
//! a name under `.alt`. So each computer has its own, whose certificate says, critically, for which names it may speak:
//! `localhost`, `jirani.alt`, and loopback addresses (section 4.2.1.10). Who steals its key gains no other site. P-256,
//! because Chromium and NSS refuse Ed25519.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::Wall;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SanType,
};
use ring::digest;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use time::{OffsetDateTime, UtcDateTime};

/// How long a leaf certificate is good. Short: nobody can revoke it. Long enough for a computer that sleeps all summer.
const LEAF: Duration = Duration::from_secs(90 * 86_400);

/// How long before its end a leaf certificate is replaced.
const RENEW: Duration = Duration::from_secs(30 * 86_400);

/// The names that the authority may speak for, and all below them.
const DOMAINS: [&str; 2] = ["localhost", "jirani.alt"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// Read or write.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The authority's file is damaged. It is never made anew over it: people have trusted the old one.
    #[error(
        "{path} is damaged ({reason}). Restore it from a backup; or run `jirani trust --remove`, delete it, restart the daemon and run `jirani trust`"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Cryptography or encoding failed.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}

impl From<rcgen::Error> for CaError {
    fn from(error: rcgen::Error) -> CaError {
        CaError::Make(error.to_string())
    }
}

impl From<rustls::Error> for CaError {
    fn from(error: rustls::Error) -> CaError {
        CaError::Make(error.to_string())
    }
}

/// This computer's authority.
pub struct Authority {
    directory: PathBuf,
    certificate: CertificateDer<'static>,
    pem: String,
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority from `directory`, or makes it, once for this computer.
    ///
    /// # Errors
    /// If the directory cannot be used, or what is in it is damaged.
    pub fn open(directory: &Path) -> Result<Authority, CaError> {
        let path = directory.join("authority.pem");
        if !path.try_exists().map_err(|source| CaError::File { what: "read", path: path.clone(), source })? {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let certificate = authority_params(&key).self_signed(&key)?;
            save(&path, &(certificate.pem() + &key.serialize_pem()), Existing::Keep)?;
        }
        let text =
            fs::read_to_string(&path).map_err(|source| CaError::File { what: "read", path: path.clone(), source })?;
        let damaged = |reason: String| CaError::Damaged { path: path.clone(), reason };
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
        let secret = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
        certified(vec![certificate.clone()], &secret).map_err(|error| damaged(error.to_string()))?;
        let key = KeyPair::from_der_and_sign_algo(&secret, &PKCS_ECDSA_P256_SHA256)
            .map_err(|error| damaged(error.to_string()))?;
        // One file for both, so that there is never one without the other; only the first half is for others.
        let pem = text.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap_or_default().to_string();
        let name = authority_name(&key);
        let issuer = Issuer::new(authority_params(&key), key);
        Ok(Authority { directory: directory.into(), certificate, pem, name, issuer })
    }

    /// Its certificate in PEM, for trust stores.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate in DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What people see in their trust store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This computer's certificate for `localhost`, the loopback addresses, and those of the served domains for which
    /// the authority may speak. The one in the directory as long as it is good: a client that was told by a person to
    /// accept it shall not ask again without need. To be called at start, when the domains change, and now and then.
    ///
    /// # Errors
    /// If it cannot be made or kept.
    pub fn leaf(&self, domains: &[&str], now: Wall) -> Result<Arc<CertifiedKey>, CaError> {
        let names = names(domains);
        let path = self.directory.join("leaf.pem");
        let now = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        if let Ok(text) = fs::read(&path)
            && let Ok(certificate) = CertificateDer::from_pem_slice(&text)
            && let Ok(secret) = PrivateKeyDer::from_pem_slice(&text)
            && [now, now + RENEW].iter().all(|at| self.is_good(&certificate, &names, *at))
            && let Ok(leaf) = certified(vec![certificate], &secret)
        {
            return Ok(Arc::new(leaf));
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = leaf_params(&names, now)?.signed_by(&key, &self.issuer)?;
        save(&path, &(certificate.pem() + &key.serialize_pem()), Existing::Replace)?;
        let secret = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| CaError::Make(error.into()))?;
        Ok(Arc::new(certified(vec![certificate.der().clone()], &secret)?))
    }

    /// Whether a client that trusts the authority would accept a certificate for all these names.
    fn is_good(&self, certificate: &CertificateDer<'_>, names: &[SanType], at: Duration) -> bool {
        let mut roots = RootCertStore::empty();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let Ok(()) = roots.add(self.certificate.clone()) else { return false };
        let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
            return false;
        };
        let at = UnixTime::since_unix_epoch(at);
        names
            .iter()
            .filter_map(server_name)
            .all(|name| verifier.verify_server_cert(certificate, &[], &name, &[], at).is_ok())
    }
}

/// Whether the authority may speak for a domain. The certificates of all others come from files.
pub fn covers(domain: &str) -> bool {
    let domain = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')).unwrap_or(domain);
    match domain.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => DOMAINS
            .iter()
            .any(|ours| domain.strip_suffix(ours).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))),
    }
}

/// What a leaf certificate names.
fn names(domains: &[&str]) -> Vec<SanType> {
    let fixed = ["localhost", "127.0.0.1", "::1"];
    let mut names: Vec<SanType> = Vec::new();
    for domain in fixed.iter().chain(domains).filter(|domain| covers(domain)) {
        let bare = domain.trim_start_matches('[').trim_end_matches(']');
        let name = match (bare.parse::<IpAddr>(), (*domain).try_into()) {
            (Ok(address), _) => SanType::IpAddress(address),
            (Err(_), Ok(name)) => SanType::DnsName(name),
            // No ASCII, so no name that a certificate can hold.
            (Err(_), Err(_)) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn server_name(name: &SanType) -> Option<ServerName<'static>> {
    match name {
        SanType::IpAddress(address) => Some(ServerName::from(*address)),
        SanType::DnsName(name) => ServerName::try_from(name.as_str().to_string()).ok(),
        _ => None,
    }
}

/// The name goes by the key, so that an authority is known again from its key alone, and two computers' are told apart.
fn authority_name(key: &KeyPair) -> String {
    let hash = digest::digest(&digest::SHA256, key.der_bytes());
    let id: String = hash.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Jirani on this computer ({id})")
}

fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, authority_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut permitted_subtrees: Vec<_> = DOMAINS.map(|domain| GeneralSubtree::DnsName(domain.into())).into();
    permitted_subtrees.extend([
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::new(127, 0, 0, 0).into(), 8)),
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv6Addr::LOCALHOST.into(), 128)),
    ]);
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    // A clock whose battery is dead begins in 1970, also on the day when the authority is made. 2049 is the last year
    // that the older form of a certificate's time can say.
    params.not_before = OffsetDateTime::UNIX_EPOCH;
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    params
}

fn leaf_params(names: &[SanType], now: Duration) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.subject_alt_names = names.to_vec();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    // Good from the beginning of time: while the clock is wrong it is behind, and clients look at the same clock. What
    // makes it short-lived is its end.
    params.not_before = OffsetDateTime::UNIX_EPOCH;
    let end = i64::try_from((now + LEAF).as_secs()).unwrap_or(i64::MAX);
    params.not_after = UtcDateTime::from_unix_timestamp(end).map_err(|error| CaError::Make(error.to_string()))?.into();
    Ok(params)
}

/// A chain with its key, if they are a pair.
fn certified(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<CertifiedKey, rustls::Error> {
    let certified = CertifiedKey::new(chain, rustls::crypto::ring::sign::any_ecdsa_type(key)?);
    certified.keys_match()?;
    Ok(certified)
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

/// Writes a secret file so that after a power cut it is there whole or not at all.
fn save(path: &Path, text: &str, existing: Existing) -> Result<(), CaError> {
    let write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match existing {
            Existing::Replace => fs::rename(&draft, path)?,
            // A link, other than a rename, fails if the name is taken.
            Existing::Keep => {
                let linked = fs::hard_link(&draft, path);
                fs::remove_file(&draft)?;
                match linked {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
        }
        File::open(directory)?.sync_all()
    };
    write().map_err(|source| CaError::File { what: "write", path: path.into(), source })
}

#[cfg(test)]
mod tests;
