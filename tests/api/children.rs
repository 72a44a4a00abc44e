//! Children: tokens of minutes that carry no more than their parent, and end with it.

mod attacks;
mod audiences;
mod client_secrets;
mod clients;
mod delegates;
mod meanwhile;
mod refusals;
mod tools;
mod warrants;

use std::collections::BTreeSet;

use actix_web::http::Method;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tessera::domain::actor::Actor;
use tessera::domain::child::{Audience, Presentation};
use tessera::domain::permission::Permission;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::domain::token::TokenKind;
use tessera::service::authz::inquiry::Inquiry;
use tessera::service::people::users;
use tessera::storage::{credentials, principals};

use crate::containment_holds::dice::Dice;
use crate::storage::actions;
use crate::support::rules::{allow, criterion};
use crate::support::{Answer, App, Client, Holder};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The audience that every key of these tests has registered.
const TOOLS: &str = "https://tools.example.org/mcp";
/// An audience that the fixture's key has not registered.
const ELSEWHERE: &str = "https://other.example.org";
const CONNECTION: &str = "default/sales/1";
const SALARIES: &str = "entity:default/sales/1/salaries";

async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let client = client.with("content-type", "application/x-www-form-urlencoded").with("host", "tessera.example.org");
    client.send(Method::POST, path, Some(&form)).await
}

fn as_client(app: &App, key: &Holder) -> Client {
    let credentials = BASE64.encode(format!("apikey-{}:{}", key.id, key.token).as_bytes());
    app.anonymous().with("authorization", &format!("Basic {credentials}"))
}

