//! How the fields of API keys are stored.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::domain::api_key::{NEVER, Status};
use crate::domain::fields::ApiKeyField;
use crate::domain::principal::{SERVICE_ACCOUNT_PREFIX, parse_client_id};
use crate::storage::listing::{ALWAYS, Column, Expression, Predicate, Stored, any, equal, nothing};
use crate::storage::lower;
use crate::storage::schema::{api_keys, persona_links, personas};

impl Stored for ApiKeyField {
    type Source = api_keys::table;

    fn column(self) -> Column<api_keys::table> {
        match self {
            Self::Id => Column::Exact(|| Box::new(api_keys::id)),
            Self::ClientId => Column::Computed(has_client_id),
            Self::DisplayName => Column::Text {
                plain: || Box::new(api_keys::display_name),
                folded: || Box::new(api_keys::display_name_folded),
                order: || Box::new(api_keys::display_name_folded),
            },
            Self::Description => {
                Column::plain_text(|| Box::new(api_keys::description), || Box::new(api_keys::description_folded))
            }
            Self::CreatedBy => {
                Column::plain_text(|| Box::new(api_keys::created_by), || Box::new(lower(api_keys::created_by)))
            }
            Self::CreatedAt => Column::Instant(|| Box::new(api_keys::created_at), ALWAYS),
            Self::UpdatedAt => Column::Instant(|| Box::new(api_keys::updated_at), ALWAYS),
            Self::ExpiresAt => Column::Instant(|| Box::new(api_keys::expires_at), NEVER),
            Self::LastUsedAt => Column::Instant(|| Box::new(api_keys::last_used_at), 0),
            Self::Status => Column::Computed(has_status),
            Self::PersonaQualifiedName => Column::Computed(has_persona),
        }
    }

    fn id() -> Expression<api_keys::table, Text> {
        Box::new(api_keys::id)
    }
}

/// A client id contains the key's id, so it is looked up by id.
fn has_client_id(wanted: Option<&[String]>, _now: i64) -> Predicate<api_keys::table> {
    let id = |client_id: &String| {
        let client_id = client_id.strip_prefix(SERVICE_ACCOUNT_PREFIX).unwrap_or(client_id);
        parse_client_id(client_id).map(|id| id.to_string())
    };
    match wanted {
        Some(wanted) => any(wanted.iter().filter_map(id).map(|id| equal(Box::new(api_keys::id), id)).collect()),
        None => Box::new(api_keys::id.ne("")),
    }
}

fn has_status(wanted: Option<&[String]>, now: i64) -> Predicate<api_keys::table> {
    let wants = |status: Status| wanted.is_none_or(|wanted| wanted.iter().any(|name| name == status.name()));
    match (wants(Status::Active), wants(Status::Expired)) {
        (true, true) => Box::new(api_keys::id.ne("")),
        (true, false) => Box::new(api_keys::expires_at.gt(now)),
        (false, true) => Box::new(api_keys::expires_at.le(now)),
        (false, false) => nothing(),
    }
}

fn has_persona(wanted: Option<&[String]>, _now: i64) -> Predicate<api_keys::table> {
    let links = persona_links::table.select(persona_links::principal_id);
    match wanted {
        None => Box::new(api_keys::id.eq_any(links)),
        Some(names) => {
            let with_name =
                personas::table.filter(personas::qualified_name.eq_any(names.to_vec())).select(personas::id);
            Box::new(api_keys::id.eq_any(links.filter(persona_links::persona_id.eq_any(with_name))))
        }
    }
}
