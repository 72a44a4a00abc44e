//! Every permission in every API, and no privilege escalation.

use serde_json::{Value, json};
use tessera::domain::permission::Permission::{self, ManageApiKeys, ManagePersonas};
use tessera::domain::principal::Role;

use crate::create::KEYS;
use crate::support::{Answer, App, Client};

#[track_caller]
fn forbidden(answer: Answer, named: &str) {
    assert_eq!(answer.header("retry-after"), Some("1"));
    let body = answer.refused("TESSERA-403-001");
    let message = body["errorMessage"].as_str().unwrap();
    assert!(message.contains(named), "{message}");
}

/// Clients that lack `permission`.
async fn without(app: &App, permission: Permission) -> Vec<Client> {
    let other = if permission == ManageApiKeys { ManagePersonas } else { ManageApiKeys };
    vec![
        app.key_with(&[]).await.client,
        app.key_with(&[other]).await.client,
        app.session_with("member", Role::Member).await,
        app.session_with("guest", Role::Guest).await,
    ]
}

#[actix_web::test]
async fn keys_are_managed_only_with_the_permission() {
    let app = App::start().await;
    let id = app.admin().await.create("a").await["id"].as_str().unwrap().to_owned();
    let body = json!({"displayName": "a"});
    for client in without(&app, ManageApiKeys).await {
        for answer in
            [client.try_create(&body).await, client.try_update(&id, &body).await, client.delete_key(&id).await]
        {
            forbidden(answer, "`MANAGE_APIKEYS`");
        }
    }
    app.admin().await.key(&id).await.ok();
}

#[actix_web::test]
async fn personas_are_managed_only_with_the_permission() {
    let app = App::start().await;
    let id = app.admin().await.persona("a").await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/service/personas/{id}");
    let body = json!({"name": "b"});
    for client in without(&app, ManagePersonas).await {
        for answer in [
            client.post("/api/service/personas", &body).await,
            client.post(&path, &body).await,
            client.delete(&path).await,
        ] {
            forbidden(answer, "`MANAGE_PERSONAS`");
        }
    }
    assert_eq!(app.admin().await.get(&path).await.ok()["name"], "a");
}

#[actix_web::test]
async fn a_key_with_the_permission_manages_keys_and_personas() {
    let app = App::start().await;
    let manager = app.key_with(&[ManageApiKeys, ManagePersonas]).await;
    let id = manager.create("a").await["id"].as_str().unwrap().to_owned();
    manager.try_update(&id, &json!({"displayName": "b"})).await.ok();
    manager.delete_key(&id).await.ok();
    let path = format!("/api/service/personas/{}", manager.persona("a").await["id"].as_str().unwrap());
    manager.post(&path, &json!({"name": "b"})).await.ok();
    manager.delete(&path).await.ok();
}

