//! Closed sets of values are enumerations in the document. Each text of each request becomes nonsense in turn: where the
//! refusal lists the values that are allowed, the schema must list them, too.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::support::document::{Document, allows, real};
use crate::support::{Answer, App, Client};

const NONSENSE: &str = "nonsense";
const FORM: &str = "application/x-www-form-urlencoded";
/// Values that the installation decides on, or that are lists in a text.
const OPEN: [&str; 3] = ["TESSERA_DEVICE_CLIENTS", "`sort`", "`filter`"];

/// A request with one text replaced.
struct Variant {
    place: String,
    schema: Value,
    body: Value,
}

/// The variants of a body, one for each text of its schema, also within its objects and in the first member of its arrays.
fn variants(document: &Document, schema: &Value, body: &Value, depth: usize) -> Vec<Variant> {
    let resolved = document.resolve(schema);
    let mut found = Vec::new();
    if allows(resolved, "string") {
        found.push(Variant { place: String::new(), schema: resolved.clone(), body: json!(NONSENSE) });
    }
    if depth == 0 {
        return found;
    }
    for (name, member) in resolved["properties"].as_object().into_iter().flatten() {
        let present = body.get(name).cloned().unwrap_or_else(|| document.value(member));
        for inner in variants(document, member, &present, depth - 1) {
            let mut whole = body.clone();
            whole[name] = inner.body;
            found.push(Variant { place: format!(".{name}{}", inner.place), body: whole, ..inner });
        }
    }
    let items = &resolved["items"];
    if items.is_object() {
        let first = body.get(0).cloned().unwrap_or_else(|| document.value(items));
        for inner in variants(document, items, &first, depth - 1) {
            found.push(Variant { place: format!("[0]{}", inner.place), body: json!([inner.body]), ..inner });
        }
    }
    found
}

/// What a client might begin with, where the example of a schema does not lead to every member.
fn beginnings(path: &str, example: Value, key: &str) -> Vec<Value> {
    if !path.ends_with("/token") || path.ends_with("/oauth-clients/token") {
        return vec![example];
    }
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    vec![
        json!({"grant_type": "client_credentials"}),
        json!({"grant_type": exchange, "subject_token": key, "subject_token_type": kind}),
        json!({"grant_type": exchange, "subject_token": key, "subject_token_type": kind, "actor_token": key}),
        json!({"grant_type": "client_credentials", "client_assertion": "x"}),
    ]
}

/// Whether a refusal of a member lists the values that are allowed, in words such as "`x` must be one of `a`, `b`" or "`x`
/// must be `a` or `b`".
fn lists_values(text: &str, member: &str) -> bool {
    let Some((_, text)) = text.split_once(&format!("{member}` must be ")) else { return false };
    let text = format!("must be {text}");
    let literal = |rest: &str| {
        let quoted = rest.strip_prefix('`').and_then(|rest| rest.split('`').next());
        quoted.is_some_and(|value| !value.contains('<') && !value.contains(' '))
    };
    let lists = text.contains("must be one of") || text.split("must be ").skip(1).any(literal);
    lists && !OPEN.iter().any(|name| text.contains(name))
}

fn encoded(form: &Value) -> String {
    let members = form.as_object().into_iter().flatten();
    let texts = members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(texts).finish()
}

async fn refusal(client: &Client, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let answer = client.with("content-type", kind).send(method, path, Some(body)).await;
    // An edge is registered with the next look of a server, and none looks here.
    assert!(answer.status < 500 || path == "/api/service/edges", "{path} {body}: {}", answer.text);
    answer
}

#[actix_web::test]
async fn whatever_is_refused_for_not_being_one_of_some_values_is_an_enumeration() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let basic = data_encoding::BASE64.encode(format!("apikey-{}:{}", key.id, key.token).as_bytes());
    let program = app.anonymous().with("authorization", &format!("Basic {basic}"));
    let document = Document::generated();
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for (path, item) in document.0["paths"].as_object().unwrap() {
        let real = real(path);
        for (method, operation) in item.as_object().unwrap() {
            // Nonsense may end a session, or the password's guesses; so each operation has a client of its own.
            let admin = app.admin().await;
            let mut judge = |place: String, schema: &Value, answer: Answer| {
                let member = place.rsplit(['.', '?']).next().unwrap().trim_end_matches("[0]");
                if answer.status != 400 || !lists_values(&answer.text, member) {
                    return;
                }
                let text = answer.text;
                if schema["enum"].is_array() { closed.push(place) } else { open.push(format!("{place}: {text}")) }
            };
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = document.resolve(&parameter["schema"]);
                if parameter["in"] != "query" || !allows(schema, "string") {
                    continue;
                }
                let name = parameter["name"].as_str().unwrap();
                let asked = format!("{real}?{name}={NONSENSE}");
                let refused = refusal(&admin, method, &asked, "application/json", "{}").await;
                judge(format!("{method} {path} ?{name}"), schema, refused);
            }
            for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                let client = if kind == FORM { &program } else { &admin };
                for beginning in beginnings(path, document.value(&content["schema"]), &key.token) {
                    for variant in variants(&document, &content["schema"], &beginning, 5) {
                        let body = if kind == FORM { encoded(&variant.body) } else { variant.body.to_string() };
                        let refused = refusal(client, method, &real, kind, &body).await;
                        judge(format!("{method} {path} {}", variant.place), &variant.schema, refused);
                    }
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    for expected in [
        "post /api/meta/entity/bulk .entities[0].status",
        "put /api/service/apikeys/{guid}/oauth .secret",
        "post /api/service/oauth-clients .role",
        "post /oauth/token .grant_type",
        "post /oauth/token .token_format",
        "post /oauth/token .requested_token_type",
        "post /oauth/token .subject_token_type",
        "post /oauth/token .actor_token_type",
        "delete /api/meta/entity/bulk ?deleteType",
    ] {
        assert!(closed.iter().any(|place| place == expected), "{expected} is not among {closed:#?}");
    }
}

#[test]
fn closed_sets_in_answers_are_enumerations() {
    let document = Document::generated();
    let schemas = &document.0["components"]["schemas"];
    for place in [
        "/ApiKeyAttributes/properties/status",
        "/ApiKeyAttributes/properties/workspacePermissions/items",
        "/Change/properties/action",
        "/Change/properties/subjectKind",
        "/Explanation/properties/outcome",
        "/Missing/properties/reason",
        "/EffectivePermission/properties/effect",
        "/WhoAmI/properties/permissions/items",
        "/OauthClient/properties/role",
        "/OauthToken/properties/token_type",
        "/OauthClientToken/properties/tokenType",
        "/Introspection/properties/token_type",
    ] {
        let values = schemas.pointer(place).unwrap_or_else(|| panic!("{place}"))["enum"].as_array();
        assert!(values.is_some_and(|values| values.len() > 1), "{place}");
    }
}
