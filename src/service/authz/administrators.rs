//! Keeps at least one enabled administrator, so that the installation cannot be locked out.

use crate::domain::error::{Error, Result};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::{Service, Transaction};
use crate::storage::principals;

/// Checks that `leaving`, a user about to lose the role `$admin`, the means to sign in, or the whole record, is not the
/// last administrator. Call it before the change.
///
/// # Errors
/// [`Error::Conflict`]
pub(in crate::service) fn check_not_last(transaction: &mut Transaction<'_>, leaving: &Principal) -> Result<()> {
    if leaving.kind != PrincipalKind::User || leaving.role != Role::Admin || !leaving.enabled {
        return Ok(());
    }
    principals::lock_administrators(transaction.connection)?;
    let left = principals::administrators(transaction.connection, UNUSABLE_HASH)?;
    if left.iter().any(|id| *id != leaving.id) || !left.contains(&leaving.id) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "`{}` is the last enabled user with the role `{}`: only the command line can take that away",
        leaving.username(),
        Role::Admin.name()
    )))
}

/// Whether another enabled user has the role `$admin`, so that a provider's mapping may take it from this one. Call it before
/// the change; the lock prevents a concurrent one. Users without a password count too: they sign in with a provider.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn is_not_last(transaction: &mut Transaction<'_>, leaving: &Principal) -> Result<bool> {
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
    service.read(|connection| Ok(principals::administrators(connection, UNUSABLE_HASH)?.len())).await
}
