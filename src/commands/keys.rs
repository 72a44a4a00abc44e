//! `tessera keys`

use super::{CommandResult, explain};
use crate::config::Keys;
use crate::domain::actor::Actor;
use crate::domain::api_key::{NewApiKey, Validity, persona_set};
use crate::domain::error::{Error, Violation};
use crate::domain::limits::Limits;
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName, at};
use crate::service::Service;
use crate::service::keys::api_keys;

pub(super) async fn change(service: &Service, command: Keys) -> CommandResult {
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
