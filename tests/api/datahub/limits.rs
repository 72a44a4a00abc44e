//! The limits of a GraphQL document: each one at the limit and beyond it.

use serde_json::{Value, json};
use tessera::domain::nesting::{GRAPHQL_DEPTH, GRAPHQL_NAME, GRAPHQL_TOKENS};
use tessera::domain::principal::Role;

use super::{CREATE, LIST, ask, create, data, urn};
use crate::support::App;

/// The message of the first error, which must be of that class.
#[track_caller]
fn message<'a>(answer: &'a Value, classification: &str) -> &'a str {
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"], json!({"classification": classification}), "{answer}");
    assert!(answer["data"].is_null(), "{answer}");
    error["message"].as_str().unwrap()
}

/// Every place where the grammar nests: `$` stands for the brackets; the number is how many are around it.
const PLACES: [(&str, &str, &str, usize); 9] = [
    ("{ me(a: $) { corpUser { urn } } }", "[", "]", 2),
    ("{ me(a: $) { corpUser { urn } } }", "{a: ", "}", 2),
    ("query($a: Int = $) { me { corpUser { urn } } }", "[", "]", 1),
    ("query($a: Int = $) { me { corpUser { urn } } }", "{a: ", "}", 1),
    ("query($a: $) { me { corpUser { urn } } }", "[", "]", 1),
    ("{ me @skip(if: $) { corpUser { urn } } }", "[", "]", 2),
    ("query @a(b: $) { me { corpUser { urn } } }", "{a: ", "}", 1),
    ("{ ... @include(if: $) { me { corpUser { urn } } } }", "[", "]", 2),
    ("{ ...f } fragment f on Query @a(b: $) { me { corpUser { urn } } }", "[", "]", 1),
];

#[actix_web::test]
async fn brackets_are_bounded_wherever_the_grammar_has_them() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    for (place, open, close, around) in PLACES {
        let inner = if place.contains("$a: $)") { "Int" } else { "1" };
        let document = |levels: usize, closed: bool| {
            let close = if closed { close.repeat(levels) } else { String::new() };
            let (head, tail) = place.rsplit_once("$)").unwrap_or_else(|| panic!("{place}"));
            format!("{head}{}{inner}{close}){tail}", open.repeat(levels))
        };
        let answer = ask(&ada, &document(GRAPHQL_DEPTH - around, true), Value::Null).await;
        assert!(!answer.to_string().contains("nested deeper"), "{answer}");
        for (levels, closed) in [(GRAPHQL_DEPTH - around + 1, true), (1600, true), (1600, false), (15_000, false)] {
            let answer = ask(&ada, &document(levels, closed), Value::Null).await;
            assert_eq!(message(&answer, "InvalidSyntax"), "The query is nested deeper than 64 levels.", "{place}");
            assert!(answer["errors"][0]["locations"][0]["column"].as_u64().unwrap() > 60, "{answer}");
        }
    }
}

#[actix_web::test]
async fn selections_are_bounded_before_they_are_parsed() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    for open in ["{a", "{...", "{... on Query", "{a @skip(if: true)"] {
        for levels in [GRAPHQL_DEPTH + 1, 1600, 3000] {
            for close in [String::new(), "}".repeat(levels)] {
                let answer = ask(&ada, &format!("{}{{a}}{close}", open.repeat(levels)), Value::Null).await;
                assert_eq!(message(&answer, "InvalidSyntax"), "The query is nested deeper than 64 levels.");
            }
        }
    }
    let levels = format!("{}{{a}}{}", "{a".repeat(40), "}".repeat(40));
    let answer = ask(&ada, &levels, Value::Null).await;
    assert_eq!(message(&answer, "ValidationError"), "A query is nested at most 32 levels deep.");
}

#[actix_web::test]
async fn tokens_and_names_are_bounded_before_they_are_parsed() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let values = |count: usize| format!("{{ __typename @skip(if: [{}]) }}", "1 ".repeat(count));
    let most = GRAPHQL_TOKENS - 11;
    assert!(!ask(&ada, &values(most), Value::Null).await.to_string().contains("tokens"));
    let answer = ask(&ada, &values(most + 1), Value::Null).await;
    assert_eq!(message(&answer, "InvalidSyntax"), "The query has more than 4000 tokens.");
    let named = |length: usize| format!("{{ {} }}", "a".repeat(length));
    let answer = ask(&ada, &named(GRAPHQL_NAME), Value::Null).await;
    assert!(message(&answer, "ValidationError").starts_with("Unknown field"), "{answer}");
    let answer = ask(&ada, &named(GRAPHQL_NAME + 1), Value::Null).await;
    assert_eq!(message(&answer, "InvalidSyntax"), "The query has a name of more than 256 bytes.");
}

