//! Computes the tree of a log from its entries, and compares every hash with what the log says.
//!
//! Memory is bounded: 256 entries at a time, and one tile of each level.

use std::collections::BTreeMap;

use tlog_tiles::{Checkpoint, Hash, Tile, record_hash};

use super::Earlier;
use super::compare::Rows;
use super::report::{Finding, Kind, Report};
use super::source::{Source, StoredEntry};
use crate::domain::log::path::{self, TilePath};
use crate::domain::log::tree::{Frontier, HASH_SIZE, Subtree};
use crate::domain::log::{TILE_HEIGHT, TILE_WIDTH, change_of, hashes_of};

/// Reads a log to its end, and adds every error to the report.
pub(super) fn check(
    source: &Source,
    checkpoint: &Checkpoint,
    earlier: &[Earlier],
    rows: &mut Rows<'_>,
    report: &mut Report,
) -> Result<(), String> {
    let mut tree = Checking {
        source,
        size: checkpoint.size(),
        root: *checkpoint.hash(),
        frontier: Frontier::default(),
        upper: BTreeMap::new(),
        parents: None,
        is_known: true,
    };
    let mut earlier = earlier.iter().peekable();
    let places = checkpoint.size().div_ceil(TILE_WIDTH);
    for place in 0..places {
        let first = place * TILE_WIDTH;
        let width = TILE_WIDTH.min(checkpoint.size() - first);
        let entries = source.entries(TilePath { kind: path::Kind::Entries, place, width })?;
        let hashes = tree.hashes_of(place, &entries, report)?;
        for hash in hashes {
            tree.push(hash, report)?;
            while let Some(kept) = earlier.next_if(|kept| kept.size == tree.frontier.size()) {
                if tree.is_known && tree.frontier.root().to_string() != kept.root {
                    let text =
                        format!("{} of {} entries has another root: the log was rewritten", kept.name, kept.size);
                    report.add(Finding::of(Kind::Inconsistent, text));
                }
            }
        }
        rows.compare(first, &entries, report)?;
    }
    tree.finish(report)
}

struct Checking<'a> {
    source: &'a Source,
    size: u64,
    root: Hash,
    frontier: Frontier,
    /// The hashes of the current tile of each level above the lowest.
    upper: BTreeMap<u8, Vec<u8>>,
    /// The current tile of the second level, as the log has it, and its number.
    parents: Option<(u64, Vec<u8>)>,
    /// Whether all hashes are known.
    is_known: bool,
}

