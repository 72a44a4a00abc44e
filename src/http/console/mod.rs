//! The console: HTML pages. Handlers parse the request, call the same use cases as the APIs, and render a template.
//!
//! | look for | in |
//! |---|---|
//! | forms that are carried out once | `once.rs` |
//! | what every page has: title, navigation, header fields | `page.rs`, `templates/layout.html` |
//! | the signed-in user's request; submitted forms and the CSRF check | `signed_in.rs`, `form.rs` |
//! | device authorizations; the user's bearer tokens | `device.rs`, `token.rs` |
//! | signing in, up and out; confirming the password before dangerous actions | `login.rs`, `sign_up.rs`, `confirm.rs` |
//! | lists: filters, order and page in the URL | `list.rs` |
//! | API keys; their names, for other pages | `keys/`; `key_names.rs` |
//! | personas and their policies; who gains or loses what | `personas/`; `gains.rs` |
//! | connections and collections; picking a key or a user | `connections/`; `pick.rs` |
//! | users, service accounts, invitations, roles; policies of the platform; the audit trail | `people/`; `policies.rs`; `audit.rs`, `trail.rs`, `changed.rs` |
//! | the user's access tokens and sessions | `settings/` |
//! | forms of a session that is not the browser's any more | `unsent.rs`, `visitor.rs` |
//! | errors as pages; what a page says about the action before | `failures.rs`; `notice.rs` |
//! | style sheet, script and mark | `files.rs`, `files/` |
//!
//! Everything works without JavaScript. A page keeps its state in its URL.

pub mod audit;
pub mod authorize;
mod changed;
mod confirm;
pub mod connections;
pub mod device;
mod export;
pub mod failures;
pub mod files;
mod form;
mod gains;
mod key_names;
pub mod keys;
mod list;
pub mod login;
mod notice;
mod once;
mod page;
pub mod people;
pub mod personas;
mod pick;
pub mod policies;
pub mod proof;
mod redirect_target;
pub mod settings;
pub mod sign_up;
mod signed_in;
pub mod start;
mod status;
pub mod token;
mod trail;
mod unsent;
mod verdict;
mod visitor;
mod words;

pub use self::page::Page;
pub use self::redirect_target::safe_redirect_target;
pub use self::signed_in::{SignedInRequest, SubmittedForm};

use std::time::Duration;

use self::files::Files;

/// An identity provider offered for signing in.
#[derive(Debug, Clone)]
pub struct ProviderButton {
    /// Its id in URLs.
    pub id: String,
    /// The label of the button.
    pub label: String,
}

impl ProviderButton {
    /// The URL that starts a sign-in and then returns to `next`, relative to the start of this server.
    fn begin(&self, next: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        format!("login/{}?{query}", self.id)
    }
}

/// The settings of the console.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// The identity providers offered for signing in.
    pub providers: Vec<ProviderButton>,
    /// How long after signing in a dangerous action does not ask for the password again.
    pub confirm_after: Duration,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self { providers: Vec::new(), confirm_after: Duration::from_mins(15) }
    }
}

/// The shared data of the console.
pub struct Console {
    settings: ConsoleSettings,
    files: Files,
}

impl Console {
    /// Creates the console with these settings.
    #[must_use]
    pub fn new(settings: ConsoleSettings) -> Self {
        Self { settings, files: Files::embedded() }
    }
}

/// The first path segments of the console; the empty one is the start page.
const SEGMENTS: [&str; 14] = [
    "",
    "login",
    "logout",
    "files",
    "keys",
    "settings",
    "personas",
    "policies",
    "people",
    "connections",
    "audit",
    "device",
    "token",
    "signup",
];

/// Whether a path belongs to the console, so that its errors are pages. The log of the changes, beside the page of the audit
/// trail, is for programs.
fn owns(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let first = path.split(['/', '?']).next().unwrap_or_default();
    SEGMENTS.contains(&first) && !path.starts_with("audit/log/")
}
