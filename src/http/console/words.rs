//! Instants, resources and permissions in words.

use chrono::{DateTime, Datelike, Timelike};

use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::domain::api_key::NEVER;
use crate::domain::child::CALL_TOOL;
use crate::domain::permission::Permission;
use crate::domain::policy::{Category, Condition, Criterion, Facet};

/// The names of the months.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant as pages show it: relative, with the exact time as a tooltip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayTime {
    /// `2026-11-29T10:00:00Z`, for the `datetime` of the element.
    pub iso: String,
    /// `29 Nov 2026, 10:00 UTC`
    pub exact: String,
    /// `29 Nov 2026`
    pub day: String,
    /// `in 5 days`, `2 hours ago`
    pub relative: String,
}

impl DisplayTime {
    /// The instant relative to `now`, both in epoch milliseconds; `None` for never.
    #[must_use]
    pub fn of(instant: i64, now: i64) -> Option<Self> {
        if instant == NEVER || instant == 0 {
            return None;
        }
        let date = DateTime::from_timestamp_millis(instant)?;
        let month = MONTHS[date.month0() as usize % 12];
        let day = format!("{} {month} {}", date.day(), date.year());
        Some(Self {
            iso: format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                date.year(),
                date.month(),
                date.day(),
                date.hour(),
                date.minute(),
                date.second()
            ),
            exact: format!("{day}, {:02}:{:02} UTC", date.hour(), date.minute()),
            day,
            relative: relative(instant, now),
        })
    }
}

/// The distance to an instant, in the largest unit of which there are about two or more.
#[must_use]
pub fn relative(instant: i64, now: i64) -> String {
    let (distance, ahead) = ((instant - now).abs(), instant > now);
    let text = match distance {
        ..MINUTE => return if ahead { "in a moment".to_owned() } else { "just now".to_owned() },
        _ if distance < 2 * HOUR => counted(distance / MINUTE, "minute"),
        _ if distance < 2 * DAY => counted(distance / HOUR, "hour"),
        _ if distance < 90 * DAY => counted(distance / DAY, "day"),
        _ if distance < 730 * DAY => counted(distance / (30 * DAY), "month"),
        _ => counted(distance / (365 * DAY), "year"),
    };
    if ahead { format!("in {text}") } else { format!("{text} ago") }
}

/// `1 key`, `2 keys`
#[must_use]
pub fn counted(count: i64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `1 policy`, `2 policies`
#[must_use]
pub fn policies(count: usize) -> String {
    if count == 1 { "1 policy".to_owned() } else { format!("{count} policies") }
}

/// A number with commas between thousands: `28,411`
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The resources that meet all these criteria, in words.
#[must_use]
pub fn resources(criteria: &[Criterion]) -> String {
    if criteria.is_empty() {
        return "everything".to_owned();
    }
    let one = |criterion: &Criterion| {
        let values = criterion.values.join(" or ");
        match (&criterion.field, criterion.condition) {
            (Facet::Name, Condition::Covers) if criterion.values.iter().any(|value| value == "*") => {
                "everything".to_owned()
            }
            (Facet::Name, Condition::Covers) if criterion.values.is_empty() => "nothing".to_owned(),
            (Facet::Name, Condition::Covers) if criterion.values.iter().all(|value| value.contains('*')) => {
                format!("names like {values}")
            }
            (Facet::Name, Condition::Covers) => format!("{values} and what lies beneath"),
            (Facet::Name, Condition::Equals) => values,
            (Facet::Name, Condition::StartsWith) => format!("names that begin with {values}"),
            (Facet::Name, Condition::NotEquals) => format!("everything but {values}"),
            (Facet::Type, Condition::NotEquals) => format!("of any type but {values}"),
            (Facet::Type, _) => format!("of the type {values}"),
            (field, Condition::NotEquals) => format!("where {} is not {values}", field.field()),
            (field, Condition::StartsWith) => format!("where {} begins with {values}", field.field()),
            (field, _) => format!("where {} is {values}", field.field()),
        }
    };
    criteria.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A duration in the largest unit that divides it evenly.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let units = [(365 * DAY, "year"), (30 * DAY, "month"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")];
    let fits = |(size, _): &&(i64, &str)| seconds % (size / SECOND) == 0;
    let (size, unit) = units.iter().find(fits).unwrap_or(&(SECOND, "second"));
    counted(seconds / (size / SECOND), unit)
}

/// A short duration: `0.31 ms`, `12 ms`, `1.4 s`
#[must_use]
pub fn elapsed(duration: std::time::Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1_000.0),
    }
}

/// What an action of a persona's policy lets one do; empty for an unknown action.
#[must_use]
pub fn action_words(action: &str) -> &'static str {
    ACTIONS.iter().find(|(name, _)| *name == action).map_or("", |(_, words)| words)
}

