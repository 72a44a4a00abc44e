//! The `filter` of collections: what each operator matches.

use serde_json::{Value, json};

use crate::support::{App, BEGIN, Client};

/// Four keys, a second apart: `alpha`, `Beta` (expires, has a persona), `100%_\`, `Élan Σ` (was used).
async fn library() -> (App, Client, Value) {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    for body in [
        json!({"displayName": "alpha", "description": "First"}),
        json!({"displayName": "Beta", "description": "École", "validitySeconds": 60, "personaQualifiedNames": [persona]}),
        json!({"displayName": "100%_\\", "description": "under_score"}),
    ] {
        admin.try_create(&body).await.ok();
        app.advance(1000);
    }
    let used = admin.create("Élan Σ").await;
    app.holder_of(used["attributes"]["accessToken"].as_str().unwrap()).whoami().await.ok();
    (app, admin, persona)
}

const ALL: [&str; 4] = ["alpha", "Beta", "100%_\\", "Élan Σ"];

#[actix_web::test]
async fn no_filter_and_an_empty_one_let_everything_through() {
    let (_app, admin, _) = library().await;
    assert_eq!(admin.found(&json!({})).await, ALL);
    assert_eq!(admin.keys(&[("filter", ""), ("sort", "createdAt")]).await.column("displayName"), ALL);
}

#[actix_web::test]
async fn equality_is_exact_and_implied() {
    let (_app, admin, _) = library().await;
    for filter in [json!({"displayName": "Beta"}), json!({"displayName": {"$eq": "Beta"}})] {
        assert_eq!(admin.found(&filter).await, ["Beta"]);
    }
    for other in ["beta", "Bet", "Be ta", "B%", "", "' OR '1'='1"] {
        assert_eq!(admin.found(&json!({"displayName": other})).await, [""; 0], "{other:?}");
    }
    assert_eq!(admin.found(&json!({"displayName": {"$ne": "Beta"}})).await, ["alpha", "100%_\\", "Élan Σ"]);
}

#[actix_web::test]
async fn one_of_a_list_is_enough_and_an_empty_list_matches_nothing() {
    let (_app, admin, _) = library().await;
    assert_eq!(admin.found(&json!({"displayName": {"$in": ["Beta", "x", "alpha"]}})).await, ["alpha", "Beta"]);
    for nothing in [json!([]), json!([""])] {
        assert_eq!(admin.found(&json!({"displayName": {"$in": nothing}})).await, [""; 0]);
        assert_eq!(admin.found(&json!({"displayName": {"$nin": nothing}})).await, ALL);
    }
    assert_eq!(admin.found(&json!({"displayName": {"$nin": ["Beta", "alpha"]}})).await, ["100%_\\", "Élan Σ"]);
}

#[actix_web::test]
async fn instants_compare_as_numbers_or_as_text() {
    let (_app, admin, _) = library().await;
    let second = BEGIN + 1000;
    for (operator, expected) in
        [("$lt", &ALL[..1]), ("$lte", &ALL[..2]), ("$gt", &ALL[2..]), ("$gte", &ALL[1..]), ("$eq", &ALL[1..2])]
    {
        for value in [json!(second), json!(second.to_string())] {
            assert_eq!(admin.found(&json!({"createdAt": {operator: value}})).await, expected, "{operator} {value}");
        }
    }
    assert_eq!(admin.found(&json!({"createdAt": second})).await, ["Beta"]);
    assert_eq!(admin.found(&json!({"createdAt": {"$in": [BEGIN, second.to_string()]}})).await, ["alpha", "Beta"]);
    assert_eq!(admin.found(&json!({"updatedAt": {"$gte": BEGIN, "$lt": second}})).await, ["alpha"]);
}

