//! What a token request asks for: scope, audience, lifetime and form of a child.

use actix_web::HttpRequest;

use super::form::Form;
use crate::domain::actor::Actor;
use crate::domain::child::{ChildScope, NO_CLIENT};
use crate::domain::error::Error;
use crate::domain::jwk::Thumbprint;
use crate::domain::refresh::is_asked_for;
use crate::http::base_url::base_url;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::children::{self, NotMinted, Wanted};
use crate::service::keys::oauth as oauth_clients;

/// The token type of an access token of any form (RFC 8693, section 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The token type of an ID token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The token type of a JWT.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Claims and metadata of tokens that a client cannot choose. Other unknown parameters are ignored (RFC 6749, section 3.2).
const RESERVED: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "act",
    "cnf",
    "akid",
    "meta",
    "tessera_parent",
    "tessera_impersonator",
    "tessera_warrant",
    "tessera_ancestors",
    "tessera_purpose",
];

/// Who takes part in a request for a child.
pub struct Parties<'a> {
    /// The id of the client that the child is issued to.
    pub client: String,
    /// Who asks for it: an authenticated client, or the holder of a token.
    pub asking: &'a Actor,
    /// Whose token it is derived from.
    pub subject: &'a Actor,
}

/// The id of the client that holds the actor's token: an API key, or the client that a child was issued to. A user is no client.
pub fn client_of(actor: &Actor) -> String {
    match (&actor.child, actor.client_id()) {
        (Some(child), _) => child.client.clone(),
        (None, Some(key)) => key.to_string(),
        (None, None) => NO_CLIENT.to_owned(),
    }
}

/// Reads `scope`, `resource` or `audience`, `lifetime`, `token_format` and `requested_token_type` of a client that has been
/// authenticated. An audience of a child of an API key is registered for the key, too: the client must not get further with the
/// key's token than the key itself.
///
/// # Errors
/// `invalid_scope`, `invalid_target`, `invalid_request`
pub async fn wanted(
    state: &State,
    request: &HttpRequest,
    form: &Form,
    Parties { client, asking, subject }: Parties<'_>,
    proof_key: Option<Thumbprint>,
) -> Result<Wanted, Failure> {
    let asked = asked(state, request, form, client)?;
    let mut registered = Vec::new();
    if asked.audience.is_some() {
        let is_another_key = subject.client_id().is_some() && subject.id() != asking.id();
        for each in [asking].into_iter().chain(is_another_key.then_some(subject)) {
            let known = oauth_clients::audiences(&state.service, each).await;
            registered.push(known.map_err(Failure::or_unavailable)?);
        }
    }
    Ok(Wanted { registered, proof_key, ..asked })
}

/// Like [`wanted`], of a client that has registered no audiences.
///
/// # Errors
/// Those of [`wanted`].
fn asked(state: &State, request: &HttpRequest, form: &Form, client: String) -> Result<Wanted, Failure> {
    for claim in RESERVED {
        if form.optional(claim)?.is_some() {
            return Err(oauth("invalid_request", format!("`{claim}` is a claim that this server sets")));
        }
    }
    for target in ["resource", "audience"] {
        if form.repeats(target) {
            return Err(oauth("invalid_target", format!("a token has one audience: send `{target}` once")));
        }
    }
    let scope = match form.optional("scope")? {
        Some(text) => {
            ChildScope::parse(&text).map_err(|message| oauth("invalid_scope", format!("`scope` {message}")))?
        }
        None => None,
    };
    let audience = match (form.optional("resource")?, form.optional("audience")?) {
        (Some(resource), Some(audience)) if resource != audience => {
            return Err(oauth("invalid_target", "a token has one audience: send `resource` or `audience`"));
        }
        (resource, audience) => resource.or(audience),
    };
    let lifetime = match form.optional("lifetime")? {
        Some(text) => {
            Some(text.parse().map_err(|_| oauth("invalid_request", "`lifetime` must be a number of seconds"))?)
        }
        None => None,
    };
    let format = match form.optional("token_format")?.as_deref() {
        None | Some("jwt") => children::Form::Jwt,
        Some("opaque") => children::Form::Opaque,
        Some(_) => return Err(oauth("invalid_request", "`token_format` must be `jwt` or `opaque`")),
    };
    match form.optional("requested_token_type")?.as_deref() {
        None | Some(ACCESS_TOKEN) => {}
        Some(JWT) if format == children::Form::Jwt => {}
        Some(_) => {
            let message = format!("`requested_token_type` must be `{ACCESS_TOKEN}` or, for a JWT, `{JWT}`");
            return Err(oauth("invalid_request", message));
        }
    }
    let issuer = base_url(state, request)?;
    // Clients that parse the resource of the metadata as a URL, such as the official MCP client for Python, give it a path.
    let audience = audience.map(|audience| match audience.strip_suffix('/') {
        Some(host) if *host == issuer => issuer.clone(),
        _ => audience,
    });
    Ok(Wanted { audience, scope, lifetime, form: format, ..Wanted::everything(issuer, client) })
}

/// Like [`asked`], of a program that a user has approved. A scope that only repeats `offline_access`, with other names of OpenID
/// Connect, asks for what was approved.
///
/// # Errors
/// Those of [`wanted`].
pub fn asked_of_user(state: &State, request: &HttpRequest, form: &Form, client: String) -> Result<Wanted, Failure> {
    let wanted = asked(state, request, form, client)?;
    let repeats = form.optional("scope")?.is_some_and(|scope| is_asked_for(&scope));
    let scope = wanted.scope.filter(|scope| !repeats || *scope != ChildScope::default());
    Ok(Wanted { scope, ..wanted })
}

/// An OAuth error (RFC 6749, section 5.2).
pub fn oauth(code: &'static str, message: impl Into<String>) -> Failure {
    Failure::Oauth(code, message.into())
}

/// The failure of a grant for which no token was made.
pub fn refused(reason: NotMinted) -> Failure {
    match reason {
        NotMinted::Scope(message) => oauth("invalid_scope", message),
        NotMinted::Target(message) => oauth("invalid_target", message),
        NotMinted::Request(message) => oauth("invalid_request", message),
        NotMinted::Failed(error) => failed(error),
    }
}

/// The failure of a grant, as OAuth names it.
pub fn failed(error: Error) -> Failure {
    match error {
        Error::Forbidden(message) => oauth("unauthorized_client", message),
        Error::Unauthenticated(refusal) => oauth("invalid_grant", refusal.to_string()),
        Error::NotFound { .. } | Error::Invalid(_) => oauth("invalid_request", error.to_string()),
        other => Failure::or_unavailable(other),
    }
}
