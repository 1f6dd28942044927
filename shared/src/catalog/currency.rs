//! Currencies, and how an amount reads in each language.

use super::Money;
use crate::locale::Locale;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A currency by its ISO 4217 code: `USD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "USD")]
pub struct Currency([u8; 3]);

/// A text that is not a currency's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is a code of three capital letters (ISO 4217) such as USD")]
pub struct NotCurrency;

/// Separates an amount from its symbol and does not break a line, as Unicode CLDR has it for Spanish and French.
const NBSP: char = '\u{a0}';
/// Separates thousands in French, as Unicode CLDR has it.
const NARROW_NBSP: char = '\u{202f}';

impl Currency {
    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// The sign by which customers know it, where it has one.
    fn sign(&self) -> Option<&'static str> {
        Some(match self.code() {
            "USD" | "CAD" | "AUD" | "NZD" | "MXN" | "ARS" | "CLP" | "COP" => "$",
            "EUR" => "€",
            "GBP" => "£",
            "JPY" => "¥",
            "INR" => "₹",
            "KRW" => "₩",
            "BRL" => "R$",
            _ => return None,
        })
    }

    /// Whether it has no hundredths in daily use.
    fn whole(&self) -> bool {
        matches!(self.code(), "JPY" | "KRW" | "CLP" | "PYG" | "ISK" | "VND" | "XOF" | "XAF")
    }

    /// Writes an amount as a customer reads it: `$1,234.50`, `1.234,50 €`, `1 234,50 €`.
    ///
    /// Spanish puts the sign first and a point before the cents for the dollars and pesos of the Americas, and last
    /// and a comma for the rest; a currency without a sign is written by its code.
    pub fn format(&self, amount: Money, locale: Locale) -> String {
        let american = matches!(self.code(), "USD" | "MXN");
        let sign_first = locale == Locale::En || (locale == Locale::Es && american);
        let (thousands, point) = match locale {
            _ if sign_first => (',', '.'),
            Locale::Es => ('.', ','),
            _ => (NARROW_NBSP, ','),
        };
        let (units, cents) = (amount.hundredths() / 100, amount.hundredths() % 100);
        let digits = units.to_string();
        // Spanish leaves four digits together.
        let grouped = digits.len() > if sign_first || locale == Locale::Fr { 3 } else { 4 };
        let mut number = String::with_capacity(16);
        for (i, digit) in digits.chars().enumerate() {
            if grouped && i > 0 && (digits.len() - i) % 3 == 0 {
                number.push(thousands);
            }
            number.push(digit);
        }
        if cents != 0 || !self.whole() {
            number.push(point);
            number.push_str(&format!("{cents:02}"));
        }
        match self.sign() {
            Some(sign) if sign_first => format!("{sign}{number}"),
            Some(sign) => format!("{number}{NBSP}{sign}"),
            None if sign_first => format!("{}{NBSP}{number}", self.code()),
            None => format!("{number}{NBSP}{}", self.code()),
        }
    }
}

impl FromStr for Currency {
    type Err = NotCurrency;
    fn from_str(code: &str) -> Result<Self, NotCurrency> {
        match *code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(NotCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = NotCurrency;
    fn try_from(code: String) -> Result<Self, NotCurrency> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_as_its_language_writes_it() {
        let written = |code: &str, hundredths, locale| {
            let currency: Currency = code.parse().unwrap();
            currency.format(Money::from_hundredths(hundredths).unwrap(), locale)
        };
        for (code, hundredths, locale, expected) in [
            ("USD", 249, Locale::En, "$2.49"),
            ("USD", 123_450, Locale::En, "$1,234.50"),
            ("USD", 249, Locale::Es, "$2.49"),
            ("USD", 249, Locale::Fr, "2,49\u{a0}$"),
            ("EUR", 249, Locale::En, "€2.49"),
            ("EUR", 5, Locale::Es, "0,05\u{a0}€"),
            ("EUR", 123_450, Locale::Es, "1234,50\u{a0}€"),
            ("EUR", 1_234_500, Locale::Es, "12.345,00\u{a0}€"),
            ("EUR", 123_450, Locale::Fr, "1\u{202f}234,50\u{a0}€"),
            ("JPY", 24_900, Locale::En, "¥249"),
            ("CHF", 249, Locale::En, "CHF\u{a0}2.49"),
            ("CHF", 249, Locale::Fr, "2,49\u{a0}CHF"),
        ] {
            assert_eq!(written(code, hundredths, locale), expected);
        }
    }

    #[test]
    fn a_code_is_three_capital_letters() {
        for bad in ["", "usd", "US", "USDX", "U$D", "€€€"] {
            assert_eq!(bad.parse::<Currency>(), Err(NotCurrency), "{bad:?}");
        }
    }
}
