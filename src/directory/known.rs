//! A record in the directory.

use std::net::IpAddr;
use std::sync::Arc;

use super::fence::Moment;
use super::rates::Limiter;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::pepper::Peppers;
use crate::domain::record::Record;
use crate::domain::token::ParsedToken;

/// A record, when it was read, and what counts its uses if they are limited.
#[derive(Clone)]
pub struct Known {
    /// The record.
    pub record: Arc<Record>,
    pub(super) moment: Moment,
    pub(super) limiter: Option<Arc<Limiter>>,
}

impl Known {
    /// The actor, if it may act now, from `address`. Only a genuine token uses its rate limit up.
    ///
    /// # Errors
    /// Those of [`Record::recognise`] and [`Record::check_address`], or
    /// [`Error::RateLimited`](crate::domain::error::Error::RateLimited).
    pub fn admit(&self, token: &ParsedToken, peppers: &Peppers, now: i64, address: Option<IpAddr>) -> Result<Actor> {
        let actor = self.record.recognise(token, peppers, now)?;
        self.record.check_address(address)?;
        match &self.limiter {
            Some(limiter) => Ok(actor.allowed(limiter.take()?)),
            None => Ok(actor),
        }
    }
}
