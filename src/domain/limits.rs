//! Limits of an API key: allowed addresses and rate limit.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ipnet::IpNet;

/// The most networks that one key can be restricted to.
const NETWORKS: usize = 100;
/// The longest period of a rate limit, in seconds: a day.
const PERIOD: u32 = 86_400;

/// The most requests of a rate limit: the largest 32-bit signed integer, which clients can represent.
pub const REQUESTS: u32 = i32::MAX.cast_unsigned();

/// The limits of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The networks it may be used from.
    pub addresses: AllowedAddresses,
    /// The rate limit; `None` for unlimited.
    pub rate: Option<RateLimit>,
}

/// The networks a key may be used from; empty means no restriction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedAddresses(Vec<IpNet>);

impl AllowedAddresses {
    /// Parses addresses (`192.0.2.7`) and networks in CIDR notation (`10.0.0.0/8`, `2001:db8::/32`).
    ///
    /// # Errors
    /// A message that names what is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let network = |text: &str| {
            let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            parsed
                .map(canonical)
                .map_err(|_| format!("`{}` is no IP address and no network", super::listing::clip(text)))
        };
        let networks: Vec<IpNet> = texts.into_iter().map(network).collect::<Result<_, _>>()?;
        if networks.len() > NETWORKS {
            return Err(format!("must have at most {NETWORKS} members, not {}", networks.len()));
        }
        Ok(Self(networks))
    }

    /// Whether a request from `address` is allowed; an unknown address is denied if there is any restriction.
    #[must_use]
    pub fn allow(&self, address: Option<IpAddr>) -> bool {
        self.0.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.0.iter().any(|network| network.contains(&address))
            })
    }

    /// Whether there is no restriction.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `ceiling` allows every address that these networks allow.
    #[must_use]
    pub fn lie_within(&self, ceiling: &Self) -> bool {
        if ceiling.is_everywhere() {
            return true;
        }
        // Adjacent networks are merged, so that two halves cover their whole.
        let ceiling = IpNet::aggregate(&ceiling.0);
        !self.is_everywhere() && self.0.iter().all(|network| ceiling.iter().any(|wider| wider.contains(network)))
    }

    /// The networks as text.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

/// Converts an IPv4-mapped IPv6 network to the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            ipnet::Ipv4Net::new(address, length).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// A rate limit (GCRA): a burst of `requests`, replenished evenly over `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in a period; at most [`REQUESTS`].
    pub requests: NonZeroU32,
    /// The period in seconds.
    pub seconds: NonZeroU32,
}

impl RateLimit {
    /// Checks both numbers; zero requests mean no limit.
    ///
    /// # Errors
    /// A message that says what is allowed.
    pub fn parse(requests: u32, seconds: u32) -> Result<Option<Self>, String> {
        let Some(requests) = NonZeroU32::new(requests) else { return Ok(None) };
        if requests.get() > REQUESTS {
            return Err(format!("must have at most {REQUESTS} requests, not {requests}"));
        }
        match NonZeroU32::new(seconds) {
            Some(seconds) if seconds.get() <= PERIOD => Ok(Some(Self { requests, seconds })),
            _ => Err(format!("must have a period of 1 to {PERIOD} seconds, not {seconds}")),
        }
    }

    /// Whether it allows no more requests than `ceiling`, neither in a burst nor in the long run.
    #[must_use]
    pub fn lies_within(self, ceiling: Self) -> bool {
        let share = |limit: Self, other: Self| u64::from(limit.requests.get()) * u64::from(other.seconds.get());
        self.requests <= ceiling.requests && share(self, ceiling) <= share(ceiling, self)
    }
}

/// The remaining allowance of a rate limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub limit: RateLimit,
    /// How many more requests are allowed at once.
    pub remaining: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(networks: &[&str], address: &str) -> bool {
        AllowedAddresses::parse(networks.iter().copied()).unwrap().allow(address.parse().ok())
    }

    #[test]
    fn networks_are_compared_as_networks() {
        assert!(allows(&["10.0.0.0/8"], "10.1.2.3") && !allows(&["10.0.0.0/8"], "11.1.2.3"));
        assert!(allows(&["2001:db8::/32"], "2001:db8:1::1") && !allows(&["2001:db8::/32"], "2001:db9::1"));
        assert!(allows(&["192.0.2.7"], "192.0.2.7") && !allows(&["192.0.2.7"], "192.0.2.8"));
        assert!(allows(&["10.1.2.3/8"], "10.9.9.9"), "host bits do not matter");
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        assert!(allows(&["10.0.0.0/8"], "::ffff:10.1.2.3"));
        assert!(allows(&["::ffff:10.0.0.0/104"], "10.1.2.3"));
    }

    #[test]
    fn without_networks_everybody_is_allowed_and_with_them_nobody_unknown() {
        assert!(allows(&[], "192.0.2.7") && allows(&[], "unknown"));
        assert!(!allows(&["0.0.0.0/0"], "unknown"));
        assert!(
            AllowedAddresses::parse(["10.0.0.0/33"]).is_err() && AllowedAddresses::parse(["fe80::1%eth0"]).is_err()
        );
    }
}
