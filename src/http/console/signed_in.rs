//! Requests of a signed-in user, by the session cookie that the console shares with the DataHub API.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use data_encoding::BASE64URL_NOPAD;
use hmac::Mac;
use subtle::ConstantTimeEq;

use super::Console;
use super::form::{CSRF, Fields, Form};
use super::page::{Page, answer};
use super::redirect_target::page_of_form;
use super::visitor::{SignedIn, Visitor};
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::error::{Error, Refusal};
use crate::domain::token::TokenKind;
use crate::http::address::root;
use crate::http::auth::Metering;
use crate::http::authenticated::{self, AuthenticatedBody, Identify};
use crate::http::base_url::base_url;
use crate::http::datahub::caller::{check_csrf_navigation, of_session_cookie};
use crate::http::problem::Failure;
use crate::http::protected::redirect;
use crate::http::state::{State, data, state};
use crate::http::valid::{Body, Params, Raw};

/// Identifies the actor by the session cookie.
pub struct BySession;

impl Identify for BySession {
    async fn identify(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
        of_session_cookie(state, request, metering).await
    }
}

/// The session of an actor.
fn session_of(actor: &Actor) -> Result<PresentedCredential, Failure> {
    let session = actor.credential.filter(|credential| credential.kind == TokenKind::Session);
    Ok(session.ok_or(Error::Unauthenticated(Refusal::Invalid))?)
}

/// A request of a signed-in user. A handler with this argument requires a session.
pub struct SignedInRequest {
    /// The shared state of all handlers.
    pub state: web::Data<State>,
    /// The shared data of the console.
    pub console: web::Data<Console>,
    /// The request.
    pub http: HttpRequest,
    /// The signed-in user.
    pub actor: Actor,
    /// Cookies to set with the answer.
    pub(super) cookies: Vec<Cookie<'static>>,
}

impl SignedInRequest {
    fn new(request: &HttpRequest, actor: Actor) -> Result<Self, Failure> {
        let (state, console) = (state(request)?, data::<Console>(request)?);
        let signed_in = Self { state, console, http: request.clone(), actor, cookies: Vec::new() };
        signed_in.tell_visitor()?;
        Ok(signed_in)
    }

    /// Goes on as another session of the user: every answer, also that of an error, sets its cookies.
    pub(super) fn enter(&mut self, actor: Actor, cookies: Vec<Cookie<'static>>) -> Result<Actor, Failure> {
        let old = std::mem::replace(&mut self.actor, actor);
        self.cookies = cookies;
        self.tell_visitor()?;
        Ok(old)
    }

    fn tell_visitor(&self) -> Result<(), Failure> {
        let signed_in = self.visitor()?;
        if let Some(visitor) = self.http.extensions().get::<Visitor>() {
            visitor.is(signed_in);
        }
        Ok(())
    }

    /// What a page knows of the signed-in user.
    fn visitor(&self) -> Result<SignedIn, Failure> {
        Ok(SignedIn {
            username: self.actor.username().to_string(),
            csrf: CsrfToken::of(self)?.to_string(),
            permissions: self.actor.permissions(),
            cookies: self.cookies.clone(),
        })
    }

    /// The shared parts of a page, for the signed-in user.
    ///
    /// # Errors
    /// When the actor has no session.
    pub fn page(&self, title: impl Into<String>, here: &'static str) -> Result<Page, Failure> {
        let mut page = Page::new(&self.console, root(&self.http), title, here);
        page.enter(self.visitor()?);
        Ok(page)
    }

    /// Answers with a page.
    ///
    /// # Errors
    /// When the template fails.
    pub fn answer(&self, status: StatusCode, template: &impl Template) -> Result<HttpResponse, Failure> {
        let mut response = answer(status, template)?;
        for cookie in &self.cookies {
            response.add_cookie(cookie).map_err(|error| Error::Internal(error.into()))?;
        }
        Ok(response)
    }

    /// Redirects (303) to a page, given relative to the start of this server.
    #[must_use]
    pub fn redirect(&self, to: &str) -> HttpResponse {
        redirect(&root(&self.http), to, self.cookies.iter().cloned())
    }

    /// The parameters of the URL, without those that mail programs and other sites add to links for their statistics.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::parse(self.http.query_string()).without_prefix("utm_")
    }

    /// The base URL of this server, without a slash at its end.
    ///
    /// # Errors
    /// A violation of `Host`, if `TESSERA_PUBLIC_URL` is not set.
    pub fn base_url(&self) -> Result<String, Failure> {
        Ok(base_url(&self.state, &self.http)?)
    }

    /// The current time in epoch milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.state.service.clock.now()
    }
}

