//! Signed notes (C2SP `signed-note`), checkpoints as such notes (`tlog-checkpoint`), and the cosignatures of witnesses
//! (`tlog-cosignature`).

use data_encoding::HEXLOWER;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use signed_note::{Note, Signature, Verifier, VerifierList, is_key_name_valid, key_id};
use tlog_tiles::{Checkpoint, Hash};

use crate::domain::base64;
use crate::domain::error::{Error, Result};

/// The type of an Ed25519 key that signs notes.
const ED25519_KEY: u8 = 1;
/// The type of an Ed25519 key that cosigns checkpoints with the time.
const COSIGNATURE_KEY: u8 = 4;

/// The longest origin, in bytes.
pub const LONGEST_ORIGIN: usize = 200;
/// The longest origin that may be configured: a restore adds a slash and 16 digits.
pub const LONGEST_CONFIGURED_ORIGIN: usize = LONGEST_ORIGIN - 17;

/// Checks the name of a log or of a witness.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_origin(origin: &str) -> Result<(), String> {
    let fits = origin.len() <= LONGEST_ORIGIN && origin.bytes().all(|byte| byte.is_ascii_graphic());
    let has_no_scheme = !origin.contains("://");
    if fits && has_no_scheme && is_key_name_valid(origin) {
        Ok(())
    } else {
        Err(format!("must be 1 to {LONGEST_ORIGIN} visible ASCII characters without `+` and without `://`"))
    }
}

/// The key that signs the checkpoints of a log.
pub struct LogKey {
    origin: String,
    pair: Ed25519KeyPair,
}

impl LogKey {
    /// The key with that seed, for the log of that origin.
    ///
    /// # Errors
    /// When the seed is not 32 bytes.
    pub fn new(origin: &str, seed: &[u8]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        let pair = pair.map_err(|error| Error::Internal(error.to_string().into()))?;
        Ok(Self { origin: origin.to_owned(), pair })
    }

    /// The origin of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().unwrap_or_default()
    }

    /// Whether it signs for the log with that origin and that public key, in hexadecimal digits.
    #[must_use]
    pub fn is_of(&self, origin: &str, public_key: &str) -> bool {
        self.origin == origin && HEXLOWER.encode(&self.public()) == public_key
    }

    /// Signs the checkpoint of a tree.
    ///
    /// # Errors
    /// When the origin is not one.
    pub fn sign(&self, size: u64, root: Hash) -> Result<String> {
        let malformed = |_| Error::Internal("the checkpoint is malformed".into());
        let text = Checkpoint::new(&self.origin, size, root, "").map_err(malformed)?.to_bytes();
        self.sign_note(&self.origin, &text)
    }

    /// Signs a text under that name. The signature covers only the text, so the text has to say what it is.
    pub(super) fn sign_note(&self, name: &str, text: &[u8]) -> Result<String> {
        let id = VerifierKey::of_log(name, self.public()).id;
        let signature = Signature::new(name.to_owned(), id, self.pair.sign(text).as_ref().to_vec());
        let note = signature.and_then(|signature| Note::new(text, &[signature]));
        let note = note.map_err(|error| Error::Internal(error.into()))?;
        String::from_utf8(note.to_bytes()).map_err(|error| Error::Internal(error.into()))
    }
}

/// A public key with its owner's name: the "vkey" of C2SP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: u8,
    key: [u8; 32],
}

impl VerifierKey {
    /// The key of a log.
    #[must_use]
    pub fn of_log(origin: &str, key: [u8; 32]) -> Self {
        let id = key_id(origin, &[&[ED25519_KEY], key.as_slice()].concat());
        Self { name: origin.to_owned(), id, kind: ED25519_KEY, key }
    }

