//! The paths that an edge answers: those of gateways, and its own health and metrics.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::NormalizePath;
use actix_web::rt::spawn;
use actix_web::{App, HttpRequest, HttpResponse, web};
use tokio::time::timeout;
use uuid::Uuid;

use super::Edge;
use super::gateway_request::{GatewayRequest, is_of_one_request, request_id};
use super::memory::{EdgeAnswer, KeptAnswer, Sending};
use crate::clock::SECOND;
use crate::domain::edge::Keep;
use crate::domain::ids::Id;
use crate::domain::network::Network;
use crate::http::address::keep_sent_path;
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
        .wrap_fn(|request, next| {
            keep_sent_path(&request);
            next.call(request)
        })
}

/// Forward authentication. A body is not read: no answer depends on it.
async fn verify(edge: web::Data<Edge>, request: HttpRequest) -> HttpResponse {
    // The acceptance begins here.
    let uptime = edge.clock.uptime();
    answer(&edge, &request, GatewayRequest::of(&request, web::Bytes::new()), uptime).await
}

/// The doors that take a body.
async fn ask(edge: web::Data<Edge>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let sender = Sender::Stranger(Network::of(request.peer_addr().map(|peer| peer.ip())));
    let body = edge.bodies.read(&request, payload.into_inner(), edge.bodies.longest(), sender).await;
    let uptime = edge.clock.uptime();
    match body {
        Ok(body) => answer(&edge, &request, GatewayRequest::of(&request, body), uptime).await,
        Err(failure) => refuse(&edge, &request, &failure),
    }
}

/// Answers from memory, or else asks the server.
async fn answer(edge: &Edge, request: &HttpRequest, gateway_request: GatewayRequest, uptime: i64) -> HttpResponse {
    let key = gateway_request.key(&edge.memory);
    if let Some(kept) = key.and_then(|key| edge.memory.find(&key, uptime)) {
        edge.metrics.hits.inc();
        edge.uses.record(&kept, uptime);
        return again(edge, request, &kept, uptime);
    }
    edge.metrics.forwarded.inc();
    let sending = edge.memory.sending(edge.clock.uptime());
    match forward(edge, request, gateway_request, &sending).await {
        Ok((answer, keep)) => {
            let response = respond(&answer, true);
            if let (Some(key), Some(keep)) = (key, keep) {
                edge.memory.keep(key, &sending, keep, answer);
            }
            response
        }
        Err(error) => {
            edge.metrics.unanswered.inc();
            tracing::debug!(error, "a request could not be forwarded");
            refuse(edge, request, &Failure::Unavailable(error.into()))
        }
    }
}

/// Asks the server, if the client has not too many requests there already.
async fn forward(
    edge: &Edge,
    request: &HttpRequest,
    gateway_request: GatewayRequest,
    sending: &Sending,
) -> Result<(EdgeAnswer, Option<Keep>), String> {
    // A gateway that names no client forwards for all. Clients that are named in two ways share the room of one.
    let client = edge.trusted.is_peer(request).then(|| edge.trusted.client_address(request));
    let client = client.filter(|client| !client.is_some_and(|address| edge.trusted.trusts(address)));
    let share = match client.map(|client| edge.forwards.take(Network::of(client), 1)) {
        Some(None) => return Err("too many requests of this client are under way".to_owned()),
        share => share.flatten(),
    };
    let (upstream, sending) = (edge.upstream.clone(), sending.clone());
    // A client that goes away does not free its share while its request is under way.
    let forwarding = spawn(async move {
        let _share = share;
        upstream.forward(&gateway_request, &sending).await
    });
    let told = timeout(EDGE_TIME + Duration::from_secs(1), forwarding).await;
    let told = told.map_err(|late| late.to_string())?.map_err(|ended| ended.to_string())?;
    told.map_err(|failed| failed.to_string())
}

/// The response for an answer of the server. `with_ids`: also with the headers that belong to one request only.
fn respond(answer: &EdgeAnswer, with_ids: bool) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status).body(answer.body.clone());
    for (name, value) in answer.headers.iter().filter(|(name, _)| with_ids || !is_of_one_request(name)) {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}

