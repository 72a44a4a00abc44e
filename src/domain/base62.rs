//! Base62 encoding: digits, then upper-case, then lower-case letters. Every 8 bytes are 11 digits, the most significant
//! first, so each byte string has exactly one encoding.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The number of digits of 8 bytes.
pub(super) const WORD: usize = 11;

/// Writes a number into all of `digits`, with leading zeros.
pub(super) fn encode_number(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
}

/// Encodes every 8 bytes as [`WORD`] digits.
pub(super) fn encode(bytes: &[u8], digits: &mut [u8]) {
    for (word, digits) in bytes.as_chunks::<8>().0.iter().zip(digits.chunks_exact_mut(WORD)) {
        encode_number(u64::from_be_bytes(*word), digits);
    }
}

/// Decodes `digits`; `None` for an invalid character, a wrong length or an overflow.
pub(super) fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != N / 8 * WORD {
        return None;
    }
    let mut bytes = [0; N];
    for (word, digits) in bytes.chunks_exact_mut(8).zip(digits.chunks_exact(WORD)) {
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let value = VALUES[usize::from(*digit)];
            if value == FOREIGN { None } else { number.checked_mul(62)?.checked_add(u64::from(value)) }
        })?;
        word.copy_from_slice(&number.to_be_bytes());
    }
    Some(bytes)
}

const FOREIGN: u8 = u8::MAX;

/// The value of each byte as a base62 digit.
static VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are 62 digits")]
        let small = value as u8;
        values[DIGITS[value] as usize] = small;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_and_bytes_are_one_to_one(bytes in any::<[u8; 32]>()) {
            let mut digits = [0; 4 * WORD];
            encode(&bytes, &mut digits);
            prop_assert_eq!(decode::<32>(&digits), Some(bytes));
        }
    }
}
