//! Path aliases of DataHub's routes: `/api/gms/…`, where DataHub's web frontend proxies its backend, and `/api/…`,
//! which the client guesses for the frontend.

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::middleware::Next;

use super::owns;
use crate::http::address::SentPath;

/// Middleware that rewrites an aliased path to the path it stands for.
///
/// # Errors
/// The errors of the handler.
pub async fn follow(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Some(target) = canonical_path(request.uri().path()).map(str::to_owned) {
        let whole = match request.uri().query() {
            Some(query) => format!("{target}?{query}"),
            None => target,
        };
        let mut parts = request.uri().clone().into_parts();
        if let Ok(path_and_query) = whole.parse() {
            parts.path_and_query = Some(path_and_query);
            if let Ok(uri) = Uri::from_parts(parts) {
                let sent = SentPath(request.path().to_owned());
                request.extensions_mut().insert(sent);
                request.match_info_mut().get_mut().update(&uri);
                request.head_mut().uri = uri;
            }
        }
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// The path that an alias stands for; `None` unless it is a route of this door.
fn canonical_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/api/gms").or_else(|| path.strip_prefix("/api"))?;
    (rest.starts_with('/') && owns(rest)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::canonical_path;

    #[test]
    fn only_the_paths_of_this_door_have_aliases() {
        for (alias, path) in [
            ("/api/gms/config", "/config"),
            ("/api/gms/api/graphql", "/api/graphql"),
            ("/api/gms/entitiesV2/urn%3Ali", "/entitiesV2/urn%3Ali"),
            ("/api/api/v2/graphql", "/api/v2/graphql"),
            ("/api/logIn", "/logIn"),
        ] {
            assert_eq!(canonical_path(alias), Some(path));
        }
        for other in [
            "/api/graphql",
            "/api/v2/graphql",
            "/api/gms/api/service/apikeys",
            "/api/gmsconfig",
            "/config",
            "/api/gms/metrics",
        ] {
            assert_eq!(canonical_path(other), None, "{other}");
        }
    }
}
