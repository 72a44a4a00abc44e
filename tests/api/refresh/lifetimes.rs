//! How long refresh tokens and their sessions live.

use diesel::connection::SimpleConnection as _;

use super::{IDLE, MINUTE, approved, approved_with, granted, refresh, refused, works};
use crate::device::browser;
use crate::support::{App, SESSION};

/// As after `TESSERA_SESSION_SECONDS` was lowered, or with another value on another node.
#[actix_web::test]
async fn a_session_that_lives_longer_than_sessions_may_is_shortened_by_its_next_renewal() {
    let app = App::start().await;
    let [_, token] = approved(&app).await;
    let longer = "UPDATE credentials SET expires_at = expires_at + 100000000 WHERE kind = 'session'";
    app.service.database.write(|connection| Ok(connection.batch_execute(longer)?)).unwrap();
    let [access, next] = granted(refresh(&app, &token).await);
    assert!(works(&app, &access).await);
    app.advance(IDLE + MINUTE);
    refused(&refresh(&app, &next).await, "invalid_grant");
}

#[actix_web::test]
async fn a_refresh_token_ends_when_it_is_not_used_and_with_the_session_of_the_approval() {
    let app = App::start().await;
    let [_, token] = approved(&app).await;
    app.advance(IDLE);
    refused(&refresh(&app, &token).await, "invalid_grant");
    let (_, answer) = approved_with(&app, &browser(&app, "ada").await, "offline_access", None).await;
    let [_, mut token] = granted(answer);
    let began = app.now() - 5_000;
    while app.now() + IDLE - MINUTE < began + SESSION {
        app.advance(IDLE - MINUTE);
        [_, token] = granted(refresh(&app, &token).await);
    }
    // The last child ends with the session, too.
    app.advance(began + SESSION - 30_000 - app.now());
    let answer = refresh(&app, &token).await.ok();
    assert_eq!(answer["expires_in"], 30);
    token = answer["refresh_token"].as_str().unwrap().to_owned();
    app.advance(30_000);
    refused(&refresh(&app, &token).await, "invalid_grant");
}
