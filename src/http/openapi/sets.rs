//! Closed sets of values in the document, as enumerations.

use utoipa::openapi::schema::{ArrayBuilder, SchemaType};
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use crate::domain::api_key::Status;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::EntityState;
use crate::domain::oauth_client::ClientSecret;
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::usage::Interval;

fn enumeration<'a>(values: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values))
}

/// One of these values.
pub fn one_of<'a>(about: &str, values: impl IntoIterator<Item = &'a str>) -> Schema {
    enumeration(values).description(Some(about)).build().into()
}

/// In a body that may have `null` where a member is absent.
fn or_null<'a>(about: &str, values: impl IntoIterator<Item = &'a str>) -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values.into_iter().map(Some).chain([None])))
        .description(Some(about))
        .build()
        .into()
}

fn some_of<'a>(about: &str, types: SchemaType, values: impl IntoIterator<Item = &'a str>) -> Schema {
    ArrayBuilder::new().schema_type(types).items(enumeration(values)).description(Some(about)).build().into()
}

fn permission_names() -> impl Iterator<Item = &'static str> {
    Permission::ALL.into_iter().map(Permission::name)
}

/// Permissions in an answer.
pub fn permissions() -> Schema {
    some_of(
        "What the principal may do on the platform: the names of its permissions.",
        SchemaType::Type(Type::Array),
        permission_names(),
    )
}

/// Permissions that a client gives, or nothing.
pub fn given_permissions() -> Schema {
    let about = "What the key may do on the platform; nothing beyond what the actor may.";
    some_of(about, SchemaType::from_iter([Type::Array, Type::Null]), permission_names())
}

/// Whether an API key still works.
pub fn status() -> Schema {
    one_of("Whether the key still works.", Status::NAMES)
}

/// What was done.
pub fn actions() -> Schema {
    one_of("What was done.", Action::NAMES)
}

/// What was changed.
pub fn subject_kinds() -> Schema {
    one_of("What kind of thing was changed.", ChangeSubject::KINDS)
}

/// The kinds of principals.
pub fn principal_kinds() -> Schema {
    one_of("What kind of principal it is.", ["user", "service_account"])
}

/// The kinds of principals, as a list with one element.
pub fn listed_principal_kinds() -> Schema {
    some_of("What kind of principal it is.", SchemaType::Type(Type::Array), ["user", "service_account"])
}

/// The lengths of the intervals of uses.
pub fn intervals() -> Schema {
    one_of("The length of the intervals.", Interval::ALL.map(Interval::name))
}

/// What a policy does.
pub fn effects() -> Schema {
    one_of("Whether the policy allows or denies.", ["allow", "deny"])
}

/// What a decision comes to.
pub fn outcomes() -> Schema {
    one_of("`denied`: something forbids it; `unmatched`: nothing allows it.", ["allowed", "denied", "unmatched"])
}

/// Built-in rules.
pub fn rules() -> Schema {
    let rules = ["asset-admins", "asset-viewers", "platform-administrators", "permissions"];
    some_of("The built-in rules that decided.", SchemaType::Type(Type::Array), rules)
}

/// Why an answer is no.
pub fn reasons() -> Schema {
    let reasons = [
        "actor_disabled",
        "key_expired",
        "denied",
        "persona_disabled",
        "policy_disabled",
        "no_persona",
        "no_policy",
        "no_permission",
    ];
    one_of("Why, for programs.", reasons)
}

/// The categories of what can be permitted.
pub fn categories() -> Schema {
    one_of("What kind of action it is.", ["platform", "metadata", "data", "glossary", "domain", "entities"])
}

/// How values are compared.
pub fn conditions() -> Schema {
    let about = "`COVERS` is a pattern with `*`, which also matches resources beneath a matching name.";
    one_of(about, ["EQUALS", "STARTS_WITH", "NOT_EQUALS", "COVERS"])
}

/// Where a permission comes from.
pub fn sources() -> Schema {
    one_of("What grants it.", ["role", "grant", "policy", "asset"])
}

/// The lists of an asset that can name a principal.
pub fn relations() -> Schema {
    one_of("The list of the asset that names the key.", ["admin", "viewer"])
}

/// The states that a client writes, or nothing.
pub fn written_entity_states() -> Schema {
    let about =
        "`ACTIVE`, the default, which restores a softly deleted asset, or `DELETED`, which leaves the state unchanged.";
    or_null(about, EntityState::ALL.map(EntityState::name))
}

/// Whether an API key has a token, or nothing.
pub fn client_secrets() -> Schema {
    let about = "`token`, or `none` for an API key that has given up its token: it and the key's short-lived secrets are \
                 refused from the next request on, with everything derived from them, and the key proves itself with its \
                 public keys or as a workload. It stays as it is if absent, and `none` forever.";
    or_null(about, ClientSecret::ALL.map(ClientSecret::name))
}

/// The roles that an OAuth client can have.
pub fn client_roles() -> Schema {
    one_of("The largest of `$admin`, `$member` and `$guest` whose permissions it has.", client_role_names())
}

/// The roles that an OAuth client can be created with.
pub fn given_client_roles() -> Schema {
    let about = "The role whose permissions it gets: `$admin` for all, `$member`, or `$guest` for none.";
    enumeration(client_role_names()).description(Some(about)).examples(["$guest"]).build().into()
}

fn client_role_names() -> impl Iterator<Item = &'static str> {
    Role::OF_OAUTH_CLIENTS.into_iter().map(Role::name)
}

/// How a token is presented.
pub fn token_types() -> Schema {
    one_of("`Bearer`, or `DPoP` for a token that is bound to a key.", ["Bearer", "DPoP"])
}

/// How an introspected token is presented.
pub fn introspected_token_types() -> Schema {
    let about = "`bearer`, or `DPoP` for a child that is bound to a key; absent for a refresh token.";
    one_of(about, ["bearer", "DPoP"])
}

/// The states of entities.
pub fn entity_states() -> Schema {
    one_of("`DELETED` after a soft deletion.", EntityState::ALL.map(EntityState::name))
}

/// How an entity was deleted.
pub fn delete_handlers() -> Schema {
    one_of("How it was deleted.", ["SOFT", "PURGE", "HARD"])
}

/// The labels of tokens in the answer to GitHub.
pub fn labels() -> Schema {
    one_of("Whether the reported text was a token of this server.", ["true_positive", "false_positive"])
}
