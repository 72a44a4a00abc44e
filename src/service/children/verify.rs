//! Verifies the tokens of children.

use std::sync::Arc;

use crate::clock::Reading;
use crate::directory::Genuine;
use crate::directory::children::{Carried, Children, TokenDigest, VerifiedChild};
use crate::domain::actor::{Holder as _, Standing};
use crate::domain::child::Child;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::party::Party;
use crate::domain::signing::key_id;
use crate::domain::token::{TokenKind, sealed_bytes};
use crate::service::Service;
use crate::service::children::{JWT_TYPE, SEAL, is_ended, signing_keys};

impl Service {
    /// The genuine child for this text, and the current time; `None` if it is no genuine token.
    ///
    /// A child is as alive as its parent and the credentials of those who act for its subject: their records come from
    /// the directory on every call. What follows from them is computed once for each set of records.
    ///
    /// # Errors
    /// When a parent or actor is gone, expired or disabled; when the parent has lost something that the child carries;
    /// when it could not be looked up.
    pub(in crate::service) async fn genuine_child(&self, text: &str, party: Party) -> Result<Option<(Genuine, i64)>> {
        let Some(verified) = self.verified_child(text, party).await? else { return Ok(None) };
        let child = &verified.child;
        let Reading { now, uptime } = self.clock.read();
        let gone = || Error::Unauthenticated(Refusal::Invalid);
        let parent = self.credential(child.parent, uptime, party).await?.ok_or_else(gone)?;
        let mut records = vec![Arc::clone(parent.record())];
        let mut actors = Vec::new();
        for actor in &child.actors {
            let known = self.credential(actor.credential, uptime, party).await?.ok_or_else(gone)?;
            known.record().authenticate(TokenKind::Child, actor.credential, now)?;
            records.push(Arc::clone(known.record()));
            actors.push(known);
        }
        let principals = [child.subject].into_iter().chain(child.actors.iter().map(|actor| actor.principal));
        if records.iter().zip(principals).any(|(record, principal)| record.principal_id() != principal) {
            return Err(gone());
        }
        // After the records: the lease that covers them was renewed after the changes of assets had been applied.
        let assets = self.directory.children.asset_changes();
        let carried = if let Some(carried) = verified.checked(&records, assets) {
            carried
        } else {
            // After the records were read: a later revocation, or change of the settings of an API key, makes the
            // directory give out other records.
            self.check_not_ended(child, party).await?;
            let whole = parent.record().standing();
            let carried = narrowed(child, whole)?.map_or(Carried::Everything, Carried::Narrowed);
            self.check_tools(child, whole).await?;
            let impersonator = records.iter().find(|record| Some(record.principal_id()) == child.impersonator);
            self.check_impersonation(child, whole, impersonator.map(|record| record.standing())).await?;
            let on_assets = tools(child).next().is_some() && self.may_look_at_assets(whole)?;
            verified.keep(records, on_assets.then_some(assets), carried.clone());
            carried
        };
        Ok(Some((parent.with_child(Arc::clone(child), carried, actors), self.clock.now())))
    }

    /// The child in a genuine token, alive or not.
    ///
    /// # Errors
    /// When it could not be looked up.
    pub(in crate::service) async fn child_of(&self, text: &str, party: Party) -> Result<Option<Arc<Child>>> {
        let verified = self.verified_child(text, party).await?;
        Ok(verified.map(|verified| Arc::clone(&verified.child)))
    }

    /// The child in a genuine token, from memory if its signature or seal has been checked before.
    async fn verified_child(&self, text: &str, party: Party) -> Result<Option<Arc<VerifiedChild>>> {
        let digest = Children::digest(text);
        if !self.directory.has_lease(self.clock.uptime()) && key_id(text).is_some() {
            signing_keys::look_for(self, party).await?;
        }
        match self.directory.children.find(&digest) {
            Some(known) => Ok(Some(known)),
            None => self.read_child(text, digest, party).await,
        }
    }

    /// Checks the signature or the seal of a token that is not in memory.
    async fn read_child(&self, text: &str, digest: TokenDigest, party: Party) -> Result<Option<Arc<VerifiedChild>>> {
        let verified = if let Some(sealed) = sealed_bytes(text, &self.prefixes) {
            self.unsealed(&sealed)?.map(|child| VerifiedChild::new(child, None))
        } else if let Some((id, _)) = key_id(text) {
            if self.directory.children.keyring().find(&id).is_none() {
                signing_keys::look_for(self, party).await?;
            }
            // A signature takes long to check: only so many at once, and no party before all others.
            let _turn = self.look_ups.turn(party).await?;
            let keyring = self.directory.children.keyring();
            let claims = keyring.verified(text, JWT_TYPE);
            claims.and_then(|(claims, id)| Some(VerifiedChild::new(Child::read(claims)?, Some(id))))
        } else {
            None
        };
        let verified = verified.map(Arc::new);
        if let Some(verified) = &verified {
            self.directory.children.insert(digest, Arc::clone(verified));
        }
        Ok(verified)
    }

    /// The child in a sealed token, if one of the configured peppers sealed it.
    fn unsealed(&self, sealed: &[u8]) -> Result<Option<Child>> {
        for pepper in self.peppers.ids() {
            let seal = self.peppers.seal(SEAL, pepper)?;
            if let Some(content) = seal.and_then(|seal| seal.open(sealed, &[])) {
                let claims = serde_json::from_slice(&content).map_err(|error| Error::Internal(error.into()))?;
                return Ok(Child::read(claims));
            }
        }
        Ok(None)
    }

    /// Checks that the parent may still call the tools that the child carries. A change of a policy makes the directory give
    /// out other records, and a change of an asset is counted, so this is checked again then.
    async fn check_tools(&self, child: &Child, whole: &Standing) -> Result<()> {
        for tool in tools(child) {
            if !self.may_call(whole, tool).await? {
                return Err(Error::Unauthenticated(Refusal::Outgrown));
            }
        }
        Ok(())
    }

    /// Checks that an actor who impersonates a user may still do so.
    async fn check_impersonation(&self, child: &Child, user: &Standing, actor: Option<&Standing>) -> Result<()> {
        if child.impersonator.is_none() {
            return Ok(());
        }
        let refused = || Error::Unauthenticated(Refusal::Outgrown);
        let (service, actor, user) = (self.clone(), actor.ok_or_else(refused)?.clone(), user.clone());
        let may = self.look_up(move |connection| service.still_impersonates(connection, &actor, &user)).await?;
        if may { Ok(()) } else { Err(refused()) }
    }

    async fn check_not_ended(&self, child: &Arc<Child>, party: Party) -> Result<()> {
        let _turn = self.look_ups.turn(party).await?;
        let asked = Arc::clone(child);
        let ended = self.look_up(move |connection| is_ended(connection, &asked)).await?;
        if ended { Err(Error::Unauthenticated(Refusal::Invalid)) } else { Ok(()) }
    }
}

/// The names of the tools that a child carries.
pub(super) fn tools(child: &Child) -> impl Iterator<Item = &str> {
    child.scope.iter().flat_map(|scope| &scope.tools).map(String::as_str)
}

/// The standing of a child whose parent has the standing `whole`; `None` if the child carries everything.
///
/// # Errors
/// [`Refusal::Outgrown`]
pub(in crate::service) fn narrowed(child: &Child, whole: &Standing) -> Result<Option<Arc<Standing>>> {
    let Some(scope) = &child.scope else { return Ok(None) };
    let standing = whole.clone().narrowed_to(scope).ok_or(Error::Unauthenticated(Refusal::Outgrown))?;
    Ok(Some(Arc::new(standing)))
}
