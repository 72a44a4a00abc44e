//! No escalation: what is made, changed, taken over or handed out never reaches further than who does it.
//!
//! Each function here is asked inside the transaction that it decides about, after that has written something: so what
//! it reads is what will be true when the transaction commits. See `docs/permissions.md`.

use crate::domain::actor::{Actor, Standing};
use crate::domain::api_key::{Lineage, NEVER};
use crate::domain::bounds::Bounds;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::token::TokenKind;
use crate::service::authz::reach::Reach;
use crate::service::{Service, Transaction};
use crate::storage::api_keys;
use crate::storage::database::AnyConnection;

/// How long a line of keys may be that made each other for its first to manage its last.
const GENERATIONS: usize = 64;

/// Whether an actor reaches everything there is, and need not be compared with anybody: a user with the role `$admin`
/// and every permission.
fn reaches_everything(actor: &Standing) -> bool {
    let Principal { kind, .. } = actor.principal;
    kind == PrincipalKind::User && actor.principal.is_administrator() && actor.permissions == Permissions::all()
}

fn own(transaction: &mut Transaction<'_>) -> Result<Reach> {
    Reach::of(transaction.service, transaction.connection, transaction.actor.standing())
}

fn reach(transaction: &mut Transaction<'_>, id: PrincipalId) -> Result<Reach> {
    let found = Reach::find(transaction.service, transaction.connection, id)?;
    found.ok_or(Error::NotFound { kind: "principal", id: id.to_string() })
}

/// Whether a principal reaches any asset, as the transaction sees it: a deny that goes gives something back only then.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn reaches_assets(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<bool> {
    Ok(reach(transaction, principal)?.has_assets())
}

/// Until when, from where and how often an actor may act. A user is bound by nothing, whichever token they use: they
/// can sign in. A program is bound by its key, or by the token of a service account.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn bounds(connection: &mut AnyConnection, actor: &Actor) -> Result<Bounds> {
    if actor.principal().kind == PrincipalKind::User {
        return Ok(Bounds::default());
    }
    let ends = actor.credential.filter(|credential| credential.kind == TokenKind::Personal);
    match api_keys::lineage(connection, actor.id())? {
        Some(Lineage { bounds, .. }) => Ok(bounds),
        None => Ok(Bounds::until(ends.map_or(NEVER, |credential| credential.expires_at))),
    }
}

/// The bounds of an API key that an actor makes: its own wherever nothing narrower is asked for.
///
/// # Errors
/// [`Error::Forbidden`] for wider ones.
pub(in crate::service) fn inherit(transaction: &mut Transaction<'_>, asked: &Bounds) -> Result<Bounds> {
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    let inherited = asked.inheriting(&ceiling);
    within(transaction.actor, &inherited, &ceiling)?;
    Ok(inherited)
}

fn within(actor: &Actor, bounds: &Bounds, ceiling: &Bounds) -> Result<()> {
    let Some(way) = bounds.beyond(ceiling) else { return Ok(()) };
    Err(Error::Forbidden(format!("`{}` cannot let anything {way} than itself", actor.username())))
}

/// Whether an actor may have made that principal, which the transaction has just written.
///
/// # Errors
/// [`Error::Forbidden`] if it reaches more than the actor.
pub(in crate::service) fn may_make(transaction: &mut Transaction<'_>, made: PrincipalId) -> Result<()> {
    if reaches_everything(transaction.actor.standing()) {
        return Ok(());
    }
    let (actor, made) = (own(transaction)?, reach(transaction, made)?);
    contained(transaction.actor, &made, &actor, &Reach::default())
}

/// Whether an actor may hold a credential of that principal, now, with those bounds.
///
/// # Errors
/// [`Error::Forbidden`] if the principal reaches more than the actor, or the credential would outlive it or be used from
/// elsewhere.
pub(in crate::service) fn may_take_over(
    transaction: &mut Transaction<'_>,
    principal: PrincipalId,
    credential: &Bounds,
) -> Result<()> {
    if transaction.actor.id() != principal {
        may_make(transaction, principal)?;
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, credential, &ceiling)
}

