//! OAuth 2 and OpenID Connect.

pub mod sign_in;
