//! API keys.

mod fields;

use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::{AnyConnection, storage};
use super::listing::{Listed, beyond, condition, ordered, paged};
use super::rows::{Existed, corrupt, parse_id};
use super::schema::{api_keys, persona_links, personas};
use super::{key_counts, personas as persona_table, principals as principal_table};
use crate::domain::api_key::{ApiKey, Lineage, Maker, Validity};
use crate::domain::bounds::Bounds;
use crate::domain::credential::Use;
use crate::domain::error::Result;
use crate::domain::fields::ApiKeyField;
use crate::domain::filter::{Filter, Value};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::{AllowedAddresses, Limits, REQUESTS, RateLimit};
use crate::domain::listing::{Direction, Query, Sort, Start};
use crate::domain::principal::PrincipalKind;
use crate::domain::text::fold;

/// A row of `api_keys`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
struct ApiKeyRow {
    id: String,
    display_name: String,
    display_name_folded: String,
    description: String,
    validity_seconds: i64,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
    last_used_at: i64,
    #[diesel(embed)]
    limits: LimitsRow,
    use_count: i64,
    description_folded: String,
}

/// The columns of `api_keys` that are needed when its token is used.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub(super) struct TermsRow {
    pub(super) expires_at: i64,
    #[diesel(embed)]
    pub(super) limits: LimitsRow,
}

/// The columns of `api_keys` that limit its use.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_keys)]
pub(super) struct LimitsRow {
    allowed_addresses: String,
    rate_limit_requests: i64,
    rate_limit_seconds: i64,
}

impl From<&Limits> for LimitsRow {
    fn from(limits: &Limits) -> Self {
        Self {
            allowed_addresses: limits.addresses.texts().collect::<Vec<_>>().join(" "),
            rate_limit_requests: limits.rate.map_or(0, |rate| rate.requests.get().into()),
            rate_limit_seconds: limits.rate.map_or(0, |rate| rate.seconds.get().into()),
        }
    }
}

impl LimitsRow {
    pub(super) fn into_domain(self) -> Result<Limits> {
        let number = |number: i64| u32::try_from(number).map_err(storage);
        let (requests, seconds) = (number(self.rate_limit_requests)?, number(self.rate_limit_seconds)?);
        Ok(Limits {
            addresses: AllowedAddresses::parse(self.allowed_addresses.split_whitespace()).map_err(storage)?,
            rate: RateLimit::parse(requests.min(REQUESTS), seconds).map_err(storage)?,
        })
    }
}

impl From<&ApiKey> for ApiKeyRow {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            display_name: key.display_name.clone(),
            display_name_folded: fold(&key.display_name),
            description: key.description.clone(),
            validity_seconds: key.validity.seconds(),
            created_by: key.created_by.clone(),
            created_at: key.created_at,
            updated_at: key.updated_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            limits: LimitsRow::from(&key.limits),
            use_count: key.use_count,
            description_folded: fold(&key.description),
        }
    }
}

/// Adds an API key with its permissions and persona links; its principal must exist.
///
/// # Errors
/// A violation when a persona was deleted meanwhile.
pub fn insert(connection: &mut AnyConnection, key: &ApiKey, maker: Maker) -> Result<()> {
    let made = (
        api_keys::maker_id.eq(maker.id.map(|id| id.to_string()).unwrap_or_default()),
        api_keys::maker_kind.eq(maker.kind.name()),
    );
    diesel::insert_into(api_keys::table).values((ApiKeyRow::from(key), made)).execute(connection)?;
    principal_table::replace_permissions(connection, key.id, key.permissions)?;
    persona_table::replace_links(connection, key.id, &key.personas)?;
    key_counts::add(connection, key.id, 1)
}

/// Locks an API key until the transaction ends, by marking it as updated.
///
/// # Errors
/// When the storage fails.
pub fn touch(connection: &mut AnyConnection, id: PrincipalId, now: i64) -> Result<Existed> {
    let found = api_keys::table.find(id.to_string());
    Ok(Existed::from(diesel::update(found).set(api_keys::updated_at.eq(now)).execute(connection)?))
}

