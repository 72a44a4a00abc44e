//! `/signup`: a person with an invitation becomes a user.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use askama::Template;

use super::Console;
use super::form::{Form, FormErrors};
use super::login::refusal;
use super::page::{Page, answer_with};
use super::words::DisplayTime;
use crate::domain::error::Error;
use crate::domain::text::DisplayName;
use crate::http::address::root;
use crate::http::auth::origin;
use crate::http::datahub;
use crate::http::datahub::caller::check_csrf_navigation;
use crate::http::datahub::login::cookies;
use crate::http::problem::Failure;
use crate::http::protected::redirect;
use crate::http::state::State;
use crate::http::valid::{Body, Params, Raw};
use crate::service::authn::sessions;
use crate::service::people::invitation_links::{self, SignUp};

/// The parameter with the invitation, as in DataHub's links.
pub(super) const INVITATION: &str = "invite_token";

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["full_name", "username", "password"];

#[derive(Template)]
#[template(path = "sign_up.html")]
struct Join {
    page: Page,
    /// `None` if the invitation is not valid.
    invited: Option<Invited>,
    draft: Draft,
    shortest: usize,
    errors: FormErrors,
}

/// What an invitation gives.
struct Invited {
    role: &'static str,
    until: Option<DisplayTime>,
}

/// The fields of the form, without the password.
struct Draft {
    invitation: String,
    full_name: String,
    username: String,
}

/// `GET /signup?invite_token=`
///
/// # Errors
/// When the storage fails.
pub async fn show(
    state: web::Data<State>,
    console: web::Data<Console>,
    rules: web::Data<datahub::DoorRules>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let invitation = Params::parse(request.query_string()).get(INVITATION)?.to_owned();
    let draft = Draft { invitation, full_name: String::new(), username: String::new() };
    let asked = Asked { state: &state, console: &console, rules: &rules, request: &request };
    asked.page(draft, FormErrors::default(), HttpResponse::Ok()).await
}

/// A request, and what its page needs.
struct Asked<'a> {
    state: &'a State,
    console: &'a Console,
    rules: &'a datahub::DoorRules,
    request: &'a HttpRequest,
}

impl Asked<'_> {
    async fn page(
        &self,
        draft: Draft,
        errors: FormErrors,
        mut response: HttpResponseBuilder,
    ) -> Result<HttpResponse, Failure> {
        let service = &self.state.service;
        let invited =
            match invitation_links::find(service, draft.invitation.clone(), &origin(self.state, self.request)).await {
                Ok((invitation, open)) => Some(Invited {
                    role: invitation.role.description(),
                    until: open.and_then(|open| DisplayTime::of(open.expires_at, service.clock.now())),
                }),
                Err(Error::Invalid(_)) => {
                    response.status(StatusCode::BAD_REQUEST);
                    None
                }
                Err(error) => return Err(error.into()),
            };
        let join = Join {
            page: Page::new(self.console, root(self.request), "Sign up", "login"),
            invited,
            draft,
            shortest: self.rules.password_rule.shortest,
            errors,
        };
        answer_with(response, &join)
    }
}

/// `POST /signup`
///
/// # Errors
/// When the form cannot be read, or the storage fails.
pub async fn sign_up(
    state: web::Data<State>,
    console: web::Data<Console>,
    rules: web::Data<datahub::DoorRules>,
    request: HttpRequest,
    body: Body<Raw>,
) -> Result<HttpResponse, Failure> {
    check_csrf_navigation(&request)?;
    let form = Form::parse(&request, &body.bytes()?)?;
    let text = |name: &str| form.text(name).trim().to_owned();
    let draft = Draft { invitation: text(INVITATION), full_name: text("full_name"), username: text("username") };
    let password = form.text("password").to_owned();
    let asked = Asked { state: &state, console: &console, rules: &rules, request: &request };
    let mut response = HttpResponse::BadRequest();
    let mut errors = FormErrors::default();
    let Some(full_name) = errors.keep("full_name", DisplayName::parse(&draft.full_name)) else {
        return asked.page(draft, errors, response).await;
    };
    let new = SignUp {
        invite: draft.invitation.clone(),
        email: if draft.username.contains('@') { draft.username.clone() } else { String::new() },
        username: draft.username.clone(),
        full_name,
        title: None,
    };
    let from = origin(&state, &request);
    match invitation_links::accept(&state.service, new, password.clone(), rules.password_rule, from.clone()).await {
        Ok(()) => {}
        Err(Error::Conflict(message)) => {
            errors.add("username", message);
            return asked.page(draft, errors, response).await;
        }
        Err(error @ Error::Invalid(_)) => {
            // The user name is called `email` in DataHub's form.
            let errors = FormErrors::from_error(error, &[("email", "username")])?;
            return asked.page(draft, errors, response).await;
        }
        Err(error) => {
            errors.add("", refusal(error, &mut response)?);
            return asked.page(draft, errors, response).await;
        }
    }
    let username = draft.username;
    let begun = sessions::create(&state.service, username.clone(), password, from).await?;
    Ok(redirect(&root(&request), "", cookies(&state, &request, username, begun)))
}
