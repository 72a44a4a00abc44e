//! Decisions in the wire format of `AuthZEN` (section 5.5).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::permission::Permission;
use crate::domain::policy::{Decision, Ground, Outcome};
use crate::service::authz::evaluation::Answer;

/// Whether the subject may do it.
#[derive(Serialize, ToSchema)]
pub struct AccessDecision {
    /// Whether the subject may do it.
    pub decision: bool,
    /// Why it is denied; absent for a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DecisionContext>, nullable = false)]
    pub context: Option<DecisionContext>,
}

/// One decision, or one for each evaluation.
// Not a choice of two objects: for that, generated Go clients need a module outside the standard library.
#[derive(Default, Serialize, ToSchema)]
pub struct AccessDecisions {
    /// Whether the subject may do it; only for a request without `evaluations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    decision: Option<bool>,
    /// Why the single evaluation is denied; absent for a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    context: Option<DecisionContext>,
    /// The decisions in the order of the evaluations; only for a request with `evaluations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    evaluations: Option<Vec<AccessDecision>>,
}

impl From<AccessDecision> for AccessDecisions {
    fn from(AccessDecision { decision, context }: AccessDecision) -> Self {
        Self { decision: Some(decision), context, evaluations: None }
    }
}

impl FromIterator<AccessDecision> for AccessDecisions {
    fn from_iter<T: IntoIterator<Item = AccessDecision>>(decisions: T) -> Self {
        Self { evaluations: Some(decisions.into_iter().collect()), ..Self::default() }
    }
}

/// Why something is denied.
#[derive(Serialize, ToSchema)]
pub struct DecisionContext {
    /// The reason for callers with `MANAGE_POLICIES`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason_admin: Option<DecisionReason>,
    /// The reason for any caller.
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
    /// The HTTP status that the evaluation would have in a request of its own.
    #[schema(example = 400)]
    status: u16,
    /// A message for people.
    message: String,
}

impl AccessDecision {
    /// The decision for the asking actor; names the deciding policies if the actor has `MANAGE_POLICIES`.
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

    /// The decision for an invalid evaluation.
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
