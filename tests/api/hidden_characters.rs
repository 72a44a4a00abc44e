//! Names and descriptions contain no invisible or direction-changing characters, in every API.

use serde_json::{Value, json};

use crate::datahub::{CREATE, CREATE_POLICY, ask, policy, urn};
use crate::support::App;

const MESSAGE: &str = "must not contain characters that change the direction of text, nor byte order marks";

/// Names that look like other names when displayed.
const NAMES: [&str; 4] = ["a\u{202e}nimda", "a\u{2066}b", "\u{200f}a", "a\u{feff}"];

#[actix_web::test]
async fn atlans_doors_refuse_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = admin.create("plain").await["id"].as_str().unwrap().to_owned();
    let persona = admin.persona("plain").await["id"].as_str().unwrap().to_owned();
    let persona = format!("/api/service/personas/{persona}");
    for name in NAMES {
        let (named, described) = (json!({"displayName": name}), json!({"displayName": "a", "description": name}));
        assert_eq!(admin.try_create(&named).await.violates("displayName"), MESSAGE);
        assert_eq!(admin.try_create(&described).await.violates("description"), MESSAGE);
        assert_eq!(admin.try_update(&key, &named).await.violates("displayName"), MESSAGE);
        assert_eq!(admin.try_update(&key, &described).await.violates("description"), MESSAGE);
        for path in ["/api/service/personas", &persona] {
            for (member, body) in [
                ("name", json!({"name": name})),
                ("displayName", json!({"name": "b", "displayName": name})),
                ("description", json!({"name": "b", "description": name})),
            ] {
                assert_eq!(admin.post(path, &body).await.violates(member), MESSAGE, "{path}");
            }
        }
        for attributes in [
            json!({"qualifiedName": "db/t", "name": name}),
            json!({"qualifiedName": format!("db/{name}"), "name": "t"}),
        ] {
            admin.save("Table", &attributes).await.refused("TESSERA-400-001");
        }
        for (member, attributes) in [
            ("name", json!({"qualifiedName": "default/x", "name": name})),
            ("description", json!({"qualifiedName": "default/x", "name": "c", "description": name})),
        ] {
            let place = format!("entities[0].attributes.{member}");
            assert_eq!(admin.save("Persona", &attributes).await.violates(&place), MESSAGE);
        }
    }
}

#[actix_web::test]
async fn datahubs_doors_refuse_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let account = "mutation($input: CreateServiceAccountInput!) { createServiceAccount(input: $input) { urn } }";
    let everybody = json!({"resourceOwners": false, "allUsers": true, "allGroups": false});
    let with = |mut input: Value, member: &str, name: &str| {
        input[member] = json!(name);
        json!({"input": input})
    };
    for name in NAMES {
        let token = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "name": "a", "duration": "ONE_DAY"});
        for (query, input, members) in [
            (account, json!({"displayName": "a"}), ["displayName", "description"]),
            (CREATE, token, ["name", "description"]),
            (CREATE_POLICY, policy(&everybody, &[]), ["name", "description"]),
        ] {
            for member in members {
                let answer = ask(&admin, query, with(input.clone(), member, name)).await;
                let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
                assert!(message.contains(MESSAGE), "{query} {member}: {answer}");
            }
        }
        let mut about = policy(&everybody, &["VIEW_ENTITY_PAGE"]);
        about["type"] = json!("METADATA");
        about["resources"] = json!({"filter": {"criteria": [
            {"field": "URN", "values": [format!("default/{name}")], "condition": "STARTS_WITH"}]}});
        let answer = ask(&admin, CREATE_POLICY, json!({"input": about})).await;
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("no values with hidden characters"), "{answer}");
        let info = json!({"active": true, "displayName": name, "fullName": name}).to_string();
        let proposal = json!({"entityUrn": urn("admin"), "aspectName": "corpUserInfo", "aspect": {"value": info}});
        let answer = admin.post("/aspects?action=ingestProposal", &json!({"proposal": proposal})).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(MESSAGE), "{}", answer.text);
        for member in ["fullName", "title"] {
            let mut form =
                json!({"fullName": "a", "email": "ada", "password": "aaaaaaaa", "title": "a", "inviteToken": "x"});
            form[member] = json!(name);
            let answer = app.anonymous().post("/signUp", &form).await;
            assert!(answer.status == 400 && answer.text.contains(MESSAGE), "{}", answer.text);
        }
    }
}

#[actix_web::test]
async fn names_and_qualified_names_hold_nothing_that_is_not_shown() {
    let app = App::start().await;
    let admin = app.admin().await;
    for each in
        ["\u{200b}", "\u{2060}", "\u{ad}", "\u{115f}", "\u{3164}", "\u{180e}", "\u{200d}", "\u{fe0f}", "\u{e0041}"]
    {
        let name = format!("ad{each}min");
        let refused = admin.try_create(&json!({"displayName": name})).await.violates("displayName");
        assert_eq!(refused, "must not contain characters that are not shown", "{name:?}");
        admin.post("/api/service/personas", &json!({"name": name})).await.violates("name");
        for attributes in [
            json!({"qualifiedName": "default/snowflake/1", "name": name}),
            json!({"qualifiedName": format!("default/snowflake/1{each}"), "name": "c"}),
            json!({"qualifiedName": format!("default/snow{each}flake/1"), "name": "c"}),
            json!({"qualifiedName": format!("日{each}本"), "name": "c"}),
        ] {
            admin.save("Connection", &attributes).await.refused("TESSERA-400-001");
        }
    }
    admin.try_create(&json!({"displayName": "naïve 👩\u{200d}🔬"})).await.ok();
}
