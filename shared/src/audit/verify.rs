//! Checking a log against its heads: the first entry that is wrong, why, and what cannot be known.
//!
//! What is checked without a head is the log's own form: every place has one leaf, in order, each with its hash. A log that is
//! cut at its end, and one that was written anew with all its hashes, have that form too: only a head, kept where whoever altered
//! the log could not reach it, shows them. [`Report::limits`] says so wherever no head was at hand.

use super::{
    ERASED, Leaf, LeafRow, VOID, erase, leaf_hash,
    note::Head,
    tree::{self, Error, Hash, Tree},
};
use crate::digest::Digest;
use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

/// What is wrong with a log, at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The line is no leaf.
    NotALeaf,
    /// The leaf's bytes do not give the hash that is stored with them.
    Edited,
    /// No leaf has this place.
    Missing,
    /// The leaf of this place stands later in the log.
    OutOfOrder,
    /// A place that was there before comes again.
    Repeated,
    /// The leaf is not the one that was signed.
    NotSigned,
    /// Somewhere from this place to the other, a leaf is not the one that was signed.
    NotSignedUntil(u64),
    /// The log ends before this place, and a head covers this many leaves.
    CutOff(u64),
    /// Two signed heads do not extend each other: the one of this size is not the beginning of the other.
    Fork(u64),
    /// The text is not the one of which the leaf has the digest.
    TextEdited,
    /// The text is gone, and no leaf says that it was erased.
    TextMissing,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALeaf => f.write_str("is no leaf"),
            Self::Edited => f.write_str("was edited: its bytes do not give its hash"),
            Self::Missing => f.write_str("is missing"),
            Self::OutOfOrder => f.write_str("is out of order: it stands later in the log"),
            Self::Repeated => {
                f.write_str("comes after a line that repeats an earlier place or stands in the wrong one")
            }
            Self::NotSigned => f.write_str("is not the leaf that was signed"),
            Self::NotSignedUntil(to) => write!(f, "or one up to {to} is not the leaf that was signed"),
            Self::CutOff(size) => write!(f, "is cut off, and the head covers {size} leaves"),
            Self::Fork(size) => {
                write!(f, "is where the history forks: the signed head of {size} leaves is not its beginning")
            }
            Self::TextEdited => f.write_str("has a text that is not the one that was written"),
            Self::TextMissing => f.write_str("has lost its text, without a word that it was erased"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many lines the log has.
    pub entries: u64,
    /// How many places were filled because their act never came to be.
    pub voids: u64,
    /// The size of the largest head that the log agrees with.
    pub proven: u64,
    /// The first entry that is wrong, by its place, and why.
    pub first_bad: Option<(u64, Fault)>,
    /// The places whose texts were erased, as leaves say.
    pub erased: Vec<u64>,
    /// What could not be known.
    pub limits: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.first_bad.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first_bad {
            None => write!(f, "{} entries, nothing wrong found.", self.entries)?,
            Some((place, why)) => write!(f, "The entry {place} {why}.")?,
        }
        if self.proven > 0 {
            write!(f, " The first {} are those that were signed.", self.proven)?;
        }
        if !self.erased.is_empty() {
            write!(f, " Erased texts: {}.", erase::spelled(&self.erased))?;
        }
        self.limits.iter().try_for_each(|limit| write!(f, " {limit}"))
    }
}

/// What is known of a leaf's text.
#[derive(Clone, Copy, Debug)]
pub enum TextState<'a> {
    /// Texts are not looked at.
    Unknown,
    /// There is none in the table.
    Gone,
    /// These are its bytes.
    There(&'a str),
}

/// A log that is being checked, line by line.
#[derive(Debug, Default)]
pub struct Verifier {
    tree: Tree,
    lines: u64,
    voids: u64,
    /// The first fault of form.
    form: Option<(u64, Fault)>,
    /// The first fault of a text.
    text: Option<(u64, Fault)>,
    /// Texts that are gone, and may yet be said to be erased.
    gone: Vec<u64>,
    texts_seen: bool,
    erased: Vec<RangeInclusive<u64>>,
    /// Places without a leaf that no head covers.
    unfilled: Vec<u64>,
}

