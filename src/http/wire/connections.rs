//! Admission control for connections: limits in total and per network, and which connection closes for a new one.
//!
//! A connection is waiting while no handler works on one of its requests: it is idle, or its client has not sent a
//! whole request or has not read a response. At a limit, the connection that has waited longest is closed for the new
//! one, first in the network with the most connections, so a client that opens many connections and sends nothing locks
//! no other client out. A connection that has waited for less than [`FRESH`] closes after those that send bodies: its
//! request may be on the way. Unread responses and pipelined requests of the closed connection are dropped.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::ending::Ending;
use crate::domain::network::Network;
use crate::http::log_bounds::LogBounds;
use crate::http::peer::TrustedProxies;

/// The limits on open connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// The most in total.
    pub total: usize,
    /// The most per network: an IPv4 address, or the first 64 bits of an IPv6 address.
    pub each: usize,
    /// Proxies that are exempt from `each`.
    pub trusted: TrustedProxies,
}

/// The most connections accepted beyond the limit while others close for them. When this many have not closed yet, new
/// ones wait in the listen queue.
const SPARE: usize = 96;

/// For how many milliseconds of waiting a connection may still be about to send its request.
const FRESH: u64 = 2_000;

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 25_600, each: 12_800, trusted: TrustedProxies::default() }
    }
}

/// The open connections.
pub struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
    began: Instant,
    log: LogBounds,
    /// How many connections the server closed before their clients did, by reason.
    pub closed: Family<Closed, Counter>,
}

/// A registry with the default limits.
impl Default for Connections {
    fn default() -> Self {
        Self::with(ConnectionLimits::default())
    }
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Closed {
    reason: &'static str,
}

impl Closed {
    /// The connection was waiting and closed to make room for another.
    pub const FOR_ANOTHER: Self = Self { reason: "for another" };
    /// The connection was refused: no other connection could close for it.
    pub const NO_ROOM: Self = Self { reason: "no room" };
    /// A request arrived too slowly.
    pub const SLOW_REQUEST: Self = Self { reason: "slow request" };
    /// The client did not read an answer.
    pub const SLOW_READER: Self = Self { reason: "slow reader" };
}

#[derive(Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
    networks: HashMap<Network, usize>,
}

/// The state of a connection, shared with its tasks.
pub(super) struct Connection {
    network: Network,
    trusted: bool,
    /// The number of handlers working on its requests.
    handlers: AtomicUsize,
    phase: AtomicU8,
    /// When the phase began, in milliseconds since `Connections::began`.
    since: AtomicU64,
    closing: AtomicBool,
    waker: AtomicWaker,
    pub(super) ending: Ending,
}

/// The phase of a connection. The order is that in which connections close to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// No request is under way.
    Waiting,
    /// A body is being received.
    Receiving,
    /// A request has arrived, and no byte of its response has been written.
    Answering,
}

