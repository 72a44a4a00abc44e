//! Base64 of RFC 4648, section 4, where every value has exactly one text.

use data_encoding::BASE64;

/// Decodes padded Base64. `None` if `encode` would not have written this text.
///
/// [`data_encoding::BASE64`] alone also reads several padded texts in a row as one.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| encode(bytes) == text)
}

/// Encodes with padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn only_what_is_encoded_is_decoded() {
        for bytes in [&b""[..], b":", b"a:b", b"abc:def", &[0xff; 31]] {
            assert_eq!(decode(&encode(bytes)).unwrap(), bytes);
        }
        for text in ["Og==Og==", "Og==OjpP", "Og==Og", "Og", "Oh==", "O", "Og= =", "Og==\n", " Og==", "_-A=", "===="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
