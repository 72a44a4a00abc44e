//! `/personas/{guid}/policies/…`: create, change and delete a policy, after a preview of who gains or loses what.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::id_of;
use super::policy_draft::{CategoryChoice, Draft};
use crate::domain::edition::Expected;
use crate::domain::entity::PolicyDraft;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::PolicyId;
use crate::domain::persona::Persona;
use crate::domain::policy::{Effect, Policy};
use crate::domain::text::clip;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::gains::Gains;
use crate::http::console::policies::PolicyView;
use crate::http::console::words::{ActionWords, resources};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::catalogue::persona_policies::{self, PolicyChange};
use crate::service::catalogue::personas;

/// Field names of the services, and their names in the form.
const FIELDS: [(&str, &str); 4] = [
    ("policyActions", "actions"),
    ("policyResources", "resources"),
    ("connectionQualifiedName", "resources"),
    ("policy", "resources"),
];

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["name", "description", "effect", "category", "actions", "resources"];

#[derive(Template)]
#[template(path = "policies/form.html")]
struct PolicyForm {
    page: Page,
    persona: Persona,
    /// The policy that is changed; `None` for a new one.
    policy: Option<Policy>,
    draft: Draft,
    choices: Vec<CategoryChoice>,
    errors: FormErrors,
    /// The edition that the form was loaded with, for optimistic locking.
    edition: String,
    /// Whether another request has changed the policy since then.
    has_changed: bool,
}

#[derive(Template)]
#[template(path = "policies/preview.html")]
struct Preview {
    page: Page,
    persona: Persona,
    is_new: bool,
    name: String,
    allows: bool,
    enabled: bool,
    actions: Vec<ActionWords>,
    resources: String,
    gains: Gains,
    /// The submitted fields, which are sent again to save.
    fields: Vec<(String, String)>,
    /// The path of the form, relative to the start of this server.
    path: String,
}

#[derive(Template)]
#[template(path = "policies/delete.html")]
struct Delete {
    page: Page,
    persona: Persona,
    policy: PolicyView,
    id: PolicyId,
    edition: String,
    gains: Gains,
    errors: FormErrors,
    has_changed: bool,
}

fn policy_id(text: &str) -> DomainResult<PolicyId> {
    PolicyId::parse(text).ok_or_else(|| Error::NotFound { kind: "policy", id: clip(text) })
}

/// The persona and, if an id is given, that policy of it, as far as the user sees them.
async fn find(
    request: &SignedInRequest,
    guid: &str,
    policy: Option<PolicyId>,
) -> DomainResult<(Persona, Option<Policy>)> {
    let (service, id) = (&request.state.service, id_of(guid)?);
    let persona = personas::get(service, &request.actor, id).await?;
    let Some(wanted) = policy else { return Ok((persona, None)) };
    let found = personas::policies(service, &request.actor, id).await?.policies;
    let found = found.into_iter().find(|policy| policy.id == wanted);
    let found = found.ok_or_else(|| Error::NotFound { kind: "policy", id: wanted.to_string() })?;
    Ok((persona, Some(found)))
}

/// `GET /personas/{guid}/policies/new`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn new(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (persona, _) = find(&request, &guid, None).await?;
    let draft = Draft::read(&Form::of_query(request.http.query_string()));
    form(&request, persona, None, draft, FormErrors::default(), None)
}

/// `GET /personas/{guid}/policies/{policy}`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn show(request: SignedInRequest, path: web::Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let (persona, policy) = find(&request, &path.0, Some(policy_id(&path.1)?)).await?;
    let draft = policy.as_ref().map(Draft::of).unwrap_or_default();
    form(&request, persona, policy, draft, FormErrors::default(), None)
}

/// The form; `edition` is the one that it was loaded with, or `None` for the current one.
fn form(
    request: &SignedInRequest,
    persona: Persona,
    policy: Option<Policy>,
    draft: Draft,
    errors: FormErrors,
    edition: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let title = policy.as_ref().map_or("New policy".to_owned(), |policy| format!("Edit {}", policy.name));
    let current = policy.as_ref().map_or(String::new(), |policy| policy.edition().0);
    let has_changed = edition.is_some_and(|loaded| loaded != current);
    let status = if errors.is_empty() && !has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = request.page(title, "personas")?;
    let choices = draft.choices();
    request.answer(status, &PolicyForm { page, persona, policy, draft, choices, errors, edition: current, has_changed })
}

/// `POST /personas/{guid}/policies/new`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn create(submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    write(submitted, &guid, None).await
}

/// `POST /personas/{guid}/policies/{policy}`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn save(submitted: SubmittedForm, path: web::Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let id = policy_id(&path.1)?;
    write(submitted, &path.0, Some(id)).await
}

