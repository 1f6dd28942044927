//! What the numbers in payloads add up to, by their paths: the names of the members that lead to them, parted by dots.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::Arc,
};

/// The most paths of which a roll-up has sums, for each type of events. Who sends more has numbers for names.
const MOST_PATHS: usize = 64;
/// The most sums that a roll-up has in all its combinations together.
const MOST_SUMS: usize = 200_000;
/// The longest path that can be asked for, in bytes.
pub const MAX_PATH: usize = 256;

/// How many decimal places of a number are added up.
const PLACES: usize = 12;
/// One, in units of the last of those places.
const ONE: i128 = 10_i128.pow(PLACES as u32);
/// From where on numbers are added up as they are: with less a sum is exact, of however many.
const LARGE: f64 = 1e15;

/// A sum of numbers as they are written, to the last of [`PLACES`]: the same in whatever order they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum {
    units: i128,
    /// Of those that are [`LARGE`], where there are any, as numbers of 64 bits add up.
    large: Option<f64>,
}

impl Sum {
    /// Adds a number.
    pub(crate) fn add(&mut self, number: f64) {
        self.join(&if number.abs() < LARGE {
            Self { units: units(number), large: None }
        } else {
            Self { units: 0, large: Some(number) }
        });
    }

    /// Adds what others came to; beyond what a number says, the last that it does.
    pub(crate) fn join(&mut self, other: &Self) {
        self.units = self.units.saturating_add(other.units);
        if let Some(large) = other.large {
            self.large = Some((self.large.unwrap_or_default() + large).clamp(f64::MIN, f64::MAX));
        }
    }

    /// The number next to it.
    pub(crate) fn value(&self) -> f64 {
        let (sign, units) = (if self.units < 0 { "-" } else { "" }, self.units.unsigned_abs());
        let one = ONE.unsigned_abs();
        // By text, as a division of what was rounded before would round once more.
        let near = format!("{sign}{}.{:0PLACES$}", units / one, units % one).parse().unwrap_or_default();
        self.large.map_or(near, |large| (large + near).clamp(f64::MIN, f64::MAX))
    }

    /// Whether it is one.
    pub(super) fn is_sound(&self) -> bool {
        self.large.is_none_or(f64::is_finite)
    }
}

/// A number below [`LARGE`] as it is written, in units, rounded to the last place.
fn units(number: f64) -> i128 {
    if number.fract() == 0.0 {
        return number as i128 * ONE;
    }
    // The shortest text that reads as this number: what was sent, where that has no more digits than a number tells.
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let places = fraction.bytes().chain(iter::repeat(b'0')).take(PLACES + 1).map(char::from);
    let tenths: i128 = whole.chars().chain(places).collect::<String>().parse().unwrap_or_default();
    (tenths + if number < 0.0 { -5 } else { 5 }) / 10
}

/// The sums of one combination of values.
pub(super) type Sums = BTreeMap<Arc<str>, Sum>;

/// Which paths of which types of events a roll-up has sums of, and how many.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    of: BTreeMap<Arc<str>, OfType>,
    many: usize,
    is_too_wide: bool,
}

/// What there is of one type.
#[derive(Clone, Debug, Default)]
struct OfType {
    paths: BTreeSet<Arc<str>>,
    many: usize,
    is_left_out: bool,
}

impl Paths {
    /// Of no path, as there were too many sums.
    pub(super) fn too_wide() -> Self {
        Self { is_too_wide: true, ..Self::default() }
    }

    /// Whether it has no sums, as they would be too many.
    pub(super) fn is_too_wide(&self) -> bool {
        self.is_too_wide
    }

    /// Whether it has no sums of a type, as that has too many paths, or of any.
    pub(super) fn lacks(&self, kind: &str) -> bool {
        self.is_too_wide || self.of.get(kind).is_some_and(|of| of.is_left_out)
    }

    /// The types that it has no sums of.
    pub(super) fn left_out(&self) -> impl Iterator<Item = &Arc<str>> {
        self.of.iter().filter(|(_, of)| of.is_left_out).map(|(kind, _)| kind)
    }

