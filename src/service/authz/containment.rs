//! Prevents privilege escalation: what an actor creates, changes, takes over or hands out never reaches further than
//! the actor.
//!
//! Call each function inside the transaction that it decides about, after the write: it then reads what will be true
//! when the transaction commits. See `docs/permissions.md`.

use std::collections::HashMap;
use std::rc::Rc;

use crate::domain::access_token::{AccessToken, wire_id};
use crate::domain::actor::{Actor, Standing};
use crate::domain::api_key::{Lineage, NEVER};
use crate::domain::bounds::Bounds;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::Scope;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::token::TokenKind;
use crate::service::authz::denies::persona_keeps_back;
use crate::service::authz::grounds;
use crate::service::authz::reach::Reach;
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::{access_tokens, api_keys};

/// Whether an actor reaches everything for ever, so that no comparison is needed: a user with the role `$admin` and all
/// permissions, who does not act with a child.
pub(super) fn reaches_everything(actor: &Actor) -> bool {
    administers(actor) && actor.permissions() == Permissions::all()
}

/// Whether an actor is a user with the role `$admin`: no policy denies such a user anything with assets. What such a user
/// does with a child has the bounds of the child.
pub(in crate::service) fn administers(actor: &Actor) -> bool {
    let Principal { kind, .. } = actor.principal();
    *kind == PrincipalKind::User && actor.principal().is_administrator() && actor.child.is_none()
}

/// What an actor reaches, without grants of assets; [`contained`] reads those that it compares.
pub(super) fn own(transaction: &mut Transaction<'_>) -> Result<Rc<Reach>> {
    grounds::reach(transaction, &Scope::Unbounded)
}

pub(super) fn reach(transaction: &mut Transaction<'_>, id: PrincipalId) -> Result<Reach> {
    let found = Reach::find(transaction.service, transaction.connection, id)?;
    found.ok_or(Error::NotFound { kind: "principal", id: id.to_string() })
}

/// The personal token that a user acts with, if another principal created it. The user may be unable to sign in, and
/// its creator may be the one acting.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn lent_token(connection: &mut AnyConnection, actor: &Actor) -> Result<Option<AccessToken>> {
    let kinds = [TokenKind::Personal, TokenKind::Child];
    let personal = actor.credential.filter(|credential| kinds.contains(&credential.kind));
    let Some(credential) = personal.filter(|_| actor.principal().kind == PrincipalKind::User) else { return Ok(None) };
    let token = access_tokens::find(connection, &wire_id(credential.key_id))?;
    Ok(token.filter(|token| token.owner.id != actor.id()))
}

/// Until when, from where and how often an actor may act. A user has no bounds, because users can sign in, unless the
/// user acts with a token that another principal created. An API key has its own bounds, another service account those
/// of its token. What an actor gives with a child ends no later than the child.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn bounds(connection: &mut AnyConnection, actor: &Actor) -> Result<Bounds> {
    let mut bounds = bounds_of_parent(connection, actor)?;
    if let Some(child) = &actor.child {
        bounds.expires_at = bounds.expires_at.min(child.expires_at_millis());
    }
    Ok(bounds)
}

/// The bounds of an actor, without those of the child that it acts with.
fn bounds_of_parent(connection: &mut AnyConnection, actor: &Actor) -> Result<Bounds> {
    if actor.principal().kind == PrincipalKind::User {
        let lent = lent_token(connection, actor)?;
        return Ok(lent.map_or_else(Bounds::default, |token| Bounds::until(token.expires_at)));
    }
    let ends = actor.credential.filter(|credential| credential.kind == TokenKind::Personal);
    match api_keys::lineage(connection, actor.id())? {
        Some(Lineage { bounds, .. }) => {
            // Earlier for a workload.
            let credential_ends = actor.credential.map_or(NEVER, |credential| credential.expires_at);
            Ok(Bounds { expires_at: bounds.expires_at.min(credential_ends), ..bounds })
        }
        None => Ok(Bounds::until(ends.map_or(NEVER, |credential| credential.expires_at))),
    }
}

/// The bounds of an API key that an actor makes: the requested ones, completed with the actor's own.
///
/// # Errors
/// [`Error::Forbidden`] if the requested bounds are wider than the actor's.
pub(in crate::service) fn inherit(transaction: &mut Transaction<'_>, asked: &Bounds) -> Result<Bounds> {
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    let inherited = asked.inheriting(&ceiling);
    within(transaction.actor, &inherited, &ceiling)?;
    Ok(inherited)
}

pub(super) fn within(actor: &Actor, bounds: &Bounds, ceiling: &Bounds) -> Result<()> {
    let Some(way) = bounds.beyond(ceiling) else { return Ok(()) };
    let username = actor.username();
    let advice = "request no more, or act with a credential without that limit";
    Err(Error::Forbidden(format!("`{username}` cannot give {way} than it has itself: {advice}")))
}

