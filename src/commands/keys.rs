//! `tessera keys`

use super::output::say;
use super::{CommandResult, explain};
use crate::config::Keys;
use crate::domain::actor::Actor;
use crate::domain::api_key::{NEVER, NewApiKey, Status, Validity, persona_set};
use crate::domain::error::{Error, Violation};
use crate::domain::fields::ApiKeyField;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::listing::{MAX_LIMIT, Query, Sort, Start, Totals};
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName, at};
use crate::service::Service;
use crate::service::keys::api_keys;

pub(super) async fn change(service: &Service, command: Keys) -> CommandResult {
    match command {
        Keys::Create { display_name, description, validity_seconds, permissions, personas } => {
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
            create(service, new().map_err(|violation| explain(Error::from(violation)))?).await
        }
        Keys::List => list(service).await,
        Keys::Delete { key } => {
            let id = key.strip_prefix("service-account-").unwrap_or(&key);
            let id = PrincipalId::parse(id.strip_prefix("apikey-").unwrap_or(id));
            let id = id.ok_or_else(|| format!("`{key}` is no id of an API key; `tessera keys list` shows them"))?;
            api_keys::delete(service, &operator(service), id).await.map_err(explain)
        }
    }
}

fn operator(service: &Service) -> Actor {
    Actor::operator(service.clock.now())
}

async fn create(service: &Service, new: NewApiKey) -> CommandResult {
    let created = api_keys::create(service, &operator(service), new, None).await.map_err(explain)?;
    say(created.token.expose());
    Ok(())
}

async fn list(service: &Service) -> CommandResult {
    let mut start = Start::Offset(0);
    loop {
        let query = Query {
            filter: Filter::<ApiKeyField>::EVERYTHING,
            sort: Sort::parse("").map_err(explain)?,
            limit: MAX_LIMIT,
            start,
            totals: Totals::Skipped,
        };
        let page = api_keys::list(service, &operator(service), query).await.map_err(explain)?;
        let now = service.clock.now();
        for key in page.records {
            let expires = if key.expires_at == NEVER { "never".to_owned() } else { key.expires_at.to_string() };
            let status = Status::of(key.expires_at, now).name();
            // `{:?}` escapes line breaks and control characters in names: no forged lines, no terminal escapes.
            say(format_args!("{}\t{status}\t{expires}\t{:?}\t{:?}", key.id, key.created_by, key.display_name));
        }
        start = match page.next {
            Some(next) => Start::After(next),
            None => return Ok(()),
        };
    }
}
