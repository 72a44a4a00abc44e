//! A transaction that is rolled back leaves nothing behind, in the database or in memory.

use diesel::connection::SimpleConnection as _;
use serde_json::json;
use tessera::domain::principal::Role;

use crate::datahub::{CREATE_POLICY, UPDATE_POLICY, ask, data, policy, urn};
use crate::support::App;
use crate::support::database::on_postgres;

/// Makes the commit of every transaction fail that has written a change with this action.
fn fail_commits(app: &App, action: &str) {
    let sql = if on_postgres() {
        format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION ''the commit fails''; END';
             CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW WHEN (NEW.action = '{action}') EXECUTE FUNCTION refuse()"
        )
    } else {
        format!(
            "CREATE TABLE wanting (id TEXT REFERENCES api_keys (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER refused AFTER INSERT ON changes WHEN NEW.action = '{action}'
                 BEGIN INSERT INTO wanting VALUES ('no such key'); END"
        )
    };
    app.service.database.write(move |connection| Ok(connection.batch_execute(&sql)?)).unwrap();
}

#[actix_web::test]
async fn policies_read_by_a_transaction_that_is_rolled_back_are_not_those_of_a_later_one() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let about_ada = json!({"users": [urn("ada")], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let input = policy(&about_ada, &["MANAGE_POLICIES"]);
    let made = ask(&admin, CREATE_POLICY, json!({"input": input})).await;
    let holds = async || ada.whoami().await.ok()["permissions"].as_array().unwrap().contains(&json!("MANAGE_POLICIES"));
    assert!(holds().await);
    let mut described = input.clone();
    described["description"] = json!("other words");
    fail_commits(&app, "policy.described");
    let refused = ask(&admin, UPDATE_POLICY, json!({"urn": data(&made), "input": described})).await;
    assert!(refused["errors"].is_array(), "{refused}");
    // It raises the revision of policies as far as the transaction that was rolled back.
    let delete = "mutation($urn: String!) { deletePolicy(urn: $urn) }";
    data(&ask(&admin, delete, json!({"urn": data(&made)})).await);
    assert!(!holds().await, "what ended with the policy is not allowed by what was read before");
}