/// A child by the client credentials grant.
async fn child(app: &App, key: &Holder, more: &[(&str, &str)]) -> String {
    let form: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(more.iter().copied()).collect();
    let answer = post(&as_client(app, key), "/oauth/token", &form).await.ok();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Exchanges a token.
async fn exchange(app: &App, token: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    let form: Vec<_> = form.into_iter().chain(more.iter().copied()).collect();
    post(&app.anonymous(), "/oauth/token", &form).await
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!((answer.status, answer.json["error"].as_str()), (400, Some(error)), "{}", answer.text);
}

fn access_token(answer: Answer) -> String {
    answer.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn actor(app: &App, token: &str) -> Actor {
    let presented = Presentation { token, address: None, audience: Audience::Any, proof_key: None };
    app.service.authenticate(presented).await.unwrap()
}

async fn last_change(reader: &Client) -> Value {
    let changes = reader.get("/api/service/audit?sort=-changedAt&limit=1").await.ok();
    changes["records"][0].clone()
}

async fn works(app: &App, token: &str) -> bool {
    app.holder_of(token).whoami().await.status == 200
}

/// A key that may verify tokens and see users, is linked to two personas, and is an admin of a connection. The persona
/// `open` allows reading all of sales, the persona `shut` denies the salaries.
struct Fixture {
    app: App,
    admin: Client,
    key: Holder,
    personas: [String; 2],
}

async fn fixture() -> Fixture {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[Permission::VerifyTokens, Permission::ViewUsers]).await;
    let mut personas = Vec::new();
    admin.asset("Connection", CONNECTION).await;
    for (name, effect, pattern) in
        [("open", "allow", format!("entity:{CONNECTION}")), ("shut", "deny", SALARIES.into())]
    {
        let persona = admin.persona(name).await;
        let policy = json!({"typeName": "AuthPolicy", "attributes": {
            "qualifiedName": name, "name": name, "displayName": "", "connectionQualifiedName": CONNECTION,
            "policyType": effect, "policyServiceName": "atlas", "policyCategory": "persona",
            "policySubCategory": "metadata", "policyActions": ["persona-asset-read"], "policyResourceCategory": "CUSTOM",
            "policyResources": [pattern],
            "accessControl": {"typeName": "Persona", "attributes": {}, "guid": persona["id"]}}});
        admin.bulk(&[policy]).await.ok();
        personas.push(persona["qualifiedName"].as_str().unwrap().to_owned());
    }
    let links = json!({"displayName": "actor", "personaQualifiedNames": personas});
    admin.try_update(&key.id, &links).await.ok();
    let username = format!("service-account-apikey-{}", key.id);
    let tool = [criterion("TYPE", "EQUALS", &["tool"]), criterion("URN", "EQUALS", &["search", "fetch"])];
    app.policy(allow(&[&username], &["tools/call"], &tool)).await;
    let settings = json!({"audiences": [TOOLS], "jwks": {"keys": []}, "trust": []});
    admin.send(Method::PUT, &format!("/api/service/apikeys/{}/oauth", key.id), Some(&settings.to_string())).await.ok();
    Fixture { app, admin, key, personas: personas.try_into().unwrap() }
}

/// Everything that the fixture's actors may do.
async fn power(app: &App, actor: &Actor) -> BTreeSet<String> {
    let mut power: BTreeSet<String> = actor.permissions().iter().map(|it| it.name().to_owned()).collect();
    for (action, name, kind) in [
        ("persona-asset-read", "default/sales/1/orders", "Table"),
        ("persona-asset-read", "default/sales/1/salaries", "Table"),
        ("persona-asset-update", "default/sales/1/orders", "Table"),
        ("tools/call", "search", "tool"),
        ("tools/call", "fetch", "tool"),
        ("tools/call", "delete", "tool"),
    ] {
        if app.service.decide(actor.standing(), &Inquiry::new(action, name, kind)).await.unwrap().is_allowed() {
            power.insert(format!("{action} {name}"));
        }
    }
    power
}

#[actix_web::test]
async fn a_child_carries_what_its_scope_names_and_every_deny() {
    let Fixture { app, key, personas: [open, shut], .. } = fixture().await;
    let whole = power(&app, &actor(&app, &key.token).await).await;
    assert!(whole.contains("persona-asset-read default/sales/1/orders") && whole.contains("tools/call search"));
    assert!(!whole.contains("persona-asset-read default/sales/1/salaries"), "{whole:?}");
    let of = |scope: String| {
        let (app, key) = (&app, &key);
        async move { power(app, &actor(app, &child(app, key, &[("scope", &scope)]).await).await).await }
    };
    assert_eq!(power(&app, &actor(&app, &child(&app, &key, &[]).await).await).await, whole);
    assert_eq!(of("VERIFY_TOKENS".into()).await, BTreeSet::from(["VERIFY_TOKENS".to_owned()]));
    assert_eq!(of("search".into()).await, BTreeSet::from(["tools/call search".to_owned()]));
    let read = BTreeSet::from(["persona-asset-read default/sales/1/orders".to_owned()]);
    assert_eq!(of(format!("persona:{open}")).await, read, "the other persona still denies");
    assert_eq!(of(format!("persona:{shut}")).await, BTreeSet::new());
}

#[actix_web::test]
async fn no_sequence_of_exchanges_gains_anything() {
    let Fixture { app, key, personas: [open, shut], .. } = fixture().await;
    let other = app.key_with(&[]).await;
    // A helper that has more audiences than the key.
    let settings = json!({"audiences": [TOOLS, ELSEWHERE], "jwks": {"keys": []}, "trust": []}).to_string();
    app.session_of("admin")
        .await
        .send(Method::PUT, &format!("/api/service/apikeys/{}/oauth", other.id), Some(&settings))
        .await
        .ok();
    let (open, shut) = (format!("persona:{open}"), format!("persona:{shut}"));
    let names = ["VERIFY_TOKENS", "VIEW_USERS", "MANAGE_APIKEYS", &open, &shut, "search", "fetch", "delete", "openid"];
    let mut dice = Dice(8585);
    let mut next = |sides| dice.throw(sides);
    let mut tokens = vec![key.token.clone()];
    let mut made = 0;
    for round in 0..150 {
        let origin = tokens[next(tokens.len())].clone();
        let scope: Vec<&str> = (0..next(4)).map(|_| names[next(names.len())]).collect();
        let lifetime = ["60", "600", "3600", "3601", "59"][next(5)];
        let audience = [None, None, Some(TOOLS), Some(ELSEWHERE)][next(4)];
        let form = ["jwt", "opaque"][next(2)];
        let acts = next(4) == 0;
        let scope = scope.join(" ");
        let mut more = vec![("scope", scope.as_str()), ("lifetime", lifetime), ("token_format", form)];
        more.extend(audience.map(|audience| ("resource", audience)));
        if acts {
            more.extend([("actor_token", other.token.as_str()), ("actor_token_type", ACCESS_TOKEN)]);
        }
        let before = actor(&app, &origin).await;
        let answer = exchange(&app, &origin, &more).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 400, "round {round}: {}", answer.text);
            continue;
        }
        made += 1;
        let token = access_token(answer);
        let after = actor(&app, &token).await;
        let (less, more) = (power(&app, &after).await, power(&app, &before).await);
        assert!(less.is_subset(&more), "round {round}: {less:?} is not within {more:?}");
        let ends = after.expires_at().unwrap();
        assert!(before.expires_at().is_none_or(|before| ends <= before), "round {round}");
        assert!(ends <= app.now() + 3_600_000, "round {round}");
        let child = after.child.clone().unwrap();
        if let Some(parent) = before.child.filter(|parent| !parent.is_for_its_issuer()) {
            assert_eq!(child.audience, parent.audience, "round {round}");
        }
        assert!([TOOLS, child.issuer.as_str()].contains(&child.audience.as_str()), "round {round}: {}", child.audience);
        assert!(child.actors.len() <= 3 && child.ancestors.len() <= 8, "round {round}");
        tokens.push(token);
    }
    assert!(made > 20, "{made} exchanges succeeded");
    app.admin().await.delete_key(&key.id).await.ok();
    for token in tokens {
        assert!(!works(&app, &token).await, "everything ends with the key");
    }
}

