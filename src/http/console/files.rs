//! The style sheet, the script and the mark: in the program, under names that change with what is in them.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Console;
use crate::http::problem::Failure;

/// The files of the pages.
pub(super) struct Files {
    pub(super) style: File,
    pub(super) script: File,
    pub(super) mark: File,
}

/// A file and how it is served.
pub(super) struct File {
    /// With a hash of the content in it.
    pub(super) name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Files {
    pub(super) fn embedded() -> Self {
        Self {
            style: File::new("console", "css", "text/css; charset=utf-8", include_str!("files/console.css")),
            script: File::new("console", "js", "text/javascript; charset=utf-8", include_str!("files/console.js")),
            mark: File::new("mark", "svg", "image/svg+xml", include_str!("files/mark.svg")),
        }
    }
}

impl File {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(content)[..8]);
        Self { name: format!("{stem}.{hash}.{extension}"), media_type, content }
    }
}

/// `GET /files/{name}`
///
/// # Errors
/// [`Failure::NoEndpoint`] for a name that is not, or no longer, one of a file.
pub async fn file(console: web::Data<Console>, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    let Files { style, script, mark } = &console.files;
    let file = [style, script, mark].into_iter().find(|file| file.name == *name).ok_or(Failure::NoEndpoint)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, file.media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(file.content))
}
