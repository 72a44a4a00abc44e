//! Signing in again before something dangerous, when the sign-in is a while ago.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::login::refusal;
use super::next::local;
use super::page::{Page, answer_with};
use super::{Posted, ProviderButton};
use crate::domain::error::Error;
use crate::http::auth::{self, Look, origin};
use crate::http::datahub::login::cookies;
use crate::http::problem::Failure;
use crate::service::authn::sessions;
use crate::service::people::sign_out;

/// The field of the password.
const PASSWORD: &str = "confirm_password";

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    page: Page,
    username: String,
    /// The form to be sent again, field by field.
    fields: Vec<(String, String)>,
    error: String,
    /// Where the provider asks them, if their session began at one.
    provider: Option<ProviderButton>,
    /// Where they go on from there.
    next: String,
}

/// Asks for the password if the sign-in is longer ago than configured; with it comes the form that was sent, and a new session
/// in place of the old. The answer is the page that asks, or nothing if there is no need to ask.
///
/// # Errors
/// When the storage fails.
pub(super) async fn ask(posted: &mut Posted) -> Result<Option<HttpResponse>, Failure> {
    let service = &posted.visit.state.service;
    let since = sessions::began(service, &posted.visit.actor).await?;
    let most = i64::try_from(posted.visit.console.settings.confirm_after.as_millis()).unwrap_or(i64::MAX);
    if (0..=most).contains(&(posted.visit.now() - since)) {
        return Ok(None);
    }
    let mut response = HttpResponse::build(StatusCode::OK);
    if !posted.form.has(PASSWORD) {
        return page(posted, response, String::new()).await.map(Some);
    }
    let (state, request) = (posted.visit.state.clone(), posted.visit.request.clone());
    let username = posted.visit.actor.username().to_string();
    let password = posted.form.text(PASSWORD).to_owned();
    match sessions::create(&state.service, username.clone(), password, origin(&state, &request)).await {
        Ok(begun) => {
            let cookies = cookies(&state, &request, username, begun);
            let actor = auth::authenticate(&state, cookies[0].value(), &request, Look::Again).await?;
            let old = std::mem::replace(&mut posted.visit.actor, actor.requesting(auth::request(&request)));
            match sessions::end(&state.service, &old).await {
                // It has ended meanwhile.
                Ok(()) | Err(Error::Unauthenticated(_)) => {}
                Err(error) => return Err(error.into()),
            }
            posted.visit.cookies = cookies.into();
            Ok(None)
        }
        Err(error) => {
            response.status(StatusCode::BAD_REQUEST);
            let message = refusal(error, &mut response)?;
            page(posted, response, message).await.map(Some)
        }
    }
}

async fn page(posted: &Posted, response: HttpResponseBuilder, error: String) -> Result<HttpResponse, Failure> {
    let visit = &posted.visit;
    let at = sign_out::provider_of(&visit.state.service, &visit.actor).await?;
    let provider =
        visit.console.settings.providers.iter().find(|provider| at.as_deref() == Some(&provider.id)).cloned();
    let next = local(visit.request.path()).unwrap_or_default().to_owned();
    let fields = posted.form.without(&[PASSWORD, "csrf"]).cloned().collect();
    let page = posted.visit.page("Confirm that it is you", "confirm")?;
    answer_with(
        response,
        &Confirm { username: visit.actor.username().to_string(), page, fields, error, provider, next },
    )
}
