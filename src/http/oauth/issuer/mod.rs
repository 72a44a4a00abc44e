//! Issuers of signed tokens: discovery, keys, and the signatures of their tokens. `sign_in` asks the providers where people
//! sign in, `workload` the issuers of workloads.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use oauth2::http::{Method, Request, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tracing::Instrument;

use crate::clock::{Clock, HOUR, SECOND};
use crate::domain::jwk::{KeySet, Keys, algorithm};
use crate::domain::jws::{self, Unchecked};
use crate::domain::nesting::read_json;
use crate::outbound::{self, Destinations, Outbound};

/// Tolerated difference between the clocks of an issuer and of this server, in seconds.
pub(super) const LEEWAY: i64 = 60;
/// How long the metadata and the keys of an issuer are cached, in milliseconds.
const CACHED_FOR: i64 = HOUR;
/// Minimum pause between two requests for the same document, after a failure or an unknown key, in milliseconds.
const RETRY_PAUSE: i64 = 5 * SECOND;
/// How long a request waits for other requests that are fetching the same document.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a token of an issuer, or an answer of a provider, is not accepted. The message goes to the log only.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The issuer cannot be reached, is too slow, or its metadata is unusable.
    #[error("{0}")]
    Unavailable(String),
    /// The issuer's answer or token is invalid.
    #[error("{0}")]
    Rejected(String),
    /// The provider answered with an error, or a required claim is missing.
    #[error("the provider answered `{0}`")]
    Denied(String),
}

impl From<jws::Rejected> for ProviderError {
    fn from(rejected: jws::Rejected) -> Self {
        Self::Rejected(format!("the token is not accepted: {rejected}"))
    }
}

impl ProviderError {
    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected(message.into())
    }
}

/// Checks the identifier of an issuer: an address that can be asked securely, without user, query and fragment (OpenID
/// Connect Core, section 2).
///
/// # Errors
/// A message that says what is allowed.
pub fn check_issuer(issuer: &str) -> Result<(), String> {
    let address: Uri = issuer.parse().map_err(|_| "must be an address".to_owned())?;
    outbound::check(&address).map_err(|error| error.to_string())?;
    if address.query().is_some()
        || issuer.contains('#')
        || address.authority().is_some_and(|it| it.as_str().contains('@'))
    {
        return Err("must have no user, no query and no fragment".to_owned());
    }
    Ok(())
}

/// Which keys of an issuer are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those in memory, if they are fresh.
    Cached,
    /// Those that the issuer has now, or had at most [`RETRY_PAUSE`] ago.
    Newest,
}

/// The endpoints in an issuer's metadata that its clients use.
pub(super) trait Endpoints: DeserializeOwned + Send + Sync + 'static {
    /// Their addresses.
    fn addresses(&self) -> Vec<&str>;
}

/// What an issuer is built from.
pub(super) struct IssuerSettings {
    /// Its identifier, compared byte by byte.
    pub(super) name: String,
    /// The algorithms that its tokens may be signed with, as far as it announces them.
    pub(super) algorithms: &'static [Algorithm],
    /// Where its own host may be.
    pub(super) own: Destinations,
    /// Where the hosts may be that its metadata names.
    pub(super) others: Destinations,
    /// The client that its documents are fetched with.
    pub(super) client: Outbound,
    pub(super) clock: Clock,
}

/// An issuer, with its documents in memory.
pub(super) struct Issuer<E> {
    pub(super) settings: IssuerSettings,
    metadata: Document<Metadata<E>>,
    keys: Document<Keys>,
}

/// A document of an issuer in memory.
struct Document<T> {
    cached: std::sync::Mutex<Cached<T>>,
    fetching: Mutex<()>,
}

/// A cached document with the time of its request, and the time of the latest request; in milliseconds of uptime.
struct Cached<T> {
    value: Option<(Arc<T>, i64)>,
    asked_at: Option<i64>,
}

