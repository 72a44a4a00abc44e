//! Policies, personas and tokens give no access beyond their writer's, nor access that is denied to the writer.

use serde_json::json;
use tessera::domain::permission::Permission::{
    ManageAccessTokens, ManageApiKeys, ManagePersonas, ManagePolicies, ManageUsersAndGroups,
};
use tessera::domain::principal::Role;

use super::{CONNECTION, FORBIDDEN, SECRET, body, entities, key, link, name, platform, username, world, written};
use crate::authority::policy;
use crate::datahub::{CREATE_POLICY, ask, create, data, refused, urn, user_with};
use crate::support::App;

#[actix_web::test]
async fn a_bound_key_writes_no_policy_that_allows() {
    let (app, admin, [friends, _], friend, secret) = world().await;
    for bounds in [json!({"validitySeconds": 60}), json!({"rateLimit": {"requests": 1000, "seconds": 1}})] {
        let mut wanted = body(&["VIEW_APIKEYS", "MANAGE_POLICIES"], &[]);
        wanted.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        let bound = key(&app, &admin, &wanted).await;
        name(&admin, "adminUsers", &["admin", &username(&bound)]).await;
        bound.entity(&secret).await.ok();
        bound.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[CONNECTION])]).await.refused(FORBIDDEN);
        let shared = entities(&[&username(&friend)], &[SECRET]);
        refused(&ask(&bound, CREATE_POLICY, json!({"input": shared})).await);
        // Denying gives nothing, so a bound key may do it.
        bound.bulk(&[policy(&friends, "deny", Some(CONNECTION), &[SECRET])]).await.ok();
        friend.entity(&secret).await.refused("ATLAS-404-00-005");
    }
}

#[actix_web::test]
async fn who_is_denied_something_allows_nobody_that_nor_ends_the_deny() {
    let (app, admin, [friends, denied], friend, secret) = world().await;
    let ben = user_with(&app, &admin, "ben", &[ManagePolicies]).await;
    admin.save("Persona", &link(&denied, &["ben"])).await.ok();
    let bound = key(&app, &admin, &body(&["VIEW_APIKEYS", "MANAGE_POLICIES"], &[&denied])).await;
    name(&admin, "adminUsers", &["admin", "ben", &username(&bound)]).await;
    let deny = admin.search(&json!({"term": {"__typeName": "AuthPolicy"}})).await.json["entities"][0]["guid"].clone();
    let disabled = json!({"typeName": "AuthPolicy", "guid": deny, "attributes": {"isPolicyEnabled": false}});
    for writer in [&ben, &bound.client] {
        writer.entity(&secret).await.refused("ATLAS-404-00-005");
        for resources in [CONNECTION, SECRET, "default/snowflake/1/*"] {
            writer.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[resources])]).await.refused(FORBIDDEN);
        }
        let shared = entities(&[&username(&friend)], &[CONNECTION, SECRET]);
        refused(&ask(writer, CREATE_POLICY, json!({"input": shared})).await);
        writer.bulk(std::slice::from_ref(&disabled)).await.refused(FORBIDDEN);
        writer.remove("PURGE", &[deny.as_str().unwrap()]).await.refused(FORBIDDEN);
        friend.entity(&secret).await.refused("ATLAS-404-00-005");
        // Access that nothing denies may be given.
        writer.bulk(&[policy(&friends, "allow", Some(CONNECTION), &["default/snowflake/1/open"])]).await.ok();
    }
    let written = written(&ben, policy(&friends, "allow", Some(CONNECTION), &["default/snowflake/1/open"])).await;
    let wider = json!({"typeName": "AuthPolicy", "guid": written, "attributes": {"policyResources": [format!("entity:{CONNECTION}")]}});
    ben.bulk(&[wider]).await.refused(FORBIDDEN);
    ben.remove("PURGE", &[&written]).await.ok();
}

