//! Closed sets of values of OAuth requests in the document, as enumerations.

use utoipa::openapi::Schema;

use super::client_assertion::ASSERTION_TYPE;
use super::wanted::{ACCESS_TOKEN, ID_TOKEN, JWT};
use crate::http::openapi::sets::one_of;

/// The forms of children.
pub fn token_formats() -> Schema {
    one_of("The form of the token; `jwt` if absent.", ["jwt", "opaque"])
}

/// The types of tokens that an exchange takes.
pub fn subject_token_types() -> Schema {
    let about = "Token exchange: the type of `subject_token`; for the token of a workload \
                 `urn:ietf:params:oauth:token-type:id_token`.";
    one_of(about, [ACCESS_TOKEN, JWT, ID_TOKEN])
}

/// The types of tokens of who acts for a subject.
pub fn actor_token_types() -> Schema {
    one_of("Token exchange: the type of `actor_token`.", [ACCESS_TOKEN, JWT])
}

/// The types of tokens that an exchange makes.
pub fn requested_token_types() -> Schema {
    one_of("Token exchange: the type of the wanted token; the second only for a JWT.", [ACCESS_TOKEN, JWT])
}

/// How a client proves itself with a signature.
pub fn client_assertion_types() -> Schema {
    one_of("The type of `client_assertion` (RFC 7523).", [ASSERTION_TYPE])
}