#[actix_web::test]
async fn fragments_without_fields_are_counted_as_those_with_fields_are() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let chain = |levels: usize, spreads: usize, end: &str| {
        let one = |n: usize| format!("fragment f{n} on Query{{{}}}", format!("...f{} ", n + 1).repeat(spreads));
        format!("{{...f0}} {} {end}", (0..levels).map(one).collect::<String>())
    };
    let me = "{me{corpUser{urn}}}";
    for (document, expected) in [
        (chain(28, 3, ""), "Unknown fragment: \"f28\""),
        (chain(28, 3, "fragment f28 on Query{...f28}"), "The fragment `f28` is spread within itself."),
        (chain(28, 3, "fragment f28 on Query{__typename}"), "A query selects at most 500 fields."),
        (format!("{me} {}", &chain(28, 3, "")[8..]), "Unknown fragment: \"f28\""),
        // More than 64 bits can count.
        (
            format!("{me} {}", &chain(28, 12, "fragment f28 on Query{__typename}")[8..]),
            "A query selects at most 500 fields.",
        ),
        (chain(30, 1, &format!("fragment f30 on Query{me}")), "A query is nested at most 32 levels deep."),
        (
            format!("{{{} me{{corpUser{{urn}}}}}}", "...{...{__typename}}".repeat(501)),
            "A query selects at most 500 fields.",
        ),
    ] {
        let answer = ask(&ada, &document, Value::Null).await;
        assert_eq!(message(&answer, "ValidationError"), expected);
    }
    // Inline fragments around one field: two thousand of them, and no more.
    let around = |count: usize| {
        format!(
            "{{me{{...f}}}} fragment f on AuthenticatedUser{{{}}}",
            "...{...{...{...{__typename}}}}".repeat(count / 9)
        )
    };
    let answer = ask(&ada, &around(900), Value::Null).await;
    assert!(!answer.to_string().contains("A document has"), "{answer}");
    let answer = ask(&ada, &around(2000), Value::Null).await;
    assert_eq!(
        message(&answer, "ValidationError"),
        "A document has at most 2000 fields, fragments and spreads of fragments."
    );
}

#[actix_web::test]
async fn a_request_does_at_most_twenty_things() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mutation = |count: usize| {
        let one = |n: usize| {
            format!(
                "a{n}: createAccessToken(input: {{type: PERSONAL, actorUrn: \"{}\", duration: ONE_HOUR, name: \"n{n}\"}}) {{ accessToken }} ",
                urn("admin")
            )
        };
        format!("mutation {{ {} }}", (0..count).map(one).collect::<String>())
    };
    for (count, document) in [
        (21, mutation(21)),
        (100, mutation(100)),
        (21, mutation(21).replacen("mutation {", "mutation { ...m } fragment m on Mutation {", 1)),
        (21, mutation(21).replacen("mutation {", "mutation { ... on Mutation {", 1) + "}"),
        (
            21,
            format!(
                "{{ {} }}",
                (0..21).map(|n| format!("a{n}: me {{ corpUser {{ urn }} }} ")).collect::<Vec<_>>().concat()
            ),
        ),
    ] {
        let answer = ask(&admin, &document, Value::Null).await;
        let refused = message(&answer, "ValidationError");
        assert_eq!(refused, "A request asks for at most 20 fields of the root.", "{count}");
    }
    let listed = ask(&admin, LIST, json!({"input": {}})).await;
    assert_eq!(data(&listed)["total"], 0);
    let answer = ask(&admin, &mutation(20), Value::Null).await;
    assert_eq!(answer["data"].as_object().unwrap().len(), 20, "{answer}");
    let listed = ask(&admin, LIST, json!({"input": {}})).await;
    assert_eq!(data(&listed)["total"], 20);
}

