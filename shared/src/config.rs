//! Settings from environment variables: typed, with defaults, and every fault named at once.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// Reads settings and collects what is missing or wrong, so that one start names every fault.
#[derive(Clone, Debug, Default)]
pub struct Env {
    values: BTreeMap<String, String>,
    faults: Vec<String>,
}

/// Settings that keep a function from starting.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the configuration is incomplete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Env {
    /// The process's environment.
    pub fn process() -> Self {
        std::env::vars().collect()
    }

    /// A required text.
    pub fn required(&mut self, name: &str) -> String {
        match self.values.get(name).filter(|value| !value.is_empty()) {
            Some(value) => value.clone(),
            None => {
                self.faults.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    /// A text that may be absent; present and empty is `Some("")`.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// A value of type `T`, or `default` where the variable is absent or empty.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        match self.values.get(name).filter(|value| !value.is_empty()) {
            None => default,
            Some(text) => match text.parse() {
                Ok(value) => value,
                Err(why) => {
                    self.faults.push(format!("{name}={text:?}: {why}"));
                    default
                }
            },
        }
    }

    /// A value of type `T` that lies in `range`, or `default` where the variable is absent or empty.
    pub fn within<T>(&mut self, name: &str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr<Err: Display> + PartialOrd + Display + Copy,
    {
        let value = self.parsed(name, default);
        if range.contains(&value) {
            return value;
        }
        self.faults.push(format!("{name}={value} is not between {} and {}", range.start(), range.end()));
        default
    }

    /// Records a fault that only the caller can see, such as two settings that contradict each other.
    pub fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// Goes on where no fault was met yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with one sentence for each fault.
    pub fn checked(&self) -> Result<(), ConfigError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError(self.faults.clone())) }
    }

    /// Hands `config` on, or every fault that was met while reading it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with one sentence for each fault.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        self.checked().map(|()| config)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, faults: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let mut env: Env = [("PORT", "many"), ("RATIO", "1.5")].into_iter().collect();
        env.required("TABLE_NAME");
        env.parsed("PORT", 1u16);
        env.within("RATIO", 0.5, 0.0..=1.0);
        let ConfigError(faults) = env.finish(()).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[2].contains("RATIO"));
    }

    #[test]
    fn an_empty_variable_means_its_default_except_where_empty_has_a_meaning() {
        let mut env: Env = [("RATIO", ""), ("RAG_API_URL", "")].into_iter().collect();
        assert_eq!(env.parsed("RATIO", 0.5), 0.5);
        assert_eq!(env.optional("RAG_API_URL").as_deref(), Some(""));
        assert!(env.finish(()).is_ok());
    }
}
