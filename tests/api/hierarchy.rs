//! The order of qualified names: an asset's admins are those of everything above it, so nobody may get above another's.

use serde_json::json;
use tessera::domain::asset::is_within;
use tessera::domain::principal::Role;
use tessera::storage::assets;

use crate::support::{App, Client};

async fn create(client: &Client, type_name: &str, name: &str) -> crate::support::Answer {
    client.save(type_name, &json!({"qualifiedName": name, "name": "n"})).await
}

#[actix_web::test]
async fn nobody_gets_at_an_asset_by_creating_what_lies_above_it_by_both_signs() {
    let app = App::start().await;
    let (victim, attacker) =
        (app.session_with("victor", Role::Member).await, app.session_with("mel", Role::Member).await);
    let asset = victim.asset("Table", "bob@ex.com/ws").await;
    for (type_name, name) in [("AtlasGlossary", "ex.com"), ("Table", "bob@ex.com"), ("Connection", "ex.com")] {
        create(&attacker, type_name, name).await.refused("TESSERA-403-001");
    }
    let named = json!({"qualifiedName": "bob@ex.com", "name": "n", "adminUsers": ["mel"]});
    attacker.save("Table", &named).await.refused("TESSERA-403-001");
    attacker.entity(&asset).await.refused("ATLAS-404-00-005");

    // Whoever is above first decides what is created beneath.
    create(&attacker, "AtlasGlossary", "first.com").await.ok();
    create(&victim, "Table", "bob@first.com/ws").await.refused("TESSERA-403-001");
    create(&attacker, "Table", "bob@first.com/ws").await.ok();

    // Nothing lies beneath a URN.
    let asset = victim.asset("Table", "x@urn:li:corpuser:bob").await;
    create(&attacker, "Table", "urn:li:corpuser:bob").await.ok();
    attacker.entity(&asset).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn the_database_knows_the_same_order() {
    const NAMES: [&str; 17] = [
        "gl",
        "term@gl",
        "sub@term@gl",
        "term@gl/part",
        "term@gl/part/x@other",
        "xterm@gl/part",
        "@gl",
        "a@GL",
        "a@g_",
        "g_",
        "c/term@gl",
        "c/d@gl/e",
        "c",
        "urn:li:term@gl",
        "x@urn:li:term@gl",
        "urn:li:term@gl/part",
        "é@gl",
    ];
    let app = App::start().await;
    let admin = app.admin().await;
    let eve = app.session_with("eve", Role::Guest).await;
    for name in NAMES {
        admin.asset("Table", name).await;
    }
    for upper in NAMES {
        let name_only = |people| json!({"qualifiedName": upper, "viewerUsers": people});
        admin.save("Table", &name_only(json!(["eve"]))).await.ok();
        let mut beneath: Vec<&str> = NAMES.into_iter().filter(|name| is_within(name, upper)).collect();
        beneath.sort_unstable();
        let found = eve.search(&json!({"term": {"__typeName": "Table"}})).await.found();
        assert_eq!(found, beneath, "beneath {upper}");
        let stored = app.service.database.read(|connection| {
            let of = |name: &str, connection: &mut _| assets::relation_to(connection, name, "eve", Role::Guest.id());
            let mut known = Vec::new();
            for name in NAMES {
                if of(name, connection)?.is_some() {
                    known.push(name);
                }
            }
            known.sort_unstable();
            Ok((known, assets::is_above_any(connection, upper)?))
        });
        let is_above = beneath.iter().any(|name| *name != upper);
        assert_eq!(stored.unwrap(), (beneath, is_above), "{upper}");
        admin.save("Table", &name_only(json!([]))).await.ok();
    }
}
