//! `/logIn`, `/logOut`, `/signUp`, `/authenticate`: cookie sessions, like those of DataHub's frontend.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::{ACTOR_COOKIE, Caller, SESSION_COOKIE, check_csrf, check_csrf_navigation, of_session_cookie};
use super::settings::DoorRules;
use super::urn;
use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal};
use crate::domain::nesting::{Unreadable, read_json};
use crate::domain::text::DisplayName;
use crate::http::address::root;
use crate::http::auth::{self, Metering, mark_authenticated, origin};
use crate::http::head_requests::refuse_head;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::protected::redirect;
use crate::http::state::State;
use crate::http::valid::{Body, Params, Raw};
use crate::service::authn::sessions::{self, NewSession};
use crate::service::people::invitation_links::{self, SignUp};
use crate::service::people::sign_out;

/// Sign in with a password and get session cookies
///
/// A wrong password is answered with 400, as DataHub does.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "create_datahub_session",
    security(()),
    request_body = LogIn,
    responses(
        (status = 200, description = "The cookies `PLAY_SESSION` and `actor`; no body"),
        Fails<400>, Fails<403>, Fails<429>,
    ),
)]
#[post("/logIn")]
pub async fn log_in(state: web::Data<State>, request: HttpRequest, body: Body<Raw>) -> Result<HttpResponse, Failure> {
    check_csrf(&request)?;
    let body = body.bytes()?;
    let LogIn { username, password } = read(&body)?;
    let username = username.trim();
    not_blank("User name", username)?;
    begin(&state, &request, username.to_owned(), password).await
}

/// Sign up with an invitation and get session cookies
///
/// `email` becomes the user name; it need not contain an `@`.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "create_datahub_user",
    security(()),
    request_body = SignUpForm,
    responses(
        (status = 200, description = "The cookies of the new user; no body"),
        Fails<400>, Fails<403>, Fails<429>,
    ),
)]
#[post("/signUp")]
pub async fn sign_up(
    state: web::Data<State>,
    settings: web::Data<DoorRules>,
    request: HttpRequest,
    body: Body<Raw>,
) -> Result<HttpResponse, Failure> {
    check_csrf(&request)?;
    let body = body.bytes()?;
    let form: SignUpForm = read(&body)?;
    let username = form.email.trim().to_owned();
    for (name, value) in [
        ("Full name", form.full_name.trim()),
        ("Email", username.as_str()),
        ("Password", form.password.as_str()),
        ("Title", form.title.trim()),
        ("Invite token", form.invite_token.trim()),
    ] {
        not_blank(name, value)?;
    }
    let new = SignUp {
        invite: form.invite_token.trim().to_owned(),
        email: username.clone(),
        username: username.clone(),
        full_name: name("Full name", &form.full_name)?,
        title: Some(name("Title", &form.title)?),
    };
    let signed_up = invitation_links::accept(
        &state.service,
        new,
        form.password.clone(),
        settings.password_rule,
        origin(&state, &request),
    )
    .await;
    signed_up.map_err(|error| match error {
        Error::Conflict(message) => bad_request(message),
        Error::Invalid(violations) => match violations.as_slice() {
            [violation] if violation.field == "password" => bad_request(format!("Password {}.", violation.message)),
            _ => Error::Invalid(violations).into(),
        },
        other => other.into(),
    })?;
    begin(&state, &request, username, form.password).await
}

/// Sign out
///
/// Ends the session of the cookie `PLAY_SESSION`, clears the cookies and redirects to the sign-in page. Cross-site navigation is
/// refused (CSRF check).
#[utoipa::path(
    tag = "DataHub",
    operation_id = "delete_datahub_session",
    security(()),
    responses(
        (status = 303, description = "A redirect to the sign-in page that clears the cookies"),
        Fails<403>, Fails<500>, Fails<503>, Fails<504>,
    ),
)]
#[get("/logOut")]
pub async fn log_out(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    refuse_head(&request)?;
    check_csrf_navigation(&request)?;
    let mut location = "login".to_owned();
    // The owner of a bearer token beside the cookies stays signed in.
    let ended = match of_session_cookie(&state, &request, Metering::Counted).await {
        Ok(actor) => {
            mark_authenticated(&actor, &request);
            let actor = actor.requesting(auth::request(&request));
            if let Some(provider) = sign_out::provider_of(&state.service, &actor).await? {
                location = format!("login?because=out&at={provider}");
            }
            sessions::end(&state.service, &actor).await.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    match ended {
        Ok(()) | Err(Failure::Domain(Error::Conflict(_) | Error::Unauthenticated(_))) => {}
        Err(failure) => return Err(failure),
    }
    Ok(redirect(&root(&request), &location, no_cookies(&state, &request)))
}

/// Redirect to a page of this server, or to the sign-in page
///
/// Redirects to `redirect_uri` if the cookies are those of a session, otherwise to the sign-in page.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_sign_in",
    security(()),
    params(("redirect_uri" = Option<String>, Query, description = "A path of this server")),
    responses((status = 303, description = "There"), Fails<400>),
)]
#[get("/authenticate")]
pub async fn authenticate(request: HttpRequest, caller: Option<Caller>) -> Result<HttpResponse, Failure> {
    let wanted = Params::parse(request.query_string()).get("redirect_uri")?.to_owned();
    // Open-redirect guard: only paths of this server; `//host` and `/\host` name other hosts.
    let local = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && !wanted.chars().any(|each| each == '\\' || each.is_control());
    let target = if local { wanted } else { "/".to_owned() };
    // Relative, so that a proxy may serve this beneath any path.
    let location = if caller.is_some() {
        target.trim_start_matches('/').to_owned()
    } else {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("redirect_uri", &target).finish();
        format!("login?{query}")
    };
    Ok(redirect(&root(&request), &location, []))
}

