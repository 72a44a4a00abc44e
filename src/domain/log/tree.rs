//! The hashes of the log's tree: appended one by one, and kept in tiles.

use std::collections::BTreeMap;

use tlog_tiles::{EMPTY_HASH, Error as TreeError, Hash, HashReader, Tile, node_hash, sub_tree_index};

use super::{HIGHEST_LEVEL, TILE_HEIGHT, TILE_WIDTH, hashes_of};

/// The size of a hash, in bytes.
pub const HASH_SIZE: usize = tlog_tiles::HASH_SIZE;

/// The roots of the complete subtrees that a tree consists of: all that is needed to append to it, and to know its root.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    /// The root of the subtree with 2^`level` leaves, by its level, if the tree has one.
    subtrees: Vec<Option<Hash>>,
}

/// A complete subtree with 2^`level` leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subtree {
    /// The binary logarithm of the number of its leaves.
    pub level: u8,
    /// Its root.
    pub root: Hash,
}

impl Frontier {
    /// The frontier of a tree whose hashes can be read.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of(size: u64, hashes: &impl HashReader) -> Result<Self, TreeError> {
        let roots = hashes.read_hashes(&sub_tree_index(0, size, Vec::new()))?;
        let mut subtrees = vec![None; 64 - size.leading_zeros() as usize];
        let levels = (0..subtrees.len()).rev().filter(|level| size >> level & 1 == 1);
        for (level, root) in levels.collect::<Vec<_>>().into_iter().zip(roots) {
            subtrees[level] = Some(root);
        }
        Ok(Self { size, subtrees })
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Returns the subtrees that it completes, the smallest first, beginning with itself.
    pub fn push(&mut self, leaf: Hash) -> Vec<Subtree> {
        self.size += 1;
        let mut completed = vec![Subtree { level: 0, root: leaf }];
        let mut root = leaf;
        for (subtree, level) in self.subtrees.iter_mut().zip(1..) {
            let Some(left) = subtree.take() else {
                *subtree = Some(root);
                return completed;
            };
            root = node_hash(left, root);
            completed.push(Subtree { level, root });
        }
        self.subtrees.push(Some(root));
        completed
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let whole = self.subtrees.iter().flatten().copied().reduce(|right, left| node_hash(left, right));
        whole.unwrap_or(EMPTY_HASH)
    }
}

/// Where a tile is kept: its level and its number.
pub type TileKey = (u8, u64);

/// Tiles of a tree, each with the hashes that there are so far.
#[derive(Debug, Default)]
pub struct Tiles(pub BTreeMap<TileKey, Vec<u8>>);

impl Tiles {
    /// The tiles that hold the hashes with these indexes.
    #[must_use]
    pub fn needed(indexes: &[u64]) -> Vec<TileKey> {
        let mut keys: Vec<TileKey> = indexes.iter().map(|index| key(&Tile::from_index(TILE_HEIGHT, *index))).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The tiles at the right edge of a tree that are not full.
    #[must_use]
    pub fn at_edge(size: u64) -> Vec<TileKey> {
        let levels = (0..=HIGHEST_LEVEL).map(|level| (level, hashes_of(level, size)));
        levels
            .filter(|(_, hashes)| hashes % TILE_WIDTH != 0)
            .map(|(level, hashes)| (level, hashes / TILE_WIDTH))
            .collect()
    }

    /// Adds the hashes that a tree of size `size` has since its last leaf was appended. Returns the changed tiles.
    pub fn add(&mut self, size: u64, completed: &[Subtree]) -> Vec<TileKey> {
        let mut changed = Vec::new();
        for subtree in completed.iter().filter(|subtree| subtree.level % TILE_HEIGHT == 0) {
            let level = subtree.level / TILE_HEIGHT;
            let key = (level, hashes_of(level, size).saturating_sub(1) / TILE_WIDTH);
            self.0.entry(key).or_default().extend(subtree.root.0);
            changed.push(key);
        }
        changed
    }
}

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError> {
        let read = |index: &u64| {
            let tile = Tile::from_index(TILE_HEIGHT, *index);
            let hashes = self.0.get(&key(&tile)).ok_or(TreeError::IndexesNotInTree)?;
            tile.hash_at_index(hashes, *index)
        };
        indexes.iter().map(read).collect()
    }
}

fn key(tile: &Tile) -> TileKey {
    (tile.level(), tile.level_index())
}

#[cfg(test)]
mod tests {
    use tlog_tiles::{check_record, check_tree, prove_record, prove_tree, record_hash};

    use super::*;

    /// The root by the definition of RFC 6962, section 2.1.
    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_HASH,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(root(left), root(right))
            }
        }
    }

    #[test]
    fn a_frontier_and_its_tiles_are_those_of_the_tree() {
        let (mut frontier, mut tiles, mut leaves) = (Frontier::default(), Tiles::default(), Vec::new());
        assert_eq!(frontier.root(), EMPTY_HASH);
        for number in 0..1_030_u32 {
            let leaf = record_hash(&number.to_be_bytes());
            leaves.push(leaf);
            let completed = frontier.push(leaf);
            tiles.add(frontier.size(), &completed);
            if number % 37 == 0 || number % 256 > 253 || number % 256 < 2 {
                assert_eq!(frontier.root(), root(&leaves), "{number}");
                let again = Frontier::of(frontier.size(), &tiles).unwrap();
                assert_eq!(again.root(), frontier.root());
                let size = frontier.size();
                let proof = prove_record(size, size / 3, &tiles).unwrap();
                let leaf = leaves[usize::try_from(size / 3).unwrap()];
                check_record(&proof, size, frontier.root(), size / 3, leaf).unwrap();
                let earlier = size.div_ceil(2);
                let proof = prove_tree(size, earlier, &tiles).unwrap();
                let before = root(&leaves[..usize::try_from(earlier).unwrap()]);
                check_tree(&proof, size, frontier.root(), earlier, before).unwrap();
            }
        }
        let widths: Vec<_> = tiles.0.iter().map(|(key, hashes)| (*key, hashes.len() / HASH_SIZE)).collect();
        assert_eq!(widths, [((0, 0), 256), ((0, 1), 256), ((0, 2), 256), ((0, 3), 256), ((0, 4), 6), ((1, 0), 4)]);
        assert_eq!(Tiles::at_edge(1_030), [(0, 4), (1, 0)]);
        assert_eq!(Tiles::at_edge(256), [(1, 0)]);
    }
}
