//! Service accounts, except those of API keys.

use diesel::dsl::InnerJoinQuerySource;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::AnyConnection;
use super::listing::{ALWAYS, Column, Expression, Listed, Stored, condition, paged};
use super::principals::PrincipalRow;
use super::schema::{principals, service_accounts};
use crate::domain::error::Result;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::listing::Query;
use crate::domain::service_account::{ServiceAccount, ServiceAccountField};
use crate::domain::text::fold;

/// A row of `service_accounts`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = service_accounts)]
struct ServiceAccountRow {
    id: String,
    display_name: String,
    description: String,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    display_name_folded: String,
}

fn into_domain((principal, account): (PrincipalRow, ServiceAccountRow)) -> Result<ServiceAccount> {
    let ServiceAccountRow { display_name, description, created_by, created_at, updated_at, .. } = account;
    let principal = principal.into_domain()?;
    Ok(ServiceAccount { principal, display_name, description, created_by, created_at, updated_at })
}

/// Adds a service account; its principal must exist.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, account: &ServiceAccount) -> Result<()> {
    let row = ServiceAccountRow {
        id: account.principal.id.to_string(),
        display_name: account.display_name.clone(),
        description: account.description.clone(),
        created_by: account.created_by.clone(),
        created_at: account.created_at,
        updated_at: account.updated_at,
        display_name_folded: fold(&account.display_name),
    };
    diesel::insert_into(service_accounts::table).values(row).execute(connection)?;
    Ok(())
}

/// The service account with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<ServiceAccount>> {
    let found: Option<(PrincipalRow, ServiceAccountRow)> = service_accounts::table
        .inner_join(principals::table)
        .filter(service_accounts::id.eq(id.to_string()))
        .select((PrincipalRow::as_select(), ServiceAccountRow::as_select()))
        .get_result(connection)
        .optional()?;
    found.map(into_domain).transpose()
}

/// The service account with that user name.
///
/// # Errors
/// When the storage fails.
pub fn find_by_username(connection: &mut AnyConnection, username: &str) -> Result<Option<ServiceAccount>> {
    let found: Option<(PrincipalRow, ServiceAccountRow)> = service_accounts::table
        .inner_join(principals::table)
        .filter(principals::username.eq(username))
        .select((PrincipalRow::as_select(), ServiceAccountRow::as_select()))
        .get_result(connection)
        .optional()?;
    found.map(into_domain).transpose()
}

/// Id and display name of the service accounts among these principals.
///
/// # Errors
/// When the storage fails.
pub fn display_names(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<(String, String)>> {
    Ok(service_accounts::table
        .filter(service_accounts::id.eq_any(ids))
        .select((service_accounts::id, service_accounts::display_name))
        .load(connection)?)
}

/// Service accounts joined with their principals, for filters and sorting.
pub(super) type Source = InnerJoinQuerySource<service_accounts::table, principals::table>;

impl Stored for ServiceAccountField {
    type Source = Source;

    fn column(self) -> Column<Source> {
        match self {
            Self::Username => {
                Column::plain_text(|| Box::new(principals::username), || Box::new(super::lower(principals::username)))
            }
            Self::DisplayName => Column::plain_text(
                || Box::new(service_accounts::display_name),
                || Box::new(service_accounts::display_name_folded),
            ),
            Self::CreatedAt => Column::Instant(|| Box::new(service_accounts::created_at), ALWAYS),
        }
    }

    fn id() -> Expression<Source, Text> {
        Box::new(service_accounts::id)
    }
}

impl Listed for ServiceAccountField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<ServiceAccount>> {
        let rows: Vec<(PrincipalRow, ServiceAccountRow)> =
            paged(service_accounts::table.inner_join(principals::table).into_boxed(), query, now)
                .select((PrincipalRow::as_select(), ServiceAccountRow::as_select()))
                .load(connection)?;
        rows.into_iter().map(into_domain).collect()
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        Ok(service_accounts::table
            .inner_join(principals::table)
            .into_boxed()
            .filter(condition(filter, now))
            .count()
            .get_result(connection)?)
    }
}
