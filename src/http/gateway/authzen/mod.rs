//! `/access/v1`: a policy decision point with the `AuthZEN` Authorization API 1.0 of the `OpenID` Foundation.
//!
//! Section numbers refer to that specification.

mod answers;
mod entities;
pub mod metadata;
mod pages;
pub mod search;

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::answers::{AccessDecision, AccessDecisions};
use self::entities::{AccessAction, AccessEntity, AccessEvaluation};
use crate::domain::actor::Actor;
use crate::domain::edge::LONGEST_KEPT;
use crate::domain::error::Violation;
use crate::domain::ids::PrincipalId;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::gateway::keep::{self, Depends};
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::present;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authz::evaluation::{self, About, Answer, Evaluation, Semantic};

/// The most evaluations in a request.
const EVALUATIONS: usize = 1000;
/// The most subjects of evaluations that an edge may keep together.
const SUBJECTS_KEPT: usize = 8;

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
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<AccessEvaluation>,
) -> Result<HttpResponse, Failure> {
    let asked = Asked { state: &state, request: &request, actor: &actor };
    let (decision, subjects) = asked.decide_one(body.lenient()?.question()?).await?;
    let mut response = HttpResponse::Ok().json(decision);
    asked.mark(&mut response, subjects);
    Ok(response)
}

/// A request for decisions.
struct Asked<'a> {
    state: &'a State,
    request: &'a HttpRequest,
    actor: &'a Actor,
}

/// The principals that a permit depends on; `None` if an edge may not keep it.
type Subjects = Option<Vec<PrincipalId>>;

impl Asked<'_> {
    async fn decide_one(&self, question: Evaluation) -> Result<(AccessDecision, Subjects), Failure> {
        let subjects = self.subjects([question.about.clone()].into_iter()).await?;
        let answer = evaluation::evaluate_one(&self.state.service, self.actor, question).await;
        let answer = answer.map_err(Failure::or_unavailable)?;
        let subjects = subjects.filter(|_| answer.is_allowed());
        Ok((AccessDecision::new(&answer, self.actor), subjects))
    }

    /// The principals of the subjects, for an edge. Read before the decision, so that the edge learns of every change
    /// since.
    async fn subjects(&self, about: impl Iterator<Item = About>) -> Result<Subjects, Failure> {
        if !keep::is_for_edge(self.state, self.request) {
            return Ok(None);
        }
        let about: HashSet<About> = about.take(EVALUATIONS).collect();
        if about.len() > SUBJECTS_KEPT {
            return Ok(None);
        }
        // The answer is given a little later.
        let until = self.state.service.clock.now() + 2 * LONGEST_KEPT;
        let mut subjects = Vec::new();
        for about in about {
            let found = evaluation::lasting(&self.state.service, self.actor, &about, until).await;
            match found.map_err(Failure::or_unavailable)? {
                Some(principal) => subjects.push(principal),
                None => return Ok(None),
            }
        }
        Ok(Some(subjects))
    }

    /// Marks permits that an edge may keep. Denials are not kept: they may be about a subject that does not exist yet.
    fn mark(&self, response: &mut HttpResponse, subjects: Subjects) {
        let Some(subjects) = subjects else { return };
        keep::mark(self.state, self.request, response.headers_mut(), |now| {
            let depends = Depends::new(now).on_use(self.actor, self.actor.address).on_assets();
            subjects.into_iter().fold(depends, Depends::on_principal)
        });
    }
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
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<AccessEvaluations>,
) -> Result<HttpResponse, Failure> {
    let asked = Asked { state: &state, request: &request, actor: &actor };
    let _place = state.fan_outs.take(&actor)?;
    let AccessEvaluations { subject, action, resource, context, evaluations, options } = body.lenient()?;
    let defaults = AccessEvaluation { subject, action, resource, context };
    let evaluations = evaluations.unwrap_or_default();
    if evaluations.is_empty() {
        let (decision, subjects) = asked.decide_one(defaults.question()?).await?;
        let mut response = HttpResponse::Ok().json(AccessDecisions::from(decision));
        asked.mark(&mut response, subjects);
        return Ok(response);
    }
    if evaluations.len() > EVALUATIONS {
        return Err(Violation::new("evaluations", format!("must be at most {EVALUATIONS}")).into());
    }
    let semantic =
        options.and_then(|options| options.evaluations_semantic).map_or(Semantic::ExecuteAll, Semantic::from);
    defaults.check_defaults()?;
    let (count, shared) = (evaluations.len(), Arc::new((evaluations, defaults)));
    let questions = (0..count).map(move |place| read(place, &shared.0[place], &shared.1));
    let about = questions.clone().filter_map(|question| question.ok().map(|question| question.about));
    let subjects = asked.subjects(about).await?;
    let answers = evaluation::evaluate(&state.service, &actor, questions, semantic).await;
    let answers = answers.map_err(Failure::or_unavailable)?;
    let all_allowed = answers.iter().all(|answer| answer.as_ref().is_ok_and(Answer::is_allowed));
    let decisions = answers.into_iter().map(|answer| match answer {
        Err(violation) => AccessDecision::failed(&violation),
        Ok(answer) => AccessDecision::new(&answer, &actor),
    });
    let mut response = HttpResponse::Ok().json(decisions.collect::<AccessDecisions>());
    asked.mark(&mut response, subjects.filter(|_| all_allowed));
    Ok(response)
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
