//! Service accounts in the console.

use tessera::domain::principal::Role;

use super::{administered, enter, led};
use crate::datahub::ask;

#[actix_web::test]
async fn a_service_account_is_created_gets_a_token_and_is_deleted_by_its_name() {
    let (app, browser) = administered().await;
    assert!(browser.get("/people/service-accounts").await.text.contains("No service accounts yet"));
    let refused = browser.post("/people/service-accounts/new", &[("name", " ")]).await;
    assert!(refused.status == 400 && refused.text.contains("id=\"name-error\""), "{}", refused.text);
    let made = browser.post("/people/service-accounts/new", &[("name", "ingestion"), ("description", "loads")]).await;
    let path = led(&made).trim_start_matches("../..").split('?').next().unwrap().to_owned();
    let username = path.rsplit('/').next().unwrap().to_owned();
    let page = browser.get(&path).await;
    assert!(page.text.contains("<h1>ingestion</h1>") && page.text.contains(">loads</p>"), "{}", page.text);
    assert!(browser.get("/people/service-accounts?q=INGEST").await.text.contains(&username));
    assert!(browser.get("/people/service-accounts?q=none").await.text.contains("No service account matches"));
    let new = [("kind", "program"), ("program", username.as_str()), ("name", "prod"), ("lifetime", "P30D")];
    let generated = browser.post("/settings/tokens/new", &new).await.text;
    let at = generated.find("tsp_").unwrap_or_else(|| panic!("{generated}"));
    let token: String = generated[at..].chars().take(76).collect();
    let me = ask(&app.holder_of(&token), "{ me { corpUser { username } } }", serde_json::Value::Null).await;
    assert_eq!(me["data"]["me"]["corpUser"]["username"], username.as_str());
    let page = browser.get(&path).await;
    assert!(page.text.contains(">prod</span>") && page.text.contains(">just now <span>"), "{}", page.text);
    let delete = format!("{path}/delete");
    let wrong = browser.post(&delete, &[("name", "ingest")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("This is not the name."), "{}", wrong.text);
    assert_eq!(app.holder_of(&token).whoami().await.status, 200);
    let deleted = browser.post(&delete, &[("name", "ingestion")]).await;
    assert!(led(&deleted).ends_with("people/service-accounts?done=deleted"));
    assert_eq!(app.holder_of(&token).whoami().await.status, 401);
    assert_eq!(browser.get(&path).await.status, 404);
    assert!(browser.get("/audit?action=service_account.").await.text.contains("deleted the service account"));
}

#[actix_web::test]
async fn without_the_permission_service_accounts_are_not_shown_and_the_page_says_why() {
    let (app, browser) = administered().await;
    let made = browser.post("/people/service-accounts/new", &[("name", "ingestion")]).await;
    let path = led(&made).trim_start_matches("../..").split('?').next().unwrap().to_owned();
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    let page = ada.get("/people/service-accounts").await;
    assert!(page.text.contains("aria-describedby=\"why\"") && page.text.contains("Manage Service Accounts"));
    assert!(!page.text.contains("ingestion"), "{}", page.text);
    assert_eq!(ada.get(&path).await.status, 403);
    assert_eq!(ada.get("/people/service-accounts/new").await.status, 403);
    let refused = ada.post("/people/service-accounts/new", &[("name", "mine")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(ada.post(&format!("{path}/delete"), &[("name", "ingestion")]).await.status, 403);
    assert_eq!(browser.get(&path).await.status, 200);
    for strange in ["x%20y", "nobody", "admin"] {
        assert_eq!(browser.get(&format!("/people/service-accounts/{strange}")).await.status, 404, "{strange}");
    }
}
