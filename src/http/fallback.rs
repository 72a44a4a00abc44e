//! The default handler: 405 for a known path with another method, 404 for an unknown path.

use actix_web::dev::ResourceDef;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::OpenApi;

use super::problem::Failure;

/// All paths with their methods.
pub struct Endpoints(Vec<(ResourceDef, String)>);

impl Endpoints {
    /// The paths and methods of an OpenAPI document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let methods = |item: &utoipa::openapi::PathItem| {
            [
                ("GET", &item.get),
                ("HEAD", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("DELETE", &item.delete),
            ]
            .iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(method, _)| *method)
            .collect::<Vec<_>>()
            .join(", ")
        };
        Self(document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    fn methods(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

/// The default handler.
///
/// # Errors
/// Always.
pub async fn no_endpoint(request: HttpRequest, endpoints: web::Data<Endpoints>) -> Result<HttpResponse, Failure> {
    Err(endpoints.methods(request.path()).map_or(Failure::NoEndpoint, |methods| Failure::Method(methods.to_owned())))
}
