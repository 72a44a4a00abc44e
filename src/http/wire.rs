//! The HTTP/1 server: connection limits, slow-client timeouts, and request targets that are not percent-encoded.
//!
//! Atlan's Java SDK sends `GET /api/service/apikeys?filter={"displayName":"my töken"} HTTP/1.1` without
//! percent-encoding. No RFC allows that, and actix answers `400` with an empty body before routing: in the query for
//! space, `"`, `<`, `>` and bytes from 0x80, in the path for space, `<`, `>`, the backtick and bytes from 0x80.
//! [`Lenient`] sits between the socket and actix's parser and percent-encodes exactly these bytes in request targets.
//! It also drops offers to upgrade the protocol. Every other byte passes unchanged.
//!
//! [`RawTargets::Untouched`] (`TESSERA_RAW_REQUEST_TARGETS=false`) switches the encoding off; connection limits and
//! timeouts stay. actix-web has no hook before its parser: <https://github.com/actix/actix-web/issues/3102>. If actix
//! accepts such targets one day, the encoding can go.

mod connections;
mod ending;
mod framing;
mod lenient;
mod pace;
mod payload;
mod target;
mod watch;

use std::fmt::Debug;
use std::future::{Future, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{ConnectionType, HttpService, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_service, map_config};
use actix_web::HttpResponse;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory};
use actix_web::http::KeepAlive;
use actix_web::rt::net::{TcpSocket, TcpStream};

use self::connections::Connection;
pub use self::connections::{ConnectionLimits, Connections};
pub use self::lenient::{Lenient, RawTargets};
pub use self::pace::Pace;
use self::payload::Body;
use self::watch::Watch;

/// Server settings. The defaults are those of [`actix_web::HttpServer`], except for the number of workers.
#[derive(Clone)]
pub struct ServerSettings {
    /// Threads that run the application, from 1 to 512.
    pub workers: usize,
    /// The open connections and their limits.
    pub connections: Arc<Connections>,
    /// The most connections accepted at once; further ones wait in the listen queue.
    pub accepted: usize,
    /// Timeouts for slow clients.
    pub pace: Pace,
    /// Whether raw request targets are percent-encoded.
    pub raw_targets: RawTargets,
    /// How long an idle connection stays open.
    pub keep_alive: KeepAlive,
    /// How long a client may take to close its side; zero means no timeout.
    pub disconnect_timeout: Duration,
    /// How long requests may continue after a graceful stop, in whole seconds.
    pub shutdown_timeout: Duration,
    /// The events that stop the server.
    pub stop: Stop,
}

/// The events that stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Signals: SIGTERM gracefully, SIGINT and SIGQUIT at once.
    BySignal,
    /// Only [`Server::handle`].
    ByHandle,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            connections: Connections::new(ConnectionLimits::default()),
            accepted: 51_200,
            pace: Pace::default(),
            raw_targets: RawTargets::default(),
            keep_alive: KeepAlive::default(),
            disconnect_timeout: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(30),
            stop: Stop::BySignal,
        }
    }
}

/// Binds an address like [`actix_web::HttpServer`]: with `SO_REUSEADDR` and a listen queue of 1024 connections (128 in
/// the standard library).
///
/// # Errors
/// The address cannot be bound.
///
/// # Panics
/// Outside a runtime.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)?.into_std()
}