/// Replaces an API key, its permissions and its persona links.
///
/// # Errors
/// A violation when a persona was deleted meanwhile.
pub fn replace(connection: &mut AnyConnection, key: &ApiKey) -> Result<()> {
    // Conflicts with a write of the key itself, which holds the principal before it commits.
    principal_table::lock_by_id(connection, key.id)?;
    diesel::update(api_keys::table.find(key.id.to_string()))
        .set((
            api_keys::display_name.eq(&key.display_name),
            api_keys::display_name_folded.eq(fold(&key.display_name)),
            api_keys::description.eq(&key.description),
            api_keys::description_folded.eq(fold(&key.description)),
            api_keys::validity_seconds.eq(key.validity.seconds()),
            api_keys::updated_at.eq(key.updated_at),
            api_keys::expires_at.eq(key.expires_at),
            LimitsRow::from(&key.limits),
        ))
        .execute(connection)?;
    principal_table::replace_permissions(connection, key.id, key.permissions)?;
    persona_table::replace_links(connection, key.id, &key.personas)
}

/// The API key with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<ApiKey>> {
    let row = api_keys::table.find(id.to_string()).select(ApiKeyRow::as_select()).get_result(connection).optional()?;
    Ok(complete(connection, row.into_iter().collect())?.pop())
}

/// The maker and the bounds of the API key with that id; `None` if it is no API key.
///
/// # Errors
/// When the storage fails.
pub fn lineage(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<Lineage>> {
    let found: Option<(String, String, TermsRow)> = api_keys::table
        .find(id.to_string())
        .select((api_keys::maker_id, api_keys::maker_kind, TermsRow::as_select()))
        .get_result(connection)
        .optional()?;
    let Some((maker, kind, terms)) = found else { return Ok(None) };
    let id = if maker.is_empty() { None } else { Some(parse_id(&maker)?) };
    let kind = PrincipalKind::find(&kind).ok_or_else(|| corrupt("principal kind", &kind))?;
    let bounds = Bounds { expires_at: terms.expires_at, limits: terms.limits.into_domain()? };
    Ok(Some(Lineage { maker: Maker { id, kind }, bounds }))
}

/// Before a key is deleted, makes its maker the maker of the keys it made. The maker managed them already.
///
/// # Errors
/// When the storage fails.
pub(super) fn hand_over(connection: &mut AnyConnection, gone: &str) -> Result<()> {
    let made = || api_keys::table.filter(api_keys::maker_id.eq(gone));
    if !diesel::select(diesel::dsl::exists(made())).get_result::<bool>(connection)? {
        return Ok(());
    }
    let maker: Option<String> =
        api_keys::table.find(gone).select(api_keys::maker_id).get_result(connection).optional()?;
    diesel::update(made()).set(api_keys::maker_id.eq(maker.unwrap_or_default())).execute(connection)?;
    Ok(())
}

/// Like [`find`], if the filter `seen` matches it.
///
/// # Errors
/// When the storage fails.
pub fn find_seen(
    connection: &mut AnyConnection,
    id: PrincipalId,
    seen: &Filter<ApiKeyField>,
    now: i64,
) -> Result<Option<ApiKey>> {
    let found = api_keys::table.into_boxed().filter(api_keys::id.eq(id.to_string())).filter(condition(seen, now));
    let row = found.select(ApiKeyRow::as_select()).get_result(connection).optional()?;
    Ok(complete(connection, row.into_iter().collect())?.pop())
}

impl Listed for ApiKeyField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<ApiKey>> {
        if let Some((Value::Text(persona), rest)) = query.filter.split_fixed(ApiKeyField::PersonaQualifiedName)
            && let Some(direction) = by_creation(&query.sort)
            && !finds_few(&rest)
        {
            return linked_page(connection, persona, &rest, query, direction, now);
        }
        let rows = paged(api_keys::table.into_boxed(), query, now).select(ApiKeyRow::as_select()).load(connection)?;
        complete(connection, rows)
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        if *filter == Filter::EVERYTHING {
            return key_counts::total(connection);
        }
        Ok(api_keys::table.into_boxed().filter(condition(filter, now)).count().get_result(connection)?)
    }
}

