//! Keyset-pagination cursors: where a page of a sorted collection ended, authenticated so that clients cannot alter
//! them.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use serde_json::Value as Json;
use sha2::Sha256;

use super::error::{Result, Violation};
use super::filter::Value;

const TAG: usize = 16;

/// The sort values and the id of the last record of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sort values of the record, one for each sort field, in order.
    pub values: Vec<Value>,
    /// The tie-breaker.
    pub id: String,
}

/// Writes and reads the cursors of one kind of request. An authentication tag covers the cursor and the request, so a
/// cursor works only with the collection, filter and sort it came from.
pub struct CursorSeal {
    keyed: Hmac<Sha256>,
}

impl CursorSeal {
    /// The seal for `question`: every part of a request that invalidates its cursors when changed.
    #[must_use]
    pub fn new(mut keyed: Hmac<Sha256>, question: &[&str]) -> Self {
        for part in question {
            keyed.update(&(part.len() as u64).to_be_bytes());
            keyed.update(part.as_bytes());
        }
        Self { keyed }
    }

    /// Encodes a cursor for a client.
    #[must_use]
    pub fn write(&self, cursor: &Cursor) -> String {
        let values = cursor.values.iter().map(|value| match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Instant(instant) => Json::from(*instant),
        });
        let payload = values.chain([Json::from(cursor.id.as_str())]).collect::<Json>().to_string();
        let mut sealed = self.tag(payload.as_bytes()).to_vec();
        sealed.extend_from_slice(payload.as_bytes());
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// Verifies and decodes a cursor from a client.
    ///
    /// # Errors
    /// A violation of `cursor` for anything that [`CursorSeal::write`] did not make for the same question.
    pub fn read(&self, text: &str) -> Result<Cursor> {
        self.open(text).ok_or_else(|| {
            let message = "must be one from a `Link` header, sent with the same `filter` and `sort`";
            Violation::new("cursor", message).into()
        })
    }

    fn open(&self, text: &str) -> Option<Cursor> {
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (tag, payload) = sealed.split_at_checked(TAG)?;
        let mut keyed = self.keyed.clone();
        keyed.update(payload);
        keyed.verify_truncated_left(tag).ok()?;
        let mut values: Vec<Value> = serde_json::from_slice::<Vec<Json>>(payload)
            .ok()?
            .into_iter()
            .map(|json| match json {
                Json::String(text) => Some(Value::Text(text)),
                json => json.as_i64().map(Value::Instant),
            })
            .collect::<Option<_>>()?;
        let Some(Value::Text(id)) = values.pop() else { return None };
        Some(Cursor { values, id })
    }

    fn tag(&self, payload: &[u8]) -> [u8; TAG] {
        let mut keyed = self.keyed.clone();
        keyed.update(payload);
        let full: [u8; 32] = keyed.finalize().into_bytes().into();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::pepper::Peppers;

    #[test]
    fn a_cursor_is_read_back_only_unaltered_and_for_the_same_question() {
        let peppers = Peppers::parse(&Peppers::generate(Entropy::SYSTEM).unwrap()).unwrap();
        let seal = |question: &[&str]| CursorSeal::new(peppers.derive("cursor"), question);
        let cursor = Cursor { values: vec![Value::Text("é\"".into()), Value::Instant(-7)], id: "x".into() };
        let text = seal(&["keys", "{}", ""]).write(&cursor);
        assert_eq!(seal(&["keys", "{}", ""]).read(&text).unwrap(), cursor);
        assert!(seal(&["keys", "", "{}"]).read(&text).is_err());
        assert!(seal(&["personas", "{}", ""]).read(&text).is_err());
        for index in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            assert!(seal(&["keys", "{}", ""]).read(std::str::from_utf8(&altered).unwrap()).is_err());
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![any::<String>().prop_map(Value::Text), any::<i64>().prop_map(Value::Instant)]
    }

    proptest! {
        #[test]
        fn a_cursor_of_any_values_is_read_back(values in prop::collection::vec(value(), 0..4), id: String) {
            let peppers = Peppers::parse(&Peppers::generate(Entropy::SYSTEM).unwrap()).unwrap();
            let seal = CursorSeal::new(peppers.derive("cursor"), &["keys"]);
            let cursor = Cursor { values, id };
            prop_assert_eq!(seal.read(&seal.write(&cursor)).ok(), Some(cursor));
        }
    }
}
