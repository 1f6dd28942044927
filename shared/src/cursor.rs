//! Page marks: what a list hands out to be asked for its next page, sealed so that it means one thing in one place.
//!
//! A cursor is the base64url of a JSON payload and its HMAC-SHA-256. The tag also covers the context: tenant, store, route and
//! filters. So a cursor of another tenant or another search is not a cursor here, and a changed one is none anywhere.
//! It is sealed and not secret: who holds it can read the payload, which therefore says nothing they may not know.

use crate::problem::Problem;
#[cfg(feature = "secrets")]
use crate::secrets::{SecretError, SecretString, Secrets};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// The longest cursor that is looked at.
const MAX_CHARS: usize = 4 * 1024;
const TAG_BYTES: usize = 32;
/// Keeps these tags apart from any other that the same key might make.
const PURPOSE: &[u8] = b"smartstore cursor 1\0";

/// Seals and opens cursors; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealer(Arc<hmac::Key>);

/// A key that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of cursors has fewer than 32 bytes")]
pub struct WeakKey;

/// A text that is no cursor of this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of this list")]
pub struct BadCursor;

impl Sealer {
    /// A sealer with a secret of at least 32 bytes, the same on every instance.
    ///
    /// # Errors
    ///
    /// [`WeakKey`].
    pub fn new(key: &[u8]) -> Result<Self, WeakKey> {
        if key.len() < 32 {
            return Err(WeakKey);
        }
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key))))
    }

    /// Seals `payload` for `context`, whose parts are told apart: `["ab", "c"]` is not `["a", "bc"]`.
    ///
    /// # Panics
    ///
    /// When `payload` cannot be written as JSON, as a map with keys that are no texts cannot.
    pub fn seal<T: Serialize>(&self, context: &[&str], payload: &T) -> String {
        let mut bytes = serde_json::to_vec(payload).expect("a page mark is plain data");
        let tag = self.tag(context, &bytes);
        bytes.extend_from_slice(tag.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The payload of a cursor that this sealer made for the same context.
    ///
    /// # Errors
    ///
    /// [`BadCursor`], whatever is wrong.
    pub fn open<T: DeserializeOwned>(&self, context: &[&str], text: &str) -> Result<T, BadCursor> {
        if text.len() > MAX_CHARS {
            return Err(BadCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let (payload, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(BadCursor)?;
        hmac::verify(&self.0, &covered(context, payload), tag).map_err(|_| BadCursor)?;
        serde_json::from_slice(payload).map_err(|_| BadCursor)
    }

    fn tag(&self, context: &[&str], payload: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, &covered(context, payload))
    }
}

/// The member of the environment's secret that seals cursors: 32 random bytes or more, as text.
#[cfg(feature = "secrets")]
pub const KEY: &str = "CURSOR_KEY";

/// The member of the environment's secret with a key that seals nothing and still opens: the one before, while [`KEY`] is
/// being changed. Where it is absent or empty, there is none.
#[cfg(feature = "secrets")]
pub const PREVIOUS: &str = "CURSOR_KEY_PREVIOUS";

/// Seals and opens cursors with the keys in the environment's secret; cheap to clone.
#[cfg(feature = "secrets")]
#[derive(Clone, Debug)]
pub struct Cursors(Secrets);

/// Why a cursor could not be sealed or opened.
#[cfg(feature = "secrets")]
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The text is no cursor of this place.
    #[error(transparent)]
    Bad(#[from] BadCursor),
    /// The key could be guessed.
    #[error(transparent)]
    Weak(#[from] WeakKey),
    /// The key cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

#[cfg(feature = "secrets")]
impl Cursors {
    /// With the keys that `secrets` holds.
    pub fn new(secrets: Secrets) -> Self {
        Self(secrets)
    }

    /// A cursor of `context`: the tenant, and what else makes the list this one.
    ///
    /// # Errors
    ///
    /// [`CursorError::Weak`], [`CursorError::Secret`].
    pub async fn seal<T: Serialize>(&self, context: &[&str], mark: &T) -> Result<String, CursorError> {
        Ok(sealer(&self.0.get(KEY).await?)?.seal(context, mark))
    }

    /// The mark in a cursor of `context`, sealed with [`KEY`] or [`PREVIOUS`].
    ///
    /// A cursor that neither opens may have been sealed by an instance that already has the next key. So the secret is loaded
    /// once more before it is refused: once for each value of the key, whatever is sent.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub async fn open<T: DeserializeOwned>(&self, context: &[&str], cursor: &str) -> Result<T, CursorError> {
        let key = self.0.get(KEY).await?;
        if let Some(mark) = self.opened(&key, context, cursor).await? {
            return Ok(mark);
        }
        // Nobody has sealed what is not even of a cursor's form, with any key.
        if !could_be_sealed(cursor) {
            return Err(BadCursor.into());
        }
        match self.0.refresh_after_refusal(KEY, &key).await {
            Ok(Some(newer)) => Ok(self.opened(&newer, context, cursor).await?.ok_or(BadCursor)?),
            Ok(None) | Err(_) => Err(BadCursor.into()),
        }
    }

    /// The mark after which the page begins that a request asks for with `cursor`; `None` where it names no cursor.
    ///
    /// # Errors
    ///
    /// Those of [`Cursors::open`].
    pub async fn after<T: DeserializeOwned>(
        &self,
        context: &[&str],
        cursor: Option<&str>,
    ) -> Result<Option<T>, CursorError> {
        match cursor {
            Some(cursor) => self.open(context, cursor).await.map(Some),
            None => Ok(None),
        }
    }

    /// The cursor of the page after `mark`; `None` where no page is.
    ///
    /// # Errors
    ///
    /// Those of [`Cursors::seal`].
    pub async fn next<T: Serialize>(&self, context: &[&str], mark: Option<&T>) -> Result<Option<String>, CursorError> {
        match mark {
            Some(mark) => self.seal(context, mark).await.map(Some),
            None => Ok(None),
        }
    }

    /// What `cursor` holds, if `key` or the one before opens it.
    async fn opened<T: DeserializeOwned>(
        &self,
        key: &SecretString,
        context: &[&str],
        cursor: &str,
    ) -> Result<Option<T>, CursorError> {
        if let Ok(mark) = sealer(key)?.open(context, cursor) {
            return Ok(Some(mark));
        }
        match self.0.get(PREVIOUS).await {
            Ok(previous) if !previous.expose().is_empty() => Ok(sealer(&previous)?.open(context, cursor).ok()),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

#[cfg(feature = "secrets")]
fn sealer(key: &SecretString) -> Result<Sealer, WeakKey> {
    Sealer::new(key.expose().as_bytes())
}

/// Whether a text is a JSON payload with something behind it that is as long as a tag.
#[cfg(feature = "secrets")]
fn could_be_sealed(cursor: &str) -> bool {
    let bytes = if cursor.len() > MAX_CHARS { None } else { URL_SAFE_NO_PAD.decode(cursor).ok() };
    let payload = bytes.as_deref().and_then(<[u8]>::split_last_chunk::<TAG_BYTES>);
    payload.is_some_and(|(payload, _)| serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok())
}

#[cfg(feature = "secrets")]
impl From<CursorError> for Problem {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Bad(bad) => bad.into(),
            CursorError::Weak(weak) => Self::internal(&weak),
            CursorError::Secret(why) => why.into(),
        }
    }
}

/// What a tag covers: the purpose, the number of parts, and each part and the payload after its length.
fn covered(context: &[&str], payload: &[u8]) -> Vec<u8> {
    let mut bytes = PURPOSE.to_vec();
    bytes.extend_from_slice(&(context.len() as u64).to_be_bytes());
    for part in context.iter().map(|part| part.as_bytes()).chain([payload]) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

impl From<BadCursor> for Problem {
    fn from(_: BadCursor) -> Self {
        Self::bad_request("http.bad_cursor")
            .detail("The cursor does not belong to this list. Ask again without one to begin at the first page.")
    }
}

#[cfg(all(test, feature = "secrets"))]
mod rotation;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: [&str; 4] = ["acme", "north", "GET /catalog/stores/{store_id}/products", "category=milk"];

    fn sealer() -> Sealer {
        Sealer::new(&[7; 32]).unwrap()
    }

    #[test]
    fn a_cursor_opens_where_it_was_sealed() {
        let cursor = sealer().seal(&PLACE, &("SKU-1", 100));
        assert_eq!(sealer().open::<(String, u32)>(&PLACE, &cursor), Ok(("SKU-1".to_owned(), 100)));
    }

    #[test]
    fn a_cursor_of_another_tenant_store_route_or_filter_is_refused() {
        let cursor = sealer().seal(&PLACE, &1);
        for place in 0..PLACE.len() {
            let mut other = PLACE;
            other[place] = "other";
            assert_eq!(sealer().open::<u32>(&other, &cursor), Err(BadCursor), "{}", PLACE[place]);
        }
        assert_eq!(sealer().open::<u32>(&PLACE[..3], &cursor), Err(BadCursor));
        assert_eq!(Sealer::new(&[8; 32]).unwrap().open::<u32>(&PLACE, &cursor), Err(BadCursor));
    }

    #[test]
    fn what_is_moved_across_the_borders_of_parts_makes_another_context() {
        let cursor = sealer().seal(&["ab", "c"], &12);
        for other in [&["a", "bc"][..], &["abc", ""], &["", "abc"], &["abc"], &["ab", "c", ""]] {
            assert_eq!(sealer().open::<u32>(other, &cursor), Err(BadCursor), "{other:?}");
        }
        // The payload's first digit taken into the context, under the same tag.
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        let moved = URL_SAFE_NO_PAD.encode(&bytes[1..]);
        assert_eq!(sealer().open::<u32>(&["ab", "c1"], &moved), Err(BadCursor));
    }

    #[test]
    fn no_cursor_with_a_changed_character_opens() {
        let good = sealer().seal(&PLACE, &"SKU-1");
        for place in 0..good.len() {
            for byte in 0..=127u8 {
                let mut bytes = good.clone().into_bytes();
                bytes[place] = byte;
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(sealer().open::<String>(&PLACE, &text).is_ok(), text == good, "{text:?}");
            }
        }
        for bad in ["", "A", &good[1..], &good[..good.len() - 1], &format!("{good}="), &"A".repeat(5000)] {
            assert!(sealer().open::<String>(&PLACE, bad).is_err());
        }
    }

    #[test]
    fn a_key_that_could_be_guessed_seals_nothing() {
        assert_eq!(Sealer::new(&[1; 31]).unwrap_err(), WeakKey);
    }

    #[test]
    fn a_bad_cursor_is_the_callers_fault() {
        let problem = Problem::from(BadCursor);
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "http.bad_cursor"));
    }

    proptest! {
        #[test]
        fn contexts_that_differ_never_share_a_cursor(a in proptest::collection::vec(".{0,3}", 0..4),
                                                     b in proptest::collection::vec(".{0,3}", 0..4)) {
            let [a, b] = [&a, &b].map(|parts| parts.iter().map(String::as_str).collect::<Vec<_>>());
            let opened = sealer().open::<u32>(&b, &sealer().seal(&a, &1));
            prop_assert_eq!(opened.is_ok(), a == b);
        }
    }
}
