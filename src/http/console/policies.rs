//! `/policies`: the policies that belong to no persona, in words and as JSON.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::list::ListUrl;
use super::words::{action_words, resources};
use super::{Page, SignedInRequest};
use crate::domain::policy::{Category, Effect, Policy, Subjects};
use crate::http::problem::Failure;
use crate::service::catalogue::policies::{self, PolicySearch};

/// The most policies that are shown.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "policies/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    policies: Vec<PolicyView>,
    more: bool,
}

/// `GET /policies`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_POLICIES`; violations of the parameters.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let list_url = ListUrl::parse("policies", &request.params(), &["q"])?;
    let search = PolicySearch {
        text: list_url.value("q").to_owned(),
        members: std::collections::BTreeMap::new(),
        start: 0,
        count: SHOWN + 1,
    };
    let mut found = policies::list(&request.state.service, &request.actor, search).await?.records;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let policies = found.into_iter().map(PolicyView::of).collect();
    request.answer(StatusCode::OK, &List { page: request.page("Policies", "personas")?, url: list_url, policies, more })
}

/// A policy, in words and as JSON.
pub(super) struct PolicyView {
    /// The path of the page that changes it, relative to the start of this server; empty if there is none.
    pub(super) edit: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) allows: bool,
    pub(super) is_enabled: bool,
    pub(super) actions: Vec<String>,
    pub(super) resources: String,
    /// Empty for a persona's policy, which applies to the keys and users linked to the persona.
    pub(super) subjects: String,
    pub(super) json: String,
}

impl PolicyView {
    pub(super) fn of(policy: Policy) -> Self {
        let criteria: Vec<_> = policy
            .rule
            .resources
            .iter()
            .map(|criterion| serde_json::json!({"field": criterion.field.field(), "values": criterion.values}))
            .collect();
        let json = serde_json::json!({
            "name": policy.name,
            "effect": policy.rule.effect.name(),
            "category": policy.rule.category.name(),
            "actions": policy.rule.actions,
            "resources": criteria,
            "subjects": policy.rule.subjects,
            "enabled": policy.enabled,
        });
        let edit = policy.persona.map(|persona| format!("personas/{persona}/policies/{}", policy.id));
        Self {
            edit: edit.unwrap_or_default(),
            allows: policy.rule.effect == Effect::Allow,
            is_enabled: policy.enabled,
            resources: match policy.rule.category {
                Category::Platform => "Tessera itself".to_owned(),
                _ => resources(&policy.rule.resources),
            },
            subjects: if policy.persona.is_some() { String::new() } else { subjects(&policy.rule.subjects) },
            actions: policy.rule.actions,
            json: format!("{json:#}"),
            name: policy.name,
            description: policy.description,
        }
    }
}

/// How many actions a sentence names.
const NAMED: usize = 3;

impl PolicyView {
    /// What it does, in one sentence: "May see assets and their metadata, of default/a and what lies beneath".
    pub(super) fn sentence(&self) -> String {
        let words = |action: &String| match action_words(action) {
            "" => action.clone(),
            words => words.to_owned(),
        };
        let mut named: Vec<String> = self.actions.iter().take(NAMED).map(words).collect();
        match self.actions.len() - named.len() {
            0 => {}
            more => named.push(format!("{more} more")),
        }
        let may = if self.allows { "May" } else { "Must not" };
        format!("{may} {}: {}", named.join(", "), self.resources)
    }
}

/// The subjects of a policy, in words.
fn subjects(subjects: &Subjects) -> String {
    let mut told = Vec::new();
    if subjects.everyone {
        told.push("every user".to_owned());
    }
    told.extend(subjects.roles.iter().map(|role| format!("the role {role}")));
    told.extend(subjects.users.iter().cloned());
    if subjects.owners {
        told.push("owners of the resource".to_owned());
    }
    if subjects.every_group || !subjects.groups.is_empty() {
        told.push("groups, of which there are none here".to_owned());
    }
    if told.is_empty() { "nobody".to_owned() } else { told.join(", ") }
}