fn contained(actor: &Actor, reach: &Reach, by: &Reach, beside: &Reach) -> Result<()> {
    match reach.beyond(by, beside) {
        None => Ok(()),
        Some(surplus) => Err(Error::Forbidden(surplus.refusal(&actor.username().to_string()))),
    }
}

/// A change of a principal in progress: what it and the actor reached before.
pub(in crate::service) struct Changing {
    principal: PrincipalId,
    reaches: Option<Before>,
}

struct Before {
    actor: Reach,
    principal: Reach,
}

/// Begins to change or remove a principal that the transaction has locked. What every guest reaches does not count.
///
/// # Errors
/// [`Error::Forbidden`] for a principal that reaches more than the actor, or made it.
pub(in crate::service) fn may_change(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<Changing> {
    let changing = begin(transaction, principal)?;
    let Some(Before { actor, principal: before }) = &changing.reaches else { return Ok(changing) };
    let maker = api_keys::lineage(transaction.connection, transaction.actor.id())?.map(|lineage| lineage.maker.id);
    let least = Reach::of_role(transaction.service, transaction.connection, Role::Guest)?;
    let is_own_maker = maker == Some(Some(principal));
    if is_own_maker || transaction.actor.id() != principal && before.beyond(actor, &least).is_some() {
        let message = if is_own_maker { "which made it" } else { "which reaches more than it does" };
        let username = transaction.actor.username();
        return Err(Error::Forbidden(format!("`{username}` cannot change or remove a principal {message}")));
    }
    Ok(changing)
}

/// Begins to link a user to personas or to unlink one: who manages personas does so also for those whom assets name.
/// What every member holds does not count.
///
/// # Errors
/// [`Error::Forbidden`] for a user who holds permissions that the actor does not.
pub(in crate::service) fn may_link(transaction: &mut Transaction<'_>, user: PrincipalId) -> Result<Changing> {
    let changing = begin(transaction, user)?;
    let Some(Before { actor, principal: before }) = &changing.reaches else { return Ok(changing) };
    let least = Reach::of_role(transaction.service, transaction.connection, Role::Member)?;
    let more = before.permissions().without(actor.permissions()).without(least.permissions());
    if more == Permissions::NONE || transaction.actor.id() == user {
        return Ok(changing);
    }
    let (username, names) = (transaction.actor.username(), more.iter().map(Permission::name).collect::<Vec<_>>());
    let message =
        format!("`{username}` cannot change the personas of who holds more than it does: {}", names.join(", "));
    Err(Error::Forbidden(message))
}

fn begin(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<Changing> {
    let reaches = if reaches_everything(transaction.actor.standing()) {
        None
    } else {
        Some(Before { actor: own(transaction)?, principal: reach(transaction, principal)? })
    };
    Ok(Changing { principal, reaches })
}

impl Changing {
    /// Ends the change, which the transaction has written: whatever the principal has gained is the actor's, and may be
    /// used as long and as widely. `bounds` are the principal's before and after.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub(in crate::service) fn done(self, transaction: &mut Transaction<'_>, bounds: [&Bounds; 2]) -> Result<()> {
        let Some(Before { actor, principal: before }) = self.reaches else { return Ok(()) };
        let after = reach(transaction, self.principal)?;
        contained(transaction.actor, &after, &actor, &before)?;
        let gains = after.beyond(&before, &Reach::default()).is_some();
        let [old, new] = bounds;
        if gains || new.beyond(old).is_some() {
            let ceiling = self::bounds(transaction.connection, transaction.actor)?;
            within(transaction.actor, new, &ceiling)?;
        }
        Ok(())
    }

    /// The same for a principal without bounds: a user, or a service account that is no API key.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub(in crate::service) fn done_unbound(self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.done(transaction, [&Bounds::default(), &Bounds::default()])
    }
}

