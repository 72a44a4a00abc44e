//! Authentication of DataHub's requests: by bearer token, as the system client (Basic), or by session cookies. A bearer
//! token takes precedence over cookies, because DataHub's client sends both, of different users.

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN, REFERER, USER_AGENT};
use actix_web::{FromRequest, HttpRequest};

use super::settings::{Authentication, DoorRules, SYSTEM};
use super::urn;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal, Violation};
use crate::domain::listing::clip;
use crate::domain::redaction::has_opaque_token;
use crate::domain::token::TokenKind;
use crate::http::auth::{Metering, authenticate, authenticate_head, basic, bearer, owned};
use crate::http::authenticated::{self, Identify};
use crate::http::base_url::is_loopback;
use crate::http::problem::Failure;
use crate::http::state::{State, data, state};

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "PLAY_SESSION";
/// The cookie with the URN of the signed-in user, readable by scripts.
pub const ACTOR_COOKIE: &str = "actor";

const DATAHUB_ACTOR: HeaderName = HeaderName::from_static("x-datahub-actor");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Extractor for the authenticated actor of a DataHub request.
pub struct Caller(pub Actor);

impl FromRequest for Caller {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            Ok(Self(authenticated::identify::<Self>(&*state(&request)?, &request, Metering::Counted).await?))
        })
    }
}

impl Identify for Caller {
    async fn identify(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
        identify(state, &*data::<DoorRules>(request)?, request, metering).await
    }
}

async fn identify(
    state: &State,
    settings: &DoorRules,
    request: &HttpRequest,
    metering: Metering,
) -> Result<Actor, Failure> {
    if settings.authentication != Authentication::On {
        check_csrf(request)?;
        check_dns_rebinding(state, settings, request)?;
        return unverified_actor(state, settings, request).await;
    }
    // Basic credentials in plain text, as DataHub's client sends them, or in Base64, as the standard says.
    if let Some((plain, decoded)) = basic(request) {
        let (id, secret) = plain.split_once(':').map(owned).or(decoded).unwrap_or_default();
        let known = settings.system_client.as_ref().filter(|client| client.is(&id, &secret));
        let known = known.ok_or(Error::Unauthenticated(Refusal::Invalid))?;
        return Ok(Actor::built_in(known.id(), state.service.clock.now()));
    }
    match bearer(request) {
        Err(Failure::Domain(Error::Unauthenticated(Refusal::Missing)))
            if !request.headers().contains_key(AUTHORIZATION) =>
        {
            of_both_cookies(state, request, metering).await
        }
        _ => authenticate_head(state, request, metering).await,
    }
}

/// With authentication off: the actor that `X-DataHub-Actor` names, unverified; the system client if it is absent.
async fn unverified_actor(state: &State, settings: &DoorRules, request: &HttpRequest) -> Result<Actor, Failure> {
    let system = settings.system_client.as_ref().map_or(SYSTEM, |client| client.id());
    let named =
        match request.headers().get(DATAHUB_ACTOR) {
            None => system,
            Some(value) => value.to_str().ok().and_then(urn::username).ok_or_else(|| {
                Violation::new("X-DataHub-Actor", "must be a user's URN such as `urn:li:corpuser:ada`")
            })?,
        };
    if named == system {
        return Ok(Actor::built_in(system, state.service.clock.now()));
    }
    state.service.actor_without_proof(named.to_owned()).await.map_err(|error| match error {
        // Without authentication there is no reason to hide whether a user exists.
        Error::Unauthenticated(Refusal::Invalid) => Failure::DataHub(
            StatusCode::UNAUTHORIZED,
            format!(
                "X-DataHub-Actor names the user `{0}`, who does not exist: `tessera users create {0}` makes one.",
                clip(named)
            ),
        ),
        other => other.into(),
    })
}

/// The actor of the session cookies, which must both name the same user. Applies the CSRF check.
///
/// # Errors
/// [`Refusal`]s, or when the storage fails.
async fn of_both_cookies(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
    let claimed = request.cookie(ACTOR_COOKIE).ok_or(Error::Unauthenticated(Refusal::Missing))?;
    check_csrf(request)?;
    let actor = of_session_cookie(state, request, metering).await?;
    if claimed.value() == urn::of_user(actor.username()) {
        return Ok(actor);
    }
    Err(Error::Unauthenticated(Refusal::Invalid).into())
}

