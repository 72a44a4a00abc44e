//! The commands of the command line.

mod audit;
mod backup;
mod doors;
mod edge;
mod first_start;
mod keys;
pub mod log_copy;
mod log_jobs;
pub mod output;
mod signing_keys;
mod started;
mod tasks;
mod terminal;
mod users;

use std::process::ExitCode;

use actix_web::web;
use chrono::DateTime;
use tokio::sync::oneshot;

use self::first_start::SecretsOutput;
use self::output::{print, say};
use self::started::{Started, start};
use crate::app::app;
use crate::clock::{Clock, SECOND};
use crate::config::{Cli, Command, DpopNonce, OpenApiVersion, Settings};
use crate::directory::{Directory, Freshness};
use crate::domain::entropy::Entropy;
use crate::http::datahub::settings::Authentication;
use crate::http::datahub::{self, graphql};
use crate::http::doors::Doors;
use crate::http::state::State;
use crate::http::{openapi, wire};
use crate::pepper_file;
use crate::service::authn::look_ups::LookUps;
use crate::service::authn::proofs::{NonceRule, Proofs};
use crate::service::authn::sessions;
use crate::service::authn::sign_ins::SignIns;
use crate::service::bootstrap::{self, ADMIN};
use crate::service::catalogue::policies;
use crate::service::log::append;
use crate::service::upkeep::{maintenance, time};
use crate::service::{Parts, Service};
use crate::shutdown;
use crate::storage::database::{self, Database, Unserved};
use crate::storage::peppers;
use crate::storage::url::DatabaseUrl;
use crate::telemetry::AcceptErrors;

/// `Err` is a message for the operator.
type CommandResult = Result<(), String>;

/// Runs the command of the command line.
///
/// # Errors
/// A message for the operator.
pub async fn run(cli: Cli, accept_errors: AcceptErrors) -> Result<ExitCode, String> {
    let settings = cli.settings;
    let done: CommandResult = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings, accept_errors).await,
        Command::Init => init(&settings).await,
        Command::Migrate => {
            open(&settings, Setup::Expected)?.migrate().map_err(explain)?;
            Ok(())
        }
        Command::Openapi { version } => {
            let document = crate::http::document();
            let json = match version {
                OpenApiVersion::V3_1 => openapi::json(&document),
                OpenApiVersion::V3_0 => openapi::json_3_0(&document),
            };
            print(json.map_err(|error| error.to_string())?);
            Ok(())
        }
        Command::GraphqlSchema => {
            print(graphql::sdl());
            Ok(())
        }
        Command::Backup { file } => backup::back_up(&settings, &file),
        Command::Restore { file, journals } => backup::restore(&settings, file.as_deref(), &journals).await,
        Command::AcceptClock => {
            let _unserved = unserved(&database_url(&settings)?)?;
            let now = time::accept(&unchecked_service(&settings, Setup::Expected).await?).await.map_err(explain)?;
            say(format_args!("The time is now {}.", date(now)));
            Ok(())
        }
        Command::Users(command) => {
            let started = start(&settings, Setup::Expected).await?;
            users::change(&started.service, command).await?;
            started.finish().await
        }
        Command::Audit(command) => return audit::run(&settings, &command),
        Command::Edge(arguments) => edge::run(&settings, &arguments).await,
        Command::Terminal(command) => terminal::run(&command),
        Command::SigningKeys(command) => {
            let started = start(&settings, Setup::Expected).await?;
            self::signing_keys::change(&started.service, command).await?;
            started.finish().await
        }
        Command::Keys(command) => {
            let started = start(&settings, Setup::Expected).await?;
            keys::change(&started.service, command).await?;
            started.finish().await
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The message of an error with all its causes.
fn explain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.trim_end().to_owned()
}

/// Parsed here and not by clap, which repeats invalid values in its messages: this one holds a password.
fn database_url(settings: &Settings) -> Result<DatabaseUrl, String> {
    settings.database_url.parse().map_err(|error| format!("--database-url {error}"))
}

