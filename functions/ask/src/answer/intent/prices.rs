//! The prices that a question asks for: "under $20", "entre 5 y 10 euros".

use super::Reading;
use crate::answer::{facts::Limits, words::Cue};
use shared::{catalog::Money, locale::Locale};

/// Measures after a number that make it no price: "under 500 g".
const UNITS: &[&str] = &[
    "g", "gr", "kg", "mg", "ml", "cl", "l", "lt", "oz", "lb", "lbs", "cm", "mm", "m", "inch", "inches", "in", "ft",
    "gb", "tb", "w", "watt", "watts", "v", "calories", "kcal", "cal", "calorias", "grams", "gramos", "grammes",
    "liters", "litres", "litros", "pieces", "pack", "packs", "years", "anos", "ans", "people", "minutes", "hours",
];

/// Reads the limits and marks their words as understood. A limit from below needs its currency: "more than 3" is too
/// often a number of things.
pub(super) fn read(reading: &mut Reading<'_>) -> Limits {
    let mut limits = Limits::default();
    let runs: Vec<_> = reading.runs().collect();
    for (at, cue) in runs {
        if reading.used[at] || !matches!(cue, Cue::Under | Cue::Over | Cue::Between) {
            continue;
        }
        let mut next = at + 1;
        while let Some(Some((_, false))) = reading.meanings.get(next) {
            next += 1;
        }
        let Some(first) = amount(reading, next) else { continue };
        let taken = match cue {
            Cue::Under => {
                limits.max = Some(first.money);
                first.end
            }
            Cue::Over if first.has_currency => {
                limits.min = Some(first.money);
                first.end
            }
            Cue::Between => {
                let Some(second) = amount(reading, first.end + 1) else { continue };
                limits = Limits { min: Some(first.money.min(second.money)), max: Some(first.money.max(second.money)) };
                second.end
            }
            _ => continue,
        };
        reading.used[at..taken].fill(true);
    }
    limits
}

struct Amount {
    money: Money,
    has_currency: bool,
    /// The word after it.
    end: usize,
}

/// The amount of money at a place, with the word of its currency.
fn amount(reading: &Reading<'_>, at: usize) -> Option<Amount> {
    let money = parse(reading.word(at), reading.language)?;
    let (before, after) = (at.checked_sub(1).map_or("", |before| reading.gap_after(before)), reading.gap_after(at));
    let sign = |gap: &str| gap.contains(['$', '€', '£', '¥']);
    let named = reading.cue(at + 1) == Some(Cue::Money);
    let has_currency = named || sign(before) || sign(after);
    let measure = after.trim_start().starts_with('%') || UNITS.contains(&reading.word(at + 1));
    (has_currency || !measure).then_some(Amount { money, has_currency, end: at + 1 + usize::from(named) })
}

/// Reads `20`, `2.49`, `2,49` and `1,500`.
fn parse(number: &str, language: Locale) -> Option<Money> {
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let thousands = if language == Locale::En { ',' } else { '.' };
    let grouped = number.rsplit_once(thousands).is_some_and(|(_, last)| last.len() == 3);
    let plain = if grouped { number.replace(thousands, "") } else { number.to_owned() };
    plain.replace(',', ".").parse().ok()
}
