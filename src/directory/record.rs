//! Records: the data of a credential and its principal that is kept in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::HOUR;
use crate::domain::actor::{Actor, Holder, PresentedCredential, Standing};
use crate::domain::credential::{KnownCredential, Use};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::AllowedAddresses;
use crate::domain::network::Network;
use crate::domain::pepper::{Digest, PepperId, Peppers};
use crate::domain::token::{KeyId, ParsedToken, TokenKind};

/// A point in time, counted in changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

/// Orders calls and reads: each ticket is larger than those issued before it. Its upper bits are the uptime at which it
/// was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

impl Ticket {
    /// 2^20 tickets per millisecond; more than that make later tickets claim an uptime that is too large.
    const BITS: u32 = 20;

    /// The first ticket of that uptime, in milliseconds.
    pub(crate) fn first_at(uptime: i64) -> Self {
        Self(uptime.cast_unsigned() << Self::BITS)
    }

    /// The uptime at which it was issued, in milliseconds.
    pub(crate) fn uptime(self) -> i64 {
        (self.0 >> Self::BITS).cast_signed()
    }
}

/// A credential and its principal's standing, as read from storage. It is immutable except for its uses and its moment;
/// a newer record replaces it. There may be millions: what follows from the token or the principal is not stored, and
/// one allocation holds the rest.
#[derive(Debug)]
pub struct Record {
    standing: Standing,
    digest: Digest,
    pepper: PepperId,
    expires_at: i64,
    /// `None` for no restriction, as for most.
    addresses: Option<Box<AllowedAddresses>>,
    last_used_at: AtomicI64,
    unsaved_uses: AtomicI64,
    /// The number of the network of the latest use.
    network: AtomicU64,
    moment: AtomicU64,
    ticket: Ticket,
}

/// Whether a use must be queued for saving, and whether its network must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct First {
    /// The first since uses were last taken.
    pub(crate) since_taken: bool,
    /// The first in this hour, or from another network than the use before.
    pub(crate) from_network: bool,
}

impl Record {
    /// A record of a credential whose read began at `moment` with that ticket.
    pub(crate) fn new(known: KnownCredential, moment: Moment, ticket: Ticket) -> Self {
        let KnownCredential { credential, standing, limits } = known;
        let bound = limits.addresses != AllowedAddresses::default();
        Self {
            standing,
            digest: credential.digest,
            pepper: credential.pepper,
            expires_at: credential.expires_at,
            addresses: bound.then(|| Box::new(limits.addresses)),
            last_used_at: AtomicI64::new(0),
            unsaved_uses: AtomicI64::new(0),
            network: AtomicU64::new(0),
            moment: AtomicU64::new(moment.0),
            ticket,
        }
    }

    /// The ticket issued when its read began.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// The principal that the credential authenticates.
    #[must_use]
    pub fn principal_id(&self) -> PrincipalId {
        self.standing.principal.id
    }

    /// Whether the token's secret is right, even if the credential has expired or its principal is disabled.
    #[must_use]
    pub fn has_secret_of(&self, token: &ParsedToken, peppers: &Peppers) -> bool {
        peppers.digest(token, self.pepper).is_some_and(|presented| self.digest.matches(&presented))
    }

    /// The actor of a token already proved to be of that kind and key id, if credential and principal are active at `now`.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn authenticate(self: &Arc<Self>, kind: TokenKind, key_id: KeyId, now: i64) -> Result<Actor> {
        if self.expires_at <= now {
            return Err(Error::Unauthenticated(Refusal::Expired));
        }
        if !self.standing.principal.enabled {
            return Err(Error::Unauthenticated(Refusal::Disabled));
        }
        let credential = PresentedCredential { kind, key_id, expires_at: self.expires_at };
        let mut actor = Actor::of(Arc::<Self>::clone(self));
        actor.credential = Some(credential);
        Ok(actor)
    }

    /// Checks that the credential may be used from `address`.
    ///
    /// # Errors
    /// [`Error::ForeignAddress`]
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        match &self.addresses {
            Some(addresses) if !addresses.allow(address) => Err(Error::ForeignAddress),
            _ => Ok(()),
        }
    }

    /// The moment up to which the record is known to be right.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.moment.load(Ordering::SeqCst))
    }

    /// Moves the record's moment up to `moment`.
    pub(crate) fn advance_moment(&self, moment: Moment) {
        self.moment.fetch_max(moment.0, Ordering::SeqCst);
    }

    /// Counts a use. Returns whether it is the first since uses were taken, and the first of this hour or from another
    /// network.
    pub(crate) fn record_use(&self, now: i64, network: Network) -> First {
        let before = self.last_used_at.fetch_max(now, Ordering::Relaxed);
        let number = network.number();
        let from_network = number != self.network.load(Ordering::Relaxed) || now / HOUR > before / HOUR;
        if from_network {
            self.network.store(number, Ordering::Relaxed);
        }
        First { since_taken: self.unsaved_uses.fetch_add(1, Ordering::AcqRel) == 0, from_network }
    }

    /// The uses that are not yet taken for saving.
    pub(crate) fn unsaved_use(&self) -> Use {
        self.used(self.unsaved_uses.load(Ordering::Acquire))
    }

    /// Takes the unsaved uses for saving and resets the count.
    pub(crate) fn take_use(&self) -> Use {
        self.used(self.unsaved_uses.swap(0, Ordering::AcqRel))
    }

    fn used(&self, count: i64) -> Use {
        Use { principal: self.principal_id(), last_used_at: self.last_used_at.load(Ordering::Relaxed), count }
    }
}

impl Holder for Record {
    fn standing(&self) -> &Standing {
        &self.standing
    }
}
