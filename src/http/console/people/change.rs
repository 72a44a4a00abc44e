//! Changes the role of a user, disables or enables a user, and removes a user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::ROLES;
use crate::domain::error::{Error, Violation};
use crate::domain::permission::Permission;
use crate::domain::principal::{PrincipalState, Role};
use crate::domain::user::is_username;
use crate::http::console::confirm;
use crate::http::console::form::{FormErrors, NotDone};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::people::users;

/// The titles of refusals.
const ROLE_STAYS: &str = "The role stays as it was";
const STATE_STAYS: &str = "The user stays as before";

#[derive(Template)]
#[template(path = "people/refused.html")]
struct Refused {
    page: Page,
    title: &'static str,
    /// The sentence that says which change was refused.
    wanted: String,
    errors: FormErrors,
}

fn refused(
    request: &SignedInRequest,
    title: &'static str,
    wanted: String,
    error: Error,
) -> Result<HttpResponse, Failure> {
    let errors = FormErrors::from_error(error, &[])?;
    let page = request.page(title, "people")?;
    request.answer(StatusCode::BAD_REQUEST, &Refused { page, title, wanted, errors })
}

fn username(text: &str) -> Result<String, Violation> {
    if is_username(text) { Ok(text.to_owned()) } else { Err(Violation::new("username", "must be the name of a user")) }
}

/// `POST /people/role`
///
/// # Errors
/// Violations; when the storage fails.
pub async fn role(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let refused = |wanted: String, error: Error| refused(request, ROLE_STAYS, wanted, error);
    let username = match username(form.text("username")) {
        Ok(username) => username,
        Err(broken) => return refused("No user was given a role.".to_owned(), broken.into()),
    };
    // The form has a role for each user of the list, and the button that was pressed names the user.
    let role = Role::find(form.text(&format!("role of {username}"))).filter(|role| ROLES.contains(role));
    let Some(role) = role else {
        let broken = Violation::new("role", "must be `$admin`, `$member` or `$guest`");
        return refused(format!("{username} was given no other role."), broken.into());
    };
    match users::assign_role(&request.state.service, &request.actor, vec![username.clone()], Some(role)).await {
        Ok(()) => Ok(request.redirect("people?done=role")),
        Err(error) => {
            let wanted = format!("{username} was not given {}.", role.name());
            refused(wanted, error)
        }
    }
}

/// `POST /people/state`
///
/// # Errors
/// Violations; when the storage fails.
pub async fn state(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (name, state, done) = match form.text("enable") {
        "" => (form.text("disable"), PrincipalState::Disabled, "disabled"),
        name => (name, PrincipalState::Enabled, "enabled"),
    };
    let username = match username(name) {
        Ok(username) => username,
        Err(broken) => return refused(request, STATE_STAYS, format!("Nobody was {done}."), broken.into()),
    };
    match users::change_state(&request.state.service, &request.actor, username.clone(), state).await {
        Ok(()) => Ok(request.redirect(&format!("people?done={done}"))),
        Err(error) => refused(request, STATE_STAYS, format!("{username} was not {done}."), error),
    }
}

#[derive(Template)]
#[template(path = "people/remove.html")]
struct Remove {
    page: Page,
    username: String,
    not_done: NotDone,
}

/// `GET /people/remove?username=`
///
/// # Errors
/// [`Error::Forbidden`]; violations.
pub async fn ask(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManageUsersAndGroups)?;
    let username = username(request.params().get("username")?)?;
    question(&request, username, NotDone::default())
}

fn question(request: &SignedInRequest, username: String, not_done: NotDone) -> Result<HttpResponse, Failure> {
    let page = request.page(format!("Remove {username}"), "people")?;
    request.answer(not_done.status(), &Remove { page, username, not_done })
}

/// `POST /people/remove`
///
/// # Errors
/// [`Error::Forbidden`]; violations; when the storage fails.
pub async fn remove(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageUsersAndGroups)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let username = match username(form.text("username")) {
        Ok(username) => username,
        Err(broken) => return refused(request, "No user was removed", String::new(), broken.into()),
    };
    let removal = async {
        match users::remove(&request.state.service, &request.actor, username.clone()).await? {
            0 => Err(Error::NotFound { kind: "user", id: username.clone() }),
            _ => Ok(()),
        }
    };
    match NotDone::of_deletion(form, &username, removal).await? {
        None => Ok(request.redirect("people?done=removed")),
        Some(not_done) => question(request, username, not_done),
    }
}
