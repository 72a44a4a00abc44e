//! DataHub's policies through GraphQL.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{CREATE_POLICY, UPDATE_POLICY, ask, data, policy, problem, refused, urn, user_with};
use crate::support::{App, Client};

const LIST: &str = "query($input: ListPoliciesInput!) { listPolicies(input: $input) { start count total policies {
    urn type name description state resources { type allResources resources filter { criteria { field values { value } condition } } }
    privileges actors { users groups roles allUsers allGroups resourceOwners } editable } } }";

async fn list(client: &Client, input: Value) -> Value {
    ask(client, LIST, json!({"input": input})).await
}

async fn delete(client: &Client, urn: &Value) -> Value {
    ask(client, "mutation($urn: String!) { deletePolicy(urn: $urn) }", json!({"urn": urn})).await
}

fn about_ada() -> Value {
    json!({"users": [urn("ada")], "resourceOwners": false, "allUsers": false, "allGroups": false})
}

#[actix_web::test]
async fn the_policies_that_clients_look_for_are_there() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answer = list(&admin, json!({"start": "0", "count": "20"})).await;
    let listed = data(&answer);
    assert_eq!((&listed["start"], &listed["count"], &listed["total"]), (&json!(0), &json!(20), &json!(7)));
    let policies = listed["policies"].as_array().unwrap();
    let told: Vec<(&str, bool)> = policies
        .iter()
        .map(|policy| (policy["urn"].as_str().unwrap().rsplit(':').next().unwrap(), policy["editable"] == true))
        .collect();
    assert_eq!(
        told,
        [
            ("0", false),
            ("7", true),
            ("admin-platform-policy", false),
            ("editor-platform-policy", false),
            ("reader-platform-policy", false),
            ("view-entity-page-all", true),
            ("view-dataset-sensitive", true)
        ]
    );
    assert_eq!(policies[2]["actors"]["roles"], json!(["urn:li:dataHubRole:Admin"]));
    let active = json!({"orFilters": [{"and": [{"field": "state", "values": ["ACTIVE"], "condition": "EQUAL"},
                                              {"field": "editable", "values": ["true"], "condition": "EQUAL"}]}]});
    assert_eq!(data(&list(&admin, active).await)["total"], 3);
    assert_eq!(data(&list(&admin, json!({"query": "root"})).await)["total"], 1);
    assert_eq!(
        data(&list(&admin, json!({"start": 5, "count": 1})).await)["policies"][0]["name"],
        "All Users - View Entity Pages"
    );
    let odd = json!({"orFilters": [{"and": [{"field": "name", "values": ["x"]}]}]});
    assert_eq!(problem(&list(&admin, odd).await).0, 400);
}

#[actix_web::test]
async fn a_policy_is_created_replaced_and_deleted() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("datahub", Role::Guest).await;
    let input = json!({"type": "METADATA", "name": "Test Metadata Policy", "description": "My Metadata Policy", "state": "ACTIVE",
        "resources": {"type": "dataset", "allResources": true}, "privileges": ["EDIT_ENTITY_TAGS"],
        "actors": {"users": [urn("datahub")], "resourceOwners": false, "allUsers": false, "allGroups": false}});
    let made = ask(&admin, CREATE_POLICY, json!({"input": input})).await;
    let made = data(&made);
    assert!(made.as_str().unwrap().starts_with("urn:li:dataHubPolicy:"));
    let input = json!({"type": "METADATA", "state": "ACTIVE", "name": "Test Metadata Policy", "description": "Updated",
        "privileges": ["EDIT_ENTITY_TAGS", "EDIT_ENTITY_GLOSSARY_TERMS"],
        "resources": {"filter": {"criteria": [{"field": "TYPE", "values": ["dataset"], "condition": "EQUALS"}]}},
        "actors": {"resourceOwners": false, "allUsers": true, "allGroups": false}});
    assert_eq!(data(&ask(&admin, UPDATE_POLICY, json!({"urn": made, "input": input})).await), made);
    let found = list(&admin, json!({"query": "metadata policy"})).await;
    assert_eq!(
        data(&found)["policies"],
        json!([{
            "urn": made, "type": "METADATA", "name": "Test Metadata Policy", "description": "Updated", "state": "ACTIVE",
            "resources": {"type": null, "allResources": null, "resources": null,
                "filter": {"criteria": [{"field": "TYPE", "values": [{"value": "dataset"}], "condition": "EQUALS"}]}},
            "privileges": ["EDIT_ENTITY_TAGS", "EDIT_ENTITY_GLOSSARY_TERMS"], "editable": true,
            "actors": {"users": [], "groups": [], "roles": [], "allUsers": true, "allGroups": false, "resourceOwners": false},
        }])
    );
    assert_eq!(data(&delete(&admin, made).await), made);
    assert_eq!(problem(&delete(&admin, made).await).0, 404);
    assert_eq!(data(&list(&admin, json!({})).await)["total"], 7);
    assert_eq!(problem(&delete(&admin, &json!("7")).await).0, 400);
}

