//! The end of a connection: a response that announces it is the last one (RFC 9112, section 9.6).
//!
//! actix decides for each request anew whether the connection goes on, and requests that a client has sent ahead are
//! parsed already. So they are refused here, and their responses are not written.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use actix_http::{ConnectionType, ResponseHead, Version};

/// No response has announced the end.
const OPEN: u8 = 0;
/// The last response has begun.
const ANNOUNCED: u8 = 1;
/// The last response is in the connection's buffer as a whole, because a request behind it has its turn.
const BUFFERED: u8 = 2;
/// The last response is written. Nothing more is.
const SILENT: u8 = 3;

/// How far the end of a connection has come.
#[derive(Default)]
pub(super) struct Ending(AtomicU8);

impl Ending {
    /// Whether the last response has begun: further requests must not be processed.
    pub(super) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed) != OPEN
    }

    /// Makes a response the last one if `must_close`, or if it says itself that it is.
    pub(super) fn of_response(&self, response: &mut ResponseHead, must_close: bool) {
        // actix reuses heads, also of responses to HTTP/1.0, and sets the version when it writes: until then it says nothing.
        response.version = Version::HTTP_11;
        if must_close {
            response.set_connection_type(ConnectionType::Close);
        }
        if response.connection_type() == ConnectionType::Close {
            self.0.store(ANNOUNCED, Ordering::Relaxed);
        }
    }

    /// Waits, in the turn of a request behind the last response, until that response is written.
    pub(super) async fn written(&self) {
        // The flush that ends this is in the same task, and wakes it.
        poll_fn(|_| {
            let _ = self.0.compare_exchange(ANNOUNCED, BUFFERED, Ordering::Relaxed, Ordering::Relaxed);
            if self.is_silent() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Records that everything in the connection's buffer has been written.
    pub(super) fn flushed(&self, context: &Context<'_>) {
        if self.0.compare_exchange(BUFFERED, SILENT, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            context.waker().wake_by_ref();
        }
    }

    /// Whether nothing more is written.
    pub(super) fn is_silent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == SILENT
    }
}
