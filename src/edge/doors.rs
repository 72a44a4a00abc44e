//! The paths that an edge answers: those of gateways, and its own health and metrics.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::NormalizePath;
use actix_web::{App, HttpRequest, HttpResponse, web};
use tokio::time::timeout;
use uuid::Uuid;

use super::Edge;
use super::memory::{Answer, Kept};
use super::question::{Question, is_of_one_request, request_id};
use crate::clock::SECOND;
use crate::domain::ids::Id;
use crate::domain::network::Network;
use crate::http::bodies::Sender;
use crate::http::envelope::shape;
use crate::http::gateway::forward_auth::EXPIRES_IN;
use crate::http::gateway::original::PATH;
use crate::http::ops::metrics::OPEN_METRICS;
use crate::http::problem::Failure;
use crate::http::request_id::REQUEST_ID;
use crate::outbound::EDGE_TIME;

/// The doors of the server that take a body.
const BODIES: [&str; 4] =
    ["/oauth/introspect", "/api/service/apikeys/verify", "/access/v1/evaluation", "/access/v1/evaluations"];

/// Builds the application of an edge.
pub fn app(
    edge: Arc<Edge>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let mut app = App::new()
        .app_data(web::Data::from(edge))
        .service(web::resource(PATH).to(verify))
        .service(web::resource(format!("{PATH}/{{original:.*}}")).to(verify));
    for path in BODIES {
        app = app.route(path, web::post().to(ask));
    }
    app.route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics))
        .default_service(web::to(nothing))
        .wrap(NormalizePath::trim())
}

/// Forward authentication. A body is not read: no answer depends on it.
async fn verify(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    // The acceptance begins here.
    let uptime = edge.clock.uptime();
    answer(&edge, &request, Question::of(&request, web::Bytes::new()), uptime).await
}

/// The doors that take a body.
async fn ask(edge: web::Data<Edge>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let sender = Sender::Stranger(Network::of(request.peer_addr().map(|peer| peer.ip())));
    let body = edge.bodies.read(&request, payload.into_inner(), edge.bodies.longest(), sender).await;
    let uptime = edge.clock.uptime();
    match body {
        Ok(body) => answer(&edge, &request, Question::of(&request, body), uptime).await,
        Err(failure) => refuse(&edge, &request, &failure),
    }
}

/// Answers from memory, or else asks the server.
async fn answer(edge: &Edge, request: &HttpRequest, question: Question, uptime: i64) -> HttpResponse {
    let key = question.key(&edge.memory);
    if let Some(kept) = key.and_then(|key| edge.memory.find(&key, uptime)) {
        edge.counts.hits.inc();
        edge.uses.record(&kept, uptime);
        return again(edge, request, &kept, uptime);
    }
    edge.counts.forwarded.inc();
    let sending = edge.memory.sending(edge.clock.uptime());
    let within = EDGE_TIME + Duration::from_secs(1);
    let told = timeout(within, edge.upstream.forward(&question, &sending)).await;
    match told.map_err(|late| late.to_string()).and_then(|told| told.map_err(|failed| failed.to_string())) {
        Ok((answer, keep)) => {
            let response = respond(&answer, true);
            if let (Some(key), Some(keep)) = (key, keep) {
                edge.memory.keep(key, &sending, keep, answer);
            }
            response
        }
        Err(error) => {
            edge.counts.unanswered.inc();
            tracing::debug!(error, "a request could not be forwarded");
            refuse(edge, request, &Failure::Unavailable(error.into()))
        }
    }
}

/// The response for an answer of the server. `with_ids`: with the headers that are of one request only.
fn respond(answer: &Answer, with_ids: bool) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status).body(answer.body.clone());
    for (name, value) in answer.headers.iter().filter(|(name, _)| with_ids || !is_of_one_request(name)) {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}

/// An answer from memory.
fn again(edge: &Edge, request: &HttpRequest, kept: &Kept, uptime: i64) -> HttpResponse {
    let mut response = respond(&kept.answer, false);
    if let Some(left) = kept.left {
        let seconds = (left - (uptime - kept.sent)).max(0) / SECOND;
        response.headers_mut().insert(EXPIRES_IN, HeaderValue::from(seconds));
    }
    if let Ok(id) = HeaderValue::from_str(&id_of(edge, request)) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id of a request: the client's, or a new one.
fn id_of(edge: &Edge, request: &HttpRequest) -> String {
    let new = || Id::<Uuid>::new(edge.clock.now(), edge.entropy).map(|id| id.to_string()).unwrap_or_default();
    request_id(request.headers()).map_or_else(new, str::to_owned)
}

/// A refusal of the edge itself, in the words of the server.
fn refuse(edge: &Edge, request: &HttpRequest, failure: &Failure) -> HttpResponse {
    let id = id_of(edge, request);
    let mut response = failure.render(shape(request.path(), request.headers()), &id);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

async fn nothing(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    let failure =
        if BODIES.contains(&request.path()) { Failure::Method("POST".to_owned()) } else { Failure::NoEndpoint };
    refuse(&edge, &request, &failure)
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Ready while it has a lease.
async fn readyz(edge: web::Data<Edge>) -> HttpResponse {
    if edge.memory.has_lease(edge.clock.uptime()) {
        return HttpResponse::Ok().content_type("text/plain").body("ok\n");
    }
    let reason = edge.failure().unwrap_or_else(|| "the last look is too old".to_owned());
    let text = format!("nothing is answered from memory: {reason}\n");
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).content_type("text/plain").body(text)
}

async fn metrics(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    let has_lease = edge.memory.has_lease(edge.clock.uptime());
    match edge.counts.text(edge.memory.len(), has_lease) {
        Ok(text) => HttpResponse::Ok().content_type(OPEN_METRICS).body(text),
        Err(error) => refuse(&edge, &request, &error.into()),
    }
}
