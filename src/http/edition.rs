//! `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

use actix_web::http::header::{ETag, EntityTag, Header, IfMatch};
use actix_web::{HttpRequest, HttpResponseBuilder};

use crate::domain::edition::{Edition, Expected};

/// What the request expects to change: whatever there is, unless it has `If-Match`. A tag that is weak or cannot be read
/// matches nothing.
pub fn expected(request: &HttpRequest) -> Expected {
    if !request.headers().contains_key(IfMatch::name()) {
        return Expected::Any;
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Expected::Any,
        Ok(IfMatch::Items(tags)) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Expected::OneOf(strong.map(|tag| Edition(tag.tag().to_owned())).collect())
        }
        Err(_) => Expected::OneOf(Vec::new()),
    }
}

/// Tells the edition of what is answered.
pub fn tell(response: &mut HttpResponseBuilder, edition: Edition) -> &mut HttpResponseBuilder {
    response.insert_header(ETag(EntityTag::new_strong(edition.0)))
}
