//! The principals that policies name, by id: a user name can pass to another user, an id never does.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::{policy_users, principals};
use crate::domain::error::Result;
use crate::domain::ids::{PolicyId, PrincipalId};

/// Replaces the principals that a policy names by the current bearers of these user names.
///
/// # Errors
/// When the storage fails.
pub(super) fn replace(connection: &mut AnyConnection, policy: PolicyId, usernames: &[String]) -> Result<()> {
    let policy = policy.to_string();
    diesel::delete(policy_users::table.filter(policy_users::policy_id.eq(&policy))).execute(connection)?;
    for chunk in usernames.chunks(super::MANY) {
        let ids: Vec<String> =
            principals::table.filter(principals::username.eq_any(chunk)).select(principals::id).load(connection)?;
        for id in ids {
            let row = (policy_users::policy_id.eq(&policy), policy_users::principal_id.eq(id));
            diesel::insert_into(policy_users::table).values(row).execute(connection)?;
        }
    }
    Ok(())
}

/// The user names of the principals that these policies name and that still exist, by policy.
///
/// # Errors
/// When the storage fails.
pub(super) fn names(connection: &mut AnyConnection, policies: &[String]) -> Result<HashMap<String, HashSet<String>>> {
    let mut names: HashMap<String, HashSet<String>> = HashMap::new();
    for chunk in policies.chunks(super::MANY) {
        let rows: Vec<(String, String)> = policy_users::table
            .inner_join(principals::table.on(principals::id.eq(policy_users::principal_id)))
            .filter(policy_users::policy_id.eq_any(chunk))
            .select((policy_users::policy_id, principals::username))
            .load(connection)?;
        for (policy, username) in rows {
            names.entry(policy).or_default().insert(username);
        }
    }
    Ok(names)
}

/// The ids of the policies that name a principal.
///
/// # Errors
/// When the storage fails.
pub(super) fn naming(connection: &mut AnyConnection, principal: PrincipalId) -> Result<Vec<String>> {
    let named = policy_users::table.filter(policy_users::principal_id.eq(principal.to_string()));
    Ok(named.select(policy_users::policy_id).load(connection)?)
}
