//! What a program without a credential revokes, again and while a node has not acknowledged.

use std::time::Duration;

use actix_web::rt::time::sleep;

use super::join;
use crate::device::{program, send};
use crate::freshness::{is_let_in, strict};
use crate::refresh::approved_by;
use crate::support::App;

/// The first request did not wait, or its answer was lost.
#[actix_web::test]
async fn a_repeated_revocation_by_a_program_waits_for_the_first() {
    let app = App::start_with(strict()).await;
    let [access, _] = approved_by(&app, "ada").await;
    let there = app.neighbour_with(&strict());
    let mut follower = join(&there, "there").await;
    assert!(is_let_in(&there, &access).await);
    let form = [("client_id", "tessera-cli"), ("token", access.as_str())];
    let first = send(&program(&app), "/oauth/revoke?wait=0", &form).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let client = program(&app);
    let again = send(&client, "/oauth/revoke", &form);
    let mut again = std::pin::pin!(again);
    tokio::select! {
        answer = &mut again => panic!("it has not waited: {}", answer.status),
        () = sleep(Duration::from_millis(500)) => {}
    }
    follower.step(&there).await.unwrap();
    assert_eq!(again.await.status, 200);
    assert!(!is_let_in(&there, &access).await);
}