/// Refuses to go on while a process serves an SQLite database: it would go on with a time or with sessions that the
/// command takes away. The nodes of PostgreSQL may be on other machines: a restore waits for those that it finds.
fn unserved(url: &DatabaseUrl) -> Result<Unserved, String> {
    database::unserved(url).map_err(explain)?.ok_or_else(|| match url {
        DatabaseUrl::Sqlite(file) => format!("a process serves `{}`: stop every node first", file.display()),
        DatabaseUrl::Postgres(_) => "a process serves the database: stop every node first".to_owned(),
    })
}

/// An instant in epoch milliseconds, for people.
fn date(instant: i64) -> String {
    DateTime::from_timestamp_millis(instant).map_or_else(|| instant.to_string(), |date| date.to_rfc3339())
}

/// Whether a command sets up a missing database. Administrative commands must not: they would change an installation
/// that no server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setup {
    /// A missing database, schema or pepper is created.
    Made,
    /// The database, its schema and the pepper must exist.
    Expected,
}

fn open(settings: &Settings, setup: Setup) -> Result<Database, String> {
    let url = database_url(settings)?;
    if let (DatabaseUrl::Sqlite(path), Setup::Expected) = (&url, setup)
        && !path.exists()
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return Err(not_set_up(&format!("there is no database at `{}`", path.display())));
    }
    let database = Database::connect(&url, settings.database_connections)
        .map_err(|error| format!("cannot open the database {url:?}: {}", explain(error)))?;
    if setup == Setup::Expected && !database.is_set_up().map_err(explain)? {
        return Err(not_set_up(&format!("the database {url:?} has not been set up")));
    }
    Ok(database)
}

fn not_set_up(what: &str) -> String {
    format!("{what}; `tessera serve` and `tessera init` set one up")
}

