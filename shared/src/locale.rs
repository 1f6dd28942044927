//! The languages that people are answered in.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, convert::Infallible, str::FromStr};

/// The header that names the language of the answer; it stands above the token's own `locale`.
pub const HEADER: &str = "x-sheen-locale";

/// A language of user-facing texts; error messages stay English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English, and the answer to every language that is not one of these.
    #[default]
    En,
    /// Spanish.
    Es,
    /// French.
    Fr,
}

impl Locale {
    /// The language as a BCP 47 tag, for `content-language`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
            Self::Fr => "fr",
        }
    }

    /// The language that `tag` asks for, by its primary subtag (`es-MX` is `es`), or `None` where it is not served.
    pub fn served(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        [Self::En, Self::Es, Self::Fr].into_iter().find(|locale| primary.eq_ignore_ascii_case(locale.tag()))
    }
}

/// What there is for whoever wants one of `wanted`, best first: the first that there is, in a wider form if need be (`es-MX` is
/// answered in `es`), else English. `None` where that is missing too.
pub fn best<'a, 'w, T>(
    there: &'a BTreeMap<String, T>,
    wanted: impl IntoIterator<Item = &'w str>,
) -> Option<(&'a str, &'a T)> {
    let of = |tag: &str| there.iter().find(|(language, _)| language.eq_ignore_ascii_case(tag));
    let wider = |wanted: &str| {
        let wanted = wanted.trim().replace('_', "-");
        std::iter::successors(Some(wanted.as_str()), |tag| tag.rsplit_once('-').map(|(wider, _)| wider)).find_map(of)
    };
    let found = wanted.into_iter().find_map(wider).or_else(|| of(Locale::En.tag()));
    found.map(|(language, what)| (language.as_str(), what))
}

/// The language to answer in: the one that the request's header names, else the person's own, else English.
pub fn of(headers: &http::HeaderMap, own: Option<Locale>) -> Locale {
    let named = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(Locale::served);
    named.or(own).unwrap_or_default()
}

impl FromStr for Locale {
    type Err = Infallible;
    fn from_str(tag: &str) -> Result<Self, Infallible> {
        Ok(Self::served(tag).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_what_there_is_comes_by_the_wish_then_by_its_wider_form_then_in_english() {
        let there = BTreeMap::from(["en", "es", "pt-BR"].map(|tag| (tag.to_owned(), ())));
        let best = |wanted: &[&str]| best(&there, wanted.iter().copied()).map(|(tag, ())| tag.to_owned()).unwrap();
        assert_eq!(best(&["es-MX"]), "es");
        assert_eq!(best(&["de", "PT_br"]), "pt-BR");
        assert_eq!([best(&["pt"]), best(&["ar"]), best(&[""]), best(&[])], ["en"; 4]);
        assert_eq!(super::best(&BTreeMap::<String, ()>::new(), ["es"]), None);
    }

    #[test]
    fn a_regional_tag_is_its_language_and_an_unknown_one_is_english() {
        let locale = |tag: &str| tag.parse::<Locale>().unwrap();
        assert_eq!(
            [locale("es-MX"), locale("FR"), locale("de"), locale("")].map(Locale::tag),
            ["es", "fr", "en", "en"]
        );
    }
}
