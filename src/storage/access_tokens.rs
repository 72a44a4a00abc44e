//! Access tokens: the names and descriptions of credentials.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::AnyConnection;
use super::listing::{ALWAYS, Column, Expression, Listed, Stored, condition, paged};
use super::rows::{corrupt, parse_id};
use super::schema::{access_tokens, credentials};
use crate::domain::access_token::{AccessToken, AccessTokenField, NamedPrincipal};
use crate::domain::api_key::NEVER;
use crate::domain::credential::TokenUse;
use crate::domain::error::Result;
use crate::domain::filter::Filter;
use crate::domain::listing::Query;
use crate::domain::principal::Principal;
use crate::domain::text::fold;
use crate::domain::token::KeyId;

/// The stored `expires_at` of a token that never expires: 0, so that it comes last in descending order.
const ABSENT: i64 = 0;

/// A row of `access_tokens`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = access_tokens)]
struct AccessTokenRow {
    id: String,
    key_id: String,
    name: String,
    description: String,
    actor_id: String,
    actor_name: String,
    owner_id: String,
    owner_name: String,
    created_at: i64,
    expires_at: i64,
    name_folded: String,
    description_folded: String,
    last_used_at: i64,
}

impl AccessTokenRow {
    fn into_domain(self) -> Result<AccessToken> {
        Ok(AccessToken {
            key_id: KeyId::parse(&self.key_id).ok_or_else(|| corrupt("key id", &self.key_id))?,
            id: self.id,
            name: self.name,
            description: self.description,
            actor: NamedPrincipal { id: parse_id(&self.actor_id)?, username: self.actor_name },
            owner: NamedPrincipal { id: parse_id(&self.owner_id)?, username: self.owner_name },
            created_at: self.created_at,
            expires_at: if self.expires_at == ABSENT { NEVER } else { self.expires_at },
            last_used_at: self.last_used_at,
        })
    }
}

/// Adds the access token of an existing credential.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, token: &AccessToken) -> Result<()> {
    let row = AccessTokenRow {
        id: token.id.clone(),
        key_id: token.key_id.to_string(),
        name: token.name.clone(),
        description: token.description.clone(),
        actor_id: token.actor.id.to_string(),
        actor_name: token.actor.username.clone(),
        owner_id: token.owner.id.to_string(),
        owner_name: token.owner.username.clone(),
        created_at: token.created_at,
        expires_at: if token.expires_at == NEVER { ABSENT } else { token.expires_at },
        name_folded: fold(&token.name),
        description_folded: fold(&token.description),
        last_used_at: token.last_used_at,
    };
    diesel::insert_into(access_tokens::table).values(row).execute(connection)?;
    Ok(())
}

/// The access token with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<AccessToken>> {
    let row = access_tokens::table.find(id).select(AccessTokenRow::as_select()).get_result(connection).optional()?;
    row.map(AccessTokenRow::into_domain).transpose()
}

/// The access tokens that other principals created for a principal.
///
/// # Errors
/// When the storage fails.
pub fn created_by_others(connection: &mut AnyConnection, actor: &Principal) -> Result<Vec<AccessToken>> {
    let id = actor.id.to_string();
    let found = access_tokens::table
        // The index is on the name.
        .filter(access_tokens::actor_name.eq(actor.username().to_string()))
        .filter(access_tokens::actor_id.eq(&id))
        .filter(access_tokens::owner_id.ne(&id))
        .order(access_tokens::id);
    let rows: Vec<AccessTokenRow> = found.select(AccessTokenRow::as_select()).load(connection)?;
    rows.into_iter().map(AccessTokenRow::into_domain).collect()
}

/// Like [`find`], if the filter `seen` matches it.
///
/// # Errors
/// When the storage fails.
pub fn find_seen(
    connection: &mut AnyConnection,
    id: &str,
    seen: &Filter<AccessTokenField>,
    now: i64,
) -> Result<Option<AccessToken>> {
    let found = access_tokens::table.into_boxed().filter(access_tokens::id.eq(id)).filter(condition(seen, now));
    let row = found.select(AccessTokenRow::as_select()).get_result(connection).optional()?;
    row.map(AccessTokenRow::into_domain).transpose()
}

impl Stored for AccessTokenField {
    type Source = access_tokens::table;

    fn column(self) -> Column<access_tokens::table> {
        match self {
            Self::Id => Column::Exact(|| Box::new(access_tokens::id)),
            Self::Name => Column::plain_text(|| Box::new(access_tokens::name), || Box::new(access_tokens::name_folded)),
            Self::Description => Column::OptionalText(
                || Box::new(access_tokens::description),
                || Box::new(access_tokens::description_folded),
            ),
            Self::Actor => Column::Exact(|| Box::new(access_tokens::actor_name)),
            Self::Owner => Column::Exact(|| Box::new(access_tokens::owner_name)),
            Self::OwnerId => Column::Exact(|| Box::new(access_tokens::owner_id)),
            Self::CreatedAt => Column::Instant(|| Box::new(access_tokens::created_at), ALWAYS),
            Self::ExpiresAt => Column::Instant(|| Box::new(access_tokens::expires_at), ABSENT),
        }
    }

    fn id() -> Expression<access_tokens::table, Text> {
        Box::new(access_tokens::id)
    }
}

impl Listed for AccessTokenField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<AccessToken>> {
        let rows: Vec<AccessTokenRow> = paged(access_tokens::table.into_boxed(), query, now)
            .select(AccessTokenRow::as_select())
            .load(connection)?;
        rows.into_iter().map(AccessTokenRow::into_domain).collect()
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        Ok(access_tokens::table.into_boxed().filter(condition(filter, now)).count().get_result(connection)?)
    }
}

/// Notes when tokens were last used: one statement for many tokens. `last_used_at` never moves back.
///
/// # Errors
/// When the storage fails.
pub fn record_uses(connection: &mut AnyConnection, uses: &[TokenUse]) -> Result<()> {
    for chunk in uses.chunks(super::MANY) {
        // Written out because diesel cannot join an UPDATE to VALUES. Key ids and numbers have nothing to escape.
        let values: Vec<String> =
            chunk.iter().map(|each| format!("('{}', {})", each.key_id, each.last_used_at)).collect();
        let statement = format!(
            "UPDATE access_tokens SET last_used_at = used.column2 FROM (VALUES {}) AS used \
             WHERE access_tokens.key_id = used.column1 AND last_used_at < used.column2",
            values.join(", ")
        );
        diesel::sql_query(statement).execute(connection)?;
    }
    Ok(())
}

/// Sets `last_used_at` values after `later` to `now`: a clock was ahead when they were recorded.
///
/// # Errors
/// When the storage fails.
pub fn forget_future_uses(connection: &mut AnyConnection, now: i64, later: i64) -> Result<()> {
    let future = access_tokens::table.filter(access_tokens::last_used_at.gt(later));
    diesel::update(future).set(access_tokens::last_used_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Removes access tokens that expired before `instant`, with their credentials; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn delete_expired(connection: &mut AnyConnection, instant: i64) -> Result<usize> {
    let expired = access_tokens::table
        .filter(access_tokens::expires_at.ne(ABSENT))
        .filter(access_tokens::expires_at.lt(instant))
        .select(access_tokens::key_id);
    Ok(diesel::delete(credentials::table.filter(credentials::key_id.eq_any(expired))).execute(connection)?)
}
