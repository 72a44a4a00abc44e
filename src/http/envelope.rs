//! Middleware around every request: request id, time limit, log line, metrics, and the body of errors.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::Instrument;
use tracing::field::Empty;

use super::address::keep_sent_path;
use super::auth::{Asking, Authenticated};
use super::console::failures::ErrorPages;
use super::datahub;
use super::head_requests::SentAsHead;
use super::oauth::protected_resource;
use super::problem::{Complete, Failure, PROBLEM_JSON, Shape, answers_as_oauth};
use super::request_id::{ATLAN_REQUEST_ID, Numbered, REQUEST_ID, RequestId, is_usable};
use crate::domain::error::Error;
use crate::domain::limits::Allowance;
use crate::domain::node::{Acknowledgement, RevocationNote, Told};
use crate::http::state::State;
use crate::service::GivenUp;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// `Tessera-Revocation`, on every answer to a request that took something away.
const REVOCATION: HeaderName = HeaderName::from_static("tessera-revocation");

/// `Tessera-Receipt`, the address of the receipt, on the same answers.
const RECEIPT: HeaderName = HeaderName::from_static("tessera-receipt");

/// Extra time for a request whose transaction is already committing when the time limit passes.
const COMMITS_WITHIN: Duration = Duration::from_secs(5);

/// The middleware itself.
///
/// # Errors
/// A rendered error response, if the handler timed out, panicked or was never reached.
pub async fn envelope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let answer = Exchange::to(&request, &state);
    if request.method() == Method::HEAD {
        // HEAD is handled like GET. actix remembers the real method and leaves out the body.
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(SentAsHead);
    }
    let span = tracing::info_span!("request", id = %answer.request_id, actor = Empty, original = Empty);
    let mut call = pin!(AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()));
    let mut outcome = timeout(state.request_timeout, &mut call).await;
    if outcome.is_err() && state.service.give_up(answer.number) == GivenUp::TooLate {
        outcome = timeout(COMMITS_WITHIN, &mut call).await;
    }
    let _entered = span.enter();
    match outcome {
        Ok(Ok(Ok(response))) => {
            let response = response.map_into_boxed_body();
            let (mut response, code) = match answer.failure(&response, &state) {
                None => (response, None),
                Some((error, code)) => (response.into_response(error), Some(code)),
            };
            answer.tell(&state, response.response_mut());
            let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
            let status = response.status();
            let known = response.request().extensions().get::<Authenticated>().copied();
            if let Some(Authenticated(Some(key))) = known
                && status == StatusCode::FORBIDDEN
            {
                state.service.record_refusal(key, state.trusted.client_address(response.request()));
            }
            // The log kind of an unauthenticated success, whose log lines are limited.
            let code = code.or(if known.is_some() { None } else { Some("answered a stranger") });
            if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                let asked = response.request().clone();
                if status == StatusCode::FORBIDDEN {
                    let asking = asked.extensions_mut().remove::<Asking>();
                    if let Some(Asking(actor)) = asking {
                        state.service.enter_refused(actor, format!("{} {route}", answer.method));
                    }
                }
                if status == StatusCode::FORBIDDEN && known.is_some() {
                    protected_resource::challenge_forbidden(&asked, response.headers_mut());
                }
                protected_resource::point_to(&state, &asked, response.headers_mut());
            }
            let allowance = response.request().extensions().get::<Allowance>().copied();
            answer.end_connection(response.response_mut());
            if let Some(allowance) = allowance {
                add_rate_limit(response.headers_mut(), allowance);
            }
            answer.finish(&state, &route, (status, code), response.headers_mut());
            Ok(response)
        }
        Ok(Ok(Err(error))) => Err(answer.fail(&state, &Failure::Framework(error.as_response_error().status_code()))),
        Ok(Err(_panic)) => Err(answer.fail(&state, &Failure::Panic)),
        Err(_elapsed) => Err(answer.fail(&state, &Failure::Timeout)),
    }
}

/// The data of a request that is kept until its response is finished.
struct Exchange {
    number: u64,
    request_id: RequestId,
    acknowledged: RevocationNote,
    echoes: Vec<(HeaderName, HeaderValue)>,
    shape: Shape,
    error_pages: Option<ErrorPages>,
    method: Method,
    started: Instant,
    /// Whether actix closes the connection after this response, because the request is an `Upgrade` or `CONNECT`.
    /// `wire` removes `Upgrade` headers wherever it can follow the stream.
    ends_connection: bool,
}

impl Exchange {
    fn to(request: &ServiceRequest, state: &State) -> Self {
        let headers = request.headers();
        let echoes: Vec<_> = [REQUEST_ID, ATLAN_REQUEST_ID]
            .into_iter()
            .filter_map(|name| {
                headers.get(&name).filter(|value| is_usable(value)).map(|value| (name.clone(), value.clone()))
            })
            .collect();
        let made = || state.request_ids.make(state.service.clock.now());
        let request_id = echoes.first().map_or_else(made, |(_, value)| RequestId::Given(value.clone()));
        let number = state.service.number_request();
        let acknowledged = RevocationNote::of(is_hurried(request));
        let numbered = Numbered { number, id: request_id.clone(), acknowledged: acknowledged.clone() };
        request.extensions_mut().insert(numbered);
        keep_sent_path(request);
        Self {
            number,
            request_id,
            acknowledged,
            echoes,
            shape: shape(request.path(), headers),
            error_pages: ErrorPages::of(request),
            method: request.method().clone(),
            started: Instant::now(),
            ends_connection: request.head().upgrade() || request.method() == Method::CONNECT,
        }
    }

