//! Explains in words why an action is allowed or denied.

use crate::domain::child::CALL_TOOL;
use crate::domain::error::{Result, Violation};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::domain::policy::catalogue::category_of;
use crate::domain::policy::{Ground, Outcome};
use crate::http::console::SignedInRequest;
use crate::http::console::form::FormErrors;
use crate::http::console::words::is_privilege;
use crate::http::valid::Params;
use crate::service::authz::explain::{Explain, Explanation, Missing, explain};
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::suggest::personas_allowing;

/// The question, as written in the URL.
#[derive(Debug, Clone, Default)]
pub struct VerdictForm {
    pub action: String,
    pub resource: String,
    pub type_name: String,
}

impl VerdictForm {
    /// Reads `action`, `resource` and `type`.
    ///
    /// # Errors
    /// A violation that names the parameter.
    pub fn read(params: &Params) -> Result<Self> {
        let text = |name: &str| match params.get(name)?.trim() {
            text if text.contains('\0') => Err(Violation::new(name, "must not contain a zero character")),
            text => Ok(text.to_owned()),
        };
        Ok(Self { action: text("action")?, resource: text("resource")?, type_name: text("type")? })
    }

    /// What is wrong with it, beside its fields: an action that is none, and a resource that does not go with the action.
    #[must_use]
    pub fn faults(&self) -> FormErrors {
        let is_permission = Permission::find(&self.action).is_some();
        let is_known = is_permission
            || category_of(&self.action).is_some()
            || self.action == CALL_TOOL
            || is_privilege(&self.action);
        let mut faults = FormErrors::default();
        match (is_known, is_permission, self.resource.is_empty()) {
            _ if !self.is_asked() => {}
            (false, ..) => faults.add("action", "this is no action: choose one of those below"),
            (_, true, false) => faults.add("resource", "leave this empty: the permission is about Tessera itself"),
            (_, false, true) => {
                faults.add("resource", "name what it is about: only permissions on Tessera need nothing here");
            }
            _ => {}
        }
        faults
    }

    /// Whether there is a question: an action is given.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.action.is_empty()
    }
}

/// The answer to a [`VerdictForm`].
pub struct Verdict {
    pub allowed: bool,
    pub reason: String,
    /// The smallest change that would allow the action; empty if it is allowed.
    pub change: String,
    /// The policies and rules that decided.
    pub because: Vec<String>,
    /// Personas that would allow it, if the principal were linked to one of them.
    pub personas: Vec<PersonaRef>,
}

impl Verdict {
    /// Explains the decision for the principal `about`.
    ///
    /// # Errors
    /// Those of [`explain`].
    pub async fn of(request: &SignedInRequest, about: PrincipalId, question: &VerdictForm) -> Result<Self> {
        let (service, actor) = (&request.state.service, &request.actor);
        let inquiry = Inquiry::new(&question.action, &question.resource, &question.type_name);
        let asked = Explain { actor: Some(about.to_string()), inquiry: inquiry.clone(), personas: None };
        let found = explain(service, actor, asked).await?;
        let personas = match found.missing {
            Some(Missing::NoPersona | Missing::NoPolicy) => personas_allowing(service, actor, about, inquiry).await?,
            _ => Vec::new(),
        };
        let rules = found.decision.grounds.iter().filter_map(|ground| match ground {
            Ground::BuiltIn(name) => Some(format!("the built-in rule {name}")),
            Ground::Policy(_) => None,
        });
        let policies = found.policies.iter().map(|policy| format!("the policy {}", policy.name));
        Ok(Self {
            allowed: found.decision.is_allowed(),
            reason: reason(&found),
            change: change(&found),
            because: policies.chain(rules).collect(),
            personas,
        })
    }
}

fn reason(found: &Explanation) -> String {
    match (&found.missing, found.decision.outcome) {
        (Some(Missing::ActorDisabled), _) => "It is disabled.",
        (Some(Missing::KeyExpired), _) => "The key has expired.",
        (Some(Missing::Denied), _) | (None, Outcome::Denied) => "A policy forbids it, and what forbids wins.",
        (Some(Missing::PersonaDisabled(_)), _) => "The persona that allows it is disabled.",
        (Some(Missing::PolicyDisabled(_)), _) => "The policy that allows it is disabled.",
        (Some(Missing::NoPersona), _) => "It has no persona, and nothing else allows it.",
        (Some(Missing::NoPolicy), _) => "No policy of its personas allows it.",
        (Some(Missing::NoPermission), _) => "It lacks the permission.",
        (None, Outcome::Unmatched) => "Nothing allows it.",
        (None, Outcome::Allowed) => "It may do this.",
    }
    .to_owned()
}

/// The smallest change that would allow the action.
fn change(found: &Explanation) -> String {
    let writers = || match found.writers.as_ref().and_then(|writers| writers.object.as_ref()) {
        Some(object) => format!("The admins of {object} can write such a policy, and users with the role $admin."),
        None => "Users with the role $admin can write such a policy.".to_owned(),
    };
    match &found.missing {
        None => String::new(),
        Some(Missing::ActorDisabled) => "Enable it.".to_owned(),
        Some(Missing::KeyExpired) => "Create another key: an expired one stays expired.".to_owned(),
        Some(Missing::Denied) => "Take the policy away, or the persona that it belongs to.".to_owned(),
        Some(Missing::PersonaDisabled(names) | Missing::PolicyDisabled(names)) => {
            format!("Enable {}.", names.join(" or "))
        }
        Some(Missing::NoPersona) => "Link a persona whose policies allow it.".to_owned(),
        Some(Missing::NoPolicy) => {
            format!("Link a persona whose policies allow it, or add a policy to one. {}", writers())
        }
        Some(Missing::NoPermission) => "Give it the permission, if you hold it yourself.".to_owned(),
    }
}
