//! The authority: what it may sign, what is in its files, and what a verifier says of it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::*;
use crate::testing::{NOW, Place, unix, verifier};

const DAY: i64 = 86_400_000;

/// Whether a client that trusts the authority accepts a certificate for a name.
fn accepts(authority: &Authority, certificate: &CertificateDer<'_>, name: &str, at: Wall) -> Result<(), rustls::Error> {
    let name = ServerName::try_from(name).unwrap();
    let verifier = verifier(authority.certificate());
    verifier.verify_server_cert(certificate, &[], &name, &[], unix(at)).map(|_| ())
}

#[test]
fn a_leaf_is_good_for_the_names_of_this_computer() {
    let place = Place::new();
    let authority = Authority::open(place.path()).unwrap();
    let domains = ["otter-lamp.jirani.alt", "school.example", "[::1]", "Localhost", "bücher.jirani.alt"];
    let leaf = authority.leaf(&domains, NOW).unwrap();
    let leaf = leaf.end_entity_cert().unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "otter-lamp.jirani.alt"] {
        assert_eq!(accepts(&authority, leaf, name, NOW), Ok(()), "{name}");
    }
    for name in ["school.example", "jirani.alt", "x.otter-lamp.jirani.alt", "127.0.0.2", "192.0.2.1"] {
        assert!(accepts(&authority, leaf, name, NOW).is_err(), "{name}");
    }
}

#[test]
fn who_steals_the_authoritys_key_gains_no_other_site() {
    let place = Place::new();
    let authority = Authority::open(place.path()).unwrap();
    for (name, good) in [
        ("localhost", true),
        ("x.localhost", true),
        ("jirani.alt", true),
        ("a.b.jirani.alt", true),
        ("127.255.255.254", true),
        ("::1", true),
        ("example.com", false),
        ("notjirani.alt", false),
        ("jirani.alt.example", false),
        ("alt", false),
        ("128.0.0.1", false),
        ("10.0.0.1", false),
        ("::2", false),
        ("::ffff:127.0.0.1", false),
    ] {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let san = match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        };
        let stolen = leaf_params(&[san], Duration::from_secs(NOW.0 as u64 / 1000)).unwrap();
        let stolen = stolen.signed_by(&key, &authority.issuer).unwrap();
        let outcome = accepts(&authority, stolen.der(), name, NOW);
        let refused = format!("{outcome:?}").contains("NameConstraintViolation");
        assert_eq!((outcome.is_ok(), refused), (good, !good), "{name}: {outcome:?}");
        assert_openssl_says(&place, &authority, &[stolen.pem()], good, name);
    }
}

#[test]
fn nobody_signs_in_its_name() {
    let place = Place::new();
    let authority = Authority::open(place.path()).unwrap();
    let make_key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = leaf_params(&names(&[]), Duration::from_secs(NOW.0 as u64 / 1000)).unwrap();
    // A leaf that signs is refused by everyone; a second authority below the first, by who minds path lengths at the
    // top of a chain. webpki does not, but there the constraint on names holds all the same.
    for (between, webpki) in [(params.clone(), true), (authority_params(&make_key()), false)] {
        let between_key = make_key();
        let signed = between.signed_by(&between_key, &authority.issuer).unwrap();
        let leaf = params.signed_by(&make_key(), &Issuer::new(between, between_key)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let verifier = verifier(authority.certificate());
        let outcome = verifier.verify_server_cert(leaf.der(), &[signed.der().clone()], &name, &[], unix(NOW));
        assert_eq!(outcome.is_err(), webpki, "{outcome:?}");
        assert_openssl_says(&place, &authority, &[leaf.pem(), signed.pem()], false, "below another");
    }
}

/// OpenSSL is asked too, where it is installed: it reads the constraints with other code.
#[track_caller]
fn assert_openssl_says(place: &Place, authority: &Authority, chain: &[String], good: bool, name: &str) {
    let root = place.write("root.pem", authority.certificate_pem());
    let leaf = place.write("checked.pem", &chain[0]);
    let between = place.write("between.pem", &chain.concat());
    let at = (NOW.0 / 1000).to_string();
    let verify = Command::new("openssl")
        .args(["verify", "-x509_strict", "-purpose", "sslserver", "-attime", &at])
        .arg("-CAfile")
        .arg(&root)
        .arg("-untrusted")
        .arg(&between)
        .arg(&leaf)
        .output();
    if let Ok(verify) = verify {
        assert_eq!(verify.status.success(), good, "{name}: {}", String::from_utf8_lossy(&verify.stderr));
    }
}

#[test]
fn an_authority_is_made_once() {
    let place = Place::new();
    let directory = place.path().join("deep/tls");
    let first = Authority::open(&directory).unwrap();
    let path = directory.join("authority.pem");
    let text = fs::read_to_string(&path).unwrap();
    let second = Authority::open(&directory).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!((first.certificate_pem(), first.name()), (second.certificate_pem(), second.name()));
    assert!(first.name().starts_with("Jirani on this computer ("), "{}", first.name());
    assert!(!first.certificate_pem().contains("PRIVATE"));
    assert!(text.contains("PRIVATE"));
    // What one has signed, the other has.
    let leaf = second.leaf(&[], NOW).unwrap();
    assert_eq!(accepts(&first, leaf.end_entity_cert().unwrap(), "localhost", NOW), Ok(()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&path), mode(&directory.join("leaf.pem"))), (0o700, 0o600, 0o600));
    // Two that begin at once end up with one.
    save(&path, "other", Existing::Keep).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
}

