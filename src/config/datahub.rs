//! The settings of DataHub's protocol. Two of the variables have DataHub's own names, because its error messages name
//! them.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::domain::password;

/// The settings of DataHub's protocol.
#[derive(Args, Clone)]
#[group(skip)]
pub struct DataHubSettings {
    /// Whether clients at DataHub's paths must authenticate. With `off`, `X-DataHub-Actor` is believed without proof,
    /// and a request without it may do everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH", value_enum, ignore_case = true, default_value_t = MetadataAuth::On)]
    pub metadata_auth: MetadataAuth,

    /// Allow `--metadata-auth off` on an address that other machines can reach. Any client that reaches it may then do
    /// everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH_OFF_ANYWHERE", value_parser = BoolishValueParser::new())]
    pub metadata_auth_off_anywhere: bool,

    /// Whether access tokens without expiry may be created; existing ones keep working. The variable also takes `true`
    /// and `false`
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOW_NO_EXPIRY", value_enum, ignore_case = true, default_value_t = NeverExpiringTokens::Allow)]
    pub never_expiring_tokens: NeverExpiringTokens,

    /// The lifetimes that access tokens may have, as ISO 8601 durations separated by commas;
    /// PT1H,P1D,P7D,P30D,P90D,P180D,P365D if left out
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOWED_DURATIONS", value_delimiter = ',')]
    pub access_token_durations: Vec<String>,

    /// The least length of a password at sign-up with an invitation, in characters. Below 8, common passwords are
    /// accepted, too: for the published scenarios of `DataHub`, not where people choose passwords
    #[arg(long, global = true, env = "TESSERA_SIGN_UP_PASSWORD_LENGTH", default_value_t = password::SHORTEST)]
    pub sign_up_password_length: usize,

    /// The reserved user name, such as `__datahub_system`, of a program that authenticates with `Authorization: Basic`
    /// and may do everything
    #[arg(long, global = true, env = "TESSERA_SYSTEM_CLIENT_ID", requires = "system_client_secret")]
    pub system_client_id: Option<String>,

    /// The secret of the system client: 16 characters or more
    #[arg(
        long,
        global = true,
        env = "TESSERA_SYSTEM_CLIENT_SECRET",
        hide_env_values = true,
        requires = "system_client_id"
    )]
    pub system_client_secret: Option<String>,
}

/// Whether clients must authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetadataAuth {
    /// Authentication is required
    #[value(alias = "true")]
    On,
    /// No authentication
    #[value(alias = "false")]
    Off,
}

/// Whether access tokens without expiry may be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NeverExpiringTokens {
    /// Allowed
    #[value(alias = "true")]
    Allow,
    /// Forbidden
    #[value(alias = "false")]
    Forbid,
}
