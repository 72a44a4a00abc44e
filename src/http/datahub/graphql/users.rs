//! Users: listing, inviting, suspending and removing them, and assigning roles.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::corp_user::{CorpUser, CorpUserStatus};
use super::problem::FieldError;
use super::service_accounts::containing;
use super::{PageRequest, RequestContext, total};
use crate::domain::error::Violation;
use crate::domain::fields::UserField;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::profile::{AspectName, AspectWrite};
use crate::http::datahub::urn;
use crate::service::authz::platform_access;
use crate::service::people::{invitation_links, profiles, users};

/// The most users that one request can assign a role to, in one transaction.
const ACTORS: usize = 1000;

/// Queries about users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// List users, ordered by user name.
    async fn list_users(
        &self,
        context: &Context<'_>,
        input: ListUsersInput,
    ) -> Option<Result<ListUsersResult, FieldError>> {
        Some(list(context, input).await)
    }

    /// Get a user or a service account.
    async fn corp_user(&self, context: &Context<'_>, urn: String) -> Option<Result<Option<CorpUser>, FieldError>> {
        Some(find(context, &urn).await)
    }

    /// Get the invitation to sign up. It stays the same until the next `createInviteToken`.
    async fn get_invite_token(
        &self,
        context: &Context<'_>,
        input: GetInviteTokenInput,
    ) -> Option<Result<InviteToken, FieldError>> {
        Some(invite(context, input.role_urn, Invite::Current).await)
    }

    /// Explain the privileges of a user.
    async fn debug_access(&self, context: &Context<'_>, user_urn: String) -> Result<DebugAccessResult, FieldError> {
        let asking = RequestContext::of(context)?;
        let username = urn::user("userUrn", &user_urn)?;
        let access = platform_access::get(&asking.state.service, &asking.actor, username).await?;
        let roles: Vec<String> = urn::of_role(access.role).into_iter().collect();
        Ok(DebugAccessResult {
            all_roles: roles.clone(),
            roles,
            groups: Vec::new(),
            groups_with_roles: Vec::new(),
            roles_via_groups: Vec::new(),
            policies: access.policies.into_iter().map(|policy| policy.qualified_name).collect(),
            privileges: access.permissions.iter().map(|permission| Permission::name(permission).to_owned()).collect(),
        })
    }
}

async fn list(context: &Context<'_>, input: ListUsersInput) -> Result<ListUsersResult, FieldError> {
    let asking = RequestContext::of(context)?;
    let service = &asking.state.service;
    let window = PageRequest::new(input.start, input.count, 20)?;
    let query = Query::<UserField> {
        filter: containing(input.query.as_deref(), &[UserField::Username, UserField::Email]),
        sort: Sort::parse("")?,
        limit: window.count.into(),
        start: Start::Offset(window.start.into()),
        totals: Totals::Exact,
    };
    let page = users::list(service, &asking.actor, query).await?;
    let total = total(page.counts);
    let ids = page.records.iter().map(|user| user.principal.id).collect();
    let found = profiles::list(service, &asking.actor, ids).await?;
    let users = found.iter().map(CorpUser::from).collect();
    Ok(ListUsersResult { start: window.start, count: window.count, total, users })
}

async fn find(context: &Context<'_>, urn: &str) -> Result<Option<CorpUser>, FieldError> {
    let asking = RequestContext::of(context)?;
    let username = urn::user("urn", urn)?;
    let found = profiles::find(&asking.state.service, &asking.actor, username).await?;
    Ok(found.as_ref().map(CorpUser::from))
}

/// Mutations of users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Remove a user permanently. An unknown user is no error.
    async fn remove_user(&self, context: &Context<'_>, urn: String) -> Option<Result<bool, FieldError>> {
        Some(remove(context, &urn).await)
    }

    /// Suspend or reinstate a user.
    async fn update_user_status(
        &self,
        context: &Context<'_>,
        urn: String,
        status: CorpUserStatus,
    ) -> Option<Result<String, FieldError>> {
        Some(set_status(context, urn, status).await)
    }

    /// Assign a role to users and service accounts; without `roleUrn`, remove their role.
    async fn batch_assign_role(
        &self,
        context: &Context<'_>,
        input: BatchAssignRoleInput,
    ) -> Option<Result<bool, FieldError>> {
        Some(assign(context, input).await)
    }

    /// Revoke every invitation and create a new one.
    async fn create_invite_token(
        &self,
        context: &Context<'_>,
        input: CreateInviteTokenInput,
    ) -> Option<Result<InviteToken, FieldError>> {
        Some(invite(context, input.role_urn, Invite::Renewed).await)
    }
}

