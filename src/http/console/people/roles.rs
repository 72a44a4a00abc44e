//! `/people/roles`: what each role may do, and which users have it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use form_urlencoded::Serializer;

use crate::domain::error::Result as DomainResult;
use crate::domain::fields::UserField;
use crate::domain::listing::Query;
use crate::domain::policy::{Bucket, Effect, Policy};
use crate::domain::principal::Role;
use crate::http::console::list::is;
use crate::http::console::signed_in::allowed;
use crate::http::console::words::meaning;
use crate::http::console::{Page, SignedInRequest};
use crate::http::problem::Failure;
use crate::service::catalogue::policies::{self, PolicySearch};
use crate::service::people::users;

#[derive(Template)]
#[template(path = "people/roles.html")]
struct Overview {
    page: Page,
    roles: Vec<RoleView>,
    /// Whether the user may read the policies that add to roles.
    sees_policies: bool,
}

/// A role, in words.
struct RoleView {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    permissions: Vec<&'static str>,
    policies: Vec<PolicyLine>,
    users: Vec<String>,
    more_users: bool,
}

/// A policy that names a role or every user.
struct PolicyLine {
    name: String,
    /// The URL that finds it.
    to: String,
    allows: bool,
    actions: usize,
}

/// The most users of a role that are shown.
const USERS: i64 = 12;

/// The most policies that are read.
const POLICIES: usize = 1_000;

/// `GET /people/roles`
///
/// # Errors
/// When the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.params().only(&[])?;
    let policies = allowed(policies(&request).await)?;
    let mut roles = Vec::new();
    for role in Role::ALL {
        let users = if role == Role::ApiToken { (Vec::new(), false) } else { having(&request, role).await? };
        roles.push(view(role, users, policies.as_deref().unwrap_or_default()));
    }
    let page = request.page("Roles", "people")?;
    request.answer(StatusCode::OK, &Overview { page, roles, sees_policies: policies.is_some() })
}

/// The policies of the platform that are in effect.
async fn policies(request: &SignedInRequest) -> DomainResult<Vec<Policy>> {
    let search = PolicySearch { count: POLICIES, ..PolicySearch::default() };
    let found = policies::list(&request.state.service, &request.actor, search).await?;
    Ok(found.records.into_iter().filter(|policy| policy.enabled).collect())
}

/// Names of users with a role, and whether there are more.
async fn having(request: &SignedInRequest, role: Role) -> Result<(Vec<String>, bool), Failure> {
    let query = Query::first_page(is(UserField::Role, role.name()), "username", USERS)?;
    let found = users::list(&request.state.service, &request.actor, query).await?;
    let names = found.records.iter().map(|user| user.principal.username().to_string()).collect();
    Ok((names, found.next.is_some()))
}

fn view(role: Role, (users, more_users): (Vec<String>, bool), policies: &[Policy]) -> RoleView {
    let concerns = |policy: &&Policy| {
        policy.rule.subjects.buckets().any(|bucket| match bucket {
            // Not API keys.
            Bucket::Everyone => role != Role::ApiToken,
            bucket => bucket == Bucket::Role(role.name()),
        })
    };
    let line = |policy: &Policy| PolicyLine {
        to: format!("policies?{}", Serializer::new(String::new()).append_pair("q", &policy.name).finish()),
        name: policy.name.clone(),
        allows: policy.rule.effect == Effect::Allow,
        actions: policy.rule.actions.len(),
    };
    RoleView {
        name: role.name(),
        title: role.description(),
        text: text(role),
        permissions: if role == Role::Admin {
            Vec::new()
        } else {
            role.permissions().iter().map(|permission| meaning(permission).1).collect()
        },
        policies: policies.iter().filter(concerns).map(line).collect(),
        users,
        more_users,
    }
}

fn text(role: Role) -> &'static str {
    match role {
        Role::Admin => "Does everything: manages keys, people, personas and policies, and gives every role.",
        Role::Member => "Sees which keys and users there are. Personas and policies give it more.",
        Role::Guest => "Sees only itself. Personas and policies give it more.",
        Role::ApiToken => {
            "The role of each API key and each new service account: it sees, uses and deletes only itself."
        }
    }
}
