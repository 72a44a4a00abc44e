//! Requests of a signed-in user, by the session cookie that the console shares with the DataHub API.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;
use data_encoding::BASE64URL_NOPAD;
use hmac::Mac;
use subtle::ConstantTimeEq;

use super::Console;
use super::form::Form;
use super::page::{Page, answer, lead};
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::error::{Error, Refusal};
use crate::domain::pepper::Peppers;
use crate::domain::token::TokenKind;
use crate::http::address::root;
use crate::http::asked::{self, Asked, Identify};
use crate::http::auth::{Look, authenticate};
use crate::http::datahub::caller::{SESSION_COOKIE, check_csrf_navigation};
use crate::http::problem::Failure;
use crate::http::state::{State, data, state};
use crate::http::valid::{Params, Raw};

/// Identifies the actor by the session cookie.
pub struct BySession;

impl Identify for BySession {
    async fn identify(state: &State, request: &HttpRequest, look: Look) -> Result<Actor, Failure> {
        let session = request.cookie(SESSION_COOKIE).ok_or(Error::Unauthenticated(Refusal::Missing))?;
        let actor = authenticate(state, session.value(), request, look).await?;
        session_of(&actor)?;
        Ok(actor)
    }
}

/// The session of an actor. Any other credential is refused: a key in a cookie would never end.
fn session_of(actor: &Actor) -> Result<PresentedCredential, Failure> {
    let session = actor.credential.filter(|credential| credential.kind == TokenKind::Session);
    Ok(session.ok_or(Error::Unauthenticated(Refusal::Invalid))?)
}

/// A request of a signed-in user. A handler with this argument requires a session.
pub struct Visit {
    /// The shared state of all handlers.
    pub state: web::Data<State>,
    /// The shared data of the console.
    pub console: web::Data<Console>,
    /// The request.
    pub request: HttpRequest,
    /// The signed-in user.
    pub actor: Actor,
    /// Cookies to set with the answer.
    pub(super) cookies: Vec<Cookie<'static>>,
}

impl Visit {
    fn new(request: &HttpRequest, actor: Actor) -> Result<Self, Failure> {
        let (state, console) = (state(request)?, data::<Console>(request)?);
        Ok(Self { state, console, request: request.clone(), actor, cookies: Vec::new() })
    }

    /// The shared parts of a page, for the signed-in user.
    ///
    /// # Errors
    /// When the actor has no session.
    pub fn page(&self, title: impl Into<String>, here: &'static str) -> Result<Page, Failure> {
        let mut page = Page::new(&self.console, root(&self.request), title, here);
        page.csrf = csrf(&self.state.service.peppers, session_of(&self.actor)?);
        page.username = Some(self.actor.username().to_string());
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
    pub fn lead(&self, to: &str) -> HttpResponse {
        lead(&root(&self.request), to, self.cookies.iter().cloned())
    }

    /// The parameters of the URL.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::parse(self.request.query_string())
    }

    /// The base URL of this server: as configured, or as in the request.
    #[must_use]
    pub fn url(&self) -> String {
        if let Some(url) = &self.state.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let connection = self.request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    }

    /// The current time in epoch milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.state.service.clock.now()
    }
}

impl FromRequest for Visit {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = asked::identify::<BySession>(&*state(&request)?, &request, Look::First).await?;
            Self::new(&request, actor)
        })
    }
}

/// A form submitted by a signed-in user that has passed the CSRF check.
pub struct Posted {
    /// The user and the request.
    pub visit: Visit,
    /// The submitted fields.
    pub form: Form,
}

impl Deref for Posted {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl FromRequest for Posted {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let asked = Asked::<Raw, BySession>::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Asked { actor, body, .. } = asked.await?;
            check_csrf_navigation(&request)?;
            let form = Form::parse(&request, &body.bytes()?)?;
            let visit = Visit::new(&request, actor)?;
            let expected = csrf(&visit.state.service.peppers, session_of(&visit.actor)?);
            if !bool::from(expected.as_bytes().ct_eq(form.text("csrf").as_bytes())) {
                let message = "this form belongs to another session".to_owned();
                return Err(Failure::DataHub(StatusCode::FORBIDDEN, message));
            }
            Ok(Self { visit, form })
        })
    }
}

/// The CSRF token of a session: an HMAC of its key id, which other sites cannot compute.
fn csrf(peppers: &Peppers, session: PresentedCredential) -> String {
    let mut keyed = peppers.derive("console forms");
    keyed.update(&session.key_id.0);
    BASE64URL_NOPAD.encode(&keyed.finalize().into_bytes())
}
