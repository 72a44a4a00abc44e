//! GraphQL's errors for invalid documents and for unauthenticated requests.

use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::{ask, post_bare};
use crate::support::{App, repository};

#[actix_web::test]
async fn a_refusal_has_the_shape_that_clients_read() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Member).await;
    let answer = ask(&ada, "\n  query l { listAccessTokens(input: {}) { total } }", Value::Null).await;
    assert_eq!(
        answer,
        json!({
            "errors": [{
                "message": super::UNAUTHORIZED, "locations": [{"line": 2, "column": 13}], "path": ["listAccessTokens"],
                "extensions": {"code": 403, "type": "UNAUTHORIZED", "classification": "DataFetchingException"},
            }],
            "data": null, "extensions": {},
        })
    );
}

#[actix_web::test]
async fn documents_that_do_not_fit_are_classified() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (query, classification) in [
        ("{ nope }", "ValidationError"),
        ("{ me { corpUser { nope } } }", "ValidationError"),
        ("{ listAccessTokens { total } }", "ValidationError"),
        ("query($n: Nope) { me { corpUser { urn } } }", "ValidationError"),
        ("mutation { createAccessToken }", "ValidationError"),
        ("{ me {", "InvalidSyntax"),
        ("", "InvalidSyntax"),
    ] {
        let answer = ask(&admin, query, Value::Null).await;
        assert_eq!(answer["errors"][0]["extensions"], json!({"classification": classification}), "{query} {answer}");
        assert_eq!((&answer["data"], &answer["extensions"]), (&Value::Null, &json!({})));
    }
}

#[actix_web::test]
async fn what_is_no_request_is_told_what_one_is() {
    let app = App::start().await;
    let admin = app.admin().await;
    for path in ["/api/graphql", "/api/v2/graphql"] {
        for body in [
            "",
            "{",
            "[]",
            "[{\"query\":\"{ me { corpUser { urn } } }\"}]",
            "{}",
            "{\"query\":1}",
            "{\"query\":\"{a}\",\"variables\":[]}",
            "{\"query\":\"{a}\"} x",
            "{\"query\":\"{a}\"}{}",
            "{\"query\":\"{a}\",\"query\":\"{b}\"}",
        ] {
            let answer = admin.post_text(path, body).await;
            assert_eq!(answer.status, 400, "{body}");
            assert!(
                answer.json["message"].as_str().is_some_and(|message| !message.is_empty()),
                "{body} {}",
                answer.text
            );
        }
        assert_eq!(admin.get(path).await.status, 405);
        let bare = post_bare(
            &admin,
            path,
            "{\"query\":\"{ me { corpUser { username } } }\",\"variables\":null,\"operationName\":null}",
        )
        .await;
        assert_eq!(bare.ok()["data"]["me"]["corpUser"]["username"], "admin");
    }
}

#[actix_web::test]
async fn without_a_credential_nothing_is_asked() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (token, _) = super::created(&admin, "admin", "x").await;
    let told = async |client: &crate::support::Client| {
        let answer = client.post("/api/graphql", &json!({"query": "{ me { corpUser { urn } } }"})).await;
        assert_eq!((answer.status, &answer.json["status"]), (401, &json!("401")));
        answer.json["message"].as_str().unwrap().to_owned()
    };
    let one_text = "Unauthorized to perform this action.";
    let forged = format!("{}0000000", &token[..token.len() - 7]);
    assert_eq!(told(&app.anonymous()).await, one_text);
    for bad in ["", "x", "eyJ.a.b", &forged] {
        assert_eq!(told(&app.holder_of(bad)).await, one_text, "{bad}");
    }
    app.advance(3_600_000);
    assert_eq!(told(&app.holder_of(&token)).await, "Failed to validate DataHub token. Token has expired.");
}

#[actix_web::test]
async fn deep_and_large_documents_are_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    let deep = format!("{{ __schema {} {} }}", "{ types { fields { type".repeat(12), "} } }".repeat(12));
    let wide = format!(
        "{{ {} }}",
        (0..300).map(|n| format!("a{n}: me {{ corpUser {{ urn }} }}")).collect::<Vec<_>>().join(" ")
    );
    for query in [deep, wide] {
        assert!(ask(&admin, &query, Value::Null).await["errors"][0]["message"].is_string());
    }
    let introspection =
        "{ __schema { types { name fields { name args { name type { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { name } } } } } } } } }
        type { kind name ofType { kind name } } } } } }";
    let answer = ask(&admin, introspection, Value::Null).await;
    assert!(answer["errors"].is_null(), "{answer}");
}

