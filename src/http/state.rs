//! What every handler can reach. What only one door needs is that door's own data: see [`Doors`](super::Doors).

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

/// What every handler can reach.
pub struct State {
    /// The use cases.
    pub service: Service,
    /// The metrics.
    pub metrics: Metrics,
    /// Names for requests.
    pub request_ids: RequestIds,
    /// The proxies whose word on a client's address is taken.
    pub trusted: TrustedProxies,
    /// The bodies being read.
    pub bodies: Bodies,
    /// The requests that fan out.
    pub fan_outs: FanOuts,
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

/// What the state is made of beside the use cases.
#[derive(Default)]
pub struct StateSettings {
    /// The proxies whose word on a client's address is taken.
    pub trusted: TrustedProxies,
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

/// The state of the application that answers a request.
///
/// # Errors
/// When the application has been put together without it.
pub fn state(request: &HttpRequest) -> Result<web::Data<State>, Failure> {
    data(request)
}

/// The data of a door.
///
/// # Errors
/// When the application has been put together without it.
pub fn data<T: 'static>(request: &HttpRequest) -> Result<web::Data<T>, Failure> {
    let data = request.app_data::<web::Data<T>>().cloned();
    Ok(data.ok_or_else(|| Error::Internal("the application lacks data of a door".into()))?)
}
