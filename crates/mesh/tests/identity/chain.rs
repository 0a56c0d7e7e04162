//! Chains: who may say what (attack cases B12, B25, B26).

use std::time::Duration;

use base::limits::CLOCK_TOLERANCE;
use base::{DeviceId, Wall};
use mesh::identity::{
    Chain, ChainError, Hosting, Issuer, IssuerKey, Kind, Proven, Sealing, SealingKey, Stamp, Statement, Untimely,
};

use crate::world::{DAY, Home, IN_2099, NOW, days, device, hosting, person, sign, sign_as};

fn issuer() -> IssuerKey {
    IssuerKey::from_seed(&[5; 32])
}

fn entrusted(home: &Home) -> Statement {
    sign(&home.root, Issuer { domain: home.genesis.hash(), key: issuer().public() }, NOW)
}

#[test]
fn a_chain_proves_an_address_and_a_device() {
    let (home, maria, laptop) = (Home::nakuru(), person(10), device(20));
    let expect = Proven {
        address: home.address("maria"),
        genesis: home.genesis.hash(),
        person: maria.public(),
        device: DeviceId(*laptop.public().as_bytes()),
    };
    let short = home.chain("maria", &maria, &laptop, NOW);
    let member = sign(&issuer(), home.member("maria", &maria), NOW);
    let long = home.join(vec![entrusted(&home), member, hosting(&maria, &laptop, NOW)]);
    for (chain, links) in [(short, 2), (long, 3)] {
        assert_eq!(chain.check(NOW), Ok(&expect));
        assert_eq!((chain.links().len(), chain.membership().fact().kind()), (links, Kind::MEMBERSHIP));
    }
    assert_eq!(expect.address.as_str(), "maria@nakuru-nomad-ruling-engine-skyline-romance.jirani.alt");
}

#[track_caller]
fn check(home: &Home, statements: Vec<Statement>, expect: ChainError) {
    assert_eq!(Chain::new(home.genesis.clone(), statements).map(drop), Err(expect));
}

/// B12: whoever signs a link must be the one whom the link before it names.
#[test]
fn b12_each_link_is_signed_by_the_one_before() {
    let (home, other, maria, eve, laptop) = (Home::new(), Home::nakuru(), person(10), person(66), device(20));
    let member = || sign(&home.root, home.member("maria", &maria), NOW);
    use ChainError::{Domain, Missing, Signer, Stray};
    // Eve has a domain of her own, and says things about ours.
    check(
        &home,
        vec![sign(&other.root, home.member("maria", &eve), NOW), hosting(&eve, &laptop, NOW)],
        Signer(Kind::MEMBERSHIP),
    );
    let eves = sign(&other.root, Issuer { domain: home.genesis.hash(), key: issuer().public() }, NOW);
    let by_eves = sign(&issuer(), home.member("maria", &eve), NOW);
    check(&home, vec![eves, by_eves.clone(), hosting(&eve, &laptop, NOW)], Signer(Kind::ISSUER));
    check(&home, vec![by_eves, hosting(&eve, &laptop, NOW)], Signer(Kind::MEMBERSHIP));
    check(&home, vec![member(), hosting(&eve, &laptop, NOW)], Signer(Kind::HOSTING));
    // Beside an issuer, the root key's own word is out of place: one way to an address.
    check(&home, vec![entrusted(&home), member(), hosting(&maria, &laptop, NOW)], Signer(Kind::MEMBERSHIP));
    // Another domain, of the same root key or not.
    let elsewhere = sign(&home.root, other.member("maria", &maria), NOW);
    check(&home, vec![elsewhere, hosting(&maria, &laptop, NOW)], Domain(Kind::MEMBERSHIP));
    let elsewhere = sign(&home.root, Issuer { domain: other.genesis.hash(), key: issuer().public() }, NOW);
    let by_issuer = sign(&issuer(), home.member("maria", &maria), NOW);
    check(&home, vec![elsewhere, by_issuer, hosting(&maria, &laptop, NOW)], Domain(Kind::ISSUER));
    // Order and completeness.
    check(&home, vec![], Missing(Kind::MEMBERSHIP));
    check(&home, vec![entrusted(&home)], Missing(Kind::MEMBERSHIP));
    check(&home, vec![hosting(&maria, &laptop, NOW), member()], Missing(Kind::MEMBERSHIP));
    check(&home, vec![member()], Missing(Kind::HOSTING));
    check(&home, vec![member(), member()], Missing(Kind::HOSTING));
    // What stands behind the chain.
    check(&home, vec![member(), hosting(&maria, &laptop, NOW), member()], Stray(Kind::MEMBERSHIP));
    check(&home, vec![member(), hosting(&maria, &laptop, NOW), entrusted(&home)], Stray(Kind::ISSUER));
    let strange = sign(&device(99), Sealing { key: SealingKey([1; 32]) }, NOW);
    check(&home, vec![member(), hosting(&maria, &laptop, NOW), strange], Stray(Kind::SEALING));
    let sealing = sign(&laptop, Sealing { key: SealingKey([1; 32]) }, NOW);
    let sibling = hosting(&maria, &device(21), NOW);
    assert_eq!(home.join(vec![member(), hosting(&maria, &laptop, NOW), sealing, sibling]).links().len(), 2);
}

