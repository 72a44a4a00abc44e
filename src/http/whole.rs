//! Whole numbers in bodies: JSON knows one kind of number, so `3600.0` is as whole as `3600`, and some languages write it so.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

use crate::domain::text::whole;

/// A type of whole numbers.
pub trait Whole: TryFrom<i64> {
    /// The text in error messages for the expected type.
    const EXPECTED: &'static str;
    /// The text in error messages for the allowed range.
    const WITHIN: &'static str;
}

impl Whole for i64 {
    const EXPECTED: &'static str = "a whole number";
    const WITHIN: &'static str = "a whole number from -9223372036854775808 to 9223372036854775807";
}

impl Whole for u32 {
    const EXPECTED: &'static str = "a whole number, not negative";
    const WITHIN: &'static str = "a whole number from 0 to 4294967295";
}

/// Reads a number.
///
/// # Errors
/// For what is no whole number.
pub fn read<'de, D: Deserializer<'de>, T: Whole>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Number(PhantomData))
}

/// Reads a number, or null.
///
/// # Errors
/// For what is neither.
pub fn read_or_null<'de, D: Deserializer<'de>, T: Whole>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(OrNull(PhantomData))
}

struct Number<T>(PhantomData<T>);

impl<T: Whole> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| beyond::<E, T>())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        i64::try_from(number).map_err(|_| beyond::<E, T>()).and_then(|number| self.visit_i64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        match whole(number) {
            Some(number) => self.visit_i64(number),
            None if number.fract() == 0.0 => Err(beyond::<E, T>()),
            None => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }
}

fn beyond<E: Error, T: Whole>() -> E {
    E::custom(format!("the number is too small or too large, expected {}", T::WITHIN))
}

struct OrNull<T>(PhantomData<T>);

impl<'de, T: Whole> Visitor<'de> for OrNull<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        read(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<T: Whole>(text: &str) -> Result<T, String> {
        read(&mut serde_json::Deserializer::from_str(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fraction_of_nothing_is_none() {
        for (text, number) in [("3600", 3600), ("3600.0", 3600), ("3.6e3", 3600), ("-0.0", 0), ("-1.0", -1)] {
            assert_eq!(parsed::<i64>(text), Ok(number), "{text}");
        }
        assert_eq!(parsed::<i64>("9223372036854775807"), Ok(i64::MAX));
        for text in ["0.5", "1e-3", "\"3600\"", "true", "[]", "1e300", "9223372036854775808"] {
            assert!(parsed::<i64>(text).unwrap_err().contains("expected a whole number"), "{text}");
        }
        assert_eq!(parsed::<u32>("7.0"), Ok(7));
        assert!(parsed::<u32>("-1").unwrap_err().contains("expected a whole number from 0 to"));
        assert!(parsed::<u32>("4294967296").unwrap_err().contains("expected a whole number from 0 to"));
        let null = read_or_null::<_, i64>(&mut serde_json::Deserializer::from_str("null"));
        assert_eq!(null.unwrap(), None);
    }
}
