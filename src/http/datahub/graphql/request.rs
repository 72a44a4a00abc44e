//! Reading a GraphQL request.

use async_graphql::{Pos, Request, Variables, parser};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{limits, numbers};

/// The body of a request. Further members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    query: String,
    #[serde(default)]
    variables: Option<Value>,
    #[serde(default)]
    operation_name: Option<String>,
}

/// The request in a body; `None` if it is none. Nothing of it is logged, as variables hold tokens.
pub fn read(body: &[u8]) -> Option<Body> {
    let body: Body = serde_json::from_slice(body).ok()?;
    body.variables.as_ref().is_none_or(Value::is_object).then_some(body)
}

/// The document in it, small enough to be looked at by the engine.
///
/// # Errors
/// The error to send for what is no GraphQL, or too much of it.
pub fn parse(body: Body) -> Result<Request, Value> {
    let mut document = parser::parse_query(&body.query).map_err(|error| {
        let message = format!("Invalid Syntax : {}", without_excerpt(&error));
        problem(&message, error.positions(), "InvalidSyntax")
    })?;
    limits::check(&document).map_err(|excess| problem(&excess.message, [excess.position], "ValidationError"))?;
    numbers::in_document(&mut document);
    let mut request = Request::new(body.query);
    request.set_parsed_query(document);
    if let Some(mut variables) = body.variables {
        numbers::in_variables(&mut variables);
        request = request.variables(Variables::from_json(variables));
    }
    if let Some(name) = body.operation_name.filter(|name| !name.is_empty()) {
        request = request.operation_name(name);
    }
    Ok(request)
}

/// What the parser says, without the line that it shows: a token may be in it, and clients log messages. What was
/// expected comes last.
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
