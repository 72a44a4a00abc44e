//! Access tokens: the named credentials of users and of service accounts other than API keys'. The terms are DataHub's.

use iso8601_duration::Duration as IsoDuration;
use sha2::{Digest, Sha256};

use super::api_key::{NEVER, Validity};
use super::base64;
use super::filter::Value::Instant;
use super::filter::{Described, Direction, Field, Kind, Kind::Exact, filtered, sorted};
use super::ids::PrincipalId;
use super::text::clip;
use super::text::{Description, DisplayName};
use super::token::{KeyId, Token};
use crate::clock::{DAY, HOUR, MINUTE, SECOND};

/// An access token without its plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Its id for clients: see [`wire_id`].
    pub id: String,
    /// The key id of its credential.
    pub key_id: KeyId,
    /// Not unique.
    pub name: String,
    /// The description; may be empty.
    pub description: String,
    /// The principal that it authenticates.
    pub actor: NamedPrincipal,
    /// Its creator.
    pub owner: NamedPrincipal,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds, or [`NEVER`].
    pub expires_at: i64,
    /// Epoch milliseconds; 0 if it was never used.
    pub last_used_at: i64,
}

/// A principal, as it was named when the token was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPrincipal {
    /// Its id, which distinguishes it from a later principal of the same name.
    pub id: PrincipalId,
    /// Its user name.
    pub username: String,
}

/// The client-visible id of an access token: 44 characters of Base64, like DataHub's ids, that reveal nothing of the
/// token.
#[must_use]
pub fn wire_id(key_id: KeyId) -> String {
    base64::encode(&Sha256::digest(key_id.0))
}

/// An access token just created, with the only copy of the token.
pub struct CreatedAccessToken {
    /// Its metadata.
    pub access_token: AccessToken,
    /// Shown once.
    pub token: Token,
}

/// The input for creating an access token.
#[derive(Debug, Clone)]
pub struct NewAccessToken {
    /// For a user or a service account.
    pub kind: AccessTokenKind,
    /// The user name of the principal to authenticate.
    pub actor: String,
    /// The lifetime of the token.
    pub validity: Validity,
    /// Its name for people.
    pub name: DisplayName,
    /// Its description.
    pub description: Description,
}

/// The kind of principal that an access token authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenKind {
    /// A user.
    Personal,
    /// A service account, but not an API key's.
    ServiceAccount,
}

/// Whether tokens without expiry may be created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NeverExpiring {
    /// Tokens without expiry may be created.
    #[default]
    Allow,
    /// Tokens without expiry may not be created; existing ones keep working.
    Forbid,
}

/// The lifetimes that access tokens may have.
#[derive(Debug, Clone)]
pub struct Lifetimes {
    /// Whether tokens without expiry are allowed.
    pub never: NeverExpiring,
    allowed: Vec<String>,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let allowed = ["PT1H", "P1D", "P7D", "P30D", "P90D", "P180D", "P365D"].map(str::to_owned).into();
        Self { never: NeverExpiring::default(), allowed }
    }
}

impl Lifetimes {
    /// The lifetimes that the configuration lists; the default ones if it lists none.
    ///
    /// # Errors
    /// A message that names the text that is no duration.
    pub fn new(never: NeverExpiring, allowed: Vec<String>) -> Result<Self, String> {
        let usable = |text: &&String| seconds_of(text).is_some_and(|seconds| seconds < Validity::NEVER_FROM);
        if let Some(bad) = allowed.iter().find(|text| !usable(text)) {
            return Err(format!("`{}` is no ISO 8601 duration such as `P30D`, of less than 13 years", clip(bad)));
        }
        if allowed.is_empty() { Ok(Self { never, ..Self::default() }) } else { Ok(Self { never, allowed }) }
    }

    /// The lifetimes besides "never", as ISO 8601 durations, and how many seconds each is.
    pub fn allowed(&self) -> impl Iterator<Item = (&str, i64)> {
        self.allowed.iter().filter_map(|text| Some((text.as_str(), seconds_of(text)?)))
    }

    /// The requested lifetime, by DataHub's name (`ONE_MONTH`) or in ISO 8601. The messages are DataHub's.
    ///
    /// # Errors
    /// A message that says what is allowed.
    pub fn choose(&self, named: Option<Validity>, iso: Option<&str>) -> Result<Validity, String> {
        match (named, iso) {
            (Some(Validity::NEVER), None) if self.never == NeverExpiring::Forbid => Err(
                "Never-expiring access tokens (NO_EXPIRY) cannot be created because ACCESS_TOKEN_ALLOW_NO_EXPIRY is \
                 false. Choose a duration from ACCESS_TOKEN_ALLOWED_DURATIONS, or set ACCESS_TOKEN_ALLOW_NO_EXPIRY=true."
                    .to_owned(),
            ),
            (Some(Validity::NEVER), None) => Ok(Validity::NEVER),
            (Some(named), None) => self.check(named.seconds(), &format!("PT{}S", named.seconds())),
            (None, Some(iso)) => match seconds_of(iso) {
                Some(seconds) => self.check(seconds, iso),
                None => Err(self.refusal(iso)),
            },
            _ => Err("Exactly one of duration or durationIso must be provided when creating an access token".to_owned()),
        }
    }

    fn check(&self, seconds: i64, asked: &str) -> Result<Validity, String> {
        let known = self.allowed().any(|(_, allowed)| allowed == seconds);
        if known { Validity::parse(seconds) } else { Err(self.refusal(asked)) }
    }

    fn refusal(&self, asked: &str) -> String {
        format!(
            "Access token duration '{}' is not allowed. Choose a value from ACCESS_TOKEN_ALLOWED_DURATIONS (currently: {}).",
            clip(asked),
            self.allowed.join(", ")
        )
    }
}

