//! The client address of a request, read from `X-Forwarded-For` or `Forwarded` if the proxy is trusted.

mod forwarded;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

use self::forwarded::nodes;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of proxies whose forwarding headers are trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// Whether the peer of the connection is a trusted proxy.
    #[must_use]
    pub fn is_peer(&self, request: &HttpRequest) -> bool {
        request.peer_addr().is_some_and(|peer| self.trusts(peer.ip()))
    }

    /// The address of the client. If the peer is a trusted proxy, `X-Forwarded-For` is read from the right until the
    /// first address that is not a trusted proxy; without that header, `Forwarded` (RFC 7239) is read the same way.
    /// What a client writes into the header itself stands further left and never counts. `None` when a trusted proxy
    /// names no address, when `Forwarded` does not follow its grammar, or when both headers are present and differ.
    #[must_use]
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let address = request.peer_addr()?.ip().to_canonical();
        if !self.trusts(address) {
            return Some(address);
        }
        let headers = request.headers();
        let hops = headers.get_all(X_FORWARDED_FOR).rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        let told = self.walk(address, hops.map(str::trim).filter(|hop| !hop.is_empty()).map(node));
        if !headers.contains_key(FORWARDED) {
            return told;
        }
        let hops = headers.get_all(FORWARDED).rev().flat_map(|line| nodes(line.as_bytes()).into_iter().rev());
        let standard = self.walk(address, hops.map(|hop| node(&hop)));
        // A proxy that sets only one header passes the other on as the client wrote it, so both must agree.
        if headers.contains_key(X_FORWARDED_FOR) { told.filter(|told| Some(*told) == standard) } else { standard }
    }

    /// Follows the hops from the nearest on, up to the first that is not a trusted proxy.
    /// `None` if a hop on the way is no address.
    fn walk(&self, from: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut address = from;
        for hop in hops {
            address = hop?.to_canonical();
            if !self.trusts(address) {
                break;
            }
        }
        Some(address)
    }

    /// Whether `address` is that of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// Parses an address as proxies write it: bare, in brackets, or with a port.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
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
        assert_eq!(address("10.0.0.1", &["unknown"]), None);
        assert_eq!(address("10.0.0.1", &[""]).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn addresses_may_have_ports_and_brackets() {
        for (told, read) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
        ] {
            assert_eq!(address("10.0.0.1", &[told]).as_deref(), Some(read), "{told}");
        }
        for none in ["198.51.100.7:", "198.51.100.7:99999", "[198.51.100.7]", "[2001:db8::1", "2001:db8::1]:1"] {
            assert_eq!(address("10.0.0.1", &[none]), None, "{none}");
        }
    }

    #[test]
    fn the_standard_header_is_read_in_the_same_way() {
        let told = |peer: &str, lines: &[(&'static str, &str)]| {
            let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
            let mut request = TestRequest::default().peer_addr(format!("{peer}:1").parse().unwrap());
            for line in lines {
                request = request.append_header(*line);
            }
            trusted.client_address(&request.to_http_request()).map(|address| address.to_string())
        };
        let forwarded = |value| told("10.0.0.1", &[("forwarded", value)]);
        assert_eq!(forwarded("for=198.51.100.7;proto=https").as_deref(), Some("198.51.100.7"));
        assert_eq!(forwarded("For=\"[2001:db8::1]:4711\"").as_deref(), Some("2001:db8::1"));
        assert_eq!(forwarded("for=127.0.0.1, for=198.51.100.7;by=x, for=10.0.0.2").as_deref(), Some("198.51.100.7"));
        // What a proxy quotes, such as `Host`, is the client's text.
        assert_eq!(
            forwarded("for=198.51.100.7;host=\"a,for=203.0.113.9;x\";proto=http").as_deref(),
            Some("198.51.100.7")
        );
        assert_eq!(forwarded("host=\"a;for=203.0.113.9;b\";for=198.51.100.7").as_deref(), Some("198.51.100.7"));
        assert_eq!(forwarded("for=198.51.100.7;host=\"a,b\"").as_deref(), Some("198.51.100.7"));
        for none in ["for=unknown", "for=_hidden", "proto=https", "nonsense", "for=198.51.100.7;host=\"a"] {
            assert_eq!(forwarded(none), None, "{none}");
        }
        assert_eq!(told("192.0.2.1", &[("forwarded", "for=198.51.100.7")]).as_deref(), Some("192.0.2.1"));
        let both = |one, other| told("10.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(both("198.51.100.7", "for=198.51.100.7").as_deref(), Some("198.51.100.7"));
        assert_eq!(both("198.51.100.7", "for=198.51.100.8"), None, "it is unknown which of them the proxy wrote");
    }
}
