//! A request body that knows whether it has been read to its end.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::PayloadError;
use actix_http::{Payload, Request};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

/// How long the response to a request waits for the rest of its body.
///
/// actix calls the handler before it hands over the body, also one in the same packet as the head, and clients write
/// both one after the other. Closing a connection for a body on its way costs the client a new one for every request.
const GRACE: Duration = Duration::from_millis(10);

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

    /// Whether the whole body arrives within [`GRACE`]. What was not read of it is discarded.
    pub(super) async fn arrives(&self) -> bool {
        if matches!(*self.0.borrow(), Reading::Open(_)) {
            let mut rest = self.clone();
            // Boxed, so that requests without a body carry no room for a timer. What came of it is seen below.
            let _ = Box::pin(timeout(GRACE, async move { while rest.next().await.is_some() {} })).await;
        }
        matches!(*self.0.borrow(), Reading::Ended)
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
