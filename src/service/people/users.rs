//! Local users: managed by the operator on the command line, and by actors that manage users.

use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::fields::UserField;
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::listing::{Page, Query};
use crate::domain::password::PasswordRule;
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind, PrincipalState, Role};
use crate::domain::token::TokenKind;
use crate::domain::user::{NamedBy, User, check_username};
use crate::service::authz::outgrown::end_outgrown_tokens;
use crate::service::authz::{administrators, containment, sight};
use crate::service::{Service, Transaction};
use crate::storage::principals::{self, Existed};
use crate::storage::removals;
use crate::storage::{credentials, identities, invitation_links, users};

/// What is needed to create a user.
pub struct NewUser {
    /// Unique among all principals.
    pub username: String,
    /// The user's role.
    pub role: Role,
    /// The email address; may be empty.
    pub email: String,
    /// The password; `None` generates a random one.
    pub password: Option<String>,
}

/// Creates a user and returns the password.
///
/// # Errors
/// Violations, or [`Error::Conflict`] when the name is taken.
pub async fn create(service: &Service, operator: &Actor, new: NewUser) -> Result<String> {
    check_username(&new.username, NamedBy::Operator).map_err(|message| Violation::new("username", message))?;
    let (password, hash) = new_password(service, &new.username, new.password)?;
    service
        .write(operator, move |transaction| {
            let principal = Principal {
                id: Id::new(transaction.now, transaction.service.entropy)?,
                kind: PrincipalKind::User,
                chosen_name: Some(new.username.as_str().into()),
                role: new.role,
                enabled: true,
                created_at: transaction.now,
            };
            principals::insert(transaction.connection, &principal)?;
            let user = User { principal, display_name: new.username.clone(), email: new.email.clone() };
            users::insert(transaction.connection, &user, &hash)?;
            recorded(transaction, Action::UserCreated, &user.principal)
        })
        .await?;
    Ok(password)
}

/// What happens to a user's personal access tokens when the password changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalTokens {
    /// The tokens stay valid, so that programs that use them keep working.
    Keep,
    /// The tokens are revoked at once.
    Revoke,
}

/// The result of setting a password.
#[derive(Debug)]
pub struct NewPassword {
    /// The password.
    pub password: String,
    /// How many of the user's personal access tokens had not expired.
    pub tokens: usize,
}

/// Sets a user's password, ends all the user's sessions, and voids the user's invitations.
///
/// # Errors
/// [`Error::NotFound`], or a violation; [`Error::Conflict`] for a user who signs in with a provider, and whom a password
/// would let in after leaving the company.
pub async fn set_password(
    service: &Service,
    operator: &Actor,
    username: String,
    password: Option<String>,
    tokens: PersonalTokens,
) -> Result<NewPassword> {
    let (password, hash) = new_password(service, &username, password)?;
    let tokens = change(service, operator, username, Action::UserPasswordSet, move |transaction, user| {
        if identities::has_any(transaction.connection, user.id)? {
            let name = user.username();
            return Err(Error::Conflict(format!("`{name}` signs in with a provider, and so has no password")));
        }
        let existed = users::set_password(transaction.connection, user.id, &hash)?;
        credentials::delete_all(transaction.connection, user.id, TokenKind::Session)?;
        let alive = credentials::count_alive(transaction.connection, user.id, TokenKind::Personal, transaction.now)?;
        // They may have been made with the old password.
        invitation_links::end_all_of(transaction.connection, user.id)?;
        if tokens == PersonalTokens::Revoke {
            credentials::delete_all(transaction.connection, user.id, TokenKind::Personal)?;
        }
        Ok((existed, alive))
    })
    .await?;
    Ok(NewPassword { password, tokens })
}

/// Changes a user's role.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn set_role(service: &Service, operator: &Actor, username: String, role: Role) -> Result<()> {
    change(service, operator, username, Action::UserUpdated, move |transaction, user| {
        let existed = principals::set_role(transaction.connection, user.id, role)?;
        end_outgrown_tokens(transaction, user)?;
        Ok((existed, ()))
    })
    .await
}

/// Enables or disables a user; disabling ends the user's sessions and voids the user's invitations. API keys that the
/// user created stay valid: they are actors of their own.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn set_state(service: &Service, operator: &Actor, username: String, state: PrincipalState) -> Result<()> {
    change(service, operator, username, Action::UserUpdated, move |transaction, user| {
        Ok((write_state(transaction, user.id, state, Sessions::End)?, ()))
    })
    .await
}

/// Enables or disables a user on behalf of an actor. Disabling ends the user's sessions and open invitations; access tokens are
/// refused until the user is enabled again.
///
/// # Errors
/// [`Error::Forbidden`], also for a user who reaches more than the actor; [`Error::NotFound`]; [`Error::Conflict`] for the
/// last administrator.
pub async fn change_state(service: &Service, actor: &Actor, username: String, state: PrincipalState) -> Result<()> {
    service.require(actor, Permission::ManageUsersAndGroups)?;
    let work = move |transaction: &mut Transaction<'_>| {
        let found = principals::lock(transaction.connection, &username)?;
        let user = found.filter(|found| found.kind == PrincipalKind::User).ok_or_else(|| not_found(&username))?;
        containment::may_change(transaction, user.id)?;
        match state {
            PrincipalState::Enabled => containment::may_readmit(transaction, user.id)?,
            PrincipalState::Disabled => administrators::check_not_last(transaction, &user)?,
        }
        write_state(transaction, user.id, state, Sessions::End)?;
        recorded(transaction, Action::UserUpdated, &user)
    };
    match state {
        PrincipalState::Enabled => service.write(actor, work).await,
        PrincipalState::Disabled => service.write_first(actor, work).await,
    }
}