/// Checks that an actor may make this principal, which the transaction has just written.
///
/// # Errors
/// [`Error::Forbidden`] if it reaches more than the actor.
pub(in crate::service) fn may_make(transaction: &mut Transaction<'_>, made: PrincipalId) -> Result<()> {
    if reaches_everything(transaction.actor) {
        return Ok(());
    }
    let (actor, made) = (own(transaction)?, reach(transaction, made)?);
    contained(transaction, &made, &actor, &Reach::default())
}

/// Checks that an actor may hold a credential of this principal with these bounds.
///
/// # Errors
/// [`Error::Forbidden`] if the principal reaches more than the actor, or the credential would outlive the actor's own
/// or work from more addresses or more often.
pub(in crate::service) fn may_take_over(
    transaction: &mut Transaction<'_>,
    principal: PrincipalId,
    credential: &Bounds,
) -> Result<()> {
    // A child may carry less than the principal that it is of.
    if transaction.actor.id() != principal || transaction.actor.child.is_some() {
        may_make(transaction, principal)?;
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, credential, &ceiling)
}

/// Checks that an actor may act as this user, with these bounds. Except for permissions, what every guest reaches is ignored:
/// policies about everyone are about all users, and never about API keys.
///
/// # Errors
/// [`Error::Forbidden`] if the user reaches more than the actor, or the actor's own credential ends earlier.
pub(in crate::service) fn may_impersonate(
    transaction: &mut Transaction<'_>,
    user: PrincipalId,
    session: &Bounds,
) -> Result<()> {
    if !reaches_everything(transaction.actor) {
        let (actor, user) = (own(transaction)?, reach(transaction, user)?);
        let least = least_of_users(transaction.service, transaction.connection)?;
        contained(transaction, &user, &actor, &least)?;
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, session, &ceiling)
}

/// What impersonation gives no actor: what every guest reaches, except for permissions.
fn least_of_users(service: &Service, connection: &mut AnyConnection) -> Result<Reach> {
    Ok(Reach::of_role(service, connection, Role::Guest)?.without_permissions())
}

impl Service {
    /// Whether an actor with this standing may still act as a user with that one.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn still_impersonates(
        &self,
        connection: &mut AnyConnection,
        actor: &Standing,
        user: &Standing,
    ) -> Result<bool> {
        let (own, reached) = (Reach::of(self, connection, actor)?, Reach::of(self, connection, user)?);
        let least = least_of_users(self, connection)?;
        let contained = reached.beyond(&own, &least).is_none();
        Ok(contained && actor.permissions.contains(Permission::ImpersonateUsers))
    }
}

/// Checks that the actor, which reaches `own` by policies, reaches whatever a principal reaches beyond `beside`.
///
/// # Errors
/// [`Error::Forbidden`]
pub(super) fn contained(transaction: &mut Transaction<'_>, reach: &Reach, own: &Reach, beside: &Reach) -> Result<()> {
    let named: Vec<&str> = reach.named().collect();
    if named.is_empty() || own.is_of_every_asset() {
        return refuse_surplus(transaction.actor, reach, own, beside);
    }
    let own = own.with_grants(grounds::grants(transaction, &named)?);
    refuse_surplus(transaction.actor, reach, &own, beside)
}

pub(super) fn refuse_surplus(actor: &Actor, reach: &Reach, by: &Reach, beside: &Reach) -> Result<()> {
    match reach.beyond(by, beside) {
        None => Ok(()),
        Some(surplus) => Err(Error::Forbidden(surplus.refusal(&actor.username().to_string()))),
    }
}

/// A change of a principal in progress, with what the principal and the actor reached before it.
pub(in crate::service) struct PrincipalChange {
    principal: PrincipalId,
    reaches: Option<Before>,
}

struct Before {
    actor: Rc<Reach>,
    principal: Reach,
}

/// Begins to change or remove a principal that the transaction has locked. Taking something away gives nothing, so this
/// only checks that the principal does not stand above the actor (ignoring what every guest holds). What the change
/// gives is checked by [`PrincipalChange::finish`].
///
/// # Errors
/// [`Error::Forbidden`] for a principal that holds more than the actor, or that made the actor.
pub(in crate::service) fn may_change(
    transaction: &mut Transaction<'_>,
    principal: PrincipalId,
) -> Result<PrincipalChange> {
    let changing = begin(transaction, principal)?;
    let Some(Before { actor, principal: before }) = &changing.reaches else { return Ok(changing) };
    let Transaction { service, connection, actor: asking, .. } = transaction;
    refuse_above(service, connection, asking, actor, (principal, before))?;
    Ok(changing)
}

