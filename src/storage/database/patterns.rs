//! `is_like_any` on SQLite.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::policy::{Pattern, Patterns};

/// The longest texts that are kept, together, in bytes.
const KEPT: usize = 4 << 20;

/// The parsed patterns of the latest statements of one connection: SQLite calls the function for every row.
#[derive(Default)]
pub(super) struct PatternCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By the length of the text: hashing all of it for every row would take longer than comparing it.
    sets: HashMap<usize, Vec<(String, Patterns)>>,
    bytes: usize,
}

impl PatternCache {
    /// Whether the name matches one of the patterns in this JSON array.
    pub(super) fn match_name(&self, patterns: String, name: &str) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut alike = kept.sets.get(&patterns.len()).into_iter().flatten();
        if let Some((_, set)) = alike.find(|(text, _)| *text == patterns) {
            return set.match_name(name);
        }
        let set = parse(&patterns);
        let matches = set.match_name(name);
        if kept.bytes + patterns.len() > KEPT {
            *kept = Kept::default();
        }
        kept.bytes += patterns.len();
        kept.sets.entry(patterns.len()).or_default().push((patterns, set));
        matches
    }
}

/// The set of patterns in a JSON array that the storage has written.
fn parse(patterns: &str) -> Patterns {
    let patterns: Vec<String> = serde_json::from_str(patterns).unwrap_or_default();
    patterns.iter().map(|pattern| Pattern { pieces: pieces(pattern), is_of_root: false }).collect()
}

/// The pieces of a pattern as written for `LIKE`: the inverse of `listing::like`.
fn pieces(pattern: &str) -> Vec<String> {
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => pieces.push(std::mem::take(&mut piece)),
            '\\' => piece.extend(characters.next()),
            other => piece.push(other),
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::listing::like;

    #[test]
    fn pieces_are_read_as_they_are_written() {
        for text in [&["a", "b"][..], &[""], &["", ""], &["50%_\\", "%%"], &["é", "", "\\\\"]] {
            let text: Vec<String> = text.iter().map(|piece| (*piece).to_owned()).collect();
            assert_eq!(pieces(&like(&text)), text);
        }
    }
}
