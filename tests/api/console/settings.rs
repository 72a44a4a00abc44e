//! Access tokens, sessions, and the audit trail.

use tessera::clock::MINUTE;
use tessera::domain::change::Action;
use tessera::domain::principal::Role;
use tessera::domain::token::{ParsedToken, Prefixes};
use tessera::service::upkeep::maintenance;

use super::{administered, enter, field, led, post};
use crate::datahub::ask;
use crate::log::append_all;
use crate::support::{App, PASSWORD};

fn token_in(text: &str) -> String {
    let at = text.find("tsp_").unwrap_or_else(|| panic!("{text}"));
    text[at..].chars().take(76).collect()
}

#[actix_web::test]
async fn a_person_generates_uses_and_revokes_a_token() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    let page = ada.get("/settings/tokens/new").await;
    assert!(page.text.contains("value=\"P30D\" checked"), "a month is chosen: {}", page.text);
    let made = ada.post("/settings/tokens/new", &[("name", "laptop"), ("lifetime", "P30D")]).await;
    assert!(made.text.contains("The token will expire on"), "{}", made.text);
    let token = token_in(&made.text);
    assert_eq!(made.text.matches("tsp_").count(), 1);
    let me = ask(&app.holder_of(&token), "{ me { corpUser { username } } }", serde_json::Value::Null).await;
    assert_eq!(me["data"]["me"]["corpUser"]["username"], "ada");
    let list = ada.get("/settings/tokens").await;
    assert!(
        list.text.contains("laptop") && !list.text.contains("tsp_") && !list.text.contains(">Owner<"),
        "{}",
        list.text
    );
    let id = field(&list, "id").replace("&#38;", "&");
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("id", &id).finish();
    assert!(
        ada.get(&format!("/settings/tokens/revoke?{query}"))
            .await
            .text
            .contains("Are you sure you want to revoke this token?")
    );
    assert_eq!(led(&ada.post("/settings/tokens/revoke", &[("id", &id)]).await), "../../settings/tokens?done=revoked");
    assert_eq!(app.holder_of(&token).whoami().await.status, 401);
    assert!(!ada.get("/settings/tokens").await.text.contains("laptop"));
}

#[actix_web::test]
async fn who_may_not_generate_reads_why() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Guest).await;
    enter(&app, "ada").await.post("/settings/tokens/new", &[("name", "laptop"), ("lifetime", "P30D")]).await;
    enter(&app, "admin").await.post("/settings/tokens/new", &[("name", "foreign"), ("lifetime", "P30D")]).await;
    // Removes the policy that lets every user generate tokens.
    let gone = "mutation($urn: String!) { deletePolicy(urn: $urn) }";
    let policies = ask(
        &admin,
        "{ listPolicies(input: {start: 0, count: 100}) { policies { urn privileges } } }",
        serde_json::Value::Null,
    )
    .await;
    for policy in policies["data"]["listPolicies"]["policies"].as_array().unwrap() {
        if policy["privileges"]
            .as_array()
            .unwrap()
            .iter()
            .any(|privilege| privilege == "GENERATE_PERSONAL_ACCESS_TOKENS")
        {
            ask(&admin, gone, serde_json::json!({"urn": policy["urn"]})).await;
        }
    }
    let ada = enter(&app, "ada").await;
    let page = ada.get("/settings/tokens").await;
    if page.text.contains("aria-disabled=\"true\"") {
        assert!(
            page.text.contains("aria-describedby=\"why\"") && page.text.contains("Manage All Access Tokens"),
            "{}",
            page.text
        );
        assert_eq!(ada.get("/settings/tokens/new").await.status, 403);
        let answer = ada.post("/settings/tokens/new", &[("name", "x"), ("lifetime", "P30D")]).await;
        assert!(!answer.text.contains("tsp_"), "{}", answer.text);
        // What was generated before is listed, and its creator can revoke it.
        assert!(page.text.contains("laptop") && !page.text.contains("foreign"), "{}", page.text);
        let id = field(&page, "id").replace("&#38;", "&");
        let revoked = ada.post("/settings/tokens/revoke", &[("id", &id)]).await;
        assert_eq!(led(&revoked), "../../settings/tokens?done=revoked");
        assert!(!ada.get("/settings/tokens").await.text.contains("laptop"));
    } else {
        panic!("a policy still lets guests generate: {policies}");
    }
}

