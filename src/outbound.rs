//! The HTTP client for requests to other servers, with limits on time, size and destination (SSRF guard).
//!
//! Redirects are not followed. Plain HTTP is allowed to loopback addresses only. Certificates are checked against the
//! operating system's trust store, which `SSL_CERT_FILE` and `SSL_CERT_DIR` replace, or against the [`Roots`] of the
//! client. `HTTPS_PROXY` and `NO_PROXY` apply to HTTPS. A proxy resolves names itself, so it must also guard private
//! networks itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::config::{Config, ConfigBuilder};
use ureq::http::uri::{Scheme, Uri};
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Timeout of a request, from the name look-up to the last byte of the answer.
pub const TIME: Duration = Duration::from_secs(10);
/// Maximum size of an answer, in bytes.
pub const LARGEST_ANSWER: u64 = 512 * 1024;
/// Maximum number of concurrent requests of one client.
const PLACES: usize = 16;
/// Maximum number of concurrent requests, and of idle connections, from an edge to its upstream.
pub const EDGE_PLACES: usize = 128;
/// Timeout of a request of an edge to its upstream.
pub const EDGE_TIME: Duration = Duration::from_secs(5);

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The address is neither `https://` nor `http://` with a loopback host.
    #[error("`{0}` must begin with https://; http:// is for this machine only")]
    NotSecure(String),
    /// The limit of concurrent requests is reached.
    #[error("too many requests to other servers are under way")]
    Busy,
    /// The answer is larger than [`LARGEST_ANSWER`], or than the client's own limit.
    #[error("the answer is too large")]
    TooLarge,
    /// The request took longer than [`TIME`].
    #[error("there was no answer within {} seconds", TIME.as_secs())]
    TooSlow,
    /// The name resolves to an address in a private network.
    #[error("the address lies in a private network")]
    Private,
    /// The server's certificate is not trusted, or is one for another name.
    #[error("the certificate of the server is not accepted: {0}")]
    Certificate(String),
    /// The server could not be reached, or its answer is not HTTP.
    #[error("{0}")]
    Failed(String),
}

/// Where a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destinations {
    /// Anywhere: for an address given by the operator or by the user of the command line.
    Anywhere,
    /// Public addresses only, neither private networks nor this machine: for an address given by another server.
    Public,
}

/// The certificate authorities that a client trusts.
#[derive(Debug, Clone)]
pub struct Roots(RootCerts);

impl Default for Roots {
    /// The operating system's certificate authorities.
    fn default() -> Self {
        Self(RootCerts::PlatformVerifier)
    }
}

impl Roots {
    /// The certificates of a PEM file, and no others.
    ///
    /// # Errors
    /// A message that says what is wrong with the file.
    pub fn parse(pem: &str) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        let mut roots = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.push(Certificate::from_der(&certificate).to_owned());
            store.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.is_empty() {
            return Err("must hold certificates in the PEM format".to_owned());
        }
        Ok(Self(roots.into()))
    }
}

/// The HTTP client. Cheap to clone; clones share the limit of concurrent requests.
#[derive(Clone)]
pub struct Outbound {
    anywhere: Agent,
    public: Agent,
    places: Arc<Semaphore>,
    largest: u64,
}

impl Default for Outbound {
    fn default() -> Self {
        Self::new(&Roots::default())
    }
}

impl Outbound {
    /// Creates a client with its own limit of concurrent requests.
    #[must_use]
    pub fn new(roots: &Roots) -> Self {
        Self::with(&config(roots).build(), PLACES)
    }

    /// Creates the client of an edge, which sends all its requests to one server.
    #[must_use]
    pub fn of_edge(roots: &Roots) -> Self {
        let config = config(roots)
            .timeout_global(Some(EDGE_TIME))
            .max_idle_connections(EDGE_PLACES)
            .max_idle_connections_per_host(EDGE_PLACES);
        Self::with(&config.build(), EDGE_PLACES)
    }

    fn with(config: &Config, places: usize) -> Self {
        let agent = |destinations| {
            Agent::with_parts(
                config.clone(),
                DefaultConnector::default(),
                Bounded { destinations, names: DefaultResolver::default() },
            )
        };
        Self {
            anywhere: agent(Destinations::Anywhere),
            public: agent(Destinations::Public),
            places: Arc::new(Semaphore::new(places)),
            largest: LARGEST_ANSWER,
        }
    }

    /// This client, with another limit on the size of an answer, in bytes.
    #[must_use]
    pub fn with_answers_of(self, largest: u64) -> Self {
        Self { largest, ..self }
    }

