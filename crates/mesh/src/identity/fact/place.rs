//! docs/formats/statements.md, location: the addresses at which a device can be dialled.

use std::net::{IpAddr, SocketAddr};

use ciborium::Value;

use base::limits::LOCATION_ADDRESSES_MAX;

use super::FactError;
use crate::identity::cbor::{self, CborError};

/// Where a device can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    addresses: Vec<SocketAddr>,
}

impl Location {
    /// Addresses in the order in which they shall be tried.
    ///
    /// # Errors
    /// If there are more than [`LOCATION_ADDRESSES_MAX`], or one that means nothing elsewhere: without a port, unspecified,
    /// loopback, multicast, or IPv6 link-local, whose scope is this computer's own word.
    pub fn new(addresses: Vec<SocketAddr>) -> Result<Location, FactError> {
        let good = addresses.len() <= LOCATION_ADDRESSES_MAX && addresses.iter().all(can_be_dialled);
        if good { Ok(Location { addresses }) } else { Err(FactError::Address) }
    }

    /// The addresses, the best one first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// One byte string for each address: 4 or 16 bytes and the port.
    pub(super) fn content(&self) -> Value {
        let bytes = |address: &SocketAddr| {
            let port = address.port().to_be_bytes();
            match address.ip() {
                IpAddr::V4(ip) => [&ip.octets()[..], &port].concat(),
                IpAddr::V6(ip) => [&ip.octets()[..], &port].concat(),
            }
        };
        Value::Array(self.addresses.iter().map(|address| Value::Bytes(bytes(address))).collect())
    }

    pub(super) fn read(content: Value) -> Result<Location, FactError> {
        let items = content.into_array().map_err(|_| CborError::Shape)?;
        if items.len() > LOCATION_ADDRESSES_MAX {
            return Err(FactError::Address);
        }
        let read = |item: Value| {
            if let Ok([a, b, c, d, port @ ..]) = cbor::array::<6>(item.clone()) {
                return Ok(SocketAddr::from(([a, b, c, d], u16::from_be_bytes(port))));
            }
            let bytes: [u8; 18] = cbor::array(item)?;
            let (ip, port) = bytes.split_first_chunk::<16>().expect("18 bytes");
            Ok(SocketAddr::from((*ip, u16::from_be_bytes([port[0], port[1]]))))
        };
        Location::new(items.into_iter().map(read).collect::<Result<_, CborError>>()?)
    }
}

/// Whether an address means the same elsewhere.
fn can_be_dialled(address: &SocketAddr) -> bool {
    let ip = address.ip();
    let local = match ip {
        IpAddr::V4(_) => false,
        // One that is IPv4 is written as IPv4: one form for each.
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.to_ipv4_mapped().is_some(),
    };
    address.port() != 0 && !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !local
}
