//! Service accounts that are not API keys: create, list, get, delete. Roles and policies give them their permissions.

use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::filter::Filter;
use crate::domain::ids::Id;
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::service_account::{ServiceAccount, ServiceAccountField, generate_username};
use crate::domain::text::{Description, DisplayName};
use crate::service::Service;
use crate::service::authz::{containment, sight};
use crate::storage::principals::{self, Existed};
use crate::storage::removals;
use crate::storage::service_accounts;

/// Creates a service account without any permission.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn create(
    service: &Service,
    actor: &Actor,
    display_name: Option<DisplayName>,
    description: Description,
) -> Result<ServiceAccount> {
    service.require(actor, Permission::ManageServiceAccounts)?;
    service
        .write(actor, move |transaction| {
            let now = transaction.now;
            let username = generate_username(transaction.service.entropy)?;
            let account = ServiceAccount {
                display_name: display_name.as_ref().map_or_else(|| username.clone(), |name| name.as_str().to_owned()),
                principal: Principal {
                    id: Id::new(now, transaction.service.entropy)?,
                    kind: PrincipalKind::ServiceAccount,
                    chosen_name: Some(username.as_str().into()),
                    role: Role::ApiToken,
                    enabled: true,
                    created_at: now,
                },
                description: description.as_str().to_owned(),
                created_by: transaction.actor.username().to_string(),
                created_at: now,
                updated_at: now,
            };
            principals::insert(transaction.connection, &account.principal)?;
            service_accounts::insert(transaction.connection, &account)?;
            let subject = ChangeSubject::Principal(account.principal.id.uuid());
            transaction.record(Action::ServiceAccountCreated, subject, &username)?;
            Ok(account)
        })
        .await
}

/// One page of service accounts.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, query: Query<ServiceAccountField>) -> Result<Page<ServiceAccount>> {
    service.require(actor, Permission::ManageServiceAccounts)?;
    service.page(actor, query, Filter::EVERYTHING).await
}

/// The service account with this user name.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`]
pub async fn get(service: &Service, actor: &Actor, username: String) -> Result<ServiceAccount> {
    service.require(actor, Permission::ManageServiceAccounts)?;
    let found = {
        let username = username.clone();
        service.read(move |connection| service_accounts::find_by_username(connection, &username)).await?
    };
    found.ok_or(Error::NotFound { kind: "service account", id: username })
}

/// Deletes a service account, which ends its tokens at once.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], or a violation for another kind of principal.
pub async fn delete(service: &Service, actor: &Actor, username: String) -> Result<()> {
    service.require(actor, Permission::ManageServiceAccounts)?;
    let began = Instant::now();
    let outcome = service
        .write_first(actor, move |transaction| {
            let found = principals::lock(transaction.connection, &username)?;
            let found = found.filter(|found| sight::principals(transaction.actor).sees(found));
            let Some(principal) = found else {
                return Err(Error::NotFound { kind: "service account", id: username.clone() });
            };
            if service_accounts::find_by_username(transaction.connection, &username)?.is_none() {
                let message = format!("The specified URN is not a service account: urn:li:corpuser:{username}");
                return Err(Violation::new("urn", message).into());
            }
            containment::may_change(transaction, principal.id)?;
            if removals::principal(transaction.connection, principal.id, PrincipalKind::ServiceAccount)? == Existed::No
            {
                return Err(Error::NotFound { kind: "service account", id: username.clone() });
            }
            if transaction.actor.id() == principal.id {
                transaction.ends_own_credential();
            }
            transaction.record(Action::ServiceAccountDeleted, ChangeSubject::Principal(principal.id.uuid()), &username)
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}