#[actix_web::test]
async fn fragments_that_multiply_are_refused_before_they_do() {
    let app = App::start().await;
    let admin = app.admin().await;
    let doubling =
        (0..24).map(|n| format!("fragment f{n} on Query{{...f{0} ...f{0}}}", n + 1)).collect::<Vec<_>>().concat();
    let chain = (0..200).map(|n| format!("fragment f{n} on Query{{...f{}}}", n + 1)).collect::<Vec<_>>().concat();
    let end = "{me{corpUser{urn}}}";
    let many = (0..100).map(|n| format!("fragment f{n} on Query{end}")).collect::<Vec<_>>().concat();
    let few = (0..30).map(|n| format!("fragment f{n} on Query{{...f{}}}", n + 1)).collect::<Vec<_>>().concat();
    for (query, message) in [
        (format!("{{...f0}} {doubling} fragment f24 on Query{end}"), "A query selects at most 500 fields."),
        (format!("{end} {doubling} fragment f24 on Query{end}"), "A query selects at most 500 fields."),
        (format!("{{...f0}} {few} fragment f30 on Query{end}"), "A query is nested at most 32 levels deep."),
        ("{...f0} fragment f0 on Query{...f0}".to_owned(), "The fragment `f0` is spread within itself."),
        (format!("{end} {many}"), "A document has at most 100 operations and fragments."),
    ] {
        let begun = std::time::Instant::now();
        let answer = ask(&admin, &query, Value::Null).await;
        assert!(begun.elapsed().as_secs() < 1, "{query}");
        assert_eq!(answer["errors"][0]["message"], message, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"], json!({"classification": "ValidationError"}));
        assert!(answer["errors"][0]["locations"][0]["line"].is_number() && answer["data"].is_null(), "{answer}");
    }
    let long = ask(&admin, &format!("{{...f0}} {chain} fragment f200 on Query{end}"), Value::Null).await;
    assert_eq!(long["errors"][0]["extensions"]["classification"], "ValidationError");
    let unknown = ask(&admin, "{...f0}", Value::Null).await;
    assert_eq!(unknown["errors"][0]["extensions"]["classification"], "ValidationError");
    let twice = "{ ...f ...f a: me { corpUser { ...u } } } fragment f on Query { me { corpUser { ...u } } } \
                 fragment u on CorpUser { username }";
    let answer = ask(&admin, twice, Value::Null).await;
    assert_eq!(answer["data"]["a"]["corpUser"], answer["data"]["me"]["corpUser"], "{answer}");
    assert_eq!(answer["data"]["me"]["corpUser"]["username"], "admin");
}

#[actix_web::test]
async fn a_syntax_error_repeats_nothing_of_the_document() {
    let app = App::start().await;
    let admin = app.admin().await;
    for query in [
        "{ getAccessTokenMetadata(token: \"tsp_secret\" { id } }",
        "{\n getAccessTokenMetadata(token: \"tsp_secret) { id } }",
        "{ me } \"tsp_secret\"",
    ] {
        let answer = ask(&admin, query, Value::Null).await;
        let error = &answer["errors"][0];
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Invalid Syntax : expected") && !message.contains('\n'), "{message}");
        assert!(error["locations"][0]["column"].as_u64().unwrap() > 1, "{answer}");
        assert!(!answer.to_string().contains("tsp_secret"), "{answer}");
    }
}

#[actix_web::test]
async fn introspection_shows_the_names_that_clients_know() {
    let app = App::start().await;
    let admin = app.admin().await;
    let answer =
        ask(&admin, "{ __type(name: \"ListAccessTokenInput\") { inputFields { name type { name } } } }", Value::Null)
            .await;
    assert_eq!(answer["data"]["__type"]["inputFields"][0], json!({"name": "start", "type": {"name": "Int"}}));
    let answer = ask(&admin, "{ __type(name: \"AccessTokenMetadata\") { interfaces { name } fields { name type { name kind ofType { name } } } } }", Value::Null).await;
    let metadata = &answer["data"]["__type"];
    assert_eq!(metadata["interfaces"], json!([{"name": "Entity"}]));
    let created = metadata["fields"].as_array().unwrap().iter().find(|field| field["name"] == "createdAt").unwrap();
    assert_eq!(created["type"], json!({"name": null, "kind": "NON_NULL", "ofType": {"name": "Long"}}));
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let committed = repository::read("openapi/schema.graphql");
    let generated = tessera::http::datahub::graphql::sdl();
    assert!(
        committed == generated,
        "openapi/schema.graphql is out of date: cargo run -- graphql-schema > openapi/schema.graphql"
    );
}

#[actix_web::test]
async fn no_variable_is_logged() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (token, _) = super::created(&admin, "admin", "x").await;
    let query = "query($token: String!) { getAccessTokenMetadata(token: $token) { id } nope(t: $token) }";
    ask(&admin, query, json!({"token": token})).await;
    ask(&admin, "query($token: String!) { getAccessTokenMetadata(token: $token) { id } }", json!({"token": token}))
        .await;
    assert!(!crate::support::log::text().contains(&token));
}

