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
    Ok([ScramHash::Sha256, ScramHash::Sha1].map(|hash| credential(hash, &password, iterations, &salt)).to_vec())
}

/// RFC 5802 section 3, of a password that is prepared.
fn credential(hash: ScramHash, password: &str, iterations: NonZeroU32, salt: &[u8]) -> Credential {
    let salted = salted(hash, password, iterations, salt);
    let client_key = hmac::sign(&salted, b"Client Key");
    Credential {
        hash,
        salt: salt.to_vec(),
        iterations: iterations.get(),
        stored_key: digest::digest(suite(hash).hash, client_key.as_ref()).as_ref().to_vec(),
        server_key: hmac::sign(&salted, b"Server Key").as_ref().to_vec(),
    }
}

/// Whether it is the password of a record. Costs one PBKDF2 whatever the answer; the comparison takes constant time
/// (attack case B04). The `ServerKey` is compared, not the `StoredKey`: both depend on the whole password, and for it
/// the hash library has a verification.
pub(super) fn matches(password: &str, credential: &Credential, iterations: NonZeroU32) -> bool {
    // What cannot be a password takes as long as what can.
    let prepared = saslprep(password);
    let possible = prepared.is_ok();
    let salted = salted(credential.hash, &prepared.unwrap_or_default(), iterations, &credential.salt);
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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::*;

    /// With what is kept of a password, an exchange of the RFCs comes out as printed there.
    #[track_caller]
    fn check(hash: ScramHash, salt: &str, auth_message: &str, proof: &str, verifier: &str) {
        let suite = suite(hash);
        let salt = BASE64_STANDARD.decode(salt).unwrap();
        let kept = credential(hash, "pencil", NonZeroU32::new(4096).unwrap(), &salt);
        let signature = hmac::sign(&hmac::Key::new(suite.hmac, &kept.stored_key), auth_message.as_bytes());
        let proof = BASE64_STANDARD.decode(proof).unwrap();
        let client_key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(suite.hash, &client_key).as_ref(), kept.stored_key);
        let signature = hmac::sign(&hmac::Key::new(suite.hmac, &kept.server_key), auth_message.as_bytes());
        assert_eq!(BASE64_STANDARD.encode(signature), verifier);
    }

    #[test]
    fn the_examples_of_rfc_5802_and_rfc_7677() {
        check(
            ScramHash::Sha1,
            "QSXCR+Q6sek8bf92",
            "n=user,r=fyko+d2lbbFgONRv9qkxdawL,\
             r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,\
             c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
        check(
            ScramHash::Sha256,
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "n=user,r=rOprNGfwEbeRWgbNEkqO,\
             r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
             c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
    }

    const ONCE: NonZeroU32 = NonZeroU32::MIN;

    #[test]
    fn what_can_be_a_password() {
        for (password, expect) in [
            ("pencil", Ok(())),
            ("I\u{ad}X", Ok(())),
            ("пароль", Ok(())),
            ("", Err(PasswordError::Empty)),
            ("\u{ad}", Err(PasswordError::Empty)),
            ("a\u{7}", Err(PasswordError::Forbidden)),
            ("\u{627}1", Err(PasswordError::Forbidden)),
            ("a\u{1f600}", Err(PasswordError::Forbidden)),
        ] {
            assert_eq!(make_credentials(password, ONCE, [1; 16]).map(|_| ()), expect, "{password:?}");
        }
        for (len, ok) in [(1023, true), (1024, true), (1025, false), (10_240, false)] {
            let expect = if ok { Ok(()) } else { Err(PasswordError::TooLong) };
            assert_eq!(make_credentials(&"a".repeat(len), ONCE, [1; 16]).map(|_| ()), expect, "{len}");
        }
    }

    #[test]
    fn spellings_that_saslprep_makes_equal_are_one_password() {
        for (set, given, expect) in [
            ("IX", "I\u{ad}X", true),
            ("IX", "\u{2168}", true),
            ("a b", "a\u{a0}b", true),
            ("é", "e\u{301}", true),
            ("IX", "ix", false),
            ("IX", "IX\0", false),
            ("IX", "", false),
            ("IX", "IX\u{1f600}", false),
            ("IX", "IX ", false),
        ] {
            for kept in make_credentials(set, ONCE, [1; 16]).unwrap() {
                assert_eq!(matches(given, &kept, ONCE), expect, "{set:?} {given:?}");
            }
        }
    }

    #[test]
    fn a_fake_record_is_stable_and_ones_own() {
        let fake = FakeKey::new(&[7; 32], ONCE);
        let of = |fake: &FakeKey, hash, address| fake.credential(hash, address);
        for hash in [ScramHash::Sha1, ScramHash::Sha256] {
            let one = of(&fake, hash, "a@b.c");
            let real = &credential(hash, "x", ONCE, &[1; 16]);
            assert!(one == of(&FakeKey::new(&[7; 32], ONCE), hash, "a@b.c"));
            assert_eq!(one.salt, of(&fake, ScramHash::Sha1, "a@b.c").salt);
            assert_ne!(one.salt, of(&fake, hash, "b@b.c").salt);
            assert_ne!(one.salt, of(&FakeKey::new(&[8; 32], ONCE), hash, "a@b.c").salt);
            assert_eq!(
                (one.salt.len(), one.stored_key.len(), one.server_key.len(), one.iterations),
                (real.salt.len(), real.stored_key.len(), real.server_key.len(), real.iterations)
            );
        }
    }
}