impl Connections {
    /// Creates a registry without connections.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self::with(limits))
    }

    fn with(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            open: Mutex::default(),
            began: Instant::now(),
            log: LogBounds::default(),
            closed: Family::default(),
        }
    }

    /// The most connections that may be accepted, including those that are closing for others.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.limits.total + SPARE
    }

    /// The number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// Admits a connection, closing another for it at a limit; `None` if none can close.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Admitted> {
        let network = Network::of(peer);
        let trusted = peer.is_some_and(|peer| self.limits.trusted.trusts(peer));
        let mut open = self.lock();
        let of_network = open.networks.get(&network).copied().unwrap_or(0);
        let makes_room = if !trusted && of_network >= self.limits.each {
            Some(open.longest_waiting(self.millis(), |other| other.network == network))
        } else if open.all.len() >= self.limits.total {
            Some(open.longest_waiting(self.millis(), |_| true))
        } else {
            None
        };
        if let Some(place) = makes_room {
            let (id, reason) = place.map_or((None, Closed::NO_ROOM), |id| (Some(id), Closed::FOR_ANOTHER));
            self.closed.get_or_create(&reason).inc();
            if self.log.admit(reason.reason, Instant::now()) {
                tracing::warn!(reason = reason.reason, "as many connections as there may be; one is closed");
            }
            open.close(id?);
        }
        let id = open.next;
        open.next += 1;
        let connection = Arc::new(Connection {
            network,
            trusted,
            handlers: AtomicUsize::new(0),
            phase: AtomicU8::new(Phase::Waiting as u8),
            since: AtomicU64::new(self.millis()),
            closing: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            ending: Ending::default(),
        });
        open.all.insert(id, Arc::clone(&connection));
        *open.networks.entry(network).or_default() += 1;
        Some(Admitted { connections: Arc::clone(self), id, connection })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Open {
    /// The connection to close first: no handler works on it, or only one that waits for a body. Those of trusted
    /// proxies come last, then those of the network with the most connections first, then by what they do: waiting for
    /// long, receiving a body, waiting since just now, having a request that no handler works on; and by time.
    fn longest_waiting(&self, now: u64, among: impl Fn(&Connection) -> bool) -> Option<u64> {
        let order = |connection: &Connection| {
            let many = self.networks.get(&connection.network).copied().unwrap_or(0);
            let (phase, since) = (connection.phase.load(Ordering::Relaxed), connection.since.load(Ordering::Relaxed));
            let is_fresh = phase == Phase::Waiting as u8 && now.saturating_sub(since) < FRESH;
            let phase = if is_fresh { Phase::Receiving as u8 } else { phase };
            (connection.trusted, usize::MAX - many, phase, is_fresh, since)
        };
        let candidates = self.all.iter().filter(|(_, connection)| {
            among(connection)
                && (connection.handlers.load(Ordering::Relaxed) == 0
                    || connection.phase.load(Ordering::Relaxed) == Phase::Receiving as u8)
        });
        candidates.min_by_key(|(id, connection)| (order(connection), **id)).map(|(id, _)| *id)
    }

    fn close(&mut self, id: u64) {
        if let Some(connection) = self.forget(id) {
            connection.closing.store(true, Ordering::Release);
            connection.waker.wake();
        }
    }

    fn forget(&mut self, id: u64) -> Option<Arc<Connection>> {
        let connection = self.all.remove(&id)?;
        if let Some(of_network) = self.networks.get_mut(&connection.network) {
            *of_network -= 1;
            if *of_network == 0 {
                self.networks.remove(&connection.network);
            }
        }
        Some(connection)
    }
}

impl Connection {
    /// Whether the connection must close; if not yet, `waker` is woken when it must.
    fn is_closing(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.closing.load(Ordering::Acquire)
    }

    /// Runs a handler for one of its requests; `None` if the connection must close meanwhile: the work is cancelled.
    pub(super) async fn handle<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let _handler = Handler::begin(&self.handlers);
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.is_closing(context.waker()) { Poll::Ready(None) } else { work.as_mut().poll(context).map(Some) }
        })
        .await
    }
}

/// Counts a running handler until it is dropped.
struct Handler<'a>(&'a AtomicUsize);

impl<'a> Handler<'a> {
    fn begin(handlers: &'a AtomicUsize) -> Self {
        handlers.fetch_add(1, Ordering::Relaxed);
        Self(handlers)
    }
}

impl Drop for Handler<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An admitted connection; dropping it frees its place.
pub(super) struct Admitted {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl Admitted {
    /// Sets the phase.
    pub(super) fn enter(&self, phase: Phase) {
        if self.connection.phase.swap(phase as u8, Ordering::Relaxed) != phase as u8 {
            self.connection.since.store(self.connections.millis(), Ordering::Relaxed);
        }
    }

    /// Whether the connection must close; if not yet, `waker` is woken when it must.
    pub(super) fn is_closing(&self, waker: &Waker) -> bool {
        self.connection.is_closing(waker)
    }

    /// The connection, for the handlers of its requests.
    pub(super) fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// How far its end has come.
    pub(super) fn ending(&self) -> &Ending {
        &self.connection.ending
    }

