//! Application state shared by all handlers. Data of a single API surface is in [`Doors`](super::doors::Doors).

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, web};
use prometheus_client::metrics::counter::Counter;

use super::bodies::{Bodies, BodyLimits};
use super::fan_outs::FanOuts;
use super::log_bounds::LogBounds;
use super::metrics::Metrics;
use super::peer::TrustedProxies;
use super::problem::Failure;
use super::request_id::RequestIds;
use super::wire::Connections;
use crate::domain::error::Error;
use crate::service::Service;

/// Application state shared by all handlers.
pub struct State {
    /// The use cases.
    pub service: Service,
    /// The metrics.
    pub metrics: Metrics,
    /// Generates request ids.
    pub request_ids: RequestIds,
    /// The proxies whose forwarding headers are trusted.
    pub trusted: TrustedProxies,
    /// The memory of request bodies.
    pub bodies: Bodies,
    /// The slots of fan-out requests.
    pub fan_outs: FanOuts,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// Limits log lines per kind.
    pub log_bounds: LogBounds,
    /// The time limit of a request.
    pub request_timeout: Duration,
    /// The URL at which clients reach this server, if configured: `https://`, a host and perhaps a path.
    pub public_url: Option<String>,
    /// The origins whose pages may call this server (CORS).
    pub cors_origins: Vec<String>,
}

/// What [`State`] is built from, besides the service.
#[derive(Default)]
pub struct StateSettings {
    /// The proxies whose forwarding headers are trusted.
    pub trusted: TrustedProxies,
    /// The limits on request bodies.
    pub bodies: BodyLimits,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// Counts connections that could not be accepted.
    pub accept_errors: Counter,
    /// The time limit of a request.
    pub request_timeout: Duration,
    /// The URL at which clients reach this server: `https://`, a host and perhaps a path.
    pub public_url: Option<String>,
    /// The origins whose pages may call this server (CORS); `*` allows every origin.
    pub cors_origins: Vec<String>,
}

impl State {
    /// Builds the state.
    #[must_use]
    pub fn new(service: Service, settings: StateSettings) -> Self {
        Self {
            metrics: Metrics::new(&service, &settings.connections, settings.accept_errors),
            request_ids: RequestIds::new(service.entropy),
            service,
            trusted: settings.trusted,
            bodies: Bodies::new(settings.bodies),
            fan_outs: FanOuts::default(),
            connections: settings.connections,
            log_bounds: LogBounds::default(),
            request_timeout: settings.request_timeout,
            public_url: settings.public_url,
            cors_origins: settings.cors_origins,
        }
    }
}

/// The application state of a request.
///
/// # Errors
/// When the application was built without it.
pub fn state(request: &HttpRequest) -> Result<web::Data<State>, Failure> {
    data(request)
}

/// The data of an API surface.
///
/// # Errors
/// When the application was built without it.
pub fn data<T: 'static>(request: &HttpRequest) -> Result<web::Data<T>, Failure> {
    let data = request.app_data::<web::Data<T>>().cloned();
    Ok(data.ok_or_else(|| Error::Internal("the application lacks data of a door".into()))?)
}
