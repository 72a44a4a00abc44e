//! `/policies/new`, `/policies/{id}` and below: create, change, enable, disable and delete a policy of the platform.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::PolicyView;
use super::draft::{Draft, PermissionChoice, RoleChoice};
use crate::domain::edition::Expected;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::PolicyId;
use crate::domain::permission::Permission;
use crate::domain::policy::{Category, Policy};
use crate::domain::text::clip;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors, NotDone};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::catalogue::policies::{self, PolicyInput};

/// Field names of the service, and their names in the form.
const FIELDS: [(&str, &str); 1] = [("actors.users", "users")];

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["name", "description", "permission", "privileges", "role", "users"];

#[derive(Template)]
#[template(path = "platform_policies/form.html")]
struct PolicyForm {
    page: Page,
    /// The policy that is changed; `None` for a new one.
    policy: Option<PolicyView>,
    /// The path that the form is sent to, relative to the start of this server.
    path: String,
    /// Whether it is about Tessera itself, and so names permissions.
    is_platform: bool,
    draft: Draft,
    permissions: Vec<PermissionChoice>,
    roles: Vec<RoleChoice>,
    errors: FormErrors,
    /// The edition that the form was loaded with, for optimistic locking.
    edition: String,
    /// Whether another request has changed the policy since then.
    has_changed: bool,
}

#[derive(Template)]
#[template(path = "platform_policies/delete.html")]
struct Delete {
    page: Page,
    policy: PolicyView,
    /// The edition of the policy that is shown.
    edition: String,
    not_done: NotDone,
}

/// The policy with the id in a path, if it can be changed. Before anything else, the user must be allowed to see it.
async fn find_editable(request: &SignedInRequest, id: &str) -> DomainResult<Policy> {
    request.actor.require(Permission::ManagePolicies)?;
    let id = PolicyId::parse(id).ok_or_else(|| Error::NotFound { kind: "policy", id: clip(id) })?;
    policies::require_editable(policies::get(&request.state.service, &request.actor, id).await?)
}

/// Replaces a policy; `None` if that is done.
async fn update(
    request: &SignedInRequest,
    policy: &Policy,
    input: PolicyInput,
    expected: Expected,
) -> Result<Option<NotDone>, Failure> {
    let urn = policy.qualified_name.clone();
    match policies::update(&request.state.service, &request.actor, urn, input, expected).await {
        Ok(_) => Ok(None),
        Err(error) => NotDone::of(error, &FIELDS).map(Some),
    }
}

fn form(
    request: &SignedInRequest,
    policy: Option<Policy>,
    draft: Draft,
    not_done: NotDone,
) -> Result<HttpResponse, Failure> {
    let status = not_done.status();
    let title = policy.as_ref().map_or("New policy".to_owned(), |policy| format!("Edit {}", policy.name));
    let held = request.actor.permissions();
    let form = PolicyForm {
        page: request.page(title, "personas")?,
        path: policy.as_ref().map_or("policies/new".to_owned(), |policy| format!("policies/{}", policy.id)),
        is_platform: policy.as_ref().is_none_or(|policy| policy.rule.category == Category::Platform),
        permissions: draft.permission_choices(|permission| held.contains(permission)),
        roles: draft.role_choices(),
        edition: policy.as_ref().map_or_else(String::new, |policy| policy.edition().0),
        policy: policy.map(PolicyView::of),
        draft,
        errors: not_done.errors,
        has_changed: not_done.has_changed,
    };
    request.answer(status, &form)
}

/// `GET /policies/new`
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_POLICIES`.
pub async fn new(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePolicies)?;
    form(&request, None, Draft::read(&Form::default()), NotDone::default())
}

/// `POST /policies/new`
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_POLICIES`; when the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePolicies)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, draft) = (&submitted.request, Draft::read(&submitted.form));
    let errors = match draft.input(None) {
        Err(errors) => errors,
        Ok(input) => match policies::create(&request.state.service, &request.actor, input).await {
            Ok(_) => return Ok(request.redirect("policies?done=saved")),
            Err(error) => FormErrors::from_error(error, &FIELDS)?,
        },
    };
    form(request, None, draft, errors.into())
}

/// `GET /policies/{id}`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn show(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let policy = find_editable(&request, &id).await?;
    let draft = Draft::of(&policy);
    form(&request, Some(policy), draft, NotDone::default())
}

/// `POST /policies/{id}`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn save(mut submitted: SubmittedForm, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePolicies)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, draft) = (&submitted.request, Draft::read(&submitted.form));
    let policy = find_editable(request, &id).await?;
    let expected = submitted.form.edition();
    let not_saved = match draft.input(Some(&policy)) {
        Err(errors) => Some(NotDone::from(errors)),
        Ok(input) => update(request, &policy, input, expected).await?,
    };
    let Some(not_saved) = not_saved else { return Ok(request.redirect("policies?done=saved")) };
    let policy = find_editable(request, &id).await?;
    form(request, Some(policy), draft, not_saved)
}

/// `POST /policies/{id}/state`: enables or disables a policy.
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn switch(mut submitted: SubmittedForm, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePolicies)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let policy = find_editable(request, &id).await?;
    let enabled = submitted.form.text("state") == "enabled";
    let input = PolicyInput { enabled, ..PolicyInput::of(&policy)? };
    // The edition of the list that the user saw, not of the policy as it was just read.
    let Some(not_saved) = update(request, &policy, input, submitted.form.edition()).await? else {
        return Ok(request.redirect(if enabled { "policies?done=enabled" } else { "policies?done=disabled" }));
    };
    let policy = find_editable(request, &id).await?;
    let draft = Draft::of(&policy);
    form(request, Some(policy), draft, not_saved)
}

fn question(request: &SignedInRequest, policy: Policy, not_done: NotDone) -> Result<HttpResponse, Failure> {
    let (page, edition) = (request.page(format!("Delete {}", policy.name), "personas")?, policy.edition().0);
    request.answer(not_done.status(), &Delete { page, policy: PolicyView::of(policy), edition, not_done })
}

/// `GET /policies/{id}/delete`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn ask(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let policy = find_editable(&request, &id).await?;
    question(&request, policy, NotDone::default())
}

/// `POST /policies/{id}/delete`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn delete(mut submitted: SubmittedForm, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePolicies)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let policy = find_editable(request, &id).await?;
    let (service, urn) = (&request.state.service, policy.qualified_name.clone());
    let deletion = policies::delete_edition(service, &request.actor, urn, submitted.form.edition());
    match NotDone::of_deletion(&submitted.form, &policy.name, deletion).await? {
        None => Ok(request.redirect("policies?done=deleted")),
        Some(not_done) => question(request, find_editable(request, &id).await?, not_done),
    }
}
