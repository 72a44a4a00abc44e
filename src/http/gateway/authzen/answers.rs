//! Decisions as the protocol writes them (section 5.5).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::permission::Permission;
use crate::domain::policy::{Decision, Ground, Outcome};
use crate::service::authz::evaluation::Answer;

/// Whether it may be done.
#[derive(Serialize, ToSchema)]
pub struct AccessDecision {
    /// Whether it may be done.
    pub decision: bool,
    /// Why not; absent when it may be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DecisionContext>, nullable = false)]
    pub context: Option<DecisionContext>,
}

/// The decision, or one for each evaluation that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum AccessDecisions {
    /// For a question without `evaluations`.
    One(AccessDecision),
    /// For the others.
    Many {
        /// In the order of the questions.
        evaluations: Vec<AccessDecision>,
    },
}

/// Why something may not be done.
#[derive(Serialize, ToSchema)]
pub struct DecisionContext {
    /// For those who may manage policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason_admin: Option<DecisionReason>,
    /// For anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason_user: Option<DecisionReason>,
    /// What is wrong with this evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<DecisionError>,
}

/// A reason, by language.
#[derive(Serialize, ToSchema)]
pub struct DecisionReason {
    /// In English.
    en: String,
}

/// What is wrong with one of several evaluations.
#[derive(Serialize, ToSchema)]
pub struct DecisionError {
    /// The HTTP status that it would have alone.
    #[schema(example = 400)]
    status: u16,
    /// For people.
    message: String,
}

impl AccessDecision {
    /// The answer to whoever asks. Who decided is told to those who may read policies.
    pub fn new(answer: &Answer, asking: &Actor) -> Self {
        if answer.is_allowed() {
            return Self { decision: true, context: None };
        }
        let may_know = asking.permissions().contains(Permission::ManagePolicies);
        let context = DecisionContext {
            reason_admin: may_know.then(|| DecisionReason { en: explain(answer) }),
            reason_user: Some(DecisionReason { en: "this is not permitted".to_owned() }),
            error: None,
        };
        Self { decision: false, context: Some(context) }
    }

    /// The answer to an evaluation that is none.
    pub fn failed(violation: &Violation) -> Self {
        let message = format!("`{}` {}", violation.field, violation.message);
        let error = Some(DecisionError { status: 400, message });
        Self { decision: false, context: Some(DecisionContext { reason_admin: None, reason_user: None, error }) }
    }
}

fn explain(answer: &Answer) -> String {
    match answer {
        Answer::Unknown => "there is no such subject".to_owned(),
        Answer::Inactive => "the subject is disabled or has expired".to_owned(),
        Answer::Decided(Decision { outcome: Outcome::Denied, grounds }) if grounds.is_empty() => {
            "a policy could not be evaluated".to_owned()
        }
        Answer::Decided(Decision { outcome: Outcome::Denied, grounds }) => {
            let name = |ground: &Ground| match ground {
                Ground::Policy(id) => format!("the policy `{id}`"),
                Ground::BuiltIn(name) => format!("the rule `{name}`"),
            };
            format!("denied by {}", grounds.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Answer::Decided(_) => "no policy about the subject permits it".to_owned(),
    }
}