#[test]
fn a_damaged_authority_is_reported_and_left_alone() {
    let place = Place::new();
    Authority::open(place.path()).unwrap();
    let path = place.path().join("authority.pem");
    let good = fs::read_to_string(&path).unwrap();
    let other = Place::new();
    Authority::open(other.path()).unwrap();
    let foreign = fs::read_to_string(other.path().join("authority.pem")).unwrap();
    let end = good.find("-----BEGIN PRIVATE").unwrap();
    let mixed = good[..end].to_string() + &foreign[foreign.find("-----BEGIN PRIVATE").unwrap()..];
    for bad in ["", "x", &good[..end], &good[end..], &good[..end + 60], &mixed] {
        fs::write(&path, bad).unwrap();
        let error = Authority::open(place.path()).err().unwrap();
        assert!(matches!(error, CaError::Damaged { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
}

#[test]
fn a_leaf_is_kept_while_it_is_good() {
    let place = Place::new();
    let authority = Authority::open(place.path()).unwrap();
    let leaf = |domains: &[&str], at: Wall| authority.leaf(domains, at).unwrap().cert[0].clone();
    let first = leaf(&["a.jirani.alt"], NOW);
    for (domains, at, same) in [
        (&["a.jirani.alt"][..], NOW, true),
        // Names that are not needed any more do no harm.
        (&[], NOW, true),
        (&["a.jirani.alt", "school.example"], NOW, true),
        // The clock's battery is dead: it is 1970, or it was when the laptop woke.
        (&["a.jirani.alt"], Wall(0), true),
        (&["a.jirani.alt"], Wall(-DAY), true),
        (&["a.jirani.alt"], Wall(NOW.0 + 59 * DAY), true),
    ] {
        assert_eq!(leaf(domains, at) == first, same, "{domains:?} {at}");
    }
    let with_b = leaf(&["a.jirani.alt", "b.jirani.alt"], NOW);
    assert_ne!(with_b, first);
    let late = Wall(NOW.0 + 61 * DAY);
    let renewed = leaf(&["a.jirani.alt", "b.jirani.alt"], late);
    assert_ne!(renewed, with_b);
    assert_eq!(accepts(&authority, &renewed, "b.jirani.alt", Wall(late.0 + 89 * DAY)), Ok(()));
    assert!(accepts(&authority, &renewed, "b.jirani.alt", Wall(late.0 + 91 * DAY)).is_err());
    // A damaged file, or one of another authority, is nothing.
    fs::write(place.path().join("leaf.pem"), "x").unwrap();
    let again = leaf(&["a.jirani.alt"], NOW);
    assert_eq!(accepts(&authority, &again, "a.jirani.alt", NOW), Ok(()));
    let other = Place::new();
    let foreign = Authority::open(other.path()).unwrap();
    foreign.leaf(&[], NOW).unwrap();
    fs::copy(other.path().join("leaf.pem"), place.path().join("leaf.pem")).unwrap();
    assert_eq!(accepts(&authority, &leaf(&[], NOW), "localhost", NOW), Ok(()));
}

#[test]
fn a_clock_far_off_makes_no_panic() {
    let place = Place::new();
    let authority = Authority::open(place.path()).unwrap();
    for at in [i64::MIN, -1, 0, 2_524_607_000_000, 253_402_300_799_000, i64::MAX] {
        let _ = authority.leaf(&[], Wall(at));
    }
    assert!(authority.leaf(&[], NOW).is_ok());
}

#[test]
fn for_whom_it_may_speak() {
    for (domain, expect) in [
        ("localhost", true),
        ("a.localhost", true),
        ("jirani.alt", true),
        ("otter.jirani.alt", true),
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("[::1]", true),
        ("xjirani.alt", false),
        ("jirani.alt.example", false),
        ("example.com", false),
        ("[::2]", false),
        ("128.0.0.1", false),
        ("", false),
    ] {
        assert_eq!(covers(domain), expect, "{domain}");
    }
}
