//! `/.well-known/authzen-configuration`: the URLs of the decision point (section 9).

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::base_url::secure_base_url;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;

/// The URLs of a decision point.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the specification names them")]
pub struct DecisionPoint {
    /// The identifier of the decision point: the URL of this server.
    #[schema(example = "https://tessera.example.org")]
    policy_decision_point: String,
    /// The URL for one evaluation.
    access_evaluation_endpoint: String,
    /// The URL for several evaluations.
    access_evaluations_endpoint: String,
    /// The URL to search for subjects.
    search_subject_endpoint: String,
    /// The URL to search for resources.
    search_resource_endpoint: String,
    /// The URL to search for actions.
    search_action_endpoint: String,
}

/// Get the configuration of the decision point
///
/// Section 9 of the `AuthZEN` Authorization API 1.0. The URLs begin with `TESSERA_PUBLIC_URL`; if it is not set, with
/// `https://` and the `Host` of the request.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "get_decision_point",
    security(()),
    responses((status = 200, description = "The URLs", body = DecisionPoint), Fails<400>),
)]
#[get("/.well-known/authzen-configuration")]
pub async fn configuration(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let base = secure_base_url(&state, &request)?;
    let at = |path: &str| format!("{base}/access/v1/{path}");
    let point = DecisionPoint {
        access_evaluation_endpoint: at("evaluation"),
        access_evaluations_endpoint: at("evaluations"),
        search_subject_endpoint: at("search/subject"),
        search_resource_endpoint: at("search/resource"),
        search_action_endpoint: at("search/action"),
        policy_decision_point: base,
    };
    Ok(HttpResponse::Ok().json(point))
}