impl Checking<'_> {
    /// The hashes of some leaves, from their entries and from the lowest tile. Where the two differ, the tile above says which
    /// of them is right.
    fn hashes_of(
        &mut self,
        place: u64,
        entries: &[Option<StoredEntry>],
        report: &mut Report,
    ) -> Result<Vec<Hash>, String> {
        let width = entries.len() as u64;
        let path = TilePath { kind: path::Kind::Hashes(0), place, width };
        let tile = self.source.hashes(path)?.filter(|tile| tile.len() == entries.len() * HASH_SIZE);
        let tile = tile.map(|tile| split(&tile));
        let own: Vec<Option<Hash>> =
            entries.iter().map(|found| found.as_ref().map(|found| record_hash(&found.entry))).collect();
        let whole: Option<Vec<Hash>> = own.iter().copied().collect();
        if tile.is_some() && tile == whole {
            return Ok(tile.unwrap_or_default());
        }
        let first = place * TILE_WIDTH;
        let tile_fits = self.fits(place, tile.as_deref())?;
        let entries_fit = self.fits(place, whole.as_deref())?;
        if let Some(tile) = tile.filter(|_| tile_fits || !entries_fit) {
            for (index, (own, hash)) in own.iter().zip(&tile).enumerate() {
                if *own != Some(*hash) {
                    report.add(entry_finding(entries, &tile, index, *own).at(first + index as u64));
                }
            }
            if !tile_fits {
                report.add(Finding::of(Kind::Tile, format!("`tile/{path}` does not belong to the tree")));
            }
            return Ok(tile);
        }
        let what =
            if whole.is_some() { "has other hashes than the entries, which belong to the tree" } else { "is missing" };
        report.add(Finding::of(Kind::Tile, format!("`tile/{path}` {what}")));
        for (index, _) in own.iter().enumerate().filter(|(_, own)| own.is_none()) {
            report.add(Finding::of(Kind::EntryMissing, "the entry is missing".to_owned()).at(first + index as u64));
        }
        Ok(whole.unwrap_or_else(|| {
            self.is_known = false;
            vec![tlog_tiles::EMPTY_HASH; entries.len()]
        }))
    }

    /// Whether these hashes of leaves belong to the tree: by the tile above, or at the end of the log by the root.
    fn fits(&mut self, place: u64, hashes: Option<&[Hash]>) -> Result<bool, String> {
        let Some(hashes) = hashes else { return Ok(false) };
        if hashes.len() as u64 == TILE_WIDTH {
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
            return Ok(self.parent(place)? == Some(Tile::subtree_hash(&bytes)));
        }
        let mut frontier = self.frontier.clone();
        for hash in hashes {
            frontier.push(*hash);
        }
        Ok(frontier.root() == self.root)
    }

    /// The hash over a full lowest tile, as the log has it.
    fn parent(&mut self, place: u64) -> Result<Option<Hash>, String> {
        let above = place / TILE_WIDTH;
        if self.parents.as_ref().is_none_or(|(known, _)| *known != above) {
            let width = TILE_WIDTH.min((self.size / TILE_WIDTH) - above * TILE_WIDTH);
            let path = TilePath { kind: path::Kind::Hashes(1), place: above, width };
            self.parents = Some((above, self.source.hashes(path)?.unwrap_or_default()));
        }
        let start = usize::try_from(place % TILE_WIDTH).unwrap_or(0) * HASH_SIZE;
        let found = self.parents.as_ref().and_then(|(_, tile)| tile.get(start..start + HASH_SIZE));
        Ok(found.and_then(|hash| hash.try_into().ok()).map(Hash))
    }

    fn push(&mut self, hash: Hash, report: &mut Report) -> Result<(), String> {
        let completed = self.frontier.push(hash);
        let is_in_tile = |done: &Subtree| done.level > 0 && done.level.is_multiple_of(TILE_HEIGHT);
        for Subtree { level, root } in completed.into_iter().filter(is_in_tile) {
            let level = level / TILE_HEIGHT;
            let tile = self.upper.entry(level).or_default();
            tile.extend(root.0);
            if tile.len() as u64 == TILE_WIDTH * HASH_SIZE as u64 {
                let full = std::mem::take(tile);
                self.compare(level, &full, report)?;
            }
        }
        Ok(())
    }

    /// Compares the latest tile of a level with the log's.
    fn compare(&self, level: u8, expected: &[u8], report: &mut Report) -> Result<(), String> {
        let place = hashes_of(level, self.frontier.size()).saturating_sub(1) / TILE_WIDTH;
        let path = TilePath { kind: path::Kind::Hashes(level), place, width: (expected.len() / HASH_SIZE) as u64 };
        if self.is_known && self.source.hashes(path)?.as_deref() != Some(expected) {
            report.add(Finding::of(Kind::Tile, format!("`tile/{path}` has other hashes than the tiles below it")));
        }
        Ok(())
    }

    fn finish(mut self, report: &mut Report) -> Result<(), String> {
        for (level, tile) in std::mem::take(&mut self.upper) {
            if !tile.is_empty() {
                self.compare(level, &tile, report)?;
            }
        }
        if !self.is_known {
            report.add(Finding::of(
                Kind::Root,
                "the root cannot be computed: entries and their hashes are missing".to_owned(),
            ));
        } else if self.frontier.root() != self.root {
            let text = format!("the entries have the root {}, not the one in the checkpoint", self.frontier.root());
            report.add(Finding::of(Kind::Root, text));
        }
        Ok(())
    }
}

/// The finding for an entry that has another hash than the tree.
fn entry_finding(entries: &[Option<StoredEntry>], tile: &[Hash], index: usize, own: Option<Hash>) -> Finding {
    let Some(own) = own else { return Finding::of(Kind::EntryMissing, "the entry is missing".to_owned()) };
    let finding = match tile.iter().position(|hash| *hash == own) {
        Some(place) => {
            let text = format!("the entry belongs to the place {place} of its tile, not {index}");
            Finding::of(Kind::EntryReordered, text)
        }
        None => Finding::of(Kind::EntryChanged, "the entry has another hash than the tree".to_owned()),
    };
    let id = entries[index].as_ref().and_then(|found| change_of(&found.entry));
    match id {
        Some(id) => finding.about(id.to_string()),
        None => finding,
    }
}

fn split(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, _) = bytes.as_chunks::<HASH_SIZE>();
    hashes.iter().copied().map(Hash).collect()
}
