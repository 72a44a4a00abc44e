//! The Prometheus metrics.

use std::sync::Mutex;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::bodies::Bodies;
use super::wire::Connections;
use crate::domain::error::{Error, Result};
use crate::service::Service;

/// The metrics of one process. Names and units follow OpenTelemetry's conventions. No label value comes from a client.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Histogram>,
    records: Gauge,
    look_ups: Gauge,
    body_memory: Gauge,
    connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(clippy::struct_field_names, reason = "the names in the metrics")]
struct RequestLabels {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

impl Metrics {
    /// Registers all metrics, including the counters of `service`.
    #[must_use]
    pub fn new(service: &Service, open: &Connections, accept_errors: Counter) -> Self {
        let mut registry = Registry::default();
        let buckets =
            || Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]);
        let requests: Family<RequestLabels, Histogram> = Family::new_with_constructor(buckets);
        let records = Gauge::default();
        let (look_ups, body_memory, connections) = (Gauge::default(), Gauge::default(), Gauge::default());
        let counts = &service.directory.counts;
        registry.register_with_unit(
            "http_server_request_duration",
            "How long requests took",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register("tessera_directory_records", "Credentials in memory", records.clone());
        registry.register("tessera_connections", "Open connections", connections.clone());
        registry.register(
            "tessera_connections_closed",
            "Connections closed before their clients closed them, by reason",
            open.closed.clone(),
        );
        registry.register("tessera_accept_errors", "Connections that could not be accepted", accept_errors);
        registry.register("tessera_look_ups_waiting", "Look-ups of credentials under way or waiting", look_ups.clone());
        registry.register_with_unit(
            "tessera_body_memory",
            "Memory that bodies of requests take",
            Unit::Bytes,
            body_memory.clone(),
        );
        registry.register("tessera_directory_hits", "Look-ups answered from memory", counts.hits.clone());
        registry.register("tessera_directory_misses", "Look-ups that read storage", counts.misses.clone());
        registry.register(
            "tessera_directory_stale",
            "Records not used because a change came after they were read",
            counts.stale.clone(),
        );
        registry.register(
            "tessera_verifications",
            "Tokens verified, whatever came of it",
            counts.verifications.clone(),
        );
        registry.register_with_unit(
            "tessera_verification_duration",
            "How long verifying a token took; one verification in 16 is timed",
            Unit::Seconds,
            counts.verification.clone(),
        );
        registry.register_with_unit(
            "tessera_directory_read_duration",
            "How long reading a credential from storage took",
            Unit::Seconds,
            counts.read.clone(),
        );
        registry.register_with_unit(
            "tessera_revoke_to_deny",
            "How long after its commit a change was in force on this node, by where it was made",
            Unit::Seconds,
            counts.revoke_to_deny.clone(),
        );
        registry.register("tessera_log_size", "Entries in the log of the changes", service.log.size.clone());
        registry.register(
            "tessera_log_witness_failures",
            "Requests to witnesses of the log that brought no cosignature",
            service.log.witness_failures.clone(),
        );
        registry.register(
            "tessera_refused_attempts_left_out",
            "Refused attempts that are not in the audit trail, because there were too many in a minute",
            service.refused.left_out.clone(),
        );
        registry.register("tessera_nodes", "Servers that work on the database", service.looks.servers.clone());
        registry.register("tessera_edges", "Edges that are registered", service.looks.edges.clone());
        registry.register_with_unit(
            "tessera_revocation_wait",
            "How long requests that took something away waited for the other nodes, by how that ended",
            Unit::Seconds,
            service.nodes.waits.clone(),
        );
        registry.register(
            "tessera_sign_ins",
            "Attempts to sign in with a password, by what came of them",
            service.sign_ins.outcomes.clone(),
        );
        Self { registry: Mutex::new(registry), requests, records, look_ups, body_memory, connections }
    }

    /// All metrics in `OpenMetrics` text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn text(&self, service: &Service, open: &Connections, bodies: &Bodies) -> Result<String> {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.records.set(whole(service.directory.len()));
        self.look_ups.set(whole(service.look_ups.waiting()));
        self.connections.set(whole(open.count()));
        self.body_memory.set(whole(bodies.memory()));
        let mut body = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        text::encode(&mut body, &registry).map_err(|error| Error::Internal(error.into()))?;
        Ok(body)
    }

    /// Records the duration of a request.
    pub fn observe_request(&self, method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
        let labels = RequestLabels {
            http_request_method: method_label(method),
            http_route: route.to_owned(),
            http_response_status_code: status.as_u16(),
        };
        self.requests.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }
}

/// The method as a label; `_OTHER` for unknown methods, because clients can invent them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}
