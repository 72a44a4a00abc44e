//! What is said of rows of any table.

use super::database::storage;
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;

/// Whether a write found what it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existed {
    /// It did.
    Yes,
    /// It did not, and nothing was written.
    No,
}

impl From<usize> for Existed {
    fn from(rows: usize) -> Self {
        if rows == 0 { Self::No } else { Self::Yes }
    }
}

pub(super) fn parse_id<T>(text: &str) -> Result<Id<T>> {
    Id::parse(text).ok_or_else(|| corrupt("id", text))
}

pub(super) fn corrupt(what: &str, value: &str) -> Error {
    storage(format!("the database holds the unknown {what} `{value}`"))
}
