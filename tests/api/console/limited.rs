//! What the console tells a user who manages API keys and nothing else.

use serde_json::json;
use tessera::domain::principal::Role;

use super::{Browser, administered, enter, led};
use crate::datahub;
use crate::support::{App, Client};

const READ: &str = "persona-asset-read";
const UPDATE: &str = "persona-asset-update";

/// A policy of the platform that gives permissions to one user.
async fn grant(admin: &Client, user: &str, permissions: &[&str]) {
    let users = [format!("urn:li:corpuser:{user}")];
    let actors = json!({"users": users, "resourceOwners": false, "allUsers": false, "allGroups": false});
    let input = datahub::policy(&actors, permissions);
    datahub::data(&datahub::ask(admin, datahub::CREATE_POLICY, json!({"input": input})).await);
}

/// Kim, who manages API keys and nothing else.
async fn kim(app: &App) -> Browser {
    app.user("kim", Role::Member).await;
    grant(&app.admin().await, "kim", &["MANAGE_APIKEYS"]).await;
    enter(app, "kim").await
}

/// A persona with a policy; returns its id and its qualified name.
async fn persona(browser: &Browser, admin: &Client, name: &str, effect: &str, action: &str) -> (String, String) {
    let persona = admin.persona(name).await;
    let [id, qualified_name] = ["id", "qualifiedName"].map(|member| persona[member].as_str().unwrap().to_owned());
    let policy = [
        ("name", name),
        ("effect", effect),
        ("category", "metadata"),
        ("action-metadata", action),
        ("resources", "*"),
        ("step", "save"),
    ];
    led(&browser.post(&format!("/personas/{id}/policies/new"), &policy).await);
    (id, qualified_name)
}

/// What is hidden is counted: a key that can write is not one that may do nothing.
#[actix_web::test]
async fn what_policies_allow_that_a_user_may_not_read_is_counted() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let (id, writers) = persona(&browser, &admin, "Writers", "allow", UPDATE).await;
    let (_, no_readers) = persona(&browser, &admin, "No readers", "deny", READ).await;
    let (none, one, two) = (app.key_with(&[]).await, app.key_with(&[]).await, app.key_with(&[]).await);
    let link = |personas: &[&str]| json!({"displayName": "pipeline", "personaQualifiedNames": personas});
    admin.try_update(&one.id, &link(&[&writers])).await.ok();
    admin.try_update(&two.id, &link(&[&writers, &no_readers])).await.ok();
    let kim = kim(&app).await;
    for (key, hidden, told) in
        [(&none, 0, ""), (&one, 1, "what 1 policy says that you may not read"), (&two, 2, "what 2 policies say that")]
    {
        let path = format!("/api/service/apikeys/{}/permissions", key.id);
        let found = app.session_of("kim").await.get(&path).await.ok();
        assert_eq!((&found["hiddenSources"], found["permissions"].as_array().unwrap().len()), (&json!(hidden), 0));
        let page = kim.get(&format!("/keys/{}", key.id)).await;
        assert_eq!(page.text.contains("Nothing but say who it is"), hidden == 0, "{}", page.text);
        assert!(page.text.contains(told), "{}", page.text);
        assert!(!page.text.contains(UPDATE) || page.text.matches(UPDATE).count() == 1, "{}", page.text);
        let all = admin.get(&path).await.ok();
        assert_eq!(all["hiddenSources"], 0);
        assert!(!browser.get(&format!("/keys/{}", key.id)).await.text.contains("that you may not read"));
    }
    // What a key asks about itself is complete.
    let own = app.holder_of(&two.token).get(&format!("/api/service/apikeys/{}/permissions", two.id)).await.ok();
    assert_eq!((own["hiddenSources"].as_i64(), own["permissions"].as_array().unwrap().len()), (Some(0), 2));
    let form = kim.get("/keys/new").await;
    assert_eq!(form.text.matches("What 1 policy says that you may not read").count(), 2, "{}", form.text);
    let page = kim.get(&format!("/personas/{id}")).await;
    assert!(page.text.contains("1 policy of it you may not read") && !page.text.contains("No policies yet"));
}
