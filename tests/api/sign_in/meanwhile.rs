//! Back-channel logout while sessions are being made.

use tessera::domain::child::Presentation;
use tessera::domain::token::TokenKind;
use tessera::storage::{credentials, provider_sessions};

use super::*;
use crate::ended_meanwhile::{alive, credential, made_meanwhile};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_ends_what_is_being_made_of_its_sessions() {
    let app = crate::support::World::new(&crate::support::Options::default());
    for (round, sid) in [("1", Some("sid-1")), ("2", None)] {
        let mut nonce = [0; 16];
        app.service.entropy.fill(&mut nonce).unwrap();
        let answered = AnsweredOnce { nonce: format!("{nonce:?}"), until: app.service.clock.now() + MINUTE };
        let claims = claims("1", "ada", &["staff"]);
        let at_provider = ProviderSignIn { provider: "company".into(), claims, mapping: mapping(&[]), answered };
        let signed_in = sign_in::sign_in(&app.service, at_provider, Origin::default()).await.unwrap().unwrap();
        let token = signed_in.session.token.expose();
        let actor = app.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
        let (ada, parent) = (actor.id(), actor.credential.unwrap().key_id);
        let made = credential(&app, ada, TokenKind::Session);
        let making = move |connection: &mut _| {
            credentials::insert(connection, &made)?;
            provider_sessions::inherit(connection, parent, made.key_id)
        };
        let subject = sid.is_none().then_some("1");
        let end = sign_out::sign_out(&app.service, ended(sid, subject, round), Origin::default());
        made_meanwhile(&app, making, end).await;
        assert_eq!(alive(&app, ada, TokenKind::Session), 0, "{round}");
    }
    let ada = id_of_ada(&app);
    let made = credential(&app, ada, TokenKind::Personal);
    let all = LoggedOut { tokens: PersonalTokens::Revoke, ..ended(None, Some("1"), "3") };
    let end = sign_out::sign_out(&app.service, all, Origin::default());
    made_meanwhile(&app, move |connection| credentials::insert(connection, &made), end).await;
    assert_eq!(alive(&app, ada, TokenKind::Personal), 0);
}

fn id_of_ada(world: &crate::support::World) -> tessera::domain::ids::PrincipalId {
    let find = |connection: &mut _| tessera::storage::principals::find_by_username(connection, "ada");
    world.service.database.read(find).unwrap().unwrap().id
}
