//! Passwords of users: argon2id.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::domain::error::{Error, Result};
use crate::domain::password::PasswordSignIn;
use crate::service::Service;

impl Service {
    /// Checks that people sign in and sign up with passwords here.
    pub(in crate::service) fn require_passwords(&self) -> Result<()> {
        match self.password_sign_in {
            PasswordSignIn::On => Ok(()),
            PasswordSignIn::Off => Err(Error::PasswordsOff),
        }
    }

    /// Hashes a new password.
    pub(in crate::service) fn hash_password(&self, password: &str) -> Result<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt)?;
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        Ok(hash.map_err(|error| Error::Internal(error.to_string().into()))?.to_string())
    }

    /// A new random password: 22 base62 characters, 128 bits.
    pub(in crate::service) fn generate_password(&self) -> Result<String> {
        let mut random = crate::domain::token::KeyId([0; 16]);
        self.entropy.fill(&mut random.0)?;
        Ok(random.to_string())
    }
}

/// Whether `password` has this hash. Takes as long for [`UNUSABLE_HASH`].
pub(in crate::service) fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash that no password has. Timing side channel: it is checked for an unknown user, so that both cases take as
/// long.
pub(in crate::service) const UNUSABLE_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
