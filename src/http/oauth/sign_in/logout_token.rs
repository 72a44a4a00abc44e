//! Logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::id_token::is_text;
use super::settings::ProviderSettings;
use crate::clock::SECOND;
use crate::domain::jws::{AudienceClaim, Seconds};
use crate::http::oauth::issuer::{LEEWAY, ProviderError};
use crate::service::people::sign_out::LoggedOut;

/// Maximum age of a logout token, in seconds.
const OLDEST: i64 = 600;
/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token whose signature has been checked.
#[derive(Deserialize)]
pub struct LogoutToken {
    iss: String,
    aud: AudienceClaim,
    iat: Seconds,
    /// Absent in tokens of older providers.
    exp: Option<Seconds>,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Value>,
}

impl LogoutToken {
    /// Validates the claims, and returns what the token ends; `now` is in epoch seconds.
    ///
    /// # Errors
    /// [`ProviderError::Rejected`]
    pub fn accept(self, settings: &ProviderSettings, now: i64) -> Result<LoggedOut, ProviderError> {
        let kept = |text: &Option<String>| text.as_deref().is_none_or(|text| is_text(text) && !text.is_empty());
        let rules = [
            (self.iss == settings.issuer, "it is of another issuer"),
            (self.aud.is_only(&settings.client_id), "it is for another client, too"),
            (self.events.get(EVENT).is_some_and(Value::is_object), "it is no logout token"),
            // ID tokens have a nonce: an ID token must not be accepted as a logout token.
            (self.nonce.is_none(), "it has a nonce"),
            (self.iat.whole() < now + LEEWAY, "it is of the future"),
            (self.iat.whole() > now - OLDEST - LEEWAY, "it is too old"),
            (self.exp.is_none_or(|exp| exp.whole() > now - LEEWAY), "it has expired"),
            (self.sub.is_some() || self.sid.is_some(), "it names neither a subject nor a session"),
            (kept(&self.sub) && kept(&self.sid), "its subject or session cannot be known"),
            (is_text(&self.jti) && !self.jti.is_empty(), "its name cannot be kept"),
        ];
        if let Some((_, wrong)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(ProviderError::Rejected(format!("the logout token is not accepted: {wrong}")));
        }
        Ok(LoggedOut {
            issuer: self.iss,
            sid: self.sid,
            subject: self.sub,
            jti: self.jti,
            expires_at: (now + OLDEST + 2 * LEEWAY + 1) * SECOND,
            tokens: settings.tokens_at_logout,
        })
    }
}
