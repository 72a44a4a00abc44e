//! Reads request bodies within three limits: length, a minimum rate (slow-loris guard), and the memory of all bodies.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::problem::Failure;
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::shares::{Share, Shares};

/// The longest body of an unauthenticated request, in bytes. No endpoint without authentication needs more.
pub const UNAUTHENTICATED_LENGTH: usize = 16_384;

/// A body of at most this many bytes that arrives in one piece is not copied out of the connection's buffer, and so is
/// not counted.
const UNCOUNTED: usize = 8_192;

/// The limits on request bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The longest body, in bytes.
    pub longest: usize,
    /// The memory that all bodies together may take, in bytes.
    pub memory: usize,
    /// How long any body may take.
    pub grace: Duration,
    /// A body may take one more second for each this many bytes received.
    pub bytes_per_second: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { longest: 262_144, memory: 64 << 20, grace: Duration::from_secs(25), bytes_per_second: 1024 }
    }
}

/// The sender whose share of the memory a body counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// An authenticated actor.
    Actor(PrincipalId),
    /// An unauthenticated client, by its network.
    Stranger(Network),
}

/// Admission control for request bodies: counts the memory of those being read or handled.
pub struct Bodies {
    limits: BodyLimits,
    of_actors: Shares<Sender>,
    of_strangers: Shares<Sender>,
}

/// Unauthenticated clients together get 1/`PART` of the memory, and so does each actor at most.
const PART: usize = 4;

impl Bodies {
    /// Creates an empty counter of body memory.
    #[must_use]
    pub fn new(limits: BodyLimits) -> Self {
        let part = limits.memory / PART;
        Self { of_actors: Shares::new(limits.memory - part, part), of_strangers: Shares::new(part, part / 2), limits }
    }

    /// The longest body, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.limits.longest
    }

    /// The memory that bodies take now, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.of_actors.taken() + self.of_strangers.taken()
    }

    /// Reads the body of a request. Its memory is released when the request is answered.
    ///
    /// # Errors
    /// `Failure::Encoded`, `Failure::TooLarge`, `Failure::Slow`, `Failure::Overloaded`, or `Failure::Body` for a body
    /// that breaks off.
    pub async fn read(
        &self,
        request: &HttpRequest,
        mut payload: Payload,
        longest: usize,
        sender: Sender,
    ) -> Result<Bytes, Failure> {
        if let Some(coding) = request.headers().get(CONTENT_ENCODING)
            && !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")
        {
            return Err(Failure::Encoded);
        }
        // If `Content-Length` is already too large, no byte is read.
        let declared = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        if declared.is_some_and(|declared: usize| declared > longest) {
            return Err(Failure::TooLarge(longest));
        }
        let mut body = Body { pieces: Pieces::None, share: None, longest };
        let began = Instant::now();
        loop {
            let allowed = self.limits.grace + self.time_for(body.length());
            let piece = timeout_at(began + allowed, payload.next()).await.map_err(|_| Failure::Slow)?;
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|_| Failure::Body("the body could not be read".to_owned()))?;
            if body.length() + piece.len() > longest {
                return Err(Failure::TooLarge(longest));
            }
            let shares = match sender {
                Sender::Actor(_) => &self.of_actors,
                Sender::Stranger(_) => &self.of_strangers,
            };
            body.add(piece, shares, sender)?;
        }
        let Body { pieces, share, .. } = body;
        if let Some(share) = share {
            request.extensions_mut().insert(share);
        }
        Ok(pieces.whole())
    }

    fn time_for(&self, length: usize) -> Duration {
        Duration::from_secs((length / self.limits.bytes_per_second.max(1)) as u64)
    }
}

/// A body being read, with its share of the memory.
struct Body {
    pieces: Pieces,
    share: Option<Share<Sender>>,
    /// The longest length accepted, in bytes.
    longest: usize,
}

/// The bytes received so far. Most bodies arrive in one piece, which is not copied.
enum Pieces {
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Pieces {
    fn whole(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::One(piece) => piece,
            Self::Many(pieces) => pieces.freeze(),
        }
    }
}

impl Body {
    fn length(&self) -> usize {
        match &self.pieces {
            Pieces::None => 0,
            Pieces::One(piece) => piece.len(),
            Pieces::Many(pieces) => pieces.len(),
        }
    }

    fn add(&mut self, piece: Bytes, shares: &Shares<Sender>, sender: Sender) -> Result<(), Failure> {
        self.pieces = match std::mem::replace(&mut self.pieces, Pieces::None) {
            Pieces::None => {
                if piece.len() > UNCOUNTED {
                    self.cover(piece.len(), shares, sender)?;
                }
                Pieces::One(piece)
            }
            Pieces::One(first) => {
                let length = first.len() + piece.len();
                self.cover(length, shares, sender)?;
                let mut pieces = BytesMut::with_capacity(length);
                pieces.extend_from_slice(&first);
                pieces.extend_from_slice(&piece);
                Pieces::Many(pieces)
            }
            Pieces::Many(mut pieces) => {
                let (length, room) = (pieces.len() + piece.len(), pieces.capacity());
                if length > room {
                    // Doubles the buffer, up to the longest length accepted.
                    let room = length.max(2 * room).min(self.longest);
                    self.cover(room, shares, sender)?;
                    let mut grown = BytesMut::with_capacity(room);
                    grown.extend_from_slice(&pieces);
                    pieces = grown;
                }
                pieces.extend_from_slice(&piece);
                Pieces::Many(pieces)
            }
        };
        Ok(())
    }

    /// Grows the body's share of the memory to `amount` bytes.
    fn cover(&mut self, amount: usize, shares: &Shares<Sender>, sender: Sender) -> Result<(), Failure> {
        let taken = match &mut self.share {
            Some(share) => share.grow(amount.saturating_sub(share.amount())),
            none => {
                *none = shares.take(sender, amount);
                none.is_some()
            }
        };
        if taken { Ok(()) } else { Err(Failure::Overloaded) }
    }
}
