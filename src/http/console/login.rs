//! `/login` and `/logout`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use askama::Template;

use super::form::{Form, sentence};
use super::page::{Page, answer_with};
use super::redirect_target::safe_redirect_target;
use super::{Console, ProviderButton, SignedInRequest, SubmittedForm};
use crate::domain::error::{Error, Refusal};
use crate::domain::password::PasswordSignIn;
use crate::http::address::root;
use crate::http::auth::origin;
use crate::http::datahub::caller::check_csrf_navigation;
use crate::http::datahub::login::{cookies, end_replaced, no_cookies};
use crate::http::problem::Failure;
use crate::http::protected::redirect;
use crate::http::state::State;
use crate::http::valid::{Body, Params, Raw};
use crate::service::authn::sessions;
use crate::service::people::sign_out;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    page: Page,
    username: String,
    next: String,
    error: String,
    notice: &'static str,
    providers: Vec<ProviderButton>,
    /// Whether people sign in with passwords here.
    passwords: bool,
    /// After signing out: the identity provider where the user can sign out, too.
    left: Option<ProviderButton>,
}

impl Login {
    fn new(state: &State, console: &Console, request: &HttpRequest) -> Self {
        Self {
            page: Page::new(console, root(request), "Sign in", "login"),
            username: String::new(),
            next: String::new(),
            error: String::new(),
            notice: "",
            providers: console.settings.providers.clone(),
            passwords: state.service.password_sign_in == PasswordSignIn::On,
            left: None,
        }
    }
}

/// `GET /login`
///
/// # Errors
/// When the page cannot be written.
pub async fn show(
    state: web::Data<State>,
    console: web::Data<Console>,
    request: HttpRequest,
    signed_in: Option<SignedInRequest>,
) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let wanted =
        [params.get("next")?, params.get("redirect_uri")?].into_iter().find_map(local_and_some).unwrap_or_default();
    // Already signed in: redirect.
    if let Some(signed_in) = signed_in {
        return Ok(signed_in.redirect(wanted));
    }
    let because = params.get("because")?;
    let notice = match because {
        "ended" => "Your session has ended. Sign in to go on.",
        "out" => "You are signed out.",
        _ => "",
    };
    let at = params.get("at")?;
    let left = console.settings.providers.iter().find(|provider| because == "out" && provider.id == at).cloned();
    let error = sign_in_error(because).to_owned();
    let login = Login { next: wanted.to_owned(), error, notice, left, ..Login::new(&state, &console, &request) };
    answer_with(HttpResponse::Ok(), &login)
}

/// Why signing in at a provider failed; empty for other values of `because`.
fn sign_in_error(because: &str) -> &'static str {
    match because {
        "unavailable" => "The provider does not answer as it should. Try again in a moment.",
        "rejected" => "The provider's answer was not accepted. The log of the server says why.",
        "denied" => "The provider did not let you in.",
        "stale" => "That sign-in was not begun in this browser, or more than ten minutes ago. Begin again.",
        "busy" => "Too many sign-ins at once, or too many that came to nothing. Try again in a moment.",
        "name-taken" => {
            "The user name that the provider gives you belongs to another user here. An administrator can help."
        }
        "bad-name" => "The user name that the provider gives you may not be used here. An administrator can help.",
        "disabled" => "This user is disabled. An administrator can change that.",
        "no-role" => "None of your groups at the provider has access.",
        "last-administrator" => {
            "You have lost the role of an administrator at the provider, and are the last here. An operator must decide."
        }
        _ => "",
    }
}

fn local_and_some(wanted: &str) -> Option<&str> {
    safe_redirect_target(wanted).filter(|wanted| !wanted.is_empty())
}

/// `POST /login`
///
/// # Errors
/// When the form cannot be read, or the storage fails.
pub async fn sign_in(
    state: web::Data<State>,
    console: web::Data<Console>,
    request: HttpRequest,
    body: Body<Raw>,
    signed_in: Option<SignedInRequest>,
) -> Result<HttpResponse, Failure> {
    check_csrf_navigation(&request)?;
    let form = Form::parse(&request, &body.bytes()?)?;
    let (username, password) = (form.text("username").trim().to_owned(), form.text("password").to_owned());
    let next = safe_redirect_target(form.text("next")).unwrap_or_default();
    let begun = sessions::create(&state.service, username.clone(), password, origin(&state, &request)).await;
    let error = match begun {
        Ok(begun) => {
            end_replaced(&state, signed_in.map(|signed_in| signed_in.actor)).await;
            return Ok(redirect(&root(&request), next, cookies(&state, &request, username, begun)));
        }
        Err(error) => error,
    };
    let mut response = HttpResponse::BadRequest();
    let message = refusal(error, &mut response)?;
    let login = Login { username, next: next.to_owned(), error: message, ..Login::new(&state, &console, &request) };
    answer_with(response, &login)
}

/// The message for a refused sign-in; throttling and turned-off passwords also set the status of the response.
///
/// # Errors
/// Any other error.
pub(super) fn refusal(error: Error, response: &mut HttpResponseBuilder) -> Result<String, Failure> {
    match error {
        Error::Unauthenticated(Refusal::WrongPassword) => Ok("The user name or the password is wrong.".to_owned()),
        Error::Unauthenticated(Refusal::Disabled) => {
            Ok("This user is disabled. An administrator can change that.".to_owned())
        }
        error @ (Error::SlowedDown { .. } | Error::Busy) => {
            let failure = Failure::from(error);
            failure.add_headers(response.status(StatusCode::TOO_MANY_REQUESTS));
            Ok(sentence(&failure.to_string()))
        }
        error @ Error::PasswordsOff => {
            response.status(StatusCode::FORBIDDEN);
            Ok(sentence(&error.to_string()))
        }
        other => Err(other.into()),
    }
}

/// `POST /logout`
///
/// # Errors
/// When the storage fails.
pub async fn sign_out(submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    let provider = sign_out::provider_of(&submitted.state.service, &submitted.actor).await?;
    match sessions::end(&submitted.state.service, &submitted.actor).await {
        // The session has already ended.
        Ok(()) | Err(Error::Unauthenticated(_)) => {}
        Err(error) => return Err(error.into()),
    }
    // No automatic sign-out at the provider: the user may stay signed in to other programs.
    let at = provider.map(|provider| format!("&at={provider}")).unwrap_or_default();
    Ok(redirect(
        &root(&submitted.http),
        &format!("login?because=out{at}"),
        no_cookies(&submitted.state, &submitted.http),
    ))
}
