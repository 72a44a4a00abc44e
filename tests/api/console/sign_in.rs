//! Signing in and out, the redirects after it, and confirming the password before dangerous actions.

use tessera::clock::MINUTE;
use tessera::domain::principal::Role;

use super::{administered, cookies, csrf, enter, field, led, post, with};
use crate::support::{App, Options, PASSWORD};

#[actix_web::test]
async fn a_stranger_is_led_to_the_sign_in_and_back() {
    let app = App::start().await;
    app.user("ada", Role::Admin).await;
    for (path, to) in [
        ("/", "./login"),
        ("/keys?status=active", "./login?next=keys%3Fstatus%3Dactive"),
        ("/settings/tokens", "../login?next=settings%2Ftokens"),
        ("/keys/", "../login?next=keys"),
    ] {
        let answer = app.anonymous().get(path).await;
        assert_eq!(led(&answer), to, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let page = app.anonymous().get("/login?next=keys%3Fstatus%3Dactive").await;
    assert_eq!(field(&page, "next"), "keys?status=active");
    let fields = [("username", "ada"), ("password", PASSWORD), ("next", "keys?status=active")];
    assert_eq!(led(&post(&app.anonymous(), "/login", &fields).await), "./keys?status=active");
}

/// A 307 or 308 would make the browser send the password to where it is led.
#[actix_web::test]
async fn a_redirect_does_not_repeat_the_form_with_a_password() {
    let (app, browser) = administered().await;
    let fields = [("username", "admin"), ("password", PASSWORD), ("next", "keys")];
    assert_eq!(post(&app.anonymous(), "/login", &fields).await.status, 303);
    let wrong = [("username", "admin"), ("password", "wrong"), ("next", "keys")];
    let refused = post(&app.anonymous(), "/login", &wrong).await;
    assert_eq!((refused.status, refused.header("location")), (400, None));
    assert_eq!(browser.post("/logout", &[]).await.status, 303);
}

#[actix_web::test]
async fn signing_in_leads_to_no_other_site() {
    let (app, browser) = administered().await;
    for next in
        ["//example.com", "https://example.com", "/\\example.com", "javascript:alert(1)", "logout", "api/graphql"]
    {
        let fields = [("username", "admin"), ("password", PASSWORD), ("next", next)];
        assert_eq!(led(&post(&app.anonymous(), "/login", &fields).await), "./", "{next}");
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        assert_eq!(led(&browser.get(&format!("/login?{query}")).await), "./", "{next}");
    }
}

#[actix_web::test]
async fn the_session_is_the_one_of_datahubs_door() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let answer = post(&app.anonymous(), "/login", &[("username", "ada"), ("password", PASSWORD)]).await;
    let session = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).next().unwrap().to_owned();
    assert!(session.starts_with("PLAY_SESSION=tss_"), "{session}");
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax"), "{session}");
    let client = app.anonymous().with("cookie", &cookies(&answer));
    assert_eq!(client.get("/openapi/operations/identity/user/urn").await.status, 200);
}

#[actix_web::test]
async fn only_a_session_opens_the_console() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let with_key = app.anonymous().with("cookie", &format!("PLAY_SESSION={}", key.token));
    assert_eq!(led(&with_key.get("/keys").await), "./login?because=ended&next=keys");
    let bearer = app.holder_of(&key.token).get("/keys").await;
    assert_eq!(led(&bearer), "./login?next=keys");
}

#[actix_web::test]
async fn a_wrong_password_is_told_on_the_page_and_tells_nothing_of_who_exists() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let mut told = Vec::new();
    for (name, password) in [("ada", "wrong"), ("nobody", "wrong")] {
        let answer = post(&app.anonymous(), "/login", &[("username", name), ("password", password)]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (400, None));
        assert!(answer.text.contains("The user name or the password is wrong."), "{}", answer.text);
        assert!(!answer.text.contains("value=\"wrong\""), "a password is not sent back");
        told.push(answer.text.replace(name, ""));
    }
    assert_eq!(told[0], told[1]);
}

#[actix_web::test]
async fn guessing_is_slowed_down_as_at_every_door() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    for attempt in 0..200 {
        let answer = post(&app.anonymous(), "/login", &[("username", "ada"), ("password", "wrong")]).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some() && attempt > 2);
            assert!(answer.text.contains("Too many failed sign-ins"), "{}", answer.text);
            return;
        }
    }
    panic!("200 passwords were tried");
}

#[actix_web::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://example.com")]
    {
        let answer = post(&app.anonymous().with("host", "here.example").with(name, value), "/login", &fields).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{name}: {value}");
    }
}

