//! Invitation links of DataHub's: get, and renew, which voids the old ones. Signing up with any invitation.

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::Id;
use crate::domain::invite::{self, Invitation, OpenInvitation};
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::password::PasswordRule;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::profile::{Aspect, AspectName};
use crate::domain::text::DisplayName;
use crate::domain::user::{NamedBy, User, check_username};
use crate::service::authn::sign_ins::Origin;
use crate::service::authz::giving;
use crate::service::authz::people::{require_inviting, still_inviting};
use crate::service::{Service, Transaction, blocking};
use crate::storage::database::AnyConnection;
use crate::storage::holds::hold_invite_links;
use crate::storage::principals::Existed;
use crate::storage::{aspects, invitation_links, open_invitations, principals, users};

/// The purpose that the keys of invitation links are derived for.
const PURPOSE: &str = "invite";
/// The purpose that the keys of open invitations are derived for.
pub(super) const OPEN_PURPOSE: &str = "open invitation";

/// The actor's invitation link to a role. It stays the same until the next [`renew`], and until the actor gets another
/// password or is disabled. The audit trail records that the actor got it.
///
/// # Errors
/// [`Error::Forbidden`], also for a role that reaches more than the actor; [`Error::PasswordsOff`].
pub async fn get(service: &Service, actor: &Actor, role: Role) -> Result<String> {
    require_inviting(service, actor)?;
    service.write(actor, move |transaction| hand_out(transaction, role)).await
}

/// Voids all invitation links, and returns a new one. Open invitations stay.
///
/// # Errors
/// As [`get`].
pub async fn renew(service: &Service, actor: &Actor, role: Role) -> Result<String> {
    require_inviting(service, actor)?;
    service
        .write(actor, move |transaction| {
            invitation_links::renew(transaction.connection)?;
            let subject = ChangeSubject::Principal(transaction.actor.id().uuid());
            transaction.record(Action::InvitesRenewed, subject, "invites")?;
            hand_out(transaction, role)
        })
        .await
}

/// The current link of the transaction's actor to a role.
fn hand_out(transaction: &mut Transaction<'_>, role: Role) -> Result<String> {
    let inviter = transaction.actor.id();
    giving::may_invite(transaction, role)?;
    let revision = invitation_links::revision(transaction.connection, inviter)?;
    transaction.record(Action::InviteLinkGiven, ChangeSubject::Principal(inviter.uuid()), role.name())?;
    Ok(invite::write(transaction.service.peppers.derive(PURPOSE), Invitation { role, inviter }, revision))
}

fn void() -> Error {
    Violation::new("inviteToken", "is not valid, or not any more").into()
}

/// A request to sign up.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The invitation.
    pub invite: String,
    /// Unique among all principals.
    pub username: String,
    /// The email address; may be empty.
    pub email: String,
    /// The display name.
    pub full_name: DisplayName,
    /// The job title.
    pub title: Option<DisplayName>,
}

/// Creates the invited user.
///
/// # Errors
/// Violations, also of `inviteToken`; [`Error::Conflict`] when the name is taken; [`Error::Busy`];
/// [`Error::PasswordsOff`].
pub async fn accept(
    service: &Service,
    new: SignUp,
    password: String,
    asked: PasswordRule,
    origin: Origin,
) -> Result<()> {
    service.require_passwords()?;
    check_username(&new.username, NamedBy::Client).map_err(|message| Violation::new("email", message))?;
    asked.check(&password, &new.username).map_err(|message| Violation::new("password", message))?;
    let (invitation, _) = find(service, new.invite.clone(), &origin).await?;
    let Invitation { role, inviter } = invitation;
    let permit = service.sign_ins.turn_of_newcomer(&origin).await?;
    let hashing = service.clone();
    let hash = blocking(move || {
        let hash = hashing.hash_password(&password);
        drop(permit);
        hash
    })
    .await?;
    let now = service.clock.now();
    let principal = Principal {
        id: Id::new(now, service.entropy)?,
        kind: PrincipalKind::User,
        chosen_name: Some(new.username.as_str().into()),
        role,
        enabled: true,
        created_at: now,
    };
    let actor = Actor::user(principal).from(origin.address).requesting(origin.request);
    service
        .write(&actor, move |transaction| {
            let principal = transaction.actor.principal().clone();
            principals::insert(transaction.connection, &principal)?;
            // Checked again, because the invitation may have been voided or accepted meanwhile. From here on, what voids it
            // waits for the end of this transaction.
            let Transaction { service, connection, now, .. } = transaction;
            hold_invite_links(connection)?;
            principals::lock_by_id(connection, inviter)?;
            let (invitation, open) = invited(service, connection, &new.invite, *now)?;
            if let Some(open) = open
                && open_invitations::delete(connection, open.id)? == Existed::No
            {
                return Err(void());
            }
            let inviter = still_inviting(transaction, invitation)?.ok_or_else(void)?;
            let id = principal.id;
            let user = User { principal, display_name: new.full_name.as_str().to_owned(), email: new.email.clone() };
            users::insert(transaction.connection, &user, &hash)?;
            let full_name = new.full_name.as_str();
            let value = serde_json::json!({
                "active": true, "displayName": full_name, "fullName": full_name, "email": new.email,
                "title": new.title.as_ref().map_or("", DisplayName::as_str),
            });
            let name = AspectName::CorpUserInfo.name().to_owned();
            let info = Aspect { name, value, created_by: new.username.clone(), created_at: transaction.now };
            aspects::replace(transaction.connection, id, &info)?;
            transaction.record(Action::UserCreated, ChangeSubject::Principal(id.uuid()), &new.username)?;
            let subject = ChangeSubject::Principal(inviter.id.uuid());
            transaction.record(Action::InvitationAccepted, subject, &inviter.username)
        })
        .await
}

/// The invitation with this text, and the open invitation that it is, if it is one. Requests need no credential, so
/// those of one network wait for each other.
///
/// # Errors
/// A violation of `inviteToken` if it is not valid; [`Error::Busy`].
pub async fn find(service: &Service, text: String, origin: &Origin) -> Result<(Invitation, Option<OpenInvitation>)> {
    if text.len() > invite::LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(void());
    }
    let (reading, now) = (service.clone(), service.clock.now());
    let _turn = service.look_ups.turn(Party::Network(Network::of(origin.address))).await?;
    service.look_up(move |connection| invited(&reading, connection, &text, now)).await
}

fn invited(
    service: &Service,
    connection: &mut AnyConnection,
    text: &str,
    now: i64,
) -> Result<(Invitation, Option<OpenInvitation>)> {
    let revision = invitation_links::revision(connection, invite::inviter(text).ok_or_else(void)?)?;
    if let Some(linked) = invite::read(&service.peppers.derive(PURPOSE), text, revision) {
        return Ok((linked, None));
    }
    let id = invite::read_open(service.peppers.derive(OPEN_PURPOSE), text).ok_or_else(void)?;
    let open = open_invitations::find(connection, id, now)?.ok_or_else(void)?;
    Ok((Invitation { role: open.role, inviter: open.inviter.id }, Some(open)))
}
