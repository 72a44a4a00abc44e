//! Explains in words why an action is allowed or denied.

use crate::domain::error::{Result, Violation};
use crate::domain::policy::{Ground, Outcome};
use crate::http::console::SignedInRequest;
use crate::http::valid::Params;
use crate::service::authz::explain::{Explain, Explanation, Missing, explain};
use crate::service::authz::inquiry::Inquiry;

/// The question, as written in the URL.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub action: String,
    pub resource: String,
    pub type_name: String,
}

impl Question {
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

    /// Whether there is a question: an action is given.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.action.is_empty()
    }
}

/// The answer to a [`Question`].
pub struct Verdict {
    pub allowed: bool,
    pub reason: String,
    /// The smallest change that would allow the action; empty if it is allowed.
    pub change: String,
    /// The policies and rules that decided.
    pub because: Vec<String>,
}

impl Verdict {
    /// Explains the decision for the principal `about`; without it, for the signed-in user.
    ///
    /// # Errors
    /// Those of [`explain`].
    pub async fn of(request: &SignedInRequest, about: Option<String>, question: &Question) -> Result<Self> {
        let inquiry = Inquiry::new(&question.action, &question.resource, &question.type_name);
        let found =
            explain(&request.state.service, &request.actor, Explain { actor: about, inquiry, personas: None }).await?;
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
