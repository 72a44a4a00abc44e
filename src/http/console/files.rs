//! The embedded style sheet, script and logo. Their names hold a content hash, so browsers may cache them for a year.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Console;
use crate::http::problem::Failure;

/// The files that pages load.
pub(super) struct Files {
    pub(super) style: File,
    pub(super) script: File,
    pub(super) mark: File,
}

/// A file and how it is served.
pub(super) struct File {
    /// Contains a hash of the content.
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
/// `Failure::NoEndpoint` for an unknown or outdated name.
pub async fn file(console: web::Data<Console>, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    let Files { style, script, mark } = &console.files;
    let file = [style, script, mark].into_iter().find(|file| file.name == *name).ok_or(Failure::NoEndpoint)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, file.media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(file.content))
}