/// Shows the preview, or, from there, saves the policy or goes back to the form; `check` only says what is wrong with it.
async fn write(mut submitted: SubmittedForm, guid: &str, id: Option<PolicyId>) -> Result<HttpResponse, Failure> {
    let saves = submitted.form.text("step") == "save";
    if saves && let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let (persona, policy) = find(request, guid, id).await?;
    let draft = Draft::read(&submitted.form);
    let edition = policy.as_ref().map(|_| submitted.form.text("edition"));
    if submitted.form.text("step") == "edit" {
        return form(request, persona, policy, draft, FormErrors::default(), edition);
    }
    if submitted.form.text("step") == "check" {
        // The script asks while the user types: what is wrong so far is no failure.
        let errors = draft.policy(persona.id, id).err().unwrap_or_default();
        let mut checked = form(request, persona, policy, draft, errors, edition)?;
        *checked.status_mut() = StatusCode::OK;
        return Ok(checked);
    }
    let written = match draft.policy(persona.id, id) {
        Ok(written) => written,
        Err(errors) => return form(request, persona, policy, draft, errors, edition),
    };
    let (service, actor) = (&request.state.service, &request.actor);
    let refused = if saves {
        let expected = edition.map_or(Expected::Any, |_| submitted.form.edition());
        match persona_policies::write(service, actor, written, expected).await {
            Ok(()) => return Ok(request.redirect(&format!("personas/{}?done=policy", persona.id))),
            Err(error) => error,
        }
    } else {
        let change = PolicyChange::Write(Box::new(written.clone()));
        match persona_policies::preview(service, actor, persona.id, change).await {
            Ok(comparison) => {
                let gains = Gains::of(request, comparison).await?;
                return preview(&submitted, persona, policy.is_none(), written, gains);
            }
            Err(error) => error,
        }
    };
    let errors = match refused {
        // The form tells it: its edition is not the current one.
        Error::Changed => FormErrors::default(),
        Error::NotFound { kind: "asset" | "connection", id } => {
            let mut errors = FormErrors::default();
            errors.add("resources", format!("must lie beneath an asset that you administer: `{id}` does not"));
            errors
        }
        error => FormErrors::from_error(error, &FIELDS)?,
    };
    let (persona, policy) = find(request, guid, id).await?;
    form(request, persona, policy, draft, errors, edition)
}

fn preview(
    submitted: &SubmittedForm,
    persona: Persona,
    is_new: bool,
    written: PolicyDraft,
    gains: Gains,
) -> Result<HttpResponse, Failure> {
    let path = submitted.request.http.path().trim_start_matches('/').to_owned();
    let preview = Preview {
        page: submitted.request.page("What changes", "personas")?,
        persona,
        is_new,
        name: written.head.name.map_or_else(String::new, |name| name.as_str().to_owned()),
        allows: written.effect == Some(Effect::Allow),
        enabled: written.enabled != Some(false),
        actions: ActionWords::all(&written.actions.unwrap_or_default()),
        resources: resources(&written.resources.unwrap_or_default()),
        gains,
        fields: submitted.form.without(&["csrf", "step"]).cloned().collect(),
        path,
    };
    submitted.request.answer(StatusCode::OK, &preview)
}

/// `GET /personas/{guid}/policies/{policy}/delete`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn ask(request: SignedInRequest, path: web::Path<(String, String)>) -> Result<HttpResponse, Failure> {
    question(&request, &path.0, policy_id(&path.1)?, FormErrors::default(), false).await
}

async fn question(
    request: &SignedInRequest,
    guid: &str,
    id: PolicyId,
    errors: FormErrors,
    has_changed: bool,
) -> Result<HttpResponse, Failure> {
    let (persona, policy) = find(request, guid, Some(id)).await?;
    let policy = policy.ok_or_else(|| Error::NotFound { kind: "policy", id: id.to_string() })?;
    let change = PolicyChange::Delete(id);
    let comparison = persona_policies::preview(&request.state.service, &request.actor, persona.id, change).await?;
    let status = if errors.is_empty() && !has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let delete = Delete {
        page: request.page(format!("Delete {}", policy.name), "personas")?,
        gains: Gains::of(request, comparison).await?,
        persona,
        id,
        edition: policy.edition().0,
        policy: PolicyView::of(policy),
        errors,
        has_changed,
    };
    request.answer(status, &delete)
}

/// `POST /personas/{guid}/policies/{policy}/delete`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn delete(mut submitted: SubmittedForm, path: web::Path<(String, String)>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, (guid, policy)) = (&submitted.request, path.into_inner());
    let (persona, id) = (id_of(&guid)?, policy_id(&policy)?);
    find(request, &guid, Some(id)).await?;
    let expected = submitted.form.edition();
    match persona_policies::delete(&request.state.service, &request.actor, id, expected).await {
        Ok(()) => Ok(request.redirect(&format!("personas/{persona}?done=policy-deleted"))),
        Err(Error::Changed) => question(request, &guid, id, FormErrors::default(), true).await,
        Err(error) => question(request, &guid, id, FormErrors::from_error(error, &FIELDS)?, false).await,
    }
}
