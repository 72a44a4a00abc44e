//! Reproducible randomness.

/// A deterministic random number generator (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.throw(from.len())].clone()
    }

    /// Keeps each item with the chance of one in so many.
    pub fn some<T: Clone>(&mut self, from: &[T], one_in: usize) -> Vec<T> {
        from.iter().filter(|_| self.throw(one_in) == 0).cloned().collect()
    }
}
