//! The states of subjects of changes.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::changes;
use super::{api_keys, assets, oauth_clients, personas, policies, principals, service_accounts, users};
use crate::domain::change::{ChangeSubject, Kept};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::state::{self, Holdings, States};

/// The state of a subject as this transaction sees it, and the one that its latest change left, unless it is new.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, subject: ChangeSubject, kept: Kept) -> Result<States> {
    let after = match subject {
        ChangeSubject::Principal(id) => of_principal(connection, id.into())?,
        ChangeSubject::Persona(id) => match personas::find(connection, id.into())? {
            None => None,
            Some(persona) => {
                let id = persona.id.to_string();
                let mut users = personas::users_of(connection, std::slice::from_ref(&id))?;
                Some(state::of_persona(&persona, &users.remove(&id).unwrap_or_default()))
            }
        },
        ChangeSubject::Policy(id) => policies::find(connection, id.into())?.map(|policy| state::of_policy(&policy)),
        ChangeSubject::Asset(id) => assets::find(connection, id.into())?.map(|asset| state::of_asset(&asset)),
        ChangeSubject::Role(_) => return Ok(States::default()),
    };
    let before = if kept == Kept::After { state::text(None) } else { left_of(connection, subject)? };
    Ok(States { before, after: state::text(after) })
}

fn of_principal(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<serde_json::Value>> {
    let state = principals::state(connection, id)?;
    if let Some(key) = api_keys::find(connection, id)? {
        return Ok(Some(state::of_api_key(&key, state, &oauth_clients::get(connection, id)?)));
    }
    let permissions = principals::granted_to(connection, id)?;
    let linked = personas::linked_to_one(connection, id)?;
    let holdings = Holdings { state, permissions, personas: &linked };
    if let Some(user) = users::find(connection, id)? {
        return Ok(Some(state::of_user(&user, &holdings)));
    }
    Ok(service_accounts::find(connection, id)?.map(|account| state::of_service_account(&account, &holdings)))
}

/// The state that the latest change of a subject left; empty if none is kept.
fn left_of(connection: &mut AnyConnection, subject: ChangeSubject) -> Result<String> {
    let found = changes::table
        .filter(changes::subject_id.eq(subject.id().to_string()))
        .filter(changes::state_after.ne(""))
        .order((changes::changed_at.desc(), changes::position.desc()))
        .select(changes::state_after)
        .first(connection)
        .optional()?;
    Ok(found.unwrap_or_default())
}