/// What happens to the sessions of a principal that is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// They end.
    End,
    /// They are refused until the principal is enabled again.
    Keep,
}

/// Enables or disables a principal that the transaction has locked, perhaps that of its actor. Disabling ends its open
/// invitations and its invitation links: enabling it again gives none of them back.
pub(super) fn write_state(
    transaction: &mut Transaction<'_>,
    id: PrincipalId,
    state: PrincipalState,
    sessions: Sessions,
) -> Result<Existed> {
    if state == PrincipalState::Disabled {
        if transaction.actor.id() == id {
            transaction.ends_own_access()?;
        }
        if sessions == Sessions::End {
            credentials::delete_all(transaction.connection, id, TokenKind::Session)?;
        }
        invitation_links::end_all_of(transaction.connection, id)?;
    }
    principals::set_state(transaction.connection, id, state)
}

/// Deletes a user with all sessions. API keys that the user created stay.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn delete(service: &Service, operator: &Actor, username: String) -> Result<()> {
    change(service, operator, username, Action::UserDeleted, move |transaction, user| {
        Ok((removals::principal(transaction.connection, user.id, PrincipalKind::User)?, ()))
    })
    .await
}

/// Deletes a user permanently on behalf of an actor. Returns how many were deleted: a missing user is no error.
///
/// # Errors
/// [`Error::Forbidden`], also for a user who reaches more than the actor; [`Error::Conflict`] for the last
/// administrator.
pub async fn remove(service: &Service, actor: &Actor, username: String) -> Result<i32> {
    service.require(actor, Permission::ManageUsersAndGroups)?;
    service
        .write_first(actor, move |transaction| {
            let Some(user) = principals::lock(transaction.connection, &username)? else { return Ok(0) };
            if user.kind != PrincipalKind::User {
                return Ok(0);
            }
            containment::may_change(transaction, user.id)?;
            administrators::check_not_last(transaction, &user)?;
            let existed = removals::principal(transaction.connection, user.id, PrincipalKind::User)?;
            if existed == Existed::Yes {
                if transaction.actor.id() == user.id {
                    transaction.ends_own_credential();
                }
                recorded(transaction, Action::UserDeleted, &user)?;
            }
            Ok(i32::from(existed == Existed::Yes))
        })
        .await
}

/// Changes the role of users, and of service accounts that are not API keys, on behalf of an actor: all or none. `None`
/// sets the lowest role of their kind.
///
/// # Errors
/// [`Error::Forbidden`], also for a principal that reaches more than the actor before or with the role;
/// [`Error::NotFound`]; [`Error::Conflict`] for the last administrator.
pub async fn assign_role(service: &Service, actor: &Actor, usernames: Vec<String>, role: Option<Role>) -> Result<()> {
    if !actor.permissions().contains(Permission::ManagePolicies) {
        service.require(actor, Permission::ManageUsersAndGroups)?;
    }
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            for username in &usernames {
                let found = principals::lock(transaction.connection, username)?;
                let found = found.filter(|found| found.chosen_name.is_some()).ok_or_else(|| not_found(username))?;
                let least = match found.kind {
                    PrincipalKind::User => Role::Guest,
                    PrincipalKind::ServiceAccount => Role::ApiToken,
                };
                let role = role.unwrap_or(least);
                let changing = containment::may_change(transaction, found.id)?;
                if role != Role::Admin {
                    administrators::check_not_last(transaction, &found)?;
                }
                principals::set_role(transaction.connection, found.id, role)?;
                if transaction.actor.id() == found.id && found.role != role {
                    transaction.changes_own_role(role);
                }
                changing.finish_unbounded(transaction)?;
                end_outgrown_tokens(transaction, &found)?;
                recorded(transaction, Action::UserUpdated, &found)?;
            }
            Ok(())
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

async fn change<T: Send + 'static>(
    service: &Service,
    operator: &Actor,
    username: String,
    action: Action,
    work: impl Fn(&mut Transaction<'_>, &Principal) -> Result<(Existed, T)> + Send + 'static,
) -> Result<T> {
    service
        .write(operator, move |transaction| {
            let found = principals::lock(transaction.connection, &username)?;
            let user = found.filter(|found| found.kind == PrincipalKind::User).ok_or_else(|| not_found(&username))?;
            let (existed, outcome) = work(transaction, &user)?;
            if existed == Existed::No {
                return Err(not_found(&username));
            }
            recorded(transaction, action, &user)?;
            Ok(outcome)
        })
        .await
}

fn recorded(transaction: &mut Transaction<'_>, action: Action, user: &Principal) -> Result<()> {
    transaction.record(action, ChangeSubject::Principal(user.id.uuid()), &user.username().to_string())
}

fn new_password(service: &Service, username: &str, password: Option<String>) -> Result<(String, String)> {
    let password = password.map_or_else(|| service.generate_password(), Ok)?;
    PasswordRule::default().check(&password, username).map_err(|message| Violation::new("password", message))?;
    let hash = service.hash_password(&password)?;
    Ok((password, hash))
}

fn not_found(username: &str) -> Error {
    Error::NotFound { kind: "user", id: username.to_owned() }
}

/// One page of the users that the actor sees.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor, query: Query<UserField>) -> Result<Page<User>> {
    let began = Instant::now();
    let listed = service.page(actor, query, sight::users(service, actor)).await?;
    sight::delay_if_missing(began, listed, |page| page.records.is_empty()).await
}

/// The actor as a user; `None` for a service account.
///
/// # Errors
/// When the storage fails.
pub async fn current(service: &Service, actor: &Actor) -> Result<Option<User>> {
    let id = actor.id();
    service.read(move |connection| users::find(connection, id)).await
}
