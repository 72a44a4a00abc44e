//! Invitations: whoever has one can sign up. They are computed, not stored, so that asking again gives the same one.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::ids::PrincipalId;
use super::principal::Role;

/// What somebody was invited to, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The role of who signs up.
    pub role: Role,
    /// The principal who invites.
    pub inviter: PrincipalId,
}

/// The roles one can be invited to.
pub const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// An invitation, as long as `revision` is the current one: 96 hexadecimal digits, of which the first 32 are the id of
/// the inviter, who is looked at again when somebody signs up.
#[must_use]
pub fn write(mut keyed: Hmac<Sha256>, invitation: Invitation, revision: i64) -> String {
    let Invitation { role, inviter } = invitation;
    keyed.update(&revision.to_be_bytes());
    keyed.update(inviter.uuid().as_bytes());
    keyed.update(role.name().as_bytes());
    let digest = data_encoding::HEXLOWER.encode(&keyed.finalize().into_bytes());
    format!("{}{digest}", data_encoding::HEXLOWER.encode(inviter.uuid().as_bytes()))
}

/// What a text invites to; `None` for anything that [`write()`] does not write now.
#[must_use]
pub fn read(keyed: &Hmac<Sha256>, text: &str, revision: i64) -> Option<Invitation> {
    let inviter = uuid::Uuid::try_parse(text.get(..32)?).ok()?;
    ROLES
        .into_iter()
        .map(|role| Invitation { role, inviter: inviter.into() })
        .find(|invitation| write(keyed.clone(), *invitation, revision).as_bytes().ct_eq(text.as_bytes()).into())
}