/// An answer from memory.
fn again(edge: &Edge, request: &HttpRequest, kept: &KeptAnswer, uptime: i64) -> HttpResponse {
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

/// Ready while the edge has a lease.
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
    match edge.metrics.text(edge.memory.len(), has_lease) {
        Ok(text) => HttpResponse::Ok().content_type(OPEN_METRICS).body(text),
        Err(error) => refuse(&edge, &request, &error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::rt::time::sleep;
    use actix_web::test::{TestRequest, call_service, init_service};
    use futures_util::future::join_all;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::entropy::Entropy;
    use crate::edge::{EdgeSettings, FORWARDS_OF_ONE, Upstream};
    use crate::http::bodies::BodyLimits;
    use crate::http::peer::TrustedProxies;
    use crate::outbound::{Outbound, Roots};

    fn edge_before(url: &str) -> Arc<Edge> {
        let clients = [Outbound::of_edge(&Roots::default()), Outbound::of_edge(&Roots::default())];
        let edge = Edge::new(EdgeSettings {
            upstream: Upstream::new(clients, url, "tsk_a".to_owned()).unwrap(),
            name: "here".to_owned(),
            memory: 1 << 20,
            bodies: BodyLimits::default(),
            trusted: TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]),
            clock: Clock::system(),
            entropy: Entropy::SYSTEM,
        });
        edge.unwrap()
    }

    /// Without its slashes, the query of a client would become the requirements of the gateway.
    #[actix_web::test]
    async fn a_request_is_forwarded_with_the_path_that_the_gateway_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = init_service(app(edge_before(&url))).await;
        for (sent, told) in [
            ("/gateway/verify/?audience=a", Some("/?audience=a")),
            ("/gateway/verify//?audience=a", Some("//?audience=a")),
            ("/gateway/verify/a//b/", Some("/a//b/")),
            ("/gateway/verify?audience=a", None),
        ] {
            let upstream = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut head, mut bytes) = (String::new(), [0; 1024]);
                while !head.contains("\r\n\r\n") {
                    let read = stream.read(&mut bytes).await.unwrap();
                    head.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
                }
                let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
                head
            };
            let request = TestRequest::get().uri(sent).peer_addr("10.0.0.1:7".parse().unwrap()).to_request();
            let (answer, head) = futures_util::join!(call_service(&app, request), upstream);
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            assert!(head.starts_with(&format!("GET {sent} HTTP/1.1\r\n")), "{head}");
            let uri = head.lines().find_map(|line| line.strip_prefix("x-forwarded-uri: "));
            assert_eq!(uri, told, "{head}");
        }
    }

    #[actix_web::test]
    async fn one_client_of_a_gateway_does_not_use_up_what_an_edge_forwards() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let arrived = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&arrived);
        // A server that does not answer.
        spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counting.fetch_add(1, Ordering::SeqCst);
                spawn(async move { while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} });
            }
        });
        let app = init_service(app(edge_before(&url))).await;
        let gateway: SocketAddr = "10.0.0.1:7".parse().unwrap();
        let of = |client: &'static str, peer: SocketAddr| {
            let request = TestRequest::get().uri(PATH).peer_addr(peer).insert_header(("x-forwarded-for", client));
            timeout(Duration::from_secs(1), call_service(&app, request.to_request()))
        };
        // Each is given up by its client; the server still has it.
        let stranger = join_all((0..FORWARDS_OF_ONE + 9).map(|_| of("203.0.113.9", gateway))).await;
        let refused = stranger.iter().filter_map(|answer| answer.as_ref().ok());
        assert_eq!(refused.clone().count(), 9);
        assert!(refused.clone().all(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE));
        assert!(of("203.0.113.9", gateway).await.is_ok(), "what it has given up is still under way");
        assert!(of("203.0.113.10", gateway).await.is_err(), "another client waits for the server");
        // A peer that is not trusted to tell clients apart is not one client.
        let direct =
            join_all((0..FORWARDS_OF_ONE + 9).map(|_| of("203.0.113.9", "192.0.2.1:7".parse().unwrap()))).await;
        assert!(direct.iter().all(Result::is_err));
        sleep(Duration::from_millis(100)).await;
        assert_eq!(arrived.load(Ordering::SeqCst), 2 * FORWARDS_OF_ONE + 10);
    }
}