/// Whether an actor that manages keys manages this one: a key manages those that it made, and those that they made; a
/// key that a user or the operator made and bound to no address and no rate manages every other.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_manage_key(transaction: &mut Transaction<'_>, key: PrincipalId) -> Result<()> {
    let actor = transaction.actor.id();
    let Some(own) = api_keys::lineage(transaction.connection, actor)? else { return Ok(()) };
    if actor == key {
        return Err(Error::Forbidden(
            "an API key cannot change itself: it cannot give itself permissions or time, nor change its own limits or \
             personas"
                .to_owned(),
        ));
    }
    let manages_all = own.maker.kind == PrincipalKind::User && own.bounds.limits == Limits::default();
    if manages_all {
        return Ok(());
    }
    let mut line = api_keys::lineage(transaction.connection, key)?;
    for _ in 0..GENERATIONS {
        match line.and_then(|lineage| lineage.maker.id) {
            None => break,
            Some(maker) if maker == actor => return Ok(()),
            Some(maker) => line = api_keys::lineage(transaction.connection, maker)?,
        }
    }
    Err(Error::Forbidden(format!("`{}` manages only the API keys that it made", transaction.actor.username())))
}

/// Whether an actor may let somebody sign up with a role.
///
/// # Errors
/// [`Error::Forbidden`] if the role reaches more than the actor, or the actor is bound and a user would not be.
pub(in crate::service) fn may_invite(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    role: Role,
) -> Result<()> {
    if reaches_everything(actor.standing()) {
        return Ok(());
    }
    let own = Reach::of(service, connection, actor.standing())?;
    contained(actor, &Reach::of_role(service, connection, role)?, &own, &Reach::default())?;
    let ceiling = bounds(connection, actor)?;
    within(actor, &Bounds::default(), &ceiling)
}

/// Whether an actor may have a policy of the platform permit these permissions to others.
///
/// # Errors
/// [`Error::Forbidden`] for what the actor does not hold, or holds for a while only.
pub(in crate::service) fn may_permit(transaction: &mut Transaction<'_>, permissions: Permissions) -> Result<()> {
    let beyond: Vec<_> = permissions.without(transaction.actor.permissions()).iter().map(Permission::name).collect();
    if !beyond.is_empty() {
        let username = transaction.actor.username();
        let message = format!("`{username}` cannot grant what it does not hold: {}", beyond.join(", "));
        return Err(Error::Forbidden(message));
    }
    if permissions == Permissions::NONE {
        return Ok(());
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, &Bounds::default(), &ceiling)
}

/// Whether an actor that administers an asset may have it name a principal: what denies the actor something there must
/// deny it to those, too.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name(transaction: &mut Transaction<'_>, principals: &[PrincipalId]) -> Result<()> {
    may_share(transaction, principals.len(), |transaction, at| reach(transaction, principals[at]))
}

/// The same for roles.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name_roles(transaction: &mut Transaction<'_>, roles: &[Role]) -> Result<()> {
    may_share(transaction, roles.len(), |transaction, at| {
        Reach::of_role(transaction.service, transaction.connection, roles[at])
    })
}

fn may_share(
    transaction: &mut Transaction<'_>,
    count: usize,
    reach_of: impl Fn(&mut Transaction<'_>, usize) -> Result<Reach>,
) -> Result<()> {
    if count == 0 || reaches_everything(transaction.actor.standing()) {
        return Ok(());
    }
    let own = own(transaction)?;
    if !own.is_denied_anything() {
        return Ok(());
    }
    for at in 0..count {
        let reach = reach_of(transaction, at)?;
        if !own.binds(&reach) {
            let username = transaction.actor.username();
            let message = format!(
                "`{username}` cannot share an asset with those to whom nothing denies what is denied to `{username}`"
            );
            return Err(Error::Forbidden(message));
        }
    }
    Ok(())
}
