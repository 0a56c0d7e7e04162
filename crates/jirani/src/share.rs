//! An account on a second laptop (docs/formats/share.md): what goes there in a file, sealed with 22 words. The domain's root
//! key stays where it is; the person's key goes along, because it certifies the new device.

use anyhow::{Context as _, Result, bail};
use base::ledger::{Credential, ScramHash};
use base::limits::SHARE_FILE_BYTES_MAX;
use base64::prelude::*;
use mesh::identity::Statement;
use mesh::{Genesis, phrase};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::people::Guest;

/// The first line. It is authenticated with what follows, and so is the format's version.
const HEADER: &str = "jirani account, format 1";

/// What stands between it and what is sealed: for whoever finds the file and wonders.
const WORDS: &str = "
With its 22 words, whoever has this file can be the person: read what is written to them, and write in their name.
Keep it as you keep a key, and delete it when it has done its duty. On the other laptop:

    jirani account take FILE

";

/// Characters in a line of what is sealed.
const LINE_CHARS: usize = 76;

/// An account, as it goes to another laptop.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// The domain's genesis record.
    genesis: Base64,
    /// The statement that gives the name to the person.
    membership: Base64,
    /// Makes the person's key.
    person: Base64,
    /// What logs in.
    credentials: Vec<Scram>,
}

/// Bytes, as text.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Base64(String);

/// RFC 5802 section 3.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scram {
    hash: String,
    salt: Base64,
    iterations: u32,
    stored_key: Base64,
    server_key: Base64,
}

/// What a share says, once it is read.
pub(crate) struct Shared {
    pub(crate) guest: Guest,
    pub(crate) person: [u8; 32],
    pub(crate) credentials: Vec<Credential>,
}

impl std::fmt::Debug for Base64 {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} characters", self.0.len())
    }
}

impl Base64 {
    fn of(bytes: &[u8]) -> Base64 {
        Base64(BASE64_STANDARD.encode(bytes))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        BASE64_STANDARD.decode(&self.0).context("its base64 is damaged")
    }
}

impl Share {
    /// What goes to the other laptop.
    pub(crate) fn new(genesis: &Genesis, membership: &Statement, person: &[u8; 32], kept: &[Credential]) -> Share {
        let credentials = kept.iter().map(|credential| Scram {
            hash: name(credential.hash).to_owned(),
            salt: Base64::of(&credential.salt),
            iterations: credential.iterations,
            stored_key: Base64::of(&credential.stored_key),
            server_key: Base64::of(&credential.server_key),
        });
        Share {
            genesis: Base64::of(&genesis.encode()),
            membership: Base64::of(membership.bytes()),
            person: Base64::of(person),
            credentials: credentials.collect(),
        }
    }

    /// The file, and the words that open it.
    ///
    /// # Errors
    /// If it were too long.
    pub(crate) fn seal(&self) -> Result<(String, Zeroizing<String>)> {
        let secret = Zeroizing::new(net::random::<32>());
        let mut bytes = Zeroizing::new(serde_json::to_vec(self)?);
        let sealed = key(&secret)
            .seal_in_place_append_tag(nonce(), Aad::from(HEADER), &mut *bytes)
            .map(|()| BASE64_STANDARD.encode(&*bytes));
        let sealed = sealed.ok().context("the account could not be sealed")?;
        let mut file = [HEADER, "\n", WORDS].concat();
        for line in sealed.as_bytes().chunks(LINE_CHARS) {
            file.push_str(std::str::from_utf8(line)?);
            file.push('\n');
        }
        if file.len() > SHARE_FILE_BYTES_MAX {
            bail!("the account does not fit into a file of {SHARE_FILE_BYTES_MAX} bytes");
        }
        Ok((file, phrase::write(&secret)))
    }

    /// Opens a file with its words.
    ///
    /// # Errors
    /// If it is none, or the words are not its own.
    pub(crate) fn open(file: &str, words: &str) -> Result<Share> {
        if file.len() > SHARE_FILE_BYTES_MAX {
            bail!("the file has {} bytes, and no shared account has more than {SHARE_FILE_BYTES_MAX}", file.len());
        }
        // A system on the way may have changed the ends of lines.
        let file = file.replace("\r\n", "\n");
        let body = file.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix("\n")?.strip_prefix(WORDS));
        let body = body.context("that is no file of `jirani account share`, or of another version")?;
        let secret = phrase::read(words).context("the words cannot be right")?;
        let text: String = body.split_ascii_whitespace().collect();
        let mut bytes = Zeroizing::new(BASE64_STANDARD.decode(text).context("the file is damaged")?);
        let opened = key(&secret).open_in_place(nonce(), Aad::from(HEADER), &mut bytes);
        let opened = opened.ok().context("the words are not those of this file, or the file is damaged")?;
        serde_json::from_slice(opened).context("the file was made by another version")
    }

    /// What it says.
    ///
    /// # Errors
    /// What of it is no such thing.
    pub(crate) fn read(&self) -> Result<Shared> {
        let genesis = Genesis::decode(&self.genesis.bytes()?).context("its domain is none")?;
        let membership = Statement::read(&self.membership.bytes()?).context("its membership is none")?;
        let person = self.person.bytes()?.try_into().ok().context("its key is none")?;
        let credentials = self.credentials.iter().map(Scram::read).collect::<Result<Vec<_>>>()?;
        if credentials.is_empty() {
            bail!("nothing in it can log in");
        }
        Ok(Shared { guest: Guest { genesis, membership }, person, credentials })
    }
}

