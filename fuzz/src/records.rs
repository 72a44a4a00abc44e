//! Texts that Tessera shows or keeps: log lines, limits, and lines of the journal.

use tessera::domain::journal::JournalEntry;
use tessera::domain::limits::AllowedAddresses;
use tessera::domain::redaction::{has_opaque_token, has_token, redacted};

/// What has been redacted has no token; the rest of the text stays.
pub fn redaction(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let shown = redacted(text);
    assert_eq!(shown == text, !has_token(text));
    assert!(!has_token(&shown), "{shown}");
    assert!(!has_opaque_token(text) || has_token(text));
}

/// Networks are read as they are written, and lie within themselves.
pub fn addresses(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(networks) = AllowedAddresses::parse(text.lines()) else { return };
    let texts: Vec<String> = networks.texts().collect();
    assert_eq!(AllowedAddresses::parse(texts.iter().map(String::as_str)).as_ref(), Ok(&networks));
    assert!(networks.lie_within(&networks) && networks.lie_within(&AllowedAddresses::default()));
    assert_eq!(networks.allow(None), networks.is_everywhere());
    for text in &texts {
        let address = text.split('/').next().and_then(|address| address.parse().ok());
        assert!(networks.allow(address), "{text}");
    }
}

/// A line of the journal is read as it is written.
pub fn journal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(entry) = JournalEntry::parse(text) {
        let line = entry.to_string();
        assert!(!line.contains('\n') || entry.action.contains('\n'));
        assert_eq!(JournalEntry::parse(&line), Some(entry));
    }
}