    /// Sends a request on a blocking thread. Every status is a success, including redirections and errors.
    ///
    /// # Errors
    /// [`Unreachable`]
    pub async fn send(
        &self,
        request: Request<Vec<u8>>,
        destinations: Destinations,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Unreachable::Busy)?;
        let client = self.clone();
        let sent = tokio::task::spawn_blocking(move || {
            // The permit moves here: a cancelled caller does not free its place while the request still runs.
            let _permit = permit;
            client.send_blocking(request, destinations)
        });
        sent.await.map_err(|error| Unreachable::Failed(error.to_string()))?
    }

    /// Sends a request on the current thread, for the command line.
    ///
    /// # Errors
    /// [`Unreachable`]
    pub fn send_blocking(
        &self,
        request: Request<Vec<u8>>,
        destinations: Destinations,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        check(request.uri())?;
        let agent = match destinations {
            Destinations::Anywhere => &self.anywhere,
            Destinations::Public => &self.public,
        };
        let (parts, body) = request.into_parts();
        let answer = if [Method::GET, Method::DELETE].contains(&parts.method) {
            run(agent, Request::from_parts(parts, ()))
        } else {
            run(agent, Request::from_parts(parts, body))
        };
        let (parts, mut body) = answer?.into_parts();
        let bytes = body.with_config().limit(self.largest).read_to_vec().map_err(failed)?;
        Ok(Response::from_parts(parts, bytes))
    }
}

fn run<B: ureq::AsSendBody>(agent: &Agent, request: Request<B>) -> Result<Response<ureq::Body>, Unreachable> {
    // Plain HTTP goes to loopback, which a proxy cannot reach.
    let direct = request.uri().scheme() == Some(&Scheme::HTTP);
    let sent =
        if direct { agent.run(agent.configure_request(request).proxy(None).build()) } else { agent.run(request) };
    sent.map_err(failed)
}

fn config(roots: &Roots) -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(roots.0.clone())
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIME))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
}

fn failed(error: ureq::Error) -> Unreachable {
    match error {
        ureq::Error::Timeout(_) => Unreachable::TooSlow,
        ureq::Error::BodyExceedsLimit(_) => Unreachable::TooLarge,
        ureq::Error::Io(error) => match error.get_ref() {
            Some(inner) if inner.is::<PrivateAddress>() => Unreachable::Private,
            Some(inner) => match inner.downcast_ref() {
                Some(rustls::Error::InvalidCertificate(reason)) => Unreachable::Certificate(reason.to_string()),
                _ => Unreachable::Failed(error.to_string()),
            },
            None => Unreachable::Failed(error.to_string()),
        },
        error => Unreachable::Failed(error.to_string()),
    }
}

/// Checks that a request to this address cannot be eavesdropped on: HTTPS, or HTTP to a loopback host.
///
/// # Errors
/// [`Unreachable::NotSecure`]
pub fn check(address: &Uri) -> Result<(), Unreachable> {
    let host = address.host().unwrap_or_default();
    let secure = address.scheme() == Some(&Scheme::HTTPS) && !host.is_empty();
    let local = address.scheme() == Some(&Scheme::HTTP) && is_this_machine(host);
    if secure || local { Ok(()) } else { Err(Unreachable::NotSecure(address.to_string())) }
}

/// Whether a URL's host is `localhost` or a loopback address.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Resolves names and enforces [`Destinations`]. It checks the very addresses that are connected to, so DNS rebinding
/// does not bypass it.
#[derive(Debug)]
struct Bounded {
    destinations: Destinations,
    names: DefaultResolver,
}

/// The error for a name that resolves to a private address.
#[derive(Debug, thiserror::Error)]
#[error("the address lies in a private network")]
struct PrivateAddress;

impl Resolver for Bounded {
    fn resolve(&self, uri: &Uri, config: &Config, time: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, time)?;
        let inside = found.iter().any(|address| !is_public(address.ip()));
        if self.destinations == Destinations::Public && inside {
            return Err(ureq::Error::Io(std::io::Error::other(PrivateAddress)));
        }
        Ok(found)
    }
}

/// Whether an address belongs to the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public_v4(inner),
            // Global unicast, 2000::/3, without the documentation prefix 2001:db8::/32.
            None => address.segments()[0] & 0xe000 == 0x2000 && !address.segments().starts_with(&[0x2001, 0xdb8]),
        },
    }
}

/// The IPv4 address embedded in an IPv6 address: mapped, translated (`64:ff9b::/96`), or 6to4 (`2002::/16`).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, .., high, low] = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (first, second) {
        (0x2002, _) => Some(of(second, third)),
        (0x64, 0xff9b) => Some(of(high, low)),
        _ => address.to_ipv4_mapped(),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let for_tests = first == 198 && second & 0xfe == 18;
    let for_protocols = first == 192 && second == 0 && third == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || shared
        || for_tests
        || for_protocols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for (address, may) in [
            ("https://id.example.org/a", true),
            ("http://127.0.0.1:8080/a", true),
            ("http://[::1]:8080/a", true),
            ("http://localhost/a", true),
            ("http://id.example.org/a", false),
            ("http://localhost.example.org/a", false),
            ("http://10.0.0.1/a", false),
            ("ftp://127.0.0.1/a", false),
            ("/a", false),
        ] {
            assert_eq!(check(&address.parse().unwrap()).is_ok(), may, "{address}");
        }
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn what_another_server_named_leads_not_into_private_networks() {
        let asked = Request::get("https://127.0.0.1:9/").body(Vec::new()).unwrap();
        let refused = Outbound::default().send_blocking(asked, Destinations::Public);
        assert!(matches!(refused, Err(Unreachable::Private)), "{refused:?}");
    }
}
