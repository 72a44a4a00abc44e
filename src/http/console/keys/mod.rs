//! `/keys`: API keys.

mod authentication;
mod bounds;
pub mod bulk;
pub mod change;
mod chart;
mod choices;
mod created;
mod draft;
pub mod list;
pub mod new;
pub mod one;
pub mod personas;
pub(super) mod row;

use crate::domain::error::Error;
use crate::domain::ids::PrincipalId;
use crate::domain::text::clip;

/// Parses the id of a key in a URL.
fn id_of(text: &str) -> Result<PrincipalId, Error> {
    PrincipalId::parse(text).ok_or_else(|| Error::NotFound { kind: "API key", id: clip(text) })
}
