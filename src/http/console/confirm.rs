//! Asks for the password again before a dangerous action, if the user signed in too long ago.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::form::{Fields, PASSWORD};
use super::login::refusal;
use super::page::{Page, answer_with};
use super::redirect_target::{page_of_form, safe_redirect_target};
use super::{ProviderButton, SubmittedForm};
use crate::domain::password::PasswordSignIn;
use crate::http::auth::{self, Metering, origin};
use crate::http::datahub::login::{cookies, end_replaced};
use crate::http::problem::Failure;
use crate::service::authn::sessions;
use crate::service::people::sign_out;

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    page: Page,
    username: String,
    /// The submitted fields, which are sent again with the password.
    fields: Fields,
    error: String,
    /// The identity providers where the user can confirm; if there is none, the page asks for the password.
    providers: Vec<ProviderButton>,
    /// The page to return to from there.
    next: String,
}

/// Returns the page that asks for the password, or `None` if the user signed in within `confirm_after` or sent the
/// right password, which replaces the session with a new one: whatever the answer is then, it sets the new cookies. The
/// page sends the submitted form again.
///
/// # Errors
/// When the storage fails.
pub(super) async fn require_recent_sign_in(submitted: &mut SubmittedForm) -> Result<Option<HttpResponse>, Failure> {
    let service = &submitted.request.state.service;
    let since = sessions::last_authenticated_at(service, &submitted.request.actor).await?;
    let most = i64::try_from(submitted.request.console.settings.confirm_after.as_millis()).unwrap_or(i64::MAX);
    if (0..=most).contains(&(submitted.request.now() - since)) {
        return Ok(None);
    }
    let mut response = HttpResponse::build(StatusCode::OK);
    if !submitted.form.has(PASSWORD) {
        return page(submitted, response, String::new()).await.map(Some);
    }
    let (state, request) = (submitted.request.state.clone(), submitted.request.http.clone());
    let username = submitted.request.actor.username().to_string();
    let password = submitted.form.text(PASSWORD).to_owned();
    match sessions::create(&state.service, username.clone(), password, origin(&state, &request)).await {
        Ok(begun) => {
            let cookies = cookies(&state, &request, username, begun);
            let actor = auth::authenticate(&state, cookies[0].value(), &request, Metering::Uncounted).await?;
            let old = submitted.request.enter(actor.requesting(auth::request(&request)), cookies.into())?;
            end_replaced(&state, Some(old)).await;
            Ok(None)
        }
        Err(error) => {
            response.status(StatusCode::BAD_REQUEST);
            let message = refusal(error, &mut response)?;
            page(submitted, response, message).await.map(Some)
        }
    }
}

async fn page(
    submitted: &SubmittedForm,
    response: HttpResponseBuilder,
    error: String,
) -> Result<HttpResponse, Failure> {
    let request = &submitted.request;
    let at = sign_out::provider_of(&request.state.service, &request.actor).await?;
    let all = &request.console.settings.providers;
    let mut providers: Vec<_> = all.iter().filter(|provider| at.as_deref() == Some(&provider.id)).cloned().collect();
    // A session that began with a password, which is of no use any more.
    if providers.is_empty() && request.state.service.password_sign_in == PasswordSignIn::Off {
        providers.clone_from(all);
    }
    let next = safe_redirect_target(page_of_form(request.http.path())).unwrap_or_default().to_owned();
    let fields = submitted.form.to_send_again();
    let page = submitted.request.page("Confirm that it is you", "confirm")?;
    answer_with(
        response,
        &Confirm { username: request.actor.username().to_string(), page, fields, error, providers, next },
    )
}
