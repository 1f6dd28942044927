//! From evidence to a probability of relevance: a logistic regression.
//!
//! Its inputs are shares, so it carries over from a catalog of eighty products to one of a million. `scripts/fit-calibration`
//! fits it on the labelled set and prints the constants of [`Calibration::default`].

use serde::{Deserialize, Serialize};

use crate::retriever::Evidence;

/// What the probability is multiplied by when a model number of the question is missing from the product: whatever else
/// matches, an iPhone 7 is no answer to "iphone 8".
const WRONG_MODEL: f64 = 0.5;

/// How a strength becomes worth: high strengths tell products apart, low ones leave it to the attributes. Linear strength reaches
/// 0.770 NDCG@10 and 0.906 recall@100 on the labelled set, its cube 0.786 and 0.932.
const POWER: i32 = 3;

/// The coefficients, each for the field of [`Evidence`] of its name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The constant term.
    pub bias: f64,
    /// For the fused strength, to the third power.
    pub strength: f64,
    /// For the strength among the attributes.
    pub attributes: f64,
    /// For the share of words found.
    pub found: f64,
    /// For the share of words in the name.
    pub named: f64,
    /// For the share of the category in the words.
    pub kind_fit: f64,
    /// For words near the front of the name.
    pub early: f64,
    /// For neighbours.
    pub together: f64,
    /// For accessories.
    pub accessory: f64,
    /// For products of a kind that was not asked for.
    pub other_kind: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            bias: -4.0,
            strength: 6.0,
            attributes: 0.6,
            found: 2.0,
            named: 0.3,
            kind_fit: 0.3,
            early: 0.1,
            together: 0.1,
            accessory: -0.3,
            other_kind: -0.1,
        }
    }
}

impl Calibration {
    /// The probability, from 0 to 1, that a document with this evidence and this fused `strength` is relevant.
    pub fn probability(&self, evidence: &Evidence, strength: f64) -> f64 {
        let flag = |flag: bool| f64::from(u8::from(flag));
        let sum = self.bias
            + self.strength * strength.powi(POWER)
            + self.attributes * f64::from(evidence.attributes)
            + self.found * f64::from(evidence.found)
            + self.named * f64::from(evidence.named)
            + self.kind_fit * f64::from(evidence.kind_fit)
            + self.early * f64::from(evidence.early)
            + self.together * f64::from(evidence.together)
            + self.accessory * flag(evidence.accessory)
            + self.other_kind * flag(evidence.other_kind);
        let probability = 1.0 / (1.0 + (-sum).exp());
        if evidence.model_missing { probability * WRONG_MODEL } else { probability }
    }
}
