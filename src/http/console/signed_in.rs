//! Requests of a signed-in user, by the session cookie that the console shares with the DataHub API.

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
use super::form::Form;
use super::page::{Page, answer, redirect};
use super::visitor::{SignedIn, Visitor};
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::error::{Error, Refusal};
use crate::domain::pepper::Peppers;
use crate::domain::token::TokenKind;
use crate::http::address::root;
use crate::http::auth::Metering;
use crate::http::authenticated::{self, AuthenticatedBody, Identify};
use crate::http::base_url::base_url;
use crate::http::datahub::caller::{check_csrf_navigation, of_session_cookie};
use crate::http::problem::Failure;
use crate::http::state::{State, data, state};
use crate::http::valid::{Params, Raw};

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
        if let Some(visitor) = request.extensions().get::<Visitor>() {
            visitor.is(signed_in.visitor()?);
        }
        Ok(signed_in)
    }

    /// What a page knows of the signed-in user.
    fn visitor(&self) -> Result<SignedIn, Failure> {
        Ok(SignedIn {
            username: self.actor.username().to_string(),
            csrf: csrf(&self.state.service.peppers, session_of(&self.actor)?),
            permissions: self.actor.permissions(),
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

    /// The parameters of the URL.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::parse(self.http.query_string())
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
        let body = AuthenticatedBody::<Raw, BySession>::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let AuthenticatedBody { actor, body, .. } = body.await?;
            check_csrf_navigation(&request)?;
            let form = Form::parse(&request, &body.bytes()?)?;
            let request = SignedInRequest::new(&request, actor)?;
            let expected = csrf(&request.state.service.peppers, session_of(&request.actor)?);
            if !bool::from(expected.as_bytes().ct_eq(form.text("csrf").as_bytes())) {
                let message = "this form belongs to another session".to_owned();
                return Err(Failure::DataHub(StatusCode::FORBIDDEN, message));
            }
            Ok(Self { request, form })
        })
    }
}

/// The CSRF token of a session: an HMAC of its key id, which other sites cannot compute.
fn csrf(peppers: &Peppers, session: PresentedCredential) -> String {
    let mut keyed = peppers.derive("console forms");
    keyed.update(&session.key_id.0);
    BASE64URL_NOPAD.encode(&keyed.finalize().into_bytes())
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
