//! `/login/{provider}`, `/login/{provider}/callback` and `/login/{provider}/logout`.

use std::sync::Arc;
use std::time::Instant;

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, web};
use tracing::Instrument;

use super::flow::{Flow, Reauthentication, SIGN_IN_TIMEOUT, make_room};
use super::id_token::{Expected, IdToken};
use super::provider::Provider;
use super::{Providers, denied};
use crate::clock::SECOND;
use crate::domain::error::Error;
use crate::domain::identity::ProviderClaims;
use crate::http::address::root;
use crate::http::auth::origin;
use crate::http::console::{SignedInRequest, safe_redirect_target};
use crate::http::datahub::caller::check_csrf_navigation;
use crate::http::datahub::login::{cookies, end_replaced};
use crate::http::head_requests::refuse_head;
use crate::http::oauth::issuer::ProviderError;
use crate::http::problem::Failure;
use crate::http::protected::redirect;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::authn::sign_ins::{Origin, ProviderTurn};
use crate::service::people::sign_in::{self, AnsweredOnce, ProviderSignIn, SignInRefused};

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
    // CSRF check: another site must not replace the browser's session; the login page asks for a click.
    if check_csrf_navigation(&request).is_err() {
        return Ok(redirect(&root(&request), "login", []));
    }
    let next = safe_redirect_target(params.get("next")?).unwrap_or_default();
    let reauthentication =
        if params.get("again")? == "true" { Reauthentication::Required } else { Reauthentication::IfNeeded };
    let flow = Flow::begin(&state.service, provider.cookie_scope(), next, reauthentication)?;
    match provider.authorization(&flow).await {
        Ok(address) => {
            let scope = provider.cookie_scope();
            Ok(redirect("", &address, make_room(scope, &request).into_iter().chain([flow.cookie(scope)])))
        }
        Err(trouble) => {
            log_failure(&state, provider, &trouble);
            Ok(redirect_to_login(&request, reason_of(&trouble), []))
        }
    }
}

/// `GET /login/{provider}/callback`: signs the user in with the provider's code, or shows why not.
///
/// # Errors
/// `Failure::NoEndpoint` for a provider that is not configured; when the storage fails.
pub async fn callback(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
    signed_in: Option<SignedInRequest>,
) -> Result<HttpResponse, Failure> {
    refuse_head(&request)?;
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    let params = Params::parse(request.query_string());
    // Not counted as a failure, and without effect on a sign-in in progress: any web page can send a browser here.
    let Some(flow) = Flow::resume(&state.service, provider.cookie_scope(), &request, params.get("state")?) else {
        return Ok(redirect_to_login(&request, "stale", []));
    };
    let used = flow.no_cookie(provider.cookie_scope());
    let (service, origin) = (&state.service, origin(&state, &request));
    let turn = match service.turn_at_provider(&provider.settings.id, &origin).await {
        Err(Error::Busy | Error::SlowedDown { .. }) => return Ok(redirect_to_login(&request, "busy", [used])),
        turn => turn?,
    };
    let (next, nonce) = (flow.next.clone(), flow.nonce.clone());
    let (claims, turn) = match prove(state.clone(), Arc::clone(provider), flow, params, turn, origin.clone()).await? {
        Ok(proved) => proved,
        Err(reason) => return Ok(redirect_to_login(&request, reason, [used])),
    };
    let mapping = Arc::clone(&provider.settings.mapping);
    let answered = AnsweredOnce { nonce, until: service.clock.now() + SIGN_IN_TIMEOUT };
    let at_provider = ProviderSignIn { provider: Arc::clone(&provider.settings.id), claims, mapping, answered };
    match sign_in::sign_in(service, at_provider, origin.clone()).await? {
        Ok(new) => {
            service.succeeded_at_provider();
            end_replaced(&state, signed_in.map(|signed_in| signed_in.actor)).await;
            let cookies = cookies(&state, &request, new.username, new.session);
            Ok(redirect(&root(&request), &next, cookies.into_iter().chain([used])))
        }
        Err(refusal) => {
            if service.refused_at_provider(&turn) {
                sign_in::record_refusal(service, &provider.settings.id, origin).await?;
            }
            if state.log_bounds.admit("not let in", Instant::now()) {
                tracing::info!(provider = %provider.settings.id, %refusal, "a sign-in with a provider was refused");
            }
            Ok(redirect_to_login(&request, reason_of_refusal(refusal), [used]))
        }
    }
}