#[actix_web::test]
async fn text_compares_byte_by_byte() {
    let (_app, admin, _) = library().await;
    assert_eq!(admin.found(&json!({"displayName": {"$lt": "a"}})).await, ["Beta", "100%_\\"]);
    assert_eq!(admin.found(&json!({"displayName": {"$gt": "alpha"}})).await, ["Élan Σ"]);
    assert_eq!(admin.found(&json!({"displayName": {"$gte": "Beta", "$lte": "alpha"}})).await, ["alpha", "Beta"]);
}

#[actix_web::test]
async fn a_percent_sign_stands_for_anything_and_other_signs_for_themselves() {
    let (_app, admin, _) = library().await;
    for (pattern, expected) in [
        ("%", &ALL[..]),
        ("alpha", &ALL[..1]),
        ("al%", &ALL[..1]),
        ("%et%", &ALL[1..2]),
        ("%a", &ALL[..2]),
        ("a_pha", &[]),
        ("100\\%%", &ALL[2..3]),
        ("%_%", &ALL[2..3]),
        ("%\\_\\\\", &ALL[2..3]),
        ("%\\\\", &ALL[2..3]),
        ("\\%", &[]),
        ("al", &[]),
        ("", &[]),
        ("AL%", &[]),
        ("[a]%", &[]),
        ("*", &[]),
    ] {
        assert_eq!(admin.found(&json!({"displayName": {"$like": pattern}})).await, expected, "{pattern}");
    }
}

#[actix_web::test]
async fn ilike_minds_no_case_in_any_script() {
    let (_app, admin, _) = library().await;
    for (pattern, name) in
        [("BETA", "Beta"), ("ÉLAN%", "Élan Σ"), ("élan%", "Élan Σ"), ("% σ", "Élan Σ"), ("%Σ", "Élan Σ")]
    {
        assert_eq!(admin.found(&json!({"displayName": {"$ilike": pattern}})).await, [name], "{pattern}");
    }
    for pattern in ["École", "école", "ÉCOLE", "%cole"] {
        assert_eq!(admin.found(&json!({"description": {"$ilike": pattern}})).await, ["Beta"], "{pattern}");
    }
}

#[actix_web::test]
async fn a_pattern_that_ends_within_a_word_matches_a_greek_sigma() {
    let admin_app = App::start().await;
    let admin = admin_app.admin().await;
    admin.create("ΟΔΥΣΣΕΥΣ").await;
    for pattern in ["ΟΔΥΣ%", "οδυσ%", "ΟΔΥΣΣΕΥΣ"] {
        assert_eq!(admin.found(&json!({"displayName": {"$ilike": pattern}})).await.len(), 1, "{pattern}");
    }
}

#[actix_web::test]
async fn what_never_expires_or_was_never_used_has_no_such_instant() {
    let (_app, admin, _) = library().await;
    let others = ["alpha", "100%_\\", "Élan Σ"];
    for filter in
        [json!({"$exists": true}), json!({"$ne": null}), json!({"$gt": 0}), json!({"$not": {"$exists": false}})]
    {
        assert_eq!(admin.found(&json!({"expiresAt": filter})).await, ["Beta"], "{filter}");
    }
    for filter in [json!(null), json!({"$exists": false}), json!({"$eq": null}), json!({"$not": {"$gt": 0}})] {
        assert_eq!(admin.found(&json!({"expiresAt": filter})).await, others, "{filter}");
    }
    assert_eq!(admin.found(&json!({"expiresAt": {"$lte": i64::MAX}})).await, ["Beta"]);
    assert_eq!(admin.found(&json!({"lastUsedAt": {"$exists": true}})).await, ["Élan Σ"]);
    assert_eq!(admin.found(&json!({"lastUsedAt": {"$lte": 0}})).await, [""; 0]);
}

