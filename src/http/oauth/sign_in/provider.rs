//! An OpenID Connect provider: its endpoints, and the exchange of an authorization code for an ID token.

use std::sync::Arc;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::flow::{CookieScope, Flow, Reauthentication};
use super::settings::ProviderSettings;
use crate::clock::Clock;
use crate::domain::jwk::ALGORITHMS;
use crate::http::oauth::issuer::{Endpoints, Issuer, IssuerSettings, Metadata, ProviderError, unusable};
use crate::outbound::{Destinations, Outbound};

/// A provider.
pub(super) struct Provider {
    pub(super) settings: ProviderSettings,
    /// The redirect URI registered at the provider.
    pub(super) redirect_uri: String,
    /// The public URL of this server, without a slash at its end.
    base: String,
    issuer: Arc<Issuer<ProviderEndpoints>>,
}

/// The endpoints in a provider's metadata (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
pub(super) struct ProviderEndpoints {
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    pub(super) end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207, section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// How old an authentication at the provider may be when the person need not sign in again, in seconds.
const A_YEAR: &str = "31536000";

impl Endpoints for ProviderEndpoints {
    fn addresses(&self) -> Vec<&str> {
        let required = [self.authorization_endpoint.as_str(), &self.token_endpoint];
        required.into_iter().chain(self.end_session_endpoint.as_deref()).collect()
    }
}

impl ProviderEndpoints {
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
            issuer: Arc::new(Issuer::new(IssuerSettings {
                name: settings.issuer.clone(),
                algorithms: &ALGORITHMS,
                // Only the issuer's host, which the operator configured, may be in a private network. The provider
                // chooses all other hosts.
                own: Destinations::Anywhere,
                others: Destinations::Public,
                client: Outbound::new(&settings.roots),
                clock,
            })),
            settings,
        }
    }

    /// What the sign-in cookie depends on.
    pub(super) fn cookie_scope(&self) -> CookieScope<'_> {
        CookieScope { provider: &self.settings.id, is_secure: self.base.starts_with("https://") }
    }

    /// The provider's metadata.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata<ProviderEndpoints>>, ProviderError> {
        self.issuer.metadata().await
    }

    /// Checks the signature of a token, and returns its claims. `kind` accepts or refuses its `typ` header.
    pub(super) async fn verified<T: for<'de> Deserialize<'de>>(
        &self,
        token: &str,
        kind: impl Fn(Option<&str>) -> bool,
    ) -> Result<T, ProviderError> {
        self.issuer.verified(token, kind).await
    }

    /// Exchanges a code for an ID token.
    pub(super) async fn exchange(&self, code: String, verifier: String) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.oauth_client(&metadata.endpoints)?;
        let send = |request: HttpRequest| {
            let destinations = self.issuer.destinations(request.uri());
            self.issuer.settings.client.send(request, destinations)
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
    pub(super) async fn authorization(&self, flow: &Flow) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.oauth_client(&metadata.endpoints)?;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let mut request = client
            .authorize_url(|| CsrfToken::new(flow.state.clone()))
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .add_extra_param("nonce", flow.nonce.clone())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        // `max_age` obliges the provider to send `auth_time` (OpenID Connect Core, section 3.1.2.1).
        request = match flow.reauthentication {
            Reauthentication::Required => request.add_extra_param("prompt", "login").add_extra_param("max_age", "0"),
            Reauthentication::IfNeeded => request.add_extra_param("max_age", A_YEAR),
        };
        Ok(request.url().0.into())
    }

    /// The URL for signing out at the provider (RP-Initiated Logout 1.0), if it has one.
    pub(super) async fn end_session(&self) -> Result<Option<String>, ProviderError> {
        let metadata = self.metadata().await?;
        let Some(address) = &metadata.endpoints.end_session_endpoint else { return Ok(None) };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/login", self.base))
            .finish();
        let mark = if address.contains('?') { '&' } else { '?' };
        Ok(Some(format!("{address}{mark}{query}")))
    }

    fn oauth_client(&self, endpoints: &ProviderEndpoints) -> Result<Client, ProviderError> {
        let settings = &self.settings;
        let token_url =
            TokenUrl::new(endpoints.token_endpoint.clone()).map_err(|_| unusable(&endpoints.token_endpoint));
        let auth_url = AuthUrl::new(endpoints.authorization_endpoint.clone());
        let auth_url = auth_url.map_err(|_| unusable(&endpoints.authorization_endpoint))?;
        let redirect_uri = RedirectUrl::new(self.redirect_uri.clone()).map_err(|_| unusable(&self.redirect_uri))?;
        let client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(auth_url)
            .set_token_uri(token_url?)
            .set_redirect_uri(redirect_uri)
            .set_auth_type(endpoints.auth_type());
        Ok(match &settings.secret {
            None => client,
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.0.clone())),
        })
    }
}
