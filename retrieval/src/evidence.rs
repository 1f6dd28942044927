//! How the best rows match the words of a question, beyond their score.

use std::io;

use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

use crate::plan::Plan;
use crate::retriever::Evidence;
use crate::score::K1;
use crate::snapshot::{Indexed, Snapshot};
use crate::text;

/// After how many places in a name a word counts half.
pub const HALF_PLACE: f32 = 6.0;

/// Judges `rows`, which are `(score, row)` of `plan` in any order; the evidence comes in the same order.
pub(crate) fn judge(snapshot: &Snapshot, plan: &Plan, rows: &[(f32, u32)]) -> io::Result<Vec<Evidence>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by_key(|&at| rows[at].1);
    let total = plan.idf().max(f32::MIN_POSITIVE);
    let mut evidence = vec![Evidence::default(); rows.len()];
    let mut kinds = vec![0_u32; rows.len()];
    // Places of the last word in each name, to see neighbours.
    let mut before = vec![Vec::new(); rows.len()];
    let pairs = plan.words.len().saturating_sub(1);
    for (nth, word) in plan.words.iter().enumerate() {
        let share = word.idf / total;
        let (mut found, mut kind) = (vec![false; rows.len()], vec![false; rows.len()]);
        let mut places = vec![Vec::new(); rows.len()];
        for term in &word.terms {
            visit(&snapshot.all, term, rows, &order, |at, _| found[at] = true)?;
            visit(&snapshot.kind, term, rows, &order, |at, _| kind[at] = true)?;
            visit(&snapshot.name, term, rows, &order, |at, held| places[at].extend_from_slice(held))?;
        }
        let model = text::has_digit(&word.written);
        if model {
            // A model's number may stand among the attributes.
            visit(&snapshot.extra, &word.written, rows, &order, |at, _| found[at] = true)?;
        }
        for at in 0..rows.len() {
            let seen = &mut evidence[at];
            if found[at] || kind[at] {
                seen.found += share;
            } else if model {
                seen.model_missing = true;
            }
            if kind[at] {
                seen.kind += share;
                kinds[at] += 1;
            }
            if let Some(first) = places[at].iter().min() {
                seen.named += share;
                seen.early += share * (-(*first as f32) / HALF_PLACE).exp2();
            }
            if pairs == 0 {
                seen.together = f32::from(u8::from(!places[at].is_empty()));
            } else if nth > 0 && before[at].iter().any(|place: &u32| places[at].contains(&(place + 1))) {
                seen.together += 1.0 / pairs as f32;
            }
        }
        before = places;
    }
    for (at, &(score, row)) in rows.iter().enumerate() {
        evidence[at].strength = score / (total * (K1 + 1.0));
        let length = snapshot.kind.norms.fieldnorm(row);
        if length > 0 {
            evidence[at].kind_fit = (kinds[at] as f32 / length as f32).min(1.0);
        }
    }
    agree(snapshot, rows, &mut evidence);
    Ok(evidence)
}

/// How many of the best rows say which categories are asked for.
const VOTERS: usize = 20;

/// Sets how far each row's category agrees with those of the best rows.
fn agree(snapshot: &Snapshot, rows: &[(f32, u32)], evidence: &mut [Evidence]) {
    let kinds: Vec<Option<u64>> = rows.iter().map(|(_, row)| snapshot.category.of(*row)).collect();
    let mut best: Vec<usize> = (0..rows.len()).collect();
    best.sort_by(|a, b| rows[*b].0.total_cmp(&rows[*a].0));
    let mut votes = std::collections::BTreeMap::<u64, f32>::new();
    let mut all = 0.0;
    for &voter in best.iter().take(VOTERS) {
        if let Some(kind) = kinds[voter] {
            *votes.entry(kind).or_default() += evidence[voter].strength;
            all += evidence[voter].strength;
        }
    }
    for (seen, kind) in evidence.iter_mut().zip(kinds) {
        if let Some(votes) = kind.and_then(|kind| votes.get(&kind)) {
            seen.agreement = votes / all.max(f32::MIN_POSITIVE);
        }
    }
}

/// Calls `each` with the place in `rows`, and the places in the text, of every row that holds `term`.
fn visit(
    indexed: &Indexed,
    term: &str,
    rows: &[(f32, u32)],
    order: &[usize],
    mut each: impl FnMut(usize, &[u32]),
) -> io::Result<()> {
    let term = Term::from_field_text(indexed.field, term);
    let option = IndexRecordOption::WithFreqsAndPositions;
    let Some(mut postings) = indexed.postings.read_postings(&term, option)? else { return Ok(()) };
    let mut places = Vec::new();
    for &at in order {
        let row = rows[at].1;
        if postings.doc() < row {
            postings.seek(row);
        }
        if postings.doc() == TERMINATED {
            break;
        }
        if postings.doc() == row {
            places.clear();
            postings.positions(&mut places);
            each(at, &places);
        }
    }
    Ok(())
}
