//! `/policies`: the policies that belong to no persona, in words and as JSON.

pub mod change;
mod draft;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::policy::{Category, Effect, Policy, Subjects};
use crate::http::console::list::ListUrl;
use crate::http::console::words::{ActionWords, resources};
use crate::http::console::{Page, SignedInRequest};
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
    notice: &'static str,
}

/// `GET /policies`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_POLICIES`; violations of the parameters.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("policies", &params, &["q"])?;
    let notice = match params.get("done")? {
        "saved" => "The policy is saved, and in force.",
        "enabled" => "The policy is enabled, and in force.",
        "disabled" => "The policy is disabled: it has no effect any more.",
        "deleted" => "The policy is deleted: it has no effect any more.",
        _ => "",
    };
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
    let page = request.page("Policies", "personas")?;
    request.answer(StatusCode::OK, &List { page, url: list_url, policies, more, notice })
}

/// A policy, in words and as JSON.
pub(in crate::http::console) struct PolicyView {
    /// The path of the page that changes it, relative to the start of this server; empty if there is none.
    pub(in crate::http::console) edit: String,
    /// The path that enables and disables it, relative to the start of this server; empty for the policy of a persona, and
    /// for one that is the system's own.
    pub(in crate::http::console) switch: String,
    /// Its edition, which the form that switches it sends.
    pub(in crate::http::console) edition: String,
    /// Whether it is the system's own, which cannot be changed.
    pub(in crate::http::console) is_fixed: bool,
    pub(in crate::http::console) name: String,
    pub(in crate::http::console) description: String,
    pub(in crate::http::console) allows: bool,
    pub(in crate::http::console) is_enabled: bool,
    pub(in crate::http::console) actions: Vec<ActionWords>,
    pub(in crate::http::console) resources: String,
    /// Empty for a persona's policy, which applies to the keys and users linked to the persona.
    pub(in crate::http::console) subjects: String,
    pub(in crate::http::console) json: String,
}

impl PolicyView {
    pub(in crate::http::console) fn of(policy: Policy) -> Self {
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
        let edit = match policy.persona {
            Some(persona) => format!("personas/{persona}/policies/{}", policy.id),
            None if policy.editable => format!("policies/{}", policy.id),
            None => String::new(),
        };
        Self {
            switch: if policy.persona.is_none() && policy.editable { format!("{edit}/state") } else { String::new() },
            edit,
            edition: policy.edition().0,
            is_fixed: !policy.editable,
            allows: policy.rule.effect == Effect::Allow,
            is_enabled: policy.enabled,
            resources: match policy.rule.category {
                Category::Platform => "Tessera itself".to_owned(),
                _ => resources(&policy.rule.resources),
            },
            subjects: if policy.persona.is_some() { String::new() } else { subjects(&policy.rule.subjects) },
            actions: ActionWords::all(&policy.rule.actions),
            json: format!("{json:#}"),
            name: policy.name,
            description: policy.description,
        }
    }
}

/// How many actions a sentence names.
const NAMED: usize = 3;

impl PolicyView {
    /// What it does, in one sentence: "May see assets and their metadata: default/a and what lies beneath".
    pub(in crate::http::console) fn sentence(&self) -> String {
        let may = if self.allows { "May" } else { "Must not" };
        if self.actions.is_empty() {
            return format!("{may} do nothing more: it names no action");
        }
        let mut named: Vec<&str> = self.actions.iter().take(NAMED).map(|action| action.words.as_str()).collect();
        let more = format!("{} more", self.actions.len() - named.len());
        if self.actions.len() > named.len() {
            named.push(&more);
        }
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
