//! Forms that a user may not send: the answer is a refusal, and shows nothing of what the form is about.

use serde_json::json;
use tessera::domain::principal::Role;

use super::{administered, enter, led};
use crate::datahub;

const SECRET: &str = "default/snowflake/1/salaries";

/// Every form whose page needs a permission, with the name that confirms a deletion, right and wrong.
#[actix_web::test]
async fn a_form_of_a_page_that_a_user_may_not_see_tells_nothing() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("Readers").await;
    let (id, name) = (persona["id"].as_str().unwrap(), persona["qualifiedName"].as_str().unwrap());
    let policy = [
        ("name", "secret"),
        ("effect", "deny"),
        ("category", "metadata"),
        ("action-metadata", "persona-asset-read"),
        ("resources", SECRET),
        ("step", "save"),
    ];
    led(&browser.post(&format!("/personas/{id}/policies/new"), &policy).await);
    let key = app.key_with(&[]).await;
    admin.try_update(&key.id, &json!({"displayName": "pipeline", "personaQualifiedNames": [name]})).await.ok();
    // Kim manages keys, and so sees personas and keys; Ada sees both and manages nothing.
    app.user("kim", Role::Member).await;
    app.user("ada", Role::Member).await;
    let actors =
        json!({"users": ["urn:li:corpuser:kim"], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let grant = datahub::policy(&actors, &["MANAGE_APIKEYS"]);
    datahub::data(&datahub::ask(&admin, datahub::CREATE_POLICY, json!({"input": grant})).await);
    let (kim, ada) = (enter(&app, "kim").await, enter(&app, "ada").await);
    let key_page = |page: &str| format!("/keys/{}/{page}", key.id);
    let persona_page = |page: &str| format!("/personas/{id}/{page}");
    let right = [("name", "Readers"), ("operation", "delete"), ("username", "admin"), ("key", key.id.as_str())];
    let wrong = [("name", "wrong"), ("operation", "link"), ("username", "admin"), ("member", "ada")];
    for (user, path) in [
        (&kim, persona_page("edit")),
        (&kim, persona_page("delete")),
        (&kim, persona_page("members")),
        (&kim, "/personas/new".to_owned()),
        (&kim, "/people/remove".to_owned()),
        (&kim, "/people/service-accounts/new".to_owned()),
        (&kim, "/people/service-accounts/service_x/delete".to_owned()),
        (&ada, key_page("edit")),
        (&ada, key_page("delete")),
        (&ada, key_page("personas")),
        (&ada, "/keys/new".to_owned()),
        (&ada, "/keys/bulk".to_owned()),
    ] {
        for fields in [&right[..], &wrong[..]] {
            let answer = user.post(&path, fields).await;
            assert_eq!(answer.status, 403, "{path} {fields:?}: {}", answer.text);
            for told in ["salaries", "pipeline"] {
                assert!(!answer.text.contains(told), "{path} {fields:?} tells {told}: {}", answer.text);
            }
        }
    }
    assert_eq!(browser.get(&persona_page("edit")).await.status, 200, "nothing was deleted");
    assert_eq!(browser.get(&key_page("edit")).await.status, 200, "nothing was deleted");
    let seen = browser.post(&persona_page("delete"), &wrong).await;
    assert!(seen.status == 400 && seen.text.contains("salaries"), "{}", seen.text);
}

/// The forms of policies are for every user who sees the persona: what they show is only what the user may read.
#[actix_web::test]
async fn a_form_of_a_policy_that_a_user_may_not_read_tells_nothing() {
    let (app, browser) = administered().await;
    let persona = app.admin().await.persona("Readers").await;
    let id = persona["id"].as_str().unwrap();
    let fields = [
        ("name", "secret"),
        ("effect", "deny"),
        ("category", "metadata"),
        ("action-metadata", "persona-asset-read"),
        ("resources", SECRET),
    ];
    led(&browser.post(&format!("/personas/{id}/policies/new"), &[&fields[..], &[("step", "save")]].concat()).await);
    let page = browser.get(&format!("/personas/{id}")).await;
    let start = format!("../personas/{id}/policies/");
    let policy = page.text.split(&start).skip(1).map(|rest| &rest[..36]).find(|id| !id.starts_with("new")).unwrap();
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    for path in [format!("/personas/{id}/policies/{policy}"), format!("/personas/{id}/policies/{policy}/delete")] {
        assert_eq!(browser.get(&path).await.status, 200, "{path}");
        for step in ["", "save", "edit"] {
            let answer = ada.post(&path, &[&fields[..4], &[("step", step), ("edition", "x")]].concat()).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            assert!(!answer.text.contains("salaries"), "{path}: {}", answer.text);
        }
    }
}