impl Verifier {
    /// Takes the next line as it is stored: the leaf, its hash and what is known of its text.
    ///
    /// # Errors
    ///
    /// [`Error`] never comes of what a log says.
    pub fn line(&mut self, row: &LeafRow, text: TextState<'_>) -> Result<(), Error> {
        let place = self.lines;
        self.lines += 1;
        let real = leaf_hash(row.leaf.as_bytes());
        self.tree.push(&real)?;
        let leaf = row.parsed().ok();
        match (&self.form, &leaf) {
            (None, None) => self.form = Some((place, Fault::NotALeaf)),
            (None, Some(_)) if real != row.leaf_hash => self.form = Some((place, Fault::Edited)),
            (None, Some(leaf)) if leaf.seq > place => self.form = Some((place, Fault::Missing)),
            (None, Some(leaf)) if leaf.seq < place => self.form = Some((place, Fault::Repeated)),
            (Some((missing, Fault::Missing)), Some(leaf)) if leaf.seq == *missing => {
                self.form = Some((*missing, Fault::OutOfOrder));
            }
            _ => {}
        }
        if let Some(leaf) = leaf {
            self.voids += u64::from(leaf.kind == VOID);
            if leaf.kind == ERASED {
                self.erased.extend(erase::places(leaf.of.as_deref().unwrap_or_default()));
            }
            self.text(place, &leaf, text);
        }
        Ok(())
    }

    /// Takes the next place as one that was given out and has no leaf yet. Only what no head covers may be so.
    pub fn unfilled(&mut self) {
        self.unfilled.push(self.lines);
        self.lines += 1;
    }

    /// Takes a line that could not be read at all.
    ///
    /// # Errors
    ///
    /// As [`Verifier::line`].
    pub fn garbage(&mut self, line: &[u8]) -> Result<(), Error> {
        let row = LeafRow { leaf: String::from_utf8_lossy(line).into_owned(), leaf_hash: leaf_hash(line) };
        let place = self.lines;
        self.line(&row, TextState::Unknown)?;
        self.form.get_or_insert((place, Fault::NotALeaf));
        Ok(())
    }

    fn text(&mut self, place: u64, leaf: &Leaf, text: TextState<'_>) {
        let Some(digest) = &leaf.text else { return };
        match text {
            TextState::Unknown => return,
            TextState::Gone => self.gone.push(place),
            TextState::There(bytes) if Digest::of(bytes.as_bytes()) != *digest => {
                self.text.get_or_insert((place, Fault::TextEdited));
            }
            TextState::There(_) => {}
        }
        self.texts_seen = true;
    }

