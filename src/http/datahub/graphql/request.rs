//! Parses and checks a GraphQL request.

use async_graphql::{Pos, Request, Variables, parser};
use serde::Deserialize;
use serde_json::{Value, json};

use super::skips::{self, Placeholders};
use super::types::InvalidValue;
use super::{limits, literals, variables};
use crate::domain::nesting::{LimitExceeded, Unreadable, check_graphql, read_json_overclosed};
use crate::http::problem::Failure;

/// The body of a request. Unknown members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    query: String,
    #[serde(default)]
    variables: Option<Value>,
    #[serde(default)]
    operation_name: Option<String>,
}

/// Parses a body. It is never logged, because variables hold tokens.
///
/// # Errors
/// A body that is no GraphQL request, or is nested too deep.
pub fn read(body: &[u8]) -> Result<Body, Failure> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::Body("the body must be one GraphQL request: there are no batches".to_owned()));
    }
    let body: Body = read_json_overclosed(body).map_err(|error| match error {
        Unreadable::LimitExceeded(excess) => excess.into(),
        Unreadable::DuplicateMember(twice) => twice.into(),
        Unreadable::Json(_) => no_graphql(),
    })?;
    if body.variables.as_ref().is_none_or(Value::is_object) { Ok(body) } else { Err(no_graphql()) }
}

fn no_graphql() -> Failure {
    let message = "the body must be a JSON object with `query`, a text, and perhaps `variables`, an object, and \
                   `operationName`, a text";
    Failure::Body(message.to_owned())
}

/// Parses the document, converts its values to their types, and enforces all limits before the engine sees them.
///
/// # Errors
/// The error to send for invalid GraphQL, an exceeded limit, a variable that is missing, or a value that does not fit.
pub fn parse(body: Body) -> Result<(Request, Placeholders), Value> {
    check_graphql(&body.query)
        .map_err(|excess| problem(&format!("The query {excess}."), [place(&body.query, excess)], "InvalidSyntax"))?;
    let mut document = parser::parse_query(&body.query).map_err(|error| {
        let message = format!("Invalid Syntax : {}", without_excerpt(&error));
        problem(&message, error.positions(), "InvalidSyntax")
    })?;
    let invalid = |InvalidValue { message, position }| problem(&message, [position], "ValidationError");
    // The limits read the values that the engine will read.
    literals::convert(&mut document).map_err(invalid)?;
    let mut values = Variables::from_json(body.variables.unwrap_or_default());
    let operation = body.operation_name.filter(|name| !name.is_empty());
    variables::coerce(&mut document, operation.as_deref(), &mut values).map_err(invalid)?;
    limits::check(&document, &values)
        .map_err(|excess| problem(&excess.message, [excess.position], "ValidationError"))?;
    let stand_ins = skips::fill(&mut document, &values);
    let mut request = Request::new(body.query).variables(values);
    request.set_parsed_query(document);
    if let Some(name) = operation {
        request = request.operation_name(name);
    }
    Ok((request, stand_ins))
}

/// The line and the column at which the limit is exceeded.
fn place(query: &str, LimitExceeded { at, .. }: LimitExceeded) -> Pos {
    let before = &query[..query.floor_char_boundary(at)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    Pos { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

/// The last line of the parser's message, which says what was expected. The excerpt before it may contain a token, and
/// clients log messages.
fn without_excerpt(error: &parser::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default().trim_start();
    last.strip_prefix("= ").unwrap_or(last).to_owned()
}

fn problem(message: &str, positions: impl IntoIterator<Item = Pos>, classification: &str) -> Value {
    let locations: Vec<Value> =
        positions.into_iter().map(|position| json!({"line": position.line, "column": position.column})).collect();
    json!({"message": message, "locations": locations, "extensions": {"classification": classification}})
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::nesting::{GRAPHQL_DEPTH, JSON_DEPTH};
    use crate::http::datahub::graphql::schema;

    /// Half the stack of a thread that answers requests.
    const STACK: usize = 1 << 20;

    /// Reads, checks and executes a body on a small stack.
    fn execute(body: String) {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            let body = read(body.as_bytes()).unwrap();
            if let Ok((request, _)) = parse(body) {
                assert!(schema().execute(request).now_or_never().is_some());
            }
        });
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn the_deepest_document_that_is_parsed_fits_into_half_a_stack() {
        for (head, open, middle, close, tail) in [
            ("{me(a:", "[", "1", "]", "){corpUser{urn}}}"),
            ("{me(a:", "{a:", "1", "}", "){corpUser{urn}}}"),
            ("query($a:Int=", "[", "1", "]", "){me{corpUser{urn}}}"),
            ("query($a:", "[", "Int", "]", "){me{corpUser{urn}}}"),
            ("{me @skip(if:", "{a:", "1", "}", "){corpUser{urn}}}"),
            ("", "{a", "{a}", "}", ""),
            ("", "{...", "{__typename}", "}", ""),
        ] {
            let around = head.matches(['{', '(']).count() + middle.matches('{').count();
            let levels = GRAPHQL_DEPTH - around;
            let document = format!("{head}{}{middle}{}{tail}", open.repeat(levels), close.repeat(levels));
            assert!(check_graphql(&document).is_ok() && check_graphql(&format!("{{{document}}}")).is_err());
            execute(json!({"query": document}).to_string());
        }
    }

    /// Parses a document that uses `$v` `times` times, with that value.
    fn uses(document: &str, times: usize, value: &Value) -> Result<Request, Value> {
        let query = document.replace("USES", &"{field:\"o\",values:$v}".repeat(times));
        parse(read(json!({"query": query, "variables": {"v": value}}).to_string().as_bytes()).unwrap())
            .map(|(request, _)| request)
    }

    #[test]
    fn each_use_of_a_variable_counts_all_of_its_values() {
        let (list, text) = (json!(vec!["a"; 6_000]), json!(["a".repeat(200_000)]));
        let at = "query($v:[String!]){listAccessTokens(input:{filters:[USES]}){total}}";
        let spread =
            "query($v:[String!]){...f ...f} fragment f on Query{listAccessTokens(input:{filters:[USES]}){total}}";
        let unused = "{me{corpUser{urn}}} fragment f on Query{listAccessTokens(input:{filters:[USES]}){total}}";
        let directive = "query($v:[String!]){me @include(if:[USES]){corpUser{urn}}}";
        for (document, few, many) in [(at, 16, 17), (spread, 5, 6), (unused, 16, 17), (directive, 16, 17)] {
            assert!(uses(document, few, &list).is_ok(), "{document}");
            let refused = uses(document, many, &list).unwrap_err();
            assert!(refused["message"].as_str().unwrap().contains("values of variables"), "{refused}");
        }
        assert!(uses(at, 15, &text).is_ok() && uses(at, 16, &text).is_err(), "long texts count, too");
        let default = format!(
            "query($v:[String!]={}){{listAccessTokens(input:{{filters:[USES]}}){{total}}}}",
            json!(vec!["a"; 500])
        );
        assert!(
            parse(
                read(json!({"query": default.replace("USES", &"{values:$v}".repeat(250))}).to_string().as_bytes())
                    .unwrap()
            )
            .is_err()
        );
    }

    #[test]
    fn the_deepest_variables_that_are_read_fit_into_half_a_stack() {
        for (open, close) in [("[", "]"), ("{\"count\":", "}")] {
            let levels = JSON_DEPTH - 2;
            let value = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            let query = "query($i:ListAccessTokenInput!){listAccessTokens(input:$i){total}}";
            execute(format!("{{\"query\":{},\"variables\":{{\"i\":{value}}}}}", Value::from(query)));
        }
    }
}
