//! The request and response bodies of API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::api_key::{ApiKey, ApiKeyUpdate, NEVER, NewApiKey, Rate, Status, Validity, persona_set};
use crate::domain::error::Error;
use crate::domain::limits::{AllowedAddresses, RateLimit};
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::domain::principal::{client_id, service_account_username};
use crate::domain::text::{Description, DisplayName};
use crate::domain::token::Token;
use crate::http::openapi::{examples, sets};
use crate::http::present;
use crate::http::valid::Violations;
use crate::http::whole;

/// The body to create or update an API key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyRequest, example = examples::api_token_request)]
pub struct ApiTokenRequest {
    /// The display name; not unique.
    #[schema(min_length = 1, max_length = 255, example = "nightly-etl")]
    display_name: String,
    /// The description: what the key is for.
    #[schema(max_length = 4096)]
    description: Option<String>,
    /// Accepted for Atlan's SDKs, and ignored: use `personaQualifiedNames`.
    #[schema(value_type = Option<Vec<String>>)]
    #[expect(dead_code, reason = "accepted and ignored")]
    personas: Option<serde_json::Value>,
    /// The complete set of personas, by qualified name.
    #[schema(max_items = 500)]
    persona_qualified_names: Option<Vec<String>>,
    /// How long the key is valid. 409968000 and more mean without expiry, the default when creating.
    #[serde(default, deserialize_with = "whole::read_or_null")]
    #[schema(minimum = 1, example = 7_776_000)]
    validity_seconds: Option<i64>,
    /// The key's permissions on the platform; only permissions that the caller has.
    #[schema(schema_with = sets::given_permissions)]
    workspace_permissions: Option<Vec<String>>,
    /// The IP addresses and networks that the key may be used from; an empty list means any.
    #[schema(max_items = 100, example = json!(["10.0.0.0/8", "2001:db8::/32"]))]
    allowed_addresses: Option<Vec<String>>,
    /// How often the key may be used. Each server process counts separately, and anew after a restart.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    rate_limit: Option<RateLimitBody>,
}

/// A rate limit: a number of requests in a period.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitBody {
    /// Requests in a period; 0 removes the limit.
    #[serde(deserialize_with = "whole::read")]
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 100)]
    requests: u32,
    /// The period in seconds, at most a day.
    #[serde(deserialize_with = "whole::read")]
    #[schema(minimum = 1, maximum = 86_400, example = 60)]
    seconds: u32,
}

impl RateLimitBody {
    fn parse(self) -> Result<Rate, String> {
        Ok(RateLimit::parse(self.requests, self.seconds)?.map_or(Rate::Unlimited, Rate::Limited))
    }
}

impl From<RateLimit> for RateLimitBody {
    fn from(rate: RateLimit) -> Self {
        Self { requests: rate.requests.get(), seconds: rate.seconds.get() }
    }
}

impl ApiTokenRequest {
    pub(super) fn into_new(self) -> Result<NewApiKey, Error> {
        Ok(self.into_update()?.into_new())
    }

    pub(super) fn into_update(self) -> Result<ApiKeyUpdate, Error> {
        let mut violations = Violations::default();
        let name = violations.keep("displayName", DisplayName::parse(&self.display_name));
        let description = violations.keep("description", Description::parse(&self.description.unwrap_or_default()));
        let validity = self.validity_seconds.map(Validity::parse).transpose();
        let permissions = self.workspace_permissions.as_deref().map(Permission::parse_all).transpose();
        let permissions = violations.keep("workspacePermissions", permissions);
        let addresses = self.allowed_addresses.map(|texts| AllowedAddresses::parse(texts.iter().map(String::as_str)));
        let addresses = violations.keep("allowedAddresses", addresses.transpose());
        let rate = violations.keep("rateLimit", self.rate_limit.map(RateLimitBody::parse).transpose());
        let validity = violations.keep("validitySeconds", validity);
        let (Some(display_name), Some(description), Some(validity)) = (name, description, validity) else {
            return Err(violations.into_error());
        };
        let (Some(permissions), Some(addresses), Some(rate)) = (permissions, addresses, rate) else {
            return Err(violations.into_error());
        };
        let personas = persona_set(self.persona_qualified_names.unwrap_or_default())?;
        Ok(ApiKeyUpdate { display_name, description, validity, personas, permissions, addresses, rate })
    }
}

