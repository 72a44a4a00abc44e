//! Access tokens.

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, SimpleObject};

use super::corp_user::CorpUser;
use super::filters::{FacetFilterInput, all};
use super::problem::FieldError;
use super::scalars::{EntityRelationshipsResult, EntityType, Long, RelationshipsInput};
use super::{PageRequest, RequestContext, total};
use crate::clock::{DAY, HOUR, SECOND};
use crate::domain::access_token::{self, AccessTokenField, AccessTokenKind, NewAccessToken};
use crate::domain::api_key::{NEVER, Validity};
use crate::domain::error::{Error, Violation};
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::text::{Description, DisplayName, at};
use crate::http::datahub::urn;
use crate::service::keys::access_tokens;
use crate::service::people::profiles;

/// Queries about access tokens.
#[derive(Default)]
pub struct TokenQuery;

#[Object]
impl TokenQuery {
    /// List access tokens. Without `MANAGE_ACCESS_TOKENS`, callers must filter by their own `ownerUrn`.
    async fn list_access_tokens(
        &self,
        context: &Context<'_>,
        input: ListAccessTokenInput,
    ) -> Result<ListAccessTokenResult, FieldError> {
        let asking = RequestContext::of(context)?;
        let window = PageRequest::new(input.start, input.count, 20)?;
        let query = Query::<AccessTokenField> {
            filter: all(input.filters.unwrap_or_default())?,
            sort: Sort::parse("")?,
            limit: window.count.into(),
            start: Start::Offset(window.start.into()),
            totals: Totals::Exact,
        };
        let page = access_tokens::list(&asking.state.service, &asking.actor, query).await?;
        let total = total(page.counts);
        let mut tokens: Vec<AccessTokenMetadata> = page.records.into_iter().map(AccessTokenMetadata::from).collect();
        if context.look_ahead().field("tokens").field("owner").exists() {
            let ids = tokens.iter().map(|token| token.owner_id).collect();
            let owners = profiles::list(&asking.state.service, &asking.actor, ids).await?;
            for token in &mut tokens {
                let owner = owners.iter().find(|owner| owner.principal.id == token.owner_id);
                token.owner = owner.map(CorpUser::from);
            }
        }
        Ok(ListAccessTokenResult { start: window.start, count: window.count, total, tokens })
    }

    /// Get the metadata of a token. Requires `MANAGE_ACCESS_TOKENS`.
    async fn get_access_token_metadata(
        &self,
        context: &Context<'_>,
        token: String,
    ) -> Result<AccessTokenMetadata, FieldError> {
        let asking = RequestContext::of(context)?;
        let found = access_tokens::find_by_token(&asking.state.service, &asking.actor, &token).await?;
        Ok(found.into())
    }

    /// Create an unnamed access token for the caller. Use `createAccessToken` instead.
    async fn get_access_token(
        &self,
        context: &Context<'_>,
        input: GetAccessTokenInput,
    ) -> Option<Result<AccessToken, FieldError>> {
        Some(create_unnamed(context, input).await)
    }
}

/// Mutations of access tokens.
#[derive(Default)]
pub struct TokenMutation;

#[Object]
impl TokenMutation {
    /// Create an access token. Only this answer contains it.
    async fn create_access_token(
        &self,
        context: &Context<'_>,
        input: CreateAccessTokenInput,
    ) -> Option<Result<AccessToken, FieldError>> {
        Some(create(context, input).await)
    }

    /// Revoke an access token. It is refused at once.
    async fn revoke_access_token(&self, context: &Context<'_>, token_id: String) -> Result<bool, FieldError> {
        let asking = RequestContext::of(context)?;
        let id = urn::token_id(&token_id).unwrap_or(&token_id).replace('\0', "?");
        let revoked = access_tokens::revoke(&asking.state.service, &asking.actor, id).await;
        revoked.map_err(|error| FieldError::from(error).missing_as("Failed to revoke access token"))?;
        Ok(true)
    }
}

async fn create(context: &Context<'_>, input: CreateAccessTokenInput) -> Result<AccessToken, FieldError> {
    let asking = RequestContext::of(context)?;
    let new = NewAccessToken {
        kind: input.r#type.into(),
        actor: urn::user("actorUrn", &input.actor_urn)?,
        validity: asking.validity(input.duration, input.duration_iso.as_deref())?,
        name: at("name", DisplayName::parse(&input.name))?,
        description: at("description", Description::parse(&input.description.unwrap_or_default()))?,
    };
    let created = access_tokens::create(&asking.state.service, &asking.actor, new).await?;
    Ok(AccessToken { access_token: created.token.expose(), metadata: Some(created.access_token.into()) })
}

async fn create_unnamed(context: &Context<'_>, input: GetAccessTokenInput) -> Result<AccessToken, FieldError> {
    let asking = RequestContext::of(context)?;
    let actor = urn::user("actorUrn", &input.actor_urn)?;
    if actor != asking.actor.username().to_string() {
        return Err(Error::Forbidden("only for oneself".to_owned()).into());
    }
    let new = NewAccessToken {
        kind: AccessTokenKind::Personal,
        actor,
        validity: asking.validity(input.duration, input.duration_iso.as_deref())?,
        name: at("name", DisplayName::parse("getAccessToken"))?,
        description: Description::default(),
    };
    let created = access_tokens::create(&asking.state.service, &asking.actor, new).await?;
    Ok(AccessToken { access_token: created.token.expose(), metadata: None })
}

impl RequestContext {
    fn validity(&self, named: Option<AccessTokenDuration>, iso: Option<&str>) -> Result<Validity, FieldError> {
        let named = named.map(AccessTokenDuration::validity).transpose()?;
        Ok(at("duration", self.settings.lifetimes.choose(named, iso))?)
    }
}

