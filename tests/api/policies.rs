//! Policies: what they permit on the platform, and when a change takes effect.

use std::collections::BTreeMap;

use serde_json::json;
use tessera::domain::child::Presentation;
use tessera::domain::edition::Expected;
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Criterion, Effect, Policy, Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::service::catalogue::policies::{self, Member, PolicyInput, PolicySearch};
use tessera::service::people::users;

use crate::support::App;

const BASE: &str = "urn:li:dataHubPolicy:7";

fn input(name: &str, actions: &[&str], subjects: Subjects) -> PolicyInput {
    PolicyInput {
        name: DisplayName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        rule: Rule {
            category: Category::Platform,
            effect: Effect::Allow,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: Vec::new(),
            subjects,
        },
        enabled: true,
        attributes: serde_json::Map::new(),
    }
}

fn named(username: &str) -> Subjects {
    Subjects { users: vec![username.to_owned()], ..Subjects::default() }
}

async fn everything(app: &App) -> Vec<Policy> {
    let search = PolicySearch { count: 100, ..PolicySearch::default() };
    policies::list(&app.service, &app.operator(), search).await.unwrap().records
}

#[actix_web::test]
async fn the_system_begins_with_the_policies_that_clients_look_for() {
    let app = App::start().await;
    let names: Vec<String> = everything(&app).await.into_iter().map(|policy| policy.qualified_name).collect();
    let expected = ["0", "7", "admin-platform-policy", "editor-platform-policy", "reader-platform-policy"];
    let expected = expected.iter().chain(&["view-entity-page-all", "view-dataset-sensitive"]);
    assert_eq!(names, expected.map(|key| format!("urn:li:dataHubPolicy:{key}")).collect::<Vec<_>>());
    policies::delete(&app.service, &app.operator(), BASE.into()).await.unwrap();
    policies::seed(&app.service, None).await.unwrap();
    assert_eq!(everything(&app).await.len(), names.len() - 1, "what was deleted stays deleted");
}

#[actix_web::test]
async fn a_policy_holds_from_the_next_request_on_and_so_does_its_end() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let permissions = async || ada.whoami().await.ok()["permissions"].clone();
    assert_eq!(permissions().await, json!(["GENERATE_PERSONAL_ACCESS_TOKENS", "VIEW_ANALYTICS"]));
    let operator = app.operator();
    let everyone = Subjects { everyone: true, ..Subjects::default() };
    let off = PolicyInput { enabled: false, ..input("base", &["GENERATE_PERSONAL_ACCESS_TOKENS"], everyone) };
    policies::update(&app.service, &operator, BASE.to_owned(), off.clone(), Expected::Any).await.unwrap();
    assert_eq!(permissions().await, json!([]));
    policies::update(&app.service, &operator, BASE.to_owned(), PolicyInput { enabled: true, ..off }, Expected::Any)
        .await
        .unwrap();
    assert_eq!(permissions().await, json!(["GENERATE_PERSONAL_ACCESS_TOKENS"]));
    let own = input("ada's", &["VIEW_AUDIT"], named("ada"));
    let own = policies::create(&app.service, &operator, own).await.unwrap();
    assert_eq!(permissions().await, json!(["VIEW_AUDIT", "GENERATE_PERSONAL_ACCESS_TOKENS"]));
    policies::delete(&app.service, &operator, own.qualified_name).await.unwrap();
    assert_eq!(permissions().await, json!(["GENERATE_PERSONAL_ACCESS_TOKENS"]));
}

#[actix_web::test]
async fn a_policy_about_everyone_is_not_about_api_keys() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    assert_eq!(key.whoami().await.ok()["permissions"], json!([]));
    let named = input("key's", &["VIEW_AUDIT"], named(&format!("service-account-apikey-{}", key.id)));
    policies::create(&app.service, &app.operator(), named).await.unwrap();
    assert_eq!(key.whoami().await.ok()["permissions"], json!(["VIEW_AUDIT"]));
}

#[actix_web::test]
async fn a_deny_takes_what_a_grant_gave() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ViewAudit]).await;
    let mut deny = input("no audit", &["VIEW_AUDIT"], named(&format!("service-account-apikey-{}", key.id)));
    deny.rule.effect = Effect::Deny;
    policies::create(&app.service, &app.operator(), deny).await.unwrap();
    assert_eq!(key.whoami().await.ok()["permissions"], json!([]));
}

#[actix_web::test]
async fn a_namesake_gets_nothing_that_a_policy_gave_a_deleted_user() {
    let app = App::start().await;
    app.session_with("ada", Role::Guest).await;
    let own = input("ada's", &["VIEW_AUDIT"], named("ada"));
    policies::create(&app.service, &app.operator(), own).await.unwrap();
    users::delete(&app.service, &app.operator(), "ada".into()).await.unwrap();
    let namesake = app.session_with("ada", Role::Guest).await;
    let permissions = namesake.whoami().await.ok()["permissions"].clone();
    assert!(!permissions.as_array().unwrap().contains(&json!("VIEW_AUDIT")), "{permissions}");
}

