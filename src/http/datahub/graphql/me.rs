//! `me` and `appConfig`: the calling user, and the features of this server.

use async_graphql::{Context, Object, SimpleObject};

use super::RequestContext;
use super::corp_user::CorpUser;
use super::policy_types::Privilege;
use super::problem::FieldError;
use crate::domain::access_token::NeverExpiring;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::profile::Profile;
use crate::http::datahub::settings::Authentication;
use crate::service::people::profiles;

/// Queries about the caller and the server.
#[derive(Default)]
pub struct MeQuery;

#[Object]
impl MeQuery {
    /// Get the calling user.
    async fn me(&self, context: &Context<'_>) -> Option<Result<AuthenticatedUser, FieldError>> {
        Some(me(context).await)
    }

    /// Get the features of this server.
    async fn app_config(&self, context: &Context<'_>) -> Option<Result<AppConfig, FieldError>> {
        Some(RequestContext::of(context).map(|asking| AppConfig {
            app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            auth_config: AuthConfig {
                token_auth_enabled: asking.settings.authentication == Authentication::On,
                allow_no_expiry: asking.settings.lifetimes.never == NeverExpiring::Allow,
                allowed_access_token_durations:
                    asking.settings.lifetimes.allowed().map(|(iso, _)| iso.to_owned()).collect(),
            },
            policies_config: PoliciesConfig {
                enabled: true,
                platform_privileges: Permission::ALL.into_iter().map(Privilege::from).collect(),
            },
            identity_management_config: IdentityManagementConfig { enabled: true },
        }))
    }
}

async fn me(context: &Context<'_>) -> Result<AuthenticatedUser, FieldError> {
    let asking = RequestContext::of(context)?;
    let actor = &asking.actor;
    let found = profiles::list(&asking.state.service, actor, vec![actor.id()]).await?.pop();
    // The system client is not in the database.
    let profile = found.unwrap_or_else(|| Profile {
        principal: actor.principal().clone(),
        display_name: actor.username().to_string(),
        email: String::new(),
        aspects: Vec::new(),
    });
    let platform_privileges = PlatformPrivileges::from(actor.permissions());
    Ok(AuthenticatedUser { corp_user: CorpUser::from(&profile), platform_privileges })
}

/// The calling user.
#[derive(SimpleObject)]
pub struct AuthenticatedUser {
    /// The user.
    corp_user: CorpUser,
    /// The user's privileges on the platform.
    platform_privileges: PlatformPrivileges,
}

/// Privileges on the platform. Those for features that Tessera lacks are always false.
#[derive(Default, SimpleObject)]
#[expect(clippy::struct_excessive_bools, reason = "DataHub's type")]
pub struct PlatformPrivileges {
    /// `VIEW_ANALYTICS`
    view_analytics: bool,
    /// `MANAGE_POLICIES`
    manage_policies: bool,
    /// `MANAGE_USERS_AND_GROUPS`
    manage_identities: bool,
    /// `MANAGE_USER_CREDENTIALS`
    manage_user_credentials: bool,
    /// `GENERATE_PERSONAL_ACCESS_TOKENS` or `MANAGE_ACCESS_TOKENS`
    generate_personal_access_tokens: bool,
    /// `MANAGE_ACCESS_TOKENS`
    manage_tokens: bool,
    /// `MANAGE_SERVICE_ACCOUNTS`
    manage_service_accounts: bool,
    /// Always false.
    manage_ingestion: bool,
    /// Always false.
    manage_secrets: bool,
    /// Always false.
    manage_domains: bool,
    /// Always false.
    manage_tests: bool,
    /// Always false.
    view_tests: bool,
    /// Always false.
    manage_glossaries: bool,
    /// Always false.
    create_domains: bool,
    /// Always false.
    create_tags: bool,
    /// Always false.
    manage_tags: bool,
    /// Always false.
    manage_global_views: bool,
    /// Always false.
    manage_ownership_types: bool,
    /// Always false.
    manage_global_announcements: bool,
}

impl From<Permissions> for PlatformPrivileges {
    fn from(held: Permissions) -> Self {
        let manage_tokens = held.contains(Permission::ManageAccessTokens);
        Self {
            view_analytics: held.contains(Permission::ViewAnalytics),
            manage_policies: held.contains(Permission::ManagePolicies),
            manage_identities: held.contains(Permission::ManageUsersAndGroups),
            manage_user_credentials: held.contains(Permission::ManageUserCredentials),
            generate_personal_access_tokens: manage_tokens || held.contains(Permission::GeneratePersonalAccessTokens),
            manage_tokens,
            manage_service_accounts: held.contains(Permission::ManageServiceAccounts),
            ..Self::default()
        }
    }
}

/// The features of this server.
#[derive(SimpleObject)]
pub struct AppConfig {
    /// Tessera's version.
    app_version: Option<String>,
    /// How callers authenticate.
    auth_config: AuthConfig,
    /// The policies that can be created.
    policies_config: PoliciesConfig,
    /// Whether users can be managed.
    identity_management_config: IdentityManagementConfig,
}

/// How callers authenticate.
#[derive(SimpleObject)]
pub struct AuthConfig {
    /// Whether callers must authenticate, so that tokens are needed.
    token_auth_enabled: bool,
    /// Whether access tokens may live for ever.
    allow_no_expiry: bool,
    /// How long access tokens may live, in ISO 8601.
    allowed_access_token_durations: Vec<String>,
}

/// The policies that can be created.
#[derive(SimpleObject)]
pub struct PoliciesConfig {
    /// Always true.
    enabled: bool,
    /// The privileges that a platform policy can grant.
    platform_privileges: Vec<Privilege>,
}

/// Whether users can be managed.
#[derive(SimpleObject)]
pub struct IdentityManagementConfig {
    /// Always true.
    enabled: bool,
}
