//! Entries of the audit trail, as sentences.

use form_urlencoded::Serializer;

use crate::domain::change::{Change, ChangeSubject};
use crate::http::console::words::DisplayTime;

/// An entry of the audit trail, in words.
pub struct Entry {
    pub id: String,
    /// `created the API key`
    pub words: String,
    pub subject: String,
    /// The page of the changed record, if it has one.
    pub link: Option<String>,
    pub actor: String,
    pub when: Option<DisplayTime>,
    pub request_id: String,
    pub action: String,
}

impl Entry {
    pub fn of(change: Change, now: i64) -> Self {
        let link = match (change.action.split('.').next(), change.subject()) {
            (Some("apikey"), ChangeSubject::Principal(id)) => Some(format!("keys/{id}")),
            (Some("persona"), ChangeSubject::Persona(id)) => Some(format!("personas/{id}")),
            (Some("user"), _) => {
                let query = Serializer::new(String::new()).append_pair("q", &change.subject_name).finish();
                Some(format!("people?{query}"))
            }
            (Some("service_account"), _) => Some(format!("people/service-accounts/{}", change.subject_name)),
            _ => None,
        };
        let is_own = change.subject_name == change.actor_name;
        let is_about_oneself = is_own && (change.action.starts_with("session.") || change.action == "user.created");
        Self {
            id: change.id.to_string(),
            words: match change.action.as_str() {
                "session.created" if is_own => "signed in".to_owned(),
                "session.ended" if is_own => "signed out".to_owned(),
                "user.created" if is_own => "signed up".to_owned(),
                action => action_words(action),
            },
            link: link.filter(|_| !(is_about_oneself || change.action.ends_with(".deleted"))),
            subject: if is_about_oneself { String::new() } else { change.subject_name },
            actor: if change.acted_by.is_empty() {
                change.actor_name
            } else {
                format!("{} (by {})", change.actor_name, change.acted_by.replace(',', ", "))
            },
            when: DisplayTime::of(change.changed_at, now),
            request_id: change.request_id,
            action: change.action,
        }
    }
}

/// An action in words; an unknown action is returned unchanged.
fn action_words(action: &str) -> String {
    let words = match action {
        "apikey.created" => "created the API key",
        "apikey.token_replaced" => "replaced the lost token of the API key",
        "apikey.token_removed" => "ended the token of the API key",
        "apikey.secret_created" => "got a short-lived secret of the API key",
        "apikey.updated" => "changed the API key",
        "apikey.deleted" => "deleted the API key",
        "apikey.oauth_replaced" => "changed the OAuth settings of the API key",
        "child.revoked" => "revoked the child token",
        "user.impersonated" => "began to act as",
        "installation.signing_key_changed" => "changed the signing key",
        "token.leaked_revoked" => "revoked a leaked token of",
        "persona.created" => "created the persona",
        "persona.updated" => "changed the persona",
        "persona.described" => "described the persona otherwise",
        "persona.deleted" => "deleted the persona",
        "policy.created" => "created the policy",
        "policy.updated" => "changed the policy",
        "policy.described" => "described the policy otherwise",
        "policy.deleted" => "deleted the policy",
        "asset.created" => "created the asset",
        "asset.updated" => "changed the asset",
        "asset.deleted" => "deleted the asset",
        "asset.access_changed" => "changed whom an asset names:",
        "service_account.created" => "created the service account",
        "service_account.deleted" => "deleted the service account",
        "access_token.created" => "created the access token",
        "access_token.revoked" => "revoked the access token",
        "invites.renewed" => "voided the invitation links, and made new ones:",
        "invitation.created" => "created the invitation for",
        "invitation.revoked" => "revoked the invitation for",
        "user.created" => "created the user",
        "user.updated" => "changed the user",
        "user.described" => "described the user",
        "user.password_set" => "set the password of",
        "user.deleted" => "deleted the user",
        "session.created" => "signed in as",
        "session.refused" => "gave a wrong password for",
        "session.ended" => "signed out as",
        "session.refreshed" => "kept a program signed in as",
        "session.refresh_token_reused" => "ended a session, because a refresh token was sent twice, of",
        "request.refused" => "was refused",
        other => other,
    };
    words.to_owned()
}
