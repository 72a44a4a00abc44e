//! Keeps at least one enabled administrator, so that the installation cannot be locked out.

use crate::domain::error::{Error, Result};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::service::authn::passwords::NOBODY;
use crate::service::{Service, Transaction};
use crate::storage::principals;

/// Checks that `leaving`, a user about to lose the role `$admin`, the means to sign in, or the whole record, is not the
/// last administrator. Call it before the change.
///
/// # Errors
/// [`Error::Conflict`]
pub(in crate::service) fn keep_one(transaction: &mut Transaction<'_>, leaving: &Principal) -> Result<()> {
    if leaving.kind != PrincipalKind::User || leaving.role != Role::Admin || !leaving.enabled {
        return Ok(());
    }
    principals::lock_administrators(transaction.connection)?;
    let left = principals::administrators(transaction.connection, NOBODY)?;
    if left.iter().any(|id| *id != leaving.id) || !left.contains(&leaving.id) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "`{}` is the last enabled user with the role `{}`: only the command line can take that away",
        leaving.username(),
        Role::Admin.name()
    )))
}

/// Whether another enabled user has the role `$admin`, so that the rule of a provider may take it from this one. Comes before
/// the change, which nobody makes at the same time. Here it does not matter how they sign in: whom a provider made an
/// administrator may have no password.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn may_lose_one(transaction: &mut Transaction<'_>, leaving: &Principal) -> Result<bool> {
    if leaving.role != Role::Admin || !leaving.enabled {
        return Ok(true);
    }
    principals::lock_administrators(transaction.connection)?;
    principals::has_other_administrator(transaction.connection, leaving.id)
}

/// How many enabled users have the role `$admin` and can sign in.
///
/// # Errors
/// When the storage fails.
pub async fn count(service: &Service) -> Result<usize> {
    service.read(|connection| Ok(principals::administrators(connection, NOBODY)?.len())).await
}
