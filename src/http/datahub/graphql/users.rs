//! Users: who there is, inviting, suspending and removing them, and their roles.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::corp_user::{CorpUser, CorpUserStatus};
use super::problem::Problem;
use super::service_accounts::containing;
use super::{Asking, Window, total};
use crate::domain::error::Violation;
use crate::domain::fields::UserField;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::profile::{AspectName, Writing};
use crate::http::datahub::urn;
use crate::service::authz::platform_access;
use crate::service::people::{invites, profiles, users};

/// How many users can be given a role at once, in one transaction.
const ACTORS: usize = 1000;

/// What can be asked about users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// List users by their names.
    async fn list_users(
        &self,
        context: &Context<'_>,
        input: ListUsersInput,
    ) -> Option<Result<ListUsersResult, Problem>> {
        Some(list(context, input).await)
    }

    /// One user, or service account.
    async fn corp_user(&self, context: &Context<'_>, urn: String) -> Option<Result<Option<CorpUser>, Problem>> {
        Some(find(context, &urn).await)
    }

    /// The invitation that lets people sign up: the same one until the next `createInviteToken`.
    async fn get_invite_token(
        &self,
        context: &Context<'_>,
        input: GetInviteTokenInput,
    ) -> Option<Result<InviteToken, Problem>> {
        Some(invite(context, input.role_urn, Invite::Current).await)
    }

    /// What a user may do, and why.
    async fn debug_access(&self, context: &Context<'_>, user_urn: String) -> Result<DebugAccessResult, Problem> {
        let asking = Asking::of(context)?;
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

async fn list(context: &Context<'_>, input: ListUsersInput) -> Result<ListUsersResult, Problem> {
    let asking = Asking::of(context)?;
    let service = &asking.state.service;
    let window = Window::new(input.start, input.count, 20)?;
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

async fn find(context: &Context<'_>, urn: &str) -> Result<Option<CorpUser>, Problem> {
    let asking = Asking::of(context)?;
    let username = urn::user("urn", urn)?;
    let found = profiles::find(&asking.state.service, &asking.actor, username).await?;
    Ok(found.as_ref().map(CorpUser::from))
}

/// What can be done with users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Remove a user for good; one who does not exist is no error.
    async fn remove_user(&self, context: &Context<'_>, urn: String) -> Option<Result<bool, Problem>> {
        Some(remove(context, &urn).await)
    }

    /// Suspend a user, or let them in again.
    async fn update_user_status(
        &self,
        context: &Context<'_>,
        urn: String,
        status: CorpUserStatus,
    ) -> Option<Result<String, Problem>> {
        Some(set_status(context, urn, status).await)
    }

    /// Give users and service accounts a role; without one, take theirs away.
    async fn batch_assign_role(
        &self,
        context: &Context<'_>,
        input: BatchAssignRoleInput,
    ) -> Option<Result<bool, Problem>> {
        Some(assign(context, input).await)
    }

    /// Make every invitation void, and ask for a new one.
    async fn create_invite_token(
        &self,
        context: &Context<'_>,
        input: CreateInviteTokenInput,
    ) -> Option<Result<InviteToken, Problem>> {
        Some(invite(context, input.role_urn, Invite::Renewed).await)
    }
}

async fn remove(context: &Context<'_>, urn: &str) -> Result<bool, Problem> {
    let asking = Asking::of(context)?;
    users::remove(&asking.state.service, &asking.actor, urn::user("urn", urn)?).await?;
    Ok(true)
}

async fn set_status(context: &Context<'_>, urn: String, status: CorpUserStatus) -> Result<String, Problem> {
    let asking = Asking::of(context)?;
    let username = urn::user("urn", &urn)?;
    let value = serde_json::json!({"status": status.name()});
    let writing = Writing::new(username, AspectName::CorpUserStatus, value);
    let writing = writing.map_err(|message| Violation::new("status", message))?;
    profiles::write(&asking.state.service, &asking.actor, vec![writing]).await?;
    Ok(urn)
}

async fn assign(context: &Context<'_>, input: BatchAssignRoleInput) -> Result<bool, Problem> {
    let asking = Asking::of(context)?;
    let role = input.role_urn.map(|urn| urn::role("roleUrn", &urn)).transpose()?;
    if input.actors.len() > ACTORS {
        return Err(Violation::new("actors", format!("must have at most {ACTORS} members")).into());
    }
    let actors = input.actors.iter().map(|urn| urn::user("actors", urn)).collect::<Result<_, _>>()?;
    users::assign_role(&asking.state.service, &asking.actor, actors, role).await?;
    Ok(true)
}

/// Which invitation is wanted.
#[derive(Clone, Copy)]
enum Invite {
    Current,
    Renewed,
}

/// Whoever signs up without a role in the invitation looks on.
async fn invite(context: &Context<'_>, role_urn: Option<String>, which: Invite) -> Result<InviteToken, Problem> {
    let asking = Asking::of(context)?;
    let role = role_urn.map_or(Ok(Role::Guest), |urn| urn::role("roleUrn", &urn))?;
    let invite_token = match which {
        Invite::Current => invites::get(&asking.state.service, &asking.actor, role).await?,
        Invite::Renewed => invites::renew(&asking.state.service, &asking.actor, role).await?,
    };
    Ok(InviteToken { invite_token })
}

/// One page of users.
#[derive(SimpleObject)]
pub struct ListUsersResult {
    /// Where the page begins.
    start: i32,
    /// How many were asked for.
    count: i32,
    /// How many there are.
    total: i32,
    /// The users.
    users: Vec<CorpUser>,
}

/// Which users.
#[derive(Debug, InputObject)]
pub struct ListUsersInput {
    /// After so many.
    start: Option<i32>,
    /// At most so many; 20 if left out.
    count: Option<i32>,
    /// Part of a name or of an address.
    query: Option<String>,
}

/// Lets people sign up.
#[derive(SimpleObject)]
pub struct InviteToken {
    /// To be handed out.
    invite_token: String,
}

/// Which invitation.
#[derive(Debug, InputObject)]
pub struct GetInviteTokenInput {
    /// The role of who signs up with it; `Reader` if left out.
    role_urn: Option<String>,
}

/// Which invitation.
#[derive(Debug, InputObject)]
pub struct CreateInviteTokenInput {
    /// The role of who signs up with it; `Reader` if left out.
    role_urn: Option<String>,
}

/// Who gets which role.
#[derive(Debug, InputObject)]
pub struct BatchAssignRoleInput {
    /// The role; none takes theirs away.
    role_urn: Option<String>,
    /// Users and service accounts.
    actors: Vec<String>,
}

/// What a user may do, and why.
#[derive(SimpleObject)]
pub struct DebugAccessResult {
    /// Their role.
    roles: Vec<String>,
    /// Tessera knows no groups.
    groups: Vec<String>,
    /// Tessera knows no groups.
    groups_with_roles: Vec<String>,
    /// Tessera knows no groups.
    roles_via_groups: Vec<String>,
    /// Their role.
    all_roles: Vec<String>,
    /// The policies about them.
    policies: Vec<String>,
    /// What they may do on the platform.
    privileges: Vec<String>,
}