#[test]
fn every_link_must_hold() {
    let (home, maria, laptop) = (Home::new(), person(10), device(20));
    let late = |seconds| Untimely::Late { seconds };
    let tolerance = CLOCK_TOLERANCE.as_secs();
    let short = Stamp::next(None, NOW, Some(Duration::from_secs(60)));
    let after = |seconds: u64| Wall(NOW.0 + seconds as i64 * 1000);
    let over = after(60 + tolerance + 1);
    for ending in 0..3 {
        let stamp = |at: usize| if at == ending { short } else { Stamp::next(None, NOW, None) };
        let issuing = Issuer { domain: home.genesis.hash(), key: issuer().public() };
        let statements = vec![
            Statement::sign(&home.root, issuing, stamp(0)).unwrap(),
            Statement::sign(&issuer(), home.member("maria", &maria), stamp(1)).unwrap(),
            Statement::sign(&maria, Hosting { device: laptop.public() }, stamp(2)).unwrap(),
        ];
        let kind = statements[ending].fact().kind();
        let chain = home.join(statements);
        assert!(chain.check(after(60 + tolerance)).is_ok());
        assert_eq!(chain.check(over).map(drop), Err((kind, late(tolerance + 1))));
    }
}

/// B11: a laptop whose clock has lost its battery accepts nobody, and can say why.
#[test]
fn b11_a_clock_of_1970_is_told_to_be_wrong() {
    let home = Home::new();
    let chain = home.chain("maria", &person(10), &device(20), NOW);
    let early = Untimely::Early { seconds: 1_795_168_380 };
    assert_eq!(chain.check(Wall(0)).map(drop), Err((Kind::MEMBERSHIP, early)));
    assert_eq!(chain.check(Wall(-DAY)).map(drop), Err((Kind::MEMBERSHIP, early)));
}

/// B26: what is dated 2099 does not hold before.
#[test]
fn b26_a_chain_of_2099_does_not_hold_today() {
    let home = Home::new();
    let chain = home.chain("maria", &person(10), &device(20), IN_2099);
    let seconds = (IN_2099.0 - NOW.0) as u64 / 1000;
    assert_eq!(chain.check(NOW).map(drop), Err((Kind::MEMBERSHIP, Untimely::Early { seconds })));
    assert!(chain.check(IN_2099).is_ok());
    // A sequence alone is enough.
    let ahead = sign_as(&person(10), Hosting { device: device(20).public() }, (days(3).0 / 1000) as u64);
    let chain = home.join(vec![sign(&home.root, home.member("maria", &person(10)), NOW), ahead]);
    assert!(matches!(chain.check(NOW), Err((Kind::HOSTING, Untimely::Early { .. }))));
}

/// B25: two devices of one person that sign at once are two scopes.
#[test]
fn b25_two_devices_sign_at_once() {
    let (laptop, phone) = (device(20), device(21));
    let sealing = |device| sign(device, Sealing { key: SealingKey([1; 32]) }, NOW);
    let (one, two) = (sealing(&laptop), sealing(&phone));
    assert_eq!((one.stamp(), one.subject()), (two.stamp(), two.subject()));
    assert_ne!(one.issuer(), two.issuer());
    let hosted = |device| hosting(&person(10), device, NOW);
    assert_ne!(hosted(&laptop).subject(), hosted(&phone).subject());
}
