//! GraphQL: the scan before the parser, and the whole path from a request body to its response.

use std::sync::LazyLock;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql_value::Value;
use futures_util::FutureExt;
use tessera::domain::nesting::{GRAPHQL_DEPTH, check_graphql};
use tessera::http::datahub::graphql::{Schema, parse, read, schema, write};

/// A document that passes the scan parses on this stack, and is no deeper than the scan says.
pub fn nesting(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if check_graphql(text).is_ok()
        && let Ok(document) = parse_query(text)
    {
        let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
        let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
        for selections in operations.chain(fragments) {
            assert!(depth(selections) <= GRAPHQL_DEPTH);
        }
    }
}

fn depth(selections: &SelectionSet) -> usize {
    let inner = selections.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => {
            let arguments = field.node.arguments.iter().map(|(_, value)| 1 + depth_of_value(&value.node));
            arguments.max().unwrap_or(0).max(depth(&field.node.selection_set.node))
        }
        Selection::InlineFragment(inline) => depth(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => 0,
    });
    if selections.items.is_empty() { 0 } else { 1 + inner.max().unwrap_or(0) }
}

fn depth_of_value(value: &Value) -> usize {
    match value {
        Value::List(members) => 1 + members.iter().map(depth_of_value).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth_of_value).max().unwrap_or(0),
        _ => 0,
    }
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);

/// The input is a request body, or a document to send with ordinary variables.
pub fn execute(data: &[u8]) {
    let body = if data.starts_with(b"{\"") {
        data.to_vec()
    } else {
        let Ok(query) = std::str::from_utf8(data) else { return };
        let variables = serde_json::json!({"input": {"start": "0", "count": "1"}, "n": 1000});
        serde_json::json!({"query": query, "variables": variables}).to_string().into_bytes()
    };
    let Ok(body) = read(&body) else { return };
    if let Ok((request, _)) = parse(body)
        && let Some(response) = SCHEMA.execute(request).now_or_never()
    {
        let text = write(&response);
        let answer: serde_json::Value = serde_json::from_slice(&text).expect("an answer is JSON");
        assert!(answer["errors"].as_array().is_none_or(|errors| errors.len() <= 100));
    }
}