    /// Counts that the connection is closed for `reason`.
    pub(super) fn closed(&self, reason: Closed) {
        self.connections.closed.get_or_create(&reason).inc();
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.lock().forget(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize, each: usize) -> Arc<Connections> {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        Connections::new(ConnectionLimits { total, each, trusted })
    }

    fn admit(connections: &Arc<Connections>, address: &str) -> Option<Admitted> {
        connections.admit(Some(address.parse().unwrap()))
    }

    fn is_closing(admitted: &Admitted) -> bool {
        admitted.is_closing(Waker::noop())
    }

    fn work(admitted: &Admitted) -> Handler<'_> {
        admitted.enter(Phase::Answering);
        Handler::begin(&admitted.connection.handlers)
    }

    #[test]
    fn the_longest_waiting_of_the_network_with_the_most_makes_room() {
        let connections = connections(4, 4);
        let few = admit(&connections, "192.0.2.9").unwrap();
        let many: Vec<_> = (0..3).map(|_| admit(&connections, "192.0.2.1").unwrap()).collect();
        let at_work = work(&many[0]);
        let new = admit(&connections, "192.0.2.2").unwrap();
        let closing: Vec<bool> = many.iter().chain([&few, &new]).map(is_closing).collect();
        assert_eq!(closing, [false, true, false, false, false]);
        assert_eq!(connections.count(), 4);
        drop(at_work);
        drop((few, many, new));
        let open = connections.lock();
        assert_eq!((open.all.len(), open.networks.len()), (0, 0));
    }

    #[test]
    fn no_request_that_is_being_answered_makes_room() {
        let connections = connections(2, 2);
        let busy: Vec<_> = (0..2).map(|_| admit(&connections, "192.0.2.1").unwrap()).collect();
        let at_work: Vec<_> = busy.iter().map(work).collect();
        assert!(admit(&connections, "192.0.2.2").is_none());
        busy[1].enter(Phase::Receiving);
        assert!(admit(&connections, "192.0.2.2").is_some() && is_closing(&busy[1]));
        drop(at_work);
    }

    #[test]
    fn a_request_that_waits_behind_an_answer_that_nobody_takes_protects_no_connection() {
        let connections = connections(1, 1);
        let pipelined = admit(&connections, "192.0.2.1").unwrap();
        pipelined.enter(Phase::Answering);
        assert!(admit(&connections, "192.0.2.1").is_some() && is_closing(&pipelined));
    }

    #[test]
    fn a_burst_of_silent_connections_refuses_nobody() {
        let connections = connections(2, 2);
        let silent: Vec<_> = (0..2 * SPARE).map(|_| admit(&connections, "192.0.2.1").unwrap()).collect();
        assert_eq!(silent.iter().filter(|silent| !is_closing(silent)).count(), 2);
        assert_eq!(connections.count(), 2);
    }

    #[test]
    fn a_connection_whose_request_is_on_the_way_closes_after_those_that_send_bodies() {
        let connections = connections(2, 2);
        let slow = admit(&connections, "192.0.2.1").unwrap();
        slow.enter(Phase::Receiving);
        let fresh = admit(&connections, "192.0.2.1").unwrap();
        let next = admit(&connections, "192.0.2.1").unwrap();
        assert_eq!([&slow, &fresh, &next].map(is_closing), [true, false, false]);
        next.enter(Phase::Receiving);
        let order = |now| connections.lock().longest_waiting(now, |_| true);
        assert_eq!((order(0), order(FRESH + 1_000)), (Some(next.id), Some(fresh.id)), "it has had its time");
    }

    #[test]
    fn a_network_has_its_share_and_a_trusted_proxy_as_many_as_there_are() {
        let connections = connections(9, 2);
        let own: Vec<_> = (1..=3).map(|last| admit(&connections, &format!("2001:db8::{last}")).unwrap()).collect();
        assert_eq!(own.iter().map(is_closing).collect::<Vec<_>>(), [true, false, false]);
        let proxy: Vec<_> = (0..5).map(|_| admit(&connections, "10.0.0.1").unwrap()).collect();
        assert!(!proxy.iter().any(is_closing));
        let _at_work: Vec<_> = own.iter().map(work).collect();
        assert!(admit(&connections, "2001:db8::4").is_none(), "all of its own are busy");
        assert!(admit(&connections, "2001:db8:0:1::1").is_some());
    }
}
