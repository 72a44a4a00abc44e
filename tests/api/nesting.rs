//! JSON nesting limits in every API that parses JSON. Tests run on threads with the stack size of workers.

use serde_json::{Value, json};
use tessera::domain::nesting::JSON_DEPTH;

use crate::support::App;

/// Every endpoint that parses JSON; `$` is the nested value, and the number its depth.
const DOORS: [(&str, &str, usize); 19] = [
    ("/api/service/apikeys", r#"{"displayName": "x", "personas": $}"#, 1),
    ("/api/service/apikeys/00000000-0000-7000-8000-000000000000", r#"{"displayName": "x", "personas": $}"#, 1),
    ("/api/service/apikeys/verify", r#"{"tokens": $}"#, 1),
    ("/api/service/apikeys/revoke-leaked", r#"{"token": $}"#, 1),
    ("/api/service/personas", r#"{"name": "x", "description": $}"#, 1),
    ("/api/service/sessions", r#"{"username": "admin", "password": $}"#, 1),
    ("/api/service/explain", r#"{"actor": "admin", "action": "x", "personas": $}"#, 1),
    ("/api/meta/entity/bulk", r#"{"entities": [{"typeName": "Table", "attributes": {"a": $}}]}"#, 4),
    ("/api/meta/search/indexsearch", r#"{"dsl": {"query": $}}"#, 2),
    ("/access/v1/evaluation", r#"{"subject": {"type": "user", "id": "admin", "properties": {"a": $}}}"#, 3),
    ("/access/v1/evaluations", r#"{"evaluations": [{"context": {"a": $}}]}"#, 4),
    ("/access/v1/search/subject", r#"{"context": {"a": $}}"#, 2),
    ("/access/v1/search/resource", r#"{"context": {"a": $}}"#, 2),
    ("/access/v1/search/action", r#"{"context": {"a": $}}"#, 2),
    ("/api/graphql", r#"{"query": "{ __typename }", "variables": {"a": $}}"#, 2),
    ("/api/v2/graphql", r#"{"query": "{ __typename }", "variables": {"a": $}}"#, 2),
    ("/entities?action=delete", r#"{"urn": $}"#, 1),
    ("/aspects?action=ingestProposal", r#"{"proposal": $}"#, 1),
    ("/aspects?action=ingestProposalBatch", r#"{"proposals": $}"#, 1),
];

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

/// What an error says, in whatever shape.
fn message(json: &Value) -> &str {
    ["message", "errorMessage", "detail"].iter().find_map(|member| json[*member].as_str()).unwrap_or_default()
}

#[actix_web::test]
async fn a_body_is_refused_beyond_the_depth_and_not_at_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (path, body, above) in DOORS {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let within = body.replace('$', &nested(open, close, JSON_DEPTH - above));
            let answer = admin.post_text(path, &within).await;
            assert!(!answer.text.contains("nested"), "{path} {}", answer.text);
            assert!(answer.status < 500, "{path} {}", answer.text);
            for levels in [JSON_DEPTH - above + 1, 1_500] {
                let answer = admin.post_text(path, &body.replace('$', &nested(open, close, levels))).await;
                assert_eq!(answer.status, 400, "{path} {}", answer.text);
                assert_eq!(message(&answer.json), "the body is nested deeper than 64 levels", "{path} {}", answer.text);
            }
            // A truncated body with unclosed brackets is refused, too.
            let answer = admin.post_text(path, &open.repeat(1_500)).await;
            assert_eq!(answer.status, 400, "{path} {}", answer.text);
        }
    }
}

#[actix_web::test]
async fn forms_of_people_are_refused_beyond_the_depth() {
    let app = App::start().await;
    for path in ["/logIn", "/signUp"] {
        let answer = app.anonymous().post_text(path, &format!("{{\"a\":{}}}", nested("[", "]", JSON_DEPTH))).await;
        assert_eq!(
            (answer.status, message(&answer.json)),
            (400, "The body is nested deeper than 64 levels."),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn a_filter_is_refused_beyond_the_depth() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (open, close) in [("[", "]"), ("{\"$not\":", "}")] {
        for path in ["/api/service/apikeys", "/api/service/personas", "/api/service/users", "/api/service/audit"] {
            let ask = async |levels| admin.list(path, &[("filter", &nested(open, close, levels))]).await;
            assert!(!ask(JSON_DEPTH).await.violates("filter").contains("64 levels"));
            for levels in [JSON_DEPTH + 1, 800] {
                let message = ask(levels).await.violates("filter");
                assert_eq!(message, "is nested deeper than 64 levels", "{path}");
            }
        }
    }
}

#[actix_web::test]
async fn an_aspect_written_as_text_is_refused_beyond_the_depth() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ingest = async |levels| {
        let value = format!("{{\"displayName\": {}}}", nested("[", "]", levels));
        let aspect = json!({"value": value, "contentType": "application/json"});
        let proposal = json!({
            "entityUrn": "urn:li:corpuser:admin", "aspectName": "corpUserEditableInfo", "aspect": aspect,
            "changeType": "UPSERT", "entityType": "corpuser",
        });
        admin.post("/aspects?action=ingestProposal", &json!({"proposal": proposal})).await
    };
    for levels in [JSON_DEPTH, 10_000] {
        let refused = ingest(levels).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(message(&refused.json).contains("nested deeper than 64 levels"), "{}", refused.text);
    }
}
