//! `/people`: users and their roles. Beneath it: service accounts, invitations, and what roles may do.

pub mod change;
pub mod invitations;
pub mod program;
pub mod programs;
pub mod roles;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use form_urlencoded::Serializer;

use super::list::{ActiveFilter, Column, ListUrl, contains, is};
use super::words::DisplayTime;
use super::{Page, SignedInRequest};
use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::fields::UserField;
use crate::domain::filter::Filter;
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::user::User;
use crate::http::problem::Failure;
use crate::service::people::users;

#[derive(Template)]
#[template(path = "people/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    active_filters: Vec<ActiveFilter>,
    name: Column,
    created: Column,
    rows: Vec<Row>,
    next: Option<String>,
    roles: [Role; 3],
    may_change: bool,
    may_remove: bool,
    sees_all: bool,
    notice: &'static str,
}

/// A user, in words.
struct Row {
    username: String,
    /// The query of the page that asks before this user is removed.
    query: String,
    display_name: String,
    email: String,
    role: Role,
    is_enabled: bool,
    is_own: bool,
    created: Option<DisplayTime>,
}

impl Row {
    fn of(user: User, actor: &Actor, now: i64) -> Self {
        let username = user.principal.username().to_string();
        Self {
            query: Serializer::new(String::new()).append_pair("username", &username).finish(),
            username,
            display_name: user.display_name,
            email: user.email,
            role: user.principal.role,
            is_enabled: user.principal.enabled,
            is_own: user.principal.id == actor.id(),
            created: DisplayTime::of(user.principal.created_at, now),
        }
    }
}

/// The roles that a user can have.
const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// `GET /people`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("people", &params, &["q", "role"])?;
    let mut wanted = Vec::new();
    match list_url.value("q") {
        "" => {}
        text => wanted.push(Filter::Any(vec![contains(UserField::Username, text), contains(UserField::Email, text)])),
    }
    match list_url.value("role") {
        "" => {}
        name if ROLES.iter().any(|role| role.name() == name) => wanted.push(is(UserField::Role, name)),
        _ => return Err(Violation::new("role", "must be `$admin`, `$member` or `$guest`").into()),
    }
    let (service, now) = (&request.state.service, request.now());
    let found = users::list(service, &request.actor, list_url.query(service, Filter::All(wanted))?).await?;
    let next = list_url.next(service, &found);
    let held = request.actor.permissions();
    let notice = match params.get("done")? {
        "role" => "The role is changed, and in force.",
        "disabled" => {
            "The user is disabled: their sessions have ended, and their access tokens are refused. Their API keys go on."
        }
        "enabled" => "The user is enabled: they can sign in again, and their access tokens work again.",
        "removed" => {
            "The user is removed, with their sessions and tokens. The API keys that they created keep working."
        }
        _ => "",
    };
    let list = List {
        page: request.page("People", "people")?,
        name: list_url.column(UserField::Username),
        created: list_url.column(UserField::CreatedAt),
        rows: found.records.into_iter().map(|user| Row::of(user, &request.actor, now)).collect(),
        next,
        roles: ROLES,
        may_change: held.contains(Permission::ManageUsersAndGroups) || held.contains(Permission::ManagePolicies),
        may_remove: held.contains(Permission::ManageUsersAndGroups),
        sees_all: held.contains(Permission::ViewUsers),
        active_filters: list_url.active_filter("role", "Role", str::to_owned).into_iter().collect(),
        url: list_url,
        notice,
    };
    request.answer(StatusCode::OK, &list)
}
