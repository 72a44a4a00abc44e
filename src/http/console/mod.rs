//! The console: pages for people, in HTML. Handlers parse, call the use cases that every door calls, and render a template.
//!
//! | look for | in |
//! |---|---|
//! | what every page has: title, navigation, header fields | `page.rs`, `templates/layout.html` |
//! | who looks at a page, and the forms that they send | `visit.rs`, `form.rs` |
//! | programs without a browser, and bearer tokens of one's own | `device.rs`, `token.rs` |
//! | signing in and out, and doing so again before something dangerous | `login.rs`, `confirm.rs` |
//! | what lists have in common: filters, order and pages in the address | `list.rs` |
//! | API keys | `keys/` |
//! | people; personas; the audit trail | `people/`; `personas.rs`, `policies.rs`; `audit.rs`, `trail.rs` |
//! | access tokens, sessions of one's own | `settings/` |
//! | errors as pages | `failures.rs` |
//! | style sheet, script and mark | `files.rs`, `files/` |
//!
//! Everything works without the script. A page keeps its state in its address.

pub mod audit;
mod confirm;
pub mod device;
mod export;
pub mod failures;
pub mod files;
mod form;
pub mod keys;
mod list;
pub mod login;
mod next;
mod page;
pub mod people;
pub mod personas;
pub mod policies;
pub mod settings;
pub mod start;
mod status;
pub mod token;
mod trail;
mod verdict;
mod visit;
mod words;

pub use self::next::local;
pub use self::page::{Page, lead};
pub use self::visit::{Posted, Visit};

use std::time::Duration;

use self::files::Files;

/// A provider where people can sign in.
#[derive(Debug, Clone)]
pub struct ProviderButton {
    /// Its name in addresses.
    pub id: String,
    /// What the button says.
    pub label: String,
}

impl ProviderButton {
    /// Where a sign-in begins that leads on to `next`, from the start of this server.
    fn begin(&self, next: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        format!("login/{}?{query}", self.id)
    }
}

/// What this door can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The providers where people can sign in.
    pub providers: Vec<ProviderButton>,
    /// How long after signing in somebody may do what is dangerous without doing so again.
    pub confirm_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { providers: Vec::new(), confirm_after: Duration::from_mins(15) }
    }
}

/// The data of this door.
pub struct Console {
    settings: Settings,
    files: Files,
}

impl Console {
    /// With those settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, files: Files::embedded() }
    }
}

/// The first segments of the paths of this door; the first is that of the start page.
const SEGMENTS: [&str; 13] = [
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
];

/// Whether a path belongs to this door, so that its errors are pages.
fn owns(path: &str) -> bool {
    let first = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    SEGMENTS.contains(&first)
}
