//! First start: creates a user `admin` and an API key, so that the installation can be used.

use crate::domain::actor::Actor;
use crate::domain::api_key::{NewApiKey, Validity};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::limits::Limits;
use crate::domain::permission::Permissions;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::text::{Description, DisplayName};
use crate::domain::token::Token;
use crate::domain::user::User;
use crate::service::Service;
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::keys::api_keys;
use crate::service::people::users;
use crate::service::people::users::NewUser;
use crate::storage::{peppers, principals, users as user_table};

/// What the first start created, to be shown once.
pub struct FirstStart {
    /// The password of the user [`ADMIN`], if it was generated.
    pub password: Option<String>,
    /// The token of an API key with all permissions.
    pub token: Token,
}

/// The name of the first user.
pub const ADMIN: &str = "admin";

/// Whether there is no user yet.
///
/// # Errors
/// When the storage fails.
pub async fn is_first(service: &Service) -> Result<bool> {
    service.read(user_table::is_empty).await
}

/// Creates the user `admin` and an API key if there is no user yet.
///
/// # Errors
/// Violations for the given password, or when the storage fails.
pub async fn run(service: &Service, password: Option<String>) -> Result<Option<FirstStart>> {
    if !is_first(service).await? {
        return Ok(None);
    }
    let operator = Actor::operator(service.clock.now());
    let given = password.is_some();
    let new = NewUser { username: ADMIN.to_owned(), role: Role::Admin, email: String::new(), password };
    let password = match users::create(service, &operator, new).await {
        // Another node created the user first.
        Err(Error::Conflict(_)) => return Ok(None),
        created => created?,
    };
    let invalid = |message: String| Error::Internal(message.into());
    let new = NewApiKey {
        display_name: DisplayName::parse("first admin key").map_err(invalid)?,
        description: Description::parse("Created at the first start, with every permission.").map_err(invalid)?,
        validity: Validity::NEVER,
        personas: Vec::new(),
        permissions: Permissions::all(),
        limits: Limits::default(),
    };
    let created = api_keys::create(service, &operator, new, None).await?;
    Ok(Some(FirstStart { password: (!given).then_some(password), token: created.token }))
}

/// The name of the user in DataHub's documentation.
pub const DATAHUB: &str = "datahub";

/// Creates the user `datahub`, an administrator without a password, unless a principal of that name exists. For an
/// installation without authentication, so that the commands in DataHub's documentation work on it.
///
/// # Errors
/// When the storage fails.
pub async fn make_datahub(service: &Service) -> Result<()> {
    let operator = Actor::operator(service.clock.now());
    let made = service.write(&operator, |transaction| {
        if principals::find_by_username(transaction.connection, DATAHUB)?.is_some() {
            return Ok(());
        }
        let principal = Principal {
            id: Id::new(transaction.now, transaction.service.entropy)?,
            kind: PrincipalKind::User,
            chosen_name: Some(DATAHUB.into()),
            role: Role::Admin,
            enabled: true,
            created_at: transaction.now,
        };
        principals::insert(transaction.connection, &principal)?;
        let subject = ChangeSubject::Principal(principal.id.uuid());
        let user = User { principal, display_name: DATAHUB.to_owned(), email: String::new() };
        user_table::insert(transaction.connection, &user, UNUSABLE_HASH)?;
        transaction.record(Action::UserCreated, subject, DATAHUB)
    });
    match made.await {
        // Another node created the user first.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Checks that a configured pepper belongs to this database. A database without known peppers accepts any.
///
/// # Errors
/// When none of the configured peppers made the digests of this database: no token would be valid.
pub async fn check_peppers(service: &Service) -> Result<()> {
    loop {
        let known = service.read(peppers::known).await?;
        if !known.is_empty() && !service.peppers.ids().any(|configured| known.contains(&configured)) {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            let reason = format!(
                "this database was set up with the pepper {}, which is not among those configured; \
                 without it no token can be recognised",
                names.join(", ")
            );
            return Err(Error::Conflict(reason));
        }
        let (now, current, place) = (service.clock.now(), service.peppers.current(), known.len());
        if known.contains(&current) {
            return Ok(());
        }
        // If two nodes start with different peppers, one insert wins and the other node checks again.
        service
            .run_upkeep(move |database, task| {
                database.write_for(task, |connection| peppers::insert(connection, current, place, now))
            })
            .await?;
    }
}
