//! The client's request that a gateway asks about, from the headers or the path that the gateway sends.
//!
//! | gateway | method and path | scheme and host |
//! |---|---|---|
//! | nginx, `HAProxy` | `X-Original-Method`, `X-Original-URI` | `X-Original-URI`, if it is a whole URL |
//! | Caddy, Traefik | `X-Forwarded-Method`, `X-Forwarded-Uri` | `X-Forwarded-Proto`, `X-Forwarded-Host` |
//! | Envoy | those of the request, below [`PATH`] | `X-Forwarded-Proto`, `Host` |
//!
//! A gateway passes on headers that it does not know as the client wrote them. So scheme and host are never read from
//! headers of another convention than that of the path.

use std::borrow::Cow;
use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName};

use crate::domain::listing::clip;
use crate::domain::redaction::redacted;
use crate::http::address::sent_path;
use crate::http::dpop::Target;
use crate::http::peer::TrustedProxies;

/// The path of forward authentication.
pub const PATH: &str = "/gateway/verify";

/// The headers with method and target: by convention with nginx, by default with Caddy and Traefik.
const HEADERS: [(&str, &str); 2] = [("x-original-method", "x-original-uri"), ("x-forwarded-method", "x-forwarded-uri")];
/// The scheme of the client's request.
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host of the client's request.
pub const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Scheme and host of the client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
}

impl<'a> Origin<'a> {
    /// The origin in the two headers, each of which must occur once.
    fn in_headers(request: &'a HttpRequest, scheme: &HeaderName, host: &HeaderName) -> Option<Self> {
        let only = |name| {
            let mut values = request.headers().get_all(name);
            values.next().filter(|_| values.next().is_none())?.to_str().ok()
        };
        Some(Self { scheme: only(scheme)?, host: only(host)? })
    }

    /// The origin at the beginning of a URL, and the rest of the URL. `None` for a path.
    fn split(target: &'a str) -> Option<(Self, &'a str)> {
        let (scheme, rest) = target.split_once("://").filter(|(scheme, _)| !scheme.contains('/'))?;
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Some((Self { scheme, host }, path))
    }
}

/// Method, path and query of the client's request, and its scheme and host if the gateway tells them.
#[derive(Debug, PartialEq, Eq)]
pub struct Original<'a> {
    /// The method; `?` if the gateway does not tell it.
    method: &'a str,
    origin: Option<Origin<'a>>,
    path: Cow<'a, str>,
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
        let told =
            HEADERS.into_iter().find_map(|(method, uri)| Some((header(method).unwrap_or("?"), uri, header(uri)?)));
        if let Some((method, name, target)) = told {
            let (origin, target) = match Origin::split(target) {
                Some((origin, target)) => (Some(origin), target),
                None if name == HEADERS[1].1 => {
                    (Origin::in_headers(request, &FORWARDED_PROTO, &FORWARDED_HOST), target)
                }
                None => (None, target),
            };
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            return Some(Self { method, origin, path: path.into(), query });
        }
        // As it was sent: without its slashes it may be `PATH` itself, and a proof may be for another path.
        let path = match sent_path(request) {
            Cow::Borrowed(path) => Cow::Borrowed(path.strip_prefix(PATH)?),
            Cow::Owned(path) => Cow::Owned(path.strip_prefix(PATH)?.to_owned()),
        };
        if path.is_empty() {
            return None;
        }
        let origin = Origin::in_headers(request, &FORWARDED_PROTO, &HOST);
        Some(Self { method: request.method().as_str(), origin, path, query: request.query_string() })
    }

    /// The method and the URL that a DPoP proof must be made for, if the gateway tells scheme and host. The URL has no
    /// query.
    #[must_use]
    pub fn target(&self) -> Option<Target<'a>> {
        let Origin { scheme, host } = self.origin?;
        Some(Target { method: self.method, url: format!("{scheme}://{host}{}", self.path) })
    }
}

/// Method and path, redacted for the log.
impl fmt::Display for Original<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", clip(&redacted(self.method)), clip(&redacted(&self.path)))
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
        let root = Some(("GET /".to_owned(), "b=c".to_owned()));
        assert_eq!(original("10.0.0.1", "/gateway/verify/?b=c", &[]), root);
    }

    #[test]
    fn the_url_is_told_by_the_convention_that_tells_the_path() {
        let url = |target: &str, headers: &[(&'static str, &str)]| {
            let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
            let mut request = TestRequest::with_uri(target).peer_addr("10.0.0.1:1".parse().unwrap());
            for header in headers {
                request = request.append_header(*header);
            }
            let request = request.to_http_request();
            Original::of(&request, &trusted).unwrap().target().map(|target| target.url)
        };
        let told = Some("https://api.example.org/a".to_owned());
        let nginx = ("x-original-uri", "https://api.example.org/a?b=c");
        let forwarded =
            [("x-forwarded-uri", "/a?b=c"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "api.example.org")];
        let envoy = [("host", "api.example.org"), ("x-forwarded-proto", "https")];
        assert_eq!(url(PATH, &[nginx]), told);
        assert_eq!(url(PATH, &forwarded), told);
        assert_eq!(url("/gateway/verify/a?b=c", &envoy), told);
        // What nginx and Envoy pass on as the client wrote it.
        assert_eq!(url(PATH, &[("x-original-uri", "/a"), forwarded[1], forwarded[2]]), None);
        assert_eq!(url("/gateway/verify/a", &[envoy[0], forwarded[2]]), None);
        assert_eq!(url("/gateway/verify/a", &[envoy[0], envoy[1], ("x-forwarded-host", "evil.example.org")]), told);
        // A duplicate header, and a missing one.
        assert_eq!(
            url(PATH, &[forwarded[0], forwarded[1], forwarded[2], ("x-forwarded-host", "evil.example.org")]),
            None
        );
        assert_eq!(url(PATH, &forwarded[..2]), None);
        // A path that looks like a URL.
        assert_eq!(url(PATH, &[("x-original-uri", "/https://evil.example.org/a")]), None);
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