impl FromRequest for SignedInRequest {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = authenticated::identify::<BySession>(&*state(&request)?, &request, Metering::Counted).await?;
            Self::new(&request, actor)
        })
    }
}

/// A form submitted by a signed-in user that has passed the CSRF check.
pub struct SubmittedForm {
    /// The user and the request.
    pub request: SignedInRequest,
    /// The submitted fields.
    pub form: Form,
}

impl Deref for SubmittedForm {
    type Target = SignedInRequest;

    fn deref(&self) -> &SignedInRequest {
        &self.request
    }
}

impl FromRequest for SubmittedForm {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = state(&request)?;
            let sender = match BySession::identify(&state, &request, Metering::Counted).await {
                Ok(actor) => actor.id(),
                Err(failure) => {
                    keep_unsent(&request, payload, &failure).await;
                    return Err(failure);
                }
            };
            let sent = AuthenticatedBody::<Raw, BySession>::read(&state, &request, payload, sender).await?;
            check_csrf_navigation(&request)?;
            let form = Form::parse(&request, &sent.body.bytes()?)?;
            let request = SignedInRequest::new(&request, sent.actor)?;
            let expected = CsrfToken::of(&request)?;
            if expected.is(form.text(CSRF)) {
                return Ok(Self { request, form });
            }
            if expected.is_of_same_user(form.text(CSRF)) {
                has_not_sent(&request.http, form.to_send_again());
            }
            let message = "this form belongs to another session".to_owned();
            Err(Failure::DataHub(StatusCode::FORBIDDEN, message))
        })
    }
}

/// Keeps the form of a session that has ended, so that its user can send it again after signing in. A form from elsewhere is
/// not kept.
async fn keep_unsent(request: &HttpRequest, mut payload: Payload, failure: &Failure) {
    if !matches!(failure, Failure::Domain(Error::Unauthenticated(_))) || check_csrf_navigation(request).is_err() {
        return;
    }
    let Ok(body) = Body::<Raw>::from_request(request, &mut payload).await else { return };
    let Ok(form) = body.bytes().and_then(|bytes| Form::parse(request, &bytes)) else { return };
    if CsrfToken::is_well_formed(form.text(CSRF)) {
        let csrf = (CSRF.to_owned(), form.text(CSRF).to_owned());
        has_not_sent(request, [vec![csrf], form.to_send_again()].concat());
    }
}

/// Keeps a form that is not carried out, for the page of the error. Signing out is not worth to be repeated.
fn has_not_sent(request: &HttpRequest, fields: Fields) {
    if let Some(visitor) = request.extensions().get::<Visitor>().filter(|_| !page_of_form(request.path()).is_empty()) {
        visitor.has_not_sent(fields);
    }
}

/// The length of an HMAC in a token.
const HMAC: usize = 43;

/// The CSRF token of a session: HMACs of its key id and of its user's id, which other sites cannot compute. The second one
/// tells a form of another session of the same user, who may have signed in again since it was loaded, from one of
/// somebody else.
struct CsrfToken {
    of_session: String,
    of_user: String,
}

impl CsrfToken {
    fn of(request: &SignedInRequest) -> Result<Self, Failure> {
        let session = session_of(&request.actor)?;
        let keyed = |purpose: &str, message: &[u8]| {
            let mut keyed = request.state.service.peppers.derive(purpose);
            keyed.update(message);
            BASE64URL_NOPAD.encode(&keyed.finalize().into_bytes())
        };
        Ok(Self {
            of_session: keyed("console forms", &session.key_id.0),
            of_user: keyed("console forms of a user", request.actor.id().uuid().as_bytes()),
        })
    }

    /// Whether a text may be the token of a session.
    fn is_well_formed(text: &str) -> bool {
        text.split_once('.')
            .is_some_and(|(of_session, of_user)| [of_session, of_user].iter().all(|hmac| hmac.len() == HMAC))
    }

    fn is(&self, text: &str) -> bool {
        self.to_string().as_bytes().ct_eq(text.as_bytes()).into()
    }

    fn is_of_same_user(&self, text: &str) -> bool {
        text.split_once('.').is_some_and(|(_, of_user)| self.of_user.as_bytes().ct_eq(of_user.as_bytes()).into())
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.of_session, self.of_user)
    }
}

/// The result, or `None` if it is forbidden.
///
/// # Errors
/// Every other error.
pub(super) fn allowed<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Error::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