/// Checks that a principal, with what it reaches, does not stand above an actor who would change it, nor made the actor.
fn refuse_above(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    own: &Reach,
    (principal, reach): (PrincipalId, &Reach),
) -> Result<()> {
    let maker = api_keys::lineage(connection, actor.id())?.map(|lineage| lineage.maker.id);
    let least = Reach::of_role(service, connection, Role::Guest)?;
    let is_own_maker = maker == Some(Some(principal));
    if is_own_maker || actor.id() != principal && reach.stands_above(own, &least) {
        let what =
            if is_own_maker { "the principal that created it" } else { "a principal with more access than its own" };
        let (username, role) = (actor.username(), Role::Admin.name());
        let message = format!("`{username}` cannot change or remove {what}: a user with the role `{role}` can");
        return Err(Error::Forbidden(message));
    }
    Ok(())
}

/// Filters principals: returns those that an actor may not change or remove, with the reasons.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn refused_changes(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    principals: &[PrincipalId],
) -> Result<HashMap<PrincipalId, String>> {
    let mut refused = HashMap::new();
    if reaches_everything(actor) {
        return Ok(refused);
    }
    let own = Reach::of(service, connection, actor.standing())?;
    for id in principals {
        let Some(reach) = Reach::find(service, connection, *id)? else { continue };
        match refuse_above(service, connection, actor, &own, (*id, &reach)) {
            Err(Error::Forbidden(reason)) => drop(refused.insert(*id, reason)),
            outcome => outcome?,
        }
    }
    Ok(refused)
}

/// Begins to link a user to personas or to unlink one. Persona managers may do this also for users whom assets name.
/// Permissions that every member holds are ignored.
///
/// # Errors
/// [`Error::Forbidden`] for a user with permissions that the actor does not hold.
pub(in crate::service) fn may_link(transaction: &mut Transaction<'_>, user: PrincipalId) -> Result<PrincipalChange> {
    let changing = begin(transaction, user)?;
    let Some(Before { actor, principal: before }) = &changing.reaches else { return Ok(changing) };
    let least = Reach::of_role(transaction.service, transaction.connection, Role::Member)?;
    let more = before.permissions().without(actor.permissions()).without(least.permissions());
    if more == Permissions::NONE || transaction.actor.id() == user {
        return Ok(changing);
    }
    let (username, names) = (transaction.actor.username(), more.iter().map(Permission::name).collect::<Vec<_>>());
    let message = format!(
        "`{username}` cannot change the personas of a user with permissions that it does not hold: {}",
        names.join(", ")
    );
    Err(Error::Forbidden(message))
}

/// Checks that an actor may re-enable a principal, which gives back everything that the principal reaches, without
/// bounds. What every guest reaches is ignored.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_readmit(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<()> {
    if reaches_everything(transaction.actor) {
        return Ok(());
    }
    let (actor, readmitted) = (own(transaction)?, reach(transaction, principal)?);
    let least = Reach::of_role(transaction.service, transaction.connection, Role::Guest)?;
    contained(transaction, &readmitted, &actor, &least)?;
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, &Bounds::default(), &ceiling)
}

fn begin(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<PrincipalChange> {
    let reaches = if reaches_everything(transaction.actor) {
        None
    } else {
        let mut before = reach(transaction, principal)?;
        // Denies of things that nothing allows are ignored: ending them gives nothing back.
        for persona in before.denying_personas() {
            if !persona_keeps_back(transaction.connection, persona)? {
                before.forget_denies_of(persona);
            }
        }
        Some(Before { actor: own(transaction)?, principal: before })
    };
    Ok(PrincipalChange { principal, reaches })
}

impl PrincipalChange {
    /// Ends the change, after the transaction has written it. Checks that the actor reaches whatever the principal
    /// gained, for as long and as widely. `bounds` are the principal's before and after: if they become wider, the
    /// principal counts as gaining all that it reaches.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub(in crate::service) fn finish(self, transaction: &mut Transaction<'_>, bounds: [&Bounds; 2]) -> Result<()> {
        let Some(Before { actor, principal: before }) = self.reaches else { return Ok(()) };
        let after = reach(transaction, self.principal)?;
        contained(transaction, &after, &actor, &before)?;
        let gains = after.beyond(&before, &Reach::default()).is_some();
        let [old, new] = bounds;
        let widens = new.beyond(old).is_some();
        if widens {
            let least = Reach::of_role(transaction.service, transaction.connection, Role::Guest)?;
            contained(transaction, &after, &actor, &least)?;
        }
        if gains || widens {
            let ceiling = self::bounds(transaction.connection, transaction.actor)?;
            within(transaction.actor, new, &ceiling)?;
        }
        Ok(())
    }

    /// Like [`Self::finish`], for a principal without bounds: a user, or a service account that is not an API key.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub(in crate::service) fn finish_unbounded(self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.finish(transaction, [&Bounds::default(), &Bounds::default()])
    }
}
