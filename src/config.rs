//! The command line: every setting is a flag and a `TESSERA_*` variable.

mod datahub;
mod help;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::datahub::{DataHubSettings, MetadataAuth, NeverExpiringTokens};
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::token::Prefixes;

/// Tessera: API keys that act. Every key is a service account with its own personas and permissions.
///
/// Without a command it serves. On the first start it creates the user `admin` and an API key, and prints both once.
#[derive(Parser)]
#[command(name = "tessera", version)]
pub struct Cli {
    /// What to do; `serve` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How.
    #[command(flatten)]
    pub settings: Settings,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Answer requests until told to stop (the default)
    Serve,
    /// Set up a database with the user `admin` and an API key, print both once, and stop; `serve` does the same at its
    /// first start
    Init,
    /// Bring the schema of a database that has been set up to date, and stop
    Migrate,
    /// Print the OpenAPI document: `tessera openapi > openapi/openapi.json`
    Openapi {
        /// Of which version of OpenAPI
        #[arg(long = "as", value_enum, default_value_t = OpenApiVersion::V3_1)]
        version: OpenApiVersion,
    },
    /// Print the schema of DataHub's GraphQL: `tessera graphql-schema > openapi/schema.graphql`
    GraphqlSchema,
    /// Take a restored copy of the database as the database: ends every session, and prints every credential that may
    /// have been revoked since the copy was made. Stop every node first
    AcceptRestored,
    /// Take the machine's clock as right, although this installation has seen later times. Stop every node first
    AcceptClock,
    /// Create and change users
    #[command(subcommand)]
    Users(Users),
    /// Create API keys
    #[command(subcommand)]
    Keys(Keys),
}

/// A version of OpenAPI.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OpenApiVersion {
    /// The one it is generated in
    #[value(name = "3.1")]
    V3_1,
    /// For tools that cannot read 3.1
    #[value(name = "3.0")]
    V3_0,
}

/// What to do with users.
#[derive(Subcommand)]
pub enum Users {
    /// Create a user; prints the password alone on standard output if it was drawn
    Create {
        /// The user's name
        name: String,
        /// What the user may do
        #[arg(long, value_enum, default_value_t = UserRole::Member)]
        role: UserRole,
        /// The user's address
        #[arg(long, default_value = "")]
        email: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Give a user another password and end their sessions; prints it alone on standard output if it was drawn
    SetPassword {
        /// The user's name
        name: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
        /// End the user's personal access tokens, too; otherwise they keep working, and how many is said on standard error
        #[arg(long)]
        revoke_tokens: bool,
    },
    /// Give a user another role
    SetRole {
        /// The user's name
        name: String,
        /// What the user may do
        #[arg(value_enum)]
        role: UserRole,
    },
    /// Refuse a user's sessions from now on; the API keys they created keep working
    Disable {
        /// The user's name
        name: String,
    },
    /// Let a disabled user in again
    Enable {
        /// The user's name
        name: String,
    },
    /// Delete a user; the API keys they created keep working
    Delete {
        /// The user's name
        name: String,
    },
}

/// Where a password comes from.
#[derive(Args)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input instead of drawing one
    #[arg(long)]
    pub password_stdin: bool,
}

/// A role that a user can have.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum UserRole {
    /// May do everything
    #[value(name = "$admin", alias = "admin")]
    Admin,
    /// An ordinary user
    #[value(name = "$member", alias = "member")]
    Member,
    /// A user who looks on
    #[value(name = "$guest", alias = "guest")]
    Guest,
}

impl From<UserRole> for Role {
    fn from(role: UserRole) -> Self {
        match role {
            UserRole::Admin => Self::Admin,
            UserRole::Member => Self::Member,
            UserRole::Guest => Self::Guest,
        }
    }
}

/// What to do with API keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Create an API key; prints its token alone on standard output
    Create {
        /// Its name
        #[arg(long)]
        display_name: String,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
        /// How long it lives, in seconds; for ever if left out
        #[arg(long)]
        validity_seconds: Option<i64>,
        /// Permissions it has
        #[arg(long = "permission", value_name = "PERMISSION", help = permission_help())]
        permissions: Vec<String>,
        /// The qualified name of a persona it is linked to; may be repeated
        #[arg(long = "persona", value_name = "QUALIFIED_NAME")]
        personas: Vec<String>,
    },
}

fn permission_help() -> String {
    format!("A permission it has, one of {}; may be repeated", Permission::listed())
}

