//! `/people/service-accounts`: the list of service accounts, and new ones.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::filter::Filter;
use crate::domain::permission::Permission;
use crate::domain::service_account::{ServiceAccount, ServiceAccountField};
use crate::domain::text::{Description, DisplayName};
use crate::http::console::confirm;
use crate::http::console::form::FormErrors;
use crate::http::console::list::{Column, ListUrl, contains};
use crate::http::console::once::{self, Makes};
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::keys::service_accounts;

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["name", "description"];

#[derive(Template)]
#[template(path = "people/programs.html")]
struct List {
    page: Page,
    url: ListUrl,
    created: Column,
    rows: Vec<Row>,
    next: Option<String>,
    may_manage: bool,
    notice: &'static str,
}

/// A service account, in words.
pub(super) struct Row {
    pub(super) username: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) role: &'static str,
    pub(super) created: Option<DisplayTime>,
    pub(super) created_by: String,
}

impl Row {
    pub(super) fn of(account: ServiceAccount, now: i64) -> Self {
        Self {
            username: account.principal.username().to_string(),
            name: account.display_name,
            description: account.description,
            role: account.principal.role.name(),
            created: DisplayTime::of(account.created_at, now),
            created_by: account.created_by,
        }
    }
}

/// `GET /people/service-accounts`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("people/service-accounts", &params, &["q"])?;
    let filter = match list_url.value("q") {
        "" => Filter::EVERYTHING,
        text => Filter::Any(vec![
            contains(ServiceAccountField::DisplayName, text),
            contains(ServiceAccountField::Username, text),
        ]),
    };
    let (service, now) = (&request.state.service, request.now());
    let may_manage = request.actor.permissions().contains(Permission::ManageServiceAccounts);
    let (rows, next) = if may_manage {
        let found = service_accounts::list(service, &request.actor, list_url.query(service, filter)?).await?;
        let next = list_url.next(service, &found);
        (found.records.into_iter().map(|account| Row::of(account, now)).collect(), next)
    } else {
        (Vec::new(), None)
    };
    let notice = match params.get("done")? {
        "deleted" => "The service account is deleted: no request with its tokens is let in any more.",
        _ => "",
    };
    let list = List {
        page: request.page("Service accounts", "people")?,
        created: list_url.column(ServiceAccountField::CreatedAt),
        rows,
        next,
        url: list_url,
        may_manage,
        notice,
    };
    request.answer(StatusCode::OK, &list)
}

#[derive(Template)]
#[template(path = "people/program_new.html")]
struct New {
    page: Page,
    name: String,
    description: String,
    errors: FormErrors,
    request_key: String,
}

/// `GET /people/service-accounts/new`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_SERVICE_ACCOUNTS`.
pub async fn ask(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManageServiceAccounts)?;
    page(&request, String::new(), String::new(), FormErrors::default())
}

fn page(
    request: &SignedInRequest,
    name: String,
    description: String,
    errors: FormErrors,
) -> Result<HttpResponse, Failure> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let (page, request_key) = (request.page("New service account", "people")?, once::new_key(request)?);
    request.answer(status, &New { page, name, description, errors, request_key })
}

/// `POST /people/service-accounts/new`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`]; when the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageServiceAccounts)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (name, text) = (form.text("name").trim().to_owned(), form.text("description").replace("\r\n", "\n"));
    let mut errors = FormErrors::default();
    let display_name = errors.keep("name", DisplayName::parse(&name));
    let description = errors.keep("description", Description::parse(&text));
    let (Some(display_name), Some(description)) = (display_name, description) else {
        return page(request, name, text, errors);
    };
    let makes = Makes {
        what: "service account",
        list: "people/service-accounts",
        form: "people/service-accounts/new",
        is_secret: false,
    };
    once::carry_out(&submitted, makes, async {
        match service_accounts::create(&request.state.service, &request.actor, Some(display_name), description).await {
            Ok(account) => {
                let username = account.principal.username().to_string();
                Ok(request.redirect(&format!("people/service-accounts/{username}?done=created")))
            }
            Err(error) => page(request, name, text, FormErrors::from_error(error, &[])?),
        }
    })
    .await
}
