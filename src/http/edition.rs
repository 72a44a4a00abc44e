//! `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

use actix_web::http::header::{ETag, EntityTag, Header, IfMatch};
use actix_web::{HttpRequest, HttpResponseBuilder};

use crate::domain::edition::{Edition, Expected};

/// The editions that `If-Match` allows: any, if the header is absent. A weak or unreadable tag matches nothing.
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

/// Sets `ETag` to the edition of the record in the response.
pub fn with_etag(response: &mut HttpResponseBuilder, edition: Edition) -> &mut HttpResponseBuilder {
    response.insert_header(ETag(EntityTag::new_strong(edition.0)))
}
