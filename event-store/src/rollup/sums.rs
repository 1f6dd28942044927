//! What the numbers in payloads add up to, by their paths: the names of the members that lead to them, parted by dots.

use serde_json::{Map, Value, value::RawValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The most paths of which a roll-up has sums. Who sends more has numbers for names.
pub(super) const MOST_PATHS: usize = 64;
/// The most sums that a roll-up has in all its combinations together.
const MOST_SUMS: usize = 200_000;
/// The longest path that can be asked for, in bytes.
pub const MAX_PATH: usize = 256;

/// The sums of one combination of values.
pub(super) type Sums = BTreeMap<Arc<str>, f64>;

/// Which paths a roll-up has sums of, and how many; of none, once they would be too many.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    known: BTreeSet<Arc<str>>,
    many: usize,
    is_too_wide: bool,
}

impl Paths {
    /// Of no path, as there were too many.
    pub(super) fn too_wide() -> Self {
        Self { is_too_wide: true, ..Self::default() }
    }

    /// Whether it has no sums, as they would be too many.
    pub(super) fn is_too_wide(&self) -> bool {
        self.is_too_wide
    }

    /// Adds a number to one of the sums that are counted here; none any more, where that would make them too many.
    pub(super) fn add(&mut self, sums: &mut Sums, path: &str, number: f64) {
        let path = match self.known.get(path) {
            _ if self.is_too_wide => return,
            Some(path) => path.clone(),
            None => {
                let path: Arc<str> = path.into();
                self.known.insert(path.clone());
                path
            }
        };
        let before = sums.len();
        let sum = sums.entry(path).or_default();
        *sum = added(*sum, number);
        self.many += sums.len() - before;
        if self.known.len() > MOST_PATHS || self.many > MOST_SUMS {
            *self = Self::too_wide();
        }
    }
}

/// The sum of two numbers; beyond what a number says, the last that it does.
pub(crate) fn added(a: f64, b: f64) -> f64 {
    (a + b).clamp(f64::MIN, f64::MAX)
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
    fn more_paths_than_are_kept_leave_no_sums() {
        let (mut paths, mut sums) = (Paths::default(), Sums::default());
        for round in 0..2 {
            (0..MOST_PATHS).for_each(|n| paths.add(&mut sums, &n.to_string(), 1.5));
            assert!(!paths.is_too_wide() && sums.values().all(|sum| *sum == 1.5 * f64::from(round + 1)));
        }
        paths.add(&mut sums, "one more", 1.0);
        assert!(paths.is_too_wide());
        paths.add(&mut sums, "0", 1.0);
        assert!(paths.is_too_wide() && sums["0"] == 3.0, "and none is counted any more");
        let mut paths = Paths { many: MOST_SUMS, ..Paths::default() };
        paths.add(&mut Sums::default(), "0", 1.0);
        assert!(paths.is_too_wide());
    }

    #[test]
    fn sums_end_where_numbers_do() {
        assert_eq!(added(f64::MAX, f64::MAX), f64::MAX);
        assert_eq!(added(added(f64::MIN, f64::MIN), f64::MAX), 0.0);
        assert_eq!(added(0.5, -2.0), -1.5);
    }

    proptest! {
        #[test]
        fn each_number_that_is_found_is_at_its_path(text in r#"\{("[ab.]{0,2}": ?(1|2\.5|\{"a": ?-3e4\}|\[1\]|"x"),){0,4}"z": ?1\}"#) {
            let payload = payload(&text);
            for (path, found) in numbers(&payload) {
                prop_assert_eq!(number(&payload, &path), Some(found), "{} in {}", path, text);
            }
        }
    }
}