#[actix_web::test]
async fn who_manages_tokens_sees_everybodys_and_makes_them_for_others() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Member).await;
    enter(&app, "ada").await.post("/settings/tokens/new", &[("name", "adas"), ("lifetime", "P1D")]).await;
    let for_ada = [("kind", "user"), ("user", "ada"), ("name", "lent"), ("lifetime", "P1D")];
    let made = browser.post("/settings/tokens/new", &for_ada).await;
    let token = token_in(&made.text);
    let me = ask(&app.holder_of(&token), "{ me { corpUser { username } } }", serde_json::Value::Null).await;
    assert_eq!(me["data"]["me"]["corpUser"]["username"], "ada");
    let all = browser.get("/settings/tokens").await;
    assert!(all.text.contains("adas") && all.text.contains("lent") && all.text.contains("acts as ada"), "{}", all.text);
    let own = browser.get("/settings/tokens?owner=ada").await;
    assert!(own.text.contains("adas") && !own.text.contains(">lent<"), "{}", own.text);
    for (fields, beside) in [
        ([("kind", "user"), ("user", "nobody"), ("name", "x"), ("lifetime", "P1D")], "user-error"),
        ([("kind", "program"), ("user", ""), ("name", "x"), ("lifetime", "P1D")], "program-error"),
        ([("kind", "self"), ("user", ""), ("name", "x"), ("lifetime", "P2D")], "lifetime-error"),
        ([("kind", "self"), ("user", ""), ("name", " "), ("lifetime", "P1D")], "name-error"),
    ] {
        let answer = browser.post("/settings/tokens/new", &fields).await;
        assert!(answer.status == 400 && answer.text.contains(&format!("id=\"{beside}\"")), "{beside} {}", answer.text);
    }
}

#[actix_web::test]
async fn the_last_use_of_a_token_is_told_and_kept() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    let mut tokens = Vec::new();
    for name in ["laptop", "notebook"] {
        let made = ada.post("/settings/tokens/new", &[("name", name), ("lifetime", "P30D")]).await;
        tokens.push(token_in(&made.text));
    }
    let uses = async || ada.get("/settings/tokens").await.text.matches("<span class=\"soft\">never</span>").count();
    assert_eq!(uses().await, 2);
    app.advance(5 * MINUTE);
    app.holder_of(&tokens[0]).whoami().await.ok();
    assert_eq!(uses().await, 1, "told before it is saved");
    app.advance(5 * MINUTE);
    let query = "{ listAccessTokens(input: {start: 0, count: 9, filters: [{field: \"ownerUrn\", values: [\"urn:li:corpuser:ada\"]}]}) { total } }";
    ask(&app.holder_of(&tokens[0]), query, serde_json::Value::Null).await;
    maintenance::save_uses(&app.service).await.unwrap();
    let token = ParsedToken::parse(&tokens[0], &Prefixes::default()).unwrap();
    assert_eq!(app.service.directory.token_uses.unsaved(token.key_id), None);
    assert_eq!(uses().await, 1, "told after it is saved");
    app.advance(20 * MINUTE);
    let page = ada.get("/settings/tokens").await;
    assert!(page.text.contains("20 minutes ago") && !page.text.contains("25 minutes ago"), "{}", page.text);
}

#[actix_web::test]
async fn a_session_is_ended_from_another_one() {
    let (app, browser) = administered().await;
    let other = enter(&app, "admin").await;
    let page = browser.get("/settings/sessions").await;
    assert_eq!(page.text.matches("End it").count(), 1, "{}", page.text);
    assert!(page.text.contains("this browser") && !page.text.contains("tss_"));
    let id = field(&page, "id");
    app.user("ada", Role::Admin).await;
    let ada = enter(&app, "ada").await;
    ada.post("/settings/sessions", &[("id", &id)]).await;
    assert_eq!(other.get("/keys").await.status, 200, "nobody ends the session of somebody else");
    assert_eq!(led(&browser.post("/settings/sessions", &[("id", &id)]).await), "../settings/sessions?done=ended");
    assert_eq!(led(&other.get("/keys").await), "./login?because=ended&next=keys");
    assert_eq!(browser.get("/keys").await.status, 200);
}

#[actix_web::test]
async fn a_session_is_recognised_by_its_kind_and_address() {
    let (app, browser) = administered().await;
    led(&post(&app.anonymous().at("192.0.2.9"), "/login", &[("username", "admin"), ("password", PASSWORD)]).await);
    browser.post("/token", &[("validitySeconds", "3600")]).await;
    let page = browser.get("/settings/sessions").await.text;
    assert_eq!(page.matches("<td>Signed in with the password<").count(), 2, "{page}");
    assert_eq!(page.matches("<td>Bearer token made by hand<").count(), 1, "{page}");
    assert_eq!(page.matches("from <span class=\"mono\">192.0.2.9<").count(), 1, "{page}");
    assert!(page.contains("End it<span class=\"unseen\">: Bearer token made by hand, began "), "{page}");
}

#[actix_web::test]
async fn all_other_sessions_end_at_once() {
    let (app, browser) = administered().await;
    let others = [enter(&app, "admin").await, enter(&app, "admin").await];
    let page = browser.post("/settings/sessions", &[("others", "true")]).await;
    assert_eq!(led(&page), "../settings/sessions?done=others");
    assert_eq!(browser.get("/keys").await.status, 200);
    for other in others {
        assert!(led(&other.get("/keys").await).contains("login"));
    }
}

