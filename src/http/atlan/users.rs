//! `/api/service/users`, `users/current` and `whoami`: all users, and the actor of the request.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::fields::UserField;
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind};
use crate::domain::user::User;
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, ListParams, examples, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::people::users;

type UserPage = Records<UserView>;

/// Get the caller as a user
///
/// For an API key, its service account.
#[utoipa::path(
    tag = "Users",
    operation_id = "get_current_user",
    responses((status = 200, description = "The caller", body = UserView), AnyError),
)]
#[get("/api/service/users/current")]
pub async fn current(state: web::Data<State>, actor: Actor) -> Result<HttpResponse, Failure> {
    let user = match actor.principal().kind {
        PrincipalKind::User => users::current(&state.service, &actor).await?,
        PrincipalKind::ServiceAccount => None,
    };
    let view = match user {
        Some(user) => UserView::from(user),
        None => UserView::new(actor.principal(), &actor.username().to_string(), String::new()),
    };
    Ok(HttpResponse::Ok().json(view))
}

/// List users
///
/// Users only, without API keys. Without the permission `VIEW_USERS` a user sees only itself, and an API key sees none.
#[utoipa::path(
    tag = "Users",
    operation_id = "list_users",
    params(ListParams<UserField>),
    responses((status = 200, description = "One page of users", body = UserPage), AnyError),
)]
#[get("/api/service/users")]
pub async fn list(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<UserField>::parse(&request, &state.service)?;
    let page = users::list(&state.service, &actor, request.query.clone()).await?;
    Ok(request.respond(page, UserView::from))
}

/// Get the caller's permissions
///
/// Any valid token may ask.
#[utoipa::path(
    tag = "Users",
    operation_id = "whoami",
    responses((status = 200, description = "The caller's roles, permissions and personas", body = WhoAmI), AnyError),
)]
#[get("/api/service/whoami")]
pub async fn whoami(actor: Actor) -> Result<HttpResponse, Failure> {
    let principal = actor.principal();
    Ok(HttpResponse::Ok().json(WhoAmI {
        id: principal.id.to_string(),
        client_id: principal.client_id().map(|id| id.to_string()),
        username: principal.username().to_string(),
        kind: principal.kind.name(),
        roles: vec![RoleName { name: principal.role.name() }],
        permissions: actor.permissions().iter().map(Permission::name).collect(),
        personas: actor.personas().iter().map(|persona| persona.qualified_name.clone()).collect(),
        expires_at: actor.expires_at(),
    }))
}

/// The caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::who_am_i)]
pub struct WhoAmI {
    /// The GUID.
    id: String,
    /// `apikey-<id>`; absent for who is no API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The user name.
    username: String,
    /// `user` or `service_account`.
    #[schema(schema_with = sets::principal_kinds)]
    kind: &'static str,
    /// The role; always exactly one.
    roles: Vec<RoleName>,
    /// The permissions from its role and its own grants.
    #[schema(schema_with = sets::permissions)]
    permissions: Vec<&'static str>,
    /// The qualified names of the personas it is linked to.
    personas: Vec<String>,
    /// When the credential of this request expires, in epoch milliseconds; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// The name of a role.
#[derive(Serialize, ToSchema)]
pub struct RoleName {
    /// The name, which begins with `$`.
    name: &'static str,
}

/// A user, in the format of Atlan's SDKs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User, example = examples::user)]
pub struct UserView {
    /// The GUID.
    id: String,
    /// The user name.
    username: String,
    /// The e-mail address; empty if unknown.
    email: String,
    /// The full name.
    first_name: String,
    /// Always empty.
    last_name: String,
    /// Whether the user can authenticate.
    enabled: bool,
    /// True for users, false for service accounts.
    email_verified: bool,
    /// When the user was created, in epoch milliseconds.
    created_timestamp: i64,
    /// The name of the user's role.
    workspace_role: &'static str,
    /// `workspaceRole`, in a list.
    roles: Vec<&'static str>,
    /// Attributes that Atlan has no member for.
    attributes: UserAttributes,
}

/// Further attributes of a user, as lists of strings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserAttributes {
    /// The display name.
    display_name: Vec<String>,
    /// `user` or `service_account`.
    #[schema(schema_with = sets::listed_principal_kinds)]
    kind: Vec<&'static str>,
}

impl UserView {
    fn new(principal: &Principal, display_name: &str, email: String) -> Self {
        Self {
            id: principal.id.to_string(),
            username: principal.username().to_string(),
            email,
            first_name: display_name.to_owned(),
            last_name: String::new(),
            enabled: principal.enabled,
            email_verified: principal.kind == PrincipalKind::User,
            created_timestamp: principal.created_at,
            workspace_role: principal.role.name(),
            roles: vec![principal.role.name()],
            attributes: UserAttributes {
                display_name: vec![display_name.to_owned()],
                kind: vec![principal.kind.name()],
            },
        }
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self::new(&user.principal, &user.display_name, user.email)
    }
}
