//! The access that authorises a write, read again inside its transaction.
//!
//! Three times: before the work, in case it was taken away while the request waited; after the transaction has waited for
//! others that write policies; and after the work, when the principals and credentials of the actor and its delegates are
//! held until the commit. Whoever takes a permission, a persona, time or a wider limit from a principal, or ends it, locks the
//! principal first, so one of both sees the other.
//!
//! What is read is everything that authorised the write, and nothing else: here what the actor and its delegates have
//! themselves (state, permissions, links to personas, expiry and limits), and by [`Transaction::recheck_rights_with`] what its
//! decisions rest on beside that: policies, and assets that name it.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::Transaction;
use crate::domain::actor::{Actor, PresentedCredential, Standing};
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::{AssetId, PersonaId};
use crate::domain::permission::Permissions;
use crate::domain::principal::{Principal, PrincipalState, Role};
use crate::service::effort::AtEnd;
use crate::service::{Service, children};
use crate::storage::database::{AnyConnection, concurrent_change};
use crate::storage::holds::{hold_credential, hold_standing};
use crate::storage::{credentials, policies};

/// An actor with the access that a transaction has read.
pub(super) struct Admitted {
    /// Without the grants of assets.
    pub(super) actor: Actor,
    /// The permissions of its principal by its role and by grants, without those of policies.
    granted: Permissions,
    /// The bounds of its credential, then those of its delegates' credentials.
    bounds: Vec<Bounds>,
    /// When the transaction began, in epoch milliseconds.
    pub(super) now: i64,
}

/// The access that a credential gives, as a transaction sees it; see [`Admitted`].
struct Present {
    standing: Standing,
    granted: Permissions,
    bounds: Vec<Bounds>,
}

/// What a transaction itself has changed of its actor's access. Nothing else may be taken away until it commits.
#[derive(Debug, Default)]
pub(super) struct OwnChanges {
    /// The role that it gives the actor.
    role: Option<Role>,
    /// When the actor's credential expires, as the transaction has set it.
    expires_at: Option<i64>,
    /// Whether it writes policies: then no other transaction does until it ends.
    policies: bool,
    /// The personas that it has written, which may have enabled or disabled them.
    personas: HashSet<Uuid>,
    /// The personas that it has deleted, or linked to the actor, or unlinked.
    links: HashSet<Uuid>,
    /// The assets that it has written, whose rows it has locked.
    assets: HashSet<Uuid>,
}

impl OwnChanges {
    pub(super) fn note(&mut self, subject: ChangeSubject, action: Action) {
        match subject {
            ChangeSubject::Persona(id) if action == Action::PersonaDeleted => drop(self.links.insert(id)),
            ChangeSubject::Persona(id) => drop(self.personas.insert(id)),
            ChangeSubject::Asset(id) => drop(self.assets.insert(id)),
            ChangeSubject::Principal(_) | ChangeSubject::Policy(_) | ChangeSubject::Role(_) => {}
        }
    }

    /// The personas of a standing, by which it is compared with another.
    fn links_of(&self, standing: &Standing) -> HashSet<(Uuid, Option<bool>)> {
        let links = standing.personas.iter().map(|persona| (persona.id.uuid(), persona.enabled));
        let links = links.filter(|(id, _)| !self.links.contains(id));
        links.map(|(id, enabled)| (id, (!self.personas.contains(&id)).then_some(enabled))).collect()
    }
}

