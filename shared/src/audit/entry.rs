//! What is written of an act: a leaf that stays for ever and names nobody, and a text that can be erased.

use super::row_of;
use crate::{
    digest::Digest,
    ids::PersonId,
    table::{Key, TableError},
    web::request::{self, RequestContext, random_hex},
};
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The partition of a log's leaves: rows in it are made and never changed.
pub const LEAVES: &str = "AUDIT";
/// The partition of the texts: rows in it are made, and erased on a person's demand.
pub const TEXTS: &str = "AUDITTEXT";
/// The most bytes of a text.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The most bytes of the id of what an act was done to.
pub const MAX_OF_BYTES: usize = 4 * 1024;
/// The kind of a leaf that fills a place whose act never came to be.
pub const VOID: &str = "void";

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person, by the `sub` of their token.
    Person(PersonId),
    /// A job, by its name in the template.
    Job(String),
}

/// An act, to be written with what it does: [`super::Log::commit`].
#[derive(Clone, Debug)]
pub struct Entry {
    id: String,
    kind: &'static str,
    of: Option<String>,
    about: Option<PersonId>,
    text: String,
}

/// A leaf of the log, as it is hashed: one line of JSON with its members in this order. It names nobody: whatever tells of people
/// stands in the text, of which the leaf has the digest.
///
/// The bytes are stored as they were made and never made again, so that a later version of this type does not change what an old
/// leaf hashes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// The version of this form.
    pub v: u32,
    /// Its place in the log, from 0.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Its own name: 32 hex digits, drawn at random.
    pub id: String,
    /// What was done: `<area>.<deed>`, or [`VOID`].
    pub kind: String,
    /// The opaque id of what it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The digest of the text, which is salted and so cannot be guessed at once it is erased; none for a void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Digest>,
}

/// A leaf in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafRow {
    /// The leaf's bytes.
    pub leaf: String,
    /// [`leaf_hash`] of them, so that a change by hand shows without the tree.
    pub leaf_hash: Digest,
}

/// A text in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TextRow {
    /// The text's bytes: the JSON of a [`Text`].
    pub text: String,
    /// `<person>#<seq>`, in the index [`super::TEXTS_ABOUT`]; none where it is about nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts_about: Option<String>,
}