/// An action as pages show it: in words, with its name beneath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionWords {
    /// `see assets and their metadata`; the name itself if nothing is known about it.
    pub words: String,
    /// The name, if `words` is not the name.
    pub name: String,
}

impl ActionWords {
    /// An action of any kind: of a persona's policy, a permission, a privilege of DataHub, a tool's, or `*`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let words = match (action_words(name), Permission::find(name)) {
            ("", Some(permission)) => meaning(permission).1.to_owned(),
            ("", None) => match name {
                "*" => "everything".to_owned(),
                CALL_TOOL => "call tools".to_owned(),
                _ if is_privilege(name) => name.to_lowercase().replace('_', " "),
                _ => return Self { words: name.to_owned(), name: String::new() },
            },
            (words, _) => words.to_owned(),
        };
        Self { words, name: name.to_owned() }
    }

    /// All of these.
    #[must_use]
    pub fn all(names: &[String]) -> Vec<Self> {
        names.iter().map(|name| Self::of(name)).collect()
    }
}

/// Whether a name is spelled as DataHub's privileges are, which are an open set: `VIEW_ENTITY_PAGE`.
#[must_use]
pub fn is_privilege(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// The actions of personas' policies, in words.
const ACTIONS: [(&str, &str); 38] = [
    ("persona-asset-read", "see assets and their metadata"),
    ("persona-asset-update", "change metadata"),
    ("persona-api-create", "create assets"),
    ("persona-api-delete", "delete assets"),
    ("persona-business-update-metadata", "change custom metadata"),
    ("persona-entity-add-classification", "add tags"),
    ("persona-entity-update-classification", "change tags"),
    ("persona-entity-remove-classification", "remove tags"),
    ("persona-add-terms", "add glossary terms to assets"),
    ("persona-remove-terms", "remove glossary terms from assets"),
    ("persona-dq-create", "create checks of data quality"),
    ("persona-dq-read", "see checks of data quality"),
    ("persona-dq-update", "change checks of data quality"),
    ("persona-dq-delete", "delete checks of data quality"),
    ("select", "query the data and preview it"),
    ("persona-glossary-read", "see glossaries, terms and categories"),
    ("persona-glossary-create", "create terms and categories"),
    ("persona-glossary-update", "change glossaries, terms and categories"),
    ("persona-glossary-delete", "delete terms and categories"),
    ("persona-glossary-update-custom-metadata", "change custom metadata of terms"),
    ("persona-glossary-add-classifications", "add tags to terms"),
    ("persona-glossary-update-classifications", "change tags of terms"),
    ("persona-glossary-delete-classifications", "remove tags from terms"),
    ("persona-domain-read", "see domains"),
    ("persona-domain-create", "create domains"),
    ("persona-domain-update", "change domains"),
    ("persona-domain-delete", "delete domains"),
    ("persona-domain-sub-domain-read", "see subdomains"),
    ("persona-domain-sub-domain-create", "create subdomains"),
    ("persona-domain-sub-domain-update", "change subdomains"),
    ("persona-domain-sub-domain-delete", "delete subdomains"),
    ("persona-domain-product-read", "see data products"),
    ("persona-domain-product-create", "create data products"),
    ("persona-domain-product-update", "change data products"),
    ("persona-domain-product-delete", "delete data products"),
    ("persona-domain-business-update-metadata", "change custom metadata of domains"),
    ("persona-domain-sub-domain-business-update-metadata", "change custom metadata of subdomains"),
    ("persona-domain-product-business-update-metadata", "change custom metadata of data products"),
];

/// What the policies of a category are about.
#[must_use]
pub fn category_words(category: Category) -> &'static str {
    match category {
        Category::Metadata => "assets and what is known of them",
        Category::Data => "the data itself",
        Category::Glossary => "glossaries and terms",
        Category::Domain => "domains and data products",
        Category::Platform => "Tessera itself",
        Category::Entities => "entities of DataHub",
    }
}

