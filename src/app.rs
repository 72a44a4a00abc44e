//! The composition root: services and routes become an application, the same for production and for tests.

use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, NormalizePath, from_fn};
use actix_web::{App, web};
use prometheus_client::metrics::counter::Counter;
use utoipa::openapi::Server;
use utoipa_actix_web::AppExt;

use crate::http::bodies::{Bodies, BodyLimits};
use crate::http::datahub;
use crate::http::envelope::envelope;
use crate::http::gateway::guards::{GithubKeys, LeakReports};
use crate::http::log_bounds::LogBounds;
use crate::http::peer::TrustedProxies;
use crate::http::wire::Connections;
use crate::http::{Endpoints, Metrics, RequestIds, no_endpoint, openapi, routes};
use crate::service::Service;

/// What every handler can reach.
pub struct State {
    /// The use cases.
    pub service: Service,
    /// The metrics.
    pub metrics: Metrics,
    /// Names for requests.
    pub request_ids: RequestIds,
    /// The paths there are.
    pub endpoints: Endpoints,
    /// The OpenAPI document, as JSON.
    pub document: String,
    /// The same in version 3.0.
    pub document_3_0: String,
    /// The proxies whose word on a client's address is taken.
    pub trusted: TrustedProxies,
    /// The keys that GitHub signs with.
    pub github_keys: GithubKeys,
    /// How often leaks are reported.
    pub leak_reports: LeakReports,
    /// How long gateways may keep an answer about a token, in milliseconds.
    pub introspection_millis: i64,
    /// What DataHub's door was told.
    pub datahub: datahub::Settings,
    /// DataHub's GraphQL.
    pub graphql: datahub::graphql::engine::Engine,
    /// The bodies being read.
    pub bodies: Bodies,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// How many refusals of a kind are logged.
    pub log_bounds: LogBounds,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How clients reach this server, if that was said: `https://`, a host and perhaps a path.
    pub public_url: Option<String>,
    /// The origins whose pages may call this server.
    pub cors_origins: Vec<String>,
}

/// What a door needs to know that no service does.
#[derive(Default)]
pub struct DoorSettings {
    /// The proxies whose word on a client's address is taken.
    pub trusted: TrustedProxies,
    /// The keys that GitHub signs with.
    pub github_keys: GithubKeys,
    /// How long gateways may keep an answer about a token, in milliseconds.
    pub introspection_millis: i64,
    /// What DataHub's door was told.
    pub datahub: datahub::Settings,
    /// How bodies are read.
    pub bodies: BodyLimits,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// How often a connection could not be accepted.
    pub accept_errors: Counter,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How clients reach this server: `https://`, a host and perhaps a path.
    pub public_url: Option<String>,
    /// The origins whose pages may call this server: none if there are none, and every one for `*`.
    pub cors_origins: Vec<String>,
}

impl State {
    /// The state of an application.
    ///
    /// # Errors
    /// When the OpenAPI document cannot be written, or threads cannot be started.
    pub fn new(service: Service, doors: DoorSettings) -> std::io::Result<Self> {
        let mut document = openapi::document();
        if let Some(url) = &doors.public_url {
            document.servers = Some(vec![Server::new(url)]);
        }
        Ok(Self {
            metrics: Metrics::new(&service, &doors.connections, doors.accept_errors),
            connections: doors.connections,
            request_ids: RequestIds::new(service.entropy),
            endpoints: Endpoints::of(&document),
            document: openapi::json(&document)?,
            document_3_0: openapi::json_3_0(&document)?,
            leak_reports: LeakReports::new(service.clock.clone()),
            service,
            trusted: doors.trusted,
            github_keys: doors.github_keys,
            introspection_millis: doors.introspection_millis,
            datahub: doors.datahub,
            graphql: datahub::graphql::engine::Engine::start()?,
            bodies: Bodies::new(doors.bodies),
            log_bounds: LogBounds::default(),
            request_timeout: doors.request_timeout,
            public_url: doors.public_url,
            cors_origins: doors.cors_origins,
        })
    }
}

/// The application.
pub fn app(
    state: web::Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let pages = Condition::new(!state.cors_origins.is_empty(), pages(&state.cors_origins));
    let (app, _) = App::new().into_utoipa_app().configure(routes).split_for_parts();
    app.app_data(state)
        .default_service(web::to(no_endpoint))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(envelope))
        .wrap(pages)
        .wrap(from_fn(datahub::aliases::follow))
}

/// What pages of other origins may do (the Fetch standard's CORS): everything, with a token. Credentials of the browser,
/// such as cookies, never go along.
fn pages(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([
            "etag",
            "link",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "www-authenticate",
            "x-request-id",
        ])
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
