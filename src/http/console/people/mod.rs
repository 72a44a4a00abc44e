//! `/people`: users and their roles.

pub mod change;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::list::{Column, Listing, contains};
use super::words::When;
use super::{Page, Visit};
use crate::domain::actor::Actor;
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
    listing: Listing,
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
    display_name: String,
    email: String,
    role: Role,
    is_enabled: bool,
    is_own: bool,
    created: Option<When>,
}

impl Row {
    fn of(user: User, actor: &Actor, now: i64) -> Self {
        Self {
            username: user.principal.username().to_string(),
            display_name: user.display_name,
            email: user.email,
            role: user.principal.role,
            is_enabled: user.principal.enabled,
            is_own: user.principal.id == actor.id(),
            created: When::of(user.principal.created_at, now),
        }
    }
}

/// The roles that a user can have.
const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// `GET /people`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(visit: Visit) -> Result<HttpResponse, Failure> {
    let params = visit.params();
    let listing = Listing::parse("people", &params, &["q"])?;
    let filter = match listing.value("q") {
        "" => Filter::EVERYTHING,
        text => Filter::Any(vec![contains(UserField::Username, text), contains(UserField::Email, text)]),
    };
    let (service, now) = (&visit.state.service, visit.now());
    let found = users::list(service, &visit.actor, listing.query(service, filter)?).await?;
    let next = listing.next(service, &found);
    let held = visit.actor.permissions();
    let notice = match params.get("done")? {
        "role" => "The role is changed, and in force.",
        "removed" => {
            "The user is removed, with their sessions and tokens. The API keys that they created keep working."
        }
        _ => "",
    };
    let list = List {
        page: visit.page("People", "people")?,
        name: listing.column(UserField::Username),
        created: listing.column(UserField::CreatedAt),
        rows: found.records.into_iter().map(|user| Row::of(user, &visit.actor, now)).collect(),
        next,
        roles: ROLES,
        may_change: held.contains(Permission::ManageUsersAndGroups) || held.contains(Permission::ManagePolicies),
        may_remove: held.contains(Permission::ManageUsersAndGroups),
        sees_all: held.contains(Permission::ViewUsers),
        listing,
        notice,
    };
    visit.answer(StatusCode::OK, &list)
}
