//! Headers, query strings and names.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::Uri;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use tessera::domain::edition::{Edition, Expected};
use tessera::domain::ids::Id;
use tessera::domain::listing::clip;
use tessera::domain::text::{Description, DisplayName};
use tessera::http::datahub::{of_role, of_token, of_user, role, token_id, username};
use tessera::http::gateway::original::Original;
use tessera::http::peer::TrustedProxies;
use tessera::http::{Params, expected};
use uuid::Uuid;

/// One header for each line that is a valid header.
fn with(name: &'static str, data: &[u8], request: TestRequest) -> TestRequest {
    let values = data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.fold(request, |request, value| request.append_header((HeaderName::from_static(name), value)))
}

pub fn etag(data: &[u8]) {
    let request = with("if-match", data, TestRequest::default()).to_http_request();
    let expected = expected(&request);
    let _ = expected.check(&Edition("00".into()));
    match expected {
        Expected::OneOf(editions) => assert!(editions.iter().all(|edition| !edition.0.contains('"'))),
        Expected::Any => {
            let first = request.headers().get("if-match").map(|value| value.as_bytes().trim_ascii());
            assert!(first.is_none_or(|first| first == b"*"), "anything without an asterisk");
        }
    }
}

/// Forwarding headers of proxies.
pub fn forwarded(data: &[u8]) {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
    let trusted = TrustedProxies(networks.to_vec());
    let near = SocketAddr::from(([10, 0, 0, 1], 1));
    let ask = |name: &'static str, data: &[u8], peer: SocketAddr| {
        let request = with(name, data, TestRequest::default().peer_addr(peer)).to_http_request();
        trusted.client_address(&request)
    };
    let trusts = |address: IpAddr| trusted.0.iter().any(|network| network.contains(&address));
    let plain = |line: &[u8]| line.iter().all(|byte| (32..127).contains(byte) || *byte == b'\t');
    let first_is_plain = data.split(|&byte| byte == b'\n').next().is_some_and(plain);
    let lists = ["evil,", "127.0.0.1, ", "10.0.0.7\n", "\n,,"];
    let elements = ["by=\"e,;\\\"vil\",", "for=127.0.0.1, ", "for=10.0.0.7;host=\"a,b\"\n", "for=\"\n", "\n,,"];
    for (name, more) in [("x-forwarded-for", &lists[..]), ("forwarded", &elements[..])] {
        let Some(answer) = ask(name, data, near) else { continue };
        assert_eq!(answer, answer.to_canonical());
        if !trusts(answer) && first_is_plain {
            for more in more {
                // Headers written by the client itself stand further left.
                assert_eq!(ask(name, &[more.as_bytes(), data].concat(), near), Some(answer), "{name}: {more:?}");
            }
        }
    }
    quoted(data, |line| ask("forwarded", line, near));
    let far = SocketAddr::from(([192, 0, 2, 1], 1));
    assert_eq!(ask("forwarded", data, far), Some(far.ip()));
    assert_eq!(ask("x-forwarded-for", data, far), Some(far.ip()));
    original(data, &trusted, near);
}

/// Text that a proxy quotes in other parameters of `Forwarded` never changes the addresses.
fn quoted(data: &[u8], ask: impl Fn(&[u8]) -> Option<IpAddr>) {
    let mut text = vec![b'"'];
    for &byte in data.iter().filter(|&&byte| byte == b'\t' || (byte >= 32 && byte != 127)) {
        if byte == b'"' || byte == b'\\' {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'"');
    let client = Some(IpAddr::from([198, 51, 100, 7]));
    let own = [b"for=198.51.100.7;host=", text.as_slice(), b";proto=https"].concat();
    assert_eq!(ask(&own), client);
    assert_eq!(ask(&[b"host=", text.as_slice(), b";for=198.51.100.7"].concat()), client);
    assert_eq!(ask(&[own.as_slice(), b", for=10.0.0.7;by=", text.as_slice()].concat()), client);
}

fn original(data: &[u8], trusted: &TrustedProxies, peer: SocketAddr) {
    let mut lines = data.splitn(4, |&byte| byte == b'\n');
    let target = [b"/gateway/verify", lines.next().unwrap_or_default()].concat();
    let Ok(uri) = Uri::try_from(target.as_slice()) else { return };
    let names = match data.len() % 2 {
        0 => ["x-original-method", "x-original-uri", "x-forwarded-uri"],
        _ => ["x-forwarded-method", "x-forwarded-uri", "x-original-uri"],
    };
    let request = TestRequest::default().peer_addr(peer).uri(&uri.to_string());
    let request = names.into_iter().zip(lines).fold(request, |request, (name, line)| with(name, line, request));
    if let Some(original) = Original::of(&request.to_http_request(), trusted) {
        assert!(original.to_string().chars().count() <= 131);
    }
}

/// Names, URNs and query strings.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let params = Params::parse(text);
    for name in ["filter", "sort", "a", ""] {
        assert_eq!(params.has(name), params.all(name).count() > 0);
        assert_eq!(params.get(name).is_err(), params.all(name).count() > 1);
    }
    if let Some(name) = username(text) {
        assert_eq!(of_user(name), text);
    }
    if let Some(id) = token_id(text) {
        assert_eq!(of_token(id), text);
    }
    if let Ok(role) = role("x", text) {
        assert_eq!(of_role(role).as_deref(), Some(text));
    }
    assert!(clip(text).chars().count() <= 65);
    let _ = (DisplayName::parse(text).is_ok(), Description::parse(text).is_ok(), Id::<Uuid>::parse(text).is_some());
}
