//! From evidence to a probability of relevance: a logistic regression.
//!
//! Its inputs are shares, so it carries over from a catalog of eighty products to one of a million, and from titles of fifteen
//! words with long descriptions to names of two. That is why it looks at strength only relative to the strongest hit: BM25 over
//! its best possible value is high where texts repeat themselves and low where they are short, whatever was asked.
//! `scripts/fit-calibration` fits it on two labelled catalogs, electronics and groceries, which count the same;
//! [`Calibration::default`] holds what it found, rounded.

use serde::{Deserialize, Serialize};

use crate::retriever::Evidence;

/// How a relative strength becomes worth: high strengths tell products apart, low ones leave it to the rest.
const STRENGTH_POWER: i32 = 3;
/// How the share of words found becomes worth: half of them is much less than half an answer.
const FOUND_POWER: i32 = 2;
/// From where a share of words is all of them: shares are sums of floats.
const WHOLE: f32 = 0.999;

/// The coefficients, each for what its comment says; `accessory` and `wrong_model` are factors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The constant term.
    pub bias: f64,
    /// For the strength as a share of the strongest hit's, to the third power. It orders; the strongest hit always has 1.
    pub strength: f64,
    /// For the strength among the attributes.
    pub attributes: f64,
    /// For the share of words found, squared.
    pub found: f64,
    /// For the share of the category in the words, where all words are found.
    pub kind_fit: f64,
    /// For the square root of the share of the name in the words, where name or brand hold them all.
    pub name_fit: f64,
    /// For a name that ends in the question's last word, where name or brand hold them all.
    pub ends: f64,
    /// For words near the front of the name.
    pub early: f64,
    /// For neighbours: `milk chocolate` is no `chocolate milk`.
    pub together: f64,
    /// What the probability of an accessory is multiplied by: at 0.65 none reaches the default threshold, however well its name
    /// matches, and yet it is found and shown.
    pub accessory: f64,
    /// What the probability is multiplied by when a model's number is missing: an iPhone 7 is no answer to "iphone 8".
    pub wrong_model: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            bias: -7.7,
            strength: 3.5,
            attributes: 0.75,
            found: 4.0,
            kind_fit: 1.0,
            name_fit: 1.0,
            ends: 0.75,
            early: 0.6,
            together: 0.4,
            accessory: 0.65,
            wrong_model: 0.5,
        }
    }
}

impl Calibration {
    /// The probability, from 0 to 1, that a document with this evidence is relevant; `relative` is its strength as a share, from 0
    /// to 1, of that of the strongest hit of the same question.
    pub fn probability(&self, evidence: &Evidence, relative: f64) -> f64 {
        let only = |on: bool, value: f64| if on { value } else { 0.0 };
        let (found, named) = (evidence.found > WHOLE, evidence.named > WHOLE);
        let sum = self.bias
            + self.strength * relative.powi(STRENGTH_POWER)
            + self.attributes * f64::from(evidence.attributes)
            + self.found * f64::from(evidence.found).powi(FOUND_POWER)
            + self.kind_fit * only(found, f64::from(evidence.kind_fit))
            + self.name_fit * only(named, f64::from(evidence.name_fit).sqrt())
            + self.ends * only(named && evidence.ends, 1.0)
            + self.early * f64::from(evidence.early)
            + self.together * f64::from(evidence.together);
        let probability = 1.0 / (1.0 + (-sum).exp());
        let factor = |flag: bool, factor: f64| if flag { factor } else { 1.0 };
        probability * factor(evidence.accessory, self.accessory) * factor(evidence.model_missing, self.wrong_model)
    }
}
