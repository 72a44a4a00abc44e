//! `/api/service/roles` and `/api/service/v2/groups`, which Atlan's SDKs cache.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::filter::{Described, Value, sorted};
use crate::domain::listing::{Direction, Field, Kind, Start};
use crate::domain::principal::Role;
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, ListParams, examples};
use crate::http::problem::Failure;
use crate::http::state::State;

type RolePage = Records<RoleView>;
type GroupPage = Records<Group>;

/// List roles
///
/// Roles are built in; each is a set of permissions.
#[utoipa::path(
    tag = "Users",
    operation_id = "list_roles",
    params(ListParams<NamedField>),
    responses((status = 200, description = "The built-in roles", body = RolePage), AnyError),
)]
#[get("/api/service/roles")]
pub async fn list(state: web::Data<State>, _actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<NamedField>::parse(&request, &state.service)?;
    let mut roles = Role::ALL.map(RoleView::from).to_vec();
    roles.retain(|role| request.query.filter.wants(&|field| Some(field.sort_value(role))));
    let filtered = roles.len();
    for (field, direction) in request.query.sort.0.iter().rev() {
        roles.sort_by(|one, other| match direction {
            Direction::Ascending => field.sort_value(one).cmp(&field.sort_value(other)),
            Direction::Descending => field.sort_value(other).cmp(&field.sort_value(one)),
        });
    }
    let offset = match request.query.start {
        Start::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        Start::After(_) => 0,
    };
    let limit = usize::try_from(request.query.limit).unwrap_or(usize::MAX);
    let page = roles.into_iter().skip(offset).take(limit).collect();
    Ok(HttpResponse::Ok().json(Records::of(Role::ALL.len(), filtered, page)))
}

/// List groups
///
/// Always empty, for Atlan's SDKs: Tessera has personas instead of groups.
#[utoipa::path(
    tag = "Users",
    operation_id = "list_groups",
    params(ListParams<NamedField>),
    responses((status = 200, description = "No groups", body = GroupPage), AnyError),
)]
#[get("/api/service/v2/groups")]
pub async fn groups(state: web::Data<State>, _actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    ListRequest::<NamedField>::parse(&request, &state.service)?;
    Ok(HttpResponse::Ok().json(GroupPage::of(0, 0, Vec::new())))
}

/// A group, in the format of Atlan's SDKs. There are none.
#[derive(Serialize, ToSchema)]
struct Group {
    /// The GUID.
    id: String,
    /// The name.
    name: String,
    /// The display name.
    alias: String,
}

/// A role, in the format of Atlan's SDKs.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Role, example = examples::role)]
pub struct RoleView {
    /// The id, identical in every installation.
    id: &'static str,
    /// The name, which begins with `$`.
    name: &'static str,
    /// The display name.
    description: &'static str,
    /// Always `workspace`.
    level: &'static str,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self { id: role.id(), name: role.name(), description: role.description(), level: "workspace" }
    }
}

/// The fields that roles and groups can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedField {
    Id,
    Name,
    Alias,
    Description,
    Level,
}

impl Field for NamedField {
    type Record = RoleView;
    const ALL: &'static [Self] = &[Self::Id, Self::Name, Self::Alias, Self::Description, Self::Level];
    const DEFAULT_SORT: (Self, Direction) = (Self::Name, Direction::Ascending);

    fn described(self) -> Described<RoleView> {
        match self {
            Self::Id => sorted("id", Kind::Text, |role| Value::Text(role.id.to_owned())),
            Self::Name => sorted("name", Kind::Text, |role| Value::Text(role.name.to_owned())),
            Self::Alias => sorted("alias", Kind::Text, |role| Value::Text(role.name.to_owned())),
            Self::Description => sorted("description", Kind::Text, |role| Value::Text(role.description.to_owned())),
            Self::Level => sorted("level", Kind::Text, |role| Value::Text(role.level.to_owned())),
        }
    }

    fn id_of(record: &RoleView) -> String {
        record.id.to_owned()
    }
}
