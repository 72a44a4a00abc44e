//! `/people/service-accounts/{username}`: a service account with its tokens, and deleting it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::programs::Row;
use crate::domain::access_token::{AccessToken, AccessTokenField};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::filter::Filter;
use crate::domain::listing::{Page as Listed, Query};
use crate::domain::permission::Permission;
use crate::domain::text::clip;
use crate::domain::user::is_username;
use crate::http::console::confirm;
use crate::http::console::form::NotDone;
use crate::http::console::list::{Column, is};
use crate::http::console::settings::tokens::Row as TokenRow;
use crate::http::console::signed_in::allowed;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::keys::{access_tokens, service_accounts};

/// The most tokens that are shown.
const TOKENS: i64 = 50;

#[derive(Template)]
#[template(path = "people/program.html")]
struct One {
    page: Page,
    account: Row,
    /// The tokens that the user sees.
    rows: Vec<TokenRow>,
    more: bool,
    /// Whether the user sees the tokens of all users, and so who owns each.
    sees_all: bool,
    /// Whether the user may list any tokens.
    sees_own: bool,
    /// For `settings/token_rows.html`: this list is not sorted.
    expires: Option<Column>,
    notice: &'static str,
}

/// The user name in a URL.
fn username(text: &str) -> DomainResult<String> {
    if is_username(text) {
        Ok(text.to_owned())
    } else {
        Err(Error::NotFound { kind: "service account", id: clip(text) })
    }
}

/// `GET /people/service-accounts/{username}`
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_SERVICE_ACCOUNTS`; [`Error::NotFound`]; when the storage fails.
pub async fn show(request: SignedInRequest, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["done"])?;
    let notice = match params.get("done")? {
        "created" => "The service account is created, without a token and without any right yet.",
        _ => "",
    };
    let account = service_accounts::get(&request.state.service, &request.actor, username(&name)?).await?;
    let account = Row::of(account, request.now());
    let sees_all = request.actor.permissions().contains(Permission::ManageAccessTokens);
    let found = allowed(tokens(&request, &account.username, sees_all).await)?;
    let (sees_own, now) = (found.is_some(), request.now());
    let one = One {
        page: request.page(account.name.clone(), "people")?,
        account,
        more: found.as_ref().is_some_and(|page| page.next.is_some()),
        rows: found.into_iter().flat_map(|page| page.records).map(|token| TokenRow::of(token, now)).collect(),
        sees_all,
        sees_own,
        expires: None,
        notice,
    };
    request.answer(StatusCode::OK, &one)
}

/// The first tokens of a service account: all, or those that the user generated.
async fn tokens(request: &SignedInRequest, username: &str, sees_all: bool) -> DomainResult<Listed<AccessToken>> {
    let mut filter = is(AccessTokenField::Actor, username);
    if !sees_all {
        let own = is(AccessTokenField::Owner, &request.actor.username().to_string());
        filter = Filter::All(vec![own, filter]);
    }
    access_tokens::list(&request.state.service, &request.actor, Query::first_page(filter, "", TOKENS)?).await
}

#[derive(Template)]
#[template(path = "people/program_delete.html")]
struct Delete {
    page: Page,
    account: Row,
    not_done: NotDone,
}

/// `GET /people/service-accounts/{username}/delete`
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`]; when the storage fails.
pub async fn ask(request: SignedInRequest, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    question(&request, username(&name)?, NotDone::default()).await
}

async fn question(request: &SignedInRequest, username: String, not_done: NotDone) -> Result<HttpResponse, Failure> {
    let account = service_accounts::get(&request.state.service, &request.actor, username).await?;
    let account = Row::of(account, request.now());
    let page = request.page(format!("Delete {}", account.name), "people")?;
    request.answer(not_done.status(), &Delete { page, account, not_done })
}

/// `POST /people/service-accounts/{username}/delete`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn delete(mut submitted: SubmittedForm, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let (service, username) = (&request.state.service, username(&name)?);
    let account = service_accounts::get(service, &request.actor, username.clone()).await?;
    let deletion = service_accounts::delete(service, &request.actor, username.clone());
    match NotDone::of_deletion(&submitted.form, &account.display_name, deletion).await? {
        None => Ok(request.redirect("people/service-accounts?done=deleted")),
        Some(not_done) => question(request, username, not_done).await,
    }
}
