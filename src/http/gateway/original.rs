//! The client's request that a gateway asks about, from the headers or the path that the gateway sends.

use std::fmt;

use actix_web::HttpRequest;

use crate::domain::listing::clip;
use crate::domain::token::redacted;
use crate::http::peer::TrustedProxies;

/// The path of forward authentication.
pub const PATH: &str = "/gateway/verify";

/// The headers with method and target: by convention with nginx, by default with Caddy and Traefik.
const HEADERS: [(&str, &str); 2] = [("x-original-method", "x-original-uri"), ("x-forwarded-method", "x-forwarded-uri")];

/// Method, path and query of the client's request.
#[derive(Debug, PartialEq, Eq)]
pub struct Original<'a> {
    method: &'a str,
    path: &'a str,
    /// Everything after the question mark. Never log it: it may contain secrets.
    pub query: &'a str,
}

impl<'a> Original<'a> {
    /// The request in the headers of a trusted proxy, or in the path below [`PATH`], as Envoy sends it. `None` for any
    /// other peer.
    #[must_use]
    pub fn of(request: &'a HttpRequest, trusted: &TrustedProxies) -> Option<Self> {
        if !trusted.is_peer(request) {
            return None;
        }
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let told = HEADERS.into_iter().find_map(|(method, uri)| Some((header(method).unwrap_or("?"), header(uri)?)));
        if let Some((method, target)) = told {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            return Some(Self { method, path, query });
        }
        let path = request.path().strip_prefix(PATH).filter(|path| !path.is_empty())?;
        Some(Self { method: request.method().as_str(), path, query: request.query_string() })
    }
}

/// Method and path, redacted for the log.
impl fmt::Display for Original<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", clip(&redacted(self.method)), clip(&redacted(self.path)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::token::{ParsedToken, Prefixes, TokenKind};

    fn original(peer: &str, target: &str, headers: &[(&'static str, &str)]) -> Option<(String, String)> {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut request = TestRequest::with_uri(target).peer_addr(format!("{peer}:1").parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        let request = request.to_http_request();
        Original::of(&request, &trusted).map(|original| (original.to_string(), original.query.to_owned()))
    }

    #[test]
    fn gateways_tell_it_in_three_ways() {
        let expected = Some(("GET /a".to_owned(), "b=c".to_owned()));
        let nginx = [("x-original-method", "GET"), ("x-original-uri", "/a?b=c")];
        assert_eq!(original("10.0.0.1", "/gateway/verify?persona=p", &nginx), expected);
        let caddy = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/a?b=c")];
        assert_eq!(original("10.0.0.1", "/gateway/verify?persona=p", &caddy), expected);
        assert_eq!(original("10.0.0.1", "/gateway/verify/a?b=c", &[]), expected);
    }

    #[test]
    fn a_token_in_the_path_is_not_told() {
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        let token = token.plaintext(&Prefixes::default()).unwrap().expose();
        let told = original("10.0.0.1", &format!("/gateway/verify/a/{token}/b"), &[]);
        assert_eq!(told, Some(("GET /a/tsk_…/b".to_owned(), String::new())));
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        assert_eq!(original("192.0.2.1", "/gateway/verify/a?b=c", &[("x-original-uri", "/a?b=c")]), None);
        assert_eq!(original("10.0.0.1", "/gateway/verify?b=c", &[]), None);
    }
}
