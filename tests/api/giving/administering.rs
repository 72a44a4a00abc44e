//! A service account with the role `$admin` is denied what policies deny it, and its token expires: it gives no more than
//! others in its place. Only a user with the role gives everything.

use serde_json::{Value, json};
use tessera::domain::permission::Permission::{ManagePolicies, ManageUsersAndGroups};
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use super::{CONNECTION, FORBIDDEN, SECRET, body, key, world};
use crate::authority::policy;
use crate::datahub::{ask, create, data, urn, user_with};
use crate::support::rules::{allow, criterion};
use crate::support::{App, Client};

/// A service account with the role `$admin`, with a token of this duration.
async fn program(app: &App, admin: &Client, duration: &str) -> (String, Client) {
    let query = "mutation { createServiceAccount(input: {}) { name } }";
    let made = ask(admin, query, Value::Null).await;
    let name = data(&made)["name"].as_str().unwrap().to_owned();
    let query = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
    data(&ask(admin, query, json!({"input": {"roleUrn": "urn:li:dataHubRole:Admin", "actors": [urn(&name)]}})).await);
    let token = create(admin, "SERVICE_ACCOUNT", &name, "t", duration).await;
    let client = app.holder_of(data(&token)["accessToken"].as_str().unwrap());
    (name, client)
}

#[actix_web::test]
async fn a_program_whose_token_expires_ends_no_deny() {
    let (app, admin, [friends, denied], _, secret) = world().await;
    admin.bulk(&[policy(&friends, "allow", None, &[CONNECTION])]).await.ok();
    let both = key(&app, &admin, &body(&[], &[&friends, &denied])).await;
    let (_, bound) = program(&app, &admin, "ONE_MONTH").await;
    let (_, lasting) = program(&app, &admin, "NO_EXPIRY").await;
    let id = denied["id"].as_str().unwrap();
    let off = json!({"typeName": "Persona", "guid": id, "attributes": {"isAccessControlEnabled": false}});
    bound.bulk(std::slice::from_ref(&off)).await.refused(FORBIDDEN);
    bound.remove("PURGE", &[id]).await.refused(FORBIDDEN);
    bound.try_update(&both.id, &body(&[], &[&friends])).await.refused(FORBIDDEN);
    both.entity(&secret).await.refused("ATLAS-404-00-005");
    lasting.bulk(&[off]).await.ok();
    both.entity(&secret).await.ok();
}

#[actix_web::test]
async fn a_program_that_is_denied_something_by_name_does_not_end_the_denies_of_others() {
    let (app, admin, [_, denied], _, _) = world().await;
    let (program, client) = program(&app, &admin, "NO_EXPIRY").await;
    let named = allow(&[&program], &["persona-asset-read"], &[criterion("URN", "EQUALS", &[SECRET])]);
    let deny = Rule { effect: Effect::Deny, ..named };
    app.policy(deny).await;
    let id = denied["id"].as_str().unwrap();
    let off = json!({"typeName": "Persona", "guid": id, "attributes": {"isAccessControlEnabled": false}});
    client.bulk(&[off]).await.refused(FORBIDDEN);
    client.remove("PURGE", &[id]).await.refused(FORBIDDEN);
}

#[actix_web::test]
async fn a_user_learns_of_another_only_the_policies_that_the_user_may_read() {
    let (app, admin, _, _, _) = world().await;
    app.user("bob", Role::Member).await;
    let query = |name: &str| format!("{{ debugAccess(userUrn: \"{}\") {{ policies }} }}", urn(name));
    let gus = user_with(&app, &admin, "gus", &[ManageUsersAndGroups]).await;
    let manager = user_with(&app, &admin, "pia", &[ManageUsersAndGroups, ManagePolicies]).await;
    let about = app.policy(allow(&["bob", "gus"], &["persona-asset-read"], &[])).await;
    let named = async |by: &Client, name: &str| {
        data(&ask(by, &query(name), Value::Null).await)["policies"].to_string().contains(&about.qualified_name)
    };
    assert!(!named(&gus, "bob").await);
    for (by, about) in [(&gus, "gus"), (&manager, "bob"), (&admin, "bob")] {
        assert!(named(by, about).await, "{about}");
    }
}
