//! Builds the HTTP application: routes, middleware and CORS. Production and tests use the same function.

use actix_cors::Cors;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN};
use actix_web::middleware::{Condition, Next, NormalizePath, from_fn};
use actix_web::{App, web};
use utoipa_actix_web::AppExt;

use crate::http::doors::Doors;
use crate::http::envelope::envelope;
use crate::http::state::State;
use crate::http::{datahub, no_endpoint, routes};

/// Builds the application.
pub fn app(
    state: web::Data<State>,
    doors: &Doors,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let pages = Condition::new(!state.cors_origins.is_empty(), pages(&state.cors_origins));
    let (app, _) =
        App::new().into_utoipa_app().configure(routes).configure(|config| doors.register(config)).split_for_parts();
    app.app_data(state)
        .default_service(web::to(no_endpoint))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(envelope))
        .wrap(pages)
        .wrap(from_fn(refuse_preflight))
        .wrap(from_fn(datahub::aliases::follow))
}

/// CORS: pages of the configured origins may do everything, with a token. Browser credentials such as cookies are never
/// allowed.
fn pages(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allow_any_header()
        .expose_headers([
            "dpop-nonce",
            "etag",
            "link",
            "location",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "tessera-receipt",
            "tessera-revocation",
            "www-authenticate",
            "x-request-id",
        ])
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Makes a CORS preflight request that is not permitted an ordinary `OPTIONS` request. So it has an error body and a log
/// line as other refusals have; `Cors` would answer it in plain text.
async fn refuse_preflight(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_allowed = request.app_data::<web::Data<State>>().is_none_or(|state| {
        let origin = request.headers().get(ORIGIN);
        let by_origin = state
            .cors_origins
            .iter()
            .any(|allowed| allowed == "*" || origin.is_some_and(|origin| origin.as_bytes() == allowed.as_bytes()));
        let asked = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD).map(HeaderValue::as_bytes);
        by_origin && asked.is_none_or(|asked| METHODS.iter().any(|known| known.as_str().as_bytes() == asked))
    });
    if request.method() == Method::OPTIONS && !is_allowed {
        request.headers_mut().remove(ACCESS_CONTROL_REQUEST_METHOD);
    }
    next.call(request).await
}

/// The methods that `Cors` permits.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];
