//! Health, metrics, Swagger UI.

use actix_web::http::Method;
use tessera::domain::ids::PrincipalId;
use tessera::service::keys::api_keys;
use tessera::service::upkeep::follow::Follower;

use crate::support::App;
use crate::support::repository::{files, read};

#[actix_web::test]
async fn a_server_lives_even_without_its_database_and_is_ready_only_with_it() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    assert_eq!(anonymous.get("/livez").await.text, "ok\n");
    assert_eq!(anonymous.get("/readyz").await.text, "ok\n");
    app.service.database.revert().unwrap();
    assert_eq!(anonymous.get("/livez").await.status, 200);
    assert_eq!(anonymous.get("/readyz").await.status, 503);
}

#[actix_web::test]
async fn metrics_count_requests_by_route_and_nothing_that_a_client_chose() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    key.whoami().await.ok();
    key.key(&key.id).await.ok();
    key.get("/wp-login.php?x=chosen").await.refused("TESSERA-404-002");
    key.send("CHOSEN".parse().unwrap(), "/api/service/whoami", None).await.refused("TESSERA-405-001");
    let answer = app.anonymous().get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    for line in [
        r#"http_request_method="GET",http_route="/api/service/whoami",http_response_status_code="200"} 1"#,
        r#"http_request_method="GET",http_route="/api/service/apikeys/{guid}",http_response_status_code="200"} 1"#,
        r#"http_request_method="GET",http_route="unmatched",http_response_status_code="404"} 1"#,
        r#"http_request_method="_OTHER",http_route="/api/service/whoami",http_response_status_code="405"} 1"#,
        "tessera_directory_misses_total 1",
        "tessera_directory_records 1",
        "# EOF",
    ] {
        assert!(answer.text.contains(line), "{line} is not in\n{}", answer.text);
    }
    for chosen in ["wp-login", "chosen", "CHOSEN", key.id.as_str()] {
        assert!(!answer.text.contains(chosen), "{chosen}");
    }
}

#[actix_web::test]
async fn verifications_are_counted_and_timed() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for _ in 0..33 {
        key.whoami().await.ok();
    }
    let answer = app.anonymous().get("/metrics").await;
    for line in [
        "tessera_verifications_total 33",
        "tessera_verification_duration_seconds_count 3",
        "tessera_verification_duration_seconds_bucket{le=\"0.000001\"}",
        "tessera_directory_read_duration_seconds_count 1",
    ] {
        assert!(answer.text.contains(line), "{line} is not in\n{}", answer.text);
    }
}

#[actix_web::test]
async fn every_metric_is_explained() {
    let pages = files("docs", &["md"]).iter().map(|page| read(page)).collect::<String>();
    let metrics = App::start().await.anonymous().get("/metrics").await.text;
    let types: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(types.len() > 15, "{metrics}");
    for line in types {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(pages.contains(&format!("`{name}`")), "no page explains `{name}`");
    }
}

#[actix_web::test]
async fn the_time_from_revoking_to_denying_is_measured_on_the_node_and_on_those_that_follow() {
    let app = App::start().await;
    let neighbour = app.neighbour(&app.pepper);
    let mut follower = Follower::start(&app.service).await.unwrap();
    app.advance(1);
    let (here, there) = (app.key_with(&[]).await, app.key_with(&[]).await);
    for key in [&here, &there] {
        key.whoami().await.ok();
    }
    here.delete_key(&here.id).await.ok();
    here.whoami().await.refused("TESSERA-401-002");
    api_keys::delete(&neighbour, &app.operator(), PrincipalId::parse(&there.id).unwrap()).await.unwrap();
    app.advance(200);
    follower.step(&app.service).await.unwrap();
    there.whoami().await.refused("TESSERA-401-002");
    follower.step(&app.service).await.unwrap();
    let metrics = app.anonymous().get("/metrics").await.text;
    // Two keys, one deleted here; and before them the policies that every installation begins with.
    for line in [
        "tessera_revoke_to_deny_seconds_count{node=\"own\"} 4",
        "tessera_revoke_to_deny_seconds_count{node=\"followed\"} 1",
        "tessera_revoke_to_deny_seconds_bucket{le=\"0.1\",node=\"followed\"} 0",
        "tessera_revoke_to_deny_seconds_bucket{le=\"0.25\",node=\"followed\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[actix_web::test]
async fn swagger_ui_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for path in ["/swagger-ui", "/swagger-ui/", "/swagger-ui/index.html"] {
        let page = anonymous.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
        assert!(!page.text.contains("https://") && !page.text.contains("http://"), "{}", page.text);
        let mut scripts = page.text.split("<script").skip(1).peekable();
        assert!(scripts.peek().is_some());
        assert!(scripts.all(|script| script.split_once('>').unwrap().1.trim_start().starts_with("</script>")));
    }
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(anonymous.get(&format!("/swagger-ui/{file}")).await.status, 200, "{file}");
    }
    anonymous.get("/swagger-ui/nothing.js").await.refused("TESSERA-404-002");
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for path in ["/api/service/apikeys", "/api/service/whoami/", "/livez"] {
        assert_eq!(key.send(Method::HEAD, path, None).await.status, 200, "{path}");
    }
    assert_eq!(app.anonymous().send(Method::HEAD, "/api/service/apikeys", None).await.status, 401);
    assert_eq!(key.send(Method::HEAD, "/api/service/sessions", None).await.status, 405);
}
