//! The server's URL: below a path, and called from pages of other origins (CORS).

use actix_web::http::Method;
use serde_json::json;

use crate::support::{App, Client, Options};

#[actix_web::test]
async fn what_the_server_says_of_itself_is_relative_to_what_was_asked() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["one", "two"] {
        admin.create(name).await;
    }
    let page = admin.keys(&[("limit", "1")]).await;
    assert!(page.header("link").unwrap().starts_with("<?limit=1&"), "{:?}", page.header("link"));
    let anonymous = app.anonymous();
    assert_eq!(anonymous.get("/authenticate").await.header("location"), Some("./login?redirect_uri=%2F"));
    assert_eq!(anonymous.get("/logOut").await.header("location"), Some("./login"));
    for (path, base) in [("/swagger-ui", "swagger-ui/"), ("/swagger-ui/", "./"), ("/swagger-ui/index.html", "./")] {
        let page = anonymous.get(path).await;
        assert!(page.text.contains(&format!("<base href=\"{base}\" />")), "{path}");
        assert!(!page.text.contains("=\"/"), "{path} refers to the root");
    }
    let script = anonymous.get("/swagger-ui/swagger-initializer.js").await;
    assert!(script.text.contains("\"../api-docs/openapi.json\""), "{}", script.text);
    for path in ["/api-docs/openapi.json", "/api-docs/openapi-3.0.json"] {
        let document = anonymous.get(path).await.ok();
        let server = document["servers"][0]["url"].as_str().unwrap();
        let at = oauth2::url::Url::parse(&format!("https://example.org/keys{path}")).unwrap();
        assert_eq!(at.join(server).unwrap().as_str(), "https://example.org/keys/", "{path}");
    }
}

#[actix_web::test]
async fn a_public_url_may_have_a_path() {
    let public_url = Some("https://example.org/keys".to_owned());
    let app = App::start_with(Options { public_url, ..Options::default() }).await;
    let told = app.anonymous().get("/.well-known/authzen-configuration").await.ok();
    assert_eq!(told["policy_decision_point"], "https://example.org/keys");
    assert_eq!(told["access_evaluation_endpoint"], "https://example.org/keys/access/v1/evaluation");
    let document = app.anonymous().get("/api-docs/openapi.json").await.ok();
    assert_eq!(document["servers"], json!([{"url": "https://example.org/keys"}]));
}

const KEYS: &str = "/api/service/apikeys";
const PAGE: &str = "https://app.example.org";

async fn preflight(client: &Client, origin: &str) -> crate::support::Answer {
    let client = client
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "authorization,content-type");
    client.send(Method::OPTIONS, KEYS, None).await
}

#[actix_web::test]
async fn pages_of_other_origins_are_let_in_only_if_they_are_named() {
    let app = App::start().await;
    assert_eq!(preflight(&app.anonymous(), PAGE).await.status, 405);
    assert_eq!(app.admin().await.with("origin", PAGE).get(KEYS).await.header("access-control-allow-origin"), None);

    let app = App::start_with(Options { cors_origins: vec![PAGE.to_owned()], ..Options::default() }).await;
    let asked = preflight(&app.anonymous(), PAGE).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, Some(PAGE)), "{}", asked.text);
    assert_eq!(asked.header("access-control-allow-credentials"), None);
    for other in ["https://evil.example.org", "http://app.example.org", "https://app.example.org:8443", "null"] {
        let refused = preflight(&app.anonymous(), other).await;
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None), "{other}");
        assert_eq!(refused.json["errorCode"], "TESSERA-405-001", "{other}: {}", refused.text);
        assert!(refused.header("vary").is_some_and(|vary| vary.contains("Origin")), "{:?}", refused.headers);
    }
    let page = app.admin().await.with("origin", PAGE);
    let listed = page.get(KEYS).await;
    assert_eq!((listed.status, listed.header("access-control-allow-origin")), (200, Some(PAGE)));
    // A page must be able to read errors, too.
    let refused = page.post(KEYS, &json!({})).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, Some(PAGE)));
    assert_eq!(page.send(Method::OPTIONS, KEYS, None).await.status, 405, "no preflight");

    let app = App::start_with(Options { cors_origins: vec!["*".to_owned()], ..Options::default() }).await;
    let asked = preflight(&app.anonymous(), "https://anybody.example").await;
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    assert_eq!(asked.header("access-control-allow-credentials"), None, "never with a wildcard");
}
