//! HTTP/1 as clients see it: real connections to a server with small limits.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use actix_codec::Decoder as _;
use actix_http::h1::{Codec, Message};
use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::rt::time::sleep;
use actix_web::web::{self, BytesMut};
use actix_web::{App, HttpRequest};
use proptest::prelude::*;

use super::framing::{Framing, Step, rewrite};
use super::*;

mod closing;
mod room;

const JAVA: &str =
    "GET /api/service/apikeys?limit=2&filter={\"displayName\":\"my töken <1>\"} HTTP/1.1\r\nHost: x\r\n\r\n";
const JAVA_READ: &str = "GET filter={\"displayName\":\"my töken <1>\"} body=";
const PLAIN: &str = "GET /a?filter=1 HTTP/1.1\r\nHost: x\r\n\r\n";
const PLAIN_READ: &str = "GET filter=1 body=";

type Query = web::Query<HashMap<String, String>>;

async fn echo(req: HttpRequest, query: Query, body: String) -> String {
    format!("{} filter={} body={body}", req.method(), query.get("filter").map_or("", String::as_str))
}

async fn peer(req: HttpRequest) -> String {
    let info = req.connection_info();
    format!("{:?} {:?} {} {}", req.peer_addr(), info.peer_addr(), info.host(), info.scheme())
}

async fn slow() -> &'static str {
    sleep(Duration::from_millis(400)).await;
    "slow"
}

/// Several times the size of a connection's buffers.
const LARGE: usize = 8 << 20;

async fn large() -> Vec<u8> {
    vec![b'x'; LARGE]
}

struct Running {
    addresses: Vec<SocketAddr>,
    handle: ServerHandle,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    fn with(settings: ServerSettings) -> Self {
        let (tell, started) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async {
                let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
                let listeners = vec![listen(any_port)?, listen(any_port)?];
                let addresses: Vec<_> = listeners.iter().flat_map(TcpListener::local_addr).collect();
                let app = || {
                    App::new()
                        .route("/peer", web::get().to(peer))
                        .route("/slow", web::get().to(slow))
                        .route("/refused", web::post().to(closing::refused))
                        .route("/unread", web::post().to(closing::unread))
                        .route("/counted", web::to(closing::counted))
                        .route("/large", web::get().to(large))
                };
                let server = serve(listeners, &settings, move || app().default_service(web::to(echo)))?;
                tell.send((addresses, server.handle())).unwrap();
                server.await
            })
        });
        let (addresses, handle) = started.recv().unwrap();
        Self { addresses, handle, thread }
    }

    fn start() -> Self {
        Self::with(ServerSettings { workers: 1, stop: Stop::ByHandle, ..ServerSettings::default() })
    }

    fn connect(&self) -> Client {
        let client = Client::connect(self.addresses[0]).unwrap();
        client.set_nodelay(true).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    }

    fn stop(self) {
        // The call itself sends the stop command; its future only waits for the end, as joining the thread does.
        drop(self.handle.stop(true));
        self.thread.join().unwrap().unwrap();
    }
}

/// The status and the body of the next response.
fn response(client: &mut Client) -> (u16, String) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).map_or(0, |text| text.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

fn ask(client: &mut Client, request: &str) -> (u16, String) {
    client.write_all(request.as_bytes()).unwrap();
    response(client)
}

fn is_closed(client: &mut Client) -> bool {
    client.read(&mut [0]).is_ok_and(|count| count == 0)
}

#[test]
fn raw_targets_are_understood_again_and_again_on_one_connection() {
    let server = Running::start();
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut client, JAVA), (200, JAVA_READ.into()));
        assert_eq!(ask(&mut client, PLAIN), (200, PLAIN_READ.into()));
    }
    server.stop();
}

