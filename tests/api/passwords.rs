//! Passwords: which are accepted, and that throttling guesses locks no user out.

use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::service::Service;
use tessera::service::authn::sessions;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::people::users::{self, NewUser, PersonalTokens};
use tessera::storage::familiar_networks;

use crate::datahub::{ask, created, data};
use crate::support::{Answer, App, Client, PASSWORD};

const SESSIONS: &str = "/api/service/sessions";
const GUESSER: &str = "198.51.100.7";
const HOME: &str = "203.0.113.5";
const FREE: usize = 10;

async fn sign_in(client: &Client, name: &str, password: &str) -> Answer {
    client.post(SESSIONS, &json!({"username": name, "password": password})).await
}

/// Sends wrong passwords until it is throttled.
async fn exhaust(client: &Client, name: &str) -> Answer {
    for _ in 0..200 {
        let answer = sign_in(client, name, "wrong").await;
        if answer.status == 429 {
            return answer;
        }
        answer.refused("TESSERA-401-005");
    }
    panic!("nothing slows down");
}

async fn audited(admin: &Client) -> Vec<Value> {
    let filter = json!({"action": "session.refused"}).to_string();
    let page = admin.list("/api/service/audit", &[("filter", &filter), ("limit", "100")]).await.ok();
    page["records"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn guessing_at_one_name_is_slowed_more_and_more_and_forgotten_after_a_day() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let guesser = app.anonymous().at(GUESSER);
    for _ in 0..FREE {
        sign_in(&guesser, "ada", "wrong").await.refused("TESSERA-401-005");
    }
    let mut waits = Vec::new();
    for _ in 0..12 {
        sign_in(&guesser, "ada", "wrong").await.refused("TESSERA-401-005");
        let refused = sign_in(&guesser, "ada", PASSWORD).await;
        let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        refused.refused("TESSERA-429-003");
        waits.push(wait);
        app.advance(wait * 1000);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    app.advance(86_400_000);
    sign_in(&guesser, "ada", PASSWORD).await.ok();
}

#[actix_web::test]
async fn a_name_that_nobody_bears_is_slowed_alike() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let mut told = Vec::new();
    for (name, address) in [("ada", GUESSER), ("nobody", "198.51.100.8")] {
        let client = app.anonymous().at(address);
        let mut answers = Vec::new();
        for _ in 0..FREE + 5 {
            let answer = sign_in(&client, name, "wrong").await;
            answers.push((answer.status, answer.header("retry-after").map(str::to_owned)));
            app.advance(100);
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
}

#[actix_web::test]
async fn strangers_do_not_lock_out_who_signed_in_from_there_before() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let (home, guesser) = (app.anonymous().at(HOME), app.anonymous().at(GUESSER));
    sign_in(&home, "ada", PASSWORD).await.ok();
    for _ in 0..5 {
        exhaust(&guesser, "ada").await;
        sign_in(&home, "ada", PASSWORD).await.ok();
        app.advance(60_000);
    }
    // Nor do guesses at other names from the same network.
    let neighbour = app.anonymous().at(HOME);
    for number in 0..100 {
        sign_in(&neighbour, &format!("name{number}"), "wrong").await;
    }
    sign_in(&neighbour, "another", "wrong").await.refused("TESSERA-429-003");
    sign_in(&home, "ada", PASSWORD).await.ok();
    assert_eq!(sign_in(&home, "ada", "wrong").await.status, 401);
}

#[actix_web::test]
async fn who_comes_from_elsewhere_is_let_in_while_the_name_is_guessed() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    exhaust(&app.anonymous().at(GUESSER), "ada").await;
    // A right password uses up no attempt.
    for last in 0..5 {
        sign_in(&app.anonymous().at(&format!("192.0.2.{last}")), "ada", PASSWORD).await.ok();
    }
    // Guesses: one a minute for the networks of one group, and one every five seconds in total.
    sign_in(&app.anonymous().at("192.0.2.9"), "ada", "wrong").await.refused("TESSERA-401-005");
    let wait = async |address: &str| {
        let refused = sign_in(&app.anonymous().at(address), "ada", "wrong").await;
        let wait = refused.header("retry-after").unwrap().to_owned();
        refused.refused("TESSERA-429-003");
        wait
    };
    assert_eq!([wait("192.0.2.10").await, wait("203.0.113.9").await], ["60", "5"]);
    app.advance(5_000);
    sign_in(&app.anonymous().at("203.0.113.9"), "ada", PASSWORD).await.ok();
    app.advance(55_000);
    sign_in(&app.anonymous().at("192.0.2.10"), "ada", PASSWORD).await.ok();
}

#[actix_web::test]
async fn who_rents_many_networks_keeps_nobody_out() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    exhaust(&app.anonymous().at(GUESSER), "ada").await;
    let mut guesses = 0;
    for number in 0..400 {
        let rented = app.anonymous().at(&format!("2001:db8:7:{:x}::1", number * 0x80));
        guesses += u32::from(sign_in(&rented, "ada", "wrong").await.status == 401);
        app.advance(6_000);
        if number % 40 == 0 {
            sign_in(&app.anonymous().at(&format!("192.0.{}.2", number / 40)), "ada", PASSWORD).await.ok();
        }
    }
    // Sixteen as somebody new, the share of 48 bits, and a few when nobody may guess faster anyway.
    assert!((16..=24).contains(&guesses), "{guesses}");
}

