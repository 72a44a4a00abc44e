//! Uses of tokens whose requests were answered from memory, until they are reported to the server.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::memory::KeptAnswer;
use crate::domain::edge::USES_REPORTED;
use crate::http::gateway::edges::EdgeUse;

/// Maximum number of answers whose uses wait to be reported; uses of further answers are not counted.
const WAITING: usize = 1 << 17;

/// Answers that were given again since their uses were last reported.
#[derive(Default)]
pub struct Uses(Mutex<Vec<Arc<KeptAnswer>>>);

/// Uses that are being reported. Uses that are not marked as reported wait again.
pub struct Report<'a> {
    uses: &'a Uses,
    taken: Vec<(Arc<KeptAnswer>, i64)>,
}

impl Uses {
    /// Counts that an answer was given again at that uptime.
    pub fn record(&self, kept: &Arc<KeptAnswer>, uptime: i64) {
        if kept.handles.is_empty() {
            return;
        }
        kept.last.fetch_max(uptime, Ordering::Relaxed);
        if kept.count.fetch_add(1, Ordering::AcqRel) == 0 {
            self.push(kept);
        }
    }

    /// Takes some of the uses to report them.
    pub fn take(&self) -> Report<'_> {
        let mut waiting = self.lock();
        let (mut taken, mut handles) = (Vec::new(), 0);
        while let Some(kept) = waiting.pop_if(|kept| handles + kept.handles.len() <= USES_REPORTED) {
            handles += kept.handles.len();
            let count = kept.count.swap(0, Ordering::AcqRel);
            taken.push((kept, count));
        }
        Report { uses: self, taken }
    }

    fn push(&self, kept: &Arc<KeptAnswer>) {
        let mut waiting = self.lock();
        if waiting.len() < WAITING {
            waiting.push(Arc::clone(kept));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<KeptAnswer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report<'_> {
    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// The uses as the server takes them, at that uptime.
    pub fn wire(&self, uptime: i64) -> Vec<EdgeUse> {
        let each = |(kept, count): &(Arc<KeptAnswer>, i64)| {
            let (count, ago) = (*count, (uptime - kept.last.load(Ordering::Relaxed)).max(0));
            kept.handles.iter().map(move |handle| EdgeUse { handle: handle.clone(), count, ago }).collect::<Vec<_>>()
        };
        self.taken.iter().flat_map(each).collect()
    }

    /// Marks the uses as reported: the server has counted them.
    pub fn reported(mut self) {
        self.taken.clear();
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        for (kept, count) in self.taken.drain(..) {
            if kept.count.fetch_add(count, Ordering::AcqRel) == 0 {
                self.uses.push(&kept);
            }
        }
    }
}
