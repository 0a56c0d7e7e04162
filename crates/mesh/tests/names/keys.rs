//! Ed25519 keys and signatures (attack case B17).

use crate::vectors;
use ed25519_dalek::VerifyingKey;
use mesh::{BadSignature, Context, KeyError, PublicKey, RootKey, Signature};

const TEST: Context = Context::new("test");
const OTHER: Context = Context::new("tes");

#[test]
fn vectors_hold() {
    for vector in vectors::with("signature") {
        let key = vector.key("seed");
        let message = vector.bytes("message");
        assert_eq!(vector.text("context"), "test");
        let signature = key.sign(TEST, &message);
        assert_eq!(signature.to_bytes(), vector.array("signature"));
        assert_eq!(key.public().verify(TEST, &message, &signature), Ok(()));
    }
}

#[test]
fn signatures_hold_for_one_key_context_and_message() {
    let key = RootKey::from_seed(&[1; 32]);
    let signature = key.sign(TEST, b"this");
    let public = key.public();
    assert_eq!(public.verify(TEST, b"this", &signature), Ok(()));
    assert_eq!(public.verify(TEST, b"that", &signature), Err(BadSignature));
    assert_eq!(public.verify(OTHER, b"this", &signature), Err(BadSignature));
    // The border between context and message is signed as well.
    assert_eq!(public.verify(OTHER, b"tthis", &signature), Err(BadSignature));
    assert_eq!(RootKey::from_seed(&[2; 32]).public().verify(TEST, b"this", &signature), Err(BadSignature));
    for bit in 0..512 {
        let mut bytes = signature.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(public.verify(TEST, b"this", &Signature::from_bytes(bytes)), Err(BadSignature), "bit {bit}");
    }
}

/// RFC 8032 section 5.1.7: a scalar that is not reduced would be a second signature for the same message.
#[test]
fn malleable_signatures_are_refused() {
    let group_order = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let key = RootKey::from_seed(&[1; 32]);
    let mut second = key.sign(TEST, b"this").to_bytes();
    let mut carry = 0;
    for (byte, order) in second[32..].iter_mut().zip(group_order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "the sum still fits 32 bytes");
    assert_eq!(key.public().verify(TEST, b"this", &Signature::from_bytes(second)), Err(BadSignature));
}

fn bytes(digits: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..][..2], 16).expect("digits"))
}

#[track_caller]
fn check(digits: &str, expect: KeyError) {
    assert_eq!(PublicKey::from_bytes(&bytes(digits)), Err(expect), "{digits}");
}

#[test]
fn bad_keys_are_refused() {
    // All points of small order in canonical form: orders 1, 2, 4, 4, 8, 8, 8, 8.
    for digits in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        check(digits, KeyError::SmallOrder);
    }
    // y is not less than 2^255 - 19, or x is zero with a sign.
    for digits in [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        check(digits, KeyError::NotCanonical);
    }
    check("0200000000000000000000000000000000000000000000000000000000000000", KeyError::NotAPoint);
}

/// A good key with a point of order eight added: one verifier would take a signature that another refuses.
#[test]
fn keys_of_mixed_order_are_refused() {
    let point = |bytes: &[u8; 32]| VerifyingKey::from_bytes(bytes).expect("a point").to_edwards();
    let order_eight = bytes("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    let good = *RootKey::from_seed(&[1; 32]).public().as_bytes();
    let mixed = (point(&good) + point(&order_eight)).compress().to_bytes();
    assert_eq!(PublicKey::from_bytes(&mixed), Err(KeyError::MixedOrder));
    assert_eq!(PublicKey::from_bytes(&good).map(|key| *key.as_bytes()), Ok(good));
}

#[test]
fn secrets_are_not_printed() {
    let key = RootKey::from_seed(&[0xa5; 32]);
    let printed = format!("{key:?}");
    assert!(printed.starts_with("RootKey { public: PublicKey("), "{printed}");
    assert!(!printed.contains("a5a5") && !printed.contains("165, 165"), "{printed}");
}
