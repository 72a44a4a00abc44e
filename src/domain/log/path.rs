//! The paths of tiles and entry bundles (C2SP `tlog-tiles`): `2/x001/x234/067.p/8`, `entries/000`.

use std::fmt;

use super::{HIGHEST_LEVEL, TILE_WIDTH, hashes_of};

/// Hashes of one level of the tree, or entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Hashes; level 0 has those of the leaves, each further one those of subtrees 256 times as large.
    Hashes(u8),
    /// The entries: the texts that were hashed for the leaves.
    Entries,
}

/// The name of a tile or of an entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// Whether the tile has hashes of a level, or entries.
    pub kind: Kind,
    /// The number of the tile, from the left.
    pub place: u64,
    /// How many hashes or entries the tile has: 1 to 256.
    pub width: u64,
}

/// The most groups of three digits that a number may have: so nothing that is computed with it overflows, and no log is that
/// long.
const GROUPS: usize = 5;

impl TilePath {
    /// Reads a path without its beginning `tile/`. Every tile has one path only.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(decimal(level)?.try_into().ok().filter(|level| *level <= HIGHEST_LEVEL)?),
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, decimal(width).filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (rest, TILE_WIDTH),
        };
        let groups: Vec<&str> = place.split('/').take(GROUPS + 1).collect();
        if groups.len() > GROUPS {
            return None;
        }
        let (last, first) = groups.split_last()?;
        let mut number = 0;
        for group in first.iter().map(|group| group.strip_prefix('x')).chain([Some(*last)]) {
            let group = group.filter(|group| group.len() == 3 && group.bytes().all(|digit| digit.is_ascii_digit()))?;
            number = number * 1_000 + group.parse::<u64>().ok()?;
        }
        let path = Self { kind, place: number, width };
        (path.to_string() == text).then_some(path)
    }

    /// Whether a tree of that size has this tile.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        let hashes = match self.kind {
            Kind::Entries => size,
            Kind::Hashes(level) => hashes_of(level, size),
        };
        self.place * TILE_WIDTH + self.width <= hashes
    }

    /// The tiles and bundles that a tree of size `new` has and one of size `old` has not, the lowest level first.
    pub fn added(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let kinds = [Kind::Entries].into_iter().chain((0..=HIGHEST_LEVEL).map(Kind::Hashes));
        kinds.flat_map(move |kind| {
            let level = match kind {
                Kind::Entries => 0,
                Kind::Hashes(level) => level,
            };
            let (old, new) = (hashes_of(level, old), hashes_of(level, new));
            let places = if old == new { 0..0 } else { old / TILE_WIDTH..new.div_ceil(TILE_WIDTH) };
            places.map(move |place| Self { kind, place, width: TILE_WIDTH.min(new - place * TILE_WIDTH) })
        })
    }
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

impl fmt::Display for TilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(formatter, "{level}/")?,
            Kind::Entries => formatter.write_str("entries/")?,
        }
        let mut groups = vec![self.place % 1_000];
        let mut rest = self.place / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(formatter, "x{group:03}/")?;
        }
        write!(formatter, "{:03}", groups[0])?;
        if self.width < TILE_WIDTH { write!(formatter, ".p/{}", self.width) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        let path = TilePath { kind: Kind::Hashes(2), place: 1_234_067, width: 8 };
        assert_eq!(path.to_string(), "2/x001/x234/067.p/8");
        for text in ["2/x001/x234/067.p/8", "0/000", "entries/x001/000", "entries/255.p/255", "7/999"] {
            assert_eq!(TilePath::parse(text).map(|path| path.to_string()).as_deref(), Some(text));
        }
        for wrong in [
            "",
            "0",
            "0/",
            "0/0",
            "0/0000",
            "0/x000/000",
            "00/000",
            "8/000",
            "0/001/000",
            "0/x001",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000.p/1/2",
            "data/000",
            "0/000/",
            "-1/000",
            "0/+01",
            "0/é01",
            "0/x001/x000/x000/x000/x000/000",
            "0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_tree_has_the_tiles_that_its_size_says() {
        let within = |text: &str, size| TilePath::parse(text).unwrap().is_in(size);
        assert!(within("0/000.p/3", 3) && !within("0/000.p/4", 3) && within("0/000", 256) && !within("0/000", 255));
        assert!(within("1/000.p/1", 256) && !within("1/000.p/1", 255) && within("entries/001.p/44", 300));
    }

    #[test]
    fn the_largest_number_is_in_no_log() {
        let largest = TilePath::parse("0/x999/x999/x999/x999/999").unwrap();
        assert!(!largest.is_in(u64::MAX >> 8));
    }

    #[test]
    fn growth_adds_tiles() {
        let added = |old, new| TilePath::added(old, new).map(|path| path.to_string()).collect::<Vec<_>>();
        assert_eq!(added(3, 3), Vec::<String>::new());
        assert_eq!(added(0, 3), ["entries/000.p/3", "0/000.p/3"]);
        assert_eq!(added(3, 257), ["entries/000", "entries/001.p/1", "0/000", "0/001.p/1", "1/000.p/1"]);
        assert_eq!(added(256, 257), ["entries/001.p/1", "0/001.p/1"]);
    }
}
