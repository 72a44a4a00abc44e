//! The actor of a request. An [`Actor`] among a handler's arguments means: only the authenticated. A handler that also
//! takes a body takes both as [`Asked`]: the credential comes first.
//!
//! Nothing of a body is read before its sender is known, and when it has arrived its sender is looked at again: what a
//! request may do is what its actor may do once all of it is here, however slowly it was sent.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::auth::{self, Look};
use super::bodies::Sender;
use super::problem::Failure;
use super::state::{State, state};
use super::valid::Body;
use crate::domain::actor::Actor;

/// How a door knows the sender of a request.
pub trait Identify: 'static {
    /// The longest body at this door, in bytes, where it is not what it is everywhere.
    #[must_use]
    fn longest(everywhere: usize) -> usize {
        everywhere
    }

    /// The actor by the head of a request.
    ///
    /// # Errors
    /// The refusal.
    fn identify(state: &State, request: &HttpRequest, look: Look) -> impl Future<Output = Result<Actor, Failure>>;
}

/// By a bearer token.
pub struct Bearer;

impl Identify for Bearer {
    async fn identify(state: &State, request: &HttpRequest, look: Look) -> Result<Actor, Failure> {
        Ok(auth::authenticate(state, auth::bearer(request)?, request, look).await?)
    }
}

/// The actor by the head of a request, which is noted in the request's span.
///
/// # Errors
/// The refusal.
pub async fn identify<D: Identify>(state: &State, request: &HttpRequest, look: Look) -> Result<Actor, Failure> {
    let actor = D::identify(state, request, look).await?.requesting(auth::request(request));
    auth::note(&actor, request);
    Ok(actor)
}

impl FromRequest for Actor {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify::<Bearer>(&*state(&request)?, &request, Look::First).await })
    }
}

/// An authenticated request with a body: every handler that takes a body from an actor takes this.
pub struct Asked<T, D = Bearer> {
    /// Who asks, with the rights they had when the body had arrived.
    pub actor: Actor,
    /// What they sent.
    pub body: Body<T>,
    door: PhantomData<D>,
}

impl<T: 'static, D: Identify> FromRequest for Asked<T, D> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = state(&request)?;
            let sender = Sender::Actor(D::identify(&state, &request, Look::First).await?.id());
            let body = Body::read(&state, &request, payload, D::longest(state.bodies.longest()), sender).await;
            let actor = identify::<D>(&state, &request, Look::Again).await?;
            Ok(Self { actor, body, door: PhantomData })
        })
    }
}