/// The service on a migrated database, without checking for a restored copy.
async fn unchecked_service(settings: &Settings, setup: Setup) -> Result<Service, String> {
    let database = open(settings, setup)?;
    database.migrate().map_err(explain)?;
    let known = database.read(peppers::known).map_err(explain)?;
    if setup == Setup::Expected && known.is_empty() {
        return Err(not_set_up(&format!("the database {:?} has not been set up", database_url(settings)?)));
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let peppers = pepper_file::load(settings, &database_url(settings)?, &known)?;
    let nonces = match settings.oauth.dpop_nonce {
        DpopNonce::Off => NonceRule::Off,
        DpopNonce::Required => NonceRule::Required,
    };
    let service = Service::new(Parts {
        database,
        directory: Directory::new(
            settings.directory_capacity,
            Freshness { lease: settings.lease_milliseconds, age: settings.record_age_seconds * SECOND },
        ),
        clock: Clock::system(),
        entropy: Entropy::SYSTEM,
        proofs: Proofs::new(&peppers, nonces),
        peppers,
        prefixes: settings.token_prefixes,
        session_millis: settings.session_seconds * SECOND,
        hourly_usage_days: settings.hourly_usage_days,
        password_sign_in: settings.people.password_sign_in,
        sign_ins: SignIns::new(cores.max(2) * 2),
        look_ups: LookUps::new(settings.look_ups_waiting, settings.look_up_connections()),
        signing_algorithm: settings.oauth.signing_algorithm,
        saving: tokio::sync::Mutex::new(()),
    });
    bootstrap::check_peppers(&service).await.map_err(explain)?;
    Ok(service)
}

/// Sets up a database, and prints the generated secrets.
async fn init(settings: &Settings) -> CommandResult {
    let started = start(settings, Setup::Made).await?;
    if !set_up(&started.service, settings).await? {
        return Err(format!("the database {:?} has been set up before", database_url(settings)?));
    }
    started.finish().await
}

/// Runs the first start if it has not happened yet, and prints the generated secrets. Returns whether it did.
async fn set_up(service: &Service, settings: &Settings) -> Result<bool, String> {
    let first = match SecretsOutput::prepare(service, settings).await? {
        None => None,
        Some(place) => match bootstrap::run(service, settings.admin_password.clone()).await {
            Ok(Some(first)) => Some(place.show(first)?),
            // Another node was faster, or nothing was made.
            outcome => {
                place.abandon();
                outcome.map_err(explain)?.map(|_| ())
            }
        },
    };
    policies::seed(service, first.map(|()| ADMIN)).await.map_err(explain)?;
    Ok(first.is_some())
}

async fn serve(settings: Settings, accept_errors: AcceptErrors) -> CommandResult {
    // Check all settings first: the secrets of the first start are shown only once.
    let door_settings = doors::settings(&settings)?;
    log_jobs::check(&settings.audit_log)?;
    let listener =
        wire::listen(settings.listen).map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let mut started = start(&settings, Setup::Made).await?;
    started.seen.warn();
    let service = started.service.clone();
    let checkpoint = started.seen.checkpoint();
    if let Some(kept) = checkpoint.read()? {
        service.log.begin_with(&kept)?;
    }
    append::begin(&service, settings.audit_log.audit_log_origin.as_deref()).await.map_err(explain)?;
    set_up(&service, &settings).await?;
    sessions::remember_networks(&service).await.map_err(explain)?;
    if door_settings.datahub.authentication != Authentication::On {
        bootstrap::make_datahub(&service).await.map_err(explain)?;
    }
    warn(&door_settings.datahub);
    let connections = doors::connections(&settings);
    let state = State::new(service.clone(), doors::state(&settings, &connections, accept_errors));
    let state = web::Data::new(state);
    let doors =
        Doors::new(&service, door_settings, settings.public_url.as_deref()).map_err(|error| error.to_string())?;
    let wire_settings = doors::wire(&settings, connections);
    shutdown::watch(wire_settings.shutdown_timeout + shutdown::MARGIN)
        .map_err(|error| format!("cannot watch for signals: {error}"))?;
    let _serving = service.database.serve().map_err(explain)?;
    let served = match started.join(&node_name(&settings)).await {
        Ok(()) => {
            tracing::info!(listen = %settings.listen, database = ?database_url(&settings)?, "serving");
            log_jobs::spawn(&state, settings.audit_log.clone(), checkpoint);
            run_server(started, &state, || {
                wire::serve(vec![listener], &wire_settings, {
                    let state = state.clone();
                    move || app(state.clone(), &doors)
                })
            })
            .await
        }
        failed => failed,
    };
    if let Err(error) = service.leave().await {
        tracing::warn!(error = explain(error), "the other nodes do not know that this one has stopped");
    }
    served?;
    time::synchronise(&service).await.map_err(explain)?;
    maintenance::save_uses(&service).await.map_err(explain)
}

/// Runs the server until it is told to stop; after that it accepts no requests.
async fn run_server(
    started: Started,
    state: &web::Data<State>,
    serve: impl FnOnce() -> std::io::Result<actix_web::dev::Server>,
) -> CommandResult {
    let service = started.service.clone();
    tasks::listen_to_nodes(&service).map_err(|error| format!("cannot start a thread: {error}"))?;
    let (stop, stopped) = oneshot::channel();
    let following = actix_web::rt::spawn(tasks::follow(started, state.clone(), stopped));
    tasks::start(&service, state);
    let served = match serve() {
        Ok(server) => server.await,
        failed => failed.map(drop),
    };
    // No look may follow when this node has left.
    drop(stop);
    following.await.map_err(|error| error.to_string())?;
    served.map_err(|error| error.to_string())
}

/// Warns in the log if authentication is off.
fn warn(datahub: &datahub::DoorRules) {
    if datahub.authentication != Authentication::On {
        tracing::warn!(
            "METADATA AUTHENTICATION IS OFF: DataHub's paths trust the name that a client gives, and allow everything"
        );
    }
}

/// The name of this node, for people.
fn node_name(settings: &Settings) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{} {}", host.trim(), settings.listen).trim().to_owned()
}