#[actix_web::test]
async fn nobody_permits_what_they_do_not_hold() {
    let app = App::start().await;
    app.user("ada", Role::Guest).await;
    let key = app.key_with(&[Permission::ManagePolicies]).await;
    let actor = app.service.authenticate(Presentation::bearer(&key.token, None)).await.unwrap();
    let refused = policies::create(&app.service, &actor, input("p", &["VIEW_AUDIT"], named("ada"))).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    policies::create(&app.service, &actor, input("p", &["MANAGE_POLICIES"], named("ada"))).await.unwrap();
    let without = app.key_with(&[]).await;
    let actor = app.service.authenticate(Presentation::bearer(&without.token, None)).await.unwrap();
    let refused = policies::create(&app.service, &actor, input("p", &[], named("ada"))).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused = policies::list(&app.service, &actor, PolicySearch::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused =
        policies::update(&app.service, &actor, BASE.into(), input("p", &[], named("ada")), Expected::Any).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused = policies::delete(&app.service, &actor, BASE.into()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[actix_web::test]
async fn the_systems_own_policies_cannot_be_changed_and_unknown_ones_not_found() {
    let app = App::start().await;
    let (service, operator) = (&app.service, app.operator());
    app.user("ada", Role::Guest).await;
    for key in ["0", "admin-platform-policy", "editor-platform-policy", "reader-platform-policy"] {
        let urn = format!("urn:li:dataHubPolicy:{key}");
        let refused =
            policies::update(service, &operator, urn.clone(), input("p", &[], named("ada")), Expected::Any).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{key}");
        assert!(matches!(policies::delete(service, &operator, urn).await, Err(Error::Forbidden(_))), "{key}");
    }
    let unknown = policies::delete(service, &operator, "urn:li:dataHubPolicy:x".into()).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[actix_web::test]
async fn policies_are_found_by_name_state_and_type() {
    let app = App::start().await;
    let find = async |text: &str, members: &[(Member, &str)]| {
        let members = members.iter().map(|(member, value)| (*member, vec![(*value).to_owned()]));
        let members: BTreeMap<Member, Vec<String>> = members.collect();
        let search = PolicySearch { text: text.to_owned(), members, start: 0, count: 100 };
        let page = policies::list(&app.service, &app.operator(), search).await.unwrap();
        page.counts.unwrap().filtered
    };
    assert_eq!(find("READERS", &[]).await, 1);
    assert_eq!(find("", &[(Member::Editable, "true")]).await, 3);
    assert_eq!(find("", &[(Member::Type, "METADATA")]).await, 2);
    assert_eq!(find("", &[(Member::State, "INACTIVE")]).await, 0);
    assert_eq!(find("", &[(Member::State, "ACTIVE"), (Member::Type, "PLATFORM")]).await, 5);
}

#[actix_web::test]
async fn a_key_changes_no_policy_that_names_it() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ManagePolicies]).await;
    let actor = app.service.authenticate(Presentation::bearer(&key.token, None)).await.unwrap();
    let own = named(&format!("service-account-apikey-{}", key.id));
    let mut policy = input("mine", &["EDIT_ENTITY"], own);
    policy.rule.category = Category::Entities;
    let refused = policies::create(&app.service, &actor, policy.clone()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    policy.rule.effect = Effect::Deny;
    let written = policies::create(&app.service, &app.operator(), policy).await.unwrap();
    let nobody = input("nobody's", &[], Subjects::default());
    let refused = policies::update(&app.service, &actor, written.qualified_name.clone(), nobody, Expected::Any).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused = policies::delete(&app.service, &actor, written.qualified_name).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[actix_web::test]
async fn no_policy_is_about_an_administrator_who_is_not_there() {
    let app = App::start().await;
    let root = &everything(&app).await[0];
    assert_eq!((root.qualified_name.as_str(), &root.rule.subjects), ("urn:li:dataHubPolicy:0", &Subjects::default()));
    let world = crate::support::World::new(&crate::support::Options::default());
    world.user("admin", Role::Admin).await;
    policies::seed(&world.service, Some("admin")).await.unwrap();
    let search = PolicySearch { count: 1, ..PolicySearch::default() };
    let root = policies::list(&world.service, &world.operator(), search).await.unwrap().records;
    assert_eq!(root[0].rule.subjects, named("admin"));
}

#[actix_web::test]
async fn a_policy_of_a_thousand_names_compiles_and_one_of_more_is_refused() {
    let app = App::start().await;
    let names = |count: usize| (0..count).map(|number| format!("default/{number}")).collect::<Vec<_>>();
    let mut large = input("large", &["EDIT_ENTITY"], Subjects { groups: names(300), ..Subjects::default() });
    large.rule.category = Category::Entities;
    large.rule.resources = vec![Criterion::covers(names(699))];
    let policy = policies::create(&app.service, &app.operator(), large.clone()).await.unwrap();
    policies::delete(&app.service, &app.operator(), policy.qualified_name).await.unwrap();
    large.rule.resources = vec![Criterion::covers(names(700))];
    let refused = policies::create(&app.service, &app.operator(), large).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
}
