//! Connections and collections in the console.

use serde_json::json;
use tessera::domain::principal::Role;

use super::{administered, enter, field, led};

const CONNECTION: &str = "default/snowflake/1";

#[actix_web::test]
async fn a_key_becomes_an_admin_of_a_connection_by_picking_it() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let id = admin.asset("Connection", CONNECTION).await;
    let key = app.key_with(&[]).await;
    let (path, table) =
        (format!("/connections/{id}"), json!({"qualifiedName": format!("{CONNECTION}/t"), "name": "t"}));
    assert_eq!(key.save("Table", &table).await.status, 403);
    let found = browser.get(&format!("{path}?q=apikey-{}", key.id)).await;
    let member = field(&found, "member");
    assert_eq!(member, format!("service-account-apikey-{}", key.id));
    let added = browser.post(&path, &[("member", &member), ("add", "adminUsers")]).await;
    assert_eq!(led(&added), format!("../connections/{id}?done=added"));
    key.save("Table", &table).await.ok();
    let page = browser.get(&path).await;
    assert!(page.text.contains(&format!("../keys/{}", key.id)), "{}", page.text);
    let removed = browser.post(&path, &[("member", &member), ("remove", "adminUsers")]).await;
    assert_eq!(led(&removed), format!("../connections/{id}?done=removed"));
    assert_eq!(key.save("Table", &table).await.status, 403);
    let people = &admin.entity(&id).await.json["entity"]["attributes"]["adminUsers"];
    assert_eq!(people, &json!(["admin"]), "those who were there stay");
}

#[actix_web::test]
async fn a_viewer_reads_and_does_not_change_whom_a_collection_names() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let id = admin.asset("Collection", "default/collection/admin/1").await;
    let path = format!("/connections/{id}");
    let ada = enter(&app, "ada").await;
    assert_eq!(ada.get(&path).await.status, 404);
    assert!(!ada.get("/connections").await.text.contains(&id));
    led(&browser.post(&path, &[("member", "ada"), ("add", "viewerUsers")]).await);
    let page = ada.get(&path).await;
    assert!(page.text.contains("Only users who are editors of it"), "{}", page.text);
    assert!(!page.text.contains("name=\"add\"") && !page.text.contains("name=\"remove\""), "{}", page.text);
    assert!(ada.get("/connections").await.text.contains(&id));
    for operation in ["add", "remove"] {
        let refused = ada.post(&path, &[("member", "ada"), (operation, "adminUsers")]).await;
        let is_refused = refused.status == 400 && refused.text.contains("may not");
        assert!(is_refused || operation == "remove", "{operation}: {}", refused.text);
    }
    let refused = ada.post(&path, &[("member", "admin"), ("remove", "adminUsers")]).await;
    assert!(refused.status == 400 && refused.text.contains("may not"), "{}", refused.text);
}

#[actix_web::test]
async fn what_cannot_be_a_member_is_refused() {
    let (app, browser) = administered().await;
    let path = format!("/connections/{}", app.admin().await.asset("Connection", CONNECTION).await);
    for (member, operation, list) in [
        ("nobody", "add", "adminUsers"),
        ("", "add", "adminUsers"),
        ("\u{0}", "add", "viewerUsers"),
        ("\u{0}", "remove", "viewerUsers"),
        ("admin", "add", "owners"),
        ("admin", "remove", ""),
    ] {
        let refused = browser.post(&path, &[("member", member), (operation, list)]).await;
        assert_eq!(refused.status, 400, "{member} {operation} {list}");
    }
    for path in ["/connections/x", "/connections/00000000-0000-7000-8000-000000000000"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    let table = app.admin().await.asset("Table", "default/snowflake/1/t").await;
    assert_eq!(browser.get(&format!("/connections/{table}")).await.status, 404);
}

#[actix_web::test]
async fn connections_are_searched_filtered_and_paged() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    for number in 0..41 {
        admin.asset("Connection", &format!("default/snowflake/{number:02}")).await;
    }
    admin.asset("Collection", "default/collection/admin/1").await;
    admin.asset("Table", "default/snowflake/01/t").await;
    let first = browser.get("/connections?kind=connection").await;
    assert!(first.text.contains("40 on this page") && !first.text.contains("default/collection/"), "{}", first.text);
    assert!(!first.text.contains("snowflake/01/t"), "{}", first.text);
    let (_, rest) = first.text.split_once("rel=\"next\" href=\"./").unwrap();
    let next = rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let last = browser.get(&format!("/{next}")).await;
    assert!(last.text.contains("1 on this page"), "{}", last.text);
    let (_, name) = last.text.split_once("<span class=\"under mono\">").unwrap();
    assert!(!first.text.contains(name.split("</span>").next().unwrap()), "{}", last.text);
    let searched = browser.get("/connections?q=default/collection").await;
    assert!(searched.text.contains("1 on this page"), "{}", searched.text);
    assert!(browser.get("/connections?q=nothing").await.text.contains("None matches"));
    for bad in ["kind=table", "page=2", "cursor=x", "q=%00"] {
        assert_eq!(browser.get(&format!("/connections?{bad}")).await.status, 400, "{bad}");
    }
}
