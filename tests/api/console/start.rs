//! The start page, the form of a key, and how the pages are reached.

use serde_json::json;
use tessera::clock::DAY;
use tessera::service::upkeep::maintenance;

use super::{administered, enter, field};

#[actix_web::test]
async fn the_start_page_says_what_revoking_means_and_how_many_nodes_there_are() {
    let (app, browser) = administered().await;
    let nodes = maintenance::count_nodes(&app.service).await.unwrap();
    let page = browser.get("/").await;
    assert!(page.text.contains("final on every node when it is answered"), "{}", page.text);
    // Signing in was a change, at least.
    assert!(page.text.contains(" ms at the median, "), "{}", page.text);
    assert!(page.text.contains(&format!("<dt>Nodes</dt><dd>{nodes}</dd>")), "{}", page.text);
}

#[actix_web::test]
async fn each_count_of_the_start_page_is_that_of_its_list() {
    let (app, _) = administered().await;
    app.key_with(&[]).await.whoami().await.ok();
    app.advance(91 * DAY);
    let admin = app.admin().await;
    for days in [3, 20, 300] {
        admin.try_create(&json!({"displayName": format!("{days} days"), "validitySeconds": days * 86_400})).await.ok();
    }
    let busy = app.key_with(&[]).await;
    busy.get("/api/service/audit").await.refused("TESSERA-403-001");
    maintenance::save_uses(&app.service).await.unwrap();
    let browser = enter(&app, "admin").await;
    let page = browser.get("/").await.text;
    let (_, rest) = page.split_once("<nav class=\"tiles\"").unwrap();
    let (tiles, rest) = rest.split_once("</nav>").unwrap();
    let mut counts = Vec::new();
    for tile in tiles.split("<a href=\".").skip(1) {
        let to = tile.split('"').next().unwrap().replace("&#38;", "&");
        let (_, count) = tile.split_once("<strong>").unwrap();
        let count: usize = count.split('<').next().unwrap().parse().unwrap();
        assert_eq!(browser.get(&to).await.text.matches("class=\"name\"").count(), count, "{to}");
        counts.push(count);
    }
    assert_eq!(counts, [1, 2, 1, 3], "{tiles}");
    let (_, refused) = rest.split_once("Refused most in the last day").unwrap();
    let (refused, _) = refused.split_once("</section>").unwrap();
    assert!(refused.contains(&busy.id) && refused.matches("<li>").count() == 1, "{refused}");
}

#[actix_web::test]
async fn bearer_tokens_and_programs_are_reached_by_clicking() {
    let (_app, browser) = administered().await;
    let settings = browser.get("/settings/tokens").await;
    assert!(
        settings.text.contains("href=\"../token\"") && settings.text.contains("href=\"../device\""),
        "{}",
        settings.text
    );
    let token = browser.get("/token").await;
    assert!(token.text.contains("aria-current=\"page\">Bearer token"), "{}", token.text);
}

#[actix_web::test]
async fn the_form_of_a_key_says_what_personas_allow_and_what_limits_mean() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let connection = "default/snowflake/1";
    admin.asset("Connection", connection).await;
    let persona = admin.persona("readers").await;
    let policy = |name: &str, kind: &str, actions: &[&str]| {
        json!({"typeName": "AuthPolicy", "attributes": {
            "qualifiedName": name, "name": name, "connectionQualifiedName": connection, "policyType": kind,
            "policySubCategory": "metadata", "policyActions": actions, "policyResources": [format!("entity:{connection}")],
            "accessControl": {"guid": persona["id"]}}})
    };
    admin.bulk(&[policy("allows", "allow", &["persona-asset-read"])]).await.ok();
    admin.bulk(&[policy("denies", "deny", &["persona-asset-update"])]).await.ok();
    let page = browser.get("/keys/new").await;
    let allows = "May see assets and their metadata: default/snowflake/1 and what lies beneath";
    assert!(page.text.contains(allows) && page.text.contains("Must not "), "{}", page.text);
    let name = persona["qualifiedName"].as_str().unwrap();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("persona", name), ("addresses", "10.0.0.0/8"), ("rate", "60"), ("period", "60")])
        .finish();
    let page = browser.get(&format!("/keys/new?{query}")).await;
    let (_, summary) = page.text.split_once("This key will").unwrap();
    for said in [
        "act with the persona readers",
        allows,
        "be let in from 10.0.0.0/8 only",
        "be let in at most 60 times in a minute",
    ] {
        assert!(summary.contains(said), "{said}: {summary}");
    }
    assert!(!field(&page, "request_key").is_empty());
}
