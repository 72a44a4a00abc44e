//! Sessions in cookies: signing in, out and up, and the CSRF check.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::{ask, browser, data, post_bare, urn};
use crate::support::{App, PASSWORD};

const ME: &str = "{ me { corpUser { username } } }";

async fn log_in(app: &App, body: &str) -> crate::support::Answer {
    app.anonymous().post_text("/logIn", body).await
}

#[actix_web::test]
async fn signing_in_gives_two_cookies_and_no_body() {
    let app = App::start().await;
    app.user("ada@example.org", Role::Member).await;
    let answer = log_in(&app, &json!({"username": " ada@example.org ", "password": PASSWORD}).to_string()).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let cookies: Vec<&str> = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("PLAY_SESSION=tss_")).unwrap();
    let actor = cookies.iter().find(|cookie| cookie.starts_with("actor=urn:li:corpuser:ada@example.org;")).unwrap();
    assert!(
        session.contains("HttpOnly") && session.contains("SameSite=Lax") && session.contains("Path=/"),
        "{session}"
    );
    assert!(!actor.contains("HttpOnly") && actor.contains("SameSite=Lax") && !actor.contains('"'), "{actor}");
}

#[actix_web::test]
async fn a_failed_sign_in_is_400_and_tells_nothing_of_who_exists() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("ada", "")] {
        let answer = log_in(&app, &json!({"username": name, "password": password}).to_string()).await;
        assert_eq!((answer.status, &answer.json["message"]), (400, &json!("Invalid Credentials")));
        assert_eq!(answer.header("set-cookie"), None);
    }
    for blank in ["{\"password\":\"x\"}", "{\"username\":\" \",\"password\":\"x\"}"] {
        assert_eq!(log_in(&app, blank).await.json["message"], "User name must not be empty.");
    }
    assert_eq!(log_in(&app, "{\"username\":\"a\"b\", \"password\":\"x\"}").await.status, 400);
}

#[actix_web::test]
async fn cookies_count_only_together_and_only_at_this_door() {
    let app = App::start().await;
    app.admin().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    assert_eq!(*data(&ask(&ada, ME, Value::Null).await), json!({"corpUser": {"username": "ada"}}));
    assert_eq!(ada.get("/openapi/operations/identity/user/urn").await.ok(), json!({"urn": urn("ada")}));
    assert_eq!(ada.whoami().await.status, 401, "at Atlan's door cookies are nothing");
    let answer = log_in(&app, &json!({"username": "ada", "password": PASSWORD}).to_string()).await;
    let session =
        answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).find(|text| text.starts_with("PLAY"));
    let session = session.unwrap().split(';').next().unwrap();
    for cookies in [
        session.to_owned(),
        format!("{session}; actor={}", urn("admin")),
        format!("{session}; actor=ada"),
        format!("actor={}", urn("ada")),
        format!("PLAY_SESSION={}; actor={}", app.key_with(&[]).await.token, urn("ada")),
    ] {
        let answer = app.anonymous().with("cookie", &cookies).get("/openapi/operations/identity/user/urn").await;
        assert_eq!(answer.status, 401, "{cookies}");
    }
}

#[actix_web::test]
async fn a_bearer_token_beats_cookies() {
    let app = App::start().await;
    let (token, _) = super::created(&app.admin().await, "admin", "x").await;
    app.user("ada", Role::Member).await;
    let both = browser(&app, "ada").await.with("authorization", &format!("Bearer {token}"));
    assert_eq!(*data(&ask(&both, ME, Value::Null).await), json!({"corpUser": {"username": "admin"}}));
    let bad = browser(&app, "ada").await.with("authorization", "Bearer nonsense");
    assert_eq!(bad.get("/openapi/operations/identity/user/urn").await.status, 401);
}

#[actix_web::test]
async fn requests_of_other_sites_do_nothing_with_cookies() {
    let app = App::start().await;
    app.admin().await;
    let admin = browser(&app, "admin").await.with("host", "tessera.example");
    let body = json!({"query": "mutation { createInviteToken(input: {}) { inviteToken } }"}).to_string();
    let json_with =
        async |name: &str, value: &str| admin.with(name, value).post_text("/api/graphql", &body).await.status;
    assert_eq!(json_with("origin", "http://tessera.example").await, 200);
    assert_eq!(json_with("sec-fetch-site", "same-origin").await, 200);
    assert_eq!(json_with("x-nothing", "").await, 200, "programs send neither");
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://tessera.example.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(json_with(name, value).await, 403, "{name}: {value}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let answer =
            admin.with("content-type", kind).send(actix_web::http::Method::POST, "/api/graphql", Some(&body)).await;
        assert_eq!(answer.status, 403, "{kind}");
        assert!(answer.json["message"].is_string());
    }
    for path in ["/api/graphql", "/entities?action=delete", "/aspects?action=ingestProposal"] {
        assert_eq!(post_bare(&admin, path, &body).await.status, 403, "{path}");
    }
    let bearer = app.session_of("admin").await.with("origin", "http://evil.example");
    assert_eq!(
        post_bare(&bearer, "/api/graphql", &body).await.status,
        200,
        "nobody is tricked into sending a bearer token"
    );
}

