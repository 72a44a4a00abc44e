//! A request body that knows whether it has been read to its end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_http::{Payload, Request};
use actix_web::web::Bytes;
use futures_util::Stream;

/// The body of a request, shared by its handler and the connection.
#[derive(Clone)]
pub(super) struct Body(Rc<RefCell<Reading>>);

enum Reading {
    /// There may be more.
    Open(Payload),
    /// It has arrived as a whole.
    Ended,
    /// It broke off, or breaks the rules of its framing.
    Failed,
}

impl Body {
    /// Replaces the body of a request; `None` if it has none.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        let payload = request.take_payload();
        if matches!(payload, Payload::None) {
            return None;
        }
        let body = Self(Rc::new(RefCell::new(Reading::Open(payload))));
        *request.payload() = Payload::Stream { payload: Box::pin(body.clone()) };
        Some(body)
    }

    /// Whether the whole body has arrived. What is here of it and was not read is discarded.
    pub(super) async fn has_arrived(&self) -> bool {
        let mut rest = self.clone();
        poll_fn(|context| {
            while let Poll::Ready(Some(_)) = Pin::new(&mut rest).poll_next(context) {}
            Poll::Ready(matches!(*self.0.borrow(), Reading::Ended))
        })
        .await
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut reading = self.0.borrow_mut();
        let Reading::Open(payload) = &mut *reading else { return Poll::Ready(None) };
        let next = Pin::new(payload).poll_next(context);
        match next {
            Poll::Ready(None) => *reading = Reading::Ended,
            Poll::Ready(Some(Err(_))) => *reading = Reading::Failed,
            _ => {}
        }
        next
    }
}
