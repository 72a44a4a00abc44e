//! The commands of the command line.

mod doors;
mod started;

use std::time::{Duration, Instant};

use actix_web::web;
use tokio::time::MissedTickBehavior;

use self::started::{Started, accept_restored, start};
use crate::app::app;
use crate::clock::{Clock, SECOND};
use crate::config::{Cli, Command, Keys, OpenApiVersion, PasswordSource, Settings, Users};
use crate::directory::{Directory, Freshness};
use crate::domain::actor::Actor;
use crate::domain::api_key::{NewApiKey, Validity, persona_set};
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Violation};
use crate::domain::limits::Limits;
use crate::domain::permission::Permission;
use crate::domain::principal::{PrincipalState, Role};
use crate::domain::text::{Description, DisplayName, at};
use crate::http::datahub::settings::Authentication;
use crate::http::datahub::{self, graphql};
use crate::http::state::State;
use crate::http::{Doors, openapi, wire};
use crate::pepper_file;
use crate::service::authn::look_ups::LookUps;
use crate::service::authn::sessions;
use crate::service::authn::sign_ins::SignIns;
use crate::service::authz::administrators;
use crate::service::bootstrap::{self, ADMIN, FirstStart};
use crate::service::catalogue::policies;
use crate::service::keys::api_keys;
use crate::service::people::users;
use crate::service::people::users::{NewUser, PersonalTokens};
use crate::service::upkeep::follow::FOLLOW_EVERY;
use crate::service::upkeep::maintenance::{self, Unsaved};
use crate::service::upkeep::time;
use crate::service::{Parts, Service};
use crate::shutdown;
use crate::storage::database::Database;
use crate::storage::peppers;
use crate::storage::url::DatabaseUrl;
use crate::telemetry::AcceptErrors;

/// A sentence for the operator.
type Outcome = Result<(), String>;

/// Does what the command line says.
///
/// # Errors
/// A sentence for the operator.
pub async fn run(cli: Cli, accept_errors: AcceptErrors) -> Outcome {
    let settings = cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings, accept_errors).await,
        Command::Migrate => {
            open(&settings)?.migrate().map_err(explain)?;
            Ok(())
        }
        Command::Openapi { version } => {
            let document = crate::http::document();
            let json = match version {
                OpenApiVersion::V3_1 => openapi::json(&document),
                OpenApiVersion::V3_0 => openapi::json_3_0(&document),
            };
            print!("{}", json.map_err(|error| error.to_string())?);
            Ok(())
        }
        Command::GraphqlSchema => {
            print!("{}", graphql::sdl());
            Ok(())
        }
        Command::AcceptRestored => accept_restored(&settings).await,
        Command::AcceptClock => {
            let now = time::accept(&unchecked_service(&settings).await?).await.map_err(explain)?;
            println!("{now}");
            Ok(())
        }
        Command::Users(command) => {
            let started = start(&settings).await?;
            change_users(&started.service, command).await?;
            started.finish().await
        }
        Command::Keys(command) => {
            let started = start(&settings).await?;
            change_keys(&started.service, command).await?;
            started.finish().await
        }
    }
}

/// The error with everything that caused it.
fn explain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.trim_end().to_owned()
}

/// Parsed here and not with the other settings: those are repeated in error messages, and this one holds a password.
fn database_url(settings: &Settings) -> Result<DatabaseUrl, String> {
    settings.database_url.parse().map_err(|error| format!("--database-url {error}"))
}

fn open(settings: &Settings) -> Result<Database, String> {
    let url = database_url(settings)?;
    Database::connect(&url, settings.database_connections)
        .map_err(|error| format!("cannot open the database {url:?}: {}", explain(error)))
}

/// The use cases on an up-to-date database, which may be any.
async fn unchecked_service(settings: &Settings) -> Result<Service, String> {
    let database = open(settings)?;
    database.migrate().map_err(explain)?;
    let known = database.read(peppers::known).map_err(explain)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let service = Service::new(Parts {
        database,
        directory: Directory::new(
            settings.directory_capacity,
            Freshness { lease: settings.lease_milliseconds, age: settings.record_age_seconds * SECOND },
        ),
        clock: Clock::system(),
        entropy: Entropy::SYSTEM,
        peppers: pepper_file::load(settings, &database_url(settings)?, &known)?,
        prefixes: settings.token_prefixes,
        session_millis: settings.session_seconds * SECOND,
        sign_ins: SignIns::new(cores.max(2) * 2),
        look_ups: LookUps::new(settings.look_ups_waiting, settings.look_up_connections()),
        saving: tokio::sync::Mutex::new(()),
    });
    bootstrap::check_peppers(&service).await.map_err(explain)?;
    Ok(service)
}

