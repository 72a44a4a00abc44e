//! `/api/service/apikeys/{guid}/oauth`: the settings of an API key as an OAuth client.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::apikeys::parse_guid;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Violation};
use crate::domain::oauth_client::{ClientSecret, OauthClient, PublicJwk, TrustRule};
use crate::http::authenticated::AuthenticatedBody;
use crate::http::edition::{expected, with_etag};
use crate::http::oauth::issuer::check_issuer;
use crate::http::openapi::{AnyError, Fails, IfMatch, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::keys::oauth;

/// Get the OAuth settings of an API key
///
/// The audiences of its tokens, its public keys, and the workloads that act as the key, all empty for a key without
/// settings; and whether it has a token. For actors that see the key.
#[utoipa::path(
    tag = "API keys",
    operation_id = "get_api_key_oauth",
    params(("guid" = String, Path, description = "The `id` of the API key")),
    responses((status = 200, description = "The settings", body = OauthClientBody, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<404>),
)]
#[get("/api/service/apikeys/{guid}/oauth")]
pub async fn read(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    Ok(answer(oauth::get(&state.service, &actor, parse_guid(&guid)?).await?))
}

/// Replace the OAuth settings of an API key
///
/// Replaces all of them: a member that is absent becomes empty, except for `secret`. For users who have signed in and have the permission
/// `MANAGE_APIKEYS`; a user who adds anything must reach all that the key reaches, because a public key or a trust rule is as
/// good as the key's token.
#[utoipa::path(
    tag = "API keys",
    operation_id = "replace_api_key_oauth",
    params(
        ("guid" = String, Path, description = "The `id` of the API key"),
        IfMatch,
    ),
    request_body = OauthClientBody,
    responses((status = 200, description = "The settings as they are now", body = OauthClientBody, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<403>, Fails<404>, Fails<412>, Fails<413>),
)]
#[put("/api/service/apikeys/{guid}/oauth")]
pub async fn replace(
    state: web::Data<State>,
    guid: web::Path<String>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<OauthClientBody>,
) -> Result<HttpResponse, Failure> {
    let (id, (client, secret), expected) = (parse_guid(&guid)?, body.strict()?.into_client()?, expected(&request));
    Ok(answer(oauth::replace(&state.service, &actor, id, client, secret, expected).await?))
}

fn answer(client: OauthClient) -> HttpResponse {
    let edition = client.edition();
    with_etag(&mut HttpResponse::Ok(), edition).json(OauthClientBody::from(client))
}

/// The settings of an API key as an OAuth client.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKeyOauth)]
pub struct OauthClientBody {
    /// The resources that tokens of the key may be for, besides Tessera (RFC 8707): absolute URIs without a fragment.
    #[serde(default)]
    #[schema(max_items = 32, max_length = 512, example = json!(["https://mcp.example.org/"]))]
    audiences: Vec<String>,
    /// The public keys with which client assertions are verified (`private_key_jwt`).
    #[serde(default)]
    jwks: JwkSetBody,
    /// The workloads that act as the key, in the order in which they are tried.
    #[serde(default)]
    #[schema(max_items = 32)]
    trust: Vec<TrustRuleBody>,
    #[schema(schema_with = sets::client_secrets)]
    secret: Option<String>,
}

/// A JWK set (RFC 7517) of public keys.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKeyJwks)]
pub struct JwkSetBody {
    /// The keys: EC with P-256, Ed25519, or RSA of 2048 to 8192 bits, each with its own `kid`. Members that are not about the key
    /// itself, such as `x5c`, are ignored.
    #[serde(default)]
    #[schema(max_items = 8, value_type = Vec<Object>)]
    keys: Vec<Map<String, Value>>,
}

/// A trust rule: ID tokens of this issuer for this audience, with these claims, can be exchanged for tokens of the API key.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKeyTrustRule)]
pub struct TrustRuleBody {
    /// The name of the rule, unique among the rules of the key; audited with every token.
    #[schema(min_length = 1, max_length = 255, example = "deployments")]
    name: String,
    /// The issuer identifier, byte by byte as in the `iss` of its tokens.
    #[schema(max_length = 512, example = "https://token.actions.githubusercontent.com")]
    issuer: String,
    /// The only `aud` of its tokens.
    #[schema(min_length = 1, max_length = 512, example = "https://tessera.example.org")]
    audience: String,
    /// The claims that the tokens must have, 1 to 32, and their patterns, in which `*` stands for any characters. A name such as
    /// `kubernetes.io.namespace` leads to a nested claim.
    #[schema(example = json!({"repository_id": "123456", "ref": "refs/heads/*"}))]
    claims: BTreeMap<String, String>,
}

impl OauthClientBody {
    fn into_client(self) -> Result<(OauthClient, Option<ClientSecret>), Error> {
        let issuers = self.trust.iter().enumerate().filter_map(|(index, rule)| {
            let message = check_issuer(&rule.issuer).err()?;
            Some(Violation::new(format!("trust[{index}].issuer"), message))
        });
        let mut violations: Vec<Violation> = issuers.collect();
        let secret = self.secret.map(|name| ClientSecret::ALL.into_iter().find(|known| known.name() == name).ok_or(()));
        if secret == Some(Err(())) {
            violations.push(Violation::new("secret", "must be `token` or `none`"));
        }
        let rules = self.trust.into_iter().map(|TrustRuleBody { name, issuer, audience, claims }| TrustRule {
            name,
            issuer,
            audience,
            claims,
        });
        match OauthClient::parse(self.audiences, &self.jwks.keys, rules.collect()) {
            Ok(client) if violations.is_empty() => Ok((client, secret.and_then(Result::ok))),
            Ok(_) => Err(Error::Invalid(violations)),
            Err(more) => {
                violations.extend(more);
                Err(Error::Invalid(violations))
            }
        }
    }
}

impl From<OauthClient> for OauthClientBody {
    fn from(client: OauthClient) -> Self {
        let rule = |TrustRule { name, issuer, audience, claims }| TrustRuleBody { name, issuer, audience, claims };
        Self {
            audiences: client.audiences,
            jwks: JwkSetBody { keys: client.keys.iter().map(PublicJwk::json).cloned().collect() },
            trust: client.trust.into_iter().map(rule).collect(),
            secret: Some(client.secret.name().to_owned()),
        }
    }
}