impl Service {
    /// Reads the actor's access, and refuses an actor that has lost what its request was admitted with. What it has gained
    /// since then counts. Only for assets a loss is no refusal: whoever may change one names and removes others at will,
    /// and the work reads what assets give in this transaction.
    pub(super) fn read_access(&self, connection: &mut AnyConnection, actor: &Actor) -> Result<Admitted> {
        let now = self.clock.now();
        let Some(credential) = actor.credential else {
            return Ok(Admitted { actor: actor.clone(), granted: Permissions::NONE, bounds: Vec::new(), now });
        };
        let Present { standing, granted, bounds } = self.present(connection, actor, credential, now)?;
        let known = actor.standing();
        if !keeps(&standing, known, &OwnChanges::default()) || !contains(standing.permissions, known.permissions) {
            // If the principal was deleted between two statements above, this gives the precise error.
            self.present(connection, actor, credential, now)?;
            self.directory.forget(ChangeSubject::Principal(actor.id().uuid()));
            return Err(Error::Busy);
        }
        Ok(Admitted { actor: actor.clone().holding(Arc::new(standing)), granted, bounds, now })
    }

    fn present(
        &self,
        connection: &mut AnyConnection,
        actor: &Actor,
        credential: PresentedCredential,
        now: i64,
    ) -> Result<Present> {
        let refused = |refusal| Err(Error::Unauthenticated(refusal));
        let Some(known) = credentials::find_without_assets(connection, credential.key_id)? else {
            return refused(Refusal::Invalid);
        };
        if known.standing.principal.id != actor.id() {
            return refused(Refusal::Invalid);
        }
        if known.credential.expires_at <= now {
            return refused(Refusal::Expired);
        }
        if !known.standing.principal.enabled {
            return refused(Refusal::Disabled);
        }
        if !known.limits.addresses.allow(actor.address) {
            return Err(Error::ForeignAddress);
        }
        let granted = known.standing.permissions;
        let mut bounds = vec![known.bounds()];
        let standing = self.with_policies_in_write(connection, known.standing)?;
        let standing = match &actor.child {
            Some(child) => {
                let presented = children::Presented { child, address: actor.address, now };
                let (standing, of_delegates) = children::present(self, connection, presented, standing)?;
                bounds.extend(of_delegates);
                standing
            }
            None => standing,
        };
        Ok(Present { standing, granted, bounds })
    }
}

