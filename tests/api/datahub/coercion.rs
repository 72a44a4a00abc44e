//! Values of GraphQL requests: how they are converted to the types of the schema, and what is refused before anything is
//! executed.

use serde_json::{Value, json};

use super::{ask, data, urn};
use crate::support::App;

const START: &str = "query($s:Int!){listAccessTokens(input:{start:$s,count:10}){total}}";
const SKIP: &str = "query($k:Boolean!){scrollAcrossEntities(input:{query:\"*\",searchFlags:{skipCache:$k}}){searchResults{entity{urn}}}}";
const TYPES: &str = "query($t:[EntityType!]){scrollAcrossEntities(input:{query:\"*\",types:$t}){total}}";

#[actix_web::test]
async fn variables_are_converted_to_their_declared_types_whatever_their_names() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (query, variables) in [
        (START, json!({"s": "0"})),
        (START, json!({"s": 0.0})),
        (START, json!({"s": "7"})),
        (SKIP, json!({"k": "true"})),
        (SKIP, json!({"k": "false"})),
        (SKIP, json!({"k": true})),
        (
            "query($i:ListAccessTokenInput!){listAccessTokens(input:$i){total}}",
            json!({"i": {"start": "0", "count": 10.0, "filters": {"field": "ownerUrn", "values": "x", "negated": "true"}}}),
        ),
        ("query($s:Int=\"0\"){listAccessTokens(input:{start:$s}){total}}", json!({})),
        ("query($i:ListAccessTokenInput!={start:\"0\",count:2.0}){listAccessTokens(input:$i){total}}", json!({})),
        ("query($k:Boolean!){me @include(if:$k){corpUser{urn}}}", json!({"k": "true"})),
        ("query($k:Boolean=\"false\"){me @skip(if:$k){corpUser{urn}}}", json!({})),
    ] {
        let answer = ask(&admin, query, variables.clone()).await;
        assert!(data(&answer).is_object(), "{query} {variables}: {answer}");
    }
    // A text that is declared as one stays one.
    let text = "query($start:String!){scrollAcrossEntities(input:{query:$start}){total}}";
    assert_eq!(data(&ask(&admin, text, json!({"start": "7"})).await)["total"], 0);
}

#[actix_web::test]
async fn what_cannot_be_converted_is_refused_with_the_type_and_the_values_of_an_enum() {
    let app = App::start().await;
    let admin = app.admin().await;
    let entity_type = "must be of the type `EntityType`: one of `ACCESS_TOKEN`, `CORP_USER`.";
    for (query, variables, message) in [
        (START, json!({"s": "one"}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (START, json!({"s": 0.5}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (START, json!({"s": 4_294_967_296_i64}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (START, json!({"s": 4_294_967_296.0}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (START, json!({"s": "4294967296"}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (START, json!({"s": true}), "Variable `$s` must be of the type `Int`.".to_owned()),
        (SKIP, json!({"k": "yes"}), "Variable `$k` must be of the type `Boolean`.".to_owned()),
        (SKIP, json!({"k": 1}), "Variable `$k` must be of the type `Boolean`.".to_owned()),
        (TYPES, json!({"t": ["CORP_USER", "DATASET"]}), format!("Variable `$t[1]` {entity_type}")),
        (TYPES, json!({"t": 7}), format!("Variable `$t` {entity_type}")),
    ] {
        let answer = ask(&admin, query, variables.clone()).await;
        assert_eq!(answer["errors"][0]["message"], message, "{query} {variables}");
        assert!(answer.get("data").is_none(), "{query} {variables}: {answer}");
    }
}

#[actix_web::test]
async fn a_variable_of_an_unknown_type_is_not_reported_as_missing() {
    let app = App::start().await;
    let admin = app.admin().await;
    for declared in ["Nope!", "[Nope!]!", "CorpUser!", "Entity!"] {
        for variables in [json!({}), json!({"x": 1})] {
            let query = format!("query($x:{declared}){{scrollAcrossEntities(input:{{query:$x}}){{total}}}}");
            let answer = ask(&admin, &query, variables).await;
            let message = answer["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {answer}"));
            assert!(answer.get("data").is_none() && !message.contains("must be there"), "{query}: {answer}");
        }
    }
    let answer = ask(&admin, "query($x:Nope!){me{corpUser{urn}}}", json!({})).await;
    assert!(answer["errors"].to_string().contains("Nope"), "{answer}");
}

#[actix_web::test]
async fn an_integer_beyond_32_bits_is_refused_before_anything_is_executed() {
    let app = App::start().await;
    let admin = app.admin().await;
    let create = |selection: &str| {
        let input = format!("type:PERSONAL,actorUrn:\"{}\",name:\"x\",duration:ONE_HOUR", urn("admin"));
        format!("mutation{{createAccessToken(input:{{{input}}}){{accessToken metadata{{{selection}}}}}}}")
    };
    for number in ["2147483648", "-2147483649", "18446744073709551616", "1e10", "0.5", "\"2147483648\""] {
        let relationships = format!("relationships(input:{{types:[],direction:INCOMING,start:{number}}}){{total}}");
        for (document, argument) in [
            (create(&relationships), "input.start"),
            (create(&format!("...on AccessTokenMetadata{{...{{{relationships}}}}}")), "input.start"),
            (format!("{} fragment f on AccessTokenMetadata{{{relationships}}}", create("...f")), "input.start"),
            (format!("{{me{{corpUser{{urn}}}} listAccessTokens(input:{{count:{number}}}){{total}}}}"), "input.count"),
        ] {
            let answer = ask(&admin, &document, Value::Null).await;
            let message = format!("Argument `{argument}` must be of the type `Int`.");
            assert_eq!(answer["errors"][0]["message"], message, "{document}");
            assert!(answer.get("data").is_none(), "{document}: {answer}");
            assert!(answer["errors"][0]["locations"][0]["column"].as_u64() > Some(1), "{answer}");
        }
    }
    let total = ask(&admin, "{listAccessTokens(input:{}){total}}", Value::Null).await;
    assert_eq!(data(&total)["total"], 0, "no token was created");
    for number in ["1", "1.0", "\"1\"", "2147483647", "null"] {
        let relationships = format!("relationships(input:{{types:[],direction:INCOMING,start:{number}}}){{total}}");
        assert!(data(&ask(&admin, &create(&relationships), Value::Null).await).is_object(), "{number}");
    }
}

#[actix_web::test]
async fn a_count_that_is_a_text_costs_as_many_rows_as_a_number() {
    let app = App::start().await;
    let admin = app.admin().await;
    let pages = |count: &str| {
        let page = |name| format!("{name}:listAccessTokens(input:{{count:{count}}}){{tokens{{urn}}}} ");
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(page).concat()
    };
    for (document, variables) in [
        (format!("{{{}}}", pages("1000")), json!({})),
        (format!("{{{}}}", pages("\"1000\"")), json!({})),
        (format!("{{...f}} fragment f on Query{{{}}}", pages("\"1000\"")), json!({})),
        (format!("query($n:Int=\"1000\"){{{}}}", pages("$n")), json!({})),
        (format!("query($n:Int){{{}}}", pages("$n")), json!({"n": "1000"})),
        (format!("query($n:Int){{{}}}", pages("$n")), json!({"n": 1000.0})),
    ] {
        let answer = ask(&admin, &document, variables).await;
        assert!(answer.get("data").is_none(), "{document}: {answer}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("rows"), "{message}");
    }
}