/// The settings of every command.
#[derive(Args, Clone)]
pub struct Settings {
    /// Where to listen
    #[arg(long, global = true, env = "TESSERA_LISTEN", default_value = "127.0.0.1:8585")]
    pub listen: SocketAddr,

    /// The database: `sqlite://FILE`, created if missing, or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(
        long,
        global = true,
        env = "TESSERA_DATABASE_URL",
        default_value = "sqlite://tessera.db",
        hide_env_values = true
    )]
    pub database_url: String,

    /// How many connections to the database lists may use at once, and as many again for writes; authentication has a
    /// quarter as many of its own
    #[arg(long, global = true, env = "TESSERA_DATABASE_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,

    /// The secret that digests of tokens are made with: 64 hexadecimal digits, as `openssl rand -hex 32` prints them.
    /// To rotate it, put the new one before the old one, with a comma between. Better kept out of the command line
    #[arg(long, global = true, env = "TESSERA_PEPPER", hide_env_values = true, conflicts_with = "pepper_file")]
    pub pepper: Option<String>,

    /// The file that holds the pepper instead; drawn at the first start if it is missing. If neither is given, it is
    /// the SQLite file's name, or `tessera` for PostgreSQL, with `.pepper` at its end
    #[arg(long, global = true, env = "TESSERA_PEPPER_FILE")]
    pub pepper_file: Option<PathBuf>,

    /// The file that tells a restored copy of the database from the database. If it is not given, it is the pepper's file
    /// with `.seen` at its end; there is none if the pepper has no file
    #[arg(long, global = true, env = "TESSERA_SEEN_FILE")]
    pub seen_file: Option<PathBuf>,

    /// The password of the user `admin`, who is created at the first start; drawn and printed if left out
    #[arg(long, global = true, env = "TESSERA_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,

    /// How tokens of API keys, personal tokens and sessions begin: three letters each
    #[arg(long, global = true, env = "TESSERA_TOKEN_PREFIXES", default_value = "tsk,tsp,tss")]
    pub token_prefixes: Prefixes,

    /// How long a session lasts after signing in, in seconds
    #[arg(long, global = true, env = "TESSERA_SESSION_SECONDS", default_value_t = 43_200, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    pub session_seconds: i64,

    /// How many credentials are kept in memory, at about 250 bytes each
    #[arg(long, global = true, env = "TESSERA_DIRECTORY_CAPACITY", default_value_t = 100_000)]
    pub directory_capacity: usize,

    /// For how long after it last looked at what other processes changed a node uses credentials from memory, in
    /// milliseconds; it looks four times a second. Beyond that each request reads the database
    #[arg(long, global = true, env = "TESSERA_LEASE_MILLISECONDS", default_value_t = 2_000, value_parser = clap::value_parser!(i64).range(500..=60_000))]
    pub lease_milliseconds: i64,

    /// How old a credential in memory may become before it is read again, in seconds
    #[arg(long, global = true, env = "TESSERA_RECORD_AGE_SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub record_age_seconds: i64,

    /// How many look-ups of credentials that are not in memory may be under way or wait; more are refused. When
    /// all wait, the newest of the network or actor of which most wait is refused
    #[arg(long, global = true, env = "TESSERA_LOOK_UPS_WAITING", default_value_t = 1_000)]
    pub look_ups_waiting: usize,

    /// How many threads answer requests; as many as there are cores if left out
    #[arg(long, global = true, env = "TESSERA_WORKERS")]
    pub workers: Option<std::num::NonZeroUsize>,

    /// The networks of the gateways and proxies in front: what they say in `X-Forwarded-For` and of the request they
    /// ask about is believed; what anybody else says is not
    #[arg(long, global = true, env = "TESSERA_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<ipnet::IpNet>,

    /// How long gateways may keep an introspection answer, in seconds: so long can one that caches accept a token
    /// that has been revoked
    #[arg(long, global = true, env = "TESSERA_INTROSPECTION_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=3600))]
    pub introspection_seconds: i64,

    /// How long after signing in people may do what is dangerous in the console without confirming who they are, in seconds
    #[arg(long, global = true, env = "TESSERA_CONFIRM_SECONDS", default_value_t = 900)]
    pub confirm_seconds: u64,

    /// A file with the public keys that GitHub's secret scanning signs with, as GitHub publishes them
    #[arg(long, global = true, env = "TESSERA_GITHUB_PUBLIC_KEYS")]
    pub github_public_keys: Option<PathBuf>,

    /// DataHub's door
    #[command(flatten)]
    pub datahub: DataHubSettings,
    /// How clients reach this server: `https://` and a host, with a port and a path if need be. It is what discovery
    /// documents say; if left out they say `https://` and the host that a request names
    #[arg(long, global = true, env = "TESSERA_PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<String>,

    /// The origins whose pages may call this server from a browser: `https://app.example.org`, or `*` for every one. They
    /// send a token; cookies are never taken from them
    #[arg(long, global = true, env = "TESSERA_CORS_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// The largest body of a request, in bytes
    #[arg(long, global = true, env = "TESSERA_BODY_LIMIT", default_value_t = 262_144)]
    pub body_limit: usize,

    /// How much memory all bodies of requests may take, in bytes; a quarter of it is for requests without a credential,
    /// and no actor has more than a quarter
    #[arg(long, global = true, env = "TESSERA_BODY_MEMORY", default_value_t = 67_108_864, value_parser = memory)]
    pub body_memory: usize,

    /// How long a body may take to arrive whatever its length, in seconds
    #[arg(long, global = true, env = "TESSERA_BODY_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    pub body_seconds: u64,

    /// How fast a body must arrive: for so many bytes it may take a second longer
    #[arg(long, global = true, env = "TESSERA_BODY_BYTES_PER_SECOND", default_value_t = 1024)]
    pub body_bytes_per_second: usize,

    /// How many connections may be open; 25600, or as many as fit into the descriptors of the process, if left out
    #[arg(long, global = true, env = "TESSERA_CONNECTIONS")]
    pub connections: Option<usize>,

    /// How many connections one IPv4 address, or one IPv6 network of 64 bits, may have open; half of all if left out.
    /// Trusted proxies may have all
    #[arg(long, global = true, env = "TESSERA_CONNECTIONS_PER_ADDRESS")]
    pub connections_per_address: Option<usize>,

    /// How long the head of a request may take to arrive, in seconds
    #[arg(long, global = true, env = "TESSERA_HEAD_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub head_seconds: u64,

    /// Whether request targets that Atlan's Java SDK writes raw are percent-encoded before they are parsed. If not, they
    /// are answered with 400
    #[arg(long, global = true, env = "TESSERA_RAW_REQUEST_TARGETS", default_value_t = true, action = clap::ArgAction::Set)]
    pub raw_request_targets: bool,
    /// How long a request may take, in seconds
    #[arg(long, global = true, env = "TESSERA_REQUEST_TIMEOUT_SECONDS", default_value_t = 30)]
    pub request_timeout_seconds: u64,

    /// How long an idle connection is kept open, in seconds; SDKs expect more than 30
    #[arg(long, global = true, env = "TESSERA_KEEP_ALIVE_SECONDS", default_value_t = 75)]
    pub keep_alive_seconds: u64,

    /// How long running requests may take to finish when told to stop, in seconds. Five seconds later the process ends
    /// whatever they do
    #[arg(long, global = true, env = "TESSERA_SHUTDOWN_SECONDS", default_value_t = 20)]
    pub shutdown_seconds: u64,

    /// How the log on standard error is written
    #[arg(long, global = true, env = "TESSERA_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: a level, or directives such as `info,tessera=debug`
    #[arg(long, global = true, env = "TESSERA_LOG", default_value = "info")]
    pub log: String,
}

