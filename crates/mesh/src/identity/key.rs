//! RFC 8032 Ed25519: a secret key for each role, which signs what its role may sign and nothing else.

use std::fmt;

use crate::keys::{Context, Hex, KEY_BYTES, PublicKey, RootKey, Secret, Signature};

use super::fact::{Hosting, Issuer, Kind, Location, Membership, Revocation, Sealing, Vouch};

/// What only this module hands out.
mod sealed {
    use super::{Kind, PublicKey, Secret};

    pub trait Holder {
        /// What this role may take back.
        const REVOKES: &'static [Kind];

        fn secret(&self) -> &Secret;

        fn public_key(&self) -> PublicKey {
            self.secret().public()
        }
    }
}

use sealed::Holder;

/// A key whose role may sign facts of this kind. A signature of any other kind does not compile.
///
/// ```
/// use mesh::identity::{DeviceKey, Hosting, PersonKey, Stamp, Statement};
/// let (person, device) = (PersonKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
/// let stamp = Stamp::next(None, base::Wall(0), None);
/// let hosting = Statement::sign(&person, Hosting { device: device.public() }, stamp);
/// ```
/// ```compile_fail,E0277
/// use mesh::identity::{DeviceKey, Hosting, PersonKey, Stamp, Statement};
/// let (person, device) = (PersonKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
/// let stamp = Stamp::next(None, base::Wall(0), None);
/// let hosting = Statement::sign(&device, Hosting { device: device.public() }, stamp);
/// ```
pub trait MaySign<F>: Holder {}

/// A role's key: constructor, public half, nothing printed.
macro_rules! role {
    ($(#[$doc:meta])* $name:ident revokes $revokes:expr) => {
        $(#[$doc])*
        pub struct $name(Secret);

        impl $name {
            /// The key that belongs to 32 secret, uniformly random bytes.
            ///
            /// The caller's copy of the seed is the caller's to wipe.
            pub fn from_seed(seed: &[u8; KEY_BYTES]) -> $name {
                $name(Secret::from_seed(seed))
            }

            /// The public half.
            pub fn public(&self) -> PublicKey {
                self.0.public()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("public", &self.public()).finish_non_exhaustive()
            }
        }

        impl Holder for $name {
            const REVOKES: &'static [Kind] = $revokes;

            fn secret(&self) -> &Secret {
                &self.0
            }
        }
    };
}

role! {
    /// The secret half of the key that the root key entrusts with the daily work of a domain. Wiped from memory when
    /// dropped; never printed.
    IssuerKey revokes &[Kind::MEMBERSHIP]
}

role! {
    /// The secret half of a person's key. It only certifies: which devices are theirs, and whom they vouch for. Wiped from
    /// memory when dropped; never printed.
    PersonKey revokes &[Kind::HOSTING, Kind::VOUCH]
}

role! {
    /// The secret half of a device's key: one account on one node. It proves on every link who is there. Wiped from memory
    /// when dropped; never printed.
    DeviceKey revokes &[]
}

impl Holder for RootKey {
    const REVOKES: &'static [Kind] = &[Kind::ISSUER, Kind::MEMBERSHIP];

    fn secret(&self) -> &Secret {
        &self.0
    }
}

impl MaySign<Issuer> for RootKey {}
impl MaySign<Membership> for RootKey {}
impl MaySign<Revocation> for RootKey {}
impl MaySign<Membership> for IssuerKey {}
impl MaySign<Revocation> for IssuerKey {}
impl MaySign<Hosting> for PersonKey {}
impl MaySign<Vouch> for PersonKey {}
impl MaySign<Revocation> for PersonKey {}
impl MaySign<Sealing> for DeviceKey {}
impl MaySign<Location> for DeviceKey {}

impl DeviceKey {
    /// Signs what proves on a link that this device is there.
    pub(crate) fn sign(&self, context: Context, message: &[u8]) -> Signature {
        self.0.sign(context, message)
    }
}

/// A person, by the bytes of their key. Whoever holds one of these has it from a chain that was proved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub [u8; KEY_BYTES]);

impl PersonId {
    /// The person whose key it is.
    pub fn of(key: &PublicKey) -> PersonId {
        PersonId(*key.as_bytes())
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonId({})", Hex(&self.0))
    }
}

/// RFC 7748 X25519: the public key to which bundles for a device are sealed. Any 32 bytes are one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealingKey(pub [u8; KEY_BYTES]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", Hex(&self.0))
    }
}
