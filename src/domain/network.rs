//! Where a request comes from, as far as it tells strangers apart.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of a client: an IPv4 address, or the first 64 bits of an IPv6 address, as whoever has one address of
/// those usually has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

/// How many sizes of groups there are.
pub const SIZES: usize = 4;
/// How many bits the addresses of a group have in common, from one network to the largest group. Whoever rents a
/// connection or a server can have a whole group of the first three sizes.
const IPV6: [u32; SIZES] = [64, 56, 48, 32];
const IPV4: [u32; SIZES] = [32, 24, 20, 16];

/// Networks that may be in one hand: a number of bits that their addresses have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    size: usize,
    first: Option<IpAddr>,
}

impl Network {
    /// The groups that a network is in, from itself alone to the largest.
    #[must_use]
    pub fn groups(self) -> [Group; SIZES] {
        std::array::from_fn(|size| Group { size, first: self.0.map(|address| first(address, size)) })
    }

    /// The largest group that a network is in.
    #[must_use]
    pub fn largest_group(self) -> Group {
        self.groups()[SIZES - 1]
    }

    /// The network of an address; clients whose address is not known share one.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| first(address.to_canonical(), 0)))
    }
}

/// The first address of the group of that size.
fn first(address: IpAddr, size: usize) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - IPV4[size]))).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6[size]))).into(),
    }
}

/// The first address of it.
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(formatter),
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
