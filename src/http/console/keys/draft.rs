//! The fields of a key form, as typed and as parsed.

use chrono::NaiveDate;

use crate::clock::{DAY, SECOND};
use crate::domain::api_key::{ApiKey, ApiKeyUpdate, NEVER, NewApiKey, Rate, Validity, persona_set};
use crate::domain::limits::{AllowedAddresses, RateLimit};
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName};
use crate::http::console::form::{Form, FormErrors};

/// Field names of the services, and their names in the form.
pub(super) const FIELDS: [(&str, &str); 3] =
    [("personaQualifiedNames", "persona"), ("workspacePermissions", "permission"), ("displayName", "name")];

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub name: String,
    pub description: String,
    /// A number of days, `until`, `never`, or `keep` for an existing key.
    pub lifetime: String,
    /// The last day if `lifetime` is `until`: `2026-12-31`.
    pub until: String,
    pub personas: Vec<String>,
    pub permissions: Vec<String>,
    /// Networks, separated by commas or white space.
    pub addresses: String,
    /// The most requests per period; empty for no limit.
    pub rate: String,
    /// The period in seconds.
    pub period: String,
}

impl Draft {
    /// Reads a form, or the query string that fills it in; `lifetime` is the default lifetime.
    pub fn read(form: &Form, lifetime: &str) -> Self {
        let text = |name: &str| form.text(name).trim().to_owned();
        let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
        Self {
            name: text("name"),
            description: form.text("description").replace("\r\n", "\n"),
            lifetime: or(text("lifetime"), lifetime),
            until: text("until"),
            personas: form.all("persona").map(str::to_owned).collect(),
            permissions: form.all("permission").map(str::to_owned).collect(),
            addresses: text("addresses"),
            rate: text("rate"),
            period: or(text("period"), "60"),
        }
    }

    /// The fields with the current values of a key.
    pub fn of(key: &ApiKey) -> Self {
        let rate = key.limits.rate;
        Self {
            name: key.display_name.clone(),
            description: key.description.clone(),
            lifetime: "keep".to_owned(),
            until: String::new(),
            personas: key.personas.iter().map(|persona| persona.qualified_name.clone()).collect(),
            permissions: key.permissions.iter().map(|permission| permission.name().to_owned()).collect(),
            addresses: key.limits.addresses.texts().collect::<Vec<_>>().join(", "),
            rate: rate.map_or_else(String::new, |rate| rate.requests.to_string()),
            period: rate.map_or_else(|| "60".to_owned(), |rate| rate.seconds.to_string()),
        }
    }

    /// The rate, in words: `at most 60 times in a minute`; empty for none, and for one that is wrong.
    pub fn rate_words(&self) -> String {
        if !matches!(self.rate(), Ok(Rate::Limited(_))) {
            return String::new();
        }
        let period = match self.period.as_str() {
            "1" => "a second",
            "60" => "a minute",
            "3600" => "an hour",
            "86400" => "a day",
            other => &format!("{other} seconds"),
        };
        format!("at most {} times in {period}", self.rate)
    }

    /// When the key would expire, in epoch milliseconds; `None` if that cannot be parsed. `current` is when an existing
    /// key expires.
    pub fn ends(&self, now: i64, current: Option<i64>) -> Option<i64> {
        match self.lifetime.as_str() {
            "never" => Some(NEVER),
            "keep" => current,
            "until" => end_of_day(&self.until).ok(),
            days => Some(now + days.parse::<i64>().ok().filter(|days| (1..=DAYS).contains(days))? * DAY),
        }
    }

    fn validity(&self, now: i64) -> Result<Option<Validity>, (&'static str, String)> {
        let seconds = match self.lifetime.as_str() {
            "keep" => return Ok(None),
            "never" => return Ok(Some(Validity::NEVER)),
            "until" => {
                let end = end_of_day(&self.until).map_err(|message| ("until", message))?;
                if end <= now {
                    return Err(("until", "must be a day to come".to_owned()));
                }
                (end - now) / SECOND
            }
            days => match days.parse::<i64>() {
                Ok(days) if (1..=DAYS).contains(&days) => days * DAY / SECOND,
                _ => return Err(("lifetime", format!("must be 1 to {DAYS} days, `until` a day, or `never`"))),
            },
        };
        if seconds >= Validity::NEVER_FROM {
            return Err(("until", "must be within 12 years; choose never instead".to_owned()));
        }
        Validity::parse(seconds).map(Some).map_err(|message| ("lifetime", message))
    }

