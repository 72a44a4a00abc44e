//! A user who is suspended while somebody begins to act as that user.

use tessera::domain::error::{Error, Result};
use tessera::domain::permission::Permission;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::domain::token::TokenKind;
use tessera::storage::database::AnyConnection;
use tessera::storage::{credentials, principals};

use super::{EXCHANGE, as_client, child, post, refused};
use crate::ended_meanwhile::made_meanwhile;
use crate::support::App;

/// As every suspension does.
fn suspend(connection: &mut AnyConnection) -> Result<()> {
    let user = principals::lock(connection, "guest")?.unwrap();
    credentials::delete_all(connection, user.id, TokenKind::Session)?;
    principals::set_state(connection, user.id, PrincipalState::Disabled)?;
    Ok(())
}

#[actix_web::test]
async fn nobody_acts_as_a_user_whose_suspension_is_being_committed() {
    let app = App::start().await;
    app.user("guest", Role::Guest).await;
    let found = app.service.database.read(|connection| principals::find_by_username(connection, "guest"));
    let id = found.unwrap().unwrap().id;
    let of_everyone = [Permission::GeneratePersonalAccessTokens, Permission::ViewAnalytics];
    let key = app.key_with(&[&[Permission::ImpersonateUsers], &of_everyone[..]].concat()).await;
    // The first child draws the signing key.
    child(&app, &key, &[]).await;
    for named in ["guest".to_owned(), id.to_string()] {
        let form = [("grant_type", EXCHANGE), ("subject_token", &key.token), ("requested_subject", &named)];
        let impersonating = async { Ok::<_, Error>(post(&as_client(&app, &key), "/oauth/token", &form).await) };
        refused(&made_meanwhile(&app, suspend, impersonating).await, "unauthorized_client");
        let now = app.now();
        let sessions = move |connection: &mut AnyConnection| {
            principals::set_state(connection, id, PrincipalState::Enabled)?;
            credentials::count_alive(connection, id, TokenKind::Session, now)
        };
        assert_eq!(app.service.database.write(sessions).unwrap(), 0, "none is left that works after a readmission");
    }
}
