//! What the pages of errors know, beside the request: who is signed in, and the form that was not carried out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::cookie::Cookie;

use super::form::Fields;
use crate::domain::permission::Permissions;

/// What a request has become known for, for the pages of its errors.
#[derive(Clone, Default)]
pub(super) struct Visitor(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    signed_in: Option<SignedIn>,
    unsent: Option<Fields>,
}

/// What a page knows of the signed-in user.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) username: String,
    pub(super) csrf: String,
    pub(super) permissions: Permissions,
    /// Those of a session that the request has begun: whatever its answer is, it must set them, because the session that
    /// the browser knows has ended.
    pub(super) cookies: Vec<Cookie<'static>>,
}

impl Visitor {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps who is signed in, once the request is authenticated: the latest one if the request signs in again.
    pub(super) fn is(&self, signed_in: SignedIn) {
        self.known().signed_in = Some(signed_in);
    }

    /// Who is signed in, if that is known.
    pub(super) fn get(&self) -> Option<SignedIn> {
        self.known().signed_in.clone()
    }

    /// Keeps the form of a session that is not the browser's any more, so that the user can send it again.
    pub(super) fn has_not_sent(&self, fields: Fields) {
        self.known().unsent = Some(fields);
    }

    /// That form.
    pub(super) fn unsent(&self) -> Option<Fields> {
        self.known().unsent.take()
    }
}