    /// The response to send instead of an error response, and its code; `None` for a success.
    fn failure(&self, response: &ServiceResponse<BoxBody>, state: &State) -> Option<(HttpResponse, &'static str)> {
        let status = response.status();
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        if response.response().extensions().contains::<Complete>() {
            return None;
        }
        if let Some(failure) = response.response().error().and_then(actix_web::Error::as_error::<Failure>) {
            return Some((self.render(failure, state), failure.code().1));
        }
        let failure = match status {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge(state.bodies.longest()),
            status => Failure::Framework(status),
        };
        Some((self.render(&failure, state), failure.code().1))
    }

    fn fail(&self, state: &State, failure: &Failure) -> actix_web::Error {
        let mut response = self.render(failure, state);
        self.end_connection(&mut response);
        let status = response.status();
        self.finish(state, "unmatched", (status, Some(failure.code().1)), response.headers_mut());
        InternalError::from_response(Rendered, response).into()
    }

    fn render(&self, failure: &Failure, state: &State) -> HttpResponse {
        match failure {
            // Limited, because unauthenticated clients can trigger storage errors at will.
            Failure::Domain(Error::Storage(source)) | Failure::Unavailable(source) => {
                if state.log_bounds.admit("storage failed", Instant::now()) {
                    tracing::error!(%source, "{failure}");
                }
            }
            Failure::Domain(Error::Internal(source)) => {
                if state.log_bounds.admit("internal error", Instant::now()) {
                    tracing::error!(%source, "{failure}");
                }
            }
            Failure::Panic | Failure::Timeout | Failure::Domain(Error::TooSlow) => {
                if state.log_bounds.admit("gave up", Instant::now()) {
                    tracing::error!("{failure}");
                }
            }
            // The message is not logged: it may quote what the client sent, possibly a token.
            _ => tracing::debug!(code = failure.code().1, "refused"),
        }
        let request_id = self.request_id.to_string();
        let page = self.error_pages.as_ref().and_then(|error_pages| error_pages.page(failure, &request_id));
        page.unwrap_or_else(|| failure.render(self.shape, &request_id))
    }

    /// Adds to the answer how the request's revocations become known to the nodes, and the address of the receipt. If
    /// the client did not wait, a success has status 202 and the address at which that can be read later.
    fn tell(&self, state: &State, response: &mut HttpResponse) {
        let address = |id| {
            let root = state.public_url.as_deref().unwrap_or_default();
            format!("{root}/api/service/revocations/{id}")
        };
        let (id, name, value) = match self.acknowledged.get() {
            None => return,
            Some(Told::Final(id, Acknowledgement { nodes, acknowledged, millis })) => {
                (id, REVOCATION, format!("nodes={nodes}, acknowledged={acknowledged}, took={millis}ms"))
            }
            Some(Told::Pending(_)) if response.status() != StatusCode::OK => return,
            Some(Told::Pending(id)) => {
                *response.status_mut() = StatusCode::ACCEPTED;
                (id, LOCATION, address(id))
            }
        };
        for (name, value) in [(name, value), (RECEIPT, format!("{}/receipt", address(id)))] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }

    /// Sends `Connection: close` where actix closes the connection without saying so.
    fn end_connection(&self, response: &mut HttpResponse) {
        if self.ends_connection {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }

    /// Sets the common headers, counts the request and logs it. With a `code` (errors and unauthenticated successes)
    /// the number of log lines is limited.
    fn finish(
        &self,
        state: &State,
        route: &str,
        (status, code): (StatusCode, Option<&'static str>),
        headers: &mut HeaderMap,
    ) {
        headers.insert(REQUEST_ID, self.request_id.header());
        for (name, value) in &self.echoes {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let elapsed = self.started.elapsed();
        state.metrics.observe_request(&self.method, route, status, elapsed);
        if code.is_some_and(|code| !state.log_bounds.admit(code, Instant::now())) {
            return;
        }
        // `u64`, because JSON logs write 128-bit numbers as text.
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(method = %self.method, route, status = status.as_u16(), micros, "answered");
    }
}

/// Adds `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).
fn add_rate_limit(headers: &mut HeaderMap, Allowance { limit, remaining }: Allowance) {
    let fields = [
        ("ratelimit-policy", format!("\"key\";q={};w={}", limit.requests, limit.seconds)),
        ("ratelimit", format!("\"key\";r={remaining}")),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Whether the client does not wait for the nodes: `Prefer: respond-async` (RFC 7240) or `?wait=0`.
fn is_hurried(request: &ServiceRequest) -> bool {
    let values = request.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
    let prefers = values.flat_map(|value| value.split(',')).any(|each| {
        let preference = each.split([';', '=']).next().unwrap_or_default();
        preference.trim().eq_ignore_ascii_case("respond-async")
    });
    prefers || request.query_string().split('&').any(|parameter| parameter == "wait=0")
}

/// Chooses the error body: DataHub's or OAuth's by path; otherwise RFC 9457's if `Accept` names
/// `application/problem+json` before `application/json`; otherwise Atlan's. Order counts because generated clients list
/// every media type of the OpenAPI document.
#[must_use]
pub fn shape(path: &str, headers: &HeaderMap) -> Shape {
    if datahub::owns(path) {
        return Shape::DataHub;
    }
    if answers_as_oauth(path) {
        return Shape::Oauth;
    }
    let accepted = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let types = accepted.map(|range| range.split(';').next().unwrap_or_default().trim());
    match types.into_iter().find(|range| [PROBLEM_JSON, "application/json"].contains(range)) {
        Some(PROBLEM_JSON) => Shape::Problem,
        _ => Shape::Atlan,
    }
}

/// An error whose response is already rendered.
#[derive(Debug, thiserror::Error)]
#[error("answered with an error")]
struct Rendered;
