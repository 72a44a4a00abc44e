//! A verifier written from RFC 6962 and C2SP's `signed-note` and `tlog-checkpoint`, without the code that it checks.

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};

pub type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    digest(&SHA256, &parts.concat()).as_ref().try_into().unwrap()
}

/// Section 2.1: the hash of a leaf.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// Section 2.1: the hash of a list of leaves, from their hashes.
pub fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [only] => *only,
        _ => {
            let mut middle = 1;
            while 2 * middle < leaves.len() {
                middle *= 2;
            }
            sha256(&[&[1], &tree_hash(&leaves[..middle]), &tree_hash(&leaves[middle..])])
        }
    }
}

/// RFC 9162, section 2.1.3.2: whether a leaf with this hash is in the tree.
pub fn includes(proof: &[Hash], index: u64, size: u64, leaf: Hash, root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            hash = sha256(&[&[1], sibling, &hash]);
            while place % 2 == 0 && place != 0 {
                place /= 2;
                last /= 2;
            }
        } else {
            hash = sha256(&[&[1], &hash, sibling]);
        }
        place /= 2;
        last /= 2;
    }
    last == 0 && hash == root
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    pub key: Hash,
}

/// Verifies a checkpoint that its origin has signed with this key.
pub fn verifies(note: &str, key: Hash) -> Option<Checkpoint> {
    let origin = note.lines().next()?.to_owned();
    let text = signed_text(note, &origin, key)?;
    let mut lines = text.lines().skip(1);
    let size = lines.next()?.parse().ok()?;
    let root = BASE64.decode(lines.next()?.as_bytes()).ok()?.try_into().ok()?;
    Some(Checkpoint { origin, size, root, key })
}

/// The text of a note that this key has signed under that name.
pub fn signed_text(note: &str, name: &str, key: Hash) -> Option<String> {
    let (text, signatures) = note.split_once("\n\n")?;
    let signed = format!("{text}\n");
    let id = &sha256(&[name.as_bytes(), b"\n\x01", &key])[..4];
    let is_signed = signatures.lines().any(|line| {
        let signature = line.strip_prefix(&format!("— {name} ")).and_then(|line| BASE64.decode(line.as_bytes()).ok());
        signature.is_some_and(|signature| {
            signature.starts_with(id)
                && UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature[4..]).is_ok()
        })
    });
    is_signed.then_some(signed)
}

/// The entries of a bundle.
pub fn unbundle(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let [high, low, rest @ ..] = bytes {
        let (entry, rest) = rest.split_at(usize::from(*high) * 256 + usize::from(*low));
        entries.push(entry.to_vec());
        bytes = rest;
    }
    entries
}
