//! `/policies/new`, `/policies/{id}` and below: create, change, enable, disable and delete a policy of the platform.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::PolicyView;
use super::draft::{Draft, PermissionChoice, RoleChoice};
use crate::domain::edition::{Edition, Expected};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::PolicyId;
use crate::domain::permission::Permission;
use crate::domain::policy::{Category, Policy};
use crate::domain::text::clip;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
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
    errors: FormErrors,
}

/// The policy with the id in a path, if it can be changed. Before anything else, the user must be allowed to see it.
async fn find_editable(request: &SignedInRequest, id: &str) -> DomainResult<Policy> {
    request.actor.require(Permission::ManagePolicies)?;
    let id = PolicyId::parse(id).ok_or_else(|| Error::NotFound { kind: "policy", id: clip(id) })?;
    policies::require_editable(policies::get(&request.state.service, &request.actor, id).await?)
}

/// Why a policy was not saved.
#[derive(Default)]
struct NotSaved {
    errors: FormErrors,
    /// Whether another request has changed it in between.
    has_changed: bool,
}

/// Replaces a policy; `None` if that is done.
async fn update(
    request: &SignedInRequest,
    policy: &Policy,
    input: PolicyInput,
    expected: Expected,
) -> Result<Option<NotSaved>, Failure> {
    let urn = policy.qualified_name.clone();
    match policies::update(&request.state.service, &request.actor, urn, input, expected).await {
        Ok(_) => Ok(None),
        Err(Error::Changed) => Ok(Some(NotSaved { has_changed: true, ..NotSaved::default() })),
        Err(error) => Ok(Some(NotSaved { errors: FormErrors::from_error(error, &FIELDS)?, has_changed: false })),
    }
}

fn form(
    request: &SignedInRequest,
    policy: Option<Policy>,
    draft: Draft,
    NotSaved { errors, has_changed }: NotSaved,
) -> Result<HttpResponse, Failure> {
    let status = if errors.is_empty() && !has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
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
        errors,
        has_changed,
    };
    request.answer(status, &form)
}

/// `GET /policies/new`
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_POLICIES`.
pub async fn new(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePolicies)?;
    form(&request, None, Draft::read(&Form::default()), NotSaved::default())
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
    form(request, None, draft, NotSaved { errors, has_changed: false })
}

/// `GET /policies/{id}`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn show(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let policy = find_editable(&request, &id).await?;
    let draft = Draft::of(&policy);
    form(&request, Some(policy), draft, NotSaved::default())
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
    let expected = Expected::OneOf(vec![Edition(submitted.form.text("edition").to_owned())]);
    let not_saved = match draft.input(Some(&policy)) {
        Err(errors) => Some(NotSaved { errors, has_changed: false }),
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
    let expected = Expected::OneOf(vec![policy.edition()]);
    let input = PolicyInput { enabled, ..PolicyInput::of(&policy)? };
    let Some(not_saved) = update(request, &policy, input, expected).await? else {
        return Ok(request.redirect(if enabled { "policies?done=enabled" } else { "policies?done=disabled" }));
    };
    let draft = Draft::of(&policy);
    form(request, Some(policy), draft, not_saved)
}

fn question(request: &SignedInRequest, policy: Policy, errors: FormErrors) -> Result<HttpResponse, Failure> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = request.page(format!("Delete {}", policy.name), "personas")?;
    request.answer(status, &Delete { page, policy: PolicyView::of(policy), errors })
}

/// `GET /policies/{id}/delete`
///
/// # Errors
/// [`Error::Forbidden`], also for a policy of the system; [`Error::NotFound`]; when the storage fails.
pub async fn ask(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let policy = find_editable(&request, &id).await?;
    question(&request, policy, FormErrors::default())
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
    let deletion = policies::delete(&request.state.service, &request.actor, policy.qualified_name.clone());
    let errors = FormErrors::of_deletion(&submitted.form, &policy.name, deletion).await?;
    if errors.is_empty() { Ok(request.redirect("policies?done=deleted")) } else { question(request, policy, errors) }
}