/// An API key. The shape is the one that all of Atlan's SDKs parse: numbers as strings, lists as arrays, no nulls.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey, example = examples::api_token)]
pub struct ApiToken {
    /// The GUID.
    id: String,
    /// `apikey-<id>`
    client_id: String,
    /// The display name; not unique.
    display_name: String,
    /// All other attributes.
    attributes: ApiTokenAttributes,
}

/// The attributes of an API key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyAttributes)]
pub struct ApiTokenAttributes {
    /// The requested validity in seconds; 409968000 and more mean without expiry.
    #[serde(rename = "access.token.lifespan")]
    #[schema(example = "7776000")]
    lifespan: String,
    /// The bearer token: only in the answer to the request that created the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// `apikey-<id>`
    client_id: String,
    /// The user name of the key's service account.
    username: String,
    /// The display name; not unique.
    display_name: String,
    /// The description: what the key is for; may be empty.
    description: String,
    /// Epoch milliseconds.
    created_at: String,
    /// The user name of its creator.
    created_by: String,
    /// Epoch milliseconds.
    updated_at: String,
    /// Epoch milliseconds; absent if it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Epoch milliseconds; absent if it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// How often it was used.
    use_count: String,
    /// `active` or `expired`.
    #[schema(schema_with = sets::status)]
    status: &'static str,
    /// Always empty; Atlan's SDKs require it.
    personas: Vec<String>,
    /// The personas that the key is linked to.
    persona_qualified_name: Vec<LinkedPersona>,
    /// The key's permissions on the platform.
    #[schema(schema_with = sets::permissions)]
    workspace_permissions: Vec<&'static str>,
    /// The networks that it may be used from; empty for any.
    allowed_addresses: Vec<String>,
    /// How often it may be used; absent if unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rate_limit: Option<RateLimitBody>,
}

/// A persona that an API key is linked to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedPersona {
    /// The GUID.
    id: String,
    /// The name of the persona.
    persona: String,
    /// The qualified name, which requests use to link API keys.
    persona_qualified_name: String,
}

impl From<PersonaRef> for LinkedPersona {
    fn from(persona: PersonaRef) -> Self {
        let PersonaRef { id, name, qualified_name, .. } = persona;
        Self { id: id.to_string(), persona: name, persona_qualified_name: qualified_name }
    }
}

impl ApiToken {
    pub(super) fn new(key: ApiKey, now: i64, token: Option<Token>) -> Self {
        Self {
            id: key.id.to_string(),
            client_id: client_id(key.id),
            display_name: key.display_name.clone(),
            attributes: ApiTokenAttributes {
                lifespan: key.validity.seconds().to_string(),
                access_token: token.map(Token::expose),
                client_id: client_id(key.id),
                username: service_account_username(key.id),
                display_name: key.display_name,
                description: key.description,
                created_at: key.created_at.to_string(),
                created_by: key.created_by,
                updated_at: key.updated_at.to_string(),
                expires_at: (key.expires_at != NEVER).then(|| key.expires_at.to_string()),
                last_used_at: (key.last_used_at != 0).then(|| key.last_used_at.to_string()),
                use_count: key.use_count.to_string(),
                status: Status::of(key.expires_at, now).name(),
                personas: Vec::new(),
                persona_qualified_name: key.personas.into_iter().map(LinkedPersona::from).collect(),
                workspace_permissions: key.permissions.iter().map(Permission::name).collect(),
                allowed_addresses: key.limits.addresses.texts().collect(),
                rate_limit: key.limits.rate.map(RateLimitBody::from),
            },
        }
    }
}
