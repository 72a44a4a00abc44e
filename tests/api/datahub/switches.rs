//! Configuration switches: authentication off, the system client, tokens without expiry.

use data_encoding::BASE64;
use serde_json::{Value, json};
use tessera::domain::access_token::{Lifetimes, NeverExpiring};
use tessera::domain::principal::Role;
use tessera::http::datahub::DoorRules;
use tessera::http::datahub::settings::{Authentication, SystemClient};

use super::{ask, create, data, is_let_in, problem, urn};
use crate::support::{App, Options};

async fn told(settings: DoorRules) -> App {
    App::start_with(Options { datahub: settings, ..Options::default() }).await
}

const ME: &str = "{ me { corpUser { username } } }";
const ENABLED: &str = "{ appConfig { authConfig { tokenAuthEnabled } } }";

#[actix_web::test]
async fn the_header_that_names_an_actor_counts_only_while_authentication_is_off() {
    let app = App::start().await;
    let admin = app.admin().await.with("x-datahub-actor", "urn:li:corpuser:ada");
    assert_eq!(data(&ask(&admin, ME, Value::Null).await)["corpUser"]["username"], "admin");
    assert_eq!(data(&ask(&admin, ENABLED, Value::Null).await)["authConfig"]["tokenAuthEnabled"], true);
    let bare = app.anonymous().with("x-datahub-actor", "urn:li:corpuser:admin");
    assert_eq!(bare.post("/api/graphql", &json!({"query": ME})).await.status, 401);

    let app = told(DoorRules { authentication: Authentication::Off, ..DoorRules::default() }).await;
    app.user("ada", Role::Member).await;
    let ada = app.anonymous().with("x-datahub-actor", "urn:li:corpuser:ada");
    assert_eq!(data(&ask(&ada, ME, Value::Null).await)["corpUser"]["username"], "ada");
    assert_eq!(data(&ask(&ada, ENABLED, Value::Null).await)["authConfig"]["tokenAuthEnabled"], false);
    super::refused(&super::list(&ada, json!({})).await);
    data(&create(&ada, "PERSONAL", "ada", "own", "ONE_DAY").await);
    assert_eq!(
        data(&super::list(&app.anonymous(), json!({})).await)["total"],
        1,
        "whoever says nothing may do everything"
    );
    for bad in ["ada", "urn:li:corpuser:", "urn:li:corpGroup:x"] {
        assert_eq!(
            app.anonymous().with("x-datahub-actor", bad).post("/api/graphql", &json!({"query": ME})).await.status,
            400
        );
    }
    let nobody = app.anonymous().with("x-datahub-actor", "urn:li:corpuser:nobody");
    let told = nobody.post("/api/graphql", &json!({"query": ME})).await;
    assert_eq!(told.status, 401);
    assert!(told.json["message"].as_str().unwrap().contains("`tessera users create nobody`"), "{}", told.text);
    let elsewhere = app.anonymous().with("origin", "http://evil.example");
    assert_eq!(
        elsewhere.post("/api/graphql", &json!({"query": ME})).await.status,
        403,
        "no web page may make use of it"
    );
    assert_eq!(ada.whoami().await.status, 401, "Atlan's door still asks for proof");
}

#[actix_web::test]
async fn while_authentication_is_off_no_page_under_a_name_of_its_own_is_let_in() {
    let page = async |app: &App, headers: &[(&str, &str)]| {
        let client = headers.iter().fold(app.anonymous(), |client, (name, value)| client.with(name, value));
        let read = client.get("/openapi/operations/identity/user/urn").await.status;
        assert_eq!(client.post("/api/graphql", &json!({"query": ME})).await.status, read, "{headers:?}");
        read
    };
    let app = told(DoorRules { authentication: Authentication::Off, ..DoorRules::default() }).await;
    for host in ["localhost:8585", "LOCALHOST", "127.0.0.1:8585", "127.1.2.3", "[::1]:8585"] {
        assert_eq!(page(&app, &[("host", host)]).await, 200, "{host}");
        assert_eq!(page(&app, &[("host", host), ("origin", &format!("http://{host}"))]).await, 200, "{host}");
    }
    for host in ["evil.example:8585", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1", "[::2]", ""] {
        assert_eq!(page(&app, &[("host", host)]).await, 403, "{host}");
        assert_eq!(page(&app, &[("host", host), ("origin", &format!("http://{host}"))]).await, 403, "{host}");
    }
    let app = told(DoorRules { authentication: Authentication::OffAnywhere, ..DoorRules::default() }).await;
    let host = ("host", "tessera:8585");
    assert_eq!(page(&app, &[host]).await, 200, "a program");
    for browser in [("origin", "http://tessera:8585"), ("sec-fetch-site", "same-origin")] {
        assert_eq!(page(&app, &[host, browser]).await, 403, "{browser:?}");
    }
}

