//! Invitations: a person with one can sign up. An invitation link of DataHub's is computed and not stored, so that the
//! same request gives the same link. An open invitation is stored, and is accepted once.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::access_token::NamedPrincipal;
use super::ids::{InvitationId, PrincipalId};
use super::principal::Role;

/// The role of an invitation and its inviter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The role of the new user.
    pub role: Role,
    /// The inviting principal.
    pub inviter: PrincipalId,
}

/// An invitation for one person, until it is accepted, revoked or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvitation {
    /// Its id.
    pub id: InvitationId,
    /// The role of the new user.
    pub role: Role,
    /// The person whom the invitation is for.
    pub note: String,
    /// The inviting principal.
    pub inviter: NamedPrincipal,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub expires_at: i64,
}

/// The length of an invitation's text, in hexadecimal digits.
pub const LENGTH: usize = 96;
/// The most open invitations of one inviter.
pub const MOST_OF_ONE: i64 = 20;
/// The most open invitations of an installation.
pub const MOST_OPEN: i64 = 100;

/// The roles that an invitation can have.
pub const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// What a link depends on. Links of another revision are void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteRevision {
    /// Raised when all links are renewed.
    pub of_all: i64,
    /// Raised when the inviter gets another password or is disabled.
    pub of_inviter: i64,
}

/// The text of an invitation, valid while `revision` is current: 96 hexadecimal digits. The first 32 are the id of the
/// inviter, who is checked again at sign-up.
#[must_use]
pub fn write(mut keyed: Hmac<Sha256>, invitation: Invitation, revision: InviteRevision) -> String {
    let Invitation { role, inviter } = invitation;
    keyed.update(&revision.of_all.to_be_bytes());
    keyed.update(&revision.of_inviter.to_be_bytes());
    keyed.update(inviter.uuid().as_bytes());
    keyed.update(role.name().as_bytes());
    let digest = data_encoding::HEXLOWER.encode(&keyed.finalize().into_bytes());
    format!("{}{digest}", data_encoding::HEXLOWER.encode(inviter.uuid().as_bytes()))
}

/// The inviter that a text names, if it has the form of a link.
#[must_use]
pub fn inviter(text: &str) -> Option<PrincipalId> {
    Some(uuid::Uuid::try_parse(text.get(..32)?).ok()?.into())
}

/// The invitation that a text stands for; `None` if [`write()`] would not produce it now. `revision` is the one of the
/// [`inviter`]. Constant-time comparison.
#[must_use]
pub fn read(keyed: &Hmac<Sha256>, text: &str, revision: InviteRevision) -> Option<Invitation> {
    let inviter = inviter(text)?;
    ROLES
        .into_iter()
        .map(|role| Invitation { role, inviter })
        .find(|invitation| write(keyed.clone(), *invitation, revision).as_bytes().ct_eq(text.as_bytes()).into())
}

/// The text of an open invitation: the id and a digest of it, 96 hexadecimal digits.
#[must_use]
pub fn write_open(mut keyed: Hmac<Sha256>, id: InvitationId) -> String {
    keyed.update(id.uuid().as_bytes());
    let digest = data_encoding::HEXLOWER.encode(&keyed.finalize().into_bytes());
    format!("{}{digest}", data_encoding::HEXLOWER.encode(id.uuid().as_bytes()))
}

/// The id of the open invitation with this text; `None` if [`write_open()`] would not produce it. Constant-time
/// comparison.
#[must_use]
pub fn read_open(keyed: Hmac<Sha256>, text: &str) -> Option<InvitationId> {
    let id = InvitationId::from(uuid::Uuid::try_parse(text.get(..32)?).ok()?);
    bool::from(write_open(keyed, id).as_bytes().ct_eq(text.as_bytes())).then_some(id)
}
