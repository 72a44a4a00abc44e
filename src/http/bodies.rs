//! Reading bodies: within a length, at a pace, and within the memory that all bodies share.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::problem::Failure;
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::shares::{Share, Shares};

/// The longest body of a request without a credential, in bytes. None of those that are taken needs more.
pub const STRANGERS: usize = 16_384;

/// A body of so many bytes that arrives in one piece is in no memory of its own, and is not counted.
const UNCOUNTED: usize = 8_192;

/// How bodies are read.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The longest body, in bytes.
    pub longest: usize,
    /// How much memory all bodies may take, in bytes.
    pub memory: usize,
    /// How long a body may take whatever its length.
    pub grace: Duration,
    /// For so many bytes it may take a second longer.
    pub bytes_per_second: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { longest: 262_144, memory: 64 << 20, grace: Duration::from_secs(25), bytes_per_second: 1024 }
    }
}

/// Whose body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// An actor's.
    Actor(PrincipalId),
    /// That of somebody without a credential.
    Stranger(Network),
}

/// The bodies being read and worked on.
pub struct Bodies {
    limits: BodyLimits,
    of_actors: Shares<Sender>,
    of_strangers: Shares<Sender>,
}

/// The part of the memory that strangers share, and the part that one actor can have, is one in so many.
const PART: usize = 4;

impl Bodies {
    /// None yet.
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

    /// How much memory they take, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.of_actors.taken() + self.of_strangers.taken()
    }

    /// Reads the body of a request. The memory is given back when the request is answered.
    ///
    /// # Errors
    /// `Failure::TooLarge`, `Failure::Slow`, `Failure::Overloaded`, or `Failure::Body` for one that breaks off.
    pub async fn read(
        &self,
        request: &HttpRequest,
        mut payload: Payload,
        longest: usize,
        sender: Sender,
    ) -> Result<Bytes, Failure> {
        // Not a byte is read of what is too long by its own account.
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

/// A body that is being read, with the memory it takes.
struct Body {
    pieces: Pieces,
    share: Option<Share<Sender>>,
    /// How long it may become.
    longest: usize,
}

/// What has arrived. Most bodies come in one piece, which is then not copied.
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
                    // Memory doubles when it has to grow, as far as the body can.
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

    /// Sees to it that so much memory is counted.
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