#[actix_web::test]
async fn whoever_may_not_manage_keys_learns_nothing_of_which_there_are() {
    let app = App::start().await;
    let id = app.admin().await.create("a").await["id"].as_str().unwrap().to_owned();
    let key = app.key_with(&[]).await;
    let unknown = "01890000-0000-7000-8000-000000000000";
    let mut answers = Vec::new();
    for id in [id.as_str(), unknown] {
        let answer = key.delete_key(id).await;
        answers.push((answer.status, answer.json["errorMessage"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[actix_web::test]
async fn nobody_grants_a_permission_they_lack() {
    let app = App::start().await;
    let manager = app.key_with(&[ManageApiKeys]).await;
    let own = manager.create("a").await["id"].as_str().unwrap().to_owned();
    for permissions in [json!(["MANAGE_PERSONAS"]), json!(["MANAGE_APIKEYS", "MANAGE_PERSONAS"])] {
        let body = json!({"displayName": "a", "workspacePermissions": permissions});
        forbidden(manager.try_create(&body).await, "MANAGE_PERSONAS");
        forbidden(manager.try_update(&own, &body).await, "MANAGE_PERSONAS");
    }
    assert_eq!(manager.keys(&[]).await.totals()[0], 2);
    let body = json!({"displayName": "a", "workspacePermissions": ["MANAGE_APIKEYS"]});
    let granted = manager.try_create(&body).await.ok();
    assert_eq!(granted["attributes"]["workspacePermissions"], json!(["MANAGE_APIKEYS"]));
}

#[actix_web::test]
async fn an_update_takes_away_and_gives_back_only_what_the_actor_reaches() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    let mine = json!({"displayName": "m", "personaQualifiedNames": [persona]});
    let manager = app.key_with(&[ManageApiKeys]).await;
    admin.try_update(&manager.id, &mine).await.ok();
    let body = json!({
        "displayName": "a", "workspacePermissions": ["MANAGE_APIKEYS"], "personaQualifiedNames": [persona],
    });
    let id = manager.try_create(&body).await.ok()["id"].as_str().unwrap().to_owned();
    let bare = manager.try_update(&id, &json!({"displayName": "a", "workspacePermissions": []})).await.ok();
    assert_eq!(bare["attributes"]["workspacePermissions"], json!([]));
    assert_eq!(bare["attributes"]["personaQualifiedName"], json!([]));
    manager.try_update(&id, &body).await.ok();
    let more = json!({"displayName": "a", "workspacePermissions": ["MANAGE_PERSONAS"]});
    admin.try_update(&id, &more).await.ok();
    forbidden(manager.try_update(&id, &bare_body()).await, "more access");
    forbidden(manager.delete_key(&id).await, "more access");
    admin.try_update(&id, &bare_body()).await.ok();
    manager.delete_key(&id).await.ok();
}

fn bare_body() -> Value {
    json!({"displayName": "a", "workspacePermissions": []})
}

#[actix_web::test]
async fn linking_a_persona_needs_holding_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (mine, other) =
        (admin.persona("mine").await["qualifiedName"].clone(), admin.persona("other").await["qualifiedName"].clone());
    let manager = app.key_with(&[ManageApiKeys]).await;
    let own = manager.create("a").await["id"].as_str().unwrap().to_owned();
    let with = |personas: &[&Value]| json!({"displayName": "a", "personaQualifiedNames": personas});
    forbidden(manager.try_create(&with(&[&mine])).await, mine.as_str().unwrap());
    forbidden(manager.try_update(&own, &with(&[&mine])).await, mine.as_str().unwrap());
    admin.try_update(&manager.id, &with(&[&mine])).await.ok();
    manager.try_create(&with(&[&mine])).await.ok();
    manager.try_update(&own, &with(&[&mine])).await.ok();
    forbidden(manager.try_create(&with(&[&mine, &other])).await, other.as_str().unwrap());
    forbidden(manager.try_update(&own, &with(&[&mine, &other])).await, other.as_str().unwrap());
}

#[actix_web::test]
async fn whoever_manages_personas_links_any() {
    let app = App::start().await;
    let manager = app.key_with(&[ManageApiKeys, ManagePersonas]).await;
    let persona = manager.persona("readers").await["qualifiedName"].clone();
    manager.try_create(&json!({"displayName": "a", "personaQualifiedNames": [persona]})).await.ok();
}

#[actix_web::test]
async fn a_key_gives_itself_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    let rights = json!(["MANAGE_APIKEYS"]);
    let body = json!({"displayName": "a", "validitySeconds": 60, "workspacePermissions": rights});
    let key = admin.try_create(&body).await.ok();
    let (id, attributes) = (key["id"].as_str().unwrap(), &key["attributes"]);
    let holder = app.holder_of(attributes["accessToken"].as_str().unwrap());
    app.advance(1000);
    for gain in [
        json!({"displayName": "a", "validitySeconds": 60}),
        json!({"displayName": "a", "validitySeconds": 409_968_000}),
        json!({"displayName": "a", "personaQualifiedNames": [persona]}),
        json!({"displayName": "a", "workspacePermissions": ["MANAGE_APIKEYS", "MANAGE_PERSONAS"]}),
    ] {
        forbidden(holder.try_update(id, &gain).await, "cannot give itself");
    }
    let after = admin.key(id).await.ok();
    assert_eq!(after["attributes"]["expiresAt"], attributes["expiresAt"]);
    assert_eq!(after["attributes"]["workspacePermissions"], rights);
}

#[actix_web::test]
async fn a_key_with_every_permission_gives_itself_no_persona_either() {
    let app = App::start().await;
    let manager = app.key_with(&[ManageApiKeys, ManagePersonas]).await;
    let persona = manager.persona("readers").await["qualifiedName"].clone();
    let body = json!({"displayName": "a", "personaQualifiedNames": [persona]});
    forbidden(manager.try_update(&manager.id, &body).await, "cannot give itself");
}

#[actix_web::test]
async fn a_key_that_manages_keys_does_not_manage_itself_but_may_delete_itself() {
    let app = App::start().await;
    let key = app.key_with(&[ManageApiKeys]).await;
    for body in [json!({"displayName": "renamed"}), json!({"displayName": "actor", "workspacePermissions": []})] {
        forbidden(key.try_update(&key.id, &body).await, "cannot change itself");
    }
    key.delete_key(&key.id).await.ok();
}

#[actix_web::test]
async fn a_key_without_permissions_cannot_even_rename_itself() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    forbidden(key.try_update(&key.id, &json!({"displayName": "b"})).await, "`MANAGE_APIKEYS`");
}

#[actix_web::test]
async fn rights_are_those_of_the_moment_of_the_request() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Admin).await;
    let body = json!({"displayName": "a", "workspacePermissions": ["MANAGE_PERSONAS"]});
    ada.try_create(&body).await.ok();
    tessera::service::people::users::set_role(&app.service, &app.operator(), "ada".into(), Role::Member).await.unwrap();
    forbidden(ada.try_create(&body).await, "`MANAGE_APIKEYS`");
}

#[actix_web::test]
async fn what_is_forbidden_is_refused_before_the_body_is_judged_by_the_storage() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let body = json!({"displayName": "a", "personaQualifiedNames": ["default/unknown"]});
    forbidden(key.post(KEYS, &body).await, "`MANAGE_APIKEYS`");
}

#[actix_web::test]
async fn a_key_does_not_leave_its_own_personas() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("limits").await;
    let body = json!({
        "displayName": "k", "workspacePermissions": ["MANAGE_APIKEYS"],
        "personaQualifiedNames": [persona["qualifiedName"]],
    });
    let created = admin.try_create(&body).await.ok();
    let (id, token) = (created["id"].as_str().unwrap(), created["attributes"]["accessToken"].as_str().unwrap());
    let key = app.holder_of(token);
    forbidden(key.try_update(id, &json!({"displayName": "k"})).await, "personas");
}
