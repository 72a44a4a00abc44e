//! A response, and what tests check of it.

use actix_web::body::to_bytes;
use actix_web::http::header::HeaderMap;
use actix_web::{Error, HttpResponse, dev::ServiceResponse};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Empty if the body is not text.
    pub text: String,
    pub bytes: Vec<u8>,
    /// `null` if the body is not JSON.
    pub json: Value,
    /// The request, for messages of failed assertions.
    pub target: String,
}

impl Answer {
    /// Reads a response; an error is rendered as the server renders it.
    pub async fn read(outcome: Result<ServiceResponse, Error>) -> Self {
        let response = outcome.map_or_else(HttpResponse::from_error, HttpResponse::from);
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body).await.unwrap().to_vec();
        // What is compressed, or a tile of the log, is no text.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status: head.status().as_u16(),
            headers: head.headers().clone(),
            text,
            bytes,
            json,
            target: String::new(),
        }
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json
    }

    /// The body of an error, which must be that one.
    #[track_caller]
    pub fn refused(self, code: &str) -> Value {
        assert_eq!(self.json["errorCode"], code, "{} {}", self.status, self.text);
        let status =
            if code == "TESSERA-400-004" { self.status } else { code.split('-').nth(1).unwrap().parse().unwrap() };
        assert_eq!(self.status, status);
        self.json
    }

    /// The answer to deleting a missing or hidden record: a success, and nothing was deleted.
    #[track_caller]
    pub fn deletes_nothing(self) {
        assert_eq!(self.ok()["mutatedEntities"]["DELETE"], serde_json::json!([]));
    }

    /// Like `refused`, for a violation of one field; returns its message.
    #[track_caller]
    pub fn violates(self, field: &str) -> String {
        let body = self.refused("TESSERA-400-001");
        let causes = body["causes"].as_array().unwrap();
        assert_eq!(causes.len(), 1, "{body}");
        assert_eq!(causes[0]["location"], field, "{body}");
        causes[0]["errorMessage"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).collect();
        assert!(values.len() <= 1, "`{name}` is there {} times", values.len());
        values.first().map(|value| value.to_str().unwrap())
    }

    /// One member of each record.
    #[track_caller]
    pub fn column(&self, member: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text);
        let records = self.json["records"].as_array().unwrap();
        records.iter().map(|record| record[member].as_str().unwrap().to_owned()).collect()
    }

    /// The qualified names of the entities found, sorted; all of them must be on the page.
    #[track_caller]
    pub fn found(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text);
        let mut names: Vec<String> = self.json["entities"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(|entity| entity["attributes"]["qualifiedName"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(self.json["approximateCount"], names.len(), "{}", self.text);
        names.sort();
        names
    }

    /// `totalRecord` and `filterRecord`.
    #[track_caller]
    pub fn totals(&self) -> [i64; 2] {
        assert_eq!(self.status, 200, "{}", self.text);
        ["totalRecord", "filterRecord"].map(|total| self.json[total].as_i64().unwrap())
    }

    /// The URL of the next page: the link is relative to the request's URL.
    pub fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        let (target, relation) = link.split_once('>').unwrap();
        assert_eq!(relation, "; rel=\"next\"");
        let (path, _) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let query = target.strip_prefix("<?").unwrap();
        Some(format!("{path}?{query}"))
    }
}