/// Ways to take something from the fixture's key, and the scope of the children that end with it.
#[actix_web::test]
async fn a_child_ends_with_its_parent_on_the_next_request() {
    type Ending = fn(&Fixture) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;
    let endings: [(&str, bool, Ending); 5] = [
        ("deleted", true, |it| Box::pin(async { drop(it.admin.delete_key(&it.key.id).await.ok()) })),
        ("permission taken", false, |it| {
            Box::pin(async {
                let without = json!({"displayName": "actor", "workspacePermissions": ["VIEW_USERS"],
                    "personaQualifiedNames": it.personas});
                it.admin.try_update(&it.key.id, &without).await.ok();
            })
        }),
        ("persona taken", false, |it| {
            Box::pin(async {
                let without = json!({"displayName": "actor", "personaQualifiedNames": []});
                it.admin.try_update(&it.key.id, &without).await.ok();
            })
        }),
        ("time", true, |it| Box::pin(async { it.app.advance(601_000) })),
        ("revoked", true, |_| Box::pin(async {})),
    ];
    for (how, ends_whole, end) in endings {
        let fixture = fixture().await;
        let (app, key) = (&fixture.app, &fixture.key);
        let scope = format!("VERIFY_TOKENS persona:{}", fixture.personas[0]);
        for form in ["jwt", "opaque"] {
            let whole = child(app, key, &[("token_format", form)]).await;
            let narrow = child(app, key, &[("token_format", form), ("scope", &scope)]).await;
            let grandchild = access_token(exchange(app, &narrow, &[]).await);
            for token in [&whole, &narrow, &grandchild] {
                assert!(works(app, token).await, "{how}");
            }
            if how == "revoked" {
                for token in [&whole, &narrow] {
                    post(&as_client(app, key), "/oauth/revoke", &[("token", token)]).await.ok();
                }
            } else if form == "opaque" {
                end(&fixture).await;
            } else {
                continue;
            }
            assert_eq!(works(app, &whole).await, !ends_whole, "{how}, whole, {form}");
            assert!(!works(app, &narrow).await && !works(app, &grandchild).await, "{how}, {form}");
        }
    }
}

