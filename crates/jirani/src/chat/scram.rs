//! RFC 5802 and RFC 7677: SCRAM-SHA-256 as a client, so that another program on the daemon's port learns no password.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};

/// More rounds than anybody configures; a false server must not keep us busy for ever.
const ITERATIONS_MAX: u32 = 10_000_000;

/// A login that is under way.
pub(crate) struct Scram {
    bare: String,
    nonce: String,
    password: String,
    /// What proves the server, once we have proved ourselves.
    server: Option<hmac::Tag>,
}

impl Scram {
    /// `nonce` is printable and new for each login.
    pub(crate) fn new(user: &str, password: &str, nonce: &str) -> Scram {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        // What SASLprep refuses, no account has as its password: the daemon will say so.
        let password = stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |p| p.into_owned());
        Scram { bare: format!("n={user},r={nonce}"), nonce: nonce.to_owned(), password, server: None }
    }

    /// The first message.
    pub(crate) fn first(&self) -> String {
        BASE64.encode(format!("n,,{}", self.bare))
    }

    /// The answer to the server's challenge; `None` if that is none.
    pub(crate) fn answer(&mut self, challenge: &str) -> Option<String> {
        let first = String::from_utf8(BASE64.decode(challenge).ok()?).ok()?;
        let mut parts = first.split(',');
        let mut part = |name| parts.next()?.strip_prefix(name);
        let (nonce, salt, rounds) = (part("r=")?, BASE64.decode(part("s=")?).ok()?, part("i=")?);
        let rounds: NonZeroU32 = rounds.parse().ok().filter(|rounds: &NonZeroU32| rounds.get() <= ITERATIONS_MAX)?;
        if !nonce.starts_with(&self.nonce) {
            return None;
        }
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, self.password.as_bytes(), &mut salted);
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{first},{without_proof}", self.bare);
        let client = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, client.as_ref());
        let signature = sign(stored.as_ref(), message.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.server = Some(sign(sign(&salted, b"Server Key").as_ref(), message.as_bytes()));
        Some(BASE64.encode(format!("{without_proof},p={}", BASE64.encode(proof))))
    }

    /// Whether the server has proved with its last message that it knows the password too.
    pub(crate) fn is_proved_by(&self, last: &str) -> bool {
        let Some(expect) = &self.server else { return false };
        let last = BASE64.decode(last).unwrap_or_default();
        last.strip_prefix(b"v=").and_then(|v| BASE64.decode(v).ok()).is_some_and(|v| v == expect.as_ref())
    }
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// RFC 7677 section 3: the nonce, the server's first message, our answer, the server's last message.
    pub(crate) const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    pub(crate) const CHALLENGE: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const ANSWER: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                          p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    pub(crate) const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    #[test]
    fn the_example_of_rfc_7677() {
        let mut scram = Scram::new("user", "pencil", NONCE);
        assert_eq!(scram.first(), BASE64.encode(format!("n,,n=user,r={NONCE}")));
        assert!(!scram.is_proved_by(&BASE64.encode(LAST)), "nothing is proved before we have proved ourselves");
        assert_eq!(scram.answer(&BASE64.encode(CHALLENGE)).unwrap(), BASE64.encode(ANSWER));
        assert!(scram.is_proved_by(&BASE64.encode(LAST)));
        for wrong in ["", "v=", "e=other-error", &LAST.replace('6', "7")] {
            assert!(!scram.is_proved_by(&BASE64.encode(wrong)), "{wrong}");
        }
    }

    #[test]
    fn a_challenge_that_is_none_is_not_answered() {
        for wrong in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=10000001",
            "r=rOprNGfwEbeRWgbNEkqOx,i=4096",
            "m=new,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        ] {
            assert_eq!(Scram::new("user", "pencil", NONCE).answer(&BASE64.encode(wrong)), None, "{wrong}");
        }
        assert_eq!(Scram::new("user", "pencil", NONCE).answer("no base64!"), None);
    }

    #[test]
    fn a_name_is_escaped() {
        assert!(Scram::new("a=b,c", "x", "n").bare.starts_with("n=a=3Db=2Cc,"));
    }
}
