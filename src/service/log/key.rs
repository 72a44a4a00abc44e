//! The key that signs the checkpoints, sealed in the database like the keys that sign children.

use data_encoding::HEXLOWER;

use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};
use crate::domain::log::note::LogKey;
use crate::domain::pepper::{PepperId, Peppers};
use crate::storage::log::LogState;

/// The purpose of the seal.
const SEAL: &str = "log key";

/// A sealed key.
pub(super) struct Sealed {
    pub(super) public_key: String,
    /// Sealed.
    pub(super) private_key: String,
    pub(super) pepper: String,
}

/// Draws a key.
pub(super) fn draw(peppers: &Peppers, entropy: Entropy) -> Result<Sealed> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed)?;
    seal(&seed, peppers, entropy)
}

fn seal(seed: &[u8], peppers: &Peppers, entropy: Entropy) -> Result<Sealed> {
    let public_key = HEXLOWER.encode(&LogKey::new("", seed)?.public());
    let pepper = peppers.current();
    let seal = peppers.seal(SEAL, pepper)?.ok_or_else(|| Error::Internal("no pepper".into()))?;
    let sealed = HEXLOWER.encode(&seal.seal(seed, public_key.as_bytes(), entropy)?);
    Ok(Sealed { public_key, private_key: sealed, pepper: pepper.to_string() })
}

/// The opened key of a log.
pub(super) struct Opened {
    pub(super) key: LogKey,
    /// The key sealed under the current pepper, if it is sealed under an older one.
    pub(super) resealed: Option<Sealed>,
}

/// Opens the key of a log.
pub(super) fn open(state: &LogState, peppers: &Peppers, entropy: Entropy) -> Result<Opened> {
    let pepper = PepperId::parse(&state.pepper);
    let seal = pepper.map(|pepper| peppers.seal(SEAL, pepper)).transpose()?.flatten();
    let sealed = HEXLOWER.decode(state.sealed.as_bytes()).ok();
    let seed = seal.zip(sealed).and_then(|(seal, sealed)| seal.open(&sealed, state.public_key.as_bytes()));
    let seed = seed.ok_or_else(|| Error::Conflict("no configured pepper opens the key of the log".to_owned()))?;
    let key = LogKey::new(&state.origin, &seed)?;
    if HEXLOWER.encode(&key.public()) != state.public_key {
        return Err(Error::Conflict("the public key of the log does not belong to its private key".to_owned()));
    }
    let is_current = pepper == Some(peppers.current());
    let resealed = if is_current { None } else { Some(self::seal(&seed, peppers, entropy)?) };
    Ok(Opened { key, resealed })
}