#[test]
fn raw_targets_are_bad_requests_where_they_are_switched_off_and_connections_are_watched_all_the_same() {
    let raw_targets = RawTargets::Untouched;
    let pace = Pace { head: Duration::from_secs(1), ..Pace::default() };
    let settings = ServerSettings { workers: 1, stop: Stop::ByHandle, raw_targets, pace, ..ServerSettings::default() };
    let server = Running::with(settings);
    let mut client = server.connect();
    assert_eq!(ask(&mut client, PLAIN), (200, PLAIN_READ.into()));
    assert_eq!(ask(&mut client, JAVA), (400, String::new()));
    let mut unfinished = server.connect();
    assert_eq!(ask(&mut unfinished, PLAIN), (200, PLAIN_READ.into()));
    unfinished.write_all(b"GET /?\" HTTP/1.1\r\nHos").unwrap();
    assert!(is_closed(&mut unfinished));
    server.stop();
}

#[test]
fn pipelined_and_fragmented_requests_are_understood() {
    let server = Running::start();
    let mut client = server.connect();
    client.write_all([JAVA, PLAIN, JAVA].concat().as_bytes()).unwrap();
    for byte in JAVA.bytes() {
        client.write_all(&[byte]).unwrap();
    }
    for read in [JAVA_READ, PLAIN_READ, JAVA_READ, JAVA_READ] {
        assert_eq!(response(&mut client), (200, read.into()));
    }
    server.stop();
}

