//! Authentication as request extractors. A handler with an [`Actor`] argument requires authentication; one that also
//! reads a body takes both as [`AuthenticatedBody`].
//!
//! [`AuthenticatedBody`] authenticates before it reads the body and again afterwards, so that a slowly sent request
//! runs with the access that its actor has when the last byte arrives, not with earlier access.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::auth::{self, Metering};
use super::bodies::Sender;
use super::problem::Failure;
use super::state::{State, state};
use super::valid::Body;
use crate::domain::actor::Actor;
use crate::domain::ids::PrincipalId;

/// How an API surface authenticates the sender of a request.
pub trait Identify: 'static {
    /// The longest body that this API surface accepts, in bytes; `everywhere` is the general limit.
    #[must_use]
    fn longest(everywhere: usize) -> usize {
        everywhere
    }

    /// Authenticates a request by its headers.
    ///
    /// # Errors
    /// Why the credential is refused.
    fn identify(
        state: &State,
        request: &HttpRequest,
        metering: Metering,
    ) -> impl Future<Output = Result<Actor, Failure>>;
}

/// Authentication by bearer token.
pub struct Bearer;

impl Identify for Bearer {
    async fn identify(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
        auth::authenticate_head(state, request, metering).await
    }
}

/// Authenticates a request by its headers and records the actor in the request's tracing span.
///
/// # Errors
/// Why the credential is refused.
pub async fn identify<D: Identify>(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
    let actor = D::identify(state, request, metering).await?.requesting(auth::request(request));
    auth::mark_authenticated(&actor, request);
    if !request.method().is_safe() {
        request.extensions_mut().insert(auth::Asking(actor.clone()));
    }
    Ok(actor)
}

impl FromRequest for Actor {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify::<Bearer>(&*state(&request)?, &request, Metering::Counted).await })
    }
}

/// An authenticated request with a body: every handler that takes a body from an actor takes this.
pub struct AuthenticatedBody<T, D = Bearer> {
    /// The actor, with its access at the moment the whole body had arrived.
    pub actor: Actor,
    /// The body.
    pub body: Body<T>,
    door: PhantomData<D>,
}

impl<T: 'static, D: Identify> FromRequest for AuthenticatedBody<T, D> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = state(&request)?;
            let sender = D::identify(&state, &request, Metering::Counted).await?.id();
            Self::read(&state, &request, payload, sender).await
        })
    }
}

impl<T: 'static, D: Identify> AuthenticatedBody<T, D> {
    /// Reads the body of a request whose sender is identified, and identifies the sender again.
    ///
    /// # Errors
    /// Why the credential is refused now.
    pub async fn read(
        state: &State,
        request: &HttpRequest,
        payload: Payload,
        sender: PrincipalId,
    ) -> Result<Self, Failure> {
        let longest = D::longest(state.bodies.longest());
        let body = Body::read(state, request, payload, longest, Sender::Actor(sender)).await;
        let actor = identify::<D>(state, request, Metering::Uncounted).await?;
        Ok(Self { actor, body, door: PhantomData })
    }
}
