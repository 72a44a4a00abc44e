//! Relative URLs to the start of this server: a proxy may serve it beneath any path.

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};

/// Request extension: the URL ended with a slash, which has been removed from the path. Relative URLs depend on it.
pub struct EndsWithSlash;

/// Request extension: the path that the client sent, if the server has replaced it by another.
pub struct SentPath(pub String);

/// Keeps the path as the client sent it, before slashes are removed: those at its end, and all but one where there are several.
pub fn keep_sent_path(request: &ServiceRequest) {
    let path = request.path();
    if path.ends_with('/') {
        request.extensions_mut().insert(EndsWithSlash);
    }
    if path.contains("//") && !request.extensions().contains::<SentPath>() {
        request.extensions_mut().insert(SentPath(path.to_owned()));
    }
}

/// The path as the client sent it: before an alias was followed, and with all its slashes.
#[must_use]
pub fn sent_path(request: &HttpRequest) -> Cow<'_, str> {
    let extensions = request.extensions();
    if let Some(SentPath(path)) = extensions.get() {
        return path.clone().into();
    }
    match request.path() {
        path if extensions.contains::<EndsWithSlash>() && !path.ends_with('/') => format!("{path}/").into(),
        path => path.into(),
    }
}

/// The start of this server, relative to the URL of a request: `./`, `../`, `../../`…
#[must_use]
pub fn root(request: &HttpRequest) -> String {
    let path = request.path().trim_end_matches('/');
    let slash = !path.is_empty() && request.extensions().contains::<EndsWithSlash>();
    root_of(path, usize::from(slash))
}

/// The start of this server, relative to a path that has `more` slashes at its end.
#[must_use]
pub fn root_of(path: &str, more: usize) -> String {
    match (path.matches('/').count() + more).saturating_sub(1) {
        0 => "./".to_owned(),
        depth => "../".repeat(depth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_found_from_everywhere() {
        for (path, root) in [("", "./"), ("/", "./"), ("/keys", "./"), ("/keys/", "../"), ("/keys/1/edit", "../../")] {
            assert_eq!(root_of(path, 0), root, "{path}");
        }
        assert_eq!(root_of("/keys", 1), "../");
    }
}