#[actix_web::test]
async fn the_status_follows_the_clock() {
    let (app, admin, _) = library().await;
    assert_eq!(admin.found(&json!({"status": "active"})).await, ALL);
    app.advance(BEGIN + 61_000 - app.now());
    assert_eq!(admin.found(&json!({"status": "expired"})).await, ["Beta"]);
    assert_eq!(admin.found(&json!({"status": {"$ne": "expired"}})).await, ["alpha", "100%_\\", "Élan Σ"]);
    assert_eq!(admin.found(&json!({"status": {"$in": ["expired", "active"]}})).await, ALL);
    admin.keys(&[("filter", r#"{"status":"Expired"}"#)]).await.violates("filter");
}

#[actix_web::test]
async fn keys_are_found_by_id_client_id_creator_and_persona() {
    let (_app, admin, persona) = library().await;
    let beta = admin.keys(&[("filter", r#"{"displayName":"Beta"}"#)]).await.ok()["records"][0].clone();
    let client = beta["clientId"].as_str().unwrap();
    for filter in [
        json!({"id": beta["id"]}),
        json!({"clientId": client}),
        json!({"clientId": format!("service-account-{client}")}),
        json!({"clientId": {"$in": ["x", client]}}),
        json!({"createdBy": "admin", "personaQualifiedName": persona}),
        json!({"personaQualifiedName": {"$exists": true}}),
        json!({"personaQualifiedName": {"$in": [persona, "default/x"]}}),
    ] {
        assert_eq!(admin.found(&filter).await, ["Beta"], "{filter}");
    }
    for filter in [json!({"clientId": beta["id"]}), json!({"id": client}), json!({"createdBy": "Admin"})] {
        assert_eq!(admin.found(&filter).await, [""; 0], "{filter}");
    }
    assert_eq!(admin.found(&json!({"personaQualifiedName": {"$ne": persona}})).await, ["alpha", "100%_\\", "Élan Σ"]);
}

#[actix_web::test]
async fn a_key_of_two_personas_is_found_once_by_either_and_by_both() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut names = Vec::new();
    for name in ["a", "b"] {
        names.push(admin.persona(name).await["qualifiedName"].clone());
    }
    for (name, personas) in [("both", json!(names)), ("one", json!(names[..1]))] {
        admin.try_create(&json!({"displayName": name, "personaQualifiedNames": personas})).await.ok();
        app.advance(1000);
    }
    let of = |name: usize| json!({"personaQualifiedName": names[name]});
    assert_eq!(admin.found(&of(0)).await, ["both", "one"]);
    assert_eq!(admin.found(&of(1)).await, ["both"]);
    assert_eq!(admin.found(&json!({"$and": [of(0), of(1)]})).await, ["both"]);
    assert_eq!(admin.found(&json!({"$or": [of(0), of(1)]})).await, ["both", "one"]);
    assert_eq!(admin.found(&json!({"$and": [of(0), {"$not": of(1)}]})).await, ["one"]);
    assert_eq!(admin.found(&json!({"personaQualifiedName": {"$in": names}})).await, ["both", "one"]);
}

#[actix_web::test]
async fn conditions_are_joined_turned_over_and_nested() {
    let (_app, admin, _) = library().await;
    let (alpha, beta) = (json!({"displayName": "alpha"}), json!({"displayName": "Beta"}));
    for (filter, expected) in [
        (json!({"$or": [alpha, beta]}), &ALL[..2]),
        (json!({"$and": [alpha, beta]}), &[]),
        (json!({"$not": {"$or": [alpha, beta]}}), &ALL[2..]),
        (json!({"displayName": {"$not": {"$in": ["alpha", "Beta"]}}}), &ALL[2..]),
        (json!({"displayName": "alpha", "description": "First"}), &ALL[..1]),
        (json!({"displayName": "alpha", "description": "first"}), &[]),
        (json!({"$or": [{"$and": [alpha, {"$not": beta}]}, {"description": {"$like": "%_%"}}]}), &["alpha", "100%_\\"]),
        (json!({"$and": [{}], "$or": [alpha, {"createdAt": {"$gt": BEGIN + 2000}}]}), &["alpha", "Élan Σ"]),
    ] {
        assert_eq!(admin.found(&filter).await, expected, "{filter}");
    }
}
