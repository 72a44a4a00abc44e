//! Serializes the answer to a document.

use std::io::{self, Write};

use async_graphql::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::problem;

/// The most errors in an answer; further errors are left out.
pub const ERRORS: usize = 100;
/// The longest answer, in bytes.
pub const LENGTH: usize = 8 << 20;

#[derive(Serialize)]
struct ResponseBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    /// Absent when nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a async_graphql::Value>,
    extensions: Empty,
}

#[derive(Serialize)]
struct Empty {}

/// The answer to a document that was not executed.
pub fn refused(error: &Value) -> Vec<u8> {
    json!({"errors": [error], "extensions": {}}).to_string().into_bytes()
}

/// The answer to a document that was executed; an error if it is longer than `LENGTH`.
pub fn write(response: &Response) -> Vec<u8> {
    let errors = response.errors.iter().take(ERRORS).map(problem::render).collect();
    let errors_of_fields = response.errors.iter().any(|error| !error.path.is_empty());
    let executed = response.errors.is_empty() || errors_of_fields || response.data != async_graphql::Value::Null;
    let answer = ResponseBody { errors, data: executed.then_some(&response.data), extensions: Empty {} };
    let mut text = Bounded { text: Vec::new(), length: LENGTH };
    match serde_json::to_writer(&mut text, &answer) {
        Ok(()) => text.text,
        Err(_) => refused(&json!({
            "message": format!("The answer has more than {LENGTH} bytes: ask for fewer rows or fields."),
            "extensions": {"classification": "ValidationError"},
        })),
    }
}

/// A buffer that fails a write beyond `length` bytes.
struct Bounded {
    text: Vec<u8>,
    length: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.length {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, ServerError};

    use super::*;

    #[test]
    fn errors_are_counted_and_clipped() {
        let long = "é".repeat(5000);
        let errors = (0..300).map(|_| ServerError::new(long.clone(), None)).collect();
        let answer: Value = serde_json::from_slice(&write(&Response::from_errors(errors))).unwrap();
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), ERRORS);
        assert!(errors.iter().all(|error| error["message"].as_str().unwrap().len() <= problem::MESSAGE + 3));
    }

    #[test]
    fn an_answer_that_is_too_long_is_an_error_instead() {
        let data = |length: usize| {
            let text = async_graphql::Value::String("x".repeat(length));
            Response::new(async_graphql::Value::Object([(Name::new("a"), text)].into_iter().collect()))
        };
        assert!(write(&data(LENGTH - 100)).len() > LENGTH - 100);
        let refused: Value = serde_json::from_slice(&write(&data(LENGTH))).unwrap();
        assert_eq!(refused["data"], Value::Null);
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("more than 8388608 bytes"), "{refused}");
    }
}