/// The command in DataHub's documentation has one brace too many, which DataHub accepts.
#[actix_web::test]
async fn the_documented_way_to_revoke_a_token_works() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (token, id) = super::created(&admin, "admin", "own").await;
    let body = r#"{ "query":"mutation {revokeAccessToken(tokenId: \"ID\")}","variables":{}}}"#.replace("ID", &id);
    for path in ["/api/graphql", "/api/v2/graphql"] {
        let answer = admin.post_text(path, &body).await.ok();
        assert_eq!(answer["data"].is_null(), path == "/api/v2/graphql", "the second time there is none: {answer}");
    }
    assert!(!super::is_let_in(&app, &token).await);
}

#[actix_web::test]
async fn variables_have_their_defaults_in_directives_and_nothing_is_an_object_without_fields() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (query, variables, expected) in [
        (
            "query($i:Boolean=true){appConfig @include(if:$i){authConfig{tokenAuthEnabled}}}",
            json!({}),
            json!({"appConfig": {"authConfig": {"tokenAuthEnabled": true}}}),
        ),
        ("query($i:Boolean=true){appConfig @skip(if:$i){authConfig{tokenAuthEnabled}}}", json!({}), json!({})),
        (
            "query($i:Boolean=true){appConfig @skip(if:$i){authConfig{tokenAuthEnabled}}}",
            json!({"i": false}),
            json!({"appConfig": {"authConfig": {"tokenAuthEnabled": true}}}),
        ),
        ("query($i:Boolean!){me{corpUser @include(if:$i){urn}}}", json!({"i": false}), json!({"me": {}})),
        (
            "query($i:Boolean=false){me{corpUser{...f}}} fragment f on CorpUser{urn @include(if:$i) type @skip(if:true)}",
            json!({}),
            json!({"me": {"corpUser": {}}}),
        ),
        (
            "query($i:Boolean=false){me{corpUser{...on CorpUser @include(if:$i){urn}}}}",
            json!({}),
            json!({"me": {"corpUser": {}}}),
        ),
        (
            "query($i:Boolean=false){me{corpUser{username urn @include(if:$i)}}}",
            json!({}),
            json!({"me": {"corpUser": {"username": "admin"}}}),
        ),
        ("query a($i:Boolean=true){me @skip(if:$i){corpUser{urn}}}", json!({}), json!({})),
    ] {
        let answer = ask(&admin, query, variables).await;
        assert_eq!(answer, json!({"data": expected, "extensions": {}}), "{query}");
    }
    let two = "query a($i:Boolean=true){me @skip(if:$i){corpUser{urn}}} query b($i:Boolean=false){me @skip(if:$i){corpUser{urn}}}";
    let body = json!({"query": two, "operationName": "b"});
    assert_eq!(admin.post("/api/graphql", &body).await.ok()["data"]["me"]["corpUser"]["urn"], "urn:li:corpuser:admin");
}

