//! The parts that all pages share.

use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use askama::Template;

use super::Console;
use super::visitor::SignedIn;
use crate::domain::error::Error;
use crate::domain::permission::{Permission, Permissions};
use crate::http::problem::{Complete, Failure};
use crate::http::protected::protect;

/// The data that all pages share: the member `page` of each template.
pub struct Page {
    /// The page's name, shown in the `title` element only.
    pub title: String,
    /// The navigation entry that is marked as current: `keys`.
    pub here: &'static str,
    /// The start of this server, relative to the page: `../`.
    pub root: String,
    /// The signed-in user; `None` on pages without a session.
    pub username: Option<String>,
    /// The CSRF token that its forms send back.
    pub csrf: String,
    /// The permissions of the signed-in user, which decide what the navigation offers.
    pub permissions: Permissions,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) mark: String,
}

impl Page {
    /// A page without a signed-in user.
    pub(super) fn new(console: &Console, root: String, title: impl Into<String>, here: &'static str) -> Self {
        let files = &console.files;
        Self {
            title: title.into(),
            here,
            root,
            username: None,
            csrf: String::new(),
            permissions: Permissions::default(),
            style: files.style.name.clone(),
            script: files.script.name.clone(),
            mark: files.mark.name.clone(),
        }
    }
}

impl Page {
    /// Makes it a page of the signed-in user.
    pub(super) fn enter(&mut self, signed_in: SignedIn) {
        self.username = Some(signed_in.username);
        self.csrf = signed_in.csrf;
        self.permissions = signed_in.permissions;
    }

    /// Whether the user may read the audit trail.
    #[must_use]
    pub fn may_audit(&self) -> bool {
        self.permissions.contains(Permission::ViewAudit)
    }

    /// Whether the user may see and write the policies of the platform.
    #[must_use]
    pub fn may_write_policies(&self) -> bool {
        self.permissions.contains(Permission::ManagePolicies)
    }
}

/// Answers with a page.
///
/// # Errors
/// When the template fails.
pub(super) fn answer(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Failure> {
    answer_with(HttpResponse::build(status), template)
}

/// Answers with a page, and keeps the status and header fields that `response` already has.
///
/// # Errors
/// When the template fails.
pub(super) fn answer_with(
    mut response: HttpResponseBuilder,
    template: &impl Template,
) -> Result<HttpResponse, Failure> {
    let html = template.render().map_err(|error| Error::Internal(error.into()))?;
    protect(&mut response);
    let mut response = response.content_type("text/html; charset=utf-8").body(html);
    response.extensions_mut().insert(Complete);
    Ok(response)
}
