//! Local users.

use diesel::dsl::InnerJoinQuerySource;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::AnyConnection;
use super::listing::{ALWAYS, Column, Expression, Listed, Stored, condition, paged};
use super::principals::PrincipalRow;
use super::rows::Existed;
use super::schema::{principals, users};
use crate::domain::error::Result;
use crate::domain::fields::UserField;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::listing::Query;
use crate::domain::text::fold;
use crate::domain::user::User;

/// A row of `users`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
struct UserRow {
    id: String,
    display_name: String,
    email: String,
    password_hash: String,
    email_folded: String,
}

fn into_domain((principal, user): (PrincipalRow, UserRow)) -> Result<User> {
    let UserRow { display_name, email, .. } = user;
    Ok(User { principal: principal.into_domain()?, display_name, email })
}

/// Adds a user; its principal must exist.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, user: &User, password_hash: &str) -> Result<()> {
    let row = UserRow {
        id: user.principal.id.to_string(),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        password_hash: password_hash.to_owned(),
        email_folded: fold(&user.email),
    };
    diesel::insert_into(users::table).values(row).execute(connection)?;
    Ok(())
}

/// Replaces what only people read.
///
/// # Errors
/// When the storage fails.
pub fn describe(connection: &mut AnyConnection, id: PrincipalId, display_name: &str, email: &str) -> Result<()> {
    let described = (users::display_name.eq(display_name), users::email.eq(email), users::email_folded.eq(fold(email)));
    diesel::update(users::table.find(id.to_string())).set(described).execute(connection)?;
    Ok(())
}

/// Replaces the password.
///
/// # Errors
/// When the storage fails.
pub fn set_password(connection: &mut AnyConnection, id: PrincipalId, password_hash: &str) -> Result<Existed> {
    let found = users::table.find(id.to_string());
    Ok(Existed::from(diesel::update(found).set(users::password_hash.eq(password_hash)).execute(connection)?))
}

/// Locks a user until the transaction ends, if the password hash is still that one.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, id: PrincipalId, password_hash: &str) -> Result<Existed> {
    let found = users::table.find(id.to_string()).filter(users::password_hash.eq(password_hash));
    Ok(Existed::from(diesel::update(found).set(users::password_hash.eq(password_hash)).execute(connection)?))
}

/// The user with that name, and the password hash.
///
/// # Errors
/// When the storage fails.
pub fn find_for_sign_in(connection: &mut AnyConnection, username: &str) -> Result<Option<(User, String)>> {
    let found: Option<(PrincipalRow, UserRow)> = users::table
        .inner_join(principals::table)
        .filter(principals::username.eq(username))
        .select((PrincipalRow::as_select(), UserRow::as_select()))
        .get_result(connection)
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    let password_hash = row.1.password_hash.clone();
    Ok(Some((into_domain(row)?, password_hash)))
}

/// The user with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<User>> {
    let found: Option<(PrincipalRow, UserRow)> = users::table
        .inner_join(principals::table)
        .filter(users::id.eq(id.to_string()))
        .select((PrincipalRow::as_select(), UserRow::as_select()))
        .get_result(connection)
        .optional()?;
    found.map(into_domain).transpose()
}

/// Id, display name and email address of the users among these principals.
///
/// # Errors
/// When the storage fails.
pub fn names(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<[String; 3]>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(super::MANY) {
        let rows: Vec<(String, String, String)> = users::table
            .filter(users::id.eq_any(chunk))
            .select((users::id, users::display_name, users::email))
            .load(connection)?;
        found.extend(rows.into_iter().map(|(id, display_name, email)| [id, display_name, email]));
    }
    Ok(found)
}

/// Whether there is no user.
///
/// # Errors
/// When the storage fails.
pub fn is_empty(connection: &mut AnyConnection) -> Result<bool> {
    let any: bool = diesel::select(diesel::dsl::exists(users::table.select(users::id))).get_result(connection)?;
    Ok(!any)
}

/// Users joined with their principals, for filters and sorting.
pub(super) type Source = InnerJoinQuerySource<users::table, principals::table>;

impl Stored for UserField {
    type Source = Source;

    fn column(self) -> Column<Source> {
        match self {
            Self::Id => Column::Exact(|| Box::new(users::id)),
            Self::Username => {
                Column::plain_text(|| Box::new(principals::username), || Box::new(super::lower(principals::username)))
            }
            Self::Email => Column::OptionalText(|| Box::new(users::email), || Box::new(users::email_folded)),
            Self::CreatedAt => Column::Instant(|| Box::new(principals::created_at), ALWAYS),
            Self::Role => Column::Exact(|| Box::new(principals::role)),
        }
    }

    fn id() -> Expression<Source, Text> {
        Box::new(users::id)
    }
}

impl Listed for UserField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<User>> {
        let rows: Vec<(PrincipalRow, UserRow)> =
            paged(users::table.inner_join(principals::table).into_boxed(), query, now)
                .select((PrincipalRow::as_select(), UserRow::as_select()))
                .load(connection)?;
        rows.into_iter().map(into_domain).collect()
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        Ok(users::table
            .inner_join(principals::table)
            .into_boxed()
            .filter(condition(filter, now))
            .count()
            .get_result(connection)?)
    }
}
