//! What a page says about the action that led to it.

/// What a page says about the action that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    None,
    /// It is done.
    Good(&'static str),
    /// It is not done as the user meant it.
    Warning(&'static str),
}
