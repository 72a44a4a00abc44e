//! `/access/v1`: a policy decision point with the `AuthZEN` Authorization API 1.0 of the `OpenID` Foundation.
//!
//! Section numbers refer to that specification.

mod answers;
mod entities;
pub mod metadata;
mod pages;
pub mod search;

use std::sync::Arc;

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::answers::{AccessDecision, AccessDecisions};
use self::entities::{AccessAction, AccessEntity, AccessEvaluation};
use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::present;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authz::evaluation::{self, Evaluation, Semantic};

/// The most evaluations in a request.
const EVALUATIONS: usize = 1000;

/// Decide whether a subject may do something
///
/// Section 6 of the `AuthZEN` Authorization API 1.0. Other subjects than the caller require the permission
/// `VERIFY_TOKENS`. Unknown members are ignored. `context` explains a denial; it names the policies if the caller has
/// `MANAGE_POLICIES`.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "evaluate_access",
    request_body = AccessEvaluation,
    responses(
        (status = 200, description = "The decision", body = AccessDecision),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/evaluation")]
pub async fn evaluate(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<AccessEvaluation>,
) -> Result<HttpResponse, Failure> {
    let question = body.lenient()?.question()?;
    Ok(HttpResponse::Ok().json(decide_one(&state, &actor, question).await?))
}

async fn decide_one(state: &State, actor: &Actor, question: Evaluation) -> Result<AccessDecision, Failure> {
    let answer = evaluation::evaluate_one(&state.service, actor, question).await.map_err(Failure::or_unavailable)?;
    Ok(AccessDecision::new(&answer, actor))
}

/// Several evaluations, with defaults for the members that they omit.
#[derive(Deserialize, ToSchema)]
#[schema(example = examples::access_evaluations)]
pub struct AccessEvaluations {
    /// The default of `subject`.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    subject: Option<AccessEntity>,
    /// The default of `action`.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    action: Option<AccessAction>,
    /// The default of `resource`.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    resource: Option<AccessEntity>,
    /// Ignored: no policy uses it.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// At most 1000. If it is absent or empty, the defaults are the only evaluation.
    #[schema(value_type = Option<Vec<AccessEvaluation>>)]
    evaluations: Option<Vec<Value>>,
    /// Options of the evaluation.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    options: Option<EvaluationsOptions>,
}

/// Options of several evaluations.
#[derive(Deserialize, ToSchema)]
pub struct EvaluationsOptions {
    /// When to stop; by default all are answered.
    #[serde(default, deserialize_with = "present::read")]
    #[schema(nullable = false)]
    evaluations_semantic: Option<EvaluationsSemantic>,
}

/// When a series of evaluations stops.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationsSemantic {
    /// All are answered.
    ExecuteAll,
    /// Stops after the first denial.
    DenyOnFirstDeny,
    /// Stops after the first permit.
    PermitOnFirstPermit,
}

/// Decide several evaluations
///
/// Section 7 of the `AuthZEN` Authorization API 1.0. The decisions are in the order of the evaluations. An invalid
/// evaluation gets `decision: false` and an error in its `context`; the others are decided. Without `evaluations` the
/// answer is that of `/access/v1/evaluation`.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "evaluate_accesses",
    request_body = AccessEvaluations,
    responses(
        (status = 200, description = "The decisions", body = AccessDecisions),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/evaluations")]
pub async fn evaluate_many(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<AccessEvaluations>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let AccessEvaluations { subject, action, resource, context, evaluations, options } = body.lenient()?;
    let defaults = AccessEvaluation { subject, action, resource, context };
    let evaluations = evaluations.unwrap_or_default();
    if evaluations.is_empty() {
        let decision = decide_one(&state, &actor, defaults.question()?).await?;
        return Ok(HttpResponse::Ok().json(AccessDecisions::from(decision)));
    }
    if evaluations.len() > EVALUATIONS {
        return Err(Violation::new("evaluations", format!("must be at most {EVALUATIONS}")).into());
    }
    let semantic =
        options.and_then(|options| options.evaluations_semantic).map_or(Semantic::ExecuteAll, Semantic::from);
    defaults.check_defaults()?;
    let (count, shared) = (evaluations.len(), Arc::new((evaluations, defaults)));
    let questions = (0..count).map(move |place| read(place, &shared.0[place], &shared.1));
    let answers = evaluation::evaluate(&state.service, &actor, questions, semantic).await;
    let decisions = answers.map_err(Failure::or_unavailable)?.into_iter().map(|answer| match answer {
        Err(violation) => AccessDecision::failed(&violation),
        Ok(answer) => AccessDecision::new(&answer, &actor),
    });
    Ok(HttpResponse::Ok().json(decisions.collect::<AccessDecisions>()))
}

/// Parses the evaluation at an index, completed by the defaults.
fn read(place: usize, evaluation: &Value, defaults: &AccessEvaluation) -> Result<Evaluation, Violation> {
    let evaluation: Option<AccessEvaluation> = present::read_object(evaluation)
        .map_err(|_| Violation::new(format!("evaluations[{place}]"), "has a member of the wrong type"))?;
    let question = evaluation.unwrap_or_default().or(defaults).question();
    question.map_err(|violation| Violation::new(format!("evaluations[{place}].{}", violation.field), violation.message))
}

impl From<EvaluationsSemantic> for Semantic {
    fn from(semantic: EvaluationsSemantic) -> Self {
        match semantic {
            EvaluationsSemantic::ExecuteAll => Self::ExecuteAll,
            EvaluationsSemantic::DenyOnFirstDeny => Self::DenyOnFirstDeny,
            EvaluationsSemantic::PermitOnFirstPermit => Self::PermitOnFirstPermit,
        }
    }
}
