//! Creates tokens.

use crate::domain::credential::Credential;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::pepper::{Digest, PepperId};
use crate::domain::token::{ParsedToken, Token, TokenKind};
use crate::service::Service;

impl Service {
    /// Creates a token and the credential that verifies it.
    pub(in crate::service) fn mint(
        &self,
        kind: TokenKind,
        principal: PrincipalId,
        now: i64,
        expires_at: i64,
    ) -> Result<(Token, Credential)> {
        let parsed = ParsedToken::mint(kind, self.entropy)?;
        let (token, digest, pepper) = self.written(&parsed)?;
        let credential =
            Credential { key_id: parsed.key_id, kind, principal, digest, pepper, created_at: now, expires_at };
        Ok((token, credential))
    }

    /// The plaintext of a token, and the digest that verifies it under the current pepper.
    pub(in crate::service) fn written(&self, parsed: &ParsedToken) -> Result<(Token, Digest, PepperId)> {
        let pepper = self.peppers.current();
        let digest = self.peppers.digest(parsed, pepper).ok_or_else(|| Error::Internal("no pepper".into()))?;
        Ok((parsed.plaintext(&self.prefixes)?, digest, pepper))
    }
}
