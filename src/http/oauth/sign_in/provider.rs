//! An OpenID Connect provider: discovery, keys, and the exchange of an authorization code for an ID token.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::http::{Method, Request, Uri};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::Instrument;

use super::ProviderError;
use super::flow::{CookieScope, Flow, Reauthentication};
use super::settings::ProviderSettings;
use crate::clock::{Clock, HOUR, SECOND};
use crate::domain::jwk::{KeySet, Keys, algorithm};
use crate::domain::jws::Unchecked;
use crate::domain::nesting::read_json;
use crate::outbound::{self, Destinations, Outbound};

/// How long the metadata and the keys of a provider are cached, in milliseconds.
const CACHED_FOR: i64 = HOUR;
/// Minimum pause between two requests for the same document, after a failure or an unknown `kid`, in milliseconds.
const RETRY_PAUSE: i64 = 5 * SECOND;
/// How long a request waits for other requests that are fetching the same document.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// A provider.
pub(super) struct Provider {
    pub(super) settings: ProviderSettings,
    /// The redirect URI registered at the provider.
    pub(super) redirect_uri: String,
    /// The public URL of this server, without a slash at its end.
    base: String,
    clock: Clock,
    client: Outbound,
    metadata: Mutex<Cached<Metadata>>,
    keys: Mutex<Cached<Keys>>,
}

/// A cached document with the time of its request, and the time of the latest request; in milliseconds of uptime.
struct Cached<T> {
    value: Option<(Arc<T>, i64)>,
    asked_at: Option<i64>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { value: None, asked_at: None }
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

/// Provider metadata (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    pub(super) end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// RFC 9207, section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// The signing algorithms accepted from this provider: those that it announces, without the symmetric ones (HMAC).
    fn algorithms(&self) -> Vec<Algorithm> {
        match &self.id_token_signing_alg_values_supported {
            None => vec![Algorithm::RS256],
            Some(names) => names.iter().filter_map(|name| algorithm(name)).collect(),
        }
    }

    /// How this server authenticates at the token endpoint.
    fn auth_type(&self) -> AuthType {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let has = |method: &str| methods.iter().any(|each| each == method);
        if has("client_secret_post") && !has("client_secret_basic") {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }
    }
}

type Exchanged = StandardTokenResponse<IdTokenField, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Exchanged,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The field that OpenID Connect adds to a token response.
#[derive(Debug, Serialize, Deserialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

impl Provider {
    pub(super) fn new(settings: ProviderSettings, base: &str, clock: Clock) -> Self {
        Self {
            redirect_uri: format!("{base}/login/{}/callback", settings.id),
            base: base.to_owned(),
            client: Outbound::new(&settings.roots),
            settings,
            clock,
            metadata: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// What the sign-in cookie depends on.
    pub(super) fn cookie_scope(&self) -> CookieScope<'_> {
        CookieScope { provider: &self.settings.id, is_secure: self.base.starts_with("https://") }
    }

    /// The provider's metadata, cached for [`CACHED_FOR`]. Concurrent callers share one request.
    pub(super) async fn metadata(self: &Arc<Self>) -> Result<Arc<Metadata>, ProviderError> {
        let provider = Arc::clone(self);
        detached(async move { provider.cached_metadata().await }).await
    }

    async fn cached_metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let mut cached = waiting(self.metadata.lock()).await?;
        let now = self.clock.uptime();
        if let Some(metadata) = cached.fresh(now) {
            return Ok(metadata);
        }
        if cached.was_asked_recently(now) {
            return Err(unavailable());
        }
        cached.asked_at = Some(now);
        let discovered = self.discover().await;
        // Counted from the end of a slow request, so that the next waiting caller does not repeat it.
        cached.asked_at = Some(self.clock.uptime());
        let metadata = Arc::new(discovered?);
        cached.value = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }

