//! The rows: which permission each operation requires.

use tessera::domain::permission::Permission::{
    self, GeneratePersonalAccessTokens, ImpersonateUsers, ManageAccessTokens, ManageApiKeys, ManagePersonas,
    ManagePolicies, ManageServiceAccounts, ManageUserCredentials, ManageUsersAndGroups, VerifyTokens, ViewApiKeys,
    ViewAudit, ViewUsers,
};

use self::Needs::{AnActor, Nothing, OneOf, OneOfSeen};

/// What an operation requires.
#[derive(Clone, Copy)]
pub enum Needs {
    /// No credential, with the reason.
    Nothing(&'static str),
    /// A credential but no permission, with the reason.
    AnActor(&'static str),
    /// One of these permissions; the status for all others. 404 is that of a hidden record.
    OneOf(&'static [Permission], u16),
    /// One of the first permissions; everybody else gets 403 with one of the second, which show what it is about. To
    /// those without, there is nothing: they are answered with 200, and nothing is done.
    OneOfSeen(&'static [Permission], &'static [Permission]),
}

/// What an operation requires, in the example that is tried.
pub struct Row {
    /// The operation, and after a space what is special about the example.
    pub name: &'static str,
    pub needs: Needs,
}

impl Row {
    pub fn operation(&self) -> &'static str {
        self.name.split(' ').next().unwrap()
    }
}

const fn row(name: &'static str, needs: Needs) -> Row {
    Row { name, needs }
}

const OWN: &str = "it is about the actor itself";
const SEEN: &str = "it shows what the actor sees: tests/api/sight.rs";
const HEALTH: &str = "balancers and monitors have no key";
const DOCUMENT: &str = "the document is public";
const SIGNS_IN: &str = "whoever signs in has no credential yet";

const HASHES: &str = "hashes and signatures tell nothing of the changes";

/// Permissions that show every API key.
const SEE_KEYS: &[Permission] = &[ViewApiKeys, ManageApiKeys, ManageUsersAndGroups, ManageUserCredentials];
/// Permissions that show every persona.
const SEE_PERSONAS: &[Permission] =
    &[ViewApiKeys, ManageApiKeys, ManageUsersAndGroups, ManageUserCredentials, ManagePersonas, ManagePolicies];
/// Permissions that show every user.
const SEE_USERS: &[Permission] = &[
    ViewUsers,
    ManageUsersAndGroups,
    ManageUserCredentials,
    ManageAccessTokens,
    ManagePersonas,
    ManagePolicies,
    ImpersonateUsers,
];

/// The operations of the document.
pub const REST: &[Row] = &[
    // Decisions
    row("get_decision_point", Nothing("discovery comes before a credential")),
    row("evaluate_access", OneOf(&[VerifyTokens], 403)),
    row("evaluate_access about oneself", AnActor(OWN)),
    row("evaluate_accesses", OneOf(&[VerifyTokens], 403)),
    row("search_actions", OneOf(&[VerifyTokens], 403)),
    row("search_resources", OneOf(&[VerifyTokens], 403)),
    row("search_subjects", OneOf(&[VerifyTokens], 403)),
    row("get_explanation", OneOf(&[ManageApiKeys], 403)),
    row("get_explanation about oneself", AnActor(OWN)),
    // Entities
    row("update_entities", OneOf(&[ManagePersonas], 403)),
    row("delete_entities", OneOfSeen(&[ManagePersonas], SEE_PERSONAS)),
    row("get_entity", OneOf(SEE_PERSONAS, 404)),
    row("get_entity_by_name", OneOf(SEE_PERSONAS, 404)),
    row("search_entities", AnActor(SEEN)),
    row("list_type_definitions", AnActor("types are the same in every installation")),
    // API keys
    row("list_api_keys", AnActor(SEEN)),
    row("create_api_key", OneOf(&[ManageApiKeys], 403)),
    row("get_api_key", OneOf(SEE_KEYS, 404)),
    row("update_api_key", OneOf(&[ManageApiKeys], 403)),
    row("delete_api_key", OneOf(&[ManageApiKeys], 403)),
    row("list_api_key_permissions", OneOf(&[ManageApiKeys], 403)),
    row("list_api_key_uses", OneOf(SEE_KEYS, 404)),
    row("get_api_key_oauth", OneOf(SEE_KEYS, 404)),
    row("replace_api_key_oauth", OneOf(&[ManageApiKeys], 403)),
    row("list_oauth_clients", AnActor(SEEN)),
    row("create_oauth_client", OneOf(&[ManageApiKeys], 403)),
    row("get_oauth_client", OneOf(SEE_KEYS, 404)),
    row("replace_oauth_client", OneOf(&[ManageApiKeys], 403)),
    row("update_oauth_client", OneOf(&[ManageApiKeys], 403)),
    row("delete_oauth_client", OneOf(&[ManageApiKeys], 403)),
    row("create_client_secret", OneOf(&[ManageApiKeys], 403)),
    row("revoke_leaked_token", Nothing("whoever finds a token can kill it")),
    row("verify_tokens", OneOf(&[VerifyTokens], 403)),
    row("create_edge", OneOf(&[VerifyTokens], 403)),
    row("delete_edge", OneOf(&[VerifyTokens], 403)),
    row("create_edge_look", OneOf(&[VerifyTokens], 403)),
    // Personas
    row("list_personas", AnActor(SEEN)),
    row("create_persona", OneOf(&[ManagePersonas], 403)),
    row("get_persona", OneOf(SEE_PERSONAS, 404)),
    row("update_persona", OneOf(&[ManagePersonas], 403)),
    row("delete_persona", OneOf(&[ManagePersonas], 403)),
    // Users, sessions, audit
    row("get_revocation", OneOf(&[ViewAudit], 404)),
    row("get_revocation_receipt", OneOf(&[ViewAudit], 404)),
    row("create_session", Nothing(SIGNS_IN)),
    row("delete_current_session", AnActor(OWN)),
    row("delete_provider_sessions", Nothing("the provider signs what it sends")),
    row("create_device_authorization", Nothing("a program asks before anybody has signed in")),
    row("create_oauth_token", Nothing("the grant is the credential")),
    row("revoke_oauth_token", Nothing("the client authenticates with its secret")),
    row("get_signing_keys", Nothing("discovery comes before a credential")),
    row("create_realm_token", Nothing("the client secret is the credential")),
    row("create_admin_realm_token", Nothing("the client secret is the credential")),
    row("create_oauth_client_token", Nothing("the client secret is the credential")),
    row("get_authorization_server", Nothing("discovery comes before a credential")),
    row("get_protected_resource", Nothing("discovery comes before a credential")),
    row("get_current_user", AnActor(OWN)),
    row("whoami", AnActor(OWN)),
    row("list_users", AnActor(SEEN)),
    row("list_users_by_name", AnActor(SEEN)),
    row("list_roles", AnActor("roles are the same in every installation")),
    row("list_groups", AnActor("there are none")),
    row("list_changes", OneOf(&[ViewAudit], 403)),
    row("get_change", OneOf(&[ViewAudit], 403)),
    row("get_change_proof", OneOf(&[ViewAudit], 403)),
    row("get_log_entries", OneOf(&[ViewAudit], 403)),
    row("get_log_checkpoint", Nothing(HASHES)),
    row("get_witnessed_log_checkpoint", Nothing(HASHES)),
    row("get_log_keys", Nothing(HASHES)),
    row("get_log_hashes", Nothing(HASHES)),
    // Gateways
    row("verify_request", OneOf(&[VerifyTokens], 403)),
    row("verify_request without a requirement", AnActor(OWN)),
    row("introspect_token", OneOf(&[VerifyTokens], 403)),
    row("take_github_alerts", Nothing("GitHub signs what it sends")),
    // DataHub
    row("execute_graphql", AnActor("each field has its own row below")),
    row("execute_frontend_graphql", AnActor("each field has its own row below")),
    row("update_datahub_aspect", OneOf(&[ManageUsersAndGroups], 403)),
    row("delete_datahub_entity", OneOf(&[ManageUsersAndGroups], 403)),
    row("get_datahub_aspect", OneOf(SEE_USERS, 404)),
    row("get_datahub_snapshot", OneOf(SEE_USERS, 404)),
    row("get_datahub_entity", OneOf(SEE_USERS, 404)),
    row("get_caller_urn", AnActor(OWN)),
    row("get_datahub_config", Nothing("docs/contracts/datahub.md, section 8.2: every command asks it first")),
    row("get_datahub_health", Nothing(HEALTH)),
    row("get_datahub_frontend_health", Nothing(HEALTH)),
    row("create_datahub_session", Nothing(SIGNS_IN)),
    row("delete_datahub_session", Nothing("it ends the session that it is sent with, if there is one")),
    row("get_datahub_sign_in", Nothing(SIGNS_IN)),
    row("create_datahub_user", Nothing("the invitation is the credential")),
    // Operations
    row("get_liveness", Nothing(HEALTH)),
    row("get_readiness", Nothing(HEALTH)),
    row("get_metrics", Nothing(HEALTH)),
    row("get_openapi_document", Nothing(DOCUMENT)),
    row("get_openapi_3_0_document", Nothing(DOCUMENT)),
    row("get_swagger_ui", Nothing(DOCUMENT)),
    row("get_swagger_ui_file", Nothing(DOCUMENT)),
];

/// The fields of `Query` and `Mutation`. `null` is the answer for a hidden record.
pub const GRAPHQL: &[Row] = &[
    row("createAccessToken for oneself", OneOf(&[GeneratePersonalAccessTokens, ManageAccessTokens], 403)),
    row("createAccessToken for another user", OneOf(&[ManageAccessTokens], 403)),
    row("createAccessToken for a service account", OneOf(&[ManageServiceAccounts], 403)),
    row("getAccessToken", OneOf(&[GeneratePersonalAccessTokens, ManageAccessTokens], 403)),
    row("getAccessTokenMetadata", OneOf(&[ManageAccessTokens], 403)),
    row("listAccessTokens", OneOf(&[ManageAccessTokens], 403)),
    row("listAccessTokens of oneself", OneOf(&[GeneratePersonalAccessTokens, ManageAccessTokens], 403)),
    row("revokeAccessToken", OneOf(&[ManageAccessTokens], 403)),
    row("createServiceAccount", OneOf(&[ManageServiceAccounts], 403)),
    row("deleteServiceAccount", OneOf(&[ManageServiceAccounts], 403)),
    row("getServiceAccount", OneOf(&[ManageServiceAccounts], 403)),
    row("listServiceAccounts", OneOf(&[ManageServiceAccounts], 403)),
    row("removeUser", OneOf(&[ManageUsersAndGroups], 403)),
    row("updateUserStatus", OneOf(&[ManageUsersAndGroups], 403)),
    row("batchAssignRole", OneOf(&[ManageUsersAndGroups, ManagePolicies], 403)),
    row("createInviteToken", OneOf(&[ManageUserCredentials, ManageUsersAndGroups], 403)),
    row("getInviteToken", OneOf(&[ManageUserCredentials, ManageUsersAndGroups], 403)),
    row("createPolicy", OneOf(&[ManagePolicies], 403)),
    row("updatePolicy", OneOf(&[ManagePolicies], 403)),
    row("deletePolicy", OneOf(&[ManagePolicies], 403)),
    row("listPolicies", OneOf(&[ManagePolicies], 403)),
    row("debugAccess", OneOf(&[ManageUsersAndGroups], 403)),
    row("corpUser", OneOf(SEE_USERS, 404)),
    row("listUsers", AnActor(SEEN)),
    row("scrollAcrossEntities", AnActor(SEEN)),
    row("me", AnActor(OWN)),
    row("appConfig", AnActor("it tells what the server can do")),
];