    /// Parses the fields into a change of a key, or returns every error.
    pub fn update(&self, now: i64) -> Result<ApiKeyUpdate, FormErrors> {
        let mut errors = FormErrors::default();
        let display_name = errors.keep("name", DisplayName::parse(&self.name));
        let description = errors.keep("description", Description::parse(&self.description));
        let permissions = errors.keep("permission", Permission::parse_all(&self.permissions));
        let personas = errors.keep("persona", persona_set(self.personas.clone()).map_err(|broken| broken.message));
        let split = |each: char| each == ',' || each.is_whitespace();
        let addresses = self.addresses.split(split).filter(|text| !text.is_empty());
        let addresses = errors.keep("addresses", AllowedAddresses::parse(addresses));
        let rate = errors.keep("rate", self.rate());
        let validity = self.validity(now).map_err(|(field, message)| errors.add(field, message)).ok();
        match (display_name, description, permissions, personas, addresses, rate, validity) {
            (
                Some(display_name),
                Some(description),
                Some(permissions),
                Some(personas),
                Some(addresses),
                Some(rate),
                Some(validity),
            ) => Ok(ApiKeyUpdate {
                display_name,
                description,
                validity,
                personas,
                permissions: Some(permissions),
                addresses: Some(addresses),
                rate: Some(rate),
            }),
            _ => Err(errors),
        }
    }

    /// Parses the fields into a new key, or returns every error.
    pub fn new_key(&self, now: i64) -> Result<NewApiKey, FormErrors> {
        Ok(self.update(now)?.into_new())
    }

    fn rate(&self) -> Result<Rate, String> {
        if self.rate.is_empty() {
            return Ok(Rate::Unlimited);
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| "must be a whole number".to_owned());
        let limit = RateLimit::parse(number(&self.rate)?, number(&self.period)?)?;
        limit.map(Rate::Limited).ok_or_else(|| "must be at least 1; leave it empty for no limit".to_owned())
    }
}

/// The longest lifetime in days; a longer one must be `never`.
const DAYS: i64 = 4_700;

/// The last second of a day in UTC, in epoch milliseconds.
fn end_of_day(text: &str) -> Result<i64, String> {
    let wrong = || "must be a date such as `2026-12-31`".to_owned();
    let date: NaiveDate = text.parse().map_err(|_| wrong())?;
    let midnight = date.succ_opt().and_then(|next| next.and_hms_opt(0, 0, 0)).ok_or_else(wrong)?;
    Ok(midnight.and_utc().timestamp_millis() - SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(lifetime: &str, until: &str) -> Draft {
        Draft {
            name: "x".into(),
            lifetime: lifetime.into(),
            until: until.into(),
            period: "60".into(),
            ..Draft::default()
        }
    }

    #[test]
    fn a_day_is_over_at_its_end() {
        let now = 1_795_391_999_000;
        let until = draft("until", "2026-11-23").new_key(now).unwrap();
        assert_eq!(until.validity.ends(now), 1_795_478_399_000, "2026-11-23T23:59:59Z");
        assert_eq!(draft("30", "").new_key(now).unwrap().validity.seconds(), 30 * 86_400);
        for (lifetime, until, field) in [
            ("until", "2026-11-22", "until"),
            ("until", "soon", "until"),
            ("until", "9999-12-31", "until"),
            ("0", "", "lifetime"),
            ("-1", "", "lifetime"),
            ("9999999999999999999", "", "lifetime"),
        ] {
            let errors = draft(lifetime, until).new_key(now).unwrap_err();
            assert!(!errors.at(field).is_empty(), "{lifetime} {until}");
        }
    }
}