impl<T> Default for Document<T> {
    fn default() -> Self {
        Self { cached: std::sync::Mutex::new(Cached { value: None, asked_at: None }), fetching: Mutex::default() }
    }
}

impl<T> Document<T> {
    fn cached(&self) -> MutexGuard<'_, Cached<T>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document in memory, if it is fresh and `enough`; otherwise fetches it, at most once per [`RETRY_PAUSE`]. Callers
    /// that need the same document share one request, and those whose document is in memory wait for none.
    async fn get(
        &self,
        clock: &Clock,
        enough: impl Fn(&T) -> bool,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<Arc<T>, ProviderError> {
        if let Some(known) = self.cached().fresh(clock.uptime()).filter(|known| enough(known)) {
            return Ok(known);
        }
        let _fetching = waiting(self.fetching.lock()).await?;
        let now = clock.uptime();
        let (known, recently) = {
            let cached = self.cached();
            (cached.fresh(now), cached.was_asked_recently(now))
        };
        match known {
            Some(known) if recently || enough(&known) => return Ok(known),
            None if recently => return Err(unavailable()),
            Some(_) | None => self.cached().asked_at = Some(now),
        }
        let fetched = fetch.await;
        let mut cached = self.cached();
        // Counted from the end of a slow request, so that the next waiting caller does not repeat it.
        cached.asked_at = Some(clock.uptime());
        let document = Arc::new(fetched?);
        cached.value = Some((Arc::clone(&document), now));
        Ok(document)
    }
}

impl<T> Cached<T> {
    fn fresh(&self, now: i64) -> Option<Arc<T>> {
        self.value.as_ref().filter(|(_, at)| now - at < CACHED_FOR).map(|(value, _)| Arc::clone(value))
    }

    /// Whether the latest request, successful or not, was less than [`RETRY_PAUSE`] ago.
    fn was_asked_recently(&self, now: i64) -> bool {
        self.asked_at.is_some_and(|at| now - at < RETRY_PAUSE)
    }
}

/// Metadata of an issuer (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
pub(super) struct Metadata<E> {
    issuer: String,
    jwks_uri: String,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// The endpoints that this server uses.
    #[serde(flatten)]
    pub(super) endpoints: E,
}

impl<E> Metadata<E> {
    /// The accepted algorithms that the issuer announces.
    fn algorithms(&self, accepted: &[Algorithm]) -> Vec<Algorithm> {
        let announced = match &self.id_token_signing_alg_values_supported {
            None => vec![Algorithm::RS256],
            Some(names) => names.iter().filter_map(|name| algorithm(name)).collect(),
        };
        announced.into_iter().filter(|algorithm| accepted.contains(algorithm)).collect()
    }
}

impl<E: Endpoints> Issuer<E> {
    pub(super) fn new(settings: IssuerSettings) -> Self {
        Self { settings, metadata: Document::default(), keys: Document::default() }
    }

    /// The issuer's metadata, cached for [`CACHED_FOR`]. Concurrent callers share one request.
    pub(super) async fn metadata(self: &Arc<Self>) -> Result<Arc<Metadata<E>>, ProviderError> {
        let issuer = Arc::clone(self);
        detached(async move { issuer.metadata.get(&issuer.settings.clock, |_| true, issuer.discover()).await }).await
    }

    async fn discover(&self) -> Result<Metadata<E>, ProviderError> {
        let issuer = &self.settings.name;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata<E> = self.fetch(&address).await?;
        if metadata.issuer != *issuer {
            return Err(ProviderError::Unavailable(
                "the issuer says that it is another issuer than configured".to_owned(),
            ));
        }
        for address in metadata.endpoints.addresses().into_iter().chain([metadata.jwks_uri.as_str()]) {
            let parsed: Uri = address.parse().map_err(|_| unusable(address))?;
            outbound::check(&parsed).map_err(|error| ProviderError::Unavailable(error.to_string()))?;
            if address.contains('#') {
                return Err(unusable(address));
            }
        }
        if metadata.algorithms(self.settings.algorithms).is_empty() {
            return Err(ProviderError::Unavailable("the issuer signs with no algorithm that is taken here".to_owned()));
        }
        Ok(metadata)
    }

