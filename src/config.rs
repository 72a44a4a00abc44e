//! The command line: every setting is a flag and a `TESSERA_*` variable.

mod datahub;
mod edge;
mod help;
mod keys;
mod log;
mod oauth;
mod sign_in;
mod terminal;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::datahub::{DataHubSettings, MetadataAuth, NeverExpiringTokens};
pub use self::edge::EdgeArguments;
pub use self::keys::{Keys, SigningKeys};
pub use self::log::{Audit, AuditLogSettings, Verification, WitnessSetting};
pub use self::oauth::{DpopNonce, OauthSettings};
pub use self::sign_in::PeopleSettings;
pub use self::terminal::{Server, Terminal};
use self::values::{memory, origin, public_url};
use crate::domain::limits::network;
use crate::domain::node::LONGEST_LEASE;
use crate::domain::principal::Role;
use crate::domain::token::Prefixes;

/// Tessera: API keys that act. Every key is a service account with its own personas and permissions.
///
/// Without a command it serves. On the first start it creates the user `admin` and an API key, and shows both once.
#[derive(Parser)]
#[command(name = "tessera", version)]
pub struct Cli {
    /// The command; `serve` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Serve requests until told to stop (the default)
    Serve,
    /// Set up a database with the user `admin` and an API key, show both once, and stop; `serve` does the same at its
    /// first start
    Init,
    /// Migrate the schema of a database that has been set up, and stop
    Migrate,
    /// Print the OpenAPI document: `tessera openapi > openapi/openapi.json`
    Openapi {
        /// The OpenAPI version
        #[arg(long = "as", value_enum, default_value_t = OpenApiVersion::V3_1)]
        version: OpenApiVersion,
    },
    /// Print the DataHub GraphQL schema: `tessera graphql-schema > openapi/schema.graphql`
    GraphqlSchema,
    /// Back up the database, also while nodes serve; on PostgreSQL check what `pg_dump` has written
    Backup {
        /// The new file; on PostgreSQL the archive to check
        file: PathBuf,
    },
    /// Put a backup in place of the database, or accept a copy that is in place: revocations that it lacks are made again
    /// from the journal, and every session ends. Stop every node first
    #[command(alias = "accept-restored")]
    Restore {
        /// The backup; without it the database that is in place
        file: Option<PathBuf>,
        /// A journal of another machine; may be repeated
        #[arg(long = "journal", value_name = "FILE")]
        journals: Vec<PathBuf>,
    },
    /// Accept the machine's clock as right, although this installation has seen later times. Stop every node first
    AcceptClock,
    /// Create and change users
    #[command(subcommand)]
    Users(Users),
    /// Create, list and delete API keys
    #[command(subcommand)]
    Keys(Keys),
    /// List and rotate the keys that sign child tokens
    #[command(subcommand)]
    SigningKeys(SigningKeys),
    /// Verify the audit trail by its log
    #[command(subcommand)]
    Audit(Audit),
    /// Verify next to a gateway, without a database: see docs/edges.md
    Edge(EdgeArguments),
    /// Commands for users of a remote server
    #[command(flatten)]
    Terminal(Terminal),
}

/// A version of OpenAPI.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OpenApiVersion {
    /// The version it is generated in
    #[value(name = "3.1")]
    V3_1,
    /// For tools that cannot read 3.1
    #[value(name = "3.0")]
    V3_0,
}

/// Commands for users.
#[derive(Subcommand)]
pub enum Users {
    /// Create a user; a generated password is printed alone on standard output
    Create {
        /// The user's name
        name: String,
        /// The user's role
        #[arg(long, value_enum, default_value_t = UserRole::Member)]
        role: UserRole,
        /// The user's email address
        #[arg(long, default_value = "")]
        email: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Set a user's password and end all the user's sessions; a generated password is printed alone on standard output
    SetPassword {
        /// The user's name
        name: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
        /// Also revoke the user's personal access tokens; otherwise they keep working, and their number is printed on
        /// standard error
        #[arg(long)]
        revoke_tokens: bool,
    },
    /// Change a user's role
    SetRole {
        /// The user's name
        name: String,
        /// The user's role
        #[arg(value_enum)]
        role: UserRole,
    },
    /// Disable a user and end all the user's sessions; API keys that the user created keep working
    Disable {
        /// The user's name
        name: String,
    },
    /// Enable a disabled user
    Enable {
        /// The user's name
        name: String,
    },
    /// Delete a user; API keys that the user created keep working
    Delete {
        /// The user's name
        name: String,
    },
}

/// Where a password comes from.
#[derive(Args)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input instead of generating one
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
    /// A user who may only look
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

/// The settings of every command.
#[derive(Args, Clone)]
pub struct Settings {
    /// The address and port to listen on
    #[arg(long, global = true, env = "TESSERA_LISTEN", default_value = "127.0.0.1:8585")]
    pub listen: SocketAddr,

