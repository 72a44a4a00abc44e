//! Invitations: whoever has one can sign up. They are computed, not stored, so that asking again gives the same one.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::principal::Role;

/// The roles one can be invited to.
pub const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// The invitation to a role, as long as `revision` is the current one: 64 hexadecimal digits.
#[must_use]
pub fn write(mut keyed: Hmac<Sha256>, role: Role, revision: i64) -> String {
    keyed.update(&revision.to_be_bytes());
    keyed.update(role.name().as_bytes());
    data_encoding::HEXLOWER.encode(&keyed.finalize().into_bytes())
}

/// The role that a text invites to; `None` for anything that [`write()`] does not write now.
#[must_use]
pub fn read(keyed: &Hmac<Sha256>, text: &str, revision: i64) -> Option<Role> {
    ROLES.into_iter().find(|role| write(keyed.clone(), *role, revision).as_bytes().ct_eq(text.as_bytes()).into())
}
