//! Searches the principals that have profiles: users, and service accounts except those of API keys.

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::AnyConnection;
use super::listing::{Column, Expression, Predicate, Stored, all, condition};
use super::principals::{is_api_key, seen};
use super::rows::parse_id;
use super::schema::{aspects, principals};
use crate::domain::error::Result;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::principal::PrincipalKind;
use crate::domain::profile::{AspectName, ProfileField};
use crate::domain::sight::SeenPrincipals;

impl Stored for ProfileField {
    type Source = principals::table;

    fn column(self) -> Column<Self::Source> {
        match self {
            Self::Urn => Column::Exact(|| Box::new(principals::username)),
            Self::Username => {
                Column::plain_text(|| Box::new(principals::username), || Box::new(super::lower(principals::username)))
            }
            Self::Removed => Column::Computed(is_removed),
            Self::TypeNames => Column::Computed(has_type),
        }
    }

    fn id() -> Expression<Self::Source, Text> {
        Box::new(principals::id)
    }
}

/// Predicate for the field `removed`.
fn is_removed(values: Option<&[String]>, _now: i64) -> Predicate<principals::table> {
    let wanted = |value: &str| values.is_none_or(|values| values.iter().any(|wanted| wanted == value));
    let removed = || {
        principals::id.eq_any(
            aspects::table
                .filter(aspects::name.eq(AspectName::Status.name()))
                .filter(aspects::value.like("%\"removed\":true%"))
                .select(aspects::principal_id),
        )
    };
    match (wanted("true"), wanted("false")) {
        (true, true) => all(Vec::new()),
        (true, false) => Box::new(removed()),
        (false, true) => Box::new(not(removed())),
        (false, false) => Box::new(principals::id.eq("")),
    }
}

fn has_type(values: Option<&[String]>, _now: i64) -> Predicate<principals::table> {
    if values.is_none_or(|values| values.iter().any(|value| value == "SERVICE_ACCOUNT")) {
        Box::new(principals::kind.eq(PrincipalKind::ServiceAccount.name()))
    } else {
        Box::new(principals::id.eq(""))
    }
}

fn found(filter: &Filter<ProfileField>, sight: &SeenPrincipals, now: i64) -> Predicate<principals::table> {
    all(vec![condition(filter, now), seen(sight), Box::new(not(is_api_key()))])
}

/// The ids of the principals that the filter matches and the actor sees, sorted, after `after` (keyset pagination).
///
/// # Errors
/// When the storage fails.
pub fn after(
    connection: &mut AnyConnection,
    filter: &Filter<ProfileField>,
    sight: &SeenPrincipals,
    after: &str,
    limit: i64,
    now: i64,
) -> Result<Vec<PrincipalId>> {
    let ids: Vec<String> = principals::table
        .into_boxed()
        .filter(found(filter, sight, now))
        .filter(principals::id.gt(after))
        .order(principals::id)
        .limit(limit)
        .select(principals::id)
        .load(connection)?;
    ids.iter().map(|id| parse_id(id)).collect()
}

/// How many principals the filter matches and the actor sees.
///
/// # Errors
/// When the storage fails.
pub fn count(
    connection: &mut AnyConnection,
    filter: &Filter<ProfileField>,
    sight: &SeenPrincipals,
    now: i64,
) -> Result<i64> {
    Ok(principals::table.into_boxed().filter(found(filter, sight, now)).count().get_result(connection)?)
}