#[actix_web::test]
async fn the_system_client_is_let_in_as_it_is_and_in_base64_and_only_if_there_is_one() {
    let secret = "0123456789abcdef0123";
    let plain = format!("Basic __datahub_system:{secret}");
    let encoded = format!("Basic {}", BASE64.encode(format!("__datahub_system:{secret}").as_bytes()));
    let system_client = SystemClient::new("__datahub_system", secret).unwrap();
    assert!(!format!("{system_client:?}").contains(secret));
    let with = told(DoorRules { system_client: Some(system_client), ..DoorRules::default() }).await;
    let without = App::start().await;
    for credential in [plain.as_str(), &encoded, &plain.replace("Basic", "basic")] {
        let system = with.anonymous().with("authorization", credential);
        assert_eq!(data(&ask(&system, ME, Value::Null).await)["corpUser"]["username"], "__datahub_system");
        data(&super::list(&system, json!({})).await);
        assert_eq!(system.whoami().await.status, 401, "at Atlan's door it is nobody");
        let nobody = without.anonymous().with("authorization", credential);
        assert_eq!(nobody.post("/api/graphql", &json!({"query": ME})).await.status, 401);
    }
    for bad in [
        "Basic",
        "Basic ",
        "Basic x",
        "Basic __datahub_system:",
        "Basic :",
        "Basic __datahub_system:0123456789abcdef0124",
        "Basic admin:correct horse battery staple",
        "Digest __datahub_system:0123456789abcdef0123",
    ] {
        let answer = with.anonymous().with("authorization", bad).post("/api/graphql", &json!({"query": ME})).await;
        assert_eq!(answer.status, 401, "{bad}");
    }
}

#[actix_web::test]
async fn tokens_that_never_expire_can_be_forbidden_and_those_there_are_keep_working() {
    let app = App::start().await;
    let answer = create(&app.admin().await, "PERSONAL", "admin", "x", "NO_EXPIRY").await;
    assert_eq!(data(&answer)["metadata"]["expiresAt"], Value::Null);
    assert!(is_let_in(&app, data(&answer)["accessToken"].as_str().unwrap()).await);

    let lifetimes = Lifetimes::new(NeverExpiring::Forbid, vec!["P45D".to_owned()]).unwrap();
    let app = told(DoorRules { lifetimes, ..DoorRules::default() }).await;
    let admin = app.admin().await;
    let (code, message) = problem(&create(&admin, "PERSONAL", "admin", "x", "NO_EXPIRY").await);
    assert_eq!(code, 400);
    assert!(
        message.starts_with(
            "Never-expiring access tokens (NO_EXPIRY) cannot be created because ACCESS_TOKEN_ALLOW_NO_EXPIRY is false."
        ),
        "{message}"
    );
    assert!(message.contains("ACCESS_TOKEN_ALLOWED_DURATIONS"));
    let (code, message) = problem(&create(&admin, "PERSONAL", "admin", "x", "ONE_DAY").await);
    assert!(code == 400 && message.ends_with("(currently: P45D)."), "{message}");
    let input = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "name": "x", "durationIso": "P45D"});
    data(&ask(&admin, super::CREATE, json!({"input": input})).await);
}

#[actix_web::test]
async fn the_user_of_datahubs_documentation_can_be_made() {
    let app = told(DoorRules { authentication: Authentication::Off, ..DoorRules::default() }).await;
    for _ in 0..2 {
        tessera::service::bootstrap::make_datahub(&app.service).await.unwrap();
    }
    let datahub = app.anonymous().with("x-datahub-actor", "urn:li:corpuser:datahub");
    // docs/api/graphql/token-management, byte for byte.
    let create = r#"{ "query":"mutation { createAccessToken(input: { type: PERSONAL, actorUrn: \"urn:li:corpuser:datahub\", duration: ONE_HOUR, name: \"my personal token\" } ) { accessToken metadata { id name description} } }", "variables":{}}"#;
    let created = datahub.post_text("/api/graphql", create).await.ok();
    assert_eq!(data(&created)["metadata"]["name"], "my personal token");
    let list = r#"{ "query":"{ listAccessTokens(input: {start: 0, count: 100, filters: [{field: \"ownerUrn\", value: \"urn:li:corpuser:datahub\"}]}) { start count total tokens {urn id actorUrn} } }", "variables":{}}"#;
    assert_eq!(data(&datahub.post_text("/api/graphql", list).await.ok())["total"], 1);
    let answer = app.anonymous().post("/logIn", &json!({"username": "datahub", "password": "datahub"})).await;
    assert_eq!(answer.status, 400, "there is no password");
}
