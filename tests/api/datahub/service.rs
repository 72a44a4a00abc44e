//! Authorisation in the service itself, below the HTTP layer: it does not depend on the API used.

use serde_json::{Value as Json, json};
use tessera::domain::access_token::{AccessTokenField, AccessTokenKind, NewAccessToken};
use tessera::domain::actor::Actor;
use tessera::domain::api_key::Validity;
use tessera::domain::child::Presentation;
use tessera::domain::error::{Error, Result};
use tessera::domain::filter::{Filter, Test, Value};
use tessera::domain::listing::{Page, Query, Sort, Start, Totals};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::service::authz::platform_access;
use tessera::service::keys::{access_tokens, service_accounts};
use tessera::service::people::{invitation_links, users};

use super::user_with;
use crate::storage::actions;
use crate::support::{App, Client};

fn new(kind: AccessTokenKind, actor: &str) -> NewAccessToken {
    NewAccessToken {
        kind,
        actor: actor.to_owned(),
        validity: Validity::parse(60).unwrap(),
        name: DisplayName::parse("x").unwrap(),
        description: Description::default(),
    }
}

fn query(filter: Filter<AccessTokenField>) -> Query<AccessTokenField> {
    Query { filter, sort: Sort::parse("").unwrap(), limit: 10, start: Start::Offset(0), totals: Totals::Exact }
}

async fn actor(app: &App, client: &Client) -> Actor {
    let username = client.whoami().await.ok()["username"].as_str().unwrap().to_owned();
    app.service.actor_without_proof(username).await.unwrap()
}

#[track_caller]
fn forbidden<T>(outcome: Result<T>) {
    let error = outcome.err();
    assert!(matches!(error, Some(Error::Forbidden(_))), "{error:?}");
}

#[actix_web::test]
async fn the_table_of_who_may_do_what_holds_for_every_set_of_privileges() {
    let app = App::start().await;
    let admin = app.admin().await;
    super::set_base_policy(&admin, "INACTIVE").await;
    app.user("bob", Role::Guest).await;
    let root = actor(&app, &admin).await;
    let account = service_accounts::create(&app.service, &root, None, Description::default()).await.unwrap();
    let program = account.principal.username().to_string();
    let (g, m, s) =
        (Permission::GeneratePersonalAccessTokens, Permission::ManageAccessTokens, Permission::ManageServiceAccounts);
    for (index, held) in [&[][..], &[g], &[m], &[s], &[g, m], &[g, s], &[m, s]].into_iter().enumerate() {
        let name = format!("user{index}");
        let actor = actor(&app, &user_with(&app, &admin, &name, held).await).await;
        let (g, m, s) = (held.contains(&g), held.contains(&m), held.contains(&s));
        let may = async |kind, whom: &str| match access_tokens::create(&app.service, &actor, new(kind, whom)).await {
            Ok(created) => Some(created.access_token.id),
            Err(Error::Forbidden(_)) => None,
            Err(error) => panic!("{error}"),
        };
        let own = may(AccessTokenKind::Personal, &name).await;
        assert_eq!(own.is_some(), g || m, "{held:?}");
        assert_eq!(may(AccessTokenKind::Personal, "bob").await.is_some(), m, "{held:?}");
        assert_eq!(may(AccessTokenKind::ServiceAccount, &program).await.is_some(), s, "{held:?}");
        let by = |name: &str| Filter::Test(AccessTokenField::Owner, Test::OneOf(vec![Value::Text(name.to_owned())]));
        let listed = async |filter| {
            access_tokens::list(&app.service, &actor, query(filter)).await.map(|page: Page<_>| page.records.len())
        };
        assert_eq!(listed(Filter::EVERYTHING).await.is_ok(), m, "{held:?}");
        assert_eq!(listed(by("bob")).await.is_ok(), m, "{held:?}");
        assert_eq!(listed(Filter::All(vec![by(&name)])).await.is_ok(), g || m, "{held:?}");
        assert_eq!(listed(Filter::Not(Box::new(by(&name)))).await.is_ok(), m, "{held:?}");
        assert_eq!(listed(Filter::Any(vec![by(&name), by("admin")])).await.is_ok(), m, "{held:?}");
        let root_token =
            access_tokens::create(&app.service, &root, new(AccessTokenKind::Personal, &name)).await.unwrap();
        let revoked = access_tokens::revoke(&app.service, &actor, root_token.access_token.id).await;
        assert_eq!(revoked.is_ok(), m, "who is represented may not revoke: {held:?}");
        if let Some(own) = own {
            access_tokens::revoke(&app.service, &actor, own).await.unwrap();
        }
        let missing = access_tokens::revoke(&app.service, &actor, "x".to_owned()).await.unwrap_err();
        assert_eq!(matches!(missing, Error::NotFound { .. }), m, "{held:?}");
        let whose = access_tokens::find_by_token(&app.service, &actor, &root_token.token.expose()).await;
        assert_eq!(matches!(whose, Err(Error::Forbidden(_))), !m, "{held:?}");
    }
}

