//! RFC 6120 section 13.7: which certificate a client is shown, and the administrator's own ones from PEM files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base::Wall;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use crate::expiry;

/// Where the certificate of a domain lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The domain, in its normal form.
    pub domain: String,
    /// PEM: the domain's certificate first, then those that lead to the root.
    pub chain: PathBuf,
    /// PEM: its key, not encrypted.
    pub key: PathBuf,
}

/// What is wrong with an administrator's files.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is not there, or not for us.
    #[error(
        "cannot read {path}: {source}. It must exist, and the user that the daemon runs as must be able to read it"
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file is damaged.
    #[error("{path} is not PEM: {reason}. Copy it again from where it was issued")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where reading stopped.
        reason: String,
    },
    /// A chain without a certificate.
    #[error("{path} has no certificate. It needs the whole chain (often called fullchain.pem), in PEM")]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A key file without a key.
    #[error("{path} has no private key that can be used. It needs one in PEM, without a passphrase")]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// A key of a kind that we cannot use.
    #[error("the key in {path} cannot be used: {reason}. Use ECDSA P-256, P-384, Ed25519, or RSA of 2048 bits or more")]
    BadKey {
        /// Which.
        path: PathBuf,
        /// What rustls says of it.
        reason: String,
    },
    /// Key and certificate are not a pair.
    #[error("the key in {key} does not belong to the first certificate in {chain}. The domain's own must come first")]
    NoPair {
        /// Which chain.
        chain: PathBuf,
        /// Which key.
        key: PathBuf,
    },
    /// A certificate for somebody else.
    #[error("the first certificate in {chain} is not for {domain}. Have one issued that names it (subjectAltName)")]
    WrongName {
        /// Which chain.
        chain: PathBuf,
        /// What it is to be shown for.
        domain: String,
    },
}

/// Reads the certificate of a domain.
///
/// # Errors
/// What is wrong, where, and what to do. Whether it has expired is the client's to say: our clock may be wrong.
pub fn load(files: &CertificateFiles) -> Result<CertifiedKey, CertificateError> {
    let CertificateFiles { domain, chain, key } = files;
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(chain)?)
        .collect::<Result<_, _>>()
        .map_err(|error| CertificateError::Damaged { path: chain.clone(), reason: error.to_string() })?;
    let Some(first) = certificates.first().cloned() else {
        return Err(CertificateError::NoCertificate { path: chain.clone() });
    };
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => CertificateError::NoKey { path: key.clone() },
        error => CertificateError::Damaged { path: key.clone(), reason: error.to_string() },
    })?;
    let bad_key = |reason: Error| CertificateError::BadKey { path: key.clone(), reason: reason.to_string() };
    let no_pair = || CertificateError::NoPair { chain: chain.clone(), key: key.clone() };
    let signer = rustls::crypto::ring::sign::any_supported_type(&secret).map_err(bad_key)?;
    let certified = CertifiedKey::new(certificates, signer);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(no_pair()),
    }
    if !is_for(&first, domain) {
        return Err(CertificateError::WrongName { chain: chain.clone(), domain: domain.clone() });
    }
    Ok(certified)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.into(), source })
}

/// Whether a certificate names a domain.
fn is_for(certificate: &CertificateDer<'_>, domain: &str) -> bool {
    let name = ServerName::try_from(ascii(domain));
    let certificate = ParsedCertificate::try_from(certificate);
    matches!((certificate, name), (Ok(certificate), Ok(name)) if verify_server_name(&certificate, &name).is_ok())
}

/// A domain as certificates and clients' requests spell it: in A-labels.
fn ascii(domain: &str) -> String {
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_string())
}

/// The certificates in use, which can be changed while connections are being made: a handshake sees either all the old
/// ones or all the new ones.
#[derive(Debug)]
pub struct Certificates {
    current: RwLock<Arc<Set>>,
}

#[derive(Debug)]
struct Set {
    own: Arc<CertifiedKey>,
    named: BTreeMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    /// Begins with this computer's own certificate, which is shown whenever there is no better one.
    pub fn new(own: Arc<CertifiedKey>) -> Certificates {
        Certificates { current: RwLock::new(Arc::new(Set { own, named: BTreeMap::new() })) }
    }

    /// When each certificate in use ends, by domain; this computer's own one has none. One whose end cannot be read is
    /// left out.
    pub fn ends(&self) -> Vec<(Option<String>, Wall)> {
        let set = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let named = set.named.iter().map(|(name, key)| (Some(name.clone()), key));
        std::iter::once((None, &set.own))
            .chain(named)
            .filter_map(|(name, key)| Some((name, expiry::not_after(key.cert.first()?)?)))
            .collect()
    }

    /// Changes this computer's own certificate.
    pub fn set_own(&self, own: Arc<CertifiedKey>) {
        self.change(|set| Set { own: own.clone(), named: set.named.clone() });
    }

    /// Reads the administrator's files anew, and shows what they hold from now on.
    ///
    /// # Errors
    /// Of the first bad file. Then all the old ones stay in use.
    pub fn reload(&self, files: &[CertificateFiles]) -> Result<(), CertificateError> {
        let named = files
            .iter()
            .map(|files| Ok((ascii(&files.domain), Arc::new(load(files)?))))
            .collect::<Result<BTreeMap<_, _>, CertificateError>>()?;
        self.change(|set| Set { own: set.own.clone(), named: named.clone() });
        Ok(())
    }

    fn change(&self, new: impl Fn(&Set) -> Set) {
        // A set is whole whenever the lock is free: a panic elsewhere has not spoilt it.
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(new(&current));
    }

    /// The certificate for a name that a client asks for.
    fn choose(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let set = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let named = name.and_then(|name| set.named.get(&name.to_ascii_lowercase()));
        named.unwrap_or(&set.own).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.choose(hello.server_name()))
    }
}

#[cfg(test)]
mod tests;
