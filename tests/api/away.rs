//! Database outages: what clients see, and that waiting requests fail together instead of one after another.

use std::future::Future;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::rt::task::spawn_blocking;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use futures_util::future::join_all;
use serde_json::json;

use crate::refusals::examples::{Example, Request};
use crate::refusals::find;
use crate::refusals::rows::{GRAPHQL, Needs, REST};
use crate::support::database::on_postgres;
use crate::support::document::document;
use crate::support::proxy::Failure;
use crate::support::{Answer, App, Client, Holder, Options, PASSWORD};

/// Operations that are answered from memory while the lease of the node lasts, or without any record.
const FROM_MEMORY: &[&str] = &[
    "evaluate_access",
    "evaluate_access about oneself",
    "list_type_definitions",
    "get_authorization_server",
    "get_decision_point",
    "get_protected_resource",
    "whoami",
    "list_roles",
    "list_groups",
    "verify_request",
    "verify_request without a requirement",
    "execute_graphql",
    "execute_frontend_graphql",
    "appConfig",
    "get_caller_urn",
    "get_datahub_config",
    "get_datahub_health",
    "get_datahub_frontend_health",
    "get_datahub_sign_in",
    "get_liveness",
    "get_log_checkpoint",
    "get_metrics",
    "get_witnessed_log_checkpoint",
    "get_openapi_document",
    "get_openapi_3_0_document",
    "get_swagger_ui",
    "get_swagger_ui_file",
];

/// Operations whose example is refused before a record is needed. [`Outage::public_answers`] has others of most of them.
const REFUSED_BEFORE: &[&str] = &[
    "revoke_leaked_token",
    "create_session",
    "delete_provider_sessions",
    "create_device_authorization",
    "create_oauth_token",
    "revoke_oauth_token",
    "create_realm_token",
    "create_admin_realm_token",
    "create_oauth_client_token",
    "take_github_alerts",
    "create_datahub_session",
    "delete_datahub_session",
    "create_datahub_user",
    // Its secret names this server, and the test's requests have no `Host`.
    "create_client_secret",
    // Without the secret of the edge.
    "create_edge_look",
    "delete_edge",
];

/// The token endpoint of Atlan's identity provider.
const REALM: &str = "/auth/realms/default/protocol/openid-connect/token";

/// Far longer than detecting the outage takes, and far shorter than the time limit of a request.
const SOON: Duration = Duration::from_secs(20);

/// An application whose database can be taken away.
struct Outage {
    app: App,
    admin: Client,
    /// A key that is not cached.
    stranger: Holder,
    /// A request of every operation, with its name and the client that sends it.
    requests: Vec<(&'static str, Client, Request)>,
}

impl Outage {
    async fn prepared() -> Self {
        let app = App::start_with(Options { proxied: true, ..Options::default() }).await;
        let admin = app.admin().await;
        admin.whoami().await.ok();
        let stranger = app.key_with(&[]).await;
        Self { app, admin, stranger, requests: Vec::new() }
    }

    /// With a request of every operation of the OpenAPI document and of the GraphQL schema.
    async fn with_every_operation() -> Self {
        let mut outage = Self::prepared().await;
        let (app, admin, document) = (&outage.app, &outage.admin, document());
        let mut requests = Vec::new();
        for row in REST.iter().chain(GRAPHQL) {
            let operation = find(&document, row.operation());
            let client = match row.needs {
                Needs::Nothing(_) => app.anonymous(),
                _ => admin.clone(),
            };
            let example = Example { app, admin, row, operation };
            let request = example.request(&client).await;
            requests.push((row.name, client, request));
        }
        outage.requests = requests;
        outage
    }

    /// Makes the database unreachable: removes the file, or stops the server.
    fn begin(&self, failure: Failure) {
        match &self.app.proxy {
            Some(proxy) => proxy.fail(failure),
            None => std::fs::rename(self.file(), self.file().with_extension("away")).unwrap(),
        }
    }

