//! `/api/graphql`: DataHub's GraphQL, with DataHub's names, nullability and errors.
//!
//! One file per subject; add a field in the file of its type.

mod answer;
mod corp_user;
mod cost;
pub mod engine;
mod entity;
mod filters;
mod limits;
mod literals;
mod me;
mod policies;
mod policy_types;
mod problem;
mod request;
mod scalars;
mod scroll;
mod service_accounts;
mod skips;
mod tokens;
mod types;
mod users;
mod variables;

use actix_web::{HttpRequest, HttpResponse, post, web};
use async_graphql::{Context, EmptySubscription, MergedObject};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::engine::Engine;
use self::problem::FieldError;
use self::skips::Placeholders;
#[cfg(feature = "fuzzing")]
pub use self::{
    answer::write,
    request::{parse, read},
};
use super::caller::Caller;
use super::settings::DoorRules;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Violation};
use crate::domain::listing::MAX_LIMIT;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::{State, data, state};
use crate::http::valid::Raw;

/// The queries.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct QueryRoot(
    tokens::TokenQuery,
    service_accounts::ServiceAccountQuery,
    users::UserQuery,
    policies::PolicyQuery,
    me::MeQuery,
    scroll::ScrollQuery,
);

/// The mutations.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct MutationRoot(
    tokens::TokenMutation,
    service_accounts::ServiceAccountMutation,
    users::UserMutation,
    policies::PolicyMutation,
);

/// The executable schema.
pub type Schema = async_graphql::Schema<QueryRoot, MutationRoot, EmptySubscription>;

/// How deep a selection may be nested; a full introspection needs 15.
const DEPTH: usize = 20;
/// How many fields a request may select.
const COMPLEXITY: usize = 500;

/// How many directives one field may have.
const DIRECTIVES: usize = 10;

/// Builds the schema.
#[must_use]
pub fn schema() -> Schema {
    Schema::build(QueryRoot::default(), MutationRoot::default(), EmptySubscription)
        .register_output_type::<entity::Entity>()
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .limit_directives(DIRECTIVES)
        .finish()
}

/// The schema in SDL, as committed in `openapi/schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    schema().sdl()
}

/// Execute a GraphQL request of DataHub's API
///
/// A request that reaches the engine is answered with 200; failures are in `errors`. The schema is in
/// `openapi/schema.graphql`, and introspection is enabled.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "execute_graphql",
    request_body = GraphqlRequest,
    responses(
        (status = 200, description = "`data`, `errors` and `extensions`", body = Object),
        Fails<400>,
        Fails<401>,
        Fails<429>,
    ),
)]
#[post("/api/graphql")]
pub async fn execute(request: HttpRequest, body: AuthenticatedBody<Raw, Caller>) -> Result<HttpResponse, Failure> {
    answer(&request, body).await
}

/// Execute a GraphQL request of DataHub's API at the frontend's path
///
/// Identical to `/api/graphql`.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "execute_frontend_graphql",
    request_body = GraphqlRequest,
    responses(
        (status = 200, description = "`data`, `errors` and `extensions`", body = Object),
        Fails<400>,
        Fails<401>,
        Fails<429>,
    ),
)]
#[post("/api/v2/graphql")]
pub async fn execute_v2(request: HttpRequest, body: AuthenticatedBody<Raw, Caller>) -> Result<HttpResponse, Failure> {
    answer(&request, body).await
}

/// A GraphQL request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::graphql_request)]
pub struct GraphqlRequest {
    /// A GraphQL document.
    query: String,
    /// The values of its variables.
    variables: Option<Value>,
    /// The name of the operation to execute.
    operation_name: Option<String>,
}

async fn answer(request: &HttpRequest, body: AuthenticatedBody<Raw, Caller>) -> Result<HttpResponse, Failure> {
    let AuthenticatedBody { actor, body, .. } = body;
    let body = body.bytes()?;
    let (state, settings, engine) = (state(request)?, data(request)?, data::<Engine>(request)?);
    let (schema, asking) = (engine.schema(), actor.id());
    let (key, service) = (actor.client_id().map(|_| asking), state.service.clone());
    let address = state.trusted.client_address(request);
    let work = async move {
        let (request, stand_ins) = match request::parse(request::read(&body)?) {
            Err(error) => return Ok::<_, Failure>(answer::refused(&error)),
            Ok(request) => request,
        };
        drop(body);
        let mut response = schema.execute(request.data(RequestContext { state, settings, actor })).await;
        if stand_ins == Placeholders::Some {
            skips::remove_placeholders(&mut response.data);
        }
        if response.errors.iter().any(problem::is_away) {
            return Err(Error::Unavailable("a field could not be answered".into()).into());
        }
        if let Some(key) = key
            && response.errors.iter().any(problem::is_refused)
        {
            service.record_refusal(key, address);
        }
        Ok(answer::write(&response))
    };
    let text = engine.run(asking, work).await??;
    Ok(HttpResponse::Ok().content_type("application/json;charset=utf-8").body(text))
}

/// The context of a request: the actor, the service and the settings.
struct RequestContext {
    state: web::Data<State>,
    settings: web::Data<DoorRules>,
    actor: Actor,
}

impl RequestContext {
    fn of<'a>(context: &Context<'a>) -> Result<&'a Self, FieldError> {
        context.data().map_err(|_| FieldError::server("the request has no actor"))
    }
}

/// The offset and the length of a page.
#[derive(Debug, Clone, Copy)]
struct PageRequest {
    start: i32,
    count: i32,
}

impl PageRequest {
    /// Checks that both are not negative, and clamps the length to [`MAX_LIMIT`].
    fn new(start: Option<i32>, count: Option<i32>, default: i32) -> Result<Self, Violation> {
        let (start, count) = (start.unwrap_or(0), count.unwrap_or(default));
        if start < 0 || count < 0 {
            return Err(Violation::new("input", "must have a `start` and a `count` that are not negative"));
        }
        Ok(Self { start, count: count.min(i32::try_from(MAX_LIMIT).unwrap_or(count)) })
    }
}

/// A total as a 32-bit integer, clamped to its maximum.
fn total(counts: Option<crate::domain::listing::RecordCounts>) -> i32 {
    counts.map_or(0, |counts| i32::try_from(counts.filtered).unwrap_or(i32::MAX))
}
