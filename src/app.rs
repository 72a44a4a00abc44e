//! The composition root: services and routes become an application, the same for production and for tests.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::{App, web};
use utoipa_actix_web::AppExt;

use crate::http::envelope::envelope;
use crate::http::state::State;
use crate::http::{Doors, datahub, no_endpoint, routes};

/// The application.
pub fn app(
    state: web::Data<State>,
    doors: &Doors,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let (app, _) =
        App::new().into_utoipa_app().configure(routes).configure(|config| doors.register(config)).split_for_parts();
    app.app_data(state)
        .default_service(web::to(no_endpoint))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(envelope))
        .wrap(from_fn(datahub::aliases::follow))
}
