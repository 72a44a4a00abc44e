//! `tessera users`

use super::output::{say, warn};
use super::{CommandResult, explain};
use crate::config::{PasswordSource, Users};
use crate::domain::actor::Actor;
use crate::domain::principal::{PrincipalState, Role};
use crate::service::Service;
use crate::service::authz::administrators;
use crate::service::people::users::{self, NewUser, PersonalTokens};

pub(super) async fn change(service: &Service, command: Users) -> CommandResult {
    let operator = Actor::operator(service.clock.now());
    match command {
        Users::Create { name, role, email, password } => {
            let given = given_password(&password)?;
            let new = NewUser { username: name, role: role.into(), email, password: given.clone() };
            let password = users::create(service, &operator, new).await.map_err(explain)?;
            print_generated(given.as_ref(), &password);
        }
        Users::SetPassword { name, password, revoke_tokens } => {
            let given = given_password(&password)?;
            let tokens = if revoke_tokens { PersonalTokens::Revoke } else { PersonalTokens::Keep };
            let set = users::set_password(service, &operator, name.clone(), given.clone(), tokens);
            let set = set.await.map_err(explain)?;
            print_generated(given.as_ref(), &set.password);
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

/// Warns if no administrator is left: only the command line may remove the last one.
async fn warn_without_administrators(service: &Service) -> CommandResult {
    if administrators::count(service).await.map_err(explain)? == 0 {
        let role = Role::Admin.name();
        warn(format_args!(
            "warning: no enabled user with the role `{role}` is left; `tessera users set-role` can make one"
        ));
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

/// Writes to standard error what happens to personal access tokens: an operator who changes a leaked password must know
/// that the tokens stay valid.
fn tell_of_tokens(name: &str, count: usize, tokens: PersonalTokens) {
    match (count, tokens) {
        (0, _) => {}
        (_, PersonalTokens::Keep) => {
            warn(format_args!(
                "personal access tokens of `{name}` that keep working: {count}; --revoke-tokens ends them"
            ));
        }
        (_, PersonalTokens::Revoke) => {
            warn(format_args!("personal access tokens of `{name}` that were revoked: {count}"));
        }
    }
}

fn print_generated(given: Option<&String>, password: &str) {
    if given.is_none() {
        say(format_args!("{password}"));
    }
}
