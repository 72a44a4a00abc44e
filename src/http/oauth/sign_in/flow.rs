//! What ties the answer of a provider to the browser that asked: a cookie, so that strangers make no rows.
//!
//! The cookie holds random bytes and what was asked for. `state`, `nonce` and the verifier of PKCE are computed from it with
//! keys that are derived from the pepper: nobody can alter the cookie, and the last two are known to this server alone.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use data_encoding::BASE64URL_NOPAD;
use hmac::Mac;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::clock::{MINUTE, SECOND};
use crate::domain::error::{Error, Result};
use crate::domain::nesting::read_json;
use crate::domain::pepper::Peppers;
use crate::service::Service;

/// How long somebody may take to sign in at a provider, in milliseconds.
const PATIENCE: i64 = 10 * MINUTE;

/// Whether the provider is to ask the person again, although it knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Asked {
    /// If it wants to.
    AsNeeded,
    /// It must.
    Again,
}

/// At which provider a browser is being signed in, as far as its cookie depends on that.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The name of the provider.
    pub(super) provider: &'a str,
    /// Whether browsers reach this server by HTTPS.
    pub(super) is_secure: bool,
}

/// What is kept in the cookie.
#[derive(Serialize, Deserialize)]
struct Ticket {
    provider: String,
    next: String,
    asked: Asked,
    began_at: i64,
    seed: String,
}

/// A sign-in under way.
pub(super) struct Flow {
    /// Where to go on afterwards: what follows the start of this server.
    pub(super) next: String,
    /// Whether the person had to be asked again.
    pub(super) asked: Asked,
    /// When it began, in epoch milliseconds.
    pub(super) began_at: i64,
    /// What comes back with the answer.
    pub(super) state: String,
    /// What the ID token must repeat.
    pub(super) nonce: String,
    /// What the code is exchanged with.
    pub(super) verifier: String,
    cookie: String,
}

impl Flow {
    /// Begins one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn begin(service: &Service, place: Place<'_>, next: &str, asked: Asked) -> Result<Self> {
        let mut seed = [0; 32];
        service.entropy.fill(&mut seed)?;
        let ticket = Ticket {
            provider: place.provider.to_owned(),
            next: next.to_owned(),
            asked,
            began_at: service.clock.now(),
            seed: BASE64URL_NOPAD.encode(&seed),
        };
        let text = serde_json::to_vec(&ticket).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self::of(ticket, BASE64URL_NOPAD.encode(&text), &service.peppers))
    }

    fn of(ticket: Ticket, cookie: String, peppers: &Peppers) -> Self {
        let derived = |purpose: &str| {
            let mut keyed = peppers.derive(purpose);
            keyed.update(cookie.as_bytes());
            BASE64URL_NOPAD.encode(&keyed.finalize().into_bytes())
        };
        let (state, nonce) = (derived("sign-in state"), derived("sign-in nonce"));
        let verifier = derived("sign-in verifier");
        let Ticket { next, asked, began_at, .. } = ticket;
        Self { next, asked, began_at, state, nonce, verifier, cookie }
    }

    /// The one that this browser began at that provider, and that an answer with this `state` belongs to.
    pub(super) fn resume(service: &Service, place: Place<'_>, request: &HttpRequest, state: &str) -> Option<Self> {
        let cookie = request.cookie(&cookie_name(place))?.value().to_owned();
        let ticket: Ticket = read_json(&BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?).ok()?;
        let is_own = ticket.provider == place.provider;
        let flow = Self::of(ticket, cookie, &service.peppers);
        let is_answer: bool = flow.state.as_bytes().ct_eq(state.as_bytes()).into();
        let now = service.clock.now();
        (is_answer && is_own && (flow.began_at..flow.began_at + PATIENCE).contains(&now)).then_some(flow)
    }

    /// The cookie of this one, in place of that of an earlier one at the same provider.
    pub(super) fn cookie(&self, place: Place<'_>) -> Cookie<'static> {
        cookie(place, self.cookie.clone(), Duration::seconds(PATIENCE / SECOND))
    }
}

/// What takes the cookie away: an answer counts once.
pub(super) fn no_cookie(place: Place<'_>) -> Cookie<'static> {
    cookie(place, String::new(), Duration::ZERO)
}

/// The answer comes by a navigation from the provider's site, with which browsers send cookies that are `Lax`.
fn cookie(place: Place<'_>, value: String, lifetime: Duration) -> Cookie<'static> {
    let cookie = Cookie::build(cookie_name(place), value).path("/").max_age(lifetime);
    cookie.http_only(true).same_site(SameSite::Lax).secure(place.is_secure).finish()
}

/// With HTTPS no other host can set it, not even one beneath the same domain.
fn cookie_name(place: Place<'_>) -> String {
    let prefix = if place.is_secure { "__Host-" } else { "" };
    format!("{prefix}tessera_sign_in_{}", place.provider)
}