    /// The database: `sqlite://FILE`, which `serve` and `init` create, or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(
        long,
        global = true,
        env = "TESSERA_DATABASE_URL",
        default_value = "sqlite://tessera.db",
        hide_env_values = true
    )]
    pub database_url: String,

    /// Size of the connection pool for reads, and of the one for writes; authentication has a pool of its own of a
    /// quarter of that
    #[arg(long, global = true, env = "TESSERA_DATABASE_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,

    /// The secret that token digests are made with: 64 hexadecimal digits, as `openssl rand -hex 32` prints them. To
    /// rotate it, put the new one before the old one, separated by a comma. Better kept out of the command line
    #[arg(long, global = true, env = "TESSERA_PEPPER", hide_env_values = true, conflicts_with = "pepper_file")]
    pub pepper: Option<String>,

    /// The file that holds the pepper instead; generated at the first start if it is missing. If neither is given, it
    /// is the SQLite file's name, or `tessera` for PostgreSQL, with the extension `.pepper`
    #[arg(long, global = true, env = "TESSERA_PEPPER_FILE")]
    pub pepper_file: Option<PathBuf>,

    /// The file that shows when the database is a restored copy. The default is the pepper file's name with the
    /// extension `.seen`; there is none if the pepper has no file
    #[arg(long, global = true, env = "TESSERA_SEEN_FILE")]
    pub seen_file: Option<PathBuf>,

    /// The new file for the password and the API key of the first start, where standard output is no terminal. By default the
    /// SQLite file's name, or `tessera` for PostgreSQL, with `.first-start` at its end
    #[arg(long, global = true, env = "TESSERA_FIRST_START_FILE")]
    pub first_start_file: Option<PathBuf>,

    /// The password of the user `admin`, who is created at the first start; generated and shown with the API key if left out
    #[arg(long, global = true, env = "TESSERA_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,

    /// The prefixes of the tokens of API keys, personal tokens, sessions and children, and of refresh tokens, of three letters
    /// each; the last two may be left out
    #[arg(long, global = true, env = "TESSERA_TOKEN_PREFIXES", default_value = "tsk,tsp,tss,tsc,tsr")]
    pub token_prefixes: Prefixes,

    /// How long a session lasts after signing in, in seconds
    #[arg(long, global = true, env = "TESSERA_SESSION_SECONDS", default_value_t = 43_200, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    pub session_seconds: i64,

    /// For how many days the uses of each key are kept per hour; 0 counts none per hour or day
    #[arg(long, global = true, env = "TESSERA_HOURLY_USAGE_DAYS", default_value_t = 31, value_parser = clap::value_parser!(i64).range(0..=366))]
    pub hourly_usage_days: i64,

    /// How many credentials are kept in memory, at about 250 bytes each
    #[arg(long, global = true, env = "TESSERA_DIRECTORY_CAPACITY", default_value_t = 100_000)]
    pub directory_capacity: usize,

    /// Lease: how long after its last read of other processes' changes a node uses credentials from memory, in
    /// milliseconds; it reads them four times a second. After that each request reads the database
    #[arg(long, global = true, env = "TESSERA_LEASE_MILLISECONDS", default_value_t = 2_000, value_parser = clap::value_parser!(i64).range(500..=LONGEST_LEASE))]
    pub lease_milliseconds: i64,

    /// The maximum age of a credential in memory before it is read again, in seconds
    #[arg(long, global = true, env = "TESSERA_RECORD_AGE_SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub record_age_seconds: i64,

    /// How many look-ups of credentials that are not in memory may run or wait; more are refused. When the queue is
    /// full, the newest of the network or actor with the most waiting is refused
    #[arg(long, global = true, env = "TESSERA_LOOK_UPS_WAITING", default_value_t = 1_000)]
    pub look_ups_waiting: usize,

    /// How many worker threads serve requests; the number of cores if left out
    #[arg(long, global = true, env = "TESSERA_WORKERS")]
    pub workers: Option<std::num::NonZeroUsize>,

    /// The networks of trusted gateways and proxies. The client address and the original request are read from headers
    /// only if the request comes from one of these networks
    #[arg(long, global = true, env = "TESSERA_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<ipnet::IpNet>,

    /// How long gateways may cache an introspection answer, in seconds; a revoked token can be accepted for that long
    #[arg(long, global = true, env = "TESSERA_INTROSPECTION_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=3600))]
    pub introspection_seconds: i64,

    /// How long after signing in people may do what is dangerous in the console without confirming who they are, in seconds
    #[arg(long, global = true, env = "TESSERA_CONFIRM_SECONDS", default_value_t = 900)]
    pub confirm_seconds: u64,

    /// The file with the public keys of GitHub's secret scanning, as GitHub publishes them
    #[arg(long, global = true, env = "TESSERA_GITHUB_PUBLIC_KEYS")]
    pub github_public_keys: Option<PathBuf>,

    /// Settings of DataHub's protocol.
    #[command(flatten)]
    pub datahub: DataHubSettings,
    /// Settings of the authorization server.
    #[command(flatten)]
    pub oauth: OauthSettings,
    /// Settings of the log of the changes.
    #[command(flatten)]
    pub audit_log: AuditLogSettings,
    /// The public URL of this server: `https://` and a host, optionally with a port and a path. Discovery documents
    /// contain it; if left out they use `https://` (`http://` at loopback hosts) and the request's host
    #[arg(long, global = true, env = "TESSERA_PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<String>,

    /// The settings of how people sign in.
    #[command(flatten)]
    pub people: PeopleSettings,

    /// CORS: the origins whose pages may call this server from a browser: `https://app.example.org`, or `*` for any.
    /// These pages send a token; cookies are never accepted from them
    #[arg(long, global = true, env = "TESSERA_CORS_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// The largest request body, in bytes
    #[arg(long, global = true, env = "TESSERA_BODY_LIMIT", default_value_t = 262_144)]
    pub body_limit: usize,

    /// The memory for all request bodies together, in bytes; requests without a credential have a quarter of it, and no
    /// actor has more than a quarter
    #[arg(long, global = true, env = "TESSERA_BODY_MEMORY", default_value_t = 67_108_864, value_parser = memory)]
    pub body_memory: usize,

    /// How long a body of any length may take to arrive, in seconds
    #[arg(long, global = true, env = "TESSERA_BODY_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    pub body_seconds: u64,

    /// The slowest rate of a body: every time this many bytes arrive, the body may take a second longer
    #[arg(long, global = true, env = "TESSERA_BODY_BYTES_PER_SECOND", default_value_t = 1024)]
    pub body_bytes_per_second: usize,

    /// How many connections may be open; if left out 25600, or as many as the process has file descriptors for
    #[arg(long, global = true, env = "TESSERA_CONNECTIONS")]
    pub connections: Option<usize>,

    /// How many connections one IPv4 address, or one IPv6 /64 network, may have open; half of all if left out. Trusted
    /// proxies may have all
    #[arg(long, global = true, env = "TESSERA_CONNECTIONS_PER_ADDRESS")]
    pub connections_per_address: Option<usize>,

    /// How long the head of a request may take to arrive, in seconds (slow-loris guard)
    #[arg(long, global = true, env = "TESSERA_HEAD_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub head_seconds: u64,

    /// Whether to percent-encode the raw request targets of Atlan's Java SDK before parsing. If not, they are answered
    /// with 400
    #[arg(long, global = true, env = "TESSERA_RAW_REQUEST_TARGETS", default_value_t = true, action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub raw_request_targets: bool,
    /// The timeout of a request, in seconds
    #[arg(long, global = true, env = "TESSERA_REQUEST_TIMEOUT_SECONDS", default_value_t = 30)]
    pub request_timeout_seconds: u64,

    /// How long an idle connection is kept open, in seconds; SDKs expect more than 30
    #[arg(long, global = true, env = "TESSERA_KEEP_ALIVE_SECONDS", default_value_t = 75)]
    pub keep_alive_seconds: u64,

    /// How long running requests may take to finish at shutdown, in seconds. Five seconds later the process ends in any
    /// case
    #[arg(long, global = true, env = "TESSERA_SHUTDOWN_SECONDS", default_value_t = 20)]
    pub shutdown_seconds: u64,

    /// The format of the log on standard error
    #[arg(long, global = true, env = "TESSERA_LOG_FORMAT", value_enum, ignore_case = true, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// The log filter: a level, or directives such as `info,tessera=debug`
    #[arg(long, global = true, env = "TESSERA_LOG", default_value = "info")]
    pub log: String,
}

impl Settings {
    /// How many database connections the authentication pool has.
    #[must_use]
    pub fn look_up_connections(&self) -> usize {
        self.database_connections.div_ceil(4) as usize
    }
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text
    Text,
    /// One JSON object a line
    Json,
}
