//! Who is asking, and what this server can do.

use async_graphql::{Context, Object, SimpleObject};

use super::Asking;
use super::corp_user::CorpUser;
use super::policy_types::Privilege;
use super::problem::Problem;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::profile::Profile;
use crate::http::datahub::settings::Authentication;
use crate::service::people::profiles;

/// What can be asked about oneself and about the server.
#[derive(Default)]
pub struct MeQuery;

#[Object]
impl MeQuery {
    /// Who is asking.
    async fn me(&self, context: &Context<'_>) -> Option<Result<AuthenticatedUser, Problem>> {
        Some(me(context).await)
    }

    /// What this server can do.
    async fn app_config(&self, context: &Context<'_>) -> Option<Result<AppConfig, Problem>> {
        Some(Asking::of(context).map(|asking| AppConfig {
            app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            auth_config: AuthConfig { token_auth_enabled: asking.settings.authentication == Authentication::On },
            policies_config: PoliciesConfig {
                enabled: true,
                platform_privileges: Permission::ALL.into_iter().map(Privilege::from).collect(),
            },
            identity_management_config: IdentityManagementConfig { enabled: true },
        }))
    }
}

async fn me(context: &Context<'_>) -> Result<AuthenticatedUser, Problem> {
    let asking = Asking::of(context)?;
    let actor = &asking.actor;
    let found = profiles::list(&asking.state.service, actor, vec![actor.id()]).await?.pop();
    // The system client is nowhere in the database.
    let profile = found.unwrap_or_else(|| Profile {
        principal: actor.principal().clone(),
        display_name: actor.username().to_string(),
        email: String::new(),
        aspects: Vec::new(),
    });
    let platform_privileges = PlatformPrivileges::from(actor.permissions());
    Ok(AuthenticatedUser { corp_user: CorpUser::from(&profile), platform_privileges })
}

/// Who is asking.
#[derive(SimpleObject)]
pub struct AuthenticatedUser {
    /// Who.
    corp_user: CorpUser,
    /// What they may do.
    platform_privileges: PlatformPrivileges,
}

/// What somebody may do on the platform. What Tessera does not have nobody may.
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
    /// Not here.
    manage_ingestion: bool,
    /// Not here.
    manage_secrets: bool,
    /// Not here.
    manage_domains: bool,
    /// Not here.
    manage_tests: bool,
    /// Not here.
    view_tests: bool,
    /// Not here.
    manage_glossaries: bool,
    /// Not here.
    create_domains: bool,
    /// Not here.
    create_tags: bool,
    /// Not here.
    manage_tags: bool,
    /// Not here.
    manage_global_views: bool,
    /// Not here.
    manage_ownership_types: bool,
    /// Not here.
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

/// What this server can do.
#[derive(SimpleObject)]
pub struct AppConfig {
    /// Tessera's.
    app_version: Option<String>,
    /// How callers authenticate.
    auth_config: AuthConfig,
    /// What policies can say.
    policies_config: PoliciesConfig,
    /// Whether there are users.
    identity_management_config: IdentityManagementConfig,
}

/// How callers authenticate.
#[derive(SimpleObject)]
pub struct AuthConfig {
    /// Whether they must prove who they are, and so whether tokens are of use.
    token_auth_enabled: bool,
}

/// What policies can say.
#[derive(SimpleObject)]
pub struct PoliciesConfig {
    /// They count.
    enabled: bool,
    /// What a policy of the platform can permit.
    platform_privileges: Vec<Privilege>,
}

/// Whether there are users.
#[derive(SimpleObject)]
pub struct IdentityManagementConfig {
    /// There are.
    enabled: bool,
}
