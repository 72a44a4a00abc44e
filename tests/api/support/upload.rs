//! A request body that arrives when the test says so.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// The body, for the server.
pub struct Upload {
    pieces: UnboundedReceiver<Bytes>,
    asked: watch::Sender<bool>,
}

/// The body, for the test; it ends when this is dropped.
pub struct Uploader {
    pieces: UnboundedSender<Bytes>,
    asked: watch::Receiver<bool>,
}

/// A body of which nothing has been sent.
pub fn upload() -> (Uploader, Upload) {
    let (send, pieces) = unbounded_channel();
    let (tell, asked) = watch::channel(false);
    (Uploader { pieces: send, asked }, Upload { pieces, asked: tell })
}

impl Uploader {
    pub fn send(&self, piece: impl Into<Bytes>) {
        // The server may have stopped reading.
        let _ = self.pieces.send(piece.into());
    }

    /// Waits until the server begins to read.
    pub async fn asked_for(&mut self) {
        self.asked.wait_for(|asked| *asked).await.unwrap();
    }

    pub fn was_asked_for(&self) -> bool {
        *self.asked.borrow()
    }
}

impl Stream for Upload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.asked.send_replace(true);
        this.pieces.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