impl Transaction<'_> {
    /// Raises the revision of the policies, for which the transaction waits until it is the only one that writes policies.
    /// Refuses an actor that has lost something meanwhile. Call it before the work that writes a policy.
    ///
    /// # Errors
    /// Those of a write whose access was taken away.
    pub(in crate::service) fn lock_policies(&mut self) -> Result<()> {
        policies::raise_revision(self.connection)?;
        if !self.own.policies {
            self.check_rights()?;
            self.own.policies = true;
        }
        Ok(())
    }

    /// Whether no other transaction writes policies until this one ends: what differs of them is its own change.
    pub(in crate::service) fn has_locked_policies(&self) -> bool {
        self.own.policies
    }

    /// Notes that the transaction itself gives its actor this role.
    pub(in crate::service) fn changes_own_role(&mut self, role: Role) {
        self.own.role = Some(role);
    }

    /// Notes that the transaction itself sets when its actor's credential expires.
    pub(in crate::service) fn changes_own_expiry(&mut self, expires_at: i64) {
        self.own.expires_at = Some(expires_at);
    }

    /// Notes that the transaction itself links a persona to its actor, or unlinks it.
    pub(in crate::service) fn changes_own_link(&mut self, persona: PersonaId) {
        self.own.links.insert(persona.uuid());
    }

    /// Notes that the transaction itself writes the people of an asset, whose row it has locked.
    pub(in crate::service) fn writes_asset(&mut self, id: AssetId) {
        self.own.assets.insert(id.uuid());
    }

    /// Whether the transaction itself has written this asset.
    pub(in crate::service) fn has_written(&self, id: Uuid) -> bool {
        self.own.assets.contains(&id)
    }

    /// Has a check made whenever the transaction reads the actor's access again: that what its decisions rest on, beside
    /// what the actor has itself, is as it was.
    pub(in crate::service) fn recheck_rights_with(&mut self, check: AtEnd) {
        self.recheck = Some(check);
    }

    /// Runs last before the commit: a request whose access was taken away while it ran commits nothing. Holds the
    /// principals and the credentials of the actor and its delegates until the commit.
    pub(super) fn confirm_rights(&mut self) -> Result<()> {
        let Some(credential) = self.own_credential() else { return Ok(()) };
        let delegates = self.actor.child.as_deref().map(|child| child.actors.as_slice()).unwrap_or_default();
        let mut principals = vec![self.actor.id()];
        principals.extend(delegates.iter().map(|delegate| delegate.principal));
        principals.sort_unstable_by_key(|id| id.uuid());
        // In the order in which a deletion locks them: principals first.
        for id in principals {
            match hold_standing(self.connection, id)? {
                None => return Err(Error::Unauthenticated(Refusal::Invalid)),
                Some(PrincipalState::Disabled) => return Err(Error::Unauthenticated(Refusal::Disabled)),
                Some(PrincipalState::Enabled) => {}
            }
        }
        for key_id in [credential.key_id].into_iter().chain(delegates.iter().map(|delegate| delegate.credential)) {
            if !hold_credential(self.connection, key_id)? {
                return Err(Error::Unauthenticated(Refusal::Invalid));
            }
        }
        self.check_rights()
    }

    /// Runs the transaction again if another has taken something from the actor since it began: [`Service::read_access`] then
    /// refuses it, or the work is judged by what is left.
    fn check_rights(&mut self) -> Result<()> {
        let Some(credential) = self.own_credential() else { return Ok(()) };
        // By the time now: the credential may have expired since.
        let now = self.service.clock.now();
        let Present { standing, granted, bounds } =
            self.service.present(self.connection, self.actor, credential, now)?;
        let before = self.actor.standing();
        let keeps_permissions = match self.own.role {
            _ if self.own.policies => {
                let of_role = self.own.role.map_or(Permissions::NONE, |_| before.whole().principal.role.permissions());
                contains(granted, self.admitted.granted.without(of_role))
            }
            // By the role that the actor had: what it gave is lost by the transaction itself.
            Some(_) => {
                let Standing { principal, .. } = before.whole().clone();
                let permissions = granted.union(principal.role.permissions());
                let standing = Standing { principal, permissions, ..standing.whole().clone() };
                let standing = self.service.with_policies_in_write(self.connection, standing)?;
                contains(standing.permissions, before.permissions)
            }
            None => contains(standing.permissions, before.permissions),
        };
        // What the work makes inherits the bounds that the transaction has read; the first are the actor's own.
        let mut bounds_before = self.admitted.bounds.clone();
        if let (Some(own), Some(set)) = (bounds_before.first_mut(), self.own.expires_at) {
            own.expires_at = own.expires_at.min(set);
        }
        let keeps_bounds = bounds_before.iter().zip(&bounds).all(|(before, now)| before.beyond(now).is_none());
        if !keeps_permissions || !keeps_bounds || !keeps(&standing, before, &self.own) {
            return Err(concurrent_change());
        }
        self.recheck.map_or(Ok(()), |check| check(self))
    }

    /// The credential of the request, unless the transaction itself ends it.
    fn own_credential(&self) -> Option<PresentedCredential> {
        self.actor.credential.filter(|_| !self.ends_own_credential)
    }
}

fn contains(all: Permissions, some: Permissions) -> bool {
    some.without(all) == Permissions::NONE
}

/// Whether this is the principal as before with the same personas, except for what the transaction itself has changed. A
/// persona may allow and deny, so another link is a loss, too.
fn keeps(now: &Standing, before: &Standing, own: &OwnChanges) -> bool {
    let role = own.role.unwrap_or(before.principal.role);
    let expected = Principal { role, ..before.principal.clone() };
    now.principal == expected
        && own.links_of(now) == own.links_of(before)
        && match (&now.restriction, &before.restriction) {
            (None, None) => true,
            (Some(now), Some(before)) => now.tools == before.tools && keeps(&now.whole, &before.whole, own),
            _ => false,
        }
}
