//! Where a request comes from, through proxies that are trusted to say so.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of proxies whose forwarding headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// Whether the one at the other end of the connection is such a proxy.
    #[must_use]
    pub fn is_peer(&self, request: &HttpRequest) -> bool {
        request.peer_addr().is_some_and(|peer| self.trusts(peer.ip()))
    }

    /// The address of the client: the peer's, or what the last proxies in `X-Forwarded-For` say as far as each of them
    /// is trusted, read from the right. What a client itself writes into the header stands to the left of that and
    /// never counts. `None` when a trusted proxy names no address.
    #[must_use]
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let mut address = request.peer_addr()?.ip().to_canonical();
        if !self.trusts(address) {
            return Some(address);
        }
        let lines: Vec<&str> =
            request.headers().get_all(X_FORWARDED_FOR).map(|line| line.to_str().unwrap_or("?")).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim).filter(|hop| !hop.is_empty()) {
            address = hop.parse::<IpAddr>().ok()?.to_canonical();
            if !self.trusts(address) {
                break;
            }
        }
        Some(address)
    }

    /// Whether that is the address of such a proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> Option<String> {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1").parse().unwrap());
        for line in forwarded {
            request = request.append_header((X_FORWARDED_FOR, *line));
        }
        trusted.client_address(&request.to_http_request()).map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(address("10.0.0.1", &["198.51.100.7"]).as_deref(), Some("198.51.100.7"));
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(address("10.0.0.1", &["127.0.0.1, 198.51.100.7"]).as_deref(), Some("198.51.100.7"));
        assert_eq!(address("10.0.0.1", &["127.0.0.1", "198.51.100.7, 10.0.0.2"]).as_deref(), Some("198.51.100.7"));
    }

    #[test]
    fn a_trusted_proxy_that_names_no_address_leaves_it_unknown() {
        assert_eq!(address("10.0.0.1", &["198.51.100.7:4711"]), None);
        assert_eq!(address("10.0.0.1", &["unknown"]), None);
        assert_eq!(address("10.0.0.1", &[""]).as_deref(), Some("10.0.0.1"));
    }
}