#[actix_web::test]
async fn a_policy_counts_from_the_next_request_on_at_both_doors() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let holds = async || {
        let told = ada.whoami().await.ok()["permissions"].as_array().unwrap().contains(&json!("MANAGE_ACCESS_TOKENS"));
        assert_eq!(super::list(&ada, json!({})).await["errors"].is_null(), told);
        told
    };
    for _ in 0..3 {
        assert!(!holds().await);
        let made = ask(&admin, CREATE_POLICY, json!({"input": policy(&about_ada(), &["MANAGE_ACCESS_TOKENS"])})).await;
        assert!(holds().await);
        let mut inactive = policy(&about_ada(), &["MANAGE_ACCESS_TOKENS"]);
        inactive["state"] = json!("INACTIVE");
        data(&ask(&admin, UPDATE_POLICY, json!({"urn": data(&made), "input": inactive})).await);
        assert!(!holds().await);
        data(&delete(&admin, data(&made)).await);
    }
}

#[actix_web::test]
async fn the_systems_policies_stay_and_only_managers_of_policies_write_what_they_hold() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Guest).await;
    for name in ["0", "admin-platform-policy", "editor-platform-policy", "reader-platform-policy"] {
        let urn = json!(format!("urn:li:dataHubPolicy:{name}"));
        refused(&delete(&admin, &urn).await);
        refused(&ask(&admin, UPDATE_POLICY, json!({"urn": urn, "input": policy(&about_ada(), &[])})).await);
    }
    let stranger = app.session_of("ada").await;
    refused(&list(&stranger, json!({})).await);
    refused(&ask(&stranger, CREATE_POLICY, json!({"input": policy(&about_ada(), &[])})).await);
    refused(&delete(&stranger, &json!(super::BASE_POLICY)).await);
    let pia = user_with(&app, &admin, "pia", &[Permission::ManagePolicies]).await;
    refused(&ask(&pia, CREATE_POLICY, json!({"input": policy(&about_ada(), &["MANAGE_ACCESS_TOKENS"])})).await);
    data(&ask(&pia, CREATE_POLICY, json!({"input": policy(&about_ada(), &["MANAGE_POLICIES"])})).await);
}

/// Every endpoint that shows an actor's platform permissions.
async fn holds(client: &Client, permission: &str) -> bool {
    let told = client.whoami().await.ok()["permissions"].as_array().unwrap().contains(&json!(permission));
    let explained = client.post("/api/service/explain", &json!({"action": permission})).await.ok();
    assert_eq!(explained["allowed"], told, "{explained}");
    told
}

#[actix_web::test]
async fn a_platform_policy_with_resource_owners_gives_nobody_what_it_gives_another() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let bob = app.session_with("bob", Role::Guest).await;
    let key = app.key_with(&[]).await;
    let mut about = policy(&about_ada(), &["MANAGE_ACCESS_TOKENS"]);
    about["actors"]["resourceOwners"] = json!(true);
    data(&ask(&admin, CREATE_POLICY, json!({"input": about})).await);
    let owners = json!({"resourceOwners": true, "allUsers": false, "allGroups": false});
    data(&ask(&admin, CREATE_POLICY, json!({"input": policy(&owners, &["MANAGE_POLICIES"])})).await);
    // The actor that the policy names asks first.
    assert!(holds(&ada, "MANAGE_ACCESS_TOKENS").await);
    for other in [&bob, &key.client] {
        assert!(!holds(other, "MANAGE_ACCESS_TOKENS").await);
        refused(&super::create(other, "PERSONAL", "admin", "mine", "ONE_HOUR").await);
    }
    for client in [&ada, &bob, &key.client] {
        assert!(!holds(client, "MANAGE_POLICIES").await, "the platform has no owners");
    }
    assert!(holds(&ada, "MANAGE_ACCESS_TOKENS").await);
}

fn about(urns: &[&str]) -> Value {
    let mut wanted = policy(&about_ada(), &["VIEW_ENTITY_PAGE"]);
    wanted["type"] = json!("METADATA");
    wanted["resources"] = json!({"filter": {"criteria": [{"field": "URN", "values": urns, "condition": "EQUALS"}]}});
    wanted
}

