//! A sign-in in progress, bound to the browser by a cookie, so that unauthenticated requests write nothing to the
//! database.
//!
//! The cookie holds random bytes and the parameters of the sign-in. `state`, `nonce` and the PKCE verifier are HMACs of
//! the cookie under keys derived from the pepper: an altered cookie does not match `state`, and only this server can
//! compute them.

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

/// How long a sign-in at a provider may take, in milliseconds.
pub(super) const SIGN_IN_TIMEOUT: i64 = 10 * MINUTE;

/// Whether the provider must authenticate the user again, even in an existing session there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reauthentication {
    /// The provider decides.
    IfNeeded,
    /// It must (`prompt=login`, `max_age=0`).
    Required,
}

/// What the name and the attributes of the cookie depend on.
#[derive(Clone, Copy)]
pub(super) struct CookieScope<'a> {
    /// The id of the provider.
    pub(super) provider: &'a str,
    /// Whether browsers reach this server by HTTPS.
    pub(super) is_secure: bool,
}

/// The content of the cookie.
#[derive(Serialize, Deserialize)]
struct Ticket {
    provider: String,
    next: String,
    reauthentication: Reauthentication,
    began_at: i64,
    seed: String,
}

/// A sign-in in progress.
pub(super) struct Flow {
    /// The page to show afterwards, relative to the root of this server.
    pub(super) next: String,
    /// Whether the provider was told to authenticate the user again.
    pub(super) reauthentication: Reauthentication,
    /// When it began, in epoch milliseconds.
    pub(super) began_at: i64,
    /// The `state` that the callback must repeat.
    pub(super) state: String,
    /// The `nonce` that the ID token must repeat.
    pub(super) nonce: String,
    /// The PKCE verifier for the token endpoint.
    pub(super) verifier: String,
    cookie: String,
}

impl Flow {
    /// Begins a sign-in.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn begin(
        service: &Service,
        scope: CookieScope<'_>,
        next: &str,
        reauthentication: Reauthentication,
    ) -> Result<Self> {
        let mut seed = [0; 32];
        service.entropy.fill(&mut seed)?;
        let ticket = Ticket {
            provider: scope.provider.to_owned(),
            next: next.to_owned(),
            reauthentication,
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
        let Ticket { next, reauthentication, began_at, .. } = ticket;
        Self { next, reauthentication, began_at, state, nonce, verifier, cookie }
    }

    /// Restores the sign-in of this `state` from the browser's cookie, if it belongs to this provider and is not too old.
    pub(super) fn resume(
        service: &Service,
        scope: CookieScope<'_>,
        request: &HttpRequest,
        state: &str,
    ) -> Option<Self> {
        let cookie = request.cookie(&cookie_name(scope, state))?.value().to_owned();
        let ticket: Ticket = read_json(&BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?).ok()?;
        let is_own = ticket.provider == scope.provider;
        let flow = Self::of(ticket, cookie, &service.peppers);
        let is_answer: bool = flow.state.as_bytes().ct_eq(state.as_bytes()).into();
        let now = service.clock.now();
        (is_answer && is_own && (flow.began_at..flow.began_at + SIGN_IN_TIMEOUT).contains(&now)).then_some(flow)
    }

    /// The cookie of this sign-in. Sign-ins in other tabs have their own.
    pub(super) fn cookie(&self, scope: CookieScope<'_>) -> Cookie<'static> {
        self.with(scope, self.cookie.clone(), Duration::seconds(SIGN_IN_TIMEOUT / SECOND))
    }

    /// Deletes the cookie after the callback.
    pub(super) fn no_cookie(&self, scope: CookieScope<'_>) -> Cookie<'static> {
        self.with(scope, String::new(), Duration::ZERO)
    }

    /// `SameSite=Lax`, because the callback is a navigation from the provider's site.
    fn with(&self, scope: CookieScope<'_>, value: String, lifetime: Duration) -> Cookie<'static> {
        let cookie = Cookie::build(cookie_name(scope, &self.state), value).path("/").max_age(lifetime);
        cookie.http_only(true).same_site(SameSite::Lax).secure(scope.is_secure).finish()
    }
}

/// With this many sign-ins in progress at a provider, another one ends them: a browser sends all cookies with every
/// request, and the length of a request's headers is limited.
const MOST_IN_PROGRESS: usize = 4;

/// Deletes the cookies of earlier sign-ins at this provider, if there are [`MOST_IN_PROGRESS`].
pub(super) fn make_room(scope: CookieScope<'_>, request: &HttpRequest) -> Vec<Cookie<'static>> {
    let beginning = cookie_name(scope, "");
    let Ok(all) = request.cookies() else { return Vec::new() };
    let names: Vec<String> =
        all.iter().map(|cookie| cookie.name().to_owned()).filter(|name| name.starts_with(&beginning)).collect();
    let gone = |name| Cookie::build(name, "").path("/").max_age(Duration::ZERO).secure(scope.is_secure).finish();
    if names.len() < MOST_IN_PROGRESS { Vec::new() } else { names.into_iter().map(gone).collect() }
}

/// The name of a sign-in's cookie, with the beginning of its `state`. With HTTPS it has the prefix `__Host-`: no other
/// host, not even a subdomain, can set such a cookie.
fn cookie_name(scope: CookieScope<'_>, state: &str) -> String {
    let prefix = if scope.is_secure { "__Host-" } else { "" };
    format!("{prefix}tessera_sign_in_{}.{}", scope.provider, state.get(..STATE_IN_NAME).unwrap_or_default())
}

/// How many characters of `state` the name of the cookie has.
const STATE_IN_NAME: usize = 12;
