//! `/.well-known/authzen-configuration`: where the decision point is (section 9).

use actix_web::http::header::HOST;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::error::Violation;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;

/// Where a decision point is.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the specification names them")]
pub struct DecisionPoint {
    /// Its identifier: the URL of this server.
    #[schema(example = "https://tessera.example.org")]
    policy_decision_point: String,
    /// Where one question is asked.
    access_evaluation_endpoint: String,
    /// Where several are.
    access_evaluations_endpoint: String,
    /// Where one searches for subjects.
    search_subject_endpoint: String,
    /// Where one searches for resources.
    search_resource_endpoint: String,
    /// Where one searches for actions.
    search_action_endpoint: String,
}

/// Get the configuration of the decision point
///
/// Section 9 of the `AuthZEN` Authorization API 1.0. The URLs begin with `TESSERA_PUBLIC_URL`, or if there is none with
/// `https://` and the host that the request names.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "get_decision_point",
    security(()),
    responses((status = 200, description = "Where it is", body = DecisionPoint), Fails<400>),
)]
#[get("/.well-known/authzen-configuration")]
pub async fn configuration(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let base = match &state.public_url {
        Some(url) => url.clone(),
        None => format!("https://{}", host(&request)?),
    };
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

/// The host that the request names, if it is one.
fn host(request: &HttpRequest) -> Result<&str, Violation> {
    let named = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let authority = named.or_else(|| request.uri().authority().map(actix_web::http::uri::Authority::as_str));
    let plain = |host: &&str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    authority.filter(plain).ok_or_else(|| Violation::new("Host", "must name a host"))
}