#[actix_web::test]
async fn signing_out_ends_the_session_and_its_cookies() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    let answer = ada.get("/logOut").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("./login")));
    let cleared: Vec<&str> = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).collect();
    assert!(cleared.len() == 2 && cleared.iter().all(|cookie| cookie.contains("Max-Age=0")), "{cleared:?}");
    assert_eq!(ada.get("/openapi/operations/identity/user/urn").await.status, 401);
    assert_eq!(app.anonymous().get("/logOut").await.status, 303);
}

/// The token of a new session of `ada`.
async fn session(app: &App) -> String {
    let answer = log_in(app, &json!({"username": "ada", "password": PASSWORD}).to_string()).await;
    let mut cookies = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    let session = cookies.find_map(|cookie| cookie.strip_prefix("PLAY_SESSION=")).unwrap();
    session.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn signing_out_and_in_again_ends_the_session_whatever_the_script_readable_cookie_says() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let again = json!({"username": "ada", "password": PASSWORD}).to_string();
    for other in ["", "; actor=urn:li:corpuser:admin", "; actor=x"] {
        let token = session(&app).await;
        let browser = app.anonymous().with("cookie", &format!("PLAY_SESSION={token}{other}"));
        assert_eq!(app.holder_of(&token).whoami().await.status, 200);
        let head = browser.send(Method::HEAD, "/logOut", None).await;
        assert_eq!((head.status, head.header("allow"), head.header("set-cookie")), (405, Some("GET"), None));
        assert_eq!(app.holder_of(&token).whoami().await.status, 200, "HEAD changes nothing");
        let out = browser.get("/logOut").await;
        assert_eq!((out.status, out.headers.get_all("set-cookie").count()), (303, 2));
        assert_eq!(app.holder_of(&token).whoami().await.status, 401, "{other}");

        let token = session(&app).await;
        let browser = app.anonymous().with("cookie", &format!("PLAY_SESSION={token}{other}"));
        assert_eq!(browser.post_text("/logIn", &again).await.status, 200);
        assert_eq!(app.holder_of(&token).whoami().await.status, 401, "{other}: the earlier session");
    }
}

#[actix_web::test]
async fn a_page_of_another_site_signs_nobody_out() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await.with("host", "tessera.example");
    let told = ada.with("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("referer", "https://evil.example/tessera.example/"),
        ("referer", "https://tessera.example.evil.example/"),
        ("referer", "https://evil.example?https://tessera.example/"),
        // A browser that sends none of these headers was told by a page to omit them.
        ("x-nothing", ""),
    ] {
        let answer = told.with(name, value).get("/logOut").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{name}: {value}");
    }
    assert_eq!(ada.get("/openapi/operations/identity/user/urn").await.status, 200, "the session goes on");
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "https://tessera.example"),
        ("referer", "https://tessera.example/settings?x=1"),
    ] {
        let session = browser(&app, "ada").await.with("host", "tessera.example").with("user-agent", "Mozilla/5.0");
        assert_eq!(session.with(name, value).get("/logOut").await.status, 303, "{name}: {value}");
        assert_eq!(session.get("/openapi/operations/identity/user/urn").await.status, 401, "{name}: {value}");
    }
}

#[actix_web::test]
async fn authenticating_leads_only_to_this_server() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    for (wanted, location) in [
        ("/settings/tokens", "./settings/tokens"),
        ("https://evil.example", "./"),
        ("//evil.example", "./"),
        ("/%5Cevil.example", "./"),
        ("", "./"),
    ] {
        let answer = ada.get(&format!("/authenticate?redirect_uri={wanted}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{wanted}");
    }
    let stranger = app.anonymous().get("/authenticate?redirect_uri=/settings").await;
    assert_eq!(stranger.header("location"), Some("./login?redirect_uri=%2Fsettings"));
    // A proxy may serve this beneath any path.
    for (path, expected) in
        [("/authenticate", "https://t.example.org/keys/"), ("/logOut/", "https://t.example.org/keys/login")]
    {
        let location = ada.get(path).await.header("location").unwrap().to_owned();
        let at = oauth2::url::Url::parse(&format!("https://t.example.org/keys{path}")).unwrap();
        assert_eq!(at.join(&location).unwrap().as_str(), expected);
    }
}
