//! A scarce resource, such as memory or places in a queue, divided so that no holder can take it all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An amount that is given out in shares: at most `total` in all, and at most `each` per holder.
pub struct Shares<K: Eq + Hash>(Arc<Division<K>>);

struct Division<K> {
    total: usize,
    each: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    by: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Shares of which nothing is taken yet.
    #[must_use]
    pub fn new(total: usize, each: usize) -> Self {
        let taken = Mutex::new(Taken { all: 0, by: HashMap::new() });
        Self(Arc::new(Division { total, each, taken }))
    }

    /// Takes an amount for a holder until the share is dropped. `None` if less is left, in all or for this holder.
    #[must_use]
    pub fn take(&self, holder: K, amount: usize) -> Option<Share<K>> {
        self.0.add(&holder, amount).then(|| Share { division: Arc::clone(&self.0), holder, amount })
    }

    /// How much is taken in all.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.lock().all
    }
}

impl<K: Eq + Hash> Division<K> {
    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, holder: &K, amount: usize) -> bool
    where
        K: Clone,
    {
        let mut taken = self.lock();
        let of_holder = taken.by.get(holder).copied().unwrap_or(0);
        let fits = |already: usize, most: usize| already.checked_add(amount).is_some_and(|sum| sum <= most);
        if !fits(taken.all, self.total) || !fits(of_holder, self.each) {
            return false;
        }
        taken.all += amount;
        *taken.by.entry(holder.clone()).or_default() += amount;
        true
    }

    fn remove(&self, holder: &K, amount: usize) {
        let mut taken = self.lock();
        taken.all -= amount;
        if let Some(of_holder) = taken.by.get_mut(holder) {
            *of_holder -= amount;
            if *of_holder == 0 {
                taken.by.remove(holder);
            }
        }
    }
}

/// A holder's share, given back on drop.
pub struct Share<K: Eq + Hash> {
    division: Arc<Division<K>>,
    holder: K,
    amount: usize,
}

impl<K: Eq + Hash + Clone> Share<K> {
    /// The size of the share.
    #[must_use]
    pub fn amount(&self) -> usize {
        self.amount
    }

    /// Takes more. Returns `false` and takes nothing if less is left.
    #[must_use]
    pub fn grow(&mut self, by: usize) -> bool {
        let grown = self.division.add(&self.holder, by);
        if grown {
            self.amount += by;
        }
        grown
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        self.division.remove(&self.holder, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_cannot_take_everything() {
        let shares = Shares::new(10, 4);
        let mut one = shares.take("one", 3).unwrap();
        assert!(!one.grow(2) && one.grow(1));
        assert!(shares.take("one", 1).is_none());
        let others = ["two", "three"].map(|holder| shares.take(holder, 3).unwrap());
        assert!(shares.take("four", 1).is_none(), "all is taken");
        drop(others);
        assert!(shares.take("four", 4).is_some());
    }

    #[test]
    fn what_is_dropped_is_given_back_and_forgotten() {
        let shares = Shares::new(10, 10);
        let mut share = shares.take(7, 0).unwrap();
        assert!(share.grow(9) && !share.grow(usize::MAX));
        drop(share);
        assert_eq!((shares.taken(), shares.0.lock().by.len()), (0, 0));
        drop(shares.take(7, 10).unwrap());
    }
}