#[actix_web::test]
async fn a_program_allows_nothing_to_itself() {
    let (app, admin, [friends, _], _, secret) = world().await;
    let own = key(&app, &admin, &body(&["MANAGE_POLICIES", "VIEW_APIKEYS"], &[&friends])).await;
    name(&admin, "adminUsers", &["admin", &username(&own)]).await;
    own.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[CONNECTION])]).await.refused(FORBIDDEN);
    let shared = entities(&[&username(&own)], &[CONNECTION]);
    refused(&ask(&own, CREATE_POLICY, json!({"input": shared})).await);
    name(&admin, "adminUsers", &["admin"]).await;
    own.entity(&secret).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn who_is_denied_something_lets_nobody_link_personas_nor_enables_one() {
    let (app, admin, [friends, denied], friend, secret) = world().await;
    admin.bulk(&[policy(&friends, "allow", None, &[CONNECTION])]).await.ok();
    friend.entity(&secret).await.ok();
    let hal = user_with(&app, &admin, "hal", &[ManagePolicies, ManagePersonas, ManageApiKeys]).await;
    app.user("eve", Role::Guest).await;
    admin.save("Persona", &link(&denied, &["hal"])).await.ok();
    refused(&ask(&hal, CREATE_POLICY, json!({"input": platform(&["eve"], &["MANAGE_PERSONAS"])})).await);
    data(&ask(&hal, CREATE_POLICY, json!({"input": platform(&["eve"], &["MANAGE_APIKEYS"])})).await);
    let switch =
        |on: bool| json!({"typeName": "Persona", "guid": friends["id"], "attributes": {"isAccessControlEnabled": on}});
    admin.bulk(&[switch(false)]).await.ok();
    let bound = key(
        &app,
        &admin,
        &json!({"displayName": "b", "validitySeconds": 60, "workspacePermissions": ["MANAGE_PERSONAS"]}),
    )
    .await;
    let path = format!("/api/service/personas/{}", friends["id"].as_str().unwrap());
    for client in [&hal, &bound.client] {
        client.bulk(&[switch(true)]).await.refused(FORBIDDEN);
        client.post(&path, &json!({"name": "friends", "enabled": true})).await.refused(FORBIDDEN);
    }
    friend.entity(&secret).await.refused("ATLAS-404-00-005");
    app.key_with(&[ManagePersonas]).await.bulk(&[switch(true)]).await.ok();
    friend.entity(&secret).await.ok();
}

#[actix_web::test]
async fn what_a_lent_token_makes_ends_with_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(&app, &admin, "mia", &[ManageAccessTokens]).await;
    app.user("wim", Role::Guest).await;
    let lent = create(&mia, "PERSONAL", "wim", "lent", "ONE_HOUR").await;
    let lent = app.holder_of(data(&lent)["accessToken"].as_str().unwrap());
    refused(&create(&lent, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
    refused(&create(&lent, "PERSONAL", "wim", "t", "ONE_DAY").await);
    let again = create(&lent, "PERSONAL", "wim", "t", "ONE_HOUR").await;
    assert_eq!(data(&again)["metadata"]["ownerUrn"], urn("mia"), "{again}");
    let again = app.holder_of(data(&again)["accessToken"].as_str().unwrap());
    refused(&create(&again, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
    let own = app.session_of("wim").await;
    let own = create(&own, "PERSONAL", "wim", "t", "ONE_HOUR").await;
    let own = app.holder_of(data(&own)["accessToken"].as_str().unwrap());
    data(&create(&own, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
}

#[actix_web::test]
async fn who_could_not_invite_ingests_no_user() {
    let app = App::start().await;
    let admin = app.admin().await;
    let rights = ["MANAGE_USERS_AND_GROUPS", "MANAGE_ACCESS_TOKENS"];
    let bound = json!({"displayName": "b", "validitySeconds": 60, "workspacePermissions": rights});
    let bound = key(&app, &admin, &bound).await;
    let info = |name: &str| {
        json!({"proposal": {"entityType": "corpuser", "entityUrn": urn(name), "changeType": "UPSERT",
        "aspectName": "corpUserInfo", "aspect": {"value": "{\"active\": true}", "contentType": "application/json"}}})
    };
    let path = "/aspects?action=ingestProposal";
    assert_eq!(bound.post(path, &info("ghost")).await.status, 403);
    let ursula = user_with(&app, &admin, "ursula", &[ManageUsersAndGroups]).await;
    assert_eq!(ursula.post(path, &info("ghost")).await.status, 200);
}