/// The direction, if the sort is by creation. An id begins with the creation time, so sorting by id is the same.
fn by_creation(sort: &Sort<ApiKeyField>) -> Option<Direction> {
    match sort.0.as_slice() {
        [(ApiKeyField::CreatedAt | ApiKeyField::Id, direction)] => Some(*direction),
        _ => None,
    }
}

/// Whether the filter fixes a field that few keys share and that has an index.
fn finds_few(filter: &Filter<ApiKeyField>) -> bool {
    [ApiKeyField::Id, ApiKeyField::ClientId, ApiKeyField::DisplayName, ApiKeyField::CreatedBy]
        .into_iter()
        .any(|field| filter.split_fixed(field).is_some())
}

/// A page, sorted by creation, of a persona's keys that the rest of the filter matches. The persona's links are in that
/// order, so they are read from the cursor on until the page is full; finding their keys first would mean sorting all
/// of them.
fn linked_page(
    connection: &mut AnyConnection,
    qualified_name: &str,
    rest: &Filter<ApiKeyField>,
    query: &Query<ApiKeyField>,
    direction: Direction,
    now: i64,
) -> Result<Vec<ApiKey>> {
    let persona =
        personas::table.filter(personas::qualified_name.eq(qualified_name)).select(personas::id).single_value();
    let mut select = api_keys::table
        .into_boxed()
        .filter(condition(rest, now))
        .limit(query.limit + 1)
        .inner_join(persona_links::table.on(persona_links::principal_id.eq(api_keys::id)))
        .filter(persona_links::persona_id.nullable().eq(persona));
    select = match &query.start {
        Start::Offset(offset) => select.offset(*offset),
        Start::After(cursor) => {
            let last = Box::new(cursor.id.clone().into_sql::<Text>());
            select.filter(beyond(Box::new(persona_links::principal_id), direction, last))
        }
    };
    let select = select.order(ordered(Box::new(persona_links::principal_id), direction));
    let rows = select.select(ApiKeyRow::as_select()).load(connection)?;
    complete(connection, rows)
}

/// Adds uses of keys: one statement for many keys that writes two columns. `last_used_at` never moves back.
///
/// # Errors
/// When the storage fails.
pub fn record_uses(connection: &mut AnyConnection, uses: &[Use]) -> Result<()> {
    for chunk in uses.chunks(super::MANY) {
        // Written out because diesel cannot join an UPDATE to VALUES. Ids and numbers have nothing to escape.
        let values: Vec<String> =
            chunk.iter().map(|each| format!("('{}', {}, {})", each.principal, each.last_used_at, each.count)).collect();
        let statement = format!(
            "UPDATE api_keys SET use_count = use_count + used.column3, last_used_at = \
             CASE WHEN last_used_at < used.column2 THEN used.column2 ELSE last_used_at END \
             FROM (VALUES {}) AS used WHERE api_keys.id = used.column1",
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
    let future = api_keys::table.filter(api_keys::last_used_at.gt(later));
    diesel::update(future).set(api_keys::last_used_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Adds permissions and persona links to rows, with two queries for any number of rows.
fn complete(connection: &mut AnyConnection, rows: Vec<ApiKeyRow>) -> Result<Vec<ApiKey>> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut permissions = principal_table::permissions_of(connection, &ids)?;
    let mut personas = persona_table::linked_to(connection, &ids)?;
    rows.into_iter()
        .map(|row| {
            Ok(ApiKey {
                id: parse_id(&row.id)?,
                permissions: permissions.remove(&row.id).unwrap_or_default(),
                personas: personas.remove(&row.id).unwrap_or_default(),
                display_name: row.display_name,
                description: row.description,
                validity: Validity::parse(row.validity_seconds).map_err(storage)?,
                created_by: row.created_by,
                created_at: row.created_at,
                updated_at: row.updated_at,
                expires_at: row.expires_at,
                last_used_at: row.last_used_at,
                use_count: row.use_count,
                limits: row.limits.into_domain()?,
            })
        })
        .collect()
}
