//! The state of the subject of a change, as the audit trail keeps it: JSON without secrets, uses and times of writing.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::api_key::ApiKey;
use super::asset::Asset;
use super::limits::Limits;
use super::nesting::read_json;
use super::oauth_client::OauthClient;
use super::permission::{Permission, Permissions};
use super::persona::{Persona, PersonaRef};
use super::policy::Policy;
use super::principal::PrincipalState;
use super::service_account::ServiceAccount;
use super::user::User;

/// The longest state that is kept, in bytes. A longer state is replaced by its length and its SHA-256.
pub const LONGEST: usize = 16 * 1024;

/// The states of the subject of one change, each as JSON: `null` for a subject that does not exist, and empty for one that
/// the change does not describe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct States {
    /// The state before the change; empty also if the subject was last changed before states were kept.
    pub before: String,
    /// The state after the change.
    pub after: String,
}

impl States {
    /// The state before and after; `None` for a subject that does not exist, and where none is kept.
    #[must_use]
    pub fn json(&self) -> [Option<Value>; 2] {
        [&self.before, &self.after].map(|text| read_json(text.as_bytes()).ok())
    }
}

/// The text that is kept of a state.
#[must_use]
pub fn text(state: Option<Value>) -> String {
    let text = state.unwrap_or(Value::Null).to_string();
    if text.len() <= LONGEST {
        return text;
    }
    json!({ "bytes": text.len(), "sha256": HEXLOWER.encode(&Sha256::digest(&text)) }).to_string()
}

/// The state, permissions and personas of a principal of any kind.
pub struct Holdings<'a> {
    /// Whether it can act.
    pub state: PrincipalState,
    /// The permissions that it was granted itself.
    pub permissions: Permissions,
    /// The personas that it is linked to.
    pub personas: &'a [PersonaRef],
}

impl Holdings<'_> {
    fn added_to(&self, mut state: Value) -> Value {
        let personas = self.personas.iter().map(|persona| &persona.qualified_name);
        state["enabled"] = json!(self.state == PrincipalState::Enabled);
        state["permissions"] = json!(self.permissions.iter().map(Permission::name).collect::<Vec<_>>());
        state["personas"] = json!(personas.collect::<Vec<_>>());
        state
    }
}

/// The state of an API key.
#[must_use]
pub fn of_api_key(key: &ApiKey, state: PrincipalState, oauth: &OauthClient) -> Value {
    let Limits { addresses, rate } = &key.limits;
    let described = json!({
        "kind": "apiKey",
        "displayName": key.display_name,
        "description": key.description,
        "createdBy": key.created_by,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "allowedAddresses": addresses.texts().collect::<Vec<_>>(),
        "rateLimit": rate.map(|rate| json!({ "requests": rate.requests, "seconds": rate.seconds })),
        "oauth": oauth,
    });
    Holdings { state, permissions: key.permissions, personas: &key.personas }.added_to(described)
}

/// The state of a user.
#[must_use]
pub fn of_user(user: &User, holdings: &Holdings<'_>) -> Value {
    holdings.added_to(json!({
        "kind": "user",
        "username": user.principal.username().to_string(),
        "displayName": user.display_name,
        "email": user.email,
        "role": user.principal.role.name(),
    }))
}

/// The state of a service account.
#[must_use]
pub fn of_service_account(account: &ServiceAccount, holdings: &Holdings<'_>) -> Value {
    holdings.added_to(json!({
        "kind": "serviceAccount",
        "username": account.principal.username().to_string(),
        "displayName": account.display_name,
        "description": account.description,
        "createdBy": account.created_by,
        "role": account.principal.role.name(),
    }))
}

/// The state of a persona with the names of its users.
#[must_use]
pub fn of_persona(persona: &Persona, users: &[String]) -> Value {
    json!({
        "kind": "persona",
        "qualifiedName": persona.qualified_name,
        "name": persona.name,
        "displayName": persona.display_name,
        "description": persona.description,
        "enabled": persona.enabled,
        "users": users,
    })
}

/// The state of a policy.
#[must_use]
pub fn of_policy(policy: &Policy) -> Value {
    json!({
        "kind": "policy",
        "qualifiedName": policy.qualified_name,
        "name": policy.name,
        "description": policy.description,
        "enabled": policy.enabled,
        "category": policy.rule.category.name(),
        "effect": policy.rule.effect.name(),
        "actions": policy.rule.actions,
        "resources": policy.rule.resources,
        "subjects": policy.rule.subjects,
    })
}

/// The state of an asset, without attributes that decide nothing.
#[must_use]
pub fn of_asset(asset: &Asset) -> Value {
    let people: serde_json::Map<String, Value> =
        asset.people.iter().map(|(list, members)| (list.name().to_owned(), json!(members))).collect();
    json!({
        "kind": "asset",
        "typeName": asset.type_name,
        "qualifiedName": asset.qualified_name,
        "name": asset.name,
        "state": asset.state.name(),
        "owners": asset.owners,
        "people": people,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_state_is_kept_by_its_digest() {
        assert_eq!([text(None), text(Some(json!({ "a": 1 })))], ["null", r#"{"a":1}"#]);
        let long = text(Some(json!({ "a": "x".repeat(LONGEST) })));
        assert!(long.starts_with(&format!(r#"{{"bytes":{},"sha256":""#, LONGEST + 8)) && long.len() < 200, "{long}");
    }
}
