//! Whether a principal reaches the same by policies as when its reach was read before.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Reach;
use crate::domain::ids::PersonaId;
use crate::domain::policy::{Extent, Extents};

/// Extents by the ids of personas or policies.
type Identified<'a> = Vec<(Uuid, &'a Extent)>;

impl Reach {
    /// Whether policies allow and deny it the same as in `other`, read of the same principal at another time, as far as they
    /// are about anything within these extents.
    pub(in crate::service) fn agrees_with(&self, other: &Self, about: &Extents) -> bool {
        self.concerning(about) == other.concerning(about)
    }

    /// What policies allow and deny within these extents.
    fn concerning(&self, about: &Extents) -> [Identified<'_>; 4] {
        let mut all = [
            of_personas(&self.allowed),
            of_personas(&self.denies.personas),
            self.allowing.iter().map(|(id, extent)| (id.uuid(), extent)).collect(),
            self.denies.policies.iter().map(|(id, extent)| (id.uuid(), extent)).collect(),
        ];
        for extents in &mut all {
            extents.retain(|(_, extent)| about.overlap(extent));
        }
        all
    }
}

fn of_personas(known: &BTreeMap<PersonaId, Vec<Extent>>) -> Identified<'_> {
    known.iter().flat_map(|(id, extents)| extents.iter().map(|extent| (id.uuid(), extent))).collect()
}
