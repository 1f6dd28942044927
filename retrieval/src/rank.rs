//! From raw scores to an order: fusion of legs, calibration to a probability of relevance, recency, category.
//!
//! Pure functions above [`crate::Retriever`]: whatever engine answers, the threshold means the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::retriever::{Evidence, Hit};

pub use crate::calibration::Calibration;

/// How many of an engine's best hits are judged and re-ordered; further hits follow in the engine's order. So pages are stable.
pub const POOL: usize = 200;

/// How the legs become one similarity: a weighted sum. Used where a dense score is there; else the lexical leg stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// The share of the lexical leg's strength.
    pub lexical: f64,
    /// The share of the dense leg's cosine.
    pub dense: f64,
}

impl Default for Fusion {
    /// 0.7 and 0.3, the best of those tried on the labelled set; rank fusion lost to it.
    fn default() -> Self {
        Self { lexical: 0.7, dense: 0.3 }
    }
}

impl Fusion {
    /// The strength of a hit, from 0 to 1: that of its words, and of its vector where there is one.
    pub fn strength(&self, evidence: &Evidence, dense: Option<f32>) -> f64 {
        let lexical = f64::from(evidence.strength);
        match dense {
            Some(cosine) => self.lexical * lexical + self.dense * f64::from(cosine.max(0.0)),
            None => lexical,
        }
    }
}

/// How much of the recency and category terms reaches the score.
///
/// At full scale the default weights cost 0.2 NDCG@10 on the labelled set; at these they cost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scales {
    /// For recency.
    pub recency: f64,
    /// For the category match.
    pub category: f64,
}

impl Default for Scales {
    fn default() -> Self {
        Self { recency: 0.001, category: 0.001 }
    }
}

/// The numbers of a snapshot that give its scores their meaning; part of its manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    /// How the legs become one similarity.
    pub fusion: Fusion,
    /// How evidence becomes a probability of relevance.
    pub calibration: Calibration,
    /// How much of the small terms reaches the score.
    pub scales: Scales,
}

/// What counts, and how much: the user's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    similarity: f64,
    recency: f64,
    category: f64,
}

/// The weights are not each from 0 to 1 with one above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weights lie between 0 and 1, and one of them is above 0")]
pub struct BadWeights;

impl Weights {
    /// Weights for similarity, recency and category, normalised by their sum.
    ///
    /// # Errors
    ///
    /// [`BadWeights`] when one is outside 0 to 1 or all are 0.
    pub fn new(similarity: f64, recency: f64, category: f64) -> Result<Self, BadWeights> {
        let sum = similarity + recency + category;
        let fine = [similarity, recency, category].iter().all(|weight| (0.0..=1.0).contains(weight));
        if !fine || sum <= 0.0 {
            return Err(BadWeights);
        }
        Ok(Self { similarity: similarity / sum, recency: recency / sum, category: category / sum })
    }

    /// The weighted sum of three values from 0 to 1, itself from 0 to 1.
    pub fn sum(&self, similarity: f64, recency: f64, category: f64) -> f64 {
        self.similarity * similarity + self.recency * recency + self.category * category
    }
}

impl Default for Weights {
    /// 0.5, 0.2 and 0.2 by their sum.
    fn default() -> Self {
        Self { similarity: 0.5 / 0.9, recency: 0.2 / 0.9, category: 0.2 / 0.9 }
    }
}

/// The settings of an order.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What counts.
    pub weights: Weights,
    /// The probability of relevance from which a hit is an answer.
    pub threshold: f64,
    /// After how many days recency is halved.
    pub half_life_days: f64,
    /// The category that is asked for, when it is known; else the question's words decide.
    pub category: Option<String>,
    /// The time of asking.
    pub now: Timestamp,
}

impl Settings {
    /// The defaults at `now`: weights 0.5/0.2/0.2, threshold 0.65, half-life 30 days.
    pub fn at(now: Timestamp) -> Self {
        Self { weights: Weights::default(), threshold: 0.65, half_life_days: 30.0, category: None, now }
    }
}

/// A hit in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The hit.
    pub hit: Hit,
    /// Its similarity: the probability, from 0 to 1, that it is relevant. The threshold is about this.
    pub probability: f64,
    /// From 0 to 1; 0.5 when its age is unknown.
    pub recency: f64,
    /// Whether it is of the category that is asked for.
    pub category_match: bool,
    /// What it is ordered by, from 0 to 1.
    pub score: f64,
    /// Whether its probability reaches the threshold.
    pub relevant: bool,
}

/// 0.5 to the power of the age in half-lives; 0.5 for an unknown date, 1 for one to come.
pub fn recency(updated_at: Option<i64>, now: Timestamp, half_life_days: f64) -> f64 {
    let Some(updated) = updated_at else { return 0.5 };
    let days = (now.as_second().saturating_sub(updated)).max(0) as f64 / 86_400.0;
    0.5_f64.powf(days / half_life_days)
}

/// Orders the first [`POOL`] hits by score, equal scores by id; hits further down keep the engine's order behind them.
pub fn rank(hits: Vec<Hit>, ranking: &Ranking, settings: &Settings) -> Vec<Ranked> {
    let Weights { similarity, recency: fresh, category } = settings.weights;
    let asked = settings.category.as_deref().map(crate::text::normalised);
    let strengths: Vec<f64> = hits.iter().map(|hit| ranking.fusion.strength(&hit.evidence, hit.dense)).collect();
    // Of the pool alone, so that a hit far down changes nothing further up.
    let strongest = strengths.iter().take(POOL).copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut ranked: Vec<Ranked> = hits
        .into_iter()
        .zip(strengths)
        .map(|(hit, strength)| {
            let probability = ranking.calibration.probability(&hit.evidence, (strength / strongest).min(1.0));
            let recency = recency(hit.updated_at, settings.now, settings.half_life_days);
            let category_match = match (&asked, &hit.category) {
                (Some(asked), Some(own)) => *asked == crate::text::normalised(own),
                (Some(_), None) => false,
                // The question is the category's name: every word of either is in the other. Shares are sums of floats.
                (None, _) => hit.evidence.kind_fit >= 1.0 && hit.evidence.kind > 0.999,
            };
            let score = similarity * probability
                + fresh * ranking.scales.recency * recency
                + category * ranking.scales.category * f64::from(u8::from(category_match));
            Ranked { relevant: probability >= settings.threshold, hit, probability, recency, category_match, score }
        })
        .collect();
    let pool = ranked.len().min(POOL);
    ranked[..pool].sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.hit.id.cmp(&b.hit.id)));
    // What stands behind the pool may not score above it.
    let mut floor = pool.checked_sub(1).map_or(f64::INFINITY, |last| ranked[last].score);
    for behind in &mut ranked[pool..] {
        floor = floor.min(behind.score);
        behind.score = floor;
    }
    ranked
}

#[cfg(test)]
#[path = "rank_tests.rs"]
mod tests;
