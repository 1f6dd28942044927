//! What a product is.

use crate::ids::ProductId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The longest name, brand, category, department, aisle or bay, in characters.
pub const MAX_LABEL_CHARS: usize = 300;
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 8_000;
/// The most attributes of a product.
pub const MAX_ATTRIBUTES: usize = 200;

/// An amount in the store's currency, in its hundredths; written as a number with at most two decimals.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "serde_json::Number", into = "serde_json::Number")]
#[schema(value_type = f64, example = 2.49, minimum = 0)]
pub struct Money(i64);

/// A number that is not an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price is a number from 0 to 1000000000 with at most two decimals")]
pub struct NotMoney;

impl Money {
    const MAX: i64 = 100_000_000_000;

    /// So many hundredths; `None` below zero and above a thousand million units.
    pub fn from_hundredths(hundredths: i64) -> Option<Self> {
        (0..=Self::MAX).contains(&hundredths).then_some(Self(hundredths))
    }

    /// The amount in hundredths.
    pub fn hundredths(self) -> i64 {
        self.0
    }
}

impl FromStr for Money {
    type Err = NotMoney;
    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if units.is_empty() || units.len() > 10 || !digits(units) || !digits(decimals) {
            return Err(NotMoney);
        }
        let significant = decimals.trim_end_matches('0');
        if significant.len() > 2 || (decimals.is_empty() && text.contains('.')) {
            return Err(NotMoney);
        }
        let hundredths = format!("{units}{significant:0<2}").parse().map_err(|_| NotMoney)?;
        Self::from_hundredths(hundredths).ok_or(NotMoney)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl TryFrom<serde_json::Number> for Money {
    type Error = NotMoney;
    fn try_from(number: serde_json::Number) -> Result<Self, NotMoney> {
        // serde_json prints the shortest digits that read back as the same number: 2.49, not 2.4900000000000002.
        number.to_string().parse()
    }
}

impl From<Money> for serde_json::Number {
    fn from(money: Money) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "an amount is below 2^53 hundredths")]
        let units = money.0 as f64 / 100.0;
        Self::from_f64(units).unwrap_or_else(|| Self::from(0))
    }
}

/// A product of a store, as its staff keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Product {
    /// Unique within the store.
    pub product_id: ProductId,
    /// What it is called on the shelf.
    pub name: String,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// What it is, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its kind: `Oat milk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its part of the store: `Dairy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Where it stands: `7`, `A12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aisle: Option<String>,
    /// Where in the aisle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
    /// What a customer pays, in the store's currency.
    pub price: Money,
    /// How many there are; absent where the store does not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u32>,
    /// Anything else that a shopper may ask for: `size: 1 l`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// When its facts last changed; decides how fresh it ranks.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// What only staff may see.
    #[serde(flatten)]
    pub internal: Internal,
}

/// The fields of a product that only a store's staff may see: never in a snapshot, never in a shopper's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Internal {
    /// What the store pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_price: Option<Money>,
    /// Whom the store buys it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_has_two_decimals_and_no_more() {
        let hundredths = |text: &str| text.parse::<Money>().map(Money::hundredths);
        assert_eq!(hundredths("2.49"), Ok(249));
        assert_eq!(hundredths("2.5"), Ok(250));
        assert_eq!(hundredths("2.500"), Ok(250));
        assert_eq!(hundredths("0"), Ok(0));
        for bad in ["-1", "2.499", "1e3", "", ".5", "2.", "NaN", "99999999999"] {
            assert_eq!(hundredths(bad), Err(NotMoney), "{bad:?}");
        }
    }

    #[test]
    fn money_in_json_is_a_number() {
        assert_eq!(serde_json::to_string(&Money(249)).unwrap(), "2.49");
        assert_eq!(serde_json::from_str::<Money>("19.99").unwrap(), Money(1999));
        assert!(serde_json::from_str::<Money>("-0.01").is_err());
    }

    proptest! {
        #[test]
        fn every_amount_round_trips_as_text_and_as_json(hundredths in 0..=Money::MAX) {
            let money = Money(hundredths);
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
            prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
        }
    }
}
