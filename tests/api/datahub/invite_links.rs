//! Invitation links: who made one, what voids it, and what the audit trail tells of it.

use actix_web::rt::spawn;
use actix_web::rt::time::sleep;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users::{self, PersonalTokens};
use tessera::storage::database::AnyConnection;
use tessera::storage::schema::changes;

use super::{ask, data, urn};
use crate::support::blocker::Blocker;
use crate::support::database::on_postgres;
use crate::support::{App, Client, PASSWORD};

async fn link(client: &Client, role: &str) -> String {
    let query = "query($input: GetInviteTokenInput!) { getInviteToken(input: $input) { inviteToken } }";
    let answer = ask(client, query, json!({"input": {"roleUrn": format!("urn:li:dataHubRole:{role}")}})).await;
    data(&answer)["inviteToken"].as_str().unwrap().to_owned()
}

async fn sign_up(client: &Client, name: &str, link: &str) -> u16 {
    let body = json!({"fullName": "x", "email": name, "password": PASSWORD, "title": "x", "inviteToken": link});
    client.post("/signUp", &body).await.status
}

async fn set_status(client: &Client, name: &str, status: &str) {
    let query = "mutation($urn: String!, $status: CorpUserStatus!) { updateUserStatus(urn: $urn, status: $status) }";
    data(&ask(client, query, json!({"urn": urn(name), "status": status})).await);
}

#[actix_web::test]
async fn a_link_ends_with_the_password_of_its_inviter_and_with_a_suspension() {
    let app = App::start().await;
    let admin = app.admin().await;
    let operator = app.operator();
    app.user("boss", Role::Admin).await;
    let stays = link(&admin, "Reader").await;
    for round in 0..4 {
        let stolen = link(&app.session_of("boss").await, "Admin").await;
        let boss = || "boss".to_owned();
        match round {
            0 => {
                let (password, keep) = (Some(PASSWORD.into()), PersonalTokens::Keep);
                users::set_password(&app.service, &operator, boss(), password, keep).await.map(drop).unwrap();
            }
            1 => {
                for state in [PrincipalState::Disabled, PrincipalState::Enabled] {
                    users::set_state(&app.service, &operator, boss(), state).await.unwrap();
                }
            }
            2 => {
                for state in [PrincipalState::Disabled, PrincipalState::Enabled] {
                    users::change_state(&app.service, &operator, boss(), state).await.unwrap();
                }
            }
            _ => {
                set_status(&admin, "boss", "SUSPENDED").await;
                set_status(&admin, "boss", "ACTIVE").await;
            }
        }
        assert_eq!(sign_up(&app.anonymous(), "mallory", &stolen).await, 400, "{round}");
        let again = link(&app.session_of("boss").await, "Admin").await;
        assert_ne!(again, stolen, "{round}");
        assert_eq!(sign_up(&app.anonymous(), &format!("guest{round}"), &stays).await, 200, "a link of another inviter");
    }
}

#[actix_web::test]
async fn who_gets_a_link_and_who_signs_up_with_it_is_in_the_audit_trail() {
    let app = App::start().await;
    let admin = app.admin().await.at("192.0.2.7");
    let given = link(&admin, "Editor").await;
    app.advance(1);
    assert_eq!(sign_up(&app.anonymous().at("203.0.113.9"), "ada", &given).await, 200);
    let told = |connection: &mut AnyConnection| {
        let found = changes::table.order((changes::changed_at, changes::id)).filter(changes::address.ne(""));
        let columns = (changes::action, changes::actor_name, changes::subject_name, changes::address);
        Ok(found.select(columns).load::<(String, String, String, String)>(connection)?)
    };
    let told = app.service.database.read(told).unwrap();
    let told: Vec<_> = told.iter().map(|(action, actor, name, from)| [action, actor, name, from]).collect();
    let expected = [
        ["invites.link_given", "admin", "$member", "192.0.2.7"],
        ["user.created", "ada", "ada", "203.0.113.9"],
        ["invitation.accepted", "ada", "admin", "203.0.113.9"],
    ];
    for line in expected {
        assert!(told.iter().any(|each| *each == line), "{line:?} is not among {told:?}");
    }
}

#[actix_web::test]
async fn a_sign_up_that_is_under_way_is_over_before_the_links_are_void() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    for round in 0..2 {
        let given = link(&admin, "Editor").await;
        let mut blocker = Blocker::begin(&app, "LOCK TABLE aspects IN EXCLUSIVE MODE");
        let (client, name) = (app.anonymous(), format!("ada{round}"));
        let signing_up = spawn(async move { sign_up(&client, &name, &given).await });
        blocker.until_awaited(1).await;
        let (client, service, operator) = (admin.clone(), app.service.clone(), app.operator());
        let voiding = spawn(async move {
            if round == 0 {
                let renewed = ask(&client, "mutation { createInviteToken(input: {}) { inviteToken } }", Value::Null);
                data(&renewed.await);
            } else {
                let keep = PersonalTokens::Keep;
                users::set_password(&service, &operator, "admin".into(), None, keep).await.map(drop).unwrap();
            }
        });
        blocker.until_awaited(2).await;
        sleep(Duration::from_millis(100)).await;
        assert!(!voiding.is_finished(), "{round}");
        blocker.end();
        assert_eq!(signing_up.await.unwrap(), 200, "{round}");
        voiding.await.unwrap();
    }
}
