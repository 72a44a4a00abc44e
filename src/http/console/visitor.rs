//! Who is signed in, for the pages of errors, which know nothing but the request.

use std::sync::{Arc, OnceLock};

use crate::domain::permission::Permissions;

/// Who is signed in, once the request is authenticated: the pages of its errors have the navigation.
#[derive(Clone, Default)]
pub(super) struct Visitor(Arc<OnceLock<SignedIn>>);

/// What a page knows of the signed-in user.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) username: String,
    pub(super) csrf: String,
    pub(super) permissions: Permissions,
}

impl Visitor {
    /// Keeps who is signed in; the first one if the request signs in again.
    pub(super) fn is(&self, signed_in: SignedIn) {
        drop(self.0.set(signed_in));
    }

    /// Who is signed in, if that is known.
    pub(super) fn get(&self) -> Option<&SignedIn> {
        self.0.get()
    }
}
