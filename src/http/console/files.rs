//! The embedded style sheet, script and logo. Their names hold a content hash, so browsers may cache them for a year.
//!
//! They are compressed once, at the start. Pages are not compressed: they hold the CSRF token beside what a client sends, and
//! the length of a compressed page would tell it (BREACH).

use std::io::Write;

use actix_web::http::header::{AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, Encoding, Header, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
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
    /// The content in the encoding `gzip`; empty if it could not be compressed.
    compressed: Vec<u8>,
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
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder.write_all(content.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { name: format!("{stem}.{hash}.{extension}"), media_type, content, compressed }
    }
}

/// `GET /files/{name}`
///
/// # Errors
/// `Failure::NoEndpoint` for an unknown or outdated name.
pub async fn file(
    console: web::Data<Console>,
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let Files { style, script, mark } = &console.files;
    let file = [style, script, mark].into_iter().find(|file| file.name == *name).ok_or(Failure::NoEndpoint)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, file.media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "Accept-Encoding"));
    let supported = [Encoding::gzip(), Encoding::identity()];
    let wanted = AcceptEncoding::parse(&request).ok().and_then(|wanted| wanted.negotiate(supported.iter()));
    if wanted == Some(Encoding::gzip()) && !file.compressed.is_empty() {
        return Ok(response.insert_header((CONTENT_ENCODING, "gzip")).body(file.compressed.clone()));
    }
    Ok(response.body(file.content))
}