#[actix_web::test]
async fn who_is_familiar_stays_so_when_a_process_begins() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    sign_in(&app.anonymous().at(HOME), "ada", PASSWORD).await.ok();
    let origin = |address: &str| Origin {
        address: Some(address.parse().unwrap()),
        request: tessera::domain::actor::Request::default(),
    };
    let guess = |service: &Service, address, password: &str| {
        let (service, password) = (service.clone(), password.to_owned());
        async move { sessions::create(&service, "ada".into(), password, origin(address)).await }
    };
    for (remembers, let_in) in [(true, true), (false, false)] {
        let node = app.neighbour(&app.pepper);
        if remembers {
            sessions::remember_networks(&node).await.unwrap();
        }
        while !matches!(guess(&node, GUESSER, "wrong").await, Err(Error::SlowedDown { .. })) {}
        // The attempt for unfamiliar networks is used up.
        assert!(matches!(guess(&node, "192.0.2.1", "wrong").await, Err(Error::Unauthenticated(_))));
        assert_eq!(guess(&node, HOME, PASSWORD).await.is_ok(), let_in);
    }
    // The latest sixteen networks of a user are kept.
    for number in 0..20 {
        app.advance(1_000);
        sign_in(&app.anonymous().at(&format!("192.0.2.{number}")), "ada", PASSWORD).await.ok();
    }
    let kept = app.service.database.read(|connection| familiar_networks::latest(connection, 100)).unwrap();
    assert_eq!(kept.len(), 16);
}

#[actix_web::test]
async fn a_few_networks_do_not_blind_the_audit_trail() {
    let app = App::start().await;
    let auditor = app.key_with(&[Permission::ViewAudit]).await;
    let flood = app.anonymous().at(GUESSER);
    for number in 0..30 {
        sign_in(&flood, &format!("name{number}"), "wrong").await.refused("TESSERA-401-005");
    }
    assert_eq!(audited(&auditor).await.len(), 20);
    sign_in(&app.anonymous().at(HOME), "ada", "wrong").await.refused("TESSERA-401-005");
    assert_eq!(audited(&auditor).await.len(), 21);
}

#[actix_web::test]
async fn one_network_cannot_try_one_password_with_every_name() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    // A subscriber has 64 bits of an IPv6 address at least.
    for number in 0..100 {
        let client = app.anonymous().at(&format!("2001:db8:0:1::{number:x}"));
        sign_in(&client, &format!("name{number}"), "wrong").await.refused("TESSERA-401-005");
    }
    let refused = sign_in(&app.anonymous().at("2001:db8:0:1:ffff::"), "more", "wrong").await;
    assert_eq!(refused.header("retry-after"), Some("5"));
    refused.refused("TESSERA-429-003");
    sign_in(&app.anonymous().at("2001:db8:0:2::1"), "ada", PASSWORD).await.ok();
    app.advance(5_000);
    sign_in(&app.anonymous().at("2001:db8:0:1::1"), "ada", PASSWORD).await.ok();
}