    /// Reads the key of a log.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn parse_log(text: &str) -> Result<Self, String> {
        Self::parse(text, ED25519_KEY)
    }

    /// Reads the key of a witness.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn parse_witness(text: &str) -> Result<Self, String> {
        Self::parse(text, COSIGNATURE_KEY)
    }

    fn parse(text: &str, kind: u8) -> Result<Self, String> {
        let malformed =
            || format!("`{text}` is no verifier key: a name, 8 hexadecimal digits and a key, with `+` between");
        let (name, rest) = text.split_once('+').ok_or_else(malformed)?;
        let (id, key) = rest.split_once('+').ok_or_else(malformed)?;
        let parsed = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok()).flatten().ok_or_else(malformed)?;
        let bytes = base64::decode(key).ok_or_else(malformed)?;
        check_origin(name).map_err(|_| malformed())?;
        if parsed != key_id(name, &bytes) {
            return Err(format!(
                "the hexadecimal digits of the verifier key `{text}` do not belong to its name and key"
            ));
        }
        match bytes.split_first() {
            Some((found, key)) if *found == kind => {
                let key = key.try_into().map_err(|_| malformed())?;
                let key = Self { name: name.to_owned(), id: parsed, kind, key };
                // Every key has one text.
                if key.to_string() == text { Ok(key) } else { Err(malformed()) }
            }
            _ => Err(format!("the verifier key `{text}` is of another type than {kind} (C2SP signed-note)")),
        }
    }

    /// The name: the origin of a log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verifier key of the same public key under another origin.
    #[must_use]
    pub fn renamed(&self, origin: &str) -> Self {
        Self::of_log(origin, self.key)
    }

    /// Adds to a note the signatures in `lines` that this key made, each once. `None` if there is none.
    #[must_use]
    pub fn add_verified(&self, note: &str, lines: &str) -> Option<String> {
        let signed = Note::from_bytes(note.as_bytes()).ok()?;
        let own = lines.lines().filter_map(|line| Signature::from_bytes(line.as_bytes()).ok());
        let mut own = own.filter(|each| each.name() == self.name && each.id() == self.id);
        let verified = own.rfind(|each| Verifier::verify(self, signed.text(), each.signature()))?;
        let line = String::from_utf8(verified.to_bytes()).ok()?;
        let beginning = format!("— {} ", self.name);
        let (text, signatures) = note.rsplit_once("\n\n")?;
        let is_other = |line: &&str| {
            let signature = Signature::from_bytes(line.as_bytes());
            !line.starts_with(&beginning) || signature.is_ok_and(|signature| signature.id() != self.id)
        };
        let others: String = signatures.lines().filter(is_other).flat_map(|line| [line, "\n"]).collect();
        Some(format!("{text}\n\n{others}{line}"))
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = base64::encode(&[&[self.kind], self.key.as_slice()].concat());
        write!(formatter, "{}+{:08x}+{key}", self.name, self.id)
    }
}

impl Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        if self.kind == ED25519_KEY {
            return key.verify(text, signature).is_ok();
        }
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let head = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time));
        key.verify(&[head.as_bytes(), text].concat(), signature).is_ok()
    }
}

fn known(keys: &[VerifierKey]) -> VerifierList {
    VerifierList::new(keys.iter().map(|key| Box::new(key.clone()) as Box<dyn Verifier>).collect())
}

/// The text of a note that this key has signed.
pub(super) fn verified(note: &str, key: &VerifierKey) -> Result<String, String> {
    let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| "it is no signed note".to_owned())?;
    let text = String::from_utf8_lossy(parsed.text()).into_owned();
    let first = text.lines().next().unwrap_or_default();
    if first != key.name {
        return Err(format!(
            "it is a note of another kind or of another log: it begins with {first:?}, not {:?}",
            key.name
        ));
    }
    parsed.verify(&known(std::slice::from_ref(key))).map_err(|error| error.to_string())?;
    Ok(text)
}

/// A verified checkpoint.
#[derive(Debug)]
pub struct Opened {
    /// The contents of the checkpoint.
    pub checkpoint: Checkpoint,
    /// The names of the witnesses that cosigned the checkpoint.
    pub witnesses: Vec<String>,
}

/// Opens a checkpoint that one of these logs' keys must have signed; cosignatures of these witnesses must be right.
///
/// # Errors
/// A message that says what is wrong.
pub fn open(note: &str, logs: &[VerifierKey], witnesses: &[VerifierKey]) -> Result<Opened, String> {
    let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| "it is no signed note".to_owned())?;
    let checkpoint = Checkpoint::from_bytes(parsed.text()).map_err(|_| "the note is no checkpoint".to_owned())?;
    let Some(log) = logs.iter().find(|log| log.name == checkpoint.origin()) else {
        return Err(format!("it is of another log: its origin is `{}`", checkpoint.origin()));
    };
    parsed.verify(&known(std::slice::from_ref(log))).map_err(|error| error.to_string())?;
    let cosigned = match parsed.verify(&known(witnesses)) {
        Ok((verified, _)) => verified.iter().map(|signature| signature.name().to_owned()).collect(),
        Err(signed_note::NoteError::UnverifiedNote) => Vec::new(),
        Err(error) => return Err(error.to_string()),
    };
    Ok(Opened { checkpoint, witnesses: cosigned })
}

