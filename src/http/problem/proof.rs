//! Refused DPoP proofs (RFC 9449, sections 5, 7.1, 8 and 9).

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{HeaderName, WWW_AUTHENTICATE};

use crate::domain::dpop::ALGORITHM_NAMES;
use crate::service::authn::proofs::ProofRefusal;

/// `DPoP-Nonce`: the nonce that the next proof must have.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What a proof came with, on which the form of the refusal depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// A request for a token, which is to be bound to the key: 400.
    AtTokenEndpoint,
    /// A token that is bound to a key: 401 and a challenge.
    WithToken,
}

/// The OAuth error code.
pub(super) fn code(refusal: &ProofRefusal) -> &'static str {
    match refusal {
        ProofRefusal::Refused(_) => "invalid_dpop_proof",
        ProofRefusal::Nonce(_) => "use_dpop_nonce",
        ProofRefusal::OtherKey => "invalid_token",
    }
}

impl Presented {
    /// Adds the nonce, and the challenge of section 7.1.
    pub(super) fn add_headers(self, refusal: &ProofRefusal, response: &mut HttpResponseBuilder) {
        if let ProofRefusal::Nonce(nonce) = refusal {
            response.insert_header((DPOP_NONCE, nonce.as_str()));
        }
        if self == Self::WithToken {
            // A refusal may quote the URL of the request.
            let quotable = |letter: &char| matches!(letter, ' '..='~') && !"\"\\".contains(*letter);
            let description: String = refusal.to_string().chars().filter(quotable).collect();
            let challenge = format!(
                r#"DPoP realm="tessera", error="{}", error_description="{description}", algs="{}""#,
                code(refusal),
                ALGORITHM_NAMES.join(" "),
            );
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
    }
}
