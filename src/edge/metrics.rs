//! The metrics of an edge.

use std::sync::Mutex;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::error::{Error, Result};

/// The metrics of an edge. No label value comes from a client.
pub struct EdgeMetrics {
    registry: Mutex<Registry>,
    /// Requests answered from memory.
    pub hits: Counter,
    /// Requests forwarded to the server.
    pub forwarded: Counter,
    /// Forwarded requests that were not answered.
    pub unanswered: Counter,
    /// Looks that failed.
    pub failed_looks: Counter,
    answers: Gauge,
    lease: Gauge,
}

impl Default for EdgeMetrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let counter = |registry: &mut Registry, name, help| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let hits = counter(&mut registry, "tessera_edge_hits", "Requests answered from memory");
        let forwarded = counter(&mut registry, "tessera_edge_forwarded", "Requests forwarded to the server");
        let unanswered =
            counter(&mut registry, "tessera_edge_unanswered", "Forwarded requests that the server did not answer");
        let failed_looks = counter(&mut registry, "tessera_edge_failed_looks", "Looks that failed");
        let (answers, lease) = (Gauge::default(), Gauge::default());
        registry.register("tessera_edge_answers", "Answers in memory", answers.clone());
        registry.register("tessera_edge_lease", "1 if answers are given from memory", lease.clone());
        Self { registry: Mutex::new(registry), hits, forwarded, unanswered, failed_looks, answers, lease }
    }
}

impl EdgeMetrics {
    /// All metrics in `OpenMetrics` text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn text(&self, answers: usize, has_lease: bool) -> Result<String> {
        self.answers.set(i64::try_from(answers).unwrap_or(i64::MAX));
        self.lease.set(i64::from(has_lease));
        let mut body = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        text::encode(&mut body, &registry).map_err(|error| Error::Internal(error.into()))?;
        Ok(body)
    }
}
