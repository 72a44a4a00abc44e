//! Tests of closing: every end of a connection is announced, and an announced end is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;

use super::*;

/// Refuses a request at once, without reading its body.
pub async fn refused() -> HttpResponse {
    HttpResponse::Unauthorized().body("no")
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
    let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    for (first, status) in [
        ("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}".to_owned(), "401"),
        (format!("POST /refused HTTP/1.1\r\nHost: x\r\n{chunked}"), "401"),
        ("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "200"),
        ("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "200"),
        ("HEAD /a HTTP/1.0\r\nHost: x\r\n\r\n".to_owned(), "200"),
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
    assert_eq!(COUNTED.load(Ordering::Relaxed), 0);
    // Without an announcement, what is behind has its turn.
    let mut client = server.connect();
    for body in ["Content-Length: 2\r\n\r\n{}", chunked] {
        client.write_all(format!("POST /a HTTP/1.1\r\nHost: x\r\n{body}{BEHIND}").as_bytes()).unwrap();
        assert_eq!(response(&mut client), (200, "POST filter= body={}".to_owned()));
        assert_eq!(response(&mut client).0, 200);
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
