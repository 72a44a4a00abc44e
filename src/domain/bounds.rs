//! Bounds: until when, from where and how often a credential or API key may be used.

use super::limits::Limits;

/// The expiry of a credential that never expires.
pub const NEVER: i64 = i64::MAX;

/// The bounds of a credential or an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Epoch milliseconds, or [`NEVER`].
    pub expires_at: i64,
    /// The addresses and rate limit.
    pub limits: Limits,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { expires_at: NEVER, limits: Limits::default() }
    }
}

impl Bounds {
    /// Bounds with only an expiry.
    #[must_use]
    pub fn until(expires_at: i64) -> Self {
        Self { expires_at, ..Self::default() }
    }

    /// How these bounds exceed a ceiling; `None` if they lie within it.
    #[must_use]
    pub fn beyond(&self, ceiling: &Self) -> Option<&'static str> {
        if self.expires_at > ceiling.expires_at {
            return Some("a later expiry");
        }
        if !self.limits.addresses.lie_within(&ceiling.limits.addresses) {
            return Some("more addresses");
        }
        match (self.limits.rate, ceiling.limits.rate) {
            (_, None) => None,
            (Some(rate), Some(ceiling)) if rate.lies_within(ceiling) => None,
            _ => Some("a higher rate limit"),
        }
    }

    /// These bounds, with the ceiling's values where nothing is requested. [`NEVER`] counts as not requested: clients
    /// that mean "as long as possible" send it.
    #[must_use]
    pub fn inheriting(&self, ceiling: &Self) -> Self {
        let none = self.limits.addresses.is_everywhere();
        Self {
            expires_at: if self.expires_at == NEVER { ceiling.expires_at } else { self.expires_at },
            limits: Limits {
                addresses: if none { &ceiling.limits } else { &self.limits }.addresses.clone(),
                rate: self.limits.rate.or(ceiling.limits.rate),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::{AllowedAddresses, RateLimit};

    fn limited(expires_at: i64, networks: &[&str], rate: [u32; 2]) -> Bounds {
        let addresses = AllowedAddresses::parse(networks.iter().copied()).unwrap();
        Bounds { expires_at, limits: Limits { addresses, rate: RateLimit::parse(rate[0], rate[1]).unwrap() } }
    }

    #[test]
    fn bounds_lie_within_others_if_each_of_them_does() {
        let ceiling = limited(10, &["10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32"], [10, 60]);
        for (bounds, beyond) in [
            (limited(10, &["10.0.0.0/8", "2001:db8:1::/48"], [10, 60]), None),
            (limited(9, &["10.1.2.3"], [1, 6]), None),
            (limited(11, &["10.0.0.0/8"], [1, 60]), Some("a later expiry")),
            (limited(NEVER, &["10.0.0.0/8"], [1, 60]), Some("a later expiry")),
            (limited(1, &[], [1, 60]), Some("more addresses")),
            (limited(1, &["10.0.0.0/7"], [1, 60]), Some("more addresses")),
            (limited(1, &["10.0.0.1", "0.0.0.0/0"], [1, 60]), Some("more addresses")),
            (limited(1, &["10.0.0.1"], [0, 1]), Some("a higher rate limit")),
            (limited(1, &["10.0.0.1"], [11, 86_400]), Some("a higher rate limit")),
            (limited(1, &["10.0.0.1"], [10, 59]), Some("a higher rate limit")),
        ] {
            assert_eq!(bounds.beyond(&ceiling), beyond, "{bounds:?}");
            assert_eq!(bounds.beyond(&Bounds::default()), None);
        }
    }

    #[test]
    fn what_is_not_asked_for_is_inherited() {
        let ceiling = limited(10, &["10.0.0.0/8"], [10, 60]);
        assert_eq!(Bounds::default().inheriting(&ceiling), ceiling);
        let narrower = limited(9, &["10.1.0.0/16"], [1, 60]);
        assert_eq!(narrower.inheriting(&ceiling), narrower);
        assert_eq!(narrower.inheriting(&Bounds::default()), narrower);
        assert!(Bounds::until(11).inheriting(&ceiling).beyond(&ceiling).is_some(), "what is asked for is not changed");
    }
}