#[actix_web::test]
async fn a_request_whose_variables_do_not_fit_is_not_executed() {
    let app = App::start().await;
    let admin = app.admin().await;
    let create = |name: &str, extra: &str| {
        format!(
            "createAccessToken(input:{{type:PERSONAL,actorUrn:\"urn:li:corpuser:admin\",{name}}}){{accessToken{extra}}}"
        )
    };
    let first = create("name:\"first\"", "");
    let conditional = create("name:\"first\"", " @include(if:$i)");
    let (second, with_input) = (create("name:$n", ""), "b:createAccessToken(input:$n){accessToken}");
    for (query, variables, named) in [
        ("query($i:Boolean!){appConfig @include(if:$i){appVersion}}".to_owned(), json!({}), "`$i` must be there"),
        (
            "query($i:Boolean!){appConfig @skip(if:$i){appVersion}}".to_owned(),
            json!({"i": null}),
            "`$i` must not be null",
        ),
        ("query($i:Boolean!){appConfig @skip(if:$i){appVersion}}".to_owned(), json!({"i": "yes"}), "`Boolean`"),
        ("query($i:Boolean){appConfig @skip(if:$i){appVersion}}".to_owned(), json!({}), ""),
        (
            "query($c:Int!){listAccessTokens(input:{start:0,count:$c}){total}}".to_owned(),
            json!({}),
            "`$c` must be there",
        ),
        (
            "query($c:Int!){listAccessTokens(input:{start:0,count:$c}){total}}".to_owned(),
            json!({"c": 1_i64 << 40}),
            "`Int`",
        ),
        (format!("mutation($i:Boolean!){{a:{conditional}}}"), json!({}), "`$i` must be there"),
        (format!("mutation($n:String!){{a:{first} b:{second}}}"), json!({}), "`$n` must be there"),
        (format!("mutation($n:String!){{a:{first} b:{second}}}"), json!({"n": 7}), "`$n` must be of the type `String`"),
        (format!("mutation($n:String){{a:{first} b:{second}}}"), json!({}), ""),
        (format!("mutation($n:CreateAccessTokenInput!){{a:{first} {with_input}}}"), json!({"n": "x"}), "`$n`"),
        (
            format!("mutation($n:CreateAccessTokenInput!){{a:{first} {with_input}}}"),
            json!({"n": {"type": "PERSONAL", "actorUrn": "urn:li:corpuser:admin"}}),
            "`$n.name` must be there",
        ),
        (
            format!("mutation($n:CreateAccessTokenInput!){{a:{first} {with_input}}}"),
            json!({"n": {"type": "secret", "actorUrn": "urn:li:corpuser:admin", "name": "x"}}),
            "`$n.type` must be of the type `AccessTokenType`",
        ),
        (
            format!("mutation($n:CreateAccessTokenInput!){{a:{first} {with_input}}}"),
            json!({"n": {"type": "PERSONAL", "actorUrn": "urn:li:corpuser:admin", "name": "x", "more": 1}}),
            "must not have the member `more`",
        ),
        (
            format!("mutation x{{a:{first}}} mutation($n:String!){{b:{second}}}").replace("mutation(", "mutation y("),
            json!({}),
            "",
        ),
        (
            "query($f:[FacetFilterInput!]!){listAccessTokens(input:{filters:$f}){total}}".to_owned(),
            json!({"f": [{"field": "ownerUrn", "values": ["a", null]}]}),
            "`$f[0].values[1]` must not be null",
        ),
    ] {
        let answer = ask(&admin, &query, variables).await;
        let message = answer["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {answer}"));
        assert!(answer.get("data").is_none() && message.contains(named), "{query}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["classification"], "ValidationError", "{query}: {answer}");
        assert!(!message.contains("secret"), "values may be tokens: {message}");
    }
    let total = ask(&admin, "{listAccessTokens(input:{}){total}}", Value::Null).await;
    assert_eq!(total["data"]["listAccessTokens"]["total"], 0, "nothing was created");
    for (query, variables, expected) in [
        // The operation that is executed counts, and a single value is a list of one.
        (
            "query($f:[String!]){me{corpUser{urn @skip(if:false)}} listAccessTokens(input:{filters:[{field:\"ownerUrn\",values:$f}]}){total}}",
            json!({"f": "urn:li:corpuser:ada"}),
            json!(0),
        ),
        ("query($c:Int){listAccessTokens(input:{start:0,count:$c}){total}}", json!({}), json!(0)),
        (
            "query($c:Int!){listAccessTokens(input:{start:0,count:$c}){total}}",
            json!({"c": 1, "other": {"a": 1}}),
            json!(0),
        ),
    ] {
        let answer = ask(&admin, query, variables).await;
        assert_eq!(answer["data"]["listAccessTokens"]["total"], expected, "{query}: {answer}");
    }
}

#[actix_web::test]
async fn errors_of_a_request_carry_no_data() {
    let app = App::start().await;
    let admin = app.admin().await;
    for query in
        ["{", "", "{ nope }", "{ me }", "query a { me { corpUser { urn } } } query b { me { corpUser { urn } } }"]
    {
        let answer = ask(&admin, query, Value::Null).await;
        assert!(answer.get("data").is_none() && answer["errors"].is_array(), "{query}: {answer}");
    }
    let failed = ask(&admin, "mutation { revokeAccessToken(tokenId: \"x\") }", Value::Null).await;
    assert_eq!(failed.get("data"), Some(&Value::Null), "this one was executed: {failed}");
}
