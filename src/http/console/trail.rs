//! Entries of the audit trail, as sentences.

use std::collections::{HashMap, HashSet};

use form_urlencoded::Serializer;
use serde_json::Value;

use super::SignedInRequest;
use super::changed::{changed, find_personas, personas_of};
use super::key_names::{self, key_of};
use super::words::DisplayTime;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, ChangeSubject};
use crate::domain::ids::{PersonaId, PrincipalId};
use crate::domain::permission::Permission;
use crate::domain::service_account;
use crate::http::problem::Failure;
use crate::service::upkeep::audit;

/// An entry of the audit trail, in words.
pub struct Entry {
    pub id: String,
    /// `created the API key`
    pub words: String,
    pub subject: String,
    /// The page of the changed record, if it has one.
    pub link: Option<String>,
    pub actor: String,
    /// The page of the actor, if it is an API key that the user sees.
    pub actor_link: Option<String>,
    /// What changed: `personas +Lineage`; empty if that is not kept.
    pub changed: String,
    /// How the actor authenticated, and from where: `with a session, from 10.1.2.3`; empty if unknown.
    pub how: String,
    pub when: Option<DisplayTime>,
    pub request_id: String,
    pub action: String,
}

impl Entry {
    /// These changes in words, with the names of keys and personas as far as the user sees them.
    ///
    /// # Errors
    /// [`crate::domain::error::Error::Forbidden`] without `VIEW_AUDIT`; when the storage fails.
    pub async fn all(request: &SignedInRequest, changes: Vec<Change>) -> Result<Vec<Self>, Failure> {
        let ids = changes.iter().map(|change| change.id).collect();
        let states = audit::states(&request.state.service, &request.actor, ids).await?;
        let states: HashMap<_, _> = states.into_iter().map(|(id, states)| (id, states.json())).collect();
        let of_policies = states.values().filter_map(|states| persona_of_policy(latest(states)?));
        let found = find_personas(request, personas_of(states.values()).chain(of_policies)).await?;
        let ids: HashMap<String, PersonaId> =
            found.iter().map(|persona| (persona.qualified_name.clone(), persona.id)).collect();
        let personas = found.into_iter().map(|persona| (persona.qualified_name, persona.display_name)).collect();
        let actors: HashSet<PrincipalId> = changes.iter().filter_map(|change| key_of(&change.actor_name)).collect();
        let keys = key_names::names(request, &actors.into_iter().collect::<Vec<_>>()).await?;
        let now = request.now();
        let told = |change: Change| {
            let both = states.get(&change.id);
            let changes = both.map_or_else(String::new, |states| changed(states, &personas));
            let state = both.and_then(latest);
            let link = link(&change, state, &ids, &request.actor);
            let mut entry = Self::of(change, link, now);
            // Its user name is an id.
            if let Some(name) =
                state.filter(|state| state["kind"] == "serviceAccount").and_then(|it| it["displayName"].as_str())
                && entry.subject.starts_with(service_account::PREFIX)
            {
                name.clone_into(&mut entry.subject);
            }
            let key = key_of(&entry.actor).and_then(|id| keys.get(&id).map(|name| (id, name)));
            match key {
                Some((id, name)) => {
                    Self { actor: name.clone(), actor_link: Some(format!("keys/{id}")), changed: changes, ..entry }
                }
                None => Self { changed: changes, ..entry },
            }
        };
        Ok(changes.into_iter().map(told).collect())
    }

    fn of(change: Change, link: Option<String>, now: i64) -> Self {
        let is_own = change.subject_name == change.actor_name;
        let is_about_oneself = is_own && (change.action.starts_with("session.") || change.action == "user.created");
        let is_about_all =
            matches!(Action::find(&change.action), Some(Action::InvitesRenewed | Action::RestoreAccepted));
        let how = how(&change);
        Self {
            id: change.id.to_string(),
            words: match change.action.as_str() {
                "session.created" if is_own => "signed in".to_owned(),
                "session.ended" if is_own => "signed out".to_owned(),
                "user.created" if is_own => "signed up".to_owned(),
                // A later version may have written actions that this one does not know.
                name => Action::find(name).map_or_else(|| name.to_owned(), |action| action_words(action).to_owned()),
            },
            link: link.filter(|_| !(is_about_oneself || change.action.ends_with(".deleted"))),
            subject: if is_about_oneself || is_about_all { String::new() } else { change.subject_name },
            actor: if change.acted_by.is_empty() {
                change.actor_name
            } else {
                format!("{} (by {})", change.actor_name, change.acted_by.replace(',', ", "))
            },
            actor_link: None,
            changed: String::new(),
            how,
            when: DisplayTime::of(change.changed_at, now),
            request_id: change.request_id,
            action: change.action,
        }
    }
}

/// The types of assets that have pages.
const PAGED: [&str; 2] = ["Connection", "Collection"];

/// The latest state that is known of a subject.
fn latest(states: &[Option<Value>; 2]) -> Option<&Value> {
    states.iter().rev().flatten().find(|state| !state.is_null())
}

/// The qualified name of the persona of a policy in this state; `None` if the policy belongs to none.
fn persona_of_policy(state: &Value) -> Option<&str> {
    let name = state["qualifiedName"].as_str().filter(|name| state["kind"] == "policy" && !name.starts_with("urn:"))?;
    name.rsplit_once('/').map(|(persona, _)| persona)
}