/// What is told of an act, and can be erased.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Text {
    /// 32 hex digits at random: without them the digest in the leaf would let whoever guesses the rest check the guess.
    pub salt: String,
    /// The request or run in which it was done.
    pub request_id: String,
    /// Who did it.
    pub by: Actor,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<PersonId>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Entry {
    /// That `by` did `kind`, a stable name `<area>.<deed>`: to what, to whom and how is said by the methods that follow.
    pub fn draft(kind: &'static str, by: Actor) -> Draft {
        Draft { kind, of: None, by, about: None, detail: Value::Null }
    }

    /// The leaf at the place `seq`.
    pub(super) fn leaf(&self, seq: u64, at: Timestamp) -> Leaf {
        let text = Some(Digest::of(self.text.as_bytes()));
        Leaf { v: 1, seq, at, id: self.id.clone(), kind: self.kind.to_owned(), of: self.of.clone(), text }
    }

    /// The text that goes with the leaf at `seq`.
    pub(super) fn text(&self, seq: u64) -> TextRow {
        let texts_about = self.about.as_ref().map(|person| about(person, seq));
        TextRow { text: self.text.clone(), texts_about }
    }

    /// Its own name, which tells it from every other.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// An entry that is being told.
#[derive(Clone, Debug)]
pub struct Draft {
    kind: &'static str,
    of: Option<String>,
    by: Actor,
    about: Option<PersonId>,
    detail: Value,
}

impl Draft {
    /// The opaque id of what it was done to. It stays in the log for ever: no text of a person's, no name, no address.
    pub fn of(mut self, id: impl Into<String>) -> Self {
        self.of = Some(id.into());
        self
    }

    /// The person to whom it was done. When their texts are erased, this one is.
    pub fn about(mut self, person: &PersonId) -> Self {
        self.about = Some(person.clone());
        self
    }

    /// What else there is to know, for those who may read the log.
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// The entry, under a name of its own and with the running request's id.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`] where the text is larger than [`MAX_TEXT_BYTES`], or the id of what it was done to than
    /// [`MAX_OF_BYTES`]: what a caller sent is to be bounded before.
    pub fn ready(self) -> Result<Entry, TableError> {
        let Self { kind, of, by, about, detail } = self;
        let request_id = request::current().unwrap_or_else(RequestContext::fresh).request_id;
        let text = Text { salt: random_hex::<16>(), request_id, by, about: about.clone(), detail };
        let text = serde_json::to_string(&text).map_err(TableError::unavailable)?;
        if text.len() > MAX_TEXT_BYTES {
            let what = std::io::Error::other(format!("the text of a {kind} has {} bytes", text.len()));
            return Err(TableError::unavailable(what));
        }
        if let Some(bytes) = of.as_ref().map(String::len).filter(|bytes| *bytes > MAX_OF_BYTES) {
            let what = std::io::Error::other(format!("the id of what a {kind} was done to has {bytes} bytes"));
            return Err(TableError::unavailable(what));
        }
        Ok(Entry { id: random_hex::<16>(), kind, of, about, text })
    }
}

impl Leaf {
    /// A leaf for the place `seq`, whose act never came to be.
    pub(super) fn void(seq: u64, at: Timestamp) -> Self {
        Self { v: 1, seq, at, id: random_hex::<16>(), kind: VOID.to_owned(), of: None, text: None }
    }

    /// The row that holds it.
    pub(super) fn row(&self) -> LeafRow {
        let leaf = serde_json::to_string(self).expect("a leaf is plain data");
        LeafRow { leaf_hash: leaf_hash(leaf.as_bytes()), leaf }
    }
}

impl LeafRow {
    /// The leaf that the bytes say.
    ///
    /// # Errors
    ///
    /// What is wrong with their form.
    pub fn parsed(&self) -> Result<Leaf, serde_json::Error> {
        serde_json::from_str(&self.leaf)
    }
}

/// Where the leaf of the place `seq` lies: in the order of places, as texts compare by their characters.
pub fn leaf_key(seq: u64) -> Key {
    row_of(LEAVES, seq)
}

/// Where the text of the place `seq` lies.
pub fn text_key(seq: u64) -> Key {
    row_of(TEXTS, seq)
}

/// What the index of texts holds of one about `person`. No place is taken for part of a name: it has no `#`, and stands last.
pub(super) fn about(person: &PersonId, seq: u64) -> String {
    format!("{}#{seq:020}", person.as_str())
}

/// The hash of a leaf in the tree: SHA-256 of a zero byte and its bytes (RFC 6962 §2.1).
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[0]);
    hash.update(leaf);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    Digest::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_leaf_is_that_of_rfc_6962() {
        let hex = |leaf: &[u8]| leaf_hash(leaf).to_string();
        assert_eq!(hex(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(hex(b"\0"), "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
    }

    #[test]
    fn a_leaf_is_one_line_whose_bytes_do_not_change() {
        let mut leaf = Leaf {
            v: 1,
            seq: u64::MAX,
            at: "2026-03-01T09:00:00.000001Z".parse().unwrap(),
            id: "00112233445566778899aabbccddeeff".to_owned(),
            kind: "notification.created".to_owned(),
            of: Some("ntf_Ünï\u{1F600}\"\\\u{7}".to_owned()),
            text: Some(Digest::of(b"abc")),
        };
        let golden = "{\"v\":1,\"seq\":18446744073709551615,\"at\":\"2026-03-01T09:00:00.000001Z\",\
             \"id\":\"00112233445566778899aabbccddeeff\",\"kind\":\"notification.created\",\"of\":\"ntf_Ünï\u{1F600}\\\"\\\\\\u0007\",\
             \"text\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}";
        assert_eq!(leaf.row().leaf, golden);
        assert_eq!(leaf.row().parsed().unwrap(), leaf);
        // A later form has members that this one does not know: old code reads it, and its bytes stand as they are.
        let later = LeafRow { leaf: golden.replace("}", ",\"new\":1}"), ..leaf.row() };
        assert_eq!(later.parsed().unwrap(), leaf);
        (leaf.of, leaf.text) = (None, None);
        assert!(leaf.row().leaf.ends_with("\"kind\":\"notification.created\"}"));
    }

    #[test]
    fn two_entries_of_the_same_act_have_texts_of_other_digests() {
        let of = || Entry::draft("test.done", Actor::Job("test".to_owned())).ready().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        assert_ne!(of().leaf(0, at).text, of().leaf(0, at).text);
    }

    #[test]
    fn no_persons_texts_are_found_under_another_persons_name() {
        let person = |name: &str| PersonId::from_subject(name).unwrap();
        let (ada, odd) = (about(&person("ada"), 7), about(&person("ada#00000000000000000007"), 7));
        assert!(ada.len() == "ada#".len() + 20 && odd.len() == "ada#00000000000000000007#".len() + 20);
        assert!(odd.starts_with("ada#"), "whoever reads by the beginning must hold the length too");
    }
}