impl Settings {
    /// How many connections to the database authentication has of its own.
    #[must_use]
    pub fn look_up_connections(&self) -> usize {
        self.database_connections.div_ceil(4) as usize
    }
}

/// Reads how much memory there is for bodies.
fn memory(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "must be a number of bytes".to_owned())?;
    if bytes < LEAST_MEMORY { Err(format!("must be at least {LEAST_MEMORY}")) } else { Ok(bytes) }
}

/// With less memory for bodies, ordinary requests would be refused.
const LEAST_MEMORY: usize = 1 << 20;

/// Reads the origin of a page as browsers write it.
fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    if text == "*" || (!host.is_empty() && host.bytes().all(plain)) {
        return Ok(text.to_owned());
    }
    Err("must be `https://` or `http://` and a host in lower case, with a port if need be and nothing behind it, or `*`"
        .to_owned())
}

/// Reads a URL with `https`, a host and perhaps a path.
fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_suffix('/').unwrap_or(text).strip_prefix("https://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain =
        |text: &str, signs: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte));
    let is_path = path.is_empty() || path.split('/').all(|segment| !["", ".", ".."].contains(&segment));
    if host.is_empty() || !plain(host, b"-._:[]") || !plain(path, b"-._~/") || !is_path {
        return Err("must be `https://` and a host, and perhaps a path, without a query".to_owned());
    }
    Ok(format!("https://{rest}"))
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