    /// Has no sums of a type from now on.
    pub(super) fn leave_out(&mut self, kind: &str) {
        let of = self.of.entry(kind.into()).or_default();
        self.many -= of.many;
        *of = OfType { is_left_out: true, ..OfType::default() };
    }

    /// Adds to one of the sums of a combination of this type; none any more, where that would make them too many.
    pub(super) fn add(&mut self, kind: &str, sums: &mut Sums, path: &str, sum: &Sum) {
        if self.lacks(kind) {
            return;
        }
        if !self.of.contains_key(kind) {
            self.of.insert(kind.into(), OfType::default());
        }
        let Some(of) = self.of.get_mut(kind) else { return };
        let path = match of.paths.get(path) {
            Some(path) => path.clone(),
            None => {
                let path: Arc<str> = path.into();
                of.paths.insert(path.clone());
                path
            }
        };
        let before = sums.len();
        sums.entry(path).or_default().join(sum);
        of.many += sums.len() - before;
        self.many += sums.len() - before;
        if of.paths.len() > MOST_PATHS {
            self.leave_out(kind);
        } else if self.many > MOST_SUMS {
            *self = Self::too_wide();
        }
    }
}

/// Each number of a payload that has a path that can be asked for.
pub(super) fn numbers(payload: &RawValue) -> Vec<(String, f64)> {
    let mut found = vec![];
    if let Ok(Value::Object(members)) = serde_json::from_str(payload.get()) {
        find(&members, "", &mut found);
    }
    found
}

fn find(members: &Map<String, Value>, before: &str, found: &mut Vec<(String, f64)>) {
    for (name, value) in members {
        if name.is_empty() || name.contains('.') || before.len() + name.len() > MAX_PATH {
            continue;
        }
        match value {
            Value::Object(members) => find(members, &format!("{before}{name}."), found),
            Value::Number(number) => found.extend(number.as_f64().map(|number| (format!("{before}{name}"), number))),
            _ => {}
        }
    }
}

