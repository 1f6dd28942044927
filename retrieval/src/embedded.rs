//! The snapshot as a [`Retriever`]: in process, lexical, exact.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::document::Audience;
use crate::evidence;
use crate::filter::Bound;
use crate::plan::Plan;
use crate::rank::POOL;
use crate::retriever::{Capabilities, Evidence, Facets, Hit, Hits, Query, Retriever, Scope, SearchError};
use crate::score::{Best, Scores};
use crate::snapshot::{Labels, Snapshot};

/// The most hits for one question.
const MAX_K: usize = 10_000;

impl Retriever for Snapshot {
    fn capabilities(&self) -> Capabilities {
        Capabilities { lexical: true, dense: false, facets: true, max_k: MAX_K, exact: true }
    }

    async fn search(&self, scope: &Scope, query: &Query) -> Result<Hits, SearchError> {
        self.find(scope, query)
    }
}

impl<R: Retriever> Retriever for std::sync::Arc<R> {
    fn capabilities(&self) -> Capabilities {
        R::capabilities(self)
    }

    async fn search(&self, scope: &Scope, query: &Query) -> Result<Hits, SearchError> {
        R::search(self, scope, query).await
    }
}

impl Snapshot {
    /// [`Retriever::search`] without waiting.
    ///
    /// # Errors
    ///
    /// [`SearchError`].
    pub fn find(&self, scope: &Scope, query: &Query) -> Result<Hits, SearchError> {
        self.check(scope)?;
        let plan = Plan::new(self, &query.words)?;
        let bound = Bound::new(&query.filter, self);
        // Before anything is ranked or counted: a row that the caller may not see does not exist.
        let admitted = |row: u32| {
            let audience = self
                .acl
                .as_ref()
                .and_then(|acl| acl.first(row))
                .map_or(Audience::only(crate::Roles::NONE), Audience::from_bits);
            audience.admits(scope.roles) && bound.passes(row)
        };
        let mut best = Best::new(query.k.min(MAX_K));
        let mut counts = query.facets.then(Counts::default);
        let mut matches = 0;
        if plan.words.is_empty() {
            for row in (0..self.len()).filter(|row| admitted(*row)) {
                matches += 1;
                best.offer(0.0, row);
                count(&mut counts, self, row);
            }
        } else {
            let mut scores = Scores::new(self.len());
            for leg in plan.words.iter().flat_map(|word| &word.legs) {
                scores.add(self, leg)?;
                in_time(query.deadline)?;
            }
            for &row in scores.rows() {
                if admitted(row) {
                    matches += 1;
                    best.offer(scores.of(row), row);
                    count(&mut counts, self, row);
                }
            }
        }
        in_time(query.deadline)?;
        let rows = best.into_sorted();
        // Further down nothing is re-ordered, and judging is what costs.
        let judged = rows.len().min(POOL);
        let judged: Vec<u32> = rows[..judged].iter().map(|(_, row)| *row).collect();
        let mut evidence = evidence::judge(self, &plan, &judged)?;
        evidence.resize(rows.len(), Evidence::default());
        let items =
            rows.iter().zip(evidence).filter_map(|(&(score, row), evidence)| self.hit(row, score, evidence)).collect();
        let corrections =
            plan.words.iter().filter_map(|word| Some((word.written.clone(), word.corrected.clone()?))).collect();
        Ok(Hits {
            items,
            matches,
            complete: true,
            snapshot: Some(self.hash()),
            facets: counts.map(|counts| counts.named(self)),
            corrections,
        })
    }

    /// Whether this snapshot may answer in `scope`.
    fn check(&self, scope: &Scope) -> Result<(), SearchError> {
        if scope.store != self.manifest().scope {
            return Err(SearchError::OtherStore);
        }
        match scope.snapshot {
            Some(wanted) if wanted != self.hash() => Err(SearchError::OtherSnapshot { wanted, found: self.hash() }),
            _ => Ok(()),
        }
    }

    fn hit(&self, row: u32, score: f32, evidence: Evidence) -> Option<Hit> {
        Some(Hit {
            id: self.ids.get(row)?.to_owned(),
            row: Some(row),
            lexical: Some(score),
            dense: None,
            evidence,
            updated_at: self.updated.as_ref().and_then(|column| column.first(row)),
            category: self.category.name_of(row).map(str::to_owned),
        })
    }
}

fn in_time(deadline: Option<Instant>) -> Result<(), SearchError> {
    match deadline {
        Some(deadline) if Instant::now() >= deadline => Err(SearchError::TimedOut),
        _ => Ok(()),
    }
}

/// Matches by the number of their value.
#[derive(Default)]
struct Counts {
    category: BTreeMap<u64, u64>,
    department: BTreeMap<u64, u64>,
    aisle: BTreeMap<u64, u64>,
}

fn count(counts: &mut Option<Counts>, snapshot: &Snapshot, row: u32) {
    if let Some(counts) = counts {
        let fields = [
            (&mut counts.category, &snapshot.category),
            (&mut counts.department, &snapshot.department),
            (&mut counts.aisle, &snapshot.aisle),
        ];
        for (counts, labels) in fields {
            if let Some(number) = labels.of(row) {
                *counts.entry(number).or_default() += 1;
            }
        }
    }
}

impl Counts {
    fn named(self, snapshot: &Snapshot) -> Facets {
        let named = |counts: BTreeMap<u64, u64>, labels: &Labels| {
            let name = |number: u64| labels.names().get(number as usize).cloned();
            let mut values: Vec<_> =
                counts.into_iter().filter_map(|(number, count)| Some((name(number)?, count))).collect();
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            values
        };
        Facets {
            category: named(self.category, &snapshot.category),
            department: named(self.department, &snapshot.department),
            aisle: named(self.aisle, &snapshot.aisle),
        }
    }
}