/// The page of the changed record, relative to the start of this server; `None` if it has none that the user may open. `state`
/// is the latest one that is known of the record, and `personas` are the ids of personas by qualified name.
fn link(
    change: &Change,
    state: Option<&Value>,
    personas: &HashMap<String, PersonaId>,
    actor: &Actor,
) -> Option<String> {
    let held = actor.permissions();
    let is_own = change.actor_name == actor.username().to_string();
    let named = |page: &str| {
        let query = Serializer::new(String::new()).append_pair("q", &change.subject_name).finish();
        Some(format!("{page}?{query}"))
    };
    let of_state = |member: &str| state.and_then(|state| state[member].as_str()).unwrap_or_default();
    match (change.action.split('.').next(), change.subject()) {
        (Some("apikey"), ChangeSubject::Principal(id)) => Some(format!("keys/{id}")),
        (Some("persona"), ChangeSubject::Persona(id)) => Some(format!("personas/{id}")),
        (Some("policy"), ChangeSubject::Policy(_)) => match state.and_then(persona_of_policy) {
            Some(persona) => personas.get(persona).map(|id| format!("personas/{id}")),
            None => named("policies").filter(|_| held.contains(Permission::ManagePolicies)),
        },
        (Some("asset"), ChangeSubject::Asset(id)) if PAGED.contains(&of_state("typeName")) => {
            Some(format!("connections/{id}"))
        }
        (Some("access_token"), _) => {
            let sees = held.contains(Permission::ManageAccessTokens) || is_own;
            named("settings/tokens").filter(|_| sees && change.action == "access_token.created")
        }
        (Some("invitation"), _) => {
            let sees = held.contains(Permission::ManageUsersAndGroups) || is_own;
            Some("people/invitations".to_owned()).filter(|_| sees && change.action == "invitation.created")
        }
        (Some("user"), _) => named("people"),
        (Some("service_account"), _) => Some(format!("people/service-accounts/{}", change.subject_name)),
        _ => None,
    }
}

/// How the actor authenticated, and from where.
fn how(change: &Change) -> String {
    let first = change.authenticated_by.split([':', ' ']).next().unwrap_or_default();
    let with = match first {
        "session" => "with a session",
        "api_key" => "with its key",
        "personal" => "with an access token",
        "child" => "with a token derived from another",
        "warrant" => "with a proof that it registered",
        "refresh" => "with a refresh token",
        _ if change.request_id.is_empty() => "at the command line",
        _ => "",
    };
    let from = if change.address.is_empty() { String::new() } else { format!("from {}", change.address) };
    [with, &from].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// An action in words, which the name of its subject follows.
fn action_words(action: Action) -> &'static str {
    match action {
        Action::ApiKeyCreated => "created the API key",
        Action::ApiKeyTokenReplaced => "replaced the lost token of the API key",
        Action::ApiKeyTokenRemoved => "ended the token of the API key",
        Action::ApiKeySecretCreated => "got a short-lived secret of the API key",
        Action::ApiKeyUpdated => "changed the API key",
        Action::ApiKeyDeleted => "deleted the API key",
        Action::ApiKeyOauthReplaced => "changed the OAuth settings of the API key",
        Action::LeakedTokenRevoked => "revoked a leaked token of",
        Action::PersonaCreated => "created the persona",
        Action::PersonaUpdated => "changed the persona",
        Action::PersonaDescribed => "described the persona otherwise",
        Action::PersonaDeleted => "deleted the persona",
        Action::PolicyCreated => "created the policy",
        Action::PolicyUpdated => "changed the policy",
        Action::PolicyDescribed => "described the policy otherwise",
        Action::PolicyDeleted => "deleted the policy",
        Action::AssetCreated => "created the asset",
        Action::AssetUpdated => "changed the asset",
        Action::AssetDeleted => "deleted the asset",
        Action::AssetAccessChanged => "changed the access to the asset",
        Action::ServiceAccountCreated => "created the service account",
        Action::ServiceAccountDeleted => "deleted the service account",
        Action::AccessTokenCreated => "created the access token",
        Action::AccessTokenRevoked => "revoked the access token",
        Action::InvitesRenewed => "voided the invitation links, and made new ones",
        Action::InviteLinkGiven => "got the invitation link for the role",
        Action::InvitationCreated => "created the invitation for",
        Action::InvitationRevoked => "revoked the invitation for",
        Action::InvitationAccepted => "signed up with an invitation of",
        Action::UserCreated => "created the user",
        Action::UserUpdated => "changed the user",
        Action::UserDescribed => "described the user",
        Action::UserPasswordSet => "set the password of",
        Action::UserDeleted => "deleted the user",
        Action::SessionCreated => "signed in as",
        Action::SessionRefused => "gave a wrong password for",
        Action::SessionEnded => "signed out as",
        Action::SessionRefreshed => "kept a program signed in as",
        Action::RefreshTokenReused => "ended a session, because a refresh token was sent twice, of",
        Action::DeviceApproved => "let a program sign in as",
        Action::DeviceDenied => "refused to let a program sign in as",
        Action::ChildRevoked => "revoked a derived token of",
        Action::UserImpersonated => "began to act as",
        Action::SigningKeyChanged => "changed the signing key",
        Action::RestoreAccepted => "accepted a restored database, which ended every session",
        Action::RequestRefused => "was refused the operation",
    }
}
