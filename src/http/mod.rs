//! The HTTP layer. [`routes`] lists every path.

pub(crate) mod address;
pub mod atlan;
pub mod audit_log;
pub mod auth;
mod authenticated;
mod base_url;
pub mod bodies;
pub mod console;
pub mod datahub;
mod docs;
pub mod doors;
pub mod dpop;
mod edition;
pub mod envelope;
mod fallback;
pub mod fan_outs;
pub mod gateway;
mod head_requests;
mod listing;
pub mod log_bounds;
mod metrics;
pub mod oauth;
pub mod openapi;
pub mod ops;
pub mod peer;
mod present;
pub mod problem;
mod protected;
pub mod request_id;
pub mod state;
mod valid;
mod whole;
pub mod wire;

#[cfg(feature = "fuzzing")]
pub use edition::expected;
pub use fallback::no_endpoint;
#[cfg(feature = "fuzzing")]
pub use valid::Params;

use actix_web::web::{get, post};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::service_config::ServiceConfig;

/// The OpenAPI document of all routes.
#[must_use]
pub fn document() -> OpenApi {
    openapi::document(routes)
}

/// Registers every route.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        // /gateway, /oauth
        .service(gateway::forward_auth::Verify)
        .service(gateway::introspection::introspect)
        .service(gateway::leaks::github)
        .service(oauth::sign_in::back_channel::log_out)
        .service(oauth::device::authorize)
        .service(oauth::token::token)
        .service(oauth::revoke::revoke)
        .service(oauth::jwks::keys)
        // /access/v1, /.well-known
        .service(gateway::authzen::evaluate)
        .service(gateway::authzen::evaluate_many)
        .service(gateway::authzen::search::subjects)
        .service(gateway::authzen::search::resources)
        .service(gateway::authzen::search::actions)
        .service(gateway::authzen::metadata::configuration)
        .service(oauth::metadata::configuration)
        .service(oauth::protected_resource::configuration)
        // /api/service/edges
        .service(gateway::edges::create)
        .service(gateway::edges::delete)
        .service(gateway::edges::look)
        // /api/service/apikeys; the fixed names before `{guid}`
        .service(gateway::tokens::verify_tokens)
        .service(gateway::leaks::revoke)
        .service(atlan::apikeys::create)
        .service(atlan::apikeys::list)
        .service(atlan::apikeys::read)
        .service(atlan::apikeys::update)
        .service(atlan::apikeys::delete)
        .service(atlan::permissions::list)
        .service(atlan::usage::read)
        .service(atlan::oauth::read)
        .service(atlan::oauth::replace)
        // /api/service/oauth-clients; the fixed name before `{clientId}`
        .service(atlan::oauth_clients::redeem)
        .service(atlan::oauth_clients::create)
        .service(atlan::oauth_clients::list)
        .service(atlan::oauth_clients::read)
        .service(atlan::oauth_clients::replace)
        .service(atlan::oauth_clients::update)
        .service(atlan::oauth_clients::delete)
        // /auth, the paths of Atlan's identity provider
        .service(atlan::realm::redeem)
        .service(atlan::realm::redeem_for_java)
        .service(atlan::realm::client_secret)
        .service(atlan::realm::find_users)
        // /api/service/explain
        .service(atlan::explain::ask)
        // /api/service/personas
        .service(atlan::personas::create)
        .service(atlan::personas::list)
        .service(atlan::personas::read)
        .service(atlan::personas::update)
        .service(atlan::personas::delete)
        // /api/meta/entity, /api/meta/search, /api/meta/types
        .service(atlan::entities::update)
        .service(atlan::entities::delete)
        .service(atlan::entities::read)
        .service(atlan::entities::read_by_name)
        .service(atlan::search::search)
        .service(atlan::typedefs::list)
        // /api/service/sessions
        .service(atlan::sessions::create)
        .service(atlan::sessions::delete)
        // /api/service/users, /api/service/whoami, /api/service/roles, /api/service/v2/groups
        .service(atlan::users::current)
        .service(atlan::users::list)
        .service(atlan::users::whoami)
        .service(atlan::roles::list)
        .service(atlan::roles::groups)
        // /api/service/audit
        .service(atlan::audit::list)
        .service(atlan::audit::read)
        .service(atlan::audit::prove)
        // /audit/log; the entries before the hashes
        .service(audit_log::checkpoint)
        .service(audit_log::witnessed)
        .service(audit_log::verifier_keys)
        .service(audit_log::entries)
        .service(audit_log::hashes)
        // /api/service/revocations
        .service(atlan::revocations::read)
        .service(atlan::revocations::receipt)
        // DataHub's: /config, /health, /admin; /logIn, /logOut, /signUp, /authenticate
        .service(datahub::config::config)
        .service(datahub::config::health)
        .service(datahub::config::admin)
        .service(datahub::login::log_in)
        .service(datahub::login::log_out)
        .service(datahub::login::sign_up)
        .service(datahub::login::authenticate)
        // /api/graphql, /api/v2/graphql; /entities, /entitiesV2, /aspects, /openapi/operations
        .service(datahub::graphql::execute)
        .service(datahub::graphql::execute_v2)
        .service(datahub::entities::act)
        .service(datahub::entities::snapshot)
        .service(datahub::entities::read)
        .service(datahub::aspects::read)
        .service(datahub::aspects::ingest)
        .service(datahub::operations::caller)
        // /livez, /readyz, /metrics
        .service(ops::health::livez)
        .service(ops::health::readyz)
        .service(ops::metrics::metrics)
        // /api-docs/openapi.json, /api-docs/openapi-3.0.json, /swagger-ui
        .service(docs::document)
        .service(docs::document_3_0)
        .service(docs::index)
        .service(docs::file)
        // RFC 8414 and RFC 9728 for a public URL with a path
        .route("/.well-known/oauth-authorization-server/{path:.*}", get().to(oauth::metadata::of_issuer_with_path))
        .route(
            "/.well-known/oauth-protected-resource/{path:.*}",
            get().to(oauth::protected_resource::of_resource_with_path),
        );
    pages(config);
}

