//! Client networks, to distinguish unauthenticated clients for throttling.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of a client: an IPv4 address, or the first 64 bits of an IPv6 address, because one client usually
/// controls all addresses of a /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

/// The number of group sizes.
pub const SIZES: usize = 4;
/// The prefix lengths of groups, from one network to the largest group. A customer who rents a connection or a server
/// can control a whole group of the first three sizes.
const IPV6: [u32; SIZES] = [64, 56, 48, 32];
const IPV4: [u32; SIZES] = [32, 24, 20, 16];

/// Networks with a common prefix, which one client may control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    size: usize,
    first: Option<IpAddr>,
}

impl Network {
    /// The groups that contain a network, from the network alone to the largest.
    #[must_use]
    pub fn groups(self) -> [Group; SIZES] {
        std::array::from_fn(|size| Group { size, first: self.0.map(|address| first(address, size)) })
    }

    /// The largest group that contains a network.
    #[must_use]
    pub fn largest_group(self) -> Group {
        self.groups()[SIZES - 1]
    }

    /// A number that identifies the network; 0 if it is unknown. IPv4 addresses lie in `0:ffff::/32`, which no IPv6
    /// network uses.
    #[must_use]
    pub fn number(self) -> u64 {
        match self.0 {
            None => 0,
            Some(IpAddr::V4(address)) => 0xffff << 32 | u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => ((address.to_bits() >> 64) as u64).max(1),
        }
    }

    /// The address, or the prefix of an IPv6 network: `203.0.113.9`, `2001:db8::/64`. `None` if it is unknown.
    #[must_use]
    pub fn name(self) -> Option<String> {
        self.0.map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(prefix) => format!("{prefix}/{}", IPV6[0]),
        })
    }

    /// The network of an address; all clients with unknown addresses share one network.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| first(address.to_canonical(), 0)))
    }
}

/// The first address of the address's group of that size.
fn first(address: IpAddr, size: usize) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - IPV4[size]))).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6[size]))).into(),
    }
}

/// Writes the first address of the network.
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(formatter),
            None => formatter.write_str("unknown"),
        }
    }
}

/// CIDR notation: the first address and the prefix length.
impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            Some(address @ IpAddr::V4(_)) => write!(formatter, "{address}/{}", IPV4[self.size]),
            Some(address @ IpAddr::V6(_)) => write!(formatter, "{address}/{}", IPV6[self.size]),
            None => formatter.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Network {
        Network::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn a_number_stands_for_one_network() {
        assert_eq!(Network::of(None).number(), 0);
        assert_eq!(of("2001:db8::1").number(), of("2001:db8::2").number());
        assert_eq!(of("::ffff:203.0.113.9").number(), of("203.0.113.9").number());
        let different =
            ["203.0.113.9", "203.0.113.8", "2001:db8::1", "2001:db8:0:1::1", "::1"].map(|each| of(each).number());
        for (place, number) in different.iter().enumerate() {
            assert!(*number != 0 && !different[..place].contains(number), "{place}");
        }
    }

    #[test]
    fn a_name_tells_how_much_of_an_address_counts() {
        assert_eq!(of("203.0.113.9").name().as_deref(), Some("203.0.113.9"));
        assert_eq!(of("2001:db8::9").name().as_deref(), Some("2001:db8::/64"));
        assert_eq!(Network::of(None).name(), None);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    #[test]
    fn a_network_is_in_one_group_of_each_size() {
        let common = |one: &str, other: &str| {
            let groups = of(one).groups().into_iter().zip(of(other).groups());
            groups.map(|(one, other)| one == other).collect::<Vec<_>>()
        };
        assert_eq!(common("2001:db8::1", "2001:db8:0:ff::1"), [false, true, true, true]);
        assert_eq!(common("2001:db8::1", "2001:db8:0:ff00::1"), [false, false, true, true]);
        assert_eq!(common("2001:db8::1", "2001:db8:ffff::1"), [false, false, false, true]);
        assert_eq!(common("192.0.2.1", "192.0.2.2"), [false, true, true, true]);
        assert_eq!(common("192.0.2.1", "192.1.2.1"), [false; SIZES]);
        assert_eq!(common("0.0.0.0", "::"), [false; SIZES]);
    }

    #[test]
    fn ipv4_addresses_are_told_apart_however_they_are_written() {
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }
}