async fn remove(context: &Context<'_>, urn: &str) -> Result<bool, FieldError> {
    let asking = RequestContext::of(context)?;
    users::remove(&asking.state.service, &asking.actor, urn::user("urn", urn)?).await?;
    Ok(true)
}

async fn set_status(context: &Context<'_>, urn: String, status: CorpUserStatus) -> Result<String, FieldError> {
    let asking = RequestContext::of(context)?;
    let username = urn::user("urn", &urn)?;
    let value = serde_json::json!({"status": status.name()});
    let writing = AspectWrite::new(username, AspectName::CorpUserStatus, value);
    let writing = writing.map_err(|message| Violation::new("status", message))?;
    profiles::write(&asking.state.service, &asking.actor, vec![writing]).await?;
    Ok(urn)
}

async fn assign(context: &Context<'_>, input: BatchAssignRoleInput) -> Result<bool, FieldError> {
    let asking = RequestContext::of(context)?;
    let role = input.role_urn.map(|urn| urn::role("roleUrn", &urn)).transpose()?;
    if input.actors.len() > ACTORS {
        return Err(Violation::new("actors", format!("must have at most {ACTORS} members")).into());
    }
    let actors = input.actors.iter().map(|urn| urn::user("actors", urn)).collect::<Result<_, _>>()?;
    users::assign_role(&asking.state.service, &asking.actor, actors, role).await?;
    Ok(true)
}

/// Whether to get the current invitation or to renew it.
#[derive(Clone, Copy)]
enum Invite {
    Current,
    Renewed,
}

/// Gets or renews the invitation; without `roleUrn`, for the role guest.
async fn invite(context: &Context<'_>, role_urn: Option<String>, which: Invite) -> Result<InviteToken, FieldError> {
    let asking = RequestContext::of(context)?;
    let role = role_urn.map_or(Ok(Role::Guest), |urn| urn::role("roleUrn", &urn))?;
    let invite_token = match which {
        Invite::Current => invitation_links::get(&asking.state.service, &asking.actor, role).await?,
        Invite::Renewed => invitation_links::renew(&asking.state.service, &asking.actor, role).await?,
    };
    Ok(InviteToken { invite_token })
}

/// One page of users.
#[derive(SimpleObject)]
pub struct ListUsersResult {
    /// The offset of the page.
    start: i32,
    /// The requested length of the page.
    count: i32,
    /// The number of users in all pages.
    total: i32,
    /// The users.
    users: Vec<CorpUser>,
}

/// The page and the filter of users.
#[derive(Debug, InputObject)]
pub struct ListUsersInput {
    /// The offset of the page.
    start: Option<i32>,
    /// The most users; 20 by default.
    count: Option<i32>,
    /// A part of the user name or e-mail address.
    query: Option<String>,
}

/// An invitation to sign up.
#[derive(SimpleObject)]
pub struct InviteToken {
    /// The invite token.
    invite_token: String,
}

/// The invitation to get.
#[derive(Debug, InputObject)]
pub struct GetInviteTokenInput {
    /// The role of users that sign up with it; `Reader` by default.
    role_urn: Option<String>,
}

/// The invitation to create.
#[derive(Debug, InputObject)]
pub struct CreateInviteTokenInput {
    /// The role of users that sign up with it; `Reader` by default.
    role_urn: Option<String>,
}

/// An assignment of a role.
#[derive(Debug, InputObject)]
pub struct BatchAssignRoleInput {
    /// The role; without it, roles are removed.
    role_urn: Option<String>,
    /// Users and service accounts.
    actors: Vec<String>,
}

/// The privileges of a user, and their sources.
#[derive(SimpleObject)]
pub struct DebugAccessResult {
    /// The user's role.
    roles: Vec<String>,
    /// Always empty: Tessera has no groups.
    groups: Vec<String>,
    /// Always empty: Tessera has no groups.
    groups_with_roles: Vec<String>,
    /// Always empty: Tessera has no groups.
    roles_via_groups: Vec<String>,
    /// The user's role.
    all_roles: Vec<String>,
    /// The policies about the user.
    policies: Vec<String>,
    /// The user's privileges on the platform.
    privileges: Vec<String>,
}