    /// How many lines there were.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The tree over the lines so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The verdict. `signed` are hashes of leaves by their place that a head proves, where the exported tree is at hand: they
    /// name the very leaf that is not the one that was signed.
    ///
    /// # Errors
    ///
    /// As [`Verifier::line`].
    pub fn finish(&self, heads: &[Head], signed: &BTreeMap<u64, Hash>) -> Result<Report, Error> {
        let mut heads: Vec<&Head> = heads.iter().collect();
        heads.sort_by_key(|head| head.size);
        let (mut proven, mut against) = (0, None);
        for (n, head) in heads.iter().enumerate() {
            // Those of one size stand together, and those before this one agreed.
            let before = n.checked_sub(1).map(|before| heads[before]);
            if before.is_some_and(|before| before.size == head.size && before.root != head.root) {
                against.get_or_insert((head.size.saturating_sub(1), Fault::Fork(head.size)));
                break;
            }
            if head.size > self.lines {
                against.get_or_insert((self.lines, Fault::CutOff(head.size)));
                break;
            }
            if self.tree.root_at(head.size)? == head.root {
                if let Some((_, fault @ Fault::NotSignedUntil(_))) = &mut against {
                    // The log is the one of the later head, and so the earlier is not its beginning.
                    let Fault::NotSignedUntil(last) = *fault else { continue };
                    *fault = Fault::Fork(last + 1);
                }
                if against.is_none() {
                    proven = head.size;
                }
            } else {
                against.get_or_insert((proven, Fault::NotSignedUntil(head.size - 1)));
            }
        }
        if let Some((_, Fault::NotSignedUntil(_) | Fault::CutOff(_))) = &against {
            let differs = |(place, hash): (&u64, &Hash)| {
                let index = tlog_tiles::stored_hash_index(0, *place);
                let own = tlog_tiles::HashReader::read_hashes(&self.tree, &[index]).ok();
                own.is_some_and(|own| own[0] != *hash).then_some(*place)
            };
            if let Some(place) = signed.iter().find_map(differs) {
                against = Some((place, Fault::NotSigned));
            }
        }
        let listed = |place: &u64| self.erased.iter().any(|run| run.contains(place));
        let (erased, lost): (Vec<u64>, Vec<u64>) = self.gone.iter().partition(|place| listed(place));
        let lost = lost.first().map(|place| (*place, Fault::TextMissing));
        let mut faults: Vec<_> = [self.form.clone(), against, self.text.clone(), lost].into_iter().flatten().collect();
        // What names an entry says more than what names a range of them; of two that name the same one, the first of the list does.
        faults.sort_by_key(|(place, fault)| match fault {
            Fault::NotSignedUntil(last) => *last,
            _ => *place,
        });
        let mut limits = Vec::new();
        match heads.last() {
            None => limits.push(
                "No signed head was at hand: a log that was cut at its end, or written anew with all its hashes, cannot be told \
                 from a true one without one."
                    .to_owned(),
            ),
            Some(head) if head.size < self.lines => limits.push(format!(
                "The {} entries after the head are not covered by it: they are as safe as where they are kept.",
                self.lines - head.size
            )),
            Some(_) => {}
        }
        if !self.unfilled.is_empty() {
            limits.push(format!(
                "Not filled yet, as their acts are under way or came to nothing: {}. The next head covers them, filled or void.",
                erase::spelled(&self.unfilled)
            ));
        }
        if !self.texts_seen {
            limits.push("Texts were not looked at.".to_owned());
        }
        Ok(Report {
            entries: self.lines - self.unfilled.len() as u64,
            voids: self.voids,
            proven,
            first_bad: faults.into_iter().next(),
            erased,
            limits,
        })
    }
}

/// Checks a log in the form in which it is exported: a line of JSON for each leaf.
///
/// # Errors
///
/// As [`Verifier::line`].
pub fn lines<'a>(log: impl IntoIterator<Item = &'a [u8]>, heads: &[Head]) -> Result<Report, Error> {
    let mut verifier = Verifier::default();
    for line in log {
        match serde_json::from_slice::<LeafRow>(line) {
            Ok(row) => verifier.line(&row, TextState::Unknown)?,
            Err(_) => verifier.garbage(line)?,
        }
    }
    verifier.finish(heads, &BTreeMap::new())
}

/// The rows of an edited log with every place and hash made anew, as somebody would who has this code and not the key.
pub fn rebuilt(leaves: impl IntoIterator<Item = String>) -> Vec<LeafRow> {
    let rows = leaves.into_iter().zip(0..).map(|(leaf, seq)| {
        let parsed: Option<Leaf> = serde_json::from_str(&leaf).ok();
        let leaf = match parsed {
            Some(parsed) if parsed.seq != seq => Leaf { seq, ..parsed }.row().leaf,
            _ => leaf,
        };
        LeafRow { leaf_hash: leaf_hash(leaf.as_bytes()), leaf }
    });
    rows.collect()
}

/// The hash of a leaf as the tree has it.
pub fn tree_hash_of(row: &LeafRow) -> Hash {
    tree::hash(&leaf_hash(row.leaf.as_bytes()))
}
