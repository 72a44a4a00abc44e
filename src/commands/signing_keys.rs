//! `tessera signing-keys`

use super::output::say;
use super::{CommandResult, explain};
use crate::config::SigningKeys;
use crate::domain::actor::Actor;
use crate::service::Service;
use crate::service::children::signing_keys;

pub(super) async fn change(service: &Service, command: SigningKeys) -> CommandResult {
    let operator = Actor::operator(service.clock.now());
    match command {
        SigningKeys::List => {
            let keyring = signing_keys::ready(service).await.map_err(explain)?;
            let signer = keyring.signer(service.clock.now()).map(|key| key.id.as_str());
            for key in &keyring.keys {
                let state = match key.retires_at {
                    _ if signer == Some(key.id.as_str()) => "signs",
                    i64::MAX => "next",
                    _ => "retired",
                };
                say(format_args!("{}\t{}\t{state}\t{}", key.id, key.algorithm.name(), key.signs_from));
            }
            Ok(())
        }
        SigningKeys::Rotate { now } => {
            say(signing_keys::rotate(service, &operator, now).await.map_err(explain)?);
            Ok(())
        }
        SigningKeys::Remove { id } => signing_keys::remove(service, &operator, id).await.map_err(explain),
    }
}