#[actix_web::test]
async fn whoever_holds_nothing_may_nothing() {
    let app = App::start().await;
    app.admin().await;
    let nobody = actor(&app, &app.session_with("ada", Role::Member).await).await;
    let service = &app.service;
    forbidden(service_accounts::create(service, &nobody, None, Description::default()).await);
    forbidden(service_accounts::get(service, &nobody, "x".to_owned()).await);
    forbidden(service_accounts::delete(service, &nobody, "x".to_owned()).await);
    forbidden(invitation_links::get(service, &nobody, Role::Guest).await);
    forbidden(invitation_links::renew(service, &nobody, Role::Guest).await);
    forbidden(users::remove(service, &nobody, "x".to_owned()).await);
    forbidden(users::assign_role(service, &nobody, Vec::new(), None).await);
    forbidden(platform_access::get(service, &nobody, "ada".to_owned()).await);
}

#[actix_web::test]
async fn an_api_key_is_nobody_elses_shadow_here_either() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let name = format!("service-account-apikey-{}", key.id);
    super::refused(&super::create(&key, "PERSONAL", &name, "x", "ONE_HOUR").await);
    assert_eq!(super::problem(&super::create(&admin, "PERSONAL", &name, "x", "ONE_HOUR").await).0, 400);
    assert_eq!(super::problem(&super::create(&admin, "SERVICE_ACCOUNT", &name, "x", "ONE_HOUR").await).0, 400);
}

#[actix_web::test]
async fn every_write_leaves_a_trace() {
    let app = App::start().await;
    let admin = app.admin().await;
    let before = actions(&app.service).len();
    let write = async |query: &str, variables: Json| {
        app.advance(1);
        super::ask(&admin, query, variables).await
    };
    app.advance(1);
    let (_, id) = super::created(&admin, "admin", "x").await;
    write(super::REVOKE, json!({"tokenId": id})).await;
    let account = write("mutation { createServiceAccount(input: {}) { urn } }", Json::Null).await;
    let urn = &super::data(&account)["urn"];
    write("mutation($urn: String!) { deleteServiceAccount(urn: $urn) }", json!({"urn": urn})).await;
    write("mutation { createInviteToken(input: {}) { inviteToken } }", Json::Null).await;
    let mut told = actions(&app.service).split_off(before);
    // Both have the same time.
    told[4..].sort();
    assert_eq!(
        told,
        [
            "access_token.created",
            "access_token.revoked",
            "service_account.created",
            "service_account.deleted",
            "invites.link_given",
            "invites.renewed"
        ]
    );
}

#[actix_web::test]
async fn a_token_whose_request_is_revoked_meanwhile_makes_no_other() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (token, id) = super::created(&admin, "admin", "x").await;
    let actor = app.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    super::revoke(&admin, &id).await;
    let late = access_tokens::create(&app.service, &actor, new(AccessTokenKind::Personal, "admin")).await;
    assert!(matches!(late, Err(Error::Unauthenticated(_))));
}
