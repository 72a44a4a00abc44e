//! Authenticated encryption with keys derived from the pepper, for what the database or a client keeps for Tessera.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::entropy::Entropy;
use super::error::{Error, Result};

/// A key for one purpose. Sealed bytes are a random nonce, the ciphertext and its tag (ChaCha20-Poly1305, RFC 8439).
pub struct Seal(LessSafeKey);

impl Seal {
    /// How much longer sealed bytes are than their content.
    pub const OVERHEAD: usize = NONCE_LEN + 16;

    /// The seal with that key.
    ///
    /// # Errors
    /// Never for 32 bytes.
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key);
        Ok(Self(LessSafeKey::new(key.map_err(|_| Error::Internal("the cipher refuses its key".into()))?)))
    }

    /// Encrypts a text; `context` must be the same for [`Seal::open`].
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, text: &[u8], context: &[u8], entropy: Entropy) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut text = text.to_vec();
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.seal_in_place_append_tag(nonce_used, Aad::from(context), &mut text);
        sealed.map_err(|_| Error::Internal("the cipher refuses its text".into()))?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// Decrypts what [`Seal::seal`] made with the same key and context; `None` for anything else.
    #[must_use]
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_context_open_what_was_sealed() {
        let (seal, other) = (Seal::new(&[1; 32]).unwrap(), Seal::new(&[2; 32]).unwrap());
        let sealed = seal.seal(b"content", b"context", Entropy::SYSTEM).unwrap();
        assert_eq!(sealed.len(), 7 + Seal::OVERHEAD);
        assert_eq!(seal.open(&sealed, b"context").as_deref(), Some(b"content".as_slice()));
        assert_eq!(seal.open(&sealed, b"contexT"), None);
        assert_eq!(other.open(&sealed, b"context"), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open(&changed, b"context"), None);
            assert_eq!(seal.open(&sealed[..place], b"context"), None);
        }
    }
}
