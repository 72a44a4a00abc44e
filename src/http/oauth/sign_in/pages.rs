//! `/login/{provider}`, `/login/{provider}/callback` and `/login/{provider}/logout`.

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};

use super::flow::{Asked, Flow, no_cookie};
use super::id_token::{Expected, IdToken};
use super::provider::Provider;
use super::{ProviderError, Providers};
use crate::clock::SECOND;
use crate::domain::error::Error;
use crate::domain::identity::Claims;
use crate::http::address::root;
use crate::http::auth::origin;
use crate::http::console::{Visit, lead, local};
use crate::http::datahub::caller::check_csrf_navigation;
use crate::http::datahub::login::cookies;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::authn::sessions;
use crate::service::people::sign_in::{self, Arrival, SignInRefused};

/// `GET /login/{provider}`: redirects to the provider. `again=true` makes it authenticate the user again.
///
/// # Errors
/// `Failure::NoEndpoint` for a provider that is not configured.
pub async fn begin(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    let params = Params::parse(request.query_string());
    let next = local(params.get("next")?).unwrap_or_default();
    let asked = if params.get("again")? == "true" { Asked::Again } else { Asked::AsNeeded };
    let flow = Flow::begin(&state.service, provider.place(), next, asked)?;
    match provider.authorization(&flow).await {
        Ok(address) => Ok(lead("", &address, [flow.cookie(provider.place())])),
        Err(trouble) => {
            tell(&state, provider, &trouble);
            Ok(back(&request, provider, because(&trouble)))
        }
    }
}

/// `GET /login/{provider}/callback`: signs the user in with the provider's code, or shows why not.
///
/// # Errors
/// `Failure::NoEndpoint` for a provider that is not configured; when the storage fails.
pub async fn finish(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
    visit: Option<Visit>,
) -> Result<HttpResponse, Failure> {
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    let params = Params::parse(request.query_string());
    // Not counted as a failure: any web page can send a browser here without a sign-in in progress.
    let Some(flow) = Flow::resume(&state.service, provider.place(), &request, params.get("state")?) else {
        return Ok(back(&request, provider, "stale"));
    };
    let (service, origin) = (&state.service, origin(&state, &request));
    let turn = match service.turn_at_provider(&provider.settings.id, &origin).await {
        Err(Error::Busy | Error::SlowedDown { .. }) => return Ok(back(&request, provider, "busy")),
        turn => turn?,
    };
    let claims = match prove(provider, &flow, &params, service.clock.now()).await {
        Ok(claims) => claims,
        Err(trouble) => {
            tell(&state, provider, &trouble);
            if service.failed_at_provider(&turn) {
                sign_in::record_refusal(service, &provider.settings.id, origin).await?;
            }
            return Ok(back(&request, provider, because(&trouble)));
        }
    };
    let mapping = Arc::clone(&provider.settings.mapping);
    let arrival = Arrival { provider: Arc::clone(&provider.settings.id), claims, mapping };
    match sign_in::sign_in(service, arrival, origin.clone()).await? {
        Ok(signed_in) => {
            service.succeeded_at_provider(&turn);
            end_earlier(&state, visit).await?;
            let cookies = cookies(&state, &request, signed_in.username, signed_in.session);
            Ok(lead(&root(&request), &flow.next, cookies.into_iter().chain([no_cookie(provider.place())])))
        }
        Err(refusal) => {
            if service.failed_at_provider(&turn) {
                sign_in::record_refusal(service, &provider.settings.id, origin).await?;
            }
            if state.log_bounds.admit("not let in", Instant::now()) {
                tracing::info!(provider = %provider.settings.id, %refusal, "somebody was not let in");
            }
            Ok(back(&request, provider, word(refusal)))
        }
    }
}

/// Exchanges the code of the callback for an ID token, and returns its validated claims.
async fn prove(provider: &Provider, flow: &Flow, params: &Params, now: i64) -> Result<Claims, ProviderError> {
    let get = |name: &str| params.get(name).map_err(|error| ProviderError::Rejected(error.message));
    // Mix-up guard, before the code is used: it may come from another provider (RFC 9207).
    let issuer = get("iss")?;
    let must_name = provider.metadata().await?.authorization_response_iss_parameter_supported;
    if params.has("iss") && issuer != provider.settings.issuer || must_name && !params.has("iss") {
        return Err(ProviderError::rejected("the answer is not one of this provider"));
    }
    if params.has("error") {
        return Err(ProviderError::Denied(crate::domain::text::clip(get("error")?)));
    }
    let code = get("code")?;
    if code.is_empty() {
        return Err(ProviderError::rejected("the answer has no code"));
    }
    let token = provider.exchange(code.to_owned(), flow.verifier.clone()).await?;
    // `typ` is optional in an ID token; any value but `JWT` marks another kind of token (RFC 8725, section 3.11).
    let is_id_token = |kind: Option<&str>| kind.is_none_or(|kind| kind.eq_ignore_ascii_case("jwt"));
    let token: IdToken = provider.verified(&token, is_id_token).await?;
    let fresh_since = (flow.asked == Asked::Again).then_some(flow.began_at / SECOND);
    token.accept(&provider.settings, &Expected { nonce: &flow.nonce, now: now / SECOND, fresh_since })
}

/// Ends the browser's previous session (ASVS 5.0, 7.2.4).
async fn end_earlier(state: &State, visit: Option<Visit>) -> Result<(), Failure> {
    let Some(visit) = visit else { return Ok(()) };
    match sessions::end(&state.service, &visit.actor).await {
        Ok(()) | Err(Error::Unauthenticated(_) | Error::Busy) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /login/{provider}/logout`: redirects to the provider's logout page, if it has one. The session here has already
/// ended.
///
/// # Errors
/// `Failure::NoEndpoint` for a provider that is not configured.
pub async fn leave(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    check_csrf_navigation(&request)?;
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    match provider.end_session().await {
        Ok(Some(address)) => Ok(lead("", &address, [])),
        Ok(None) => Ok(lead(&root(&request), "login?because=out", [])),
        Err(trouble) => {
            tell(&state, provider, &trouble);
            Ok(back(&request, provider, because(&trouble)))
        }
    }
}

/// Redirects to the login page, which shows the reason, and deletes the sign-in cookie.
fn back(request: &HttpRequest, provider: &Provider, because: &str) -> HttpResponse {
    lead(&root(request), &format!("login?because={because}"), [no_cookie(provider.place())])
}

/// Logs the failure for the operator, without codes or tokens.
fn tell(state: &State, provider: &Provider, trouble: &ProviderError) {
    if state.log_bounds.admit("provider", Instant::now()) {
        tracing::warn!(provider = %provider.settings.id, %trouble, "a sign-in with a provider came to nothing");
    }
}

/// The reason as the login page's parameter `because`.
fn because(trouble: &ProviderError) -> &'static str {
    match trouble {
        ProviderError::Unavailable(_) => "unavailable",
        ProviderError::Rejected(_) => "rejected",
        ProviderError::Denied(_) => "denied",
    }
}

fn word(refusal: SignInRefused) -> &'static str {
    match refusal {
        SignInRefused::NameTaken => "name-taken",
        SignInRefused::BadName => "bad-name",
        SignInRefused::Disabled => "disabled",
        SignInRefused::NoRole => "no-role",
        SignInRefused::LastAdministrator => "last-administrator",
    }
}
