//! Criteria on attributes do not decide about reading: every way to ask gives the same answer.

use serde_json::json;
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use crate::support::App;
use crate::support::rules::{allow, criterion, question, user};

const TABLE: &str = "default/snowflake/1/t";
const READ: &str = "persona-asset-read";

#[actix_web::test]
async fn reading_an_asset_searching_for_it_and_asking_about_it_agree_about_criteria_on_attributes() {
    let app = App::start().await;
    let admin = app.admin().await;
    let attributes = json!({"qualifiedName": TABLE, "name": "t", "certificateStatus": "VERIFIED"});
    admin.save("Table", &attributes).await.ok();
    let id = admin.search(&json!({"match_all": {}})).await.json["entities"][0]["guid"].as_str().unwrap().to_owned();
    let gateway = app.key_with(&[Permission::VerifyTokens]).await.client;
    let name = criterion("URN", "EQUALS", &[TABLE]);
    let mut number = 0;
    for (property, condition, value) in [
        ("certificateStatus", "EQUALS", "VERIFIED"),
        ("certificateStatus", "NOT_EQUALS", "VERIFIED"),
        ("certificateStatus", "EQUALS", "DRAFT"),
        ("subject.role", "NOT_EQUALS", "x"),
        ("action.soft", "NOT_EQUALS", "x"),
    ] {
        let tested = [name.clone(), criterion(property, condition, &[value])];
        for (allowed, rules) in [
            (false, vec![allow(&["u"], &[READ, "select"], &tested)]),
            (
                true,
                vec![allow(&["u"], &[READ, "select"], &tested), allow(&["u"], &[READ], std::slice::from_ref(&name))],
            ),
            (
                false,
                vec![
                    allow(&["u"], &[READ, "select"], std::slice::from_ref(&name)),
                    Rule { effect: Effect::Deny, ..allow(&["u"], &[READ, "update"], &tested) },
                ],
            ),
        ] {
            number += 1;
            let reader = format!("u{number}");
            let client = app.session_with(&reader, Role::Guest).await;
            for mut rule in rules {
                rule.subjects.users = vec![reader.clone()];
                app.policy(rule).await;
            }
            let case = format!("{property} {condition} {value} {number}");
            let resource = json!({"type": "Table", "id": TABLE});
            let asked = question(&user(&reader), &json!({"name": READ}), &resource);
            assert_eq!(client.entity(&id).await.status == 200, allowed, "{case}");
            assert_eq!(client.search(&json!({"match_all": {}})).await.found() == [TABLE], allowed, "{case}");
            for asking in [&gateway, &client] {
                assert_eq!(asking.post("/access/v1/evaluation", &asked).await.ok()["decision"], allowed, "{case}");
            }
            let explained =
                client.post("/api/service/explain", &json!({"action": READ, "resource": resource})).await.ok();
            assert_eq!(explained["allowed"], allowed, "{case}");
        }
    }
    // Of other actions such criteria do decide.
    let selects = question(&user("u1"), &json!({"name": "select"}), &json!({"type": "Table", "id": TABLE}));
    assert_eq!(gateway.post("/access/v1/evaluation", &selects).await.ok()["decision"], true);
}