#[actix_web::test]
async fn a_child_for_another_audience_is_no_token_of_this_server() {
    let Fixture { app, key, .. } = fixture().await;
    let token = child(&app, &key, &[("resource", TOOLS), ("scope", "search")]).await;
    app.holder_of(&token).whoami().await.refused("TESSERA-401-008");
    app.holder_of(&token).get("/gateway/verify").await.refused("TESSERA-401-008");
    let verify = format!("/gateway/verify?audience={TOOLS}");
    assert_eq!(app.holder_of(&token).get(&verify).await.status, 200);
    let told = post(&key, "/oauth/introspect", &[("token", &token)]).await.ok();
    assert_eq!((&told["aud"], &told["scope"]), (&json!([TOOLS]), &json!("search")));
    let own = child(&app, &key, &[]).await;
    let bound = app.anonymous().with("authorization", &format!("DPoP {own}"));
    bound.whoami().await.refused("TESSERA-401-009");
    app.holder_of(&own).get(&verify).await.refused("TESSERA-401-008");
    refused(&exchange(&app, &token, &[("resource", "https://tessera.example.org")]).await, "invalid_target");
    // Without a scope, it has the tools that policies spell out.
    let whole = child(&app, &key, &[("resource", TOOLS)]).await;
    let told = post(&key, "/oauth/introspect", &[("token", &whole)]).await.ok();
    assert_eq!(told["scope"], "VERIFY_TOKENS VIEW_USERS fetch search");
}

#[actix_web::test]
async fn a_restricted_child_gives_nothing_that_it_does_not_carry_and_ends_nothing_of_its_parent() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ManageApiKeys, Permission::ViewAudit]).await;
    let other = app.key_with(&[]).await;
    let client = app.holder_of(&child(&app, &key, &[("scope", "MANAGE_APIKEYS")]).await);
    client.try_update(&other.id, &json!({"displayName": "renamed"})).await.ok();
    let body = json!({"displayName": "audits", "workspacePermissions": ["VIEW_AUDIT"]});
    client.try_update(&other.id, &body).await.refused("TESSERA-403-001");
    client.delete_key(&key.id).await.refused("TESSERA-403-001");
    assert!(works(&app, &key.token).await);
}

