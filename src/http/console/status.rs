//! The state of a credential: active, expiring or expired.

use super::words::relative;
use crate::clock::DAY;
use crate::domain::api_key::NEVER;

/// The state of a key or token: its text, and the CSS class that colours it.
pub struct Status {
    pub class: &'static str,
    pub text: String,
}

/// A credential that expires within this time is shown as expiring.
const SOON: i64 = 7 * DAY;

impl Status {
    pub fn of(expires_at: i64, now: i64) -> Self {
        match expires_at {
            NEVER => Self { class: "active", text: "Active".to_owned() },
            _ if expires_at <= now => Self { class: "expired", text: format!("Expired {}", relative(expires_at, now)) },
            _ if expires_at - now <= SOON => {
                Self { class: "expiring", text: format!("Expires {}", relative(expires_at, now)) }
            }
            _ => Self { class: "active", text: "Active".to_owned() },
        }
    }
}
