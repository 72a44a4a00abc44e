//! What the console tells a user who manages API keys and nothing else.

use serde_json::json;
use tessera::domain::permission::Permission;
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

/// What will be refused is said before it is tried, with the reason; the use cases refuse it all the same.
#[actix_web::test]
async fn what_a_user_may_not_give_or_change_is_said_before_it_is_tried() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let (_, writers) = persona(&browser, &admin, "Writers", "allow", UPDATE).await;
    let (plain, strong) = (app.key_with(&[]).await, app.key_with(&[Permission::ManagePolicies]).await);
    let kim = kim(&app).await;
    let refused =
        format!("aria-disabled=\"true\"><input type=\"checkbox\" name=\"persona\" value=\"{writers}\" disabled>");
    let tried = form_urlencoded::Serializer::new(String::new()).append_pair("persona", &writers).finish();
    let tried = format!("/keys/{}/personas?try=1&{tried}", plain.id);
    for (path, told) in [
        ("/keys/new".to_owned(), refused.as_str()),
        (format!("/keys/{}/edit", plain.id), &refused),
        (format!("/keys/{}/personas", plain.id), &refused),
        (tried, "You cannot save these personas: you may not link Writers"),
        (format!("/keys/{}", strong.id), "You can neither change nor delete this key."),
    ] {
        let (page, all) = (kim.get(&path).await, browser.get(&path).await);
        assert!(page.text.contains(told), "{path}: {}", page.text);
        assert!(page.status == 200 && all.status == 200 && !all.text.contains(told), "{path}: {}", all.text);
    }
    let page = kim.get(&format!("/keys/{}", strong.id)).await;
    assert!(!page.text.contains(&format!("keys/{}/edit", strong.id)), "{}", page.text);
    assert!(kim.get(&format!("/keys/{}", plain.id)).await.text.contains(&format!("keys/{}/edit", plain.id)));

    let sent = [("name", "etl"), ("lifetime", "30"), ("persona", writers.as_str())];
    let answer = kim.post("/keys/new", &sent).await;
    assert!(answer.status == 400 && answer.text.contains("id=\"persona-error\""), "{}", answer.text);
    assert!(answer.text.contains("You cannot link Writers: it may allow more"), "{}", answer.text);
    let key = plain.id.as_str();
    let edited = kim.post_shown(&format!("/keys/{key}/edit"), &format!("/keys/{key}/edit"), &sent).await;
    assert!(edited.status == 400 && edited.text.contains("id=\"persona-error\""), "{}", edited.text);

    let link = [("operation", "link"), ("with", writers.as_str()), ("key", key)];
    let preview = kim.post("/keys/bulk", &link).await;
    assert!(
        preview.text.contains("Will be refused") && preview.text.contains("link the persona Writers"),
        "{}",
        preview.text
    );
    let preview = browser.post("/keys/bulk", &link).await;
    assert!(preview.text.contains("gains the persona Writers") && !preview.text.contains("Will be refused"));
    let delete = kim.post("/keys/bulk", &[("operation", "delete"), ("key", key), ("key", &strong.id)]).await;
    assert_eq!(delete.text.matches("Will be refused").count(), 1, "{}", delete.text);
}