    async fn discover(&self) -> Result<Metadata, ProviderError> {
        let issuer = &self.settings.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.get(&address).await?;
        if metadata.issuer != *issuer {
            return Err(ProviderError::Unavailable(
                "the provider says that it is another issuer than configured".to_owned(),
            ));
        }
        let addresses = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        for address in addresses.into_iter().chain(&metadata.end_session_endpoint) {
            let parsed: Uri = address.parse().map_err(|_| unusable(address))?;
            outbound::check(&parsed).map_err(|error| ProviderError::Unavailable(error.to_string()))?;
            if address.contains('#') {
                return Err(unusable(address));
            }
        }
        if metadata.algorithms().is_empty() {
            return Err(ProviderError::Unavailable(
                "the provider signs with no algorithm that is taken here".to_owned(),
            ));
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
        let token = Unchecked::read(token, &metadata.algorithms())?;
        if !kind(token.kind.as_deref()) {
            return Err(ProviderError::rejected("the token is of another kind"));
        }
        let (provider, key_id, algorithm) = (Arc::clone(self), token.key_id.clone(), token.algorithm);
        let keys = detached(async move { provider.keys(&metadata, key_id.as_deref(), algorithm).await }).await?;
        let key = keys.find(token.key_id.as_deref(), token.algorithm);
        Ok(token.claims(key.ok_or_else(|| ProviderError::rejected("the provider has no such key"))?)?)
    }

    /// The provider's keys. An unknown `kid` fetches them again, at most once per [`RETRY_PAUSE`], because anyone can invent a
    /// `kid`.
    async fn keys(
        &self,
        metadata: &Metadata,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<Keys>, ProviderError> {
        let mut cached = waiting(self.keys.lock()).await?;
        let now = self.clock.uptime();
        let known = cached.fresh(now);
        if let Some(known) = &known
            && (known.find(key_id, algorithm).is_some() || cached.was_asked_recently(now))
        {
            return Ok(Arc::clone(known));
        }
        if cached.was_asked_recently(now) {
            return Err(unavailable());
        }
        cached.asked_at = Some(now);
        let asked: Result<KeySet, _> = self.get(&metadata.jwks_uri).await;
        cached.asked_at = Some(self.clock.uptime());
        let keys = Arc::new(Keys::from(asked?));
        cached.value = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, address: &str) -> Result<T, ProviderError> {
        let request = Request::builder().method(Method::GET).uri(address).header("accept", "application/json");
        let request = request.body(Vec::new()).map_err(|_| unusable(address))?;
        let destinations = self.destinations(request.uri());
        let answer = self.client.send(request, destinations).await;
        let answer = answer.map_err(|error| ProviderError::Unavailable(format!("`{address}`: {error}")))?;
        if answer.status().as_u16() != 200 {
            return Err(ProviderError::Unavailable(format!("`{address}` answered with {}", answer.status())));
        }
        read_json(answer.body()).map_err(|error| ProviderError::Unavailable(format!("`{address}`: {error}")))
    }

    /// SSRF guard: only the issuer's host, which the operator configured, may be in a private network. The provider
    /// chooses all other hosts.
    fn destinations(&self, address: &Uri) -> Destinations {
        let own: Option<Uri> = self.settings.issuer.parse().ok();
        let own = own.as_ref().and_then(Uri::host);
        if own.is_some() && own == address.host() { Destinations::Anywhere } else { Destinations::Public }
    }

    /// Exchanges a code for an ID token.
    pub(super) async fn exchange(self: &Arc<Self>, code: String, verifier: String) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.oauth_client(&metadata)?;
        let send = |request: HttpRequest| {
            let destinations = self.destinations(request.uri());
            self.client.send(request, destinations)
        };
        let exchange = client.exchange_code(AuthorizationCode::new(code));
        let answer = exchange.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&send).await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal) => {
                // `error_description` is left out: it may repeat the code.
                ProviderError::Rejected(format!("the provider refused the code: {}", refusal.error()))
            }
            RequestTokenError::Request(error) => ProviderError::Unavailable(format!("the token endpoint: {error}")),
            // The body is left out: it may hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                ProviderError::rejected("the answer of the token endpoint cannot be read")
            }
        })?;
        answer.extra_fields().id_token.clone().ok_or_else(|| ProviderError::rejected("the answer has no ID token"))
    }

    /// The authorization URL to which the browser is redirected.
    pub(super) async fn authorization(self: &Arc<Self>, flow: &Flow) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.oauth_client(&metadata)?;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let mut request = client
            .authorize_url(|| CsrfToken::new(flow.state.clone()))
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .add_extra_param("nonce", flow.nonce.clone())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if flow.reauthentication == Reauthentication::Required {
            // `max_age` obliges the provider to send `auth_time` (OpenID Connect Core, section 3.1.2.1).
            request = request.add_extra_param("prompt", "login").add_extra_param("max_age", "0");
        }
        Ok(request.url().0.into())
    }

    /// The URL for signing out at the provider (RP-Initiated Logout 1.0), if it has one.
    pub(super) async fn end_session(self: &Arc<Self>) -> Result<Option<String>, ProviderError> {
        let metadata = self.metadata().await?;
        let Some(address) = &metadata.end_session_endpoint else { return Ok(None) };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/login", self.base))
            .finish();
        let mark = if address.contains('?') { '&' } else { '?' };
        Ok(Some(format!("{address}{mark}{query}")))
    }

    fn oauth_client(&self, metadata: &Metadata) -> Result<Client, ProviderError> {
        let settings = &self.settings;
        let token_url = TokenUrl::new(metadata.token_endpoint.clone()).map_err(|_| unusable(&metadata.token_endpoint));
        let auth_url = AuthUrl::new(metadata.authorization_endpoint.clone());
        let auth_url = auth_url.map_err(|_| unusable(&metadata.authorization_endpoint))?;
        let redirect_uri = RedirectUrl::new(self.redirect_uri.clone()).map_err(|_| unusable(&self.redirect_uri))?;
        let client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(auth_url)
            .set_token_uri(token_url?)
            .set_redirect_uri(redirect_uri)
            .set_auth_type(metadata.auth_type());
        Ok(match &settings.secret {
            None => client,
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.0.clone())),
        })
    }
}

/// Runs work to its end even if the caller is dropped: a client that disconnects must not end a request to the provider
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
    ProviderError::Unavailable("the provider failed a moment ago, or others wait for it".to_owned())
}

fn unusable(address: &str) -> ProviderError {
    ProviderError::Unavailable(format!("`{}` is no address that can be used", crate::domain::text::clip(address)))
}
