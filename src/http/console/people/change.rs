//! Changes the role of a user, and removes a user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::ROLES;
use crate::domain::error::{Error, Violation};
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::user::is_username;
use crate::http::console::confirm;
use crate::http::console::form::Faults;
use crate::http::console::{Page, Posted, Visit};
use crate::http::problem::Failure;
use crate::service::people::users;

#[derive(Template)]
#[template(path = "people/role.html")]
struct Refused {
    page: Page,
    username: String,
    role: &'static str,
    faults: Faults,
}

fn username(text: &str) -> Result<String, Violation> {
    if is_username(text) { Ok(text.to_owned()) } else { Err(Violation::new("username", "must be the name of a user")) }
}

/// `POST /people/role`
///
/// # Errors
/// Violations; when the storage fails.
pub async fn role(mut posted: Posted) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let (visit, form) = (&posted.visit, &posted.form);
    let username = username(form.text("username"))?;
    let role = Role::find(form.text("role")).filter(|role| ROLES.contains(role));
    let role = role.ok_or_else(|| Violation::new("role", "must be `$admin`, `$member` or `$guest`"))?;
    match users::assign_role(&visit.state.service, &visit.actor, vec![username.clone()], Some(role)).await {
        Ok(()) => Ok(visit.lead("people?done=role")),
        Err(error) => {
            let faults = Faults::of(error, &[])?;
            let page = visit.page("Role", "people")?;
            visit.answer(StatusCode::BAD_REQUEST, &Refused { page, username, role: role.name(), faults })
        }
    }
}

#[derive(Template)]
#[template(path = "people/remove.html")]
struct Remove {
    page: Page,
    username: String,
    faults: Faults,
}

/// `GET /people/remove?username=`
///
/// # Errors
/// [`Error::Forbidden`]; violations.
pub async fn ask(visit: Visit) -> Result<HttpResponse, Failure> {
    visit.actor.require(Permission::ManageUsersAndGroups)?;
    let username = username(visit.params().get("username")?)?;
    question(&visit, username, Faults::default())
}

fn question(visit: &Visit, username: String, faults: Faults) -> Result<HttpResponse, Failure> {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = visit.page(format!("Remove {username}"), "people")?;
    visit.answer(status, &Remove { page, username, faults })
}

/// `POST /people/remove`
///
/// # Errors
/// Violations; when the storage fails.
pub async fn remove(mut posted: Posted) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let (visit, form) = (&posted.visit, &posted.form);
    let username = username(form.text("username"))?;
    if form.text("name").trim() != username {
        let mut faults = Faults::default();
        faults.add("name", "this is not their name");
        return question(visit, username, faults);
    }
    match users::remove(&visit.state.service, &visit.actor, username.clone()).await {
        Ok(0) => Err(Error::NotFound { kind: "user", id: username }.into()),
        Ok(_) => Ok(visit.lead("people?done=removed")),
        Err(error) => question(visit, username, Faults::of(error, &[])?),
    }
}
