//! HEAD, which is handled like GET, except at pages that change something.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::problem::Failure;

/// Request extension: the method that the client sent is HEAD.
pub struct SentAsHead;

/// Refuses HEAD at a page that changes something: programs that look at links send it without asking anybody.
///
/// # Errors
/// 405
pub fn refuse_head(request: &HttpRequest) -> Result<(), Failure> {
    let is_head = request.extensions().contains::<SentAsHead>();
    if is_head { Err(Failure::Method(Method::GET.to_string())) } else { Ok(()) }
}