    /// Checks the signature of a token, and returns its claims. `kind` accepts or refuses its `typ` header.
    pub(super) async fn verified<T: for<'de> Deserialize<'de>>(
        self: &Arc<Self>,
        token: &str,
        kind: impl Fn(Option<&str>) -> bool,
    ) -> Result<T, ProviderError> {
        let metadata = self.metadata().await?;
        let token = Unchecked::read(token, &metadata.algorithms(self.settings.algorithms))?;
        if !kind(token.kind.as_deref()) {
            return Err(ProviderError::rejected("the token is of another kind"));
        }
        let claims = |keys: &Keys| {
            let key = keys.find(token.key_id.as_deref(), token.algorithm);
            key.ok_or(jws::Rejected::UnknownKey).and_then(|key| token.claims(key))
        };
        match claims(&*self.keys(&metadata, Wanted::Cached).await?) {
            // The issuer may have a new key, also under an old `kid` or without one. Anyone can send such a token, so
            // `RETRY_PAUSE` limits the requests.
            Err(jws::Rejected::UnknownKey | jws::Rejected::Signature) => {
                Ok(claims(&*self.keys(&metadata, Wanted::Newest).await?)?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn keys(self: &Arc<Self>, metadata: &Arc<Metadata<E>>, wanted: Wanted) -> Result<Arc<Keys>, ProviderError> {
        let (issuer, metadata) = (Arc::clone(self), Arc::clone(metadata));
        detached(async move {
            let fetch = async { Ok(Keys::from(issuer.fetch::<KeySet>(&metadata.jwks_uri).await?)) };
            issuer.keys.get(&issuer.settings.clock, |_| wanted == Wanted::Cached, fetch).await
        })
        .await
    }

    async fn fetch<T: DeserializeOwned>(&self, address: &str) -> Result<T, ProviderError> {
        let request = Request::builder().method(Method::GET).uri(address).header("accept", "application/json");
        let request = request.body(Vec::new()).map_err(|_| unusable(address))?;
        let destinations = self.destinations(request.uri());
        let answer = self.settings.client.send(request, destinations).await;
        let answer = answer.map_err(|error| ProviderError::Unavailable(format!("`{address}`: {error}")))?;
        if answer.status().as_u16() != 200 {
            return Err(ProviderError::Unavailable(format!("`{address}` answered with {}", answer.status())));
        }
        read_json(answer.body()).map_err(|error| ProviderError::Unavailable(format!("`{address}`: {error}")))
    }

    /// SSRF guard: where a request to this address may go.
    pub(super) fn destinations(&self, address: &Uri) -> Destinations {
        let own: Option<Uri> = self.settings.name.parse().ok();
        let own = own.as_ref().and_then(Uri::host);
        if own.is_some() && own == address.host() { self.settings.own } else { self.settings.others }
    }
}

/// Runs work to its end even if the caller is dropped: a client that disconnects must not end a request to the issuer
/// that other clients wait for.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
) -> Result<T, ProviderError> {
    let task = tokio::spawn(work.in_current_span());
    task.await.map_err(|error| ProviderError::Unavailable(error.to_string()))?
}

/// Waits for the lock, for at most [`LOCK_TIMEOUT`].
async fn waiting<T>(lock: impl Future<Output = T>) -> Result<T, ProviderError> {
    tokio::time::timeout(LOCK_TIMEOUT, lock).await.map_err(|_| unavailable())
}

fn unavailable() -> ProviderError {
    ProviderError::Unavailable("the issuer failed a moment ago, or others wait for it".to_owned())
}

/// The error for an address in metadata that cannot be used.
pub(super) fn unusable(address: &str) -> ProviderError {
    ProviderError::Unavailable(format!("`{}` is no address that can be used", crate::domain::text::clip(address)))
}
