//! The error bodies of Atlan, OAuth and RFC 9457.

use serde::Serialize;
use utoipa::ToSchema;

/// The error body that Atlan's SDKs read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AtlanError {
    /// Stable: `TESSERA-<status>-<number>`.
    #[schema(example = "TESSERA-404-001")]
    pub(super) error_code: &'static str,
    /// What went wrong, for people.
    pub(super) error_message: String,
    /// Equal to `errorMessage`; some SDKs read this member.
    pub(super) message: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub(super) code: u16,
    /// The HTTP status as text.
    #[schema(example = "404")]
    pub(super) status: String,
    /// Identifies the request in the logs.
    pub(super) request_id: String,
    /// One for each field that breaks a rule.
    pub(super) causes: Vec<AtlanCause>,
}

/// One reason of an [`AtlanError`].
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AtlanCause {
    /// `VALIDATION`.
    pub(super) error_type: &'static str,
    /// What is wrong and what is allowed.
    pub(super) error_message: String,
    /// The field.
    pub(super) location: String,
}

/// The error body of RFC 6749, section 5.2, plus the members of [`AtlanError`].
#[derive(Serialize, ToSchema)]
pub struct OauthError {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `unsupported_grant_type`, `invalid_token`,
    /// `insufficient_scope`, `temporarily_unavailable` or `server_error`; where a program waits for a decision also
    /// `authorization_pending`, `slow_down`, `access_denied` or `expired_token`. About DPoP proofs:
    /// `invalid_dpop_proof` or `use_dpop_nonce`.
    #[schema(example = "invalid_client")]
    pub(super) error: &'static str,
    /// What went wrong, for people.
    pub(super) error_description: String,
    #[serde(flatten)]
    pub(super) atlan: AtlanError,
}

/// The error body of RFC 9457.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    pub(super) r#type: &'static str,
    /// The name of the HTTP status.
    pub(super) title: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
    /// What went wrong, for people.
    pub(super) detail: String,
    /// Stable: `TESSERA-<status>-<number>`.
    pub(super) code: &'static str,
    /// Identifies the request in the logs.
    pub(super) request_id: String,
    /// One for each field that breaks a rule.
    pub(super) errors: Vec<ProblemError>,
}

/// One broken rule of a [`Problem`].
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemError {
    /// The name of the field, as the client spells it.
    pub(super) field: String,
    /// What is wrong and what is allowed.
    pub(super) message: String,
}

/// The token endpoints of Atlan's SDKs.
const OF_ATLAN: [&str; 3] = [
    "/auth/realms/default/protocol/openid-connect/token",
    "/auth/admin/realms/default/protocol/openid-connect/token",
    "/api/service/oauth-clients/token",
];

/// Whether an endpoint answers with the errors of OAuth.
#[must_use]
pub fn answers_as_oauth(path: &str) -> bool {
    path.starts_with("/oauth/") || OF_ATLAN.contains(&path)
}
