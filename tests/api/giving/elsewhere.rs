//! A deny about assets that are not concerned keeps nobody from giving: the admins of any asset can deny it to any persona.

use serde_json::{Value, json};
use tessera::domain::permission::Permission::{ManageApiKeys, ManagePersonas, ManageUserCredentials};
use tessera::domain::policy::Effect;
use tessera::domain::principal::Role;

use super::{FORBIDDEN, body, key, link, unread, username};
use crate::authority::policy;
use crate::datahub::user_with;
use crate::support::rules::{allow, criterion};
use crate::support::{Answer, App, Client, PASSWORD};

const MIAS: &str = "default/mia/1";
const ZEDS: &str = "default/zed/1";

/// The administrator, the user `zed` with a connection and a persona, and the user `mia` with a connection.
async fn world() -> (App, Client, [Client; 2], Value) {
    let app = App::start().await;
    let admin = app.admin().await;
    let zed = user_with(&app, &admin, "zed", &[ManageApiKeys, ManageUserCredentials]).await;
    app.set_role("zed", Role::Member).await;
    let mia = app.session_with("mia", Role::Member).await;
    zed.asset("Connection", ZEDS).await;
    mia.asset("Connection", MIAS).await;
    let team = admin.persona("team").await;
    admin.save("Persona", &link(&team, &["zed"])).await.ok();
    (app, admin, [zed, mia], team)
}

async fn share(by: &Client, connection: &str, viewer: &str) -> Answer {
    by.save("Connection", &json!({"qualifiedName": connection, "name": "c", "viewerUsers": [viewer]})).await
}

async fn invite(by: &Client) -> Option<String> {
    let query = json!({"query": "{ getInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Reader\"}) { inviteToken } }"});
    by.post("/api/graphql", &query).await.json["data"]["getInviteToken"]["inviteToken"].as_str().map(str::to_owned)
}

async fn sign_up(app: &App, name: &str, invite: &str) -> u16 {
    let body = json!({"fullName": "x", "email": name, "password": PASSWORD, "title": "x",
                      "inviteToken": invite});
    app.anonymous().post("/signUp", &body).await.status
}

#[actix_web::test]
async fn a_deny_about_ones_own_connection_keeps_no_other_from_sharing_inviting_or_creating_keys() {
    let (app, admin, [zed, mia], team) = world().await;
    app.user("sam", Role::Member).await;
    // Every user may read what lies in a public connection.
    let mut public = allow(&[], &["persona-asset-read"], &[criterion("URN", "EQUALS", &["default/public/1"])]);
    public.subjects.everyone = true;
    app.policy(public).await;
    let work = admin.persona("work").await;
    admin.save("Persona", &link(&work, &["zed"])).await.ok();
    zed.bulk(&[policy(&work, "allow", Some(ZEDS), &[ZEDS])]).await.ok();
    let open = invite(&zed).await.unwrap();
    mia.save("Connection", &json!({"qualifiedName": MIAS, "name": "c", "viewerUsers": ["zed"]})).await.ok();
    mia.bulk(&[unread(&team, Some(MIAS), MIAS)]).await.ok();
    share(&zed, ZEDS, "sam").await.ok();
    let made = key(&app, &zed, &body(&[], &[&work])).await;
    share(&zed, ZEDS, &username(&made)).await.ok();
    assert!(invite(&zed).await.is_some());
    assert_eq!(sign_up(&app, "newcomer", &open).await, 200);
    // A deny about what is given counts as before.
    let admins = json!({"qualifiedName": MIAS, "name": "c", "adminUsers": ["mia", "zed"]});
    admin.save("Connection", &admins).await.ok();
    share(&zed, MIAS, "sam").await.refused(FORBIDDEN);
    mia.bulk(&[policy(&work, "allow", Some(MIAS), &[&format!("{MIAS}/t")])]).await.ok();
    zed.try_create(&body(&[], &[&work])).await.refused(FORBIDDEN);
    key(&app, &zed, &body(&[], &[&work, &team])).await;
}

#[actix_web::test]
async fn an_invitation_is_void_once_its_maker_is_denied_what_every_user_may_do() {
    let (app, _, [zed, mia], team) = world().await;
    let mut public = allow(&[], &["persona-asset-read"], &[criterion("URN", "EQUALS", &[MIAS])]);
    public.subjects.everyone = true;
    app.policy(public).await;
    let open = invite(&zed).await.unwrap();
    mia.bulk(&[unread(&team, Some(MIAS), MIAS)]).await.ok();
    assert_eq!(invite(&zed).await, None);
    assert_ne!(sign_up(&app, "newcomer", &open).await, 200);
}

#[actix_web::test]
async fn an_owner_of_an_asset_whose_owners_are_denied_something_shares_other_assets() {
    let (app, admin, [zed, mia], _) = world().await;
    app.user("sam", Role::Member).await;
    let mut denied = allow(&[], &["persona-asset-read"], &[]);
    denied.subjects.owners = true;
    denied.effect = Effect::Deny;
    app.policy(denied).await;
    mia.save("Connection", &json!({"qualifiedName": MIAS, "name": "c", "ownerUsers": ["zed"]})).await.ok();
    share(&zed, ZEDS, "sam").await.ok();
    let work = admin.persona("work").await;
    zed.bulk(&[policy(&work, "allow", Some(ZEDS), &[ZEDS])]).await.ok();
}

#[actix_web::test]
async fn whoever_may_link_any_persona_is_linked_to_every_persona_that_denies_its_maker_anything() {
    let (app, admin, [_, mia], team) = world().await;
    let maker = user_with(&app, &admin, "max", &[ManageApiKeys, ManagePersonas]).await;
    admin.save("Persona", &link(&team, &["max"])).await.ok();
    mia.bulk(&[unread(&team, Some(MIAS), MIAS)]).await.ok();
    maker.try_create(&body(&["MANAGE_PERSONAS"], &[])).await.refused(FORBIDDEN);
    maker.try_create(&body(&["MANAGE_PERSONAS"], &[&team])).await.ok();
}