/// Serves an application over cleartext HTTP/1 on bound listeners, like [`actix_web::HttpServer`]. The server runs
/// while the result is awaited.
///
/// `factory` is called once per worker and listener. Peer addresses are those of the sockets.
///
/// # Errors
/// There is no listener, or one cannot be used.
pub fn serve<F, I, S, B>(listeners: Vec<TcpListener>, settings: &ServerSettings, factory: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    // The builder panics without a listener and on a number of workers out of range.
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
    }
    let mut server = Server::build()
        .workers(settings.workers.clamp(1, 512))
        .max_concurrent_connections(settings.accepted.div_ceil(settings.workers.clamp(1, 512)))
        .shutdown_timeout(settings.shutdown_timeout.as_secs());
    if settings.stop == Stop::ByHandle {
        server = server.disable_signals();
    }
    let stopping = server.graceful_shutdown_signal();
    for listener in listeners {
        let address = listener.local_addr()?;
        let connections = Arc::clone(&settings.connections);
        let (factory, settings, stopping) = (factory.clone(), settings.clone(), stopping.clone());
        server = server.listen(format!("http-{address}"), listener, move || {
            let (stopping, connections) = (stopping.clone(), Arc::clone(&connections));
            let app = factory().into_factory().map_err(|error| error.into().error_response());
            let http = HttpService::build()
                // On a graceful stop idle connections close at once, instead of delaying it until its timeout.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(settings.keep_alive)
                .client_request_timeout(settings.pace.head)
                .client_disconnect_timeout(settings.disconnect_timeout)
                .local_addr(address)
                .on_connect_ext(|stream: &Lenient<TcpStream>, data| {
                    data.insert(stream.connection());
                })
                // `AppConfig` cannot be built with this address outside actix; it is used for requests without `Host`
                // only.
                .h1(apply_fn_factory(map_config(app, |()| AppConfig::default()), handled::<_, B>));
            let (pace, raw_targets) = (settings.pace, settings.raw_targets);
            fn_service(move |stream| ready(watched(stream, &connections, pace, raw_targets))).and_then(http)
        })?;
    }
    Ok(server.run())
}

/// Calls the handler; cancels it with 503 when its connection is closed to make room.
///
/// A response is the last one of its connection if the client wants that, or if its body has not arrived or has failed.
/// Requests behind the last response are not processed (RFC 9112, section 9.6).
fn handled<S, B>(
    mut request: Request,
    service: &S,
) -> impl Future<Output = Result<Response<B>, HttpResponse>> + use<S, B>
where
    S: Service<Request, Error = HttpResponse>,
    S::Response: Into<Response<B>>,
    B: MessageBody,
{
    let connection = request.conn_data::<Option<Arc<Connection>>>().cloned().flatten();
    let ended = connection.clone().filter(|connection| connection.ending.is_announced());
    let is_last = request.head().connection_type() == ConnectionType::Close;
    let body = Body::of(&mut request);
    let answer = ended.is_none().then(|| service.call(request));
    async move {
        let Some(answer) = answer else {
            if let Some(ended) = ended {
                ended.ending.written().await;
            }
            // Never written.
            return Err(HttpResponse::BadRequest().force_close().finish());
        };
        let Some(connection) = connection else { return answer.await.map(Into::into) };
        let outcome = connection.handle(answer).await;
        let must_close = is_last
            || match body {
                // The connection is at work until the response begins: it makes no room for another.
                Some(body) => connection.handle(body.arrives()).await != Some(true),
                None => false,
            };
        let mut outcome: Result<Response<B>, HttpResponse> = match outcome {
            Some(outcome) => outcome.map(Into::into),
            None => Err(HttpResponse::ServiceUnavailable().finish()),
        };
        let head = match &mut outcome {
            Ok(response) => response.head_mut(),
            Err(response) => response.head_mut(),
        };
        connection.ending.of_response(head, must_close);
        outcome
    }
}

/// Admits and wraps a connection, and returns its peer's address. An error closes the connection: the limits are
/// reached.
fn watched(
    stream: TcpStream,
    connections: &Arc<Connections>,
    pace: Pace,
    raw_targets: RawTargets,
) -> Result<(Lenient<TcpStream>, Option<SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let admitted = connections.admit(peer.map(|peer| peer.ip()));
    let admitted = admitted.ok_or_else(|| DispatchError::Io(io::ErrorKind::ConnectionRefused.into()))?;
    Ok((Lenient::watched(stream, Watch::new(admitted, pace), raw_targets), peer))
}

#[cfg(test)]
mod tests;
