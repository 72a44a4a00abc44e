//! Tests of closing: every end of a connection is announced, and an announced end is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;

use super::*;

/// Refuses a request at once, without reading its body.
pub async fn refused() -> HttpResponse {
    HttpResponse::Unauthorized().body("no")
}

/// Answers after a while, without reading the body.
pub async fn unread() -> &'static str {
    sleep(Duration::from_millis(1)).await;
    "unread"
}

static COUNTED: AtomicUsize = AtomicUsize::new(0);

pub async fn counted() -> String {
    COUNTED.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Everything that the server sends until it closes the connection.
fn until_closed(client: &mut Client, request: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    let mut received = String::new();
    client.read_to_string(&mut received).unwrap();
    received.to_lowercase()
}

const BEHIND: &str = "GET /counted HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn an_announced_end_is_kept_and_nothing_behind_it_is_processed() {
    let server = Running::start();
    for (first, status) in [
        ("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n{}", "401"),
        ("POST /refused HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "401"),
        ("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200"),
        ("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200"),
        ("HEAD /a HTTP/1.0\r\nHost: x\r\n\r\n", "200"),
    ] {
        for behind in ["", BEHIND, &BEHIND.repeat(3)] {
            let received = until_closed(&mut server.connect(), &format!("{first}{behind}"));
            assert!(received.contains(&format!(" {status} ")), "{first}: {received:.300}");
            assert!(
                received.contains("\r\nconnection: close\r\n") || first.contains("/1.0"),
                "{first}: {received:.300}"
            );
            assert_eq!(received.matches("http/1.").count(), 1, "{first}{behind}: {received:.300}");
        }
    }
    assert_eq!(ask(&mut server.connect(), BEHIND), (200, "0".to_owned()), "the first that is counted");
    server.stop();
}

/// Bodies that end in the same packet as their head.
const WHOLE: [&str; 5] = [
    "Content-Length: 0\r\n\r\n",
    "Content-Length: 2\r\n\r\n{}",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
];

#[test]
fn a_body_that_has_arrived_ends_no_connection_whether_it_is_read_or_not() {
    let server = Running::start();
    let mut client = server.connect();
    for path in ["/refused", "/a", "/unread"] {
        for body in WHOLE {
            let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{body}");
            let (status, _) = ask(&mut client, &request);
            assert_eq!(status, if path == "/refused" { 401 } else { 200 }, "{request}");
            // Requests that are sent ahead have their turns.
            client.write_all(format!("{request}{request}{PLAIN}").as_bytes()).unwrap();
            assert_eq!([response(&mut client).0, response(&mut client).0], [status, status], "{request}");
            assert_eq!(response(&mut client), (200, PLAIN_READ.into()), "{request}");
        }
    }
    server.stop();
}

#[test]
fn a_body_that_follows_its_head_at_once_ends_no_connection() {
    let server = Running::start();
    for body in &WHOLE[1..] {
        let (head, body) = body.split_at(body.find("\r\n\r\n").unwrap() + 4);
        // The thread that writes the body may be held up for longer than the server waits.
        let is_kept = (0..50).any(|_| {
            let mut client = server.connect();
            client.write_all(format!("POST /refused HTTP/1.1\r\nHost: x\r\n{head}").as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(1));
            client.write_all(body.as_bytes()).unwrap();
            assert_eq!(response(&mut client).0, 401);
            client.write_all(PLAIN.as_bytes()).is_ok() && client.read(&mut [0]).is_ok_and(|count| count == 1)
        });
        assert!(is_kept, "{head}{body}");
    }
    server.stop();
}

#[test]
fn a_response_does_not_wait_for_a_late_body_and_nothing_behind_that_body_is_processed() {
    let server = Running::start();
    for (head, rest) in [
        ("Content-Length: 2\r\n\r\n{", "}"),
        ("Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "0\r\n\r\n"),
    ] {
        for behind in ["", BEHIND, &BEHIND.repeat(3)] {
            let mut client = server.connect();
            let began = Instant::now();
            assert_eq!(ask(&mut client, &format!("POST /refused HTTP/1.1\r\nHost: x\r\n{head}")).0, 401);
            assert!(began.elapsed() < Duration::from_secs(5), "{head}: {:?}", began.elapsed());
            assert_eq!(until_closed(&mut client, &format!("{rest}{behind}")), "", "{head}{rest}{behind}");
        }
    }
    server.stop();
}

#[test]
fn a_body_that_breaks_its_framing_is_answered_and_the_end_is_announced() {
    let server = Running::start();
    for body in ["zz\r\n", "2\r\n{}zz", "2\r\n{}\r\nzz\r\n"] {
        let request = format!("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}{BEHIND}");
        let received = until_closed(&mut server.connect(), &request);
        assert!(received.starts_with("http/1.1 400 "), "{body}: {received}");
        assert!(received.contains("\r\nconnection: close\r\n"), "{body}: {received}");
    }
    server.stop();
}

#[test]
fn a_response_to_http_1_0_ends_no_connection_of_others() {
    let server = Running::start();
    let old = "GET /a HTTP/1.0\r\nHost: x\r\n\r\n";
    for _ in 0..20 {
        assert!(until_closed(&mut server.connect(), old).contains(" 200 "));
        let mut client = server.connect();
        for _ in 0..3 {
            assert_eq!(ask(&mut client, PLAIN), (200, PLAIN_READ.into()));
        }
    }
    server.stop();
}
