//! DPoP proofs (RFC 9449): nonces, and that each proof is used once.
//!
//! Both are kept in the memory of this process. So a proof can be used once more on another node, or after a restart,
//! within the minute in which it is accepted; where that is too much, nonces are required: those of another process are
//! not accepted.

use std::sync::OnceLock;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::MINUTE;
use crate::directory::{FirstUse, FirstUses};
use crate::domain::dpop::{Expected, Proof, Refused};
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};
use crate::domain::jwk::Thumbprint;
use crate::domain::party::Party;
use crate::domain::pepper::Peppers;
use crate::service::Service;

/// How many used proofs are remembered: 8,000 a second, each for a minute. About 60 MB.
const REMEMBERED: usize = 1 << 19;
/// How many used proofs of one party are remembered: 1,000 a second.
const REMEMBERED_OF_PARTY: usize = 1 << 16;
/// How long a nonce is handed out, in milliseconds. It is accepted for as long again.
const NONCE_STEP: i64 = 5 * MINUTE;

/// Whether proofs must have a nonce of this server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NonceRule {
    /// Proofs need no nonce; a proof that is sent must be right.
    #[default]
    Off,
    /// Proofs must have a nonce.
    Required,
}

/// The memory of proofs, and the nonces.
pub struct Proofs {
    used: FirstUses<Party>,
    rule: NonceRule,
    keyed: Hmac<Sha256>,
    /// Random bytes of this process, so that no other process accepts its nonces. Drawn with the first nonce.
    drawn: OnceLock<[u8; 32]>,
}

/// Why a proof is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProofRefusal {
    /// The proof is malformed, or for another request, or has been used.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The proof has no nonce, or a nonce of another process or from long ago. With the nonce given here it would be
    /// accepted.
    #[error("the DPoP proof must have the `nonce` that the header `DPoP-Nonce` of this answer says")]
    Nonce(String),
    /// The access token is bound to another key.
    #[error("the access token is bound to another key than the one that the DPoP proof is signed with")]
    OtherKey,
}

/// Why a proof is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Unaccepted {
    /// The proof is refused.
    #[error(transparent)]
    Refused(#[from] ProofRefusal),
    /// The proof could not be checked.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Refused> for Unaccepted {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.into())
    }
}

impl Proofs {
    /// Remembers no proof at first.
    #[must_use]
    pub fn new(peppers: &Peppers, rule: NonceRule) -> Self {
        Self {
            used: FirstUses::new(REMEMBERED, REMEMBERED_OF_PARTY),
            rule,
            keyed: peppers.derive("dpop nonce"),
            drawn: OnceLock::new(),
        }
    }

    /// The nonce of a step.
    fn nonce(&self, step: i64, entropy: Entropy) -> Result<String> {
        let drawn = if let Some(drawn) = self.drawn.get() {
            drawn
        } else {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes)?;
            self.drawn.get_or_init(|| bytes)
        };
        let mut keyed = self.keyed.clone();
        keyed.update(drawn);
        keyed.update(&step.to_be_bytes());
        Ok(BASE64URL_NOPAD.encode(&keyed.finalize().into_bytes()[..16]))
    }

    /// Checks the nonce of a proof.
    fn check_nonce(&self, nonce: Option<&str>, now: i64, entropy: Entropy) -> Result<(), Unaccepted> {
        if nonce.is_none() && self.rule == NonceRule::Off {
            return Ok(());
        }
        let step = now.div_euclid(NONCE_STEP);
        let current = self.nonce(step, entropy)?;
        let previous = self.nonce(step - 1, entropy)?;
        let is = |known: &str| nonce.is_some_and(|nonce| bool::from(nonce.as_bytes().ct_eq(known.as_bytes())));
        if is(&current) || is(&previous) { Ok(()) } else { Err(ProofRefusal::Nonce(current).into()) }
    }
}

impl Service {
    /// Accepts a DPoP proof once, and returns the thumbprint of its key, which must be `bound_to` if a token is
    /// presented. A used proof counts against `party`; so authenticate first.
    ///
    /// # Errors
    /// [`ProofRefusal`]; [`Error::Busy`] or [`Error::Overloaded`] when too many proofs are remembered.
    pub fn accept_proof(
        &self,
        text: &str,
        expected: &Expected<'_>,
        bound_to: Option<Thumbprint>,
        party: Party,
    ) -> Result<Thumbprint, Unaccepted> {
        let proof = Proof::verify(text, expected)?;
        if bound_to.is_some_and(|key| key != proof.key) {
            return Err(ProofRefusal::OtherKey.into());
        }
        self.proofs.check_nonce(proof.nonce.as_deref(), expected.now, self.entropy)?;
        match self.proofs.used.record(party, proof.id, proof.until, expected.now) {
            FirstUse::Yes => Ok(proof.key),
            FirstUse::No => Err(Refused::new("it has been used before: make a proof for each request").into()),
            FirstUse::HolderIsFull => Err(Error::Busy.into()),
            FirstUse::Full => Err(Error::Overloaded.into()),
        }
    }
}