/// The number at a path in a payload; of what is none, nothing.
pub(crate) fn number(payload: &RawValue, path: &str) -> Option<f64> {
    let payload: Value = serde_json::from_str(payload.get()).ok()?;
    path.split('.').try_fold(&payload, |value, name| value.as_object()?.get(name))?.as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    fn sum(numbers: &[f64]) -> Sum {
        let mut sum = Sum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum
    }

    #[test]
    fn numbers_have_the_names_that_lead_to_them() {
        let long = "x".repeat(MAX_PATH - 2);
        let payload = payload(&format!(
            r#"{{"n": 1, "cart": {{"sum": 2.5, "": 3, "a.b": 4, "text": "5", "list": [6, {{"n": 7}}], "none": null}}, "on": true,
                "a": {{"{long}": 8, "{long}x": 9}}}}"#,
        ));
        let deep = format!("a.{long}");
        let mut found = numbers(&payload);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, [(deep, 8.0), ("cart.sum".to_owned(), 2.5), ("n".to_owned(), 1.0)]);
        for (path, there) in
            [("n", Some(1.0)), ("cart.sum", Some(2.5)), ("cart", None), ("cart.text", None), ("m", None)]
        {
            assert_eq!(number(&payload, path), there, "{path}");
        }
        for none in ["7", "[1]", r#""text""#, "null"] {
            assert_eq!(numbers(&serde_json::from_str::<Box<RawValue>>(none).unwrap()), [], "{none}");
        }
    }

    #[test]
    fn decimals_add_up_as_they_are_written() {
        assert_eq!(sum(&[0.1, 0.2]).value(), 0.3);
        assert_eq!(sum(&[19.99; 168]).value(), 3_358.32);
        let mut million = Sum::default();
        let thousand = sum(&[123_456.78; 1_000]);
        (0..1_000).for_each(|_| million.join(&thousand));
        assert_eq!(million.value(), 123_456_780_000.0);
        assert_eq!(sum(&[-0.5, 0.25, -1e-12]).value(), -0.250_000_000_001);
        assert_eq!(sum(&[4e-13, -4e-13, 1e-13, -0.0]).value(), 0.0, "behind the last place");
        assert_eq!(sum(&[4.35 * 100.0; 1_000]).value(), 435_000.0, "434.99999999999994 each");
        assert_eq!(sum(&[-4.35 * 100.0; 1_000]).value(), -435_000.0);
        assert_eq!(sum(&[999_999_999_999_999.9, 0.1]).value(), 1e15);
        assert_eq!(Sum::default().value(), 0.0);
    }

    #[test]
    fn very_large_numbers_add_up_as_numbers_do_and_end_where_they_end() {
        assert_eq!(sum(&[1e15, 0.5]).value(), 1_000_000_000_000_000.5);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::MAX);
        assert_eq!(sum(&[f64::MIN, f64::MIN, f64::MAX, 2.5]).value(), 2.5);
        assert!(sum(&[f64::MAX]).is_sound() && !Sum { units: 0, large: Some(f64::NAN) }.is_sound());
    }

    #[test]
    fn a_type_of_more_paths_than_are_kept_has_no_sums_and_others_do() {
        let (mut paths, mut sums, mut others) = (Paths::default(), Sums::default(), Sums::default());
        for round in 1..3 {
            (0..MOST_PATHS).for_each(|n| paths.add("view", &mut sums, &n.to_string(), &sum(&[1.5])));
            assert!(!paths.lacks("view") && sums.values().all(|sum| sum.value() == 1.5 * f64::from(round)));
        }
        paths.add("view", &mut sums, "one more", &sum(&[1.0]));
        paths.add("view", &mut sums, "0", &sum(&[1.0]));
        paths.add("sale", &mut others, "0", &sum(&[1.0]));
        assert!(paths.lacks("view") && !paths.lacks("sale") && !paths.is_too_wide());
        assert_eq!((paths.left_out().map(|kind| &**kind).collect::<Vec<_>>(), paths.many), (vec!["view"], 1));
        assert_eq!((sums["0"].value(), others["0"].value()), (3.0, 1.0), "of the one none is counted any more");
        let mut paths = Paths { many: MOST_SUMS, ..Paths::default() };
        paths.add("sale", &mut others, "0", &sum(&[1.0]));
        assert!(!paths.is_too_wide(), "one that there was");
        paths.add("sale", &mut others, "1", &sum(&[1.0]));
        assert!(paths.is_too_wide() && paths.lacks("any"));
    }

    proptest! {
        #[test]
        fn each_number_that_is_found_is_at_its_path(
            text in r#"\{("[ab.]{0,2}": ?(1|2\.5|\{"a": ?-3e4\}|\[1\]|"x"),){0,4}"z": ?1\}"#,
        ) {
            let payload = payload(&text);
            for (path, found) in numbers(&payload) {
                prop_assert_eq!(number(&payload, &path), Some(found), "{} in {}", path, text);
            }
        }

        #[test]
        fn a_sum_is_the_same_in_whatever_order_and_in_whatever_parts(
            numbers in prop::collection::vec(prop_oneof![-9e14..9e14, -1.0..1.0, (-9_999_i32..9_999).prop_map(|n| f64::from(n) / 100.0)], 0..40),
            at in 0..40_usize,
        ) {
            let whole = sum(&numbers);
            let turned: Vec<f64> = numbers.iter().rev().copied().collect();
            prop_assert_eq!(sum(&turned), whole);
            let (one, other) = numbers.split_at(at.min(numbers.len()));
            let mut joined = sum(other);
            joined.join(&sum(one));
            prop_assert_eq!(joined, whole);
            let exact = (numbers.iter().map(|number| number.abs()).sum::<f64>() * 5e-15).max(40e-12);
            prop_assert!((whole.value() - numbers.iter().sum::<f64>()).abs() <= exact);
        }

        #[test]
        fn a_number_alone_is_its_sum(number in prop_oneof![-1e15..1e15, -1e300..1e300, any::<i32>().prop_map(f64::from)]) {
            let off = (sum(&[number]).value() - number).abs();
            prop_assert!(off <= 1e-12, "{number}: {off}");
        }
    }
}