#[actix_web::test]
async fn rows_count_however_they_are_asked_for() {
    let app = App::start().await;
    let admin = app.admin().await;
    data(&create(&admin, "PERSONAL", "admin", "x", "ONE_HOUR").await);
    let aliases = |count: usize, call: &str| {
        let fields =
            "tokens { urn type id name description actorUrn ownerUrn createdAt expiresAt owner { urn username } }";
        (0..count).map(|n| format!("a{n}: listAccessTokens{call} {{ total {fields} }} ")).collect::<Vec<_>>().concat()
    };
    let own = format!("[{{field: \"ownerUrn\", values: [\"{}\"]}}]", urn("admin"));
    let literal = format!("(input: {{start: 0, count: 1000, filters: {own}}})");
    let text = literal.replace("1000", "\"1000\"");
    for (document, variables) in [
        (format!("{{ {} }}", aliases(19, &literal)), json!({})),
        (format!("{{ {} }}", aliases(19, &text)), json!({})),
        (
            format!("query($i: ListAccessTokenInput!) {{ {} }}", aliases(19, "(input: $i)")),
            json!({"i": {"count": 1000}}),
        ),
        (
            format!("query($i: ListAccessTokenInput!) {{ {} }}", aliases(19, "(input: $i)")),
            json!({"i": {"count": "9999"}}),
        ),
        (format!("query($i: ListAccessTokenInput = {{count: 1000}}) {{ {} }}", aliases(19, "(input: $i)")), json!({})),
        (format!("query($n: Int = 1000) {{ {} }}", aliases(19, "(input: {count: $n})")), json!({})),
        (format!("query($n: Int) {{ {} }}", aliases(19, "(input: {count: $n})")), json!({"n": 1000})),
        (format!("{{ ...f }} fragment f on Query {{ {} }}", aliases(19, &literal)), json!({})),
        (
            format!(
                "query a($n: Int = 1) {{ ...f }} query b($n: Int = 1000) {{ ...f }} fragment f on Query {{ {} }}",
                aliases(19, "(input: {count: $n})")
            ),
            json!({}),
        ),
    ] {
        let answer = ask(&admin, &document, variables).await;
        let message = message(&answer, "ValidationError");
        assert!(message.starts_with("A query costs at most 100000, not "), "{document} {answer}");
    }
    for (document, count) in [
        (format!("{{ {} }}", aliases(3, &literal)), 3),
        (format!("{{ {} }}", aliases(19, "(input: {start: 0})")), 19),
        (format!("{{ {} }}", aliases(19, "(input: {count: 100})")), 19),
    ] {
        let answer = ask(&admin, &document, json!({})).await;
        assert!(answer["errors"].is_null(), "{answer}");
        assert_eq!(answer["data"].as_object().unwrap().len(), count);
        assert_eq!(answer["data"]["a0"]["total"], 1, "{answer}");
    }
}

#[actix_web::test]
async fn the_schema_is_shown_and_not_walked_in_circles() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let deep = |levels: usize| format!("{}name{}", "fields { type { ".repeat(levels), " } }".repeat(levels));
    for document in [
        format!("{{ __schema {{ types {{ {} }} }} }}", deep(6)),
        format!("{{ __type(name: \"Query\") {{ {} }} }}", deep(8)),
        format!("{{ __type(name: \"Query\") {{ ...t }} }} fragment t on __Type {{ {} }}", deep(8)),
        format!("{{ __type(name: \"Query\") {{ ... on __Type {{ {} }} }} }}", deep(8)),
        "{ __schema { types { possibleTypes { possibleTypes { possibleTypes { possibleTypes { possibleTypes { name } } } } } } } }".to_owned(),
    ] {
        let answer = ask(&ada, &document, Value::Null).await;
        let message = message(&answer, "ValidationError");
        assert!(message.starts_with("A query costs at most"), "{document} {message}");
    }
    let answer = ask(&ada, INTROSPECTION, Value::Null).await;
    assert!(answer["errors"].is_null(), "{}", answer["errors"]);
    assert!(answer["data"]["__schema"]["types"].as_array().unwrap().len() < 80);
}

#[actix_web::test]
async fn an_answer_has_at_most_a_hundred_errors() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    for document in [
        format!("{{ me({}) {{ corpUser {{ urn }} }} }}", "a: 1 ".repeat(1000)),
        format!("{{ {} }}", (0..300).map(|n| format!("me{{x{n}}} ")).collect::<Vec<_>>().concat()),
        format!(
            "query({}) {{ me {{ corpUser {{ urn }} }} }}",
            (0..600).map(|n| format!("$v{n}: Nope ")).collect::<Vec<_>>().concat()
        ),
        format!("{{ me {{ {} }} }}", (0..400).map(|n| format!("x{n} ")).collect::<Vec<_>>().concat()),
    ] {
        let answer = ask(&ada, &document, Value::Null).await;
        let errors = answer["errors"].as_array().unwrap();
        assert!((1..=100).contains(&errors.len()), "{}", errors.len());
        assert!(answer.to_string().len() < 200_000, "{}", answer.to_string().len());
    }
}

#[actix_web::test]
async fn what_clients_send_is_within_the_bounds() {
    let app = App::start().await;
    let admin = app.admin().await;
    let input = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "name": "x", "duration": "ONE_HOUR"});
    data(&ask(&admin, CREATE, json!({"input": input})).await);
    data(&ask(&admin, LIST, json!({"input": {"start": 0, "count": 1000}})).await);
    let policies =
        "query listPolicies($input: ListPoliciesInput!) { listPolicies(input: $input) { start count total policies {
        urn type editable name description state privileges
        resources { type allResources resources filter { criteria { field values { value } condition } } }
        actors { users groups allUsers allGroups resourceOwners } } } }";
    data(&ask(&admin, policies, json!({"input": {"start": 0, "count": 1000}})).await);
}

/// What `GraphiQL` asks for.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name } mutationType { name }
  subscriptionType { name } types { ...FullType } directives { name description isRepeatable locations
  args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL
  fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
    isDeprecated deprecationReason }
  inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";