/// The actor of the session cookie alone: whom the browser is signed in as. Any other credential in it is refused: a key
/// in a cookie would never end.
///
/// # Errors
/// [`Refusal`]s, or when the storage fails.
pub async fn of_session_cookie(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
    let session = session_cookie(request)?.ok_or(Error::Unauthenticated(Refusal::Missing))?;
    let actor = authenticate(state, session.value(), request, metering).await?;
    if actor.credential.is_some_and(|credential| credential.kind == TokenKind::Session) {
        return Ok(actor);
    }
    Err(Error::Unauthenticated(Refusal::Invalid).into())
}

/// The session cookie. Two different ones are refused, like two credentials in headers: a site on a sibling domain could
/// have set the other one. What is no token is another application's, such as DataHub's own frontend on the same host.
///
/// # Errors
/// `Failure::Credentials`
fn session_cookie(request: &HttpRequest) -> Result<Option<Cookie<'static>>, Failure> {
    let Ok(cookies) = request.cookies() else { return Ok(None) };
    let mut found = cookies.iter().filter(|cookie| cookie.name() == SESSION_COOKIE && has_opaque_token(cookie.value()));
    let first = found.next();
    if found.any(|other| first.is_some_and(|first| first.value() != other.value())) {
        return Err(Failure::Credentials("the request has more than one session cookie: delete this site's cookies"));
    }
    Ok(first.cloned())
}

/// DNS-rebinding guard: without authentication, `Host` must be loopback or that of `TESSERA_PUBLIC_URL`. With
/// `OffAnywhere` this holds for browsers only, as the server's other host names are unknown.
fn check_dns_rebinding(state: &State, settings: &DoorRules, request: &HttpRequest) -> Result<(), Failure> {
    let headers = request.headers();
    let by_browser = headers.contains_key(ORIGIN) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"));
    let Some(host) = headers.get(HOST) else { return Ok(()) };
    if settings.authentication == Authentication::OffAnywhere && !by_browser {
        return Ok(());
    }
    let host = host.to_str().unwrap_or("?");
    let public = state.public_url.as_deref().and_then(|url| url.strip_prefix("https://")?.split('/').next());
    if is_loopback(host) || public.is_some_and(|public| public.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    let message = "Without authentication, Host must be a loopback address or that of TESSERA_PUBLIC_URL.".to_owned();
    Err(Failure::DataHub(StatusCode::FORBIDDEN, message))
}

/// CSRF check: a request with an unsafe method must be JSON, which a form cannot send, and from the same origin.
///
/// # Errors
/// 403
pub fn check_csrf(request: &HttpRequest) -> Result<(), Failure> {
    let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_json = text(CONTENT_TYPE).is_some_and(|value| {
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    });
    let from_here = text(FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    let origin_is_here = text(ORIGIN).is_none_or(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == text(HOST)
    });
    let changes = !request.method().is_safe();
    if changes && !(is_json && from_here && origin_is_here) {
        let message =
            "The request must be JSON (`Content-Type: application/json`), from the same origin if a page makes it."
                .to_owned();
        return Err(Failure::DataHub(StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

/// CSRF check for a path that changes state on GET, where browsers send the cookies along: refuses cross-site
/// navigation.
///
/// The origin is read from `Sec-Fetch-Site`, `Origin` or `Referer`; a browser that sends none of them is refused. Other
/// clients without these headers pass, because no page can make them send cookies.
///
/// # Errors
/// 403
pub fn check_csrf_navigation(request: &HttpRequest) -> Result<(), Failure> {
    let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let here = |url: &str| {
        let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
        authority.is_some() && authority == text(HOST)
    };
    let allowed = match (text(FETCH_SITE), text(ORIGIN).or_else(|| text(REFERER))) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(url)) => here(url),
        (None, None) => !text(USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/")),
    };
    if allowed {
        return Ok(());
    }
    let message = "The request must come from a page of the same origin.".to_owned();
    Err(Failure::DataHub(StatusCode::FORBIDDEN, message))
}