/// The title of a permission, and what its holder can do.
#[must_use]
pub fn meaning(permission: Permission) -> (&'static str, &'static str) {
    match permission {
        Permission::ManageApiKeys => ("Manage keys", "create, change and delete API keys"),
        Permission::ManagePersonas => ("Manage personas", "create, change and delete personas and their policies"),
        Permission::ViewAudit => ("Read the audit trail", "read who changed what"),
        Permission::VerifyTokens => ("Verify tokens", "ask about the tokens of others, as gateways do"),
        Permission::GeneratePersonalAccessTokens => {
            ("Generate access tokens", "create and revoke access tokens of its own")
        }
        Permission::ManageAccessTokens => {
            ("Manage access tokens", "create and revoke access tokens of every user and service account")
        }
        Permission::ManageServiceAccounts => {
            ("Manage service accounts", "create and delete service accounts and their tokens")
        }
        Permission::ManagePolicies => ("Manage policies", "write the policies of the platform"),
        Permission::ManageUsersAndGroups => ("Manage people", "give roles to users and remove them"),
        Permission::ManageUserCredentials => ("Invite people", "hand out invitations to sign up"),
        Permission::ViewAnalytics => ("View analytics", "read what DataHub's clients call analytics"),
        Permission::ViewApiKeys => ("See keys", "read the list of API keys"),
        Permission::ViewUsers => ("See people", "read the list of users"),
        Permission::ImpersonateUsers => ("Act as people", "act as users who have no more access, for minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (28_411, "28,411"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn every_action_of_a_persona_is_told_in_words() {
        let all: Vec<&str> = Category::all().flat_map(Category::actions).collect();
        assert_eq!(ACTIONS.map(|(action, _)| action).to_vec(), all);
    }

    #[test]
    fn every_kind_of_action_is_told_in_words() {
        for (name, words) in [
            ("select", "query the data and preview it"),
            ("MANAGE_APIKEYS", "create, change and delete API keys"),
            ("VIEW_ENTITY_PAGE", "view entity page"),
            ("*", "everything"),
        ] {
            assert_eq!(ActionWords::of(name), ActionWords { words: words.to_owned(), name: name.to_owned() });
        }
        assert_eq!(ActionWords::of("own-thing"), ActionWords { words: "own-thing".to_owned(), name: String::new() });
    }

    #[test]
    fn durations_are_told_in_the_unit_that_fits() {
        for (micros, text) in [(312, "0.31 ms"), (12_345, "12 ms"), (1_440_000, "1.4 s")] {
            assert_eq!(elapsed(std::time::Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn instants_are_told_in_the_unit_that_fits() {
        let now = 1_795_391_999_000;
        for (distance, text) in [
            (30_000, "in a moment"),
            (-30_000, "just now"),
            (MINUTE, "in 1 minute"),
            (-119 * MINUTE, "119 minutes ago"),
            (5 * DAY, "in 5 days"),
            (-100 * DAY, "3 months ago"),
            (800 * DAY, "in 2 years"),
            (47 * HOUR, "in 47 hours"),
        ] {
            assert_eq!(relative(now + distance, now), text);
        }
        let when = DisplayTime::of(now, now).unwrap();
        assert_eq!((when.iso.as_str(), when.exact.as_str()), ("2026-11-22T23:59:59Z", "22 Nov 2026, 23:59 UTC"));
        assert_eq!(DisplayTime::of(NEVER, now), None);
    }
}
