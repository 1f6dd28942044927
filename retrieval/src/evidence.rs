//! How the best rows match the words of a question, beyond their score.

use std::collections::BTreeSet;
use std::io;

use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

use crate::fields::{END_TERM, HEAD_TERM};
use crate::plan::{Plan, Word};
use crate::retriever::Evidence;
use crate::score::{K1, idf};
use crate::snapshot::{Indexed, Snapshot};
use crate::text;

/// After how many places in a name a word counts half.
pub const HALF_PLACE: f32 = 6.0;
/// From this length on a model's number is believed wherever it stands, among the attributes too; `7` is everywhere.
const TELLING_MODEL: usize = 3;
/// How far behind the question's last word another kind of thing makes an accessory, in words.
const HEAD_SPAN: u32 = 2;

/// Judges `rows`; the evidence comes in the same order.
pub(crate) fn judge(snapshot: &Snapshot, plan: &Plan, rows: &[u32]) -> io::Result<Vec<Evidence>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by_key(|&at| rows[at]);
    let visitor = Visitor { snapshot, rows, order };
    let best = plan.idf().max(f32::MIN_POSITIVE) * (K1 + 1.0);
    let mut evidence = vec![Evidence::default(); rows.len()];
    let mut kinds = vec![0_u32; rows.len()];
    // Places in each name of the word before, to see neighbours, and at the end of the last word.
    let mut places = vec![Vec::new(); rows.len()];
    let mut asked = vec![Vec::new(); rows.len()];
    let pairs = plan.words.len().saturating_sub(1);
    for (nth, word) in plan.words.iter().enumerate() {
        let seen = visitor.word(word)?;
        let share = word.idf * (K1 + 1.0) / best;
        for (at, (seen, evidence)) in seen.iter().zip(&mut evidence).enumerate() {
            evidence.strength += seen.text / best;
            evidence.attributes += seen.extra / best;
            if seen.text > 0.0 || seen.kind {
                evidence.found += share;
            }
            let telling = word.written.len() >= TELLING_MODEL && seen.extra > 0.0;
            if is_model(&word.written) && seen.text == 0.0 && !telling {
                evidence.model_missing = true;
            }
            if seen.kind {
                evidence.kind += share;
                kinds[at] += 1;
            }
            asked[at].extend_from_slice(&seen.places);
            if let Some(first) = seen.places.iter().min() {
                evidence.named += share;
                evidence.early += share * (-(*first as f32) / HALF_PLACE).exp2();
            }
            if pairs == 0 {
                evidence.together = f32::from(u8::from(!seen.places.is_empty()));
            } else if nth > 0 && places[at].iter().any(|place: &u32| seen.places.contains(&(place + 1))) {
                evidence.together += 1.0 / pairs as f32;
            }
        }
        places = seen.into_iter().map(|seen| seen.places).collect();
    }
    for (at, &row) in rows.iter().enumerate() {
        let length = snapshot.kind.norms.fieldnorm(row);
        if length > 0 {
            evidence[at].kind_fit = (kinds[at] as f32 / length as f32).min(1.0);
        }
    }
    visitor.ends(&asked, &places, &mut evidence)?;
    visitor.accessories(&places, &asked, &mut evidence)?;
    Ok(evidence)
}

/// Whether `word` names a model: it holds a digit, or is one letter.
fn is_model(word: &str) -> bool {
    text::has_digit(word) || word.len() == 1
}

/// What a row shows of one word.
#[derive(Clone, Default)]
struct Seen {
    /// Its BM25 in name, brand and description.
    text: f32,
    /// Its BM25 among attributes, category and place.
    extra: f32,
    kind: bool,
    /// Where it stands in the name.
    places: Vec<u32>,
}

/// Walks postings past the rows that are judged.
struct Visitor<'a> {
    snapshot: &'a Snapshot,
    rows: &'a [u32],
    /// The places of `rows` by row.
    order: Vec<usize>,
}

impl Visitor<'_> {
    fn word(&self, word: &Word) -> io::Result<Vec<Seen>> {
        let mut seen = vec![Seen::default(); self.rows.len()];
        for (term, weight) in &word.terms {
            self.score(&self.snapshot.all, term, |at, score| seen[at].text += weight * score)?;
            self.score(&self.snapshot.extra, term, |at, score| seen[at].extra += weight * score)?;
            self.visit(&self.snapshot.kind, term, IndexRecordOption::Basic, |at, _, _| seen[at].kind = true)?;
            let option = IndexRecordOption::WithFreqsAndPositions;
            self.visit(&self.snapshot.name, term, option, |at, _, held| seen[at].places.extend_from_slice(held))?;
        }
        Ok(seen)
    }

    /// Judges how much of each name was asked for, and whether it ends in the question's last word.
    fn ends(&self, asked: &[Vec<u32>], last: &[Vec<u32>], evidence: &mut [Evidence]) -> io::Result<()> {
        self.visit(&self.snapshot.name, END_TERM, IndexRecordOption::WithFreqsAndPositions, |at, _, ends| {
            let Some(&end) = ends.first() else { return };
            let held: BTreeSet<u32> = asked[at].iter().copied().filter(|place| *place <= end).collect();
            evidence[at].name_fit = held.len() as f32 / (end + 1) as f32;
            evidence[at].ends = last[at].contains(&end);
        })
    }

    /// Marks the rows where the name goes on from every place of the last word to a kind of thing that was not asked for.
    fn accessories(&self, last: &[Vec<u32>], asked: &[Vec<u32>], evidence: &mut [Evidence]) -> io::Result<()> {
        let option = IndexRecordOption::WithFreqsAndPositions;
        self.visit(&self.snapshot.name, HEAD_TERM, option, |at, _, heads| {
            let other = |place: &u32| {
                heads.iter().any(|head| place < head && *head <= place + HEAD_SPAN && !asked[at].contains(head))
            };
            evidence[at].accessory = !last[at].is_empty() && last[at].iter().all(other);
        })
    }

    /// Calls `each` with the place in `rows` and the BM25 of every row that holds `term`.
    fn score(&self, indexed: &Indexed, term: &str, mut each: impl FnMut(usize, f32)) -> io::Result<()> {
        let weight = idf(indexed.frequency(term)?, u64::from(self.snapshot.len())) * (K1 + 1.0);
        let lengths = indexed.length_parts();
        self.visit(indexed, term, IndexRecordOption::WithFreqs, |at, count, _| {
            let count = count as f32;
            let length = lengths[usize::from(indexed.norms.fieldnorm_id(self.rows[at]))];
            each(at, weight * count / (count + length));
        })
    }

    /// Calls `each` with the place in `rows`, how often and where, for every row that holds `term`.
    fn visit(
        &self,
        indexed: &Indexed,
        term: &str,
        option: IndexRecordOption,
        mut each: impl FnMut(usize, u32, &[u32]),
    ) -> io::Result<()> {
        let term = Term::from_field_text(indexed.field, term);
        let Some(mut postings) = indexed.postings.read_postings(&term, option)? else { return Ok(()) };
        let mut places = Vec::new();
        for &at in &self.order {
            let row = self.rows[at];
            if postings.doc() < row {
                postings.seek(row);
            }
            if postings.doc() == TERMINATED {
                break;
            }
            if postings.doc() == row {
                places.clear();
                if option.has_positions() {
                    postings.positions(&mut places);
                }
                each(at, postings.term_freq(), &places);
            }
        }
        Ok(())
    }
}
