//! What a witness answers, what a kept checkpoint says, and the paths of tiles.

use tessera::domain::log::note::{LogKey, VerifierKey, open};
use tessera::domain::log::path::TilePath;
use tessera::domain::log::{bundle, change_of, unbundle};

/// Notes, cosignatures, verifier keys, paths and bundles.
pub fn log(data: &[u8]) {
    if let Some(entries) = unbundle(data) {
        assert_eq!(bundle(entries.iter().map(Vec::as_slice)).unwrap(), data);
    }
    let _ = change_of(data);
    let text = String::from_utf8_lossy(data);
    if let Some(path) = TilePath::parse(&text) {
        assert_eq!(path.to_string(), text);
        let _ = path.is_in(u64::from(u32::MAX));
    }
    for key in [VerifierKey::parse_log(&text), VerifierKey::parse_witness(&text)].into_iter().flatten() {
        assert_eq!(key.to_string(), text);
    }
    let key = LogKey::new("tessera/1", &[7; 32]).unwrap();
    let known = VerifierKey::of_log("tessera/1", key.public());
    drop(open(&text, std::slice::from_ref(&known), std::slice::from_ref(&known)));
    let _ = known.add_verified(&text, &text);
}
