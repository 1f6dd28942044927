//! Versions as ETags: what a GET shows, and what a change may be bound to.

use http::{HeaderMap, HeaderValue, header};
use std::{fmt::Display, str::FromStr};

/// The version that a caller has seen, as `If-Match` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T = String>(pub T);

impl Seen {
    /// Whether that is the version that is held.
    pub fn is(&self, held: Option<&str>) -> bool {
        held == Some(self.0.as_str())
    }
}

/// An `If-Match` that is not one ETag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("If-Match holds one ETag as a GET sends it, in its quotes.")]
pub struct BadIfMatch;

/// The ETag of a version. Its text must be one that a header can hold: digests and ids are.
pub fn of(version: &impl Display) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("a version is a header's text")
}

/// The version that the caller has seen, where they name one.
///
/// # Errors
///
/// [`BadIfMatch`].
pub fn if_match<T: FromStr>(headers: &HeaderMap) -> Result<Option<Seen<T>>, BadIfMatch> {
    let mut named = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = named.next() else { return Ok(None) };
    let quoted = value.to_str().ok().and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    match (quoted, named.next()) {
        (Some(version), None) => Ok(Some(Seen(version))),
        _ => Err(BadIfMatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_from_its_etag_and_from_nothing_else() {
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, line.parse().unwrap());
            }
            if_match::<String>(&headers).map(|seen| seen.map(|Seen(text)| text))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[of(&"v1").to_str().unwrap()]), Ok(Some("v1".to_owned())));
        for bad in [&["v1"][..], &["\"v1"], &["*"], &["W/\"v1\""], &["\"v1\"", "\"v1\""], &[""]] {
            assert_eq!(read(bad), Err(BadIfMatch), "{bad:?}");
        }
    }
}