#[actix_web::test]
async fn signing_out_ends_the_session_and_takes_the_form_of_that_session() {
    let (app, browser) = administered().await;
    let other = enter(&app, "admin").await;
    assert_eq!(post(&browser.client, "/logout", &[("csrf", &other.csrf)]).await.status, 403);
    assert_eq!(browser.get("/keys").await.status, 200);
    let out = browser.post("/logout", &[]).await;
    assert_eq!(led(&out), "./login?because=out");
    assert!(out.headers.get_all("set-cookie").all(|cookie| cookie.to_str().unwrap().contains("Max-Age=0")));
    assert_eq!(led(&browser.get("/keys").await), "./login?because=ended&next=keys");
    assert_eq!(other.get("/keys").await.status, 200);
}

#[actix_web::test]
async fn what_is_dangerous_asks_for_the_password_again_after_a_while() {
    let (app, browser) = administered().await;
    app.advance(16 * MINUTE);
    let form = [("name", "etl"), ("persona", ""), ("lifetime", "30")];
    let asked = browser.post("/keys/new", &form).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text.contains("Confirm that it is you") && !asked.text.contains("tsk_"), "{}", asked.text);
    assert_eq!((field(&asked, "name").as_str(), field(&asked, "lifetime").as_str()), ("etl", "30"));
    let wrong = browser.post("/keys/new", &[&form[..], &[("confirm_password", "wrong")]].concat()).await;
    assert!(wrong.status == 400 && wrong.text.contains("password is wrong") && !wrong.text.contains("tsk_"));
    let made = browser.post("/keys/new", &[&form[..], &[("confirm_password", PASSWORD)]].concat()).await;
    assert!(made.status == 200 && made.text.contains("tsk_"), "{}", made.text);
    // A new session has replaced the old one.
    assert_eq!(led(&browser.get("/keys").await), "./login?because=ended&next=keys");
    let fresh = with(&app, &cookies(&made)).await;
    assert!(fresh.post("/keys/new", &form).await.text.contains("tsk_"));
    assert_ne!(csrf(&fresh.get("/keys").await), browser.csrf);
}

#[actix_web::test]
async fn approving_a_program_asks_for_the_password_again_after_a_while() {
    let (app, browser) = administered().await;
    let program = app.anonymous().with("host", "tessera.example.org");
    app.advance(11 * MINUTE);
    let asked = post(&program, "/oauth/device_authorization", &[("client_id", "tessera-cli")]).await.ok();
    app.advance(5 * MINUTE);
    let approve = [("user_code", asked["user_code"].as_str().unwrap()), ("verdict", "approve")];
    let page = browser.post("/device", &approve).await;
    assert!(page.text.contains("Confirm that it is you"), "{}", page.text);
    let approved = browser.post("/device", &[&approve[..], &[("confirm_password", PASSWORD)]].concat()).await;
    assert!(approved.text.contains("Signed in"), "{}", approved.text);
}

#[actix_web::test]
async fn the_cookies_are_those_of_the_public_url() {
    let options = Options { public_url: Some("https://tessera.example.org/keys".into()), ..Options::default() };
    let app = App::start_with(options).await;
    app.user("admin", Role::Admin).await;
    for (host, path, secure) in [("tessera.example.org", "Path=/keys", true), ("127.0.0.1:8585", "Path=/", false)] {
        let client = app.anonymous().with("host", host);
        let answer = post(&client, "/login", &[("username", "admin"), ("password", PASSWORD)]).await;
        for cookie in answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()) {
            assert!(cookie.split("; ").any(|part| part == path), "{host}: {cookie}");
            assert_eq!(cookie.contains("Secure"), secure, "{host}: {cookie}");
        }
    }
}

/// A sibling domain can add a cookie, and browsers send it first if its path is longer.
#[actix_web::test]
async fn two_session_cookies_are_refused() {
    let (app, _browser) = administered().await;
    let begin = || async {
        let answer = post(&app.anonymous(), "/login", &[("username", "admin"), ("password", PASSWORD)]).await;
        cookies(&answer).split("; ").find(|cookie| cookie.starts_with("PLAY_SESSION=")).unwrap().to_owned()
    };
    let (own, other) = (begin().await, begin().await);
    // The cookie of DataHub's own frontend is no token of ours.
    let frontend = "PLAY_SESSION=eyJhbGciOiJIUzI1NiJ9.e30.x";
    for (sent, status) in [
        (format!("{own}; {own}"), 200),
        (format!("{frontend}; {own}"), 200),
        (format!("{other}; {own}"), 400),
        (format!("{own}; {other}"), 400),
    ] {
        let answer = app.anonymous().with("cookie", &sent).get("/keys").await;
        assert_eq!(answer.status, status, "{sent}: {}", answer.text);
    }
}