impl Scram {
    fn read(&self) -> Result<Credential> {
        let hashes = [(ScramHash::Sha1, 20), (ScramHash::Sha256, 32)];
        let known = hashes.into_iter().find(|(hash, _)| name(*hash) == self.hash);
        let (hash, key_bytes) = known.with_context(|| format!("its hash {} is not known", self.hash.escape_debug()))?;
        let (salt, stored_key, server_key) = (self.salt.bytes()?, self.stored_key.bytes()?, self.server_key.bytes()?);
        if stored_key.len() != key_bytes || server_key.len() != key_bytes || salt.is_empty() || self.iterations == 0 {
            bail!("its password record is none");
        }
        Ok(Credential { hash, salt, iterations: self.iterations, stored_key, server_key })
    }
}

fn name(hash: ScramHash) -> &'static str {
    match hash {
        ScramHash::Sha1 => "sha-1",
        ScramHash::Sha256 => "sha-256",
    }
}

/// The words have 256 random bits, so nothing has to make guessing slow: HKDF (RFC 5869) only gives the key one purpose.
fn key(secret: &[u8; 32]) -> LessSafeKey {
    let salted = Salt::new(HKDF_SHA256, HEADER.as_bytes()).extract(secret);
    let key = salted.expand(&[b"seal"], &CHACHA20_POLY1305).expect("a key is shorter than HKDF's limit");
    LessSafeKey::new(UnboundKey::from(key))
}

/// A key seals one file only.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(salt: usize) -> Share {
        let bytes = |count: usize| Base64::of(&vec![7; count]);
        let scram = |hash: &str, key: usize| Scram {
            hash: hash.to_owned(),
            salt: bytes(salt),
            iterations: 4096,
            stored_key: bytes(key),
            server_key: bytes(key),
        };
        Share {
            genesis: bytes(200),
            membership: bytes(300),
            person: bytes(32),
            credentials: vec![scram("sha-256", 32), scram("sha-1", 20)],
        }
    }

    #[test]
    fn only_its_words_open_a_file() {
        let (file, words) = share(16).seal().unwrap();
        let (other, other_words) = share(16).seal().unwrap();
        assert_ne!(file, other, "each file has words of its own");
        assert_eq!(Share::open(&file, &words).unwrap(), share(16));
        assert_eq!(Share::open(&file.replace('\n', "\r\n"), &words.to_uppercase()).unwrap(), share(16));
        let at = file.len() - 10;
        let letter = if file.as_bytes()[at] == b'A' { "B" } else { "A" };
        let damaged = [&file[..at], letter, &file[at + 1..]].concat();
        for (file, words, expect) in [
            (&*file, other_words.as_str(), "the words are not those of this file"),
            (&*file, &words[..words.rfind(' ').unwrap()], "21 words instead of 22"),
            (&*damaged, words.as_str(), "the words are not those of this file"),
            (&*file.replacen("format 1", "format 2", 1), words.as_str(), "of another version"),
            ("", words.as_str(), "that is no file"),
        ] {
            let error = format!("{:#}", Share::open(file, words).unwrap_err());
            assert!(error.contains(expect), "{error}");
        }
        assert!(!file.contains(&words[..20]) && file.contains("can be the person"));
    }

    #[test]
    fn a_file_has_a_size_that_a_request_takes() {
        let (file, words) = share(16).seal().unwrap();
        assert!(file.len() <= SHARE_FILE_BYTES_MAX / 2, "{}", file.len());
        assert!(share(10 * SHARE_FILE_BYTES_MAX).seal().is_err());
        let most = SHARE_FILE_BYTES_MAX;
        for (bytes, fits) in [(most - 1, true), (most, true), (most + 1, false), (10 * most, false)] {
            let padded = format!("{file}{}", "\n".repeat(bytes - file.len()));
            assert_eq!(Share::open(&padded, &words).is_ok(), fits, "{bytes}");
        }
    }

    #[test]
    fn what_is_no_account_is_refused() {
        let scram = |change: fn(&mut Scram)| {
            let mut scram = share(16).credentials.remove(0);
            change(&mut scram);
            scram.read().is_ok()
        };
        assert!(scram(|_| {}));
        assert!(!scram(|s| s.hash = "md5".into()));
        assert!(!scram(|s| s.iterations = 0));
        assert!(!scram(|s| s.salt = Base64::of(&[])));
        assert!(!scram(|s| s.stored_key = Base64::of(&[7; 20])));
        assert!(!scram(|s| s.server_key = Base64("?".into())));
        assert!(share(16).read().is_err(), "its domain is none");
    }
}