async fn serve(settings: Settings, accept_errors: AcceptErrors) -> Outcome {
    let started = start(&settings).await?;
    started.seen.warn();
    let service = started.service.clone();
    let first = bootstrap::run(&service, settings.admin_password.clone()).await.map_err(explain)?;
    policies::seed(&service, first.as_ref().map(|_| ADMIN)).await.map_err(explain)?;
    if let Some(first) = first {
        welcome(first);
    }
    sessions::remember_networks(&service).await.map_err(explain)?;
    let door_settings = doors::settings(&settings)?;
    warn(&door_settings.datahub);
    let connections = doors::connections(&settings);
    let state = State::new(service.clone(), doors::state(&settings, &connections, accept_errors));
    let state = web::Data::new(state);
    let doors = Doors::new(&service, door_settings).map_err(|error| error.to_string())?;
    let listener =
        wire::listen(settings.listen).map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let defaults = wire::Settings::default();
    let wire_settings = wire::Settings {
        accepted: connections.accepted(),
        connections,
        pace: doors::pace(&settings),
        workers: settings.workers.map_or(defaults.workers, std::num::NonZero::get),
        keep_alive: Duration::from_secs(settings.keep_alive_seconds).into(),
        shutdown_timeout: Duration::from_secs(settings.shutdown_seconds),
        ..defaults
    };
    shutdown::watch(wire_settings.shutdown_timeout + shutdown::MARGIN)
        .map_err(|error| format!("cannot watch for signals: {error}"))?;
    tracing::info!(listen = %settings.listen, database = ?database_url(&settings)?, "serving");
    actix_web::rt::spawn(follow(started, state.clone()));
    actix_web::rt::spawn(see(service.clone()));
    actix_web::rt::spawn(save_uses(service.clone()));
    actix_web::rt::spawn(forget_ended(service.clone()));
    actix_web::rt::spawn(summarise_log(state.clone()));
    let server = wire::serve(vec![listener], &wire_settings, move || app(state.clone(), &doors));
    server.map_err(|error| error.to_string())?.await.map_err(|error| error.to_string())?;
    time::see(&service).await.map_err(explain)?;
    maintenance::save_uses(&service).await.map_err(explain)
}

/// Sees to it that nobody overlooks that everybody may do everything.
fn warn(datahub: &datahub::Settings) {
    if datahub.authentication != Authentication::On {
        tracing::warn!(
            "METADATA AUTHENTICATION IS OFF: at DataHub's paths everybody is who they say and may do everything"
        );
    }
}

/// Shows what the first start made, once, on the terminal and nowhere else.
fn welcome(first: FirstStart) {
    println!("Tessera has been set up. This is shown once:\n");
    if let Some(password) = first.password {
        println!("  user      {ADMIN}\n  password  {password}");
    }
    println!("  API key   {}\n", first.token.expose());
}

async fn follow(mut started: Started, state: web::Data<State>) {
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = started.look().await {
            if state.log_bounds.admit("cannot follow", Instant::now()) {
                tracing::error!(error, "cannot follow the changes; nothing in memory is used");
            }
        }
    }
}

async fn see(service: Service) {
    let mut ticks = tokio::time::interval(time::SEE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = time::see(&service).await {
            tracing::error!(error = explain(error), "cannot keep the latest time");
        }
    }
}

async fn save_uses(service: Service) {
    let mut ticks = tokio::time::interval(maintenance::SAVE_USES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            let started = Instant::now();
            match maintenance::save_some_uses(&service).await {
                Ok(Unsaved::Some) => tokio::time::sleep(started.elapsed() * maintenance::PAUSES_BETWEEN_SAVES).await,
                Ok(Unsaved::None) => break,
                Err(error) => {
                    tracing::error!(error = explain(error), "cannot save when keys were last used");
                    break;
                }
            }
        }
    }
}

