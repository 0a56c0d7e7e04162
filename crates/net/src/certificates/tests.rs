//! Certificates from files: the right one for a name, and what is wrong with bad files.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;
use crate::ca::Authority;
use crate::testing::{NOW, Place};

/// A certificate for some names, and its key.
fn issued(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    (CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// What [`load`] says of two files.
#[track_caller]
fn check(domain: &str, chain: &str, key: &str, expect: Option<&str>) {
    let place = Place::new();
    let chain = place.write("fullchain.pem", chain);
    let key = place.write("key.pem", key);
    let said = load(&CertificateFiles { domain: domain.into(), chain, key }).err().map(|error| error.to_string());
    let said = said.map(|said| said.replace(&*place.path().to_string_lossy(), "DIR"));
    assert_eq!(said.as_deref(), expect);
}

#[test]
fn what_is_wrong_where_and_what_to_do() {
    let (chain, key) = issued(&["school.example", "*.wild.example", "xn--bcher-kva.example"]);
    let (other_chain, other_key) = issued(&["other.example"]);
    for domain in ["school.example", "a.wild.example", "bücher.example"] {
        check(domain, &chain, &key, None);
        check(domain, &(chain.clone() + &other_chain), &key, None);
        check(domain, &("Issued to a school\n".to_string() + &chain), &(chain.clone() + &key), None);
    }
    for domain in ["example", "a.b.wild.example", "wild.example", "school.example.org", ""] {
        let said = format!(
            "the first certificate in DIR/fullchain.pem is not for {domain}. Have one issued that names it (subjectAltName)"
        );
        check(domain, &chain, &key, Some(&said));
    }
    let no_pair = "the key in DIR/key.pem does not belong to the first certificate in DIR/fullchain.pem. \
                   The domain's own must come first";
    check("school.example", &chain, &other_key, Some(no_pair));
    check("school.example", &(other_chain + &chain), &key, Some(no_pair));
    let no_certificate =
        "DIR/fullchain.pem has no certificate. It needs the whole chain (often called fullchain.pem), in PEM";
    check("school.example", "", &key, Some(no_certificate));
    check("school.example", &key, &key, Some(no_certificate));
    let no_key = "DIR/key.pem has no private key that can be used. It needs one in PEM, without a passphrase";
    check("school.example", &chain, &chain, Some(no_key));
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check("school.example", &chain, locked, Some(no_key));
}

#[test]
fn damaged_files_are_named() {
    let (chain, key) = issued(&["school.example"]);
    let place = Place::new();
    let good = (place.write("chain", &chain), place.write("key", &key));
    let half = (place.write("half-chain", &chain[..200]), place.write("half-key", &key[..100]));
    let not_der = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let bad_key = place.write("bad-key", not_der);
    let missing = place.path().join("missing");
    let damaged = |path: &Path| format!("{} is not PEM", path.display());
    for (chain, key, expect) in [
        (&half.0, &good.1, damaged(&half.0)),
        (&good.0, &half.1, damaged(&half.1)),
        (&missing, &good.1, format!("cannot read {}", missing.display())),
        (&good.0, &missing, format!("cannot read {}", missing.display())),
        (&good.0, &bad_key, format!("the key in {} cannot be used", bad_key.display())),
    ] {
        let files = CertificateFiles { domain: "school.example".into(), chain: chain.clone(), key: key.clone() };
        let said = load(&files).err().unwrap().to_string();
        assert!(said.starts_with(&expect), "{said}");
    }
}

#[test]
fn a_client_is_shown_what_it_asks_for() {
    let place = Place::new();
    let own = Authority::open(place.path()).unwrap().leaf(&[], NOW).unwrap();
    let certificates = Certificates::new(own.clone());
    let mut files = Vec::new();
    for domain in ["school.example", "bücher.example"] {
        let (chain, key) = issued(&[&ascii(domain)]);
        let (chain, key) = (place.write(&format!("{domain}.pem"), &chain), place.write(&format!("{domain}.key"), &key));
        files.push(CertificateFiles { domain: domain.into(), chain, key });
    }
    certificates.reload(&files).unwrap();
    let shown = |name: Option<&str>| certificates.choose(name).cert[0].clone();
    let of = |files: &CertificateFiles| load(files).unwrap().cert[0].clone();
    for (name, expect) in [
        (Some("school.example"), of(&files[0])),
        (Some("School.Example"), of(&files[0])),
        (Some("xn--bcher-kva.example"), of(&files[1])),
        (Some("localhost"), own.cert[0].clone()),
        (Some("other.example"), own.cert[0].clone()),
        (None, own.cert[0].clone()),
    ] {
        assert_eq!(shown(name), expect, "{name:?}");
    }

    // A bad file changes nothing, also of the good ones before it.
    let old = [of(&files[0]), of(&files[1])];
    let (chain, key) = issued(&["school.example"]);
    std::fs::write(&files[0].chain, chain).unwrap();
    std::fs::write(&files[0].key, key).unwrap();
    std::fs::write(&files[1].chain, "x").unwrap();
    assert!(matches!(certificates.reload(&files), Err(CertificateError::NoCertificate { .. })));
    assert_eq!([shown(Some("school.example")), shown(Some("xn--bcher-kva.example"))], old);
    // The good one alone, and a new one of our own.
    certificates.reload(&files[..1]).unwrap();
    let other = Place::new();
    let new = Authority::open(other.path()).unwrap().leaf(&[], NOW).unwrap();
    certificates.set_own(new.clone());
    assert_eq!(shown(Some("school.example")), of(&files[0]));
    assert_eq!(shown(Some("xn--bcher-kva.example")), new.cert[0]);
}

#[test]
fn an_ed25519_key_will_do() {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let chain = CertificateParams::new(vec!["a.example".to_string()]).unwrap().self_signed(&key).unwrap().pem();
    check("a.example", &chain, &key.serialize_pem(), None);
}
