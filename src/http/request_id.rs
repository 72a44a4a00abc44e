//! The name of a request: what finds it in the log and in the audit trail.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;
use uuid::{Builder, Uuid};

use crate::domain::actor::Request;
use crate::domain::entropy::Entropy;

/// The name of a request.
#[derive(Debug, Clone)]
pub enum RequestId {
    /// What its client calls it.
    Given(HeaderValue),
    /// What it is called here.
    Made(Uuid),
}

impl RequestId {
    /// As the value of a header.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        match self {
            Self::Given(value) => value.clone(),
            Self::Made(id) => {
                let text = &mut Uuid::encode_buffer();
                HeaderValue::from_str(id.hyphenated().encode_lower(text)).unwrap_or(HeaderValue::from_static("unknown"))
            }
        }
    }

    /// As text, to be kept.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        match self {
            Self::Given(value) => value.to_str().unwrap_or_default().into(),
            Self::Made(id) => Arc::from(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(value) => formatter.write_str(value.to_str().unwrap_or_default()),
            Self::Made(id) => id.hyphenated().fmt(formatter),
        }
    }
}

/// The number of a request in this process, and its name.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// No other request has it, whatever clients call theirs.
    pub number: u64,
    /// Its name.
    pub id: RequestId,
}

impl Numbered {
    /// As the actor that makes it carries it.
    #[must_use]
    pub fn request(&self) -> Request {
        Request { number: self.number, id: self.id.text() }
    }
}

/// Makes names for requests that have none: version 7 UUIDs, unique and no secrets, so their random part is drawn once
/// and then counted on from.
pub struct RequestIds {
    drawn: [u8; 10],
    made: AtomicU64,
}

impl RequestIds {
    /// With a beginning of its own. Without randomness names are unique in this process only; that is no reason not to
    /// serve.
    #[must_use]
    pub fn new(entropy: Entropy) -> Self {
        let mut drawn = [0; 10];
        if entropy.fill(&mut drawn).is_err() {
            tracing::warn!("no randomness for the ids of requests");
        }
        Self { drawn, made: AtomicU64::new(0) }
    }

    /// The next one, at `now` epoch milliseconds.
    pub fn make(&self, now: i64) -> RequestId {
        let mut random = self.drawn;
        let [_, _, counted @ ..] = &mut random;
        let next = u64::from_be_bytes(*counted).wrapping_add(self.made.fetch_add(1, Ordering::Relaxed));
        *counted = next.to_be_bytes();
        let millis = u64::try_from(now).unwrap_or(0);
        RequestId::Made(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn made_in_the_same_millisecond_they_differ_also_where_counting_overflows() {
        let largest = Entropy::from_fn(|bytes| {
            bytes.fill(0xff);
            Ok(())
        });
        for entropy in [Entropy::SYSTEM, largest] {
            let ids = RequestIds::new(entropy);
            let made: HashSet<String> = (0..10_000).map(|_| ids.make(1).to_string()).collect();
            assert_eq!(made.len(), 10_000);
            assert!(made.iter().all(|id| id.len() == 36));
        }
    }

    #[test]
    fn two_processes_make_different_ones() {
        let make = || RequestIds::new(Entropy::SYSTEM).make(1).to_string();
        assert_ne!(make(), make());
    }

    #[test]
    fn its_three_spellings_are_one() {
        let made = RequestIds::new(Entropy::SYSTEM).make(1_795_391_999_000);
        for id in [made, RequestId::Given(HeaderValue::from_static("mine"))] {
            assert_eq!(
                (id.header().to_str().unwrap(), &*id.text()),
                (id.to_string().as_str(), id.to_string().as_str())
            );
        }
    }
}
