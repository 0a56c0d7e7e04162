//! RFC 8305 section 4: in which order the addresses of one peer are tried.

use std::net::{IpAddr, SocketAddr};

/// The best addresses, each once, no more than `most`: those that survive most. A link-local IPv6 address needs no DHCP and stays
/// when the network changes; a link that begins there has the longest life.
pub(super) fn best_first(addresses: &[SocketAddr], most: usize) -> Vec<SocketAddr> {
    let mut best: Vec<SocketAddr> = Vec::with_capacity(most);
    // What one peer announces is at most a packet full of addresses.
    for address in addresses.iter().filter(|address| may_be_dialled(address)) {
        if !best.contains(address) {
            let at = best.partition_point(|before| rank(before) <= rank(address));
            best.insert(at, *address);
            best.truncate(most);
        }
    }
    best
}

fn may_be_dialled(address: &SocketAddr) -> bool {
    let to_one = match address.ip() {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    to_one && address.port() != 0
}

fn rank(address: &SocketAddr) -> u8 {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => match v6.scope_id() {
            // Nobody knows on which interface.
            0 => 4,
            _ => 0,
        },
        SocketAddr::V6(v6) if v6.ip().is_unique_local() => 1,
        SocketAddr::V4(v4) if v4.ip().is_private() || v4.ip().is_link_local() => 2,
        SocketAddr::V4(_) | SocketAddr::V6(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], most: usize, expect: &[&str]) {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let best: Vec<String> = best_first(&addresses, most).iter().map(SocketAddr::to_string).collect();
        assert_eq!(best, expect);
    }

    #[test]
    fn what_lives_longest_is_tried_first() {
        check(
            &["203.0.113.5:7", "[fe80::1]:7", "10.0.0.1:7", "[fd00::1]:7", "[fe80::1%2]:7", "[2001:db8::1]:7"],
            8,
            &["[fe80::1%2]:7", "[fd00::1]:7", "10.0.0.1:7", "203.0.113.5:7", "[2001:db8::1]:7", "[fe80::1]:7"],
        );
        check(&["10.0.0.2:7", "10.0.0.1:7", "10.0.0.2:7"], 8, &["10.0.0.2:7", "10.0.0.1:7"]);
        check(&["203.0.113.5:7", "10.0.0.1:7", "[fd00::1]:7"], 2, &["[fd00::1]:7", "10.0.0.1:7"]);
        check(&["0.0.0.0:7", "224.0.0.251:7", "255.255.255.255:7", "[::]:7", "[ff02::fb]:7", "10.0.0.1:0"], 8, &[]);
    }
}
