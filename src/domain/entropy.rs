//! Randomness passed as an argument, so that tests can replace it.

use super::error::{Error, Result};

/// A source of random bytes.
#[derive(Debug, Clone, Copy)]
pub struct Entropy(fn(&mut [u8]) -> Result<(), getrandom::Error>);

impl Entropy {
    /// The operating system's generator.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
    pub const SYSTEM: Self = Self(getrandom::fill);

    /// A source of the caller's choice, for tests.
    pub const fn from_fn(fill: fn(&mut [u8]) -> Result<(), getrandom::Error>) -> Self {
        Self(fill)
    }

    /// Fills `bytes`, or fails: bytes that are not random are never used.
    ///
    /// # Errors
    /// [`Error::Internal`] when the source fails.
    pub fn fill(self, bytes: &mut [u8]) -> Result<()> {
        (self.0)(bytes).map_err(|error| Error::Internal(error.into()))
    }
}