    fn end(&self) {
        match &self.app.proxy {
            Some(proxy) => proxy.fail(Failure::None),
            None => std::fs::rename(self.file().with_extension("away"), self.file()).unwrap(),
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.app.storage.url().strip_prefix("sqlite://").unwrap().into()
    }

    /// The answers to a request of every operation, and to others that need a record that is not cached.
    async fn answers(&self) -> Vec<(&'static str, Answer)> {
        let stranger = self.app.holder_of(&self.stranger.token);
        let list = json!({"query": "{ listUsers(input: {start: 0, count: 1}) { total } }"});
        let mut answers = vec![
            ("a token that is not cached", soon(stranger.whoami()).await),
            ("GraphQL with a token that is not cached", soon(stranger.post("/api/graphql", &list)).await),
            ("a gateway with a token that is not cached", soon(stranger.get("/gateway/verify")).await),
        ];
        answers.extend(self.public_answers().await);
        for (name, client, request) in &self.requests {
            answers.push((name, soon(request.send(client)).await));
        }
        answers
    }

    /// The answers to requests without a bearer token, each with what it needs to get as far as the database.
    async fn public_answers(&self) -> Vec<(&'static str, Answer)> {
        let anonymous = self.app.anonymous();
        let sign_in = json!({"username": "admin", "password": PASSWORD});
        let leaked = json!({"token": self.stranger.token});
        let form =
            anonymous.with("content-type", "application/x-www-form-urlencoded").with("host", "tessera.example.org");
        let client = format!("client_id=apikey-{}&client_secret={}", self.stranger.id, self.stranger.token);
        let post = async |path: &str, fields: &str| soon(form.send(Method::POST, path, Some(fields))).await;
        let grant = format!("grant_type=client_credentials&{client}");
        vec![
            ("signing in", soon(anonymous.post("/api/service/sessions", &sign_in)).await),
            ("signing in at DataHub", soon(anonymous.post("/logIn", &sign_in)).await),
            ("a leaked token", soon(anonymous.post("/api/service/apikeys/revoke-leaked", &leaked)).await),
            ("a token for a client", post("/oauth/token", &grant).await),
            ("a token for a client of the realm", post(REALM, &grant).await),
            ("a revocation by a client", post("/oauth/revoke", &format!("token=x&{client}")).await),
            ("a device", post("/oauth/device_authorization", "client_id=tessera-cli").await),
        ]
    }
}

async fn soon<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, answer).await.unwrap()
}

/// Waits until requests that need the database are answered again.
async fn recovered(outage: &Outage) {
    let back = async {
        while outage.admin.keys(&[]).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(back).await;
    outage.app.holder_of(&outage.stranger.token).whoami().await.ok();
    assert_eq!(outage.app.anonymous().get("/readyz").await.text, "ok\n");
    outage.admin.create("after").await;
}

async fn every_door_says_so(failure: Failure) {
    let outage = Outage::with_every_operation().await;
    outage.begin(failure);
    // Twice: while the outage is being detected, and after.
    for _ in 0..2 {
        let mut wrong = Vec::new();
        for (door, answer) in outage.answers().await {
            let says_so = answer.status == 503 && answer.header("retry-after") == Some("1");
            if !says_so && !FROM_MEMORY.contains(&door) && !REFUSED_BEFORE.contains(&door) {
                wrong.push(format!("{door}: {}", answer.status));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    let readiness = soon(outage.app.anonymous().get("/readyz")).await;
    assert_eq!((readiness.status, readiness.text.as_str()), (503, "not ready: the database does not answer\n"));
    assert_eq!(outage.app.anonymous().get("/livez").await.status, 200);
    outage.end();
    recovered(&outage).await;
}

#[actix_web::test]
async fn every_door_says_that_the_database_is_gone_and_works_when_it_is_back() {
    every_door_says_so(Failure::Gone).await;
}

#[actix_web::test]
async fn every_door_says_that_the_database_hangs_and_works_when_it_goes_on() {
    if on_postgres() {
        every_door_says_so(Failure::Hanging).await;
    }
}

#[actix_web::test]
async fn a_server_that_hangs_is_found_out_within_two_seconds() {
    if !on_postgres() {
        return;
    }
    let outage = Outage::prepared().await;
    outage.begin(Failure::Hanging);
    let began = Instant::now();
    assert_eq!(soon(outage.admin.keys(&[])).await.status, 503);
    // A little longer, because the test machine is busy.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    outage.end();
    recovered(&outage).await;
}

#[actix_web::test]
async fn a_busy_machine_is_no_outage() {
    let app = App::start().await;
    // Blocks every worker thread for a while.
    let busy: Vec<_> = (0..600).map(|_| spawn_blocking(|| std::thread::sleep(Duration::from_secs(3)))).collect();
    for _ in 0..20 {
        app.service.database.start_probing();
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.service.database.check().unwrap();
    }
    drop(busy);
}

#[actix_web::test]
async fn one_failure_answers_all_who_wait() {
    for failure in [Failure::Gone, Failure::Hanging] {
        let outage = Outage::prepared().await;
        outage.begin(failure);
        let stranger = outage.app.holder_of(&outage.stranger.token);
        let answers = soon(join_all((0..200).map(|_| stranger.whoami()))).await;
        assert!(answers.iter().all(|answer| answer.status == 503), "{:?}", answers.iter().find(|it| it.status != 503));
        outage.end();
        recovered(&outage).await;
    }
}

#[actix_web::test]
async fn a_file_that_another_process_has_locked_is_no_failure_of_the_server() {
    if on_postgres() {
        return;
    }
    let outage = Outage::prepared().await;
    let mut other = SqliteConnection::establish(outage.file().to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = soon(outage.admin.try_create(&json!({"displayName": "x"}))).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused("TESSERA-503-001");
    outage.admin.keys(&[]).await.ok();
    other.batch_execute("ROLLBACK").unwrap();
    outage.admin.create("x").await;
}

#[actix_web::test]
async fn a_file_that_vanished_is_not_replaced_by_an_empty_one() {
    if on_postgres() {
        return;
    }
    let outage = Outage::prepared().await;
    outage.begin(Failure::Gone);
    soon(outage.admin.keys(&[])).await.refused("TESSERA-503-001");
    assert!(!outage.file().exists());
    outage.end();
    recovered(&outage).await;
}
