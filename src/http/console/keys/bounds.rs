//! What a key's own bounds let in, whatever its personas allow: its addresses and its rate.

use crate::domain::api_key::ApiKey;
use crate::domain::limits::RateLimit;
use crate::domain::usage::NetworkUsage;
use crate::http::console::words::{counted, duration};

/// The bounds of a key in words, and the refusals that its addresses explain.
pub struct BoundsInWords {
    /// `from 10.9.0.0/16 only`; empty if there are none.
    limits: Vec<String>,
    /// The refusals from addresses that are not allowed, as a sentence; empty if there are none.
    pub refused: String,
}

/// The most networks that a sentence names.
const NAMED: usize = 3;

impl BoundsInWords {
    /// The bounds of a key that was used and refused in these networks.
    pub fn of(key: &ApiKey, networks: &[NetworkUsage]) -> Self {
        let addresses: Vec<String> = key.limits.addresses.texts().collect();
        let only = (!addresses.is_empty()).then(|| format!("from {} only", addresses.join(", ")));
        let outside: Vec<&NetworkUsage> = networks
            .iter()
            .filter(|each| each.refusals > 0 && !key.limits.addresses.allow_some_of(&each.network))
            .collect();
        let refusals: i64 = outside.iter().map(|each| each.refusals).sum();
        let mut from: Vec<&str> = outside.iter().take(NAMED).map(|each| each.network.as_str()).collect();
        if outside.len() > NAMED {
            from.push("other networks");
        }
        Self {
            limits: only.into_iter().chain(key.limits.rate.map(rate)).collect(),
            refused: if refusals == 0 {
                String::new()
            } else {
                format!("{} refused so far: not from an allowed address, but from {}.", refusals, from.join(", "))
            },
        }
    }

    /// The limits of a key as a sentence; empty without limits.
    pub fn sentence(&self) -> String {
        if self.limits.is_empty() { String::new() } else { format!("It is let in {}.", self.limits.join(", and ")) }
    }
}

/// `at most 60 requests per minute, at each node`
pub fn rate(limit: RateLimit) -> String {
    let period = duration(limit.seconds.get().into());
    let period = period.strip_prefix("1 ").unwrap_or(&period);
    format!("at most {} per {period}, at each node", counted(limit.requests.get().into(), "request"))
}
