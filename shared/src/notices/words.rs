//! Putting a notice into words, by the approved texts.

use super::{
    Compose, Composed, ToSay, ToldText,
    texts::{Codes, FALLBACK, Refused, Texts, Variables},
};
use crate::{config::Env, locale};
use std::{collections::BTreeMap, sync::Arc};

/// The words of notices, in every language that there are texts in. Clones share them.
#[derive(Clone, Debug)]
pub struct Words(Option<Arc<Texts>>);

/// What of a context cannot be said, by the names of its members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}.", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Unsaid(pub Vec<Refused>);

impl Words {
    /// The texts of this build. `INTERNAL_CODES` are held back; with `DEPLOY_ENV=production` a text that nobody approved is a fault.
    pub fn from_env(env: &mut Env) -> Self {
        let codes: Codes = env.parsed("INTERNAL_CODES", Codes::default());
        let production = env.optional("DEPLOY_ENV").as_deref() == Some("production");
        match Texts::load(production, codes) {
            Ok(texts) => Self(Some(Arc::new(texts))),
            Err(error) => {
                env.fault(error.to_string());
                Self(None)
            }
        }
    }

    /// The texts; none where they could not be read, of which [`Words::from_env`] has told.
    fn texts(&self) -> Option<&Texts> {
        self.0.as_deref()
    }

    /// The rules by which texts of people's own are held to the same neutral words.
    pub fn codes(&self) -> Option<&Codes> {
        self.texts().map(Texts::codes)
    }

    /// The language in which somebody is answered who wants one of `wanted`, best first.
    pub fn language(&self, wanted: &[String]) -> String {
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        self.texts().map_or(FALLBACK, |texts| texts.tag_for(&wanted)).to_owned()
    }

    /// Of the texts that were told, the one for somebody who wants one of `wanted`, with its language. A notice from before a language
    /// came is read in English.
    pub fn choose<'a>(texts: &'a BTreeMap<String, ToldText>, wanted: &[String]) -> (String, Option<&'a ToldText>) {
        match locale::best(texts, wanted.iter().map(String::as_str)) {
            Some((language, text)) => (language.to_owned(), Some(text)),
            None => (FALLBACK.to_owned(), None),
        }
    }

    /// The languages that there are.
    pub fn languages(&self) -> Vec<String> {
        self.texts().into_iter().flat_map(Texts::languages).map(ToOwned::to_owned).collect()
    }

    /// Whether every text is approved.
    pub fn approved(&self) -> bool {
        self.texts().is_some_and(|texts| texts.all().all(|text| text.approved.is_some()))
    }
}

impl Unsaid {
    /// Whether it is a text of ours that cannot be filled in, whatever is to be said.
    pub fn is_of_a_text(&self) -> bool {
        self.0.iter().any(|refused| refused.why == super::texts::Why::Template)
    }
}

impl Compose for Words {
    type Refusal = Unsaid;

    fn compose(&self, to_say: &ToSay<'_>) -> Result<Composed, Unsaid> {
        let unread = || Unsaid(vec![Refused { place: "title", why: super::texts::Why::Template }]);
        let texts = self.texts().ok_or_else(unread)?;
        let variables = Variables::from_context(to_say.category, to_say.context, texts.codes()).map_err(Unsaid)?;
        let variables = variables.counting(to_say.count).decided_at(to_say.decision.at).appealable(to_say.appealable);
        let rendered = texts.render_all(&variables).map_err(|why| Unsaid(vec![why]))?;
        let version = rendered.iter().map(|text| text.version).max().unwrap_or_default();
        let told = |text: super::texts::Rendered| (text.language, ToldText { title: text.title, body: text.body });
        Ok(Composed { texts: rendered.into_iter().map(told).collect(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::{Category, Decision};
    use serde_json::Value;

    fn words(pairs: &[(&str, &str)]) -> Result<Words, crate::config::ConfigError> {
        let mut env: Env = pairs.iter().copied().collect();
        let words = Words::from_env(&mut env);
        env.finish(words)
    }

    fn compose(words: &Words, context: Value) -> Result<Composed, Unsaid> {
        let decision = Decision { decision_ref: None, at: "2026-03-01T09:00:00Z".parse().unwrap(), decided_by: None };
        let context = context.as_object().unwrap();
        let category = Category::ContentViolation;
        words.compose(&ToSay { category, context, decision: &decision, count: 3, appealable: true })
    }

    #[test]
    fn a_notice_is_put_into_every_language_and_read_in_the_one_that_is_wanted() {
        let words = words(&[("DEPLOY_ENV", "production")]).unwrap();
        assert!(words.approved());
        let told = compose(&words, serde_json::json!({"item": "Soup"})).unwrap();
        assert_eq!(told.texts.keys().collect::<Vec<_>>(), ["en", "es", "fr"]);
        let read = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|tag| (*tag).to_owned()).collect();
            Words::choose(&told.texts, &wanted).0
        };
        assert_eq!([read(&["es-MX"]), read(&["de", "FR_ca"]), read(&["ar"]), read(&[])], ["es", "fr", "en", "en"]);
        assert_eq!(Words::choose(&BTreeMap::new(), &[]), ("en".to_owned(), None));
    }

    #[test]
    fn codes_of_ones_own_are_held_back_and_a_setting_that_is_none_is_a_fault() {
        let words = words(&[("INTERNAL_CODES", "HX-9, QUARANTINE")]).unwrap();
        for item in ["HX-9", "in QUARANTINE now", "T05"] {
            let refused = compose(&words, serde_json::json!({"item": item})).unwrap_err().to_string();
            assert!(refused.contains("item") && !refused.contains(item), "{refused}");
        }
        assert!(self::words(&[("INTERNAL_CODES", "a")]).is_err());
    }
}