#[actix_web::test]
async fn who_acts_for_whom_is_told() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let agent = app.key_with(&[Permission::ViewAudit]).await;
    let acting = [("actor_token", agent.token.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let token = access_token(exchange(&app, &key.token, &acting).await);
    let other = app.key_with(&[]).await;
    app.advance(1_000);
    app.holder_of(&token).try_update(&other.id, &json!({"displayName": "renamed by an agent"})).await.ok();
    let changed = last_change(&agent).await;
    let agent_name = format!("service-account-apikey-{}", agent.id);
    assert_eq!((&changed["action"], &changed["actedBy"]), (&json!("apikey.updated"), &json!(agent_name)), "{changed}");
    // The agent can end what it acts with; and its own end is the end of that.
    let another = access_token(exchange(&app, &key.token, &acting).await);
    post(&as_client(&app, &agent), "/oauth/revoke", &[("token", &token)]).await.ok();
    assert!(!works(&app, &token).await && works(&app, &another).await);
    app.admin().await.delete_key(&agent.id).await.ok();
    assert!(!works(&app, &another).await);
}

#[actix_web::test]
async fn only_a_permission_of_its_own_lets_somebody_act_as_a_user_who_reaches_no_more() {
    let app = App::start().await;
    app.user("guest", Role::Guest).await;
    app.user("chief", Role::Admin).await;
    // What the default policies permit every user on the platform, the key must be permitted, too.
    let of_everyone = [Permission::GeneratePersonalAccessTokens, Permission::ViewAnalytics];
    let key = app.key_with(&[&[Permission::ImpersonateUsers, Permission::ViewAudit], &of_everyone[..]].concat()).await;
    let plain = app.key_with(&[Permission::ManageApiKeys]).await;
    let as_user = |key: &Holder, user: &'static str| {
        let (client, token) = (as_client(&app, key), key.token.clone());
        async move {
            let form = [("grant_type", EXCHANGE), ("subject_token", token.as_str()), ("requested_subject", user)];
            post(&client, "/oauth/token", &form).await
        }
    };
    refused(&as_user(&plain, "guest").await, "unauthorized_client");
    refused(&as_user(&key, "chief").await, "unauthorized_client");
    refused(&as_user(&key, "nobody").await, "unauthorized_client");
    // The first child draws the signing key.
    child(&app, &key, &[]).await;
    app.advance(1_000);
    let token = access_token(as_user(&key, "guest").await);
    let known = app.holder_of(&token).whoami().await.ok();
    assert_eq!(known["username"], "guest");
    let (change, key_name) = (last_change(&key).await, format!("service-account-apikey-{}", key.id));
    assert_eq!((&change["action"], &change["subject"]), (&json!("user.impersonated"), &json!("guest")), "{change}");
    assert_eq!(change["actor"], key_name.as_str());
    app.session_of("chief").await.delete_key(&key.id).await.ok();
    assert!(!works(&app, &token).await, "it ends with the key that acts");
}

#[actix_web::test]
async fn a_refused_impersonation_leaves_no_session_and_does_not_tell_who_exists() {
    let app = App::start().await;
    app.user("guest", Role::Guest).await;
    app.user("chief", Role::Admin).await;
    app.user("gone", Role::Guest).await;
    users::set_state(&app.service, &app.operator(), "gone".to_owned(), PrincipalState::Disabled).await.unwrap();
    let of_everyone = [Permission::GeneratePersonalAccessTokens, Permission::ViewAnalytics];
    let key = app.key_with(&[&[Permission::ImpersonateUsers], &of_everyone[..]].concat()).await;
    let as_user = async |user: &str, more: &[(&str, &str)]| {
        let form = [("grant_type", EXCHANGE), ("subject_token", key.token.as_str()), ("requested_subject", user)];
        post(&as_client(&app, &key), "/oauth/token", &[&form[..], more].concat()).await
    };
    for (more, error) in [
        (("scope", "MANAGE_APIKEYS"), "invalid_scope"),
        (("resource", "https://other.example.org"), "invalid_target"),
        (("lifetime", "59"), "invalid_request"),
    ] {
        refused(&as_user("guest", &[more]).await, error);
    }
    let told = async |user: &str| {
        let answer = as_user(user, &[]).await;
        refused(&answer, "unauthorized_client");
        answer.json["error_description"].as_str().unwrap().replace(user, "USER")
    };
    let of_nobody = told("nobody").await;
    for user in ["chief", "gone"] {
        assert_eq!(told(user).await, of_nobody);
    }
    assert!(!actions(&app.service).iter().any(|action| action == "user.impersonated"));
    let now = app.now();
    let sessions = || {
        let count = move |connection: &mut _| {
            let guest = principals::find_by_username(connection, "guest")?.unwrap();
            credentials::count_alive(connection, guest.id, TokenKind::Session, now)
        };
        app.service.database.read(count).unwrap()
    };
    assert_eq!(sessions(), 0);
    access_token(as_user("guest", &[]).await);
    assert_eq!(sessions(), 1);
    assert!(actions(&app.service).iter().any(|action| action == "user.impersonated"));
}