#[actix_web::test]
async fn a_user_has_only_as_many_sessions_as_the_page_shows() {
    let (_app, browser) = administered().await;
    for _ in 1..200 {
        assert!(browser.post("/token", &[("validitySeconds", "3600")]).await.text.contains("tss_"));
    }
    let refused = browser.post("/token", &[("validitySeconds", "3600")]).await;
    assert!(refused.text.contains("200 sessions") && !refused.text.contains("tss_"), "{}", refused.text);
    browser.post("/settings/sessions", &[("others", "true")]).await;
    assert!(browser.post("/token", &[("validitySeconds", "3600")]).await.text.contains("tss_"));
}

/// Also covers failure F54.
#[actix_web::test]
async fn the_trail_is_filtered_and_exported() {
    let (app, browser) = administered().await;
    let id = app.key("=HYPERLINK(1)", &[]).await.api_key.id;
    app.key("other", &[]).await;
    let page = browser.get(&format!("/audit?about={id}&action=apikey.")).await;
    assert!(page.text.contains("created the API key") && !page.text.contains(">other<"), "{}", page.text);
    let csv = browser.get(&format!("/audit/export/csv?about={id}")).await;
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"audit.csv\""));
    assert!(csv.text.starts_with("\"id\",\"changedAt\"") && csv.text.contains("\"'=HYPERLINK(1)\""), "{}", csv.text);
    let json = browser.get(&format!("/audit/export/json?about={id}")).await.ok();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(json[0]["subject"], "=HYPERLINK(1)");
    assert_eq!(browser.get("/audit/export/xml").await.status, 404);
}

#[actix_web::test]
async fn an_entry_of_the_trail_leads_to_its_proof() {
    let (app, browser) = administered().await;
    let id = app.key("proved", &[]).await.api_key.id;
    let page = browser.get(&format!("/audit?about={id}")).await;
    let (link, _) = page.text.split_once("\">proof</a>").unwrap();
    let path = format!("/audit/{}", link.rsplit('/').next().unwrap());
    assert_eq!(browser.get(&path).await.status, 409, "it is not in the log yet");
    append_all(&app.service).await;
    let page = browser.get(&path).await;
    assert!(page.status == 200 && page.text.contains("proved") && page.text.contains("tessera/"), "{}", page.text);
    assert_eq!(browser.get("/audit/x").await.status, 404);
    assert_eq!(browser.get("/audit/01a205f3-fb6b-7054-a09c-1dac28a6cf2f").await.status, 404);
}

#[actix_web::test]
async fn the_audit_trail_is_filtered_by_every_kind_of_action() {
    let (app, browser) = administered().await;
    let page = browser.get("/audit").await.text;
    for name in Action::NAMES {
        let prefix = format!("{}.", name.split_once('.').unwrap().0);
        assert_eq!(page.matches(&format!("<option value=\"{prefix}\">")).count(), 1, "{prefix}");
    }
    app.user("ada", Role::Member).await;
    let users = browser.get("/audit?action=user.").await.text;
    assert!(users.contains("<a href=\"./people?q=ada\">ada</a>"), "{users}");
    let found = browser.get("/audit?action=session.").await.text;
    assert!(found.contains("session.created"), "{found}");
    // Only what begins so: `token.` is no part of `access_token.`.
    browser.post("/settings/tokens/new", &[("name", "laptop"), ("lifetime", "P30D")]).await;
    assert!(browser.get("/audit?action=access_token.").await.text.contains("access_token.created"));
    assert!(!browser.get("/audit?action=token.").await.text.contains("access_token.created"));
}

/// Mail programs and chats add such parameters to links.
#[actix_web::test]
async fn settings_lead_to_the_access_tokens_and_pages_ignore_parameters_of_statistics() {
    let (_app, browser) = administered().await;
    for path in ["/settings", "/settings/"] {
        assert!(led(&browser.get(path).await).ends_with("/settings/tokens"), "{path}");
    }
    for path in [
        "/keys?utm_source=mail&utm_medium=link",
        "/settings/tokens?utm_campaign=x",
        "/audit?utm_source=x",
        "/?utm_id=1",
    ] {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    assert_eq!(browser.get("/keys?colour=red").await.status, 400);
}

#[actix_web::test]
async fn a_token_that_is_gone_is_not_said_to_be_revoked() {
    let (_app, browser) = administered().await;
    let gone = browser.post("/settings/tokens/revoke", &[("id", "gone")]).await;
    assert_eq!(led(&gone), "../../settings/tokens?done=gone");
    let told = browser.get("/settings/tokens?done=gone").await.text;
    assert!(told.contains("There was no such token any more") && told.contains("note warn"), "{told}");
}