#[actix_web::test]
async fn a_policy_about_entities_takes_authority_over_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Guest).await;
    let pia = user_with(&app, &admin, "pia", &[Permission::ManagePolicies]).await;
    let (theirs, own) = ("default/snowflake/1", "default/snowflake/2");
    admin.asset("Connection", theirs).await;
    let people = json!({"qualifiedName": own, "name": "own", "adminUsers": ["pia"]});
    admin.save("Connection", &people).await.ok();
    let create = async |client: &Client, input: Value| ask(client, CREATE_POLICY, json!({"input": input})).await;
    let update = async |urn: &Value, input: Value| ask(&pia, UPDATE_POLICY, json!({"urn": urn, "input": input})).await;
    for unseen in [theirs, "default/snowflake/1/db", "default/snowflake/9", "urn:li:chart:1"] {
        assert_eq!(problem(&create(&pia, about(&[unseen])).await).0, 404, "{unseen}");
    }
    refused(&create(&pia, about(&[own, theirs])).await);
    let mut unbounded = about(&[]);
    for criteria in [
        json!([]),
        json!([{"field": "TYPE", "values": ["Connection"], "condition": "EQUALS"}]),
        json!([{"field": "URN", "values": [own], "condition": "NOT_EQUALS"}]),
        json!([{"field": "URN", "values": [own], "condition": "STARTS_WITH"}]),
    ] {
        unbounded["resources"]["filter"]["criteria"] = criteria.clone();
        let answer = create(&pia, unbounded.clone()).await;
        assert!([403, 404].contains(&problem(&answer).0), "{criteria}");
        data(&create(&admin, unbounded.clone()).await);
    }
    unbounded["resources"]["filter"]["criteria"] = json!([]);
    let mine = create(&pia, about(&[own])).await;
    let mine = data(&mine);
    assert_eq!(problem(&update(mine, about(&[theirs])).await).0, 404);
    refused(&update(mine, unbounded.clone()).await);
    data(&update(mine, about(&["default/snowflake/2/db"])).await);
    let made = create(&admin, about(&[theirs])).await;
    let made = data(&made);
    for input in [about(&[own]), policy(&about_ada(), &[])] {
        refused(&update(made, input).await);
    }
    refused(&delete(&pia, made).await);
    refused(&delete(&pia, &json!("urn:li:dataHubPolicy:view-entity-page-all")).await);
    data(&delete(&pia, mine).await);
    data(&delete(&admin, made).await);
}

#[actix_web::test]
async fn what_is_read_of_a_policy_can_be_written_back() {
    let app = App::start().await;
    let admin = app.admin().await;
    let actors = json!({"users": [urn("admin")], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let mut input = super::policy(&actors, &["VIEW_ENTITY_PAGE"]);
    input["type"] = json!("METADATA");
    let fields = [
        "URN",
        "TYPE",
        "TAG",
        "resource.URN",
        "resource.TYPE",
        "resource.subject.dep",
        "resource.resource.x",
        "subject.dep",
        "action.soft",
        "subject.",
        "a.b",
    ];
    let criteria = |fields: &[&str]| -> Vec<Value> {
        fields.iter().map(|field| json!({"field": field, "values": ["x"], "condition": "EQUALS"})).collect()
    };
    input["resources"] = json!({"type": "chart", "resources": ["urn:li:chart:x"], "allResources": false, "filter": {"criteria": criteria(&fields)}});
    let created = data(&ask(&admin, CREATE_POLICY, json!({"input": input})).await).clone();
    let list = "{ listPolicies(input: {start: 0, count: 100}) { policies { urn resources { type resources allResources filter { criteria { field values { value } condition } } } } } }";
    let read = async || {
        let listed = ask(&admin, list, Value::Null).await;
        let all = data(&listed)["policies"].as_array().unwrap().clone();
        all.into_iter().find(|policy| policy["urn"] == created).unwrap()["resources"].clone()
    };
    let first = read().await;
    let told: Vec<&str> =
        first["filter"]["criteria"].as_array().unwrap().iter().map(|each| each["field"].as_str().unwrap()).collect();
    assert_eq!(told, [&["TYPE", "URN"], &fields[..]].concat());
    for _ in 0..2 {
        let mut back = read().await;
        for criterion in back["filter"]["criteria"].as_array_mut().unwrap() {
            criterion["values"] =
                criterion["values"].as_array().unwrap().iter().map(|value| value["value"].clone()).collect();
        }
        input["resources"] = back;
        data(&ask(&admin, super::UPDATE_POLICY, json!({"urn": created, "input": input})).await);
        assert_eq!(read().await, first);
    }
}

#[actix_web::test]
async fn a_policy_that_makes_no_sense_is_told_which_member_does_not() {
    let app = App::start().await;
    let admin = app.admin().await;
    let actors = json!({"users": [urn("admin")], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let mut empty = super::policy(&actors, &["VIEW_ENTITY_PAGE"]);
    empty["type"] = json!("METADATA");
    empty["resources"] = json!({"filter": {"criteria": [{"field": "TAG", "values": ["x"], "condition": "EQUALS"}, {"field": "TAG", "values": [], "condition": "EQUALS"}]}});
    for (input, place) in [
        (super::policy(&actors, &["MANAGE_POLICIES", "\u{1}"]), "privileges[1]"),
        (super::policy(&actors, &[""]), "privileges[0]"),
        (empty, "resources.filter.criteria[1].values"),
    ] {
        let (code, message) = problem(&ask(&admin, CREATE_POLICY, json!({"input": input})).await);
        assert_eq!(code, 400);
        assert!(message.contains(place), "{message}");
    }
}