/// The signed text of a note, up to the empty line: what two notes of the same checkpoint have in common.
#[must_use]
pub fn signed_text(note: &str) -> &str {
    note.rsplit_once("\n\n").map_or(note, |(text, _)| text)
}

/// The contents of a checkpoint, with any signatures: they are not verified.
///
/// # Errors
/// A message when the note is no checkpoint.
pub fn unverified(note: &str) -> Result<Checkpoint, String> {
    let text = format!("{}\n", signed_text(note));
    Checkpoint::from_bytes(text.as_bytes()).map_err(|_| "the checkpoint is malformed".to_owned())
}

#[cfg(test)]
mod tests {
    use tlog_tiles::record_hash;

    use super::*;

    #[test]
    fn a_checkpoint_is_opened_with_the_key_that_signed_it_only() {
        let key = LogKey::new("tessera/test", &[7; 32]).unwrap();
        let note = key.sign(3, record_hash(b"x")).unwrap();
        let verifier = VerifierKey::of_log("tessera/test", key.public());
        assert_eq!(VerifierKey::parse_log(&verifier.to_string()), Ok(verifier.clone()));
        let opened = open(&note, std::slice::from_ref(&verifier), &[]).unwrap();
        assert_eq!((opened.checkpoint.size(), *opened.checkpoint.hash()), (3, record_hash(b"x")));
        let other = LogKey::new("tessera/test", &[8; 32]).unwrap().public();
        assert!(open(&note, &[VerifierKey::of_log("tessera/test", other)], &[]).is_err());
        assert!(open(&note, &[verifier.renamed("tessera/other")], &[]).unwrap_err().contains("another log"));
        assert!(open(&note.replacen("\n3\n", "\n4\n", 1), &[verifier], &[]).is_err());
        assert!(open("", &[], &[]).is_err());
    }

    #[test]
    fn cosignatures_are_added_when_they_are_right() {
        let note = LogKey::new("tessera/test", &[7; 32]).unwrap().sign(3, record_hash(b"x")).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let public: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
        let bytes = [&[COSIGNATURE_KEY], public.as_slice()].concat();
        let text = format!("w.example/1+{:08x}+{}", key_id("w.example/1", &bytes), base64::encode(&bytes));
        let witness = VerifierKey::parse_witness(&text).unwrap();
        let line = |time: u64| {
            let signed = format!("cosignature/v1\ntime {time}\n{}\n", signed_text(&note));
            let signature = [time.to_be_bytes().as_slice(), pair.sign(signed.as_bytes()).as_ref()].concat();
            let signature = Signature::new("w.example/1".to_owned(), witness.id, signature).unwrap();
            String::from_utf8(signature.to_bytes()).unwrap()
        };
        let once = witness.add_verified(&note, &line(5)).unwrap();
        let twice = witness.add_verified(&once, &line(6)).unwrap();
        assert_eq!(twice, note.clone() + &line(6));
        let own = VerifierKey::of_log("tessera/test", LogKey::new("", &[7; 32]).unwrap().public());
        assert_eq!(
            open(&twice, std::slice::from_ref(&own), std::slice::from_ref(&witness)).unwrap().witnesses,
            ["w.example/1"]
        );
        let forged = line(5).replace("AAAAAAAAA", "AAAAAAAAB");
        assert_eq!(witness.add_verified(&note, &forged), None);
        assert_eq!(witness.add_verified(&note, "nonsense\n"), None);
        assert!(VerifierKey::parse_witness(&own.to_string()).is_err());
        assert!(VerifierKey::parse_log(&text.replace('+', "-")).is_err());
        assert!(VerifierKey::parse_witness(&text.replace("w.example", "v.example")).is_err());
    }

    #[test]
    fn origins_are_names_of_keys() {
        for (origin, is_one) in [
            ("tessera/1", true),
            ("example.org/log", true),
            ("", false),
            ("a b", false),
            ("a+b", false),
            ("https://a", false),
        ] {
            assert_eq!(check_origin(origin).is_ok(), is_one, "{origin}");
        }
    }
}
