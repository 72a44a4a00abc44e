//! Service accounts that are not API keys.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;

use super::{ask, create, data, is_let_in, problem, urn, user_with};
use crate::support::{App, BEGIN, Client};

async fn make(client: &Client, name: &str) -> Value {
    let query = "mutation($input: CreateServiceAccountInput!) { createServiceAccount(input: $input) {
        urn type name displayName description createdBy createdAt } }";
    ask(client, query, json!({"input": {"displayName": name, "description": "loads"}})).await
}

async fn delete(client: &Client, urn: &str) -> Value {
    ask(client, "mutation($urn: String!) { deleteServiceAccount(urn: $urn) }", json!({"urn": urn})).await
}

#[actix_web::test]
async fn a_service_account_is_a_user_name_of_its_own() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answer = make(&admin, "etl").await;
    let account = data(&answer);
    let name = account["name"].as_str().unwrap();
    assert!(name.starts_with("service_") && name.len() == "service_".len() + 36);
    assert_eq!(
        *account,
        json!({"urn": urn(name), "type": "CORP_USER", "name": name, "displayName": "etl", "description": "loads",
               "createdBy": urn("admin"), "createdAt": BEGIN})
    );
    let query = "query($urn: String!) { getServiceAccount(urn: $urn) { urn name displayName } }";
    let got = ask(&admin, query, json!({"urn": urn(name)})).await;
    assert_eq!(data(&got)["name"], name.strip_prefix("service_").unwrap());
    assert_eq!(problem(&ask(&admin, query, json!({"urn": urn("service_x")})).await).0, 404);
    let unnamed = ask(&admin, "mutation { createServiceAccount(input: {}) { name displayName } }", Value::Null).await;
    assert_eq!(data(&unnamed)["name"], data(&unnamed)["displayName"]);
}

#[actix_web::test]
async fn service_accounts_are_listed_by_pages_and_found_by_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["alpha", "beta", "alphabet"] {
        app.advance(1);
        data(&make(&admin, name).await);
    }
    let query = "query($input: ListServiceAccountsInput!) { listServiceAccounts(input: $input) { start count total serviceAccounts { displayName } } }";
    let list = async |input: Value| data(&ask(&admin, query, json!({"input": input})).await).clone();
    let names = |page: &Value| {
        page["serviceAccounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["displayName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = list(json!({})).await;
    assert_eq!(
        (names(&all), &all["count"], &all["total"]),
        (vec!["alphabet".to_owned(), "beta".into(), "alpha".into()], &json!(10), &json!(3))
    );
    assert_eq!(names(&list(json!({"start": 1, "count": 1})).await), ["beta"]);
    assert_eq!(names(&list(json!({"query": "ALPHA"})).await), ["alphabet", "alpha"]);
    assert_eq!(list(json!({"query": "alpha"})).await["total"], 2);
}

#[actix_web::test]
async fn a_deleted_service_account_and_its_tokens_are_gone_at_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answer = make(&admin, "etl").await;
    let (account, name) = (data(&answer)["urn"].as_str().unwrap(), data(&answer)["name"].as_str().unwrap());
    let created = create(&admin, "SERVICE_ACCOUNT", name, "nightly", "ONE_YEAR").await;
    let token = data(&created)["accessToken"].as_str().unwrap();
    assert!(is_let_in(&app, token).await);
    assert_eq!(*data(&delete(&admin, account).await), true);
    assert!(!is_let_in(&app, token).await);
    assert_eq!(problem(&delete(&admin, account).await), (404, format!("Service account not found: {account}")));
    assert_eq!(data(&super::list(&admin, json!({})).await)["total"], 0);
    let person = delete(&admin, &urn("admin")).await;
    assert_eq!(problem(&person), (400, format!("The specified URN is not a service account: {}", urn("admin"))));
    let key = app.key_with(&[]).await;
    let api_key = urn(&format!("service-account-apikey-{}", key.id));
    assert_eq!(problem(&delete(&admin, &api_key).await).0, 400, "an API key is deleted at its own door");
    assert_eq!(key.whoami().await.status, 200);
}

