//! Prices that a person names: "under $20", "menos de 20 euros", "between 10 and 20 dollars".

/// A range of prices in minor units, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

/// What comes before a highest price; no currency need be named.
const AT_MOST: &[&str] = &[
    "for under",
    "for less than",
    "por menos de",
    "pour moins de",
    "under",
    "below",
    "less than",
    "cheaper than",
    "at most",
    "no more than",
    "not more than",
    "max",
    "maximum",
    "within",
    "unter",
    "menos de",
    "por debajo de",
    "hasta",
    "maximo",
    "moins de",
    "jusqu'a",
    "jusqu'à",
    "en dessous de",
    "maximum",
    "up to",
];
/// What comes before a least price, where a currency must be named: "over ear headphones" are no price.
const AT_LEAST: &[&str] = &[
    "over",
    "above",
    "more than",
    "at least",
    "from",
    "min",
    "minimum",
    "über",
    "mas de",
    "más de",
    "desde",
    "plus de",
];
/// What stands between the ends of a range: before, and in the middle.
const BETWEEN: &[(&str, &str)] =
    &[("between", "and"), ("entre", "y"), ("entre", "et"), ("from", "to"), ("zwischen", "und")];
/// What may follow a highest price instead of standing before it.
const OR_LESS: &[&str] = &["or less", "or cheaper", "or under", "max", "o menos", "ou moins", "maximum"];

const CURRENCIES: &[&str] = &[
    "dollar", "dollars", "bucks", "usd", "$", "euro", "euros", "eur", "€", "pound", "pounds", "gbp", "£", "cents",
    "dolares", "dólares",
];
/// What makes a number a size rather than a price.
const UNITS: &[&str] = &[
    "inch", "inches", "\"", "cm", "mm", "m", "ft", "feet", "gb", "tb", "mb", "kg", "g", "lb", "lbs", "oz", "ml", "l",
    "liter", "litre", "liters", "litres", "w", "watt", "watts", "v", "volt", "volts", "mah", "hz", "percent", "%",
    "pack", "pages", "calories", "years", "minutes", "hours", "sheets", "ports",
];

/// Takes the price, and the words that say it, out of `tokens`.
pub(super) fn take(tokens: &mut Vec<&str>) -> Option<Price> {
    for at in 0..tokens.len() {
        if let Some((price, length)) =
            range(&tokens[at..]).or_else(|| bound(&tokens[at..])).or_else(|| or_less(&tokens[at..]))
        {
            tokens.drain(at..at + length);
            return Some(price);
        }
    }
    None
}

/// `between 10 and 20 dollars`.
fn range(tokens: &[&str]) -> Option<(Price, usize)> {
    BETWEEN.iter().find_map(|(before, middle)| {
        let start = phrase(tokens, before)?;
        let low = amount(&tokens[start..])?;
        let rest = start + low.length;
        let after = rest + phrase(&tokens[rest..], middle)?;
        let high = amount(&tokens[after..])?;
        // "from" is too common a word to make a price of bare numbers.
        if *before == "from" && !(low.currency || high.currency) {
            return None;
        }
        (low.minor <= high.minor)
            .then_some((Price { min: Some(low.minor), max: Some(high.minor) }, after + high.length))
    })
}

/// `under $20`, `more than 20 euros`.
fn bound(tokens: &[&str]) -> Option<(Price, usize)> {
    let most = AT_MOST.iter().find_map(|before| {
        let start = phrase(tokens, before)?;
        let high = amount(&tokens[start..])?;
        Some((Price { min: None, max: Some(high.minor) }, start + high.length))
    });
    most.or_else(|| {
        AT_LEAST.iter().find_map(|before| {
            let start = phrase(tokens, before)?;
            let low = amount(&tokens[start..]).filter(|low| low.currency)?;
            Some((Price { min: Some(low.minor), max: None }, start + low.length))
        })
    })
}

/// `$20 or less`.
fn or_less(tokens: &[&str]) -> Option<(Price, usize)> {
    let high = amount(tokens).filter(|high| high.currency)?;
    let after = OR_LESS.iter().find_map(|after| phrase(&tokens[high.length..], after))?;
    Some((Price { min: None, max: Some(high.minor) }, high.length + after))
}

/// How many tokens the words of `phrase` take at the front of `tokens`, if they stand there.
fn phrase(tokens: &[&str], phrase: &str) -> Option<usize> {
    let words: Vec<&str> = phrase.split(' ').collect();
    let there = words.len() <= tokens.len() && words.iter().zip(tokens).all(|(word, token)| bare(token) == *word);
    there.then_some(words.len())
}

struct Amount {
    minor: i64,
    currency: bool,
    length: usize,
}

/// An amount at the front of `tokens`, with the currency around it.
fn amount(tokens: &[&str]) -> Option<Amount> {
    let first = bare(tokens.first()?);
    let (number, signed) = match first.trim_start_matches(['$', '€', '£']).trim_end_matches(['$', '€', '£']) {
        "" => (bare(tokens.get(1)?), true),
        bare_number => (bare_number.to_owned(), bare_number.len() < first.len()),
    };
    let length = if first.len() <= 3 && first.chars().all(|c| "$€£".contains(c)) { 2 } else { 1 };
    let minor = minor_units(&number)?;
    let next = tokens.get(length).map(|token| bare(token)).unwrap_or_default();
    if CURRENCIES.contains(&next.as_str()) {
        let minor = if next == "cents" { minor / 100 } else { minor };
        return Some(Amount { minor, currency: true, length: length + 1 });
    }
    let size = UNITS.contains(&next.as_str()) && !signed;
    (!size).then_some(Amount { minor, currency: signed, length })
}

/// Reads `20`, `19.99`, `19,99` and `1,299.50` as hundredths.
fn minor_units(number: &str) -> Option<i64> {
    let fine = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',');
    if number.is_empty() || number.len() > 12 || !fine {
        return None;
    }
    let (whole, cents) = match number.rfind(['.', ',']) {
        Some(at) if (1..=2).contains(&(number.len() - at - 1)) => (&number[..at], &number[at + 1..]),
        _ => (number, ""),
    };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).map(char::from).collect::<String>();
    let whole: i64 = digits(whole).parse().ok()?;
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    Some(whole * 100 + cents)
}

/// A token in lower case without punctuation at its ends.
fn bare(token: &str) -> String {
    token.to_lowercase().trim_matches(|c: char| !c.is_alphanumeric() && !"$€£%\"".contains(c)).to_owned()
}
