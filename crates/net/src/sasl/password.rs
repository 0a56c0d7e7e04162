//! RFC 5802 section 3: what is kept of a password, and what is shown for a person who does not exist.
//!
//! Passwords are prepared by SASLprep (RFC 4013), not by its successor OpaqueString (RFC 8265): RFC 5802 prescribes it,
//! clients hash what SASLprep gives, and the two differ (full-width letters, soft hyphens), so that a newer preparation
//! here would lock people out.

use std::num::NonZeroU32;

use base::ledger::{Credential, ScramHash};
use base::limits::PASSWORD_BYTES_MAX;
use ring::{digest, hmac, pbkdf2};
use stringprep::saslprep;

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is empty, or nothing is left of it after preparation.
    #[error("the password is empty")]
    Empty,
    /// It is longer than [`PASSWORD_BYTES_MAX`].
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// SASLprep forbids one of its characters: clients could not log in with it.
    #[error(
        "the password has a character that clients cannot send (a control character, or one newer than Unicode 3.2)"
    )]
    Forbidden,
}

/// What is kept of a password: SHA-256 and SHA-1, with one salt, so that a fake record needs only one too.
///
/// # Errors
/// If no client could log in with it.
pub fn make_credentials(
    password: &str,
    iterations: NonZeroU32,
    salt: [u8; 16],
) -> Result<Vec<Credential>, PasswordError> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    let password = saslprep(password).map_err(|_| PasswordError::Forbidden)?;
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    Ok([ScramHash::Sha256, ScramHash::Sha1]
        .map(|hash| {
            let salted = salted(hash, &password, iterations, &salt);
            let client_key = hmac::sign(&salted, b"Client Key");
            Credential {
                hash,
                salt: salt.to_vec(),
                iterations: iterations.get(),
                stored_key: digest::digest(suite(hash).hash, client_key.as_ref()).as_ref().to_vec(),
                server_key: hmac::sign(&salted, b"Server Key").as_ref().to_vec(),
            }
        })
        .to_vec())
}

/// Whether it is the password of a record. Costs one PBKDF2 whatever the answer; the comparison takes constant time
/// (attack case B04). The `ServerKey` is compared, not the `StoredKey`: both depend on the whole password, and for it
/// the hash library has a verification.
pub(super) fn matches(password: &str, credential: &Credential, iterations: NonZeroU32) -> bool {
    // What is no password hashes to nothing that is stored, and takes as long as one that is.
    let (prepared, possible) = match saslprep(password) {
        Ok(prepared) => (prepared, password.len() <= PASSWORD_BYTES_MAX),
        Err(_) => ("".into(), false),
    };
    let salted = salted(credential.hash, &prepared, iterations, &credential.salt);
    hmac::verify(&salted, b"Server Key", &credential.server_key).is_ok() && possible
}

/// A node's secret by which people who do not exist get records that look like others': always the same salt for the
/// same name, and as many iterations as new passwords here have.
pub struct FakeKey {
    key: hmac::Key,
    iterations: NonZeroU32,
}

impl FakeKey {
    /// A key from 32 random bytes, which must outlive a restart: a salt that changes is no real one.
    pub fn new(secret: &[u8; 32], iterations: NonZeroU32) -> FakeKey {
        FakeKey { key: hmac::Key::new(hmac::HMAC_SHA256, secret), iterations }
    }

    /// The record that nobody knows a password for.
    pub(super) fn credential(&self, hash: ScramHash, address: &str) -> Credential {
        let made_up = |what: &str| {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(what.as_bytes());
            context.update(&[0]);
            context.update(address.as_bytes());
            context.sign()
        };
        let size = suite(hash).hash.output_len();
        Credential {
            hash,
            salt: made_up("salt").as_ref()[..16].to_vec(),
            iterations: self.iterations.get(),
            stored_key: made_up("stored").as_ref()[..size].to_vec(),
            server_key: made_up("server").as_ref()[..size].to_vec(),
        }
    }
}

/// The algorithms of a mechanism family.
struct Suite {
    hash: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

fn suite(hash: ScramHash) -> Suite {
    match hash {
        ScramHash::Sha1 => Suite {
            hash: &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            pbkdf2: pbkdf2::PBKDF2_HMAC_SHA1,
        },
        ScramHash::Sha256 => {
            Suite { hash: &digest::SHA256, hmac: hmac::HMAC_SHA256, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256 }
        }
    }
}

/// RFC 5802 `SaltedPassword`, as the key that it is.
fn salted(hash: ScramHash, password: &str, iterations: NonZeroU32, salt: &[u8]) -> hmac::Key {
    let suite = suite(hash);
    let mut bytes = [0; digest::MAX_OUTPUT_LEN];
    let bytes = &mut bytes[..suite.hash.output_len()];
    pbkdf2::derive(suite.pbkdf2, iterations, salt, password.as_bytes(), bytes);
    hmac::Key::new(suite.hmac, bytes)
}