/// Registers the pages of the console, which are not in the OpenAPI document: no program reads them.
fn pages(config: &mut ServiceConfig<'_>) {
    config
        // /, /login, /signup, /logout, /files
        .route("/", get().to(console::start::show))
        .route("/login", get().to(console::login::show))
        .route("/login", post().to(console::login::sign_in))
        .route("/login/{provider}", get().to(oauth::sign_in::pages::begin))
        .route("/login/{provider}/callback", get().to(oauth::sign_in::pages::callback))
        .route("/login/{provider}/logout", get().to(oauth::sign_in::pages::sign_out))
        .route("/signup", get().to(console::sign_up::show))
        .route("/signup", post().to(console::sign_up::sign_up))
        .route("/logout", post().to(console::login::sign_out))
        .route("/oauth/authorize", get().to(console::authorize::show))
        .route("/files/{name}", get().to(console::files::file))
        // /keys; the fixed name before `{guid}`
        .route("/keys", get().to(console::keys::list::show))
        .route("/keys/new", get().to(console::keys::new::show))
        .route("/keys/new", post().to(console::keys::new::create))
        .route("/keys/export/{format}", get().to(console::keys::list::export))
        .route("/keys/bulk", post().to(console::keys::bulk::act))
        .route("/keys/{guid}", get().to(console::keys::one::show))
        .route("/keys/{guid}/edit", get().to(console::keys::change::show))
        .route("/keys/{guid}/edit", post().to(console::keys::change::save))
        .route("/keys/{guid}/delete", get().to(console::keys::change::ask))
        .route("/keys/{guid}/delete", post().to(console::keys::change::delete))
        .route("/keys/{guid}/personas", get().to(console::keys::personas::show))
        .route("/keys/{guid}/personas", post().to(console::keys::personas::save))
        // /personas; the fixed names before `{guid}` and `{policy}`
        .route("/personas", get().to(console::personas::list))
        .route("/personas/new", get().to(console::personas::change::new))
        .route("/personas/new", post().to(console::personas::change::create))
        .route("/personas/{guid}", get().to(console::personas::one::show))
        .route("/personas/{guid}/edit", get().to(console::personas::change::show))
        .route("/personas/{guid}/edit", post().to(console::personas::change::save))
        .route("/personas/{guid}/delete", get().to(console::personas::change::ask))
        .route("/personas/{guid}/delete", post().to(console::personas::change::delete))
        .route("/personas/{guid}/members", get().to(console::personas::members::show))
        .route("/personas/{guid}/members", post().to(console::personas::members::change))
        .route("/personas/{guid}/policies/new", get().to(console::personas::policy::new))
        .route("/personas/{guid}/policies/new", post().to(console::personas::policy::create))
        .route("/personas/{guid}/policies/{policy}", get().to(console::personas::policy::show))
        .route("/personas/{guid}/policies/{policy}", post().to(console::personas::policy::save))
        .route("/personas/{guid}/policies/{policy}/delete", get().to(console::personas::policy::ask))
        .route("/personas/{guid}/policies/{policy}/delete", post().to(console::personas::policy::delete))
        // /connections
        .route("/connections", get().to(console::connections::list))
        .route("/connections/{guid}", get().to(console::connections::one::show))
        .route("/connections/{guid}", post().to(console::connections::one::change))
        // /people, /policies, /audit
        .route("/people", get().to(console::people::list))
        .route("/people/role", post().to(console::people::change::role))
        .route("/people/state", post().to(console::people::change::state))
        .route("/people/remove", get().to(console::people::change::ask))
        .route("/people/remove", post().to(console::people::change::remove))
        .route("/people/roles", get().to(console::people::roles::show))
        .route("/people/invitations", get().to(console::people::invitations::show))
        .route("/people/invitations", post().to(console::people::invitations::create))
        .route("/people/invitations/revoke", post().to(console::people::invitations::revoke))
        .route("/people/service-accounts", get().to(console::people::programs::list))
        .route("/people/service-accounts/new", get().to(console::people::programs::ask))
        .route("/people/service-accounts/new", post().to(console::people::programs::create))
        .route("/people/service-accounts/{username}", get().to(console::people::program::show))
        .route("/people/service-accounts/{username}/delete", get().to(console::people::program::ask))
        .route("/people/service-accounts/{username}/delete", post().to(console::people::program::delete))
        .route("/policies", get().to(console::policies::list))
        .route("/policies/new", get().to(console::policies::change::new))
        .route("/policies/new", post().to(console::policies::change::create))
        .route("/policies/{id}", get().to(console::policies::change::show))
        .route("/policies/{id}", post().to(console::policies::change::save))
        .route("/policies/{id}/state", post().to(console::policies::change::switch))
        .route("/policies/{id}/delete", get().to(console::policies::change::ask))
        .route("/policies/{id}/delete", post().to(console::policies::change::delete))
        .route("/audit", get().to(console::audit::show))
        .route("/audit/export/{format}", get().to(console::audit::export))
        .route("/audit/{id}", get().to(console::proof::show))
        // /device, /token
        .route("/device", get().to(console::device::show))
        .route("/device", post().to(console::device::decide))
        .route("/token", get().to(console::token::show))
        .route("/token", post().to(console::token::create))
        // /settings
        .route("/settings", get().to(console::settings::start))
        .route("/settings/tokens", get().to(console::settings::tokens::show))
        .route("/settings/tokens/new", get().to(console::settings::generate::show))
        .route("/settings/tokens/new", post().to(console::settings::generate::create))
        .route("/settings/tokens/revoke", get().to(console::settings::revoke::ask))
        .route("/settings/tokens/revoke", post().to(console::settings::revoke::revoke))
        .route("/settings/sessions", get().to(console::settings::sessions::show))
        .route("/settings/sessions", post().to(console::settings::sessions::end));
}
