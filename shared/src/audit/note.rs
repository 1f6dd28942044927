//! Signed heads: a log's size and root as a C2SP checkpoint, signed with Ed25519 by a key that only the job can derive.

use super::tree::Hash;
use crate::{ids::TenantId, secrets::SecretString};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    hkdf::{HKDF_SHA256, Salt},
    signature::{Ed25519KeyPair, KeyPair},
};
use signed_note::{Note, StandardSigner, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Checkpoint;
use zeroize::Zeroizing;

/// What tells keys that are derived for heads from any others of the same secret.
const LABEL: &[u8] = b"smartstore audit heads v1";
/// The mark of Ed25519 in keys and their names (C2SP signed-note).
const ED25519: u8 = 1;
/// The fewest characters of the secret.
const MIN_SECRET_CHARS: usize = 32;

/// What is wrong with a key or a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The secret is too short to be one, or the log's name cannot name a key.
    #[error("no key can be derived")]
    Key,
    /// A text that is no verifier's key.
    #[error("this is no verifier's key")]
    VerifierKey,
    /// A text that is no signed note with a head in it.
    #[error("this is no signed head")]
    Form,
    /// The key did not sign it.
    #[error("the head is not signed by this key")]
    Signature,
    /// It is another log's.
    #[error("the head is another log's")]
    Origin,
}

/// The name of a tenant's log, which is its key's too.
pub fn origin(environment: &str, tenant: &TenantId) -> String {
    format!("smartstore.audit/{environment}/{tenant}")
}

/// The key that signs the heads of one log.
pub struct LogKey {
    origin: String,
    signer: StandardSigner,
    verifier: String,
}

/// A head whose signature was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The log's name.
    pub origin: String,
    /// How many leaves it covers.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The signed note, as it is kept.
    pub note: String,
}

impl LogKey {
    /// The key of the log `origin`, derived from the secret.
    ///
    /// # Errors
    ///
    /// [`NoteError::Key`].
    pub fn derive(secret: &SecretString, origin: &str) -> Result<Self, NoteError> {
        if secret.expose().len() < MIN_SECRET_CHARS {
            return Err(NoteError::Key);
        }
        let mut seed = Zeroizing::new([0; 32]);
        let derived = Salt::new(HKDF_SHA256, LABEL).extract(secret.expose().as_bytes());
        let info = [origin.as_bytes()];
        let expanded = derived.expand(&info, HKDF_SHA256).and_then(|expanded| expanded.fill(&mut seed[..]));
        expanded.map_err(|_| NoteError::Key)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| NoteError::Key)?;
        let public = [&[ED25519], pair.public_key().as_ref()].concat();
        let name = format!("{origin}+{:08x}", signed_note::key_id(origin, &public));
        let private = Zeroizing::new(STANDARD.encode(Zeroizing::new([&[ED25519][..], &seed[..]].concat())));
        let signer = Zeroizing::new(format!("PRIVATE+KEY+{name}+{}", *private));
        let signer = StandardSigner::new(&signer).map_err(|_| NoteError::Key)?;
        Ok(Self { origin: origin.to_owned(), signer, verifier: format!("{name}+{}", STANDARD.encode(public)) })
    }

    /// The public key that checks what this one signs, as C2SP signed-note writes it.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Signs a head. The same head is always signed in the same bytes.
    ///
    /// # Errors
    ///
    /// [`NoteError`].
    pub fn sign(&self, size: u64, root: Hash) -> Result<Head, NoteError> {
        let head = Checkpoint::new(&self.origin, size, root, "").map_err(|_| NoteError::Form)?;
        let mut note = Note::new(&head.to_bytes(), &[]).map_err(|_| NoteError::Form)?;
        note.add_sigs(&[&self.signer]).map_err(|_| NoteError::Key)?;
        let note = String::from_utf8(note.to_bytes()).map_err(|_| NoteError::Form)?;
        Ok(Head { origin: self.origin.clone(), size, root, note })
    }
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKey({})", self.verifier)
    }
}

impl Head {
    /// The head in `note`, if the key `verifier` has signed it for the log of its name.
    ///
    /// # Errors
    ///
    /// [`NoteError`].
    pub fn open(note: &str, verifier: &str) -> Result<Self, NoteError> {
        let verifier = StandardVerifier::new(verifier.trim()).map_err(|_| NoteError::VerifierKey)?;
        let name = verifier.name().to_owned();
        let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| NoteError::Form)?;
        let known = VerifierList::new(vec![Box::new(verifier)]);
        parsed.verify(&known).map_err(|_| NoteError::Signature)?;
        let head = Checkpoint::from_bytes(parsed.text()).map_err(|_| NoteError::Form)?;
        if head.origin() != name {
            return Err(NoteError::Origin);
        }
        Ok(Self { origin: name, size: head.size(), root: *head.hash(), note: note.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::record_hash;

    fn key(secret: &str, tenant: &str) -> LogKey {
        LogKey::derive(&SecretString::from(secret.to_owned()), &origin("test", &tenant.parse().unwrap())).unwrap()
    }

    #[test]
    fn a_head_opens_under_its_own_logs_key_alone_and_as_it_was_signed() {
        let secret = "0123456789abcdef0123456789abcdef";
        let (acme, beta) = (key(secret, "acme"), key(secret, "beta"));
        let head = acme.sign(7, record_hash(b"x")).unwrap();
        assert_eq!(Head::open(&head.note, acme.verifier()), Ok(head.clone()));
        assert_eq!(acme.sign(7, record_hash(b"x")).unwrap(), head, "signing is deterministic");
        assert_eq!(Head::open(&head.note, beta.verifier()), Err(NoteError::Signature));
        let other = key("another secret of at least 32 chars", "acme");
        assert_eq!(Head::open(&head.note, other.verifier()), Err(NoteError::Signature));
        for at in 0..head.note.len() {
            let mut bytes = head.note.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(Head::open(&text, acme.verifier()).is_err(), "{at}");
            }
        }
        for odd in ["", "x", "\n\n", "a+b+c"] {
            assert!(Head::open(odd, acme.verifier()).is_err() && Head::open(&head.note, odd).is_err());
        }
    }

    #[test]
    fn a_key_stays_what_it_is_and_shows_nothing_of_its_secret() {
        let acme = key("0123456789abcdef0123456789abcdef", "acme");
        assert!(acme.verifier().starts_with("smartstore.audit/test/acme+"));
        assert_eq!(format!("{acme:?}"), format!("LogKey({})", acme.verifier()));
        let short = SecretString::from("short".to_owned());
        assert!(LogKey::derive(&short, "x").is_err());
        let long = SecretString::from("0123456789abcdef0123456789abcdef".to_owned());
        assert!(LogKey::derive(&long, "two words").is_err());
    }
}
