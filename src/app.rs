//! Builds the HTTP application: routes, middleware and CORS. Production and tests use the same function.

use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, NormalizePath, from_fn};
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
        .wrap(from_fn(datahub::aliases::follow))
}

/// CORS: pages of the configured origins may do everything, with a token. Browser credentials such as cookies are never
/// allowed.
fn pages(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
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