async fn begin(
    state: &State,
    request: &HttpRequest,
    username: String,
    password: String,
) -> Result<HttpResponse, Failure> {
    let begun = sessions::create(&state.service, username.clone(), password, origin(state, request)).await;
    let begun = begun.map_err(|error| match error {
        Error::Unauthenticated(Refusal::WrongPassword) => bad_request("Invalid Credentials".to_owned()),
        Error::Unauthenticated(Refusal::Disabled) => bad_request("The user is suspended or removed.".to_owned()),
        other => other.into(),
    })?;
    end_replaced(state, of_session_cookie(state, request, Metering::Uncounted).await.ok()).await;
    let [session, actor] = cookies(state, request, username, begun);
    Ok(HttpResponse::Ok().cookie(session).cookie(actor).finish())
}

/// Ends the session that the browser had before it signed in again (ASVS 5.0, 7.2.4). The user is signed in whether or not
/// that is possible, so a failure is only logged: the earlier session then ends when it expires.
pub async fn end_replaced(state: &State, earlier: Option<Actor>) {
    let Some(earlier) = earlier else { return };
    match sessions::end(&state.service, &earlier).await {
        // It has ended already.
        Ok(()) | Err(Error::Unauthenticated(_)) => {}
        Err(error) => tracing::warn!(%error, user = %earlier.id(), "a session that another replaced goes on"),
    }
}

/// The cookies of a session that has just begun.
pub fn cookies(state: &State, request: &HttpRequest, username: String, begun: NewSession) -> [Cookie<'static>; 2] {
    let NewSession { token, expires_at } = begun;
    let lifetime = Duration::seconds((expires_at - state.service.clock.now()) / SECOND);
    let (path, secure) = scope(state, request);
    let cookie = |name: &'static str, value: String| {
        let cookie = Cookie::build(name, value).path(path.to_owned()).max_age(lifetime).same_site(SameSite::Lax);
        if secure { cookie.secure(true) } else { cookie }
    };
    [
        cookie(SESSION_COOKIE, token.expose()).http_only(true).finish(),
        cookie(ACTOR_COOKIE, urn::of_user(username)).finish(),
    ]
}

/// Cookies that delete those of a session.
#[must_use]
pub fn no_cookies(state: &State, request: &HttpRequest) -> [Cookie<'static>; 2] {
    let (path, _) = scope(state, request);
    let gone = |name: &'static str| Cookie::build(name, "").path(path.to_owned()).max_age(Duration::ZERO).finish();
    [gone(SESSION_COOKIE), gone(ACTOR_COOKIE)]
}

/// The `Path` of the cookies, and whether they are `Secure`: as `TESSERA_PUBLIC_URL` says for requests to its host,
/// otherwise `/`, and as a trusted proxy says.
fn scope<'a>(state: &'a State, request: &HttpRequest) -> (&'a str, bool) {
    let proxied = request.connection_info().scheme() == "https" && state.trusted.is_peer(request);
    let Some((scheme, rest)) = state.public_url.as_deref().and_then(|url| url.split_once("://")) else {
        return ("/", proxied);
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let asked = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    if !asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host)) {
        return ("/", proxied);
    }
    (if path.is_empty() { "/" } else { path }, proxied || scheme == "https")
}

fn not_blank(name: &str, value: &str) -> Result<(), Failure> {
    if value.trim().is_empty() { Err(bad_request(format!("{name} must not be empty."))) } else { Ok(()) }
}

fn name(member: &str, text: &str) -> Result<DisplayName, Failure> {
    DisplayName::parse(text).map_err(|message| bad_request(format!("{member} {message}.")))
}

fn bad_request(message: String) -> Failure {
    Failure::DataHub(StatusCode::BAD_REQUEST, message)
}

/// Parses a body; errors do not quote it, because it holds a password.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    read_json(body).map_err(|error| match error {
        Unreadable::LimitExceeded(excess) => bad_request(format!("The body {excess}.")),
        Unreadable::DuplicateMember(twice) => bad_request(format!("The body {twice}.")),
        Unreadable::Json(_) => bad_request("The body must be a JSON object with texts.".to_owned()),
    })
}

/// User name and password.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct LogIn {
    /// The user name.
    username: String,
    /// In clear text: use TLS.
    #[schema(format = Password)]
    password: String,
}

/// A new user. Unknown members are ignored, as DataHub does.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SignUpForm {
    /// The user's full name.
    full_name: String,
    /// The e-mail address, which is also the user name.
    email: String,
    /// The job title.
    title: String,
    /// In clear text: use TLS.
    #[schema(format = Password)]
    password: String,
    /// The invite token.
    invite_token: String,
}