#[actix_web::test]
async fn every_door_counts_the_same_failures() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let guesser = app.anonymous().at(GUESSER);
    exhaust(&guesser, "ADA").await;
    let log_in = guesser.post("/logIn", &json!({"username": "ada", "password": PASSWORD})).await;
    assert_eq!((log_in.status, log_in.header("retry-after")), (429, Some("1")));
    app.advance(1_000);
    for _ in 0..2 {
        guesser.post("/logIn", &json!({"username": "ada", "password": "wrong"})).await;
    }
    sign_in(&guesser, "ada", PASSWORD).await.refused("TESSERA-429-003");
}

#[actix_web::test]
async fn failures_are_audited_a_few_an_hour_and_successes_each() {
    let app = App::start().await;
    let auditor = app.key_with(&[Permission::ViewAudit]).await;
    app.user("ada", Role::Member).await;
    let guesser = app.anonymous().at(GUESSER).with("x-request-id", "guess");
    exhaust(&guesser, "ada").await;
    exhaust(&guesser, "hunter2hunter2").await;
    let rows = audited(&auditor).await;
    assert_eq!(rows.len(), 10, "{rows:?}");
    let of = |name: &str| rows.iter().filter(|row| row["subject"] == name).count();
    assert_eq!((of("ada"), of("(unknown)")), (5, 5), "what was typed for a name may be a password: it is not kept");
    assert!(rows.iter().all(|row| row["requestId"] == "guess" && row["actor"] == "(unknown)"));
    app.advance(3_600_000);
    sign_in(&guesser, "ada", "wrong").await.refused("TESSERA-401-005");
    assert_eq!(audited(&auditor).await.len(), 11);
    app.advance(3_600_000);
    sign_in(&guesser, "ada", PASSWORD).await.ok();
    let filter = json!({"action": "session.created", "actor": "ada"}).to_string();
    assert_eq!(auditor.list("/api/service/audit", &[("filter", &filter)]).await.column("subject"), ["ada"]);
    let metrics = app.anonymous().get("/metrics").await.text;
    assert!(metrics.contains(r#"tessera_sign_ins_total{outcome="slowed_down"} 2"#), "{metrics}");
}

#[actix_web::test]
async fn common_and_short_passwords_are_refused_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    let query = "query($input: GetInviteTokenInput!) { getInviteToken(input: $input) { inviteToken } }";
    let invite = data(&ask(&admin, query, json!({"input": {}})).await)["inviteToken"].clone();
    let long = "x".repeat(1025);
    for password in ["password1", "12345678", "Qwerty123", "short", "lovelace1", long.as_str()] {
        let new = NewUser {
            username: "lovelace".into(),
            role: Role::Guest,
            email: String::new(),
            password: Some(password.into()),
        };
        let refused = users::create(&app.service, &app.operator(), new).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{password}");
        let operator = app.operator();
        let given = Some(password.into());
        let set = users::set_password(&app.service, &operator, "lovelace".into(), given, PersonalTokens::Keep).await;
        assert!(matches!(set, Err(Error::Invalid(_))), "{password}");
        let body =
            json!({"fullName": "L", "email": "lovelace", "password": password, "title": "T", "inviteToken": invite});
        let answer = app.anonymous().post("/signUp", &body).await;
        assert_eq!(answer.status, 400, "{password}");
        assert!(answer.json["message"].as_str().unwrap().starts_with("Password "), "{}", answer.text);
    }
}

#[actix_web::test]
async fn personal_tokens_outlive_a_new_password_unless_they_are_to_end() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Member).await;
    let (token, _) = created(&ada, "ada", "laptop").await;
    let set = async |tokens| {
        users::set_password(&app.service, &app.operator(), "ada".into(), Some(PASSWORD.into()), tokens).await.unwrap()
    };
    assert_eq!(set(PersonalTokens::Keep).await.tokens, 1);
    app.holder_of(&token).whoami().await.ok();
    assert_eq!(set(PersonalTokens::Revoke).await.tokens, 1);
    app.holder_of(&token).whoami().await.refused("TESSERA-401-002");
    assert_eq!(set(PersonalTokens::Keep).await.tokens, 0);
    app.key_with(&[Permission::ViewAudit]).await.whoami().await.ok();
}
