//! The settings of DataHub's door. Two of the variables are DataHub's own, as its error messages name them.

use clap::{Args, ValueEnum};

use crate::domain::password;

/// The settings of DataHub's door.
#[derive(Args, Clone)]
#[group(skip)]
pub struct DataHubSettings {
    /// Whether callers at DataHub's paths must prove who they are. `off` believes `X-DataHub-Actor`, and who says nothing
    /// may do everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH", value_enum, default_value_t = MetadataAuth::On)]
    pub metadata_auth: MetadataAuth,

    /// Let `--metadata-auth off` also listen where others can reach it. Everybody who does may then do everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH_OFF_ANYWHERE")]
    pub metadata_auth_off_anywhere: bool,

    /// Whether access tokens may live for ever; those that do keep working. The variable takes `true` and `false`, too
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOW_NO_EXPIRY", value_enum, default_value_t = NeverExpiringTokens::Allow)]
    pub never_expiring_tokens: NeverExpiringTokens,

    /// How long access tokens may live, as ISO 8601 durations with commas between; PT1H,P1D,P7D,P30D,P90D,P180D,P365D if
    /// left out
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOWED_DURATIONS", value_delimiter = ',')]
    pub access_token_durations: Vec<String>,

    /// The shortest password of who signs up with an invitation, in characters. Below 8, common passwords are taken, too:
    /// for the published scenarios of `DataHub`, not where people choose passwords
    #[arg(long, global = true, env = "TESSERA_SIGN_UP_PASSWORD_LENGTH", default_value_t = password::SHORTEST)]
    pub sign_up_password_length: usize,

    /// The reserved user name, such as `__datahub_system`, of a program that authenticates with `Authorization: Basic` and may do everything
    #[arg(long, global = true, env = "TESSERA_SYSTEM_CLIENT_ID", requires = "system_client_secret")]
    pub system_client_id: Option<String>,

    /// Its secret: 16 characters or more
    #[arg(
        long,
        global = true,
        env = "TESSERA_SYSTEM_CLIENT_SECRET",
        hide_env_values = true,
        requires = "system_client_id"
    )]
    pub system_client_secret: Option<String>,
}

/// Whether callers must prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetadataAuth {
    /// They must
    #[value(alias = "true")]
    On,
    /// They need not
    #[value(alias = "false")]
    Off,
}

/// Whether access tokens may live for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NeverExpiringTokens {
    /// They may
    #[value(alias = "true")]
    Allow,
    /// They may not
    #[value(alias = "false")]
    Forbid,
}
