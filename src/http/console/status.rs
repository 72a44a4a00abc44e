//! In what state a credential is.

use super::words::relative;
use crate::clock::DAY;
use crate::domain::api_key::NEVER;

/// The state of a key or a token: a word, and the class that colours it.
pub struct Status {
    pub class: &'static str,
    pub text: String,
}

/// What ends so soon is shown as ending.
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
