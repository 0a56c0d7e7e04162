//! RFC 5802 section 7 and RFC 4616 section 2: the messages of a client, read strictly before anything else sees them.

use std::borrow::Cow;

use super::SaslFailure::{self, MalformedRequest};

/// What a client's first message says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// Who it wants to prove to be, unescaped, not normalised.
    pub(super) username: Cow<'a, str>,
    /// Whom it wants to act for; empty: itself.
    pub(super) authzid: Cow<'a, str>,
    /// What it says of channel binding.
    pub(super) binding: Binding<'a>,
}

/// RFC 5802 `gs2-cbind-flag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding<'a> {
    /// `n`: the client cannot.
    Unsupported,
    /// `y`: the client could, and believes that we cannot.
    NotOffered,
    /// `p=`: used, of this type.
    Used(&'a str),
}

/// RFC 5802 `client-first-message`. Extensions are refused: rsasl leaves them out of what is signed.
pub(super) fn client_first(input: &[u8]) -> Result<First<'_>, SaslFailure> {
    let text = std::str::from_utf8(input).map_err(|_| MalformedRequest)?;
    let mut parts = text.split(',');
    let mut next = || parts.next().ok_or(MalformedRequest);
    let binding = match next()? {
        "n" => Binding::Unsupported,
        "y" => Binding::NotOffered,
        used => match used.strip_prefix("p=") {
            Some(name) if !name.is_empty() && name.bytes().all(is_binding_name) => Binding::Used(name),
            _ => return Err(MalformedRequest),
        },
    };
    let authzid = match next()? {
        "" => Cow::Borrowed(""),
        authzid => name(authzid.strip_prefix("a=").ok_or(MalformedRequest)?)?,
    };
    let username = name(next()?.strip_prefix("n=").ok_or(MalformedRequest)?)?;
    let nonce = next()?.strip_prefix("r=").ok_or(MalformedRequest)?;
    if nonce.is_empty() || !nonce.bytes().all(|b| b.is_ascii_graphic()) || parts.next().is_some() {
        return Err(MalformedRequest);
    }
    Ok(First { username, authzid, binding })
}

/// RFC 5802 `client-final-message`, as far as its form goes.
pub(super) fn client_final(input: &[u8]) -> Result<(), SaslFailure> {
    let text = std::str::from_utf8(input).map_err(|_| MalformedRequest)?;
    let mut parts = text.split(',');
    for name in ["c=", "r=", "p="] {
        let value = parts.next().and_then(|part| part.strip_prefix(name)).ok_or(MalformedRequest)?;
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(MalformedRequest);
        }
    }
    if parts.next().is_none() { Ok(()) } else { Err(MalformedRequest) }
}

/// RFC 4616 `message`: `authzid NUL authcid NUL passwd`. Gives who, and the password.
pub(super) fn plain(input: &[u8]) -> Result<(First<'_>, &str), SaslFailure> {
    let text = std::str::from_utf8(input).map_err(|_| MalformedRequest)?;
    let mut parts = text.split('\0');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(authzid), Some(username), Some(password), None) if !username.is_empty() && !password.is_empty() => {
            let binding = Binding::Unsupported;
            Ok((First { username: username.into(), authzid: authzid.into(), binding }, password))
        }
        _ => Err(MalformedRequest),
    }
}

/// RFC 5802 `saslname`: `=2C` is a comma, `=3D` an equals sign, and no other `=` may stand in it.
fn name(text: &str) -> Result<Cow<'_, str>, SaslFailure> {
    if text.is_empty() || text.contains('\0') {
        return Err(MalformedRequest);
    }
    let mut parts = text.split('=');
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::from(first);
    for part in parts {
        let (letter, rest) = if let Some(rest) = part.strip_prefix("2C") {
            (',', rest)
        } else {
            ('=', part.strip_prefix("3D").ok_or(MalformedRequest)?)
        };
        plain.push(letter);
        plain.push_str(rest);
    }
    Ok(Cow::Owned(plain))
}

/// RFC 5802 `cb-name`.
fn is_binding_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_first(input: &str, expect: Option<(&str, &str, Binding<'_>)>) {
        let expect = expect.map(|(username, authzid, binding)| First {
            username: username.into(),
            authzid: authzid.into(),
            binding,
        });
        assert_eq!(client_first(input.as_bytes()), expect.ok_or(MalformedRequest), "{input:?}");
    }

    #[test]
    fn first_messages() {
        use Binding::*;
        check_first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", Some(("user", "", Unsupported)));
        check_first("y,,n=user,r=x", Some(("user", "", NotOffered)));
        check_first("p=tls-exporter,,n=user,r=x", Some(("user", "", Used("tls-exporter"))));
        check_first("n,a=a@b,n=a,r=x", Some(("a", "a@b", Unsupported)));
        check_first("n,a==3D=2C=3D,n=,,r=x", None);
        check_first("n,a==3D=2C=3D,n==2C=3D2C,r=x", Some((",=2C", "=,=", Unsupported)));
        check_first("n,,n=é,r=x", Some(("é", "", Unsupported)));
        for bad in [
            "",
            ",",
            ",,",
            "n",
            "n,",
            "n,,",
            "n,,n",
            "n,,n=",
            "n,,n=a",
            "n,,n=a,",
            "n,,n=a,r",
            "n,,n=a,r=",
            "n,,,",
            "x,,n=a,r=x",
            "p,,n=a,r=x",
            "p=,,n=a,r=x",
            "p=a_b,,n=a,r=x",
            "n,a,n=a,r=x",
            "n,a=,n=a,r=x",
            "n,x,n=a,r=x",
            "n,b=x,n=a,r=x",
            "n,,m=e,n=a,r=x",
            "n,,n=a=,r=x",
            "n,,n=a=2,r=x",
            "n,,n=a=2c,r=x",
            "n,,n=a=é,r=x",
            "n,,n=a\0,r=x",
            "n,,n=a,r=a b",
            "n,,n=a,r=é",
            "n,,n=a,r=x,",
            "n,,n=a,r=x,e=1",
            "nn,,n=a,r=x",
        ] {
            check_first(bad, None);
        }
        assert_eq!(client_first(b"n,,n=\xff,r=x"), Err(MalformedRequest));
    }

    #[test]
    fn final_messages() {
        assert_eq!(client_final(b"c=biws,r=x,p=v0X8"), Ok(()));
        for bad in [
            "",
            "c",
            "c=",
            "c=x",
            "c=x,",
            "c=x,r",
            "c=x,r=",
            "c=x,r=x",
            "c=x,r=x,",
            "c=x,r=x,p",
            "c=x,r=x,p=",
            ",,",
            "c=x,r=x,p=x,",
            "c=x,r=x,e=1,p=x",
            "r=x,c=x,p=x",
            "c=x,r=a b,p=x",
            "c=é,r=x,p=x",
        ] {
            assert_eq!(client_final(bad.as_bytes()), Err(MalformedRequest), "{bad:?}");
        }
    }

    #[test]
    fn plain_messages() {
        let (first, password) = plain("x@y\0user\0pass,=word".as_bytes()).unwrap();
        assert_eq!((first.authzid.as_ref(), first.username.as_ref(), password), ("x@y", "user", "pass,=word"));
        for bad in ["", "\0", "\0\0", "\0a\0", "\0\0b", "a", "a\0b", "\0a\0b\0", "\0a\0b\0c"] {
            assert_eq!(plain(bad.as_bytes()), Err(MalformedRequest), "{bad:?}");
        }
        assert_eq!(plain(b"\0a\0\xff"), Err(MalformedRequest));
    }
}
