//! Error body of DataHub's REST calls; DataHub's clients read only the member `message`.
//!
//! GraphQL errors are in `datahub/graphql/problem.rs`.

use serde::Serialize;
use utoipa::ToSchema;

use super::Failure;
use crate::domain::error::{Error, Refusal};

/// DataHub's message for a denied action.
pub const UNAUTHORIZED: &str = "Unauthorized to perform this action. Please contact your DataHub administrator.";

/// The message for the client. Missing, malformed, unknown and revoked credentials get the same message; only a client
/// that presented a genuine one learns that it is expired or disabled.
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
    /// Identifies the request in the logs.
    pub request_id: String,
}
