//! From evidence to a probability of relevance: a logistic regression.
//!
//! Its inputs are shares, so it carries over from a catalog of eighty products to one of a million. `scripts/fit-calibration`
//! fits it on the labelled set and prints the constants of [`Calibration::default`].

use serde::{Deserialize, Serialize};

use crate::retriever::Evidence;

/// What the probability is multiplied by when a model number of the question is missing from the product: whatever else
/// matches, an iPhone 7 is no answer to "iphone 8".
const WRONG_MODEL: f64 = 0.5;

/// The coefficients, in the order of [`Evidence`]'s fields.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The constant term.
    pub bias: f64,
    /// For the fused strength.
    pub strength: f64,
    /// For the share of words found.
    pub found: f64,
    /// For the share of words in the name.
    pub named: f64,
    /// For the share of words in the category.
    pub kind: f64,
    /// For the share of the category in the words.
    pub kind_fit: f64,
    /// For words near the front of the name.
    pub early: f64,
    /// For neighbours.
    pub together: f64,
    /// For agreement with the best matches' categories.
    pub agreement: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            bias: -6.0,
            strength: 3.0,
            found: 2.5,
            named: 2.0,
            kind: 0.5,
            kind_fit: 0.5,
            early: 0.5,
            together: 0.5,
            agreement: 0.0,
        }
    }
}

impl Calibration {
    /// The probability, from 0 to 1, that a document with this evidence and this fused `strength` is relevant.
    pub fn probability(&self, evidence: &Evidence, strength: f64) -> f64 {
        let sum = self.bias
            + self.strength * strength
            + self.found * f64::from(evidence.found)
            + self.named * f64::from(evidence.named)
            + self.kind * f64::from(evidence.kind)
            + self.kind_fit * f64::from(evidence.kind_fit)
            + self.early * f64::from(evidence.early)
            + self.together * f64::from(evidence.together)
            + self.agreement * f64::from(evidence.agreement);
        let probability = 1.0 / (1.0 + (-sum).exp());
        if evidence.model_missing { probability * WRONG_MODEL } else { probability }
    }
}