/// The seconds of an ISO 8601 duration; a month has 30 days, and a year 365.
fn seconds_of(text: &str) -> Option<i64> {
    let parsed: IsoDuration = text.parse().ok()?;
    let whole = |number: f32, seconds: i64| -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "checked: a whole number that `f32` holds exactly")]
        let count = (number.fract() == 0.0 && (0.0..16_777_216.0).contains(&number)).then_some(number as i64)?;
        count.checked_mul(seconds)
    };
    let parts = [
        (parsed.year, 365 * DAY),
        (parsed.month, 30 * DAY),
        (parsed.day, DAY),
        (parsed.hour, HOUR),
        (parsed.minute, MINUTE),
        (parsed.second, SECOND),
    ];
    let add = |sum: i64, (number, unit)| sum.checked_add(whole(number, unit / SECOND)?);
    let total = parts.into_iter().try_fold(0, add)?;
    (total > 0).then_some(total)
}

/// The fields that access tokens can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenField {
    /// The id on the wire.
    Id,
    /// The name.
    Name,
    /// The description.
    Description,
    /// The user name of the principal it authenticates.
    Actor,
    /// The user name of its creator.
    Owner,
    /// The id of its creator. Internal, not for clients.
    OwnerId,
    /// When it was created.
    CreatedAt,
    /// When it expires, if ever.
    ExpiresAt,
}

impl Field for AccessTokenField {
    type Record = AccessToken;
    const ALL: &'static [Self] =
        &[Self::Id, Self::Name, Self::Description, Self::Actor, Self::Owner, Self::CreatedAt, Self::ExpiresAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::ExpiresAt, Direction::Descending);

    fn described(self) -> Described<AccessToken> {
        match self {
            Self::Id => filtered("id", Exact),
            Self::Name => filtered("name", Kind::Text).trimmed(),
            Self::Description => filtered("description", Kind::Text),
            Self::Actor => filtered("actorUrn", Exact),
            Self::Owner => filtered("ownerUrn", Exact),
            Self::OwnerId => filtered("ownerId", Exact),
            Self::CreatedAt => filtered("createdAt", Kind::Instant),
            Self::ExpiresAt => sorted("expiresAt", Kind::Instant, |token| {
                Instant(if token.expires_at == NEVER { 0 } else { token.expires_at })
            }),
        }
    }

    fn id_of(record: &AccessToken) -> String {
        record.id.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_compared_by_their_length() {
        let lifetimes = Lifetimes::default();
        let month = lifetimes.choose(Validity::parse(30 * 86_400).ok(), None).unwrap();
        for same in ["P30D", "P1M", "PT720H", "P29DT24H"] {
            assert_eq!(lifetimes.choose(None, Some(same)), Ok(month), "{same}");
        }
        assert_eq!(lifetimes.choose(None, Some("P1Y")), Validity::parse(31_536_000));
        for bad in ["", " ", "P", "P0D", "P2D", "30", "P-1D", "P1.5D", "P99999999999999999999D", "NO_EXPIRY"] {
            let message = lifetimes.choose(None, Some(bad)).unwrap_err();
            assert!(message.starts_with("Access token duration '") && message.ends_with("P180D, P365D)."), "{message}");
        }
    }

    #[test]
    fn for_ever_can_be_forbidden() {
        let forbidding = Lifetimes::new(NeverExpiring::Forbid, Vec::new()).unwrap();
        assert!(
            forbidding
                .choose(Some(Validity::NEVER), None)
                .unwrap_err()
                .starts_with("Never-expiring access tokens (NO_EXPIRY)")
        );
        assert_eq!(Lifetimes::default().choose(Some(Validity::NEVER), None), Ok(Validity::NEVER));
        assert!(Lifetimes::new(NeverExpiring::Allow, vec!["a month".to_owned()]).is_err());
    }

    #[test]
    fn an_id_is_base64_of_44_characters_and_stable() {
        let id = wire_id(KeyId([7; 16]));
        assert!(id.len() == 44 && id.ends_with('='), "{id}");
        assert_eq!(id, wire_id(KeyId([7; 16])));
    }

    proptest! {
        #[test]
        fn a_duration_is_as_long_as_its_parts(
            parts in prop::array::uniform6(0_i64..10_000),
            seconds in 1_i64..16_777_216,
        ) {
            let [year, month, day, hour, minute, second] = parts;
            let written = format!("P{year}Y{month}M{day}DT{hour}H{minute}M{second}S");
            let days = year * 365 + month * 30 + day;
            let total = ((days * 24 + hour) * 60 + minute) * 60 + second;
            prop_assert_eq!(seconds_of(&written), (total > 0).then_some(total));
            prop_assert_eq!(seconds_of(&format!("PT{seconds}S")), Some(seconds));
        }

        #[test]
        fn an_allowed_duration_is_chosen_as_it_is_listed(days in prop::collection::vec(1_i64..4_000, 1..5)) {
            let listed: Vec<String> = days.iter().map(|days| format!("P{days}D")).collect();
            let lifetimes = Lifetimes::new(NeverExpiring::Allow, listed.clone()).unwrap();
            let told: Vec<(String, i64)> = lifetimes.allowed().map(|(text, seconds)| (text.to_owned(), seconds)).collect();
            let expected = listed.into_iter().zip(days.into_iter().map(|days| days * 86_400));
            prop_assert_eq!(&told, &expected.collect::<Vec<_>>());
            for (text, seconds) in told {
                prop_assert_eq!(lifetimes.choose(None, Some(&text)), Ok(Validity::parse(seconds).unwrap()));
            }
        }
    }
}