async fn forget_ended(service: Service) {
    let mut ticks = tokio::time::interval(maintenance::FORGET_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = maintenance::forget_ended(&service).await {
            tracing::error!(error = explain(error), "cannot remove ended sessions");
        }
    }
}

async fn summarise_log(state: web::Data<State>) {
    let mut ticks = tokio::time::interval(Duration::from_mins(1));
    loop {
        ticks.tick().await;
        state.log_bounds.summarise(Instant::now());
    }
}

async fn change_users(service: &Service, command: Users) -> Outcome {
    let operator = Actor::operator(service.clock.now());
    match command {
        Users::Create { name, role, email, password } => {
            let given = given_password(&password)?;
            let new = NewUser { username: name, role: role.into(), email, password: given.clone() };
            let password = users::create(service, &operator, new).await.map_err(explain)?;
            show_drawn(given.as_ref(), &password);
        }
        Users::SetPassword { name, password, revoke_tokens } => {
            let given = given_password(&password)?;
            let tokens = if revoke_tokens { PersonalTokens::Revoke } else { PersonalTokens::Keep };
            let set = users::set_password(service, &operator, name.clone(), given.clone(), tokens);
            let set = set.await.map_err(explain)?;
            show_drawn(given.as_ref(), &set.password);
            tell_of_tokens(&name, set.tokens, tokens);
        }
        Users::SetRole { name, role } => {
            users::set_role(service, &operator, name, role.into()).await.map_err(explain)?;
            warn_without_administrators(service).await?;
        }
        Users::Disable { name } => {
            users::set_state(service, &operator, name, PrincipalState::Disabled).await.map_err(explain)?;
            warn_without_administrators(service).await?;
        }
        Users::Enable { name } => {
            users::set_state(service, &operator, name, PrincipalState::Enabled).await.map_err(explain)?;
        }
        Users::Delete { name } => {
            users::delete(service, &operator, name).await.map_err(explain)?;
            warn_without_administrators(service).await?;
        }
    }
    Ok(())
}

/// The command line may take the last administrator away, unlike everybody else, and says so.
async fn warn_without_administrators(service: &Service) -> Outcome {
    if administrators::count(service).await.map_err(explain)? == 0 {
        let role = Role::Admin.name();
        eprintln!("warning: no enabled user with the role `{role}` is left; `tessera users set-role` can make one");
    }
    Ok(())
}

fn given_password(source: &PasswordSource) -> Result<Option<String>, String> {
    if !source.password_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| format!("cannot read the password: {error}"))?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Says on standard error what became of the personal access tokens: somebody who changes a password because it leaked
/// must know that those go on.
fn tell_of_tokens(name: &str, count: usize, tokens: PersonalTokens) {
    match (count, tokens) {
        (0, _) => {}
        (_, PersonalTokens::Keep) => {
            eprintln!("personal access tokens of `{name}` that keep working: {count}; --revoke-tokens ends them");
        }
        (_, PersonalTokens::Revoke) => eprintln!("personal access tokens of `{name}` that were revoked: {count}"),
    }
}

fn show_drawn(given: Option<&String>, password: &str) {
    if given.is_none() {
        println!("{password}");
    }
}

async fn change_keys(service: &Service, command: Keys) -> Outcome {
    let operator = Actor::operator(service.clock.now());
    let Keys::Create { display_name, description, validity_seconds, permissions, personas } = command;
    let new = || -> Result<NewApiKey, Violation> {
        Ok(NewApiKey {
            display_name: at("--display-name", DisplayName::parse(&display_name))?,
            description: at("--description", Description::parse(&description))?,
            validity: at("--validity-seconds", validity_seconds.map_or(Ok(Validity::NEVER), Validity::parse))?,
            personas: persona_set(personas)?,
            permissions: at("--permission", Permission::parse_all(&permissions))?,
            limits: Limits::default(),
        })
    };
    let new = new().map_err(|violation| explain(Error::from(violation)))?;
    let created = api_keys::create(service, &operator, new, None).await.map_err(explain)?;
    println!("{}", created.token.expose());
    Ok(())
}