#[test]
fn a_body_that_looks_like_a_request_arrives_as_it_was_sent() {
    let server = Running::start();
    let mut client = server.connect();
    let post = format!("POST /?filter=\" HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", JAVA.len());
    for _ in 0..2 {
        // Once in one write, and once with the body in a separate write.
        assert_eq!(ask(&mut client, &format!("{post}{JAVA}")), (200, format!("POST filter=\" body={JAVA}")));
        client.write_all(post.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(ask(&mut client, JAVA), (200, format!("POST filter=\" body={JAVA}")));
        assert_eq!(ask(&mut client, JAVA), (200, JAVA_READ.into()));
    }
    server.stop();
}

#[test]
fn behind_a_chunked_body_a_connection_is_as_actix_alone_would_have_it() {
    let server = Running::start();
    let mut client = server.connect();
    let chunked =
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n4\r\n /\"\n\r\n0\r\n\r\n";
    assert_eq!(ask(&mut client, chunked), (200, "POST filter= body=GET /\"\n".into()));
    assert_eq!(ask(&mut client, PLAIN), (200, PLAIN_READ.into()));
    assert_eq!(ask(&mut client, JAVA), (400, String::new()));
    assert!(is_closed(&mut client));
    server.stop();
}

#[test]
fn what_is_illegal_for_another_reason_stays_illegal() {
    let server = Running::start();
    for line in
        ["GET /?\u{1} HTTP/1.1", "GET /?\"\u{7f} HTTP/1.1", "GET http://h/?\" HTTP/1.1", "GET /?\" HTTP/1.2", "\u{16}"]
    {
        let mut client = server.connect();
        assert_eq!(ask(&mut client, &format!("{line}\r\nHost: x\r\n\r\n")), (400, String::new()), "{line:?}");
    }
    server.stop();
}

#[test]
fn every_listener_is_served_and_the_peer_is_known() {
    let server = Running::start();
    for address in &server.addresses {
        let mut client = Client::connect(address).unwrap();
        let own = client.local_addr().unwrap();
        let read = format!("Some({own}) Some(\"{}\") h:1 http", own.ip());
        assert_eq!(ask(&mut client, "GET /peer HTTP/1.1\r\nHost: h:1\r\n\r\n"), (200, read));
    }
    server.stop();
}

#[test]
fn a_graceful_stop_finishes_requests_and_closes_idle_connections_at_once() {
    let server = Running::with(ServerSettings {
        workers: 1,
        stop: Stop::ByHandle,
        keep_alive: Duration::from_mins(1).into(),
        ..ServerSettings::default()
    });
    let (mut idle, mut busy) = (server.connect(), server.connect());
    assert_eq!(ask(&mut idle, JAVA), (200, JAVA_READ.into()));
    busy.write_all(b"GET /slow?\" HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    server.stop();
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(response(&mut busy), (200, "slow".into()));
    assert!(is_closed(&mut idle) && is_closed(&mut busy));
}

#[test]
fn a_head_that_does_not_end_is_timed_out_and_so_is_an_idle_connection() {
    // actix reads its clock twice a second, so shorter timeouts would expire at once.
    let server = Running::with(ServerSettings {
        workers: 1,
        stop: Stop::ByHandle,
        keep_alive: Duration::from_secs(1).into(),
        pace: Pace { head: Duration::from_secs(1), ..Pace::default() },
        ..ServerSettings::default()
    });
    let mut unfinished = server.connect();
    assert_eq!(ask(&mut unfinished, "GET /?\" HTTP/1.1\r\nHost"), (408, String::new()));
    let mut idle = server.connect();
    assert_eq!(ask(&mut idle, JAVA), (200, JAVA_READ.into()));
    assert!(is_closed(&mut idle));
    server.stop();
}

#[test]
fn a_server_without_a_listener_is_refused() {
    let server = serve(Vec::new(), &ServerSettings::default(), App::new);
    assert_eq!(server.err().map(|error| error.kind()), Some(io::ErrorKind::InvalidInput));
}

/// The stream as the adapter passes it on, and where the altered heads begin in it.
fn altered(mut input: &[u8]) -> (BytesMut, Vec<usize>) {
    let (mut framing, mut out, mut places) = (Framing::default(), BytesMut::new(), Vec::new());
    while !input.is_empty() {
        match framing.advance(input) {
            Step::Hold => break,
            Step::Pass(count) => out.extend_from_slice(input.split_off(..count).unwrap()),
            Step::Rewrite { head, edits } => {
                places.push(out.len());
                rewrite(input.split_off(..head).unwrap(), &edits, &mut out);
            }
        }
    }
    out.extend_from_slice(input);
    (out, places)
}

/// Where actix's parser finds request heads in a stream, and where it stops.
fn heads(mut stream: BytesMut) -> (Vec<usize>, usize) {
    let (mut codec, mut starts, length) = (Codec::default(), Vec::new(), stream.len());
    loop {
        let at = length - stream.len();
        match codec.decode(&mut stream) {
            Ok(Some(Message::Item(_))) => starts.push(at),
            Ok(Some(Message::Chunk(_))) => {}
            Ok(None) => return (starts, length),
            Err(_) => return (starts, at),
        }
    }
}

#[test]
fn only_what_actix_takes_for_a_head_is_altered() {
    let line = prop_oneof![
        6 => Just("GET /?\" HTTP/1.1\r\n".to_owned()),
        1 => "(GET|POST|CONNECT|get) /[a\" ]{0,2}( HTTP/1\\.[012])?\r?\n",
    ];
    let field = prop_oneof![
        6 => Just("x: y\r\n".to_owned()),
        4 => "Content-Length: [0-9]{1,2}\r\n",
        1 => "[ \t]?(Content-Length|Transfer-Encoding|Upgrade)[ ]?:( |\t|)(chunked|identity|websocket|[+-]?[0-9]{1,2})\r?\n",
        1 => "[ -~\t\r\n\x00]{0,4}\r?\n",
    ];
    let body = prop_oneof![
        4 => Just(String::new()),
        1 => "[ -~\r\n]{0,20}",
        2 => Just("GET /?\" HTTP/1.1\r\nHost: z\r\n\r\n".repeat(2)),
        1 => Just("3\r\nGET\r\n0\r\n\r\n".to_owned()),
    ];
    let end = prop_oneof![8 => Just("\r\n"), 1 => Just("\n"), 1 => Just("")];
    let message = (line, prop::collection::vec(field, 0..3), end, body)
        .prop_map(|(line, fields, end, body)| format!("{line}Host: z\r\n{}{end}{body}", fields.concat()));
    let streams = prop::collection::vec(message, 1..5).prop_map(|messages| messages.concat());
    // The codec's clock needs a runtime.
    System::new().block_on(async {
        proptest!(|(stream in streams)| {
            let (out, places) = altered(stream.as_bytes());
            let (starts, end) = heads(out);
            for place in places.iter().filter(|&&place| place < end) {
                prop_assert!(starts.contains(place), "{place} of {places:?} is not in {starts:?}");
            }
        });
    });
}
