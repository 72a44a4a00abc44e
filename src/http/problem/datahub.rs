//! Errors of DataHub's REST calls: DataHub's clients read the member `message` and nothing else.
//!
//! GraphQL has errors of its own: see `datahub/graphql/problem.rs`.

use serde::Serialize;
use utoipa::ToSchema;

use super::Failure;
use crate::domain::error::{Error, Refusal};

/// The text of DataHub for a refusal.
pub const UNAUTHORIZED: &str = "Unauthorized to perform this action. Please contact your DataHub administrator.";

/// What a client is told. Why a credential is refused is told only to who has proved to possess it: the missing, the
/// malformed, the unknown and the revoked look the same.
#[must_use]
pub fn message(failure: &Failure) -> String {
    match failure {
        Failure::Domain(Error::Unauthenticated(refusal)) => match refusal {
            Refusal::Expired => "Failed to validate DataHub token. Token has expired.",
            Refusal::Disabled => "Unauthorized to perform this action. The user is suspended or removed.",
            _ => "Unauthorized to perform this action.",
        }
        .to_owned(),
        Failure::Domain(Error::Forbidden(_)) => UNAUTHORIZED.to_owned(),
        other => other.to_string(),
    }
}

/// The body of an error at DataHub's paths.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataHubError {
    /// What went wrong, for people.
    pub message: String,
    /// The HTTP status as text.
    #[schema(example = "401")]
    pub status: String,
    /// Finds the request in the logs.
    pub request_id: String,
}