/// An access token just created.
#[derive(SimpleObject)]
pub struct AccessToken {
    /// The token, shown only once.
    access_token: String,
    /// The metadata of the token.
    metadata: Option<AccessTokenMetadata>,
}

/// The metadata of an access token.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub struct AccessTokenMetadata {
    /// `urn:li:dataHubAccessToken:<id>`
    pub urn: String,
    /// Always `ACCESS_TOKEN`.
    #[graphql(name = "type")]
    pub entity_type: EntityType,
    /// The id of the token, which is not secret.
    id: String,
    /// The name of the token.
    name: String,
    /// The description: what the token is for.
    description: Option<String>,
    /// The URN of the principal that it authenticates.
    actor_urn: String,
    /// The URN of its creator.
    owner_urn: String,
    /// When it was created.
    created_at: Long,
    /// When it expires; null for never.
    expires_at: Option<Long>,
    /// The creator of the token; null once deleted.
    owner: Option<CorpUser>,
    #[graphql(skip)]
    owner_id: crate::domain::ids::PrincipalId,
}

#[ComplexObject]
impl AccessTokenMetadata {
    /// The id, by the name of a pre-release of DataHub.
    #[graphql(deprecation = "use `id`")]
    async fn token_id(&self) -> &str {
        &self.id
    }

    /// The name, by the name of a pre-release of DataHub.
    #[graphql(deprecation = "use `name`")]
    async fn token_name(&self) -> &str {
        &self.name
    }

    /// Always empty, because Tessera stores none.
    async fn relationships(&self, input: RelationshipsInput) -> Option<EntityRelationshipsResult> {
        Some(EntityRelationshipsResult { start: input.start, count: Some(0), total: Some(0) })
    }
}

impl From<access_token::AccessToken> for AccessTokenMetadata {
    fn from(token: access_token::AccessToken) -> Self {
        Self {
            urn: urn::of_token(&token.id),
            entity_type: EntityType::AccessToken,
            id: token.id,
            name: token.name,
            description: Some(token.description).filter(|text| !text.is_empty()),
            actor_urn: urn::of_user(&token.actor.username),
            owner_urn: urn::of_user(&token.owner.username),
            created_at: Long(token.created_at),
            expires_at: Some(token.expires_at).filter(|instant| *instant != NEVER).map(Long),
            owner: None,
            owner_id: token.owner.id,
        }
    }
}

/// One page of access tokens.
#[derive(SimpleObject)]
pub struct ListAccessTokenResult {
    /// The offset of the page.
    start: i32,
    /// The requested length of the page.
    count: i32,
    /// The number of matching tokens in all pages.
    total: i32,
    /// The tokens, ordered by expiry, the latest first; those that never expire come last.
    tokens: Vec<AccessTokenMetadata>,
}

/// The page and the filter of access tokens.
#[derive(Debug, InputObject)]
pub struct ListAccessTokenInput {
    /// The offset of the page.
    start: Option<i32>,
    /// The most tokens; 20 by default.
    count: Option<i32>,
    /// Conditions that must all be met.
    filters: Option<Vec<FacetFilterInput>>,
}

/// An access token to create.
#[derive(Debug, InputObject)]
pub struct CreateAccessTokenInput {
    /// For a user or for a service account.
    r#type: AccessTokenType,
    /// The URN of the principal that it authenticates.
    actor_urn: String,
    /// How long it is valid: either this or `durationIso`.
    duration: Option<AccessTokenDuration>,
    /// How long it is valid, in ISO 8601: `P30D`.
    duration_iso: Option<String>,
    /// The name of the token.
    name: String,
    /// The description: what the token is for.
    description: Option<String>,
}

/// An unnamed access token to create.
#[derive(Debug, InputObject)]
pub struct GetAccessTokenInput {
    /// For a user.
    r#type: AccessTokenType,
    /// The URN of the caller.
    actor_urn: String,
    /// How long it is valid: either this or `durationIso`.
    duration: Option<AccessTokenDuration>,
    /// How long it is valid, in ISO 8601: `P30D`.
    duration_iso: Option<String>,
}

/// The kind of principal that an access token authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccessTokenType {
    /// A user.
    Personal,
    /// A service account.
    ServiceAccount,
}

impl From<AccessTokenType> for AccessTokenKind {
    fn from(kind: AccessTokenType) -> Self {
        match kind {
            AccessTokenType::Personal => Self::Personal,
            AccessTokenType::ServiceAccount => Self::ServiceAccount,
        }
    }
}

/// How long an access token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccessTokenDuration {
    /// 1 hour.
    OneHour,
    /// 24 hours.
    OneDay,
    /// 7 days.
    OneWeek,
    /// 30 days.
    OneMonth,
    /// 90 days.
    ThreeMonths,
    /// 180 days.
    SixMonths,
    /// 365 days.
    OneYear,
    /// Without expiry.
    NoExpiry,
}

impl AccessTokenDuration {
    fn validity(self) -> Result<Validity, Violation> {
        let seconds = match self {
            Self::OneHour => HOUR / SECOND,
            Self::OneDay => DAY / SECOND,
            Self::OneWeek => 7 * DAY / SECOND,
            Self::OneMonth => 30 * DAY / SECOND,
            Self::ThreeMonths => 90 * DAY / SECOND,
            Self::SixMonths => 180 * DAY / SECOND,
            Self::OneYear => 365 * DAY / SECOND,
            Self::NoExpiry => return Ok(Validity::NEVER),
        };
        at("duration", Validity::parse(seconds))
    }
}
