//! BM25 over the index's blocks of postings, term after term into one array of scores.
//!
//! Source: Robertson, Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond* (2009), with Lucene's idf, which is never
//! negative.

use std::io;

use tantivy::Term;
use tantivy::schema::IndexRecordOption;

use crate::snapshot::{Indexed, Snapshot};

/// How soon repetitions of a term stop counting.
pub(crate) const K1: f32 = 1.2;
/// How much long texts are marked down.
pub(crate) const B: f32 = 0.75;

/// The rarity of a term that `found` of `documents` hold, at least ln 1.
pub(crate) fn idf(found: u64, documents: u64) -> f32 {
    let (found, documents) = (found.min(documents) as f32, documents as f32);
    (1.0 + (documents - found + 0.5) / (found + 0.5)).ln()
}

/// A term looked for in a field, and what its score counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leg {
    pub(crate) place: Place,
    pub(crate) term: String,
    pub(crate) weight: f32,
}

/// A field of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    All,
    Kind,
    Extra,
}

impl Snapshot {
    pub(crate) fn indexed(&self, place: Place) -> &Indexed {
        match place {
            Place::All => &self.all,
            Place::Kind => &self.kind,
            Place::Extra => &self.extra,
        }
    }
}

impl Indexed {
    /// The part of BM25's divisor that a text's length makes, by the number of its fieldnorm.
    pub(crate) fn length_parts(&self) -> [f32; 256] {
        let mut parts = [0.0_f32; 256];
        for (id, part) in (0..=255_u8).zip(&mut parts) {
            let terms = tantivy::fieldnorm::FieldNormReader::id_to_fieldnorm(id) as f32;
            *part = K1 * (1.0 - B + B * terms / self.mean_length);
        }
        parts
    }

    /// How many documents hold `term`.
    pub(crate) fn frequency(&self, term: &str) -> io::Result<u64> {
        let info = self.postings.get_term_info(&Term::from_field_text(self.field, term))?;
        Ok(info.map_or(0, |info| u64::from(info.doc_freq)))
    }
}

/// Scores of all rows, most of them 0.
pub(crate) struct Scores {
    scores: Vec<f32>,
    touched: Vec<u32>,
}

impl Scores {
    pub(crate) fn new(rows: u32) -> Self {
        Self { scores: vec![0.0; rows as usize], touched: Vec::new() }
    }

    /// Adds the scores of `leg` to every row that holds its term.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, leg: &Leg) -> io::Result<()> {
        let indexed = snapshot.indexed(leg.place);
        let term = Term::from_field_text(indexed.field, &leg.term);
        let Some(info) = indexed.postings.get_term_info(&term)? else { return Ok(()) };
        let weight = leg.weight * idf(u64::from(info.doc_freq), u64::from(snapshot.len())) * (K1 + 1.0);
        let lengths = indexed.length_parts();
        let mut postings = indexed.postings.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
        while postings.block_len() > 0 {
            for (&row, &count) in postings.docs().iter().zip(postings.freqs()) {
                let count = count as f32;
                let score = &mut self.scores[row as usize];
                if *score == 0.0 {
                    self.touched.push(row);
                }
                *score += weight * count / (count + lengths[usize::from(indexed.norms.fieldnorm_id(row))]);
            }
            postings.advance();
        }
        Ok(())
    }

    /// The rows with a score, in no order.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.touched
    }

    /// The score of `row`.
    pub(crate) fn of(&self, row: u32) -> f32 {
        self.scores[row as usize]
    }
}

/// The best `k` of what is offered: highest score first, equal scores by row, which is by id.
pub(crate) struct Best {
    k: usize,
    kept: Vec<(f32, u32)>,
    floor: f32,
}

impl Best {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, kept: Vec::with_capacity(2 * k.min(4_096)), floor: f32::NEG_INFINITY }
    }

    /// Whether a row with `score` could still be kept.
    pub(crate) fn wants(&self, score: f32) -> bool {
        score >= self.floor && self.k > 0
    }

    pub(crate) fn offer(&mut self, score: f32, row: u32) {
        if !self.wants(score) {
            return;
        }
        self.kept.push((score, row));
        if self.kept.len() >= 2 * self.k.max(64) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.kept.len() > self.k {
            self.kept.select_nth_unstable_by(self.k, order);
            self.kept.truncate(self.k);
            self.floor = self.kept.iter().map(|(score, _)| *score).fold(f32::INFINITY, f32::min);
        }
    }

    pub(crate) fn into_sorted(mut self) -> Vec<(f32, u32)> {
        self.shrink();
        self.kept.sort_unstable_by(order);
        self.kept
    }
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_terms_weigh_more_and_none_weighs_less_than_nothing() {
        assert!(idf(1, 100) > idf(50, 100));
        assert!(idf(100, 100) > 0.0);
        assert!((idf(0, 19_406) - 10.567).abs() < 0.01);
    }

    #[test]
    fn the_best_are_kept_and_equals_stand_by_row() {
        let mut best = Best::new(3);
        for row in (0..500).rev() {
            best.offer((row % 7) as f32, row);
        }
        assert_eq!(best.into_sorted(), [(6.0, 6), (6.0, 13), (6.0, 20)]);
    }
}