#[actix_web::test]
async fn only_managers_of_service_accounts_see_and_make_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let account = make(&admin, "etl").await;
    let account = data(&account)["urn"].as_str().unwrap();
    let programs = user_with(&app, &admin, "sam", &[Permission::ManageServiceAccounts]).await;
    data(&make(&programs, "more").await);
    let others = [Permission::ManageAccessTokens, Permission::ManageUsersAndGroups, Permission::ManagePolicies];
    let other = user_with(&app, &admin, "oscar", &others).await;
    let text =
        |verb: &str| format!("Unauthorized to {verb} service accounts. Please contact your DataHub administrator.");
    assert_eq!(problem(&make(&other, "x").await), (403, text("create")));
    let list = ask(&other, "{ listServiceAccounts(input: {}) { total } }", Value::Null).await;
    assert_eq!(problem(&list), (403, text("list")));
    for any in [account, "urn:li:corpuser:service_unknown", "urn:li:corpuser:oscar"] {
        assert_eq!(problem(&delete(&other, any).await), (403, text("delete")), "{any}");
        let query = "query($urn: String!) { getServiceAccount(urn: $urn) { urn } }";
        assert_eq!(problem(&ask(&other, query, json!({"urn": any})).await), (403, text("get")), "{any}");
    }
}

#[actix_web::test]
async fn nobody_mints_a_token_for_a_program_that_may_do_more_than_they() {
    let app = App::start().await;
    let admin = app.admin().await;
    let sam = user_with(&app, &admin, "sam", &[Permission::ManageServiceAccounts]).await;
    let answer = make(&sam, "etl").await;
    let (account, name) = (data(&answer)["urn"].clone(), data(&answer)["name"].as_str().unwrap().to_owned());
    let mint = async |client: &Client| create(client, "SERVICE_ACCOUNT", &name, "nightly", "ONE_DAY").await;
    data(&mint(&sam).await);
    let actors = json!({"users": [account], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let policy = super::policy(&actors, &["MANAGE_POLICIES"]);
    let made = ask(&admin, super::CREATE_POLICY, json!({"input": policy})).await;
    super::refused(&mint(&sam).await);
    data(&mint(&admin).await);
    ask(&admin, "mutation($urn: String!) { deletePolicy(urn: $urn) }", json!({"urn": data(&made)})).await;
    data(&mint(&sam).await);
    let assign = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
    data(&ask(&admin, assign, json!({"input": {"roleUrn": "urn:li:dataHubRole:Admin", "actors": [account]}})).await);
    super::refused(&mint(&sam).await);
    data(&mint(&admin).await);
}

#[actix_web::test]
async fn roles_and_policies_work_on_service_accounts_as_on_users() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answer = make(&admin, "etl").await;
    let (account, name) = (&data(&answer)["urn"], data(&answer)["name"].as_str().unwrap());
    let created = create(&admin, "SERVICE_ACCOUNT", name, "nightly", "ONE_DAY").await;
    let program = app.holder_of(data(&created)["accessToken"].as_str().unwrap());
    let manages = async || {
        let query = "{ me { platformPrivileges { manageServiceAccounts } } }";
        data(&ask(&program, query, Value::Null).await)["platformPrivileges"]["manageServiceAccounts"] == true
    };
    assert!(!manages().await);
    let assign = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
    data(&ask(&admin, assign, json!({"input": {"roleUrn": "urn:li:dataHubRole:Admin", "actors": [account]}})).await);
    assert!(manages().await);
    data(&ask(&admin, assign, json!({"input": {"roleUrn": null, "actors": [account]}})).await);
    assert!(!manages().await);
    let actors = json!({"users": [account], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let policy = super::policy(&actors, &["MANAGE_SERVICE_ACCOUNTS"]);
    let made = ask(&admin, super::CREATE_POLICY, json!({"input": policy})).await;
    assert!(manages().await);
    data(&ask(&admin, "mutation($urn: String!) { deletePolicy(urn: $urn) }", json!({"urn": data(&made)})).await);
    assert!(!manages().await);
}

#[actix_web::test]
async fn a_service_account_that_is_an_administrator_is_one_in_every_way() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = app.key_with(&[]).await.asset("Connection", "default/snowflake/1").await;
    let account = data(&make(&admin, "etl").await)["name"].as_str().unwrap().to_owned();
    let token = create(&admin, "SERVICE_ACCOUNT", &account, "t", "ONE_HOUR").await;
    let client = app.holder_of(data(&token)["accessToken"].as_str().unwrap());
    client.entity(&id).await.refused("ATLAS-404-00-005");
    let assign = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
    let input = json!({"roleUrn": "urn:li:dataHubRole:Admin", "actors": [urn(&account)]});
    data(&ask(&admin, assign, json!({"input": input})).await);
    client.entity(&id).await.ok();
    let attributes = json!({"qualifiedName": "default/snowflake/1", "name": "renamed"});
    client.save("Connection", &attributes).await.ok();
    assert_eq!(client.search(&json!({"match_all": {}})).await.found(), ["default/snowflake/1"]);
    client.remove("PURGE", &[&id]).await.ok();
}