/// Validates the callback and counts a failure, in a task of its own: a client that disconnects neither avoids the count
/// nor frees its place in the queue. Returns the claims, or the reason that the login page shows.
async fn prove(
    state: web::Data<State>,
    provider: Arc<Provider>,
    flow: Flow,
    params: Params,
    turn: ProviderTurn,
    origin: Origin,
) -> Result<Result<(ProviderClaims, ProviderTurn), &'static str>, Failure> {
    let task = async move {
        let service = &state.service;
        let trouble = match validated_claims(&provider, &flow, &params, service.clock.now()).await {
            Ok(claims) => return Ok(Ok((claims, turn))),
            Err(trouble) => trouble,
        };
        log_failure(&state, &provider, &trouble);
        // An outage of the provider is not the client's failure.
        let is_counted = !matches!(trouble, ProviderError::Unavailable(_));
        if is_counted && service.failed_at_provider(&turn) {
            sign_in::record_refusal(service, &provider.settings.id, origin).await?;
        }
        Ok(Err(reason_of(&trouble)))
    };
    actix_web::rt::spawn(task.in_current_span()).await.map_err(|error| Error::Internal(error.into()))?
}

/// Exchanges the code of the callback for an ID token, and returns its validated claims.
async fn validated_claims(
    provider: &Arc<Provider>,
    flow: &Flow,
    params: &Params,
    now: i64,
) -> Result<ProviderClaims, ProviderError> {
    let get = |name: &str| params.get(name).map_err(|error| ProviderError::Rejected(error.message));
    // Mix-up guard, before the code is used: it may come from another provider (RFC 9207).
    let issuer = get("iss")?;
    let must_name = provider.metadata().await?.endpoints.authorization_response_iss_parameter_supported;
    if params.has("iss") && issuer != provider.settings.issuer || must_name && !params.has("iss") {
        return Err(ProviderError::rejected("the answer is not one of this provider"));
    }
    if params.has("error") {
        return Err(denied(get("error")?));
    }
    let code = get("code")?;
    if code.is_empty() {
        return Err(ProviderError::rejected("the answer has no code"));
    }
    let token = provider.exchange(code.to_owned(), flow.verifier.clone()).await?;
    // `typ` is optional in an ID token; any value but `JWT` marks another kind of token (RFC 8725, section 3.11).
    let is_id_token = |kind: Option<&str>| kind.is_none_or(|kind| kind.eq_ignore_ascii_case("jwt"));
    let token: IdToken = provider.verified(&token, is_id_token).await?;
    let fresh_since = (flow.reauthentication == Reauthentication::Required).then_some(flow.began_at / SECOND);
    token.accept(&provider.settings, &Expected { nonce: &flow.nonce, now: now / SECOND, fresh_since })
}

/// `GET /login/{provider}/logout`: redirects to the provider's logout page, if it has one. The session here has already
/// ended.
///
/// # Errors
/// `Failure::NoEndpoint` for a provider that is not configured.
pub async fn sign_out(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    check_csrf_navigation(&request)?;
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    match provider.end_session().await {
        Ok(Some(address)) => Ok(redirect("", &address, [])),
        Ok(None) => Ok(redirect(&root(&request), "login?because=out", [])),
        Err(trouble) => {
            log_failure(&state, provider, &trouble);
            Ok(redirect_to_login(&request, reason_of(&trouble), []))
        }
    }
}

/// Redirects to the login page, which shows the reason. `used` deletes the cookie of the sign-in that has ended.
fn redirect_to_login<const N: usize>(request: &HttpRequest, because: &str, used: [Cookie<'static>; N]) -> HttpResponse {
    redirect(&root(request), &format!("login?because={because}"), used)
}

/// Logs the failure for the operator, without codes or tokens.
fn log_failure(state: &State, provider: &Provider, trouble: &ProviderError) {
    if state.log_bounds.admit("provider", Instant::now()) {
        tracing::warn!(provider = %provider.settings.id, %trouble, "a sign-in with a provider failed");
    }
}

/// The reason as the login page's parameter `because`.
fn reason_of(trouble: &ProviderError) -> &'static str {
    match trouble {
        ProviderError::Unavailable(_) => "unavailable",
        ProviderError::Rejected(_) => "rejected",
        ProviderError::Denied(_) => "denied",
    }
}

fn reason_of_refusal(refusal: SignInRefused) -> &'static str {
    match refusal {
        SignInRefused::Replayed => "stale",
        SignInRefused::NameTaken => "name-taken",
        SignInRefused::BadName => "bad-name",
        SignInRefused::Disabled => "disabled",
        SignInRefused::NoRole => "no-role",
        SignInRefused::LastAdministrator => "last-administrator",
    }
}
