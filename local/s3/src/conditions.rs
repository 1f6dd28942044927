//! When a request may go ahead: `If-Match` and its kin, as a plain function of what is stored.
//!
//! Reads follow RFC 9110, §13.2.2, which S3 restates: an ETag header outranks the date header beside it.
//! Writes follow S3's page on conditional requests: `If-None-Match` takes only `*`, and `If-Match` on a key that
//! holds nothing is "not found" rather than "failed".

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, s3_error};

/// Why a condition stops a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 412: the stored object is not the one that the caller meant.
    Failed,
    /// 304: the caller already has the stored object.
    NotModified,
    /// 404: the caller meant an object, and there is none.
    Missing,
    /// 501: a form of the header that S3 does not take on a write.
    Unsupported,
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed => {
                s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
            }
            Refusal::NotModified => s3_error!(NotModified),
            Refusal::Missing => s3_error!(NoSuchKey, "The specified key does not exist."),
            Refusal::Unsupported => {
                s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")
            }
        }
    }
}

/// The conditions of a read (`GET`, `HEAD`, the source of a copy).
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

impl Read {
    /// Whether an object with this ETag (without quotes), last changed at `modified`, may be read.
    pub(crate) fn check(&self, etag: &str, modified: &Timestamp) -> Result<(), Refusal> {
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) if !matches_strongly(wanted, etag) => return Err(Refusal::Failed),
            (None, Some(date)) if modified > date => return Err(Refusal::Failed),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) if matches_weakly(known, etag) => Err(Refusal::NotModified),
            (None, Some(date)) if modified <= date => Err(Refusal::NotModified),
            _ => Ok(()),
        }
    }
}

/// The conditions of a write (`PUT`, the target of a copy, completing an upload, `DELETE`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Write {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl Write {
    /// Whether the key that holds `stored` (an ETag without quotes, or nothing) may be written.
    pub(crate) fn check(&self, stored: Option<&str>) -> Result<(), Refusal> {
        match &self.if_none_match {
            Some(ETagCondition::ETag(_)) => return Err(Refusal::Unsupported),
            Some(ETagCondition::Any) if stored.is_some() => return Err(Refusal::Failed),
            _ => {}
        }
        match (&self.if_match, stored) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Refusal::Missing),
            (Some(wanted), Some(etag)) if matches_strongly(wanted, etag) => Ok(()),
            (Some(_), Some(_)) => Err(Refusal::Failed),
        }
    }
}

fn matches_strongly(wanted: &ETagCondition, etag: &str) -> bool {
    match wanted {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(value)) => value == etag,
        ETagCondition::ETag(ETag::Weak(_)) => false,
    }
}

fn matches_weakly(known: &ETagCondition, etag: &str) -> bool {
    match known {
        ETagCondition::Any => true,
        ETagCondition::ETag(known) => known.value() == etag,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, SystemTime};

    use super::*;

    fn tag(text: &str) -> Option<ETagCondition> {
        Some(text.parse().unwrap())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn a_read_without_conditions_goes_ahead() {
        assert_eq!(Read::default().check("aa", &at(5)), Ok(()));
    }

    #[test]
    fn a_read_is_held_to_the_etag_it_names() {
        let check = |text| Read { if_match: tag(text), ..Read::default() }.check("aa", &at(5));
        assert_eq!(check("\"aa\""), Ok(()));
        assert_eq!(check("*"), Ok(()));
        assert_eq!(check("\"bb\""), Err(Refusal::Failed));
        assert_eq!(check("W/\"aa\""), Err(Refusal::Failed), "If-Match compares strongly");
    }

    #[test]
    fn a_known_etag_is_not_sent_again() {
        let check = |text| Read { if_none_match: tag(text), ..Read::default() }.check("aa", &at(5));
        assert_eq!(check("\"bb\""), Ok(()));
        for known in ["\"aa\"", "W/\"aa\"", "*"] {
            assert_eq!(check(known), Err(Refusal::NotModified), "{known}");
        }
    }

    #[test]
    fn dates_count_to_the_second_and_include_it() {
        let since = |s| Read { if_modified_since: Some(at(s)), ..Read::default() }.check("aa", &at(5));
        assert_eq!((since(4), since(5), since(6)), (Ok(()), Err(Refusal::NotModified), Err(Refusal::NotModified)));
        let until = |s| Read { if_unmodified_since: Some(at(s)), ..Read::default() }.check("aa", &at(5));
        assert_eq!((until(4), until(5), until(6)), (Err(Refusal::Failed), Ok(()), Ok(())));
    }

    #[test]
    fn an_etag_outranks_the_date_beside_it() {
        let both = Read { if_match: tag("\"aa\""), if_unmodified_since: Some(at(1)), ..Read::default() };
        assert_eq!(both.check("aa", &at(5)), Ok(()));
        let both = Read { if_none_match: tag("\"bb\""), if_modified_since: Some(at(9)), ..Read::default() };
        assert_eq!(both.check("aa", &at(5)), Ok(()));
    }

    #[test]
    fn create_only_writes_find_an_empty_key() {
        let create = Write { if_none_match: tag("*"), if_match: None };
        assert_eq!(create.check(None), Ok(()));
        assert_eq!(create.check(Some("aa")), Err(Refusal::Failed));
        let odd = Write { if_none_match: tag("\"aa\""), if_match: None };
        assert_eq!(odd.check(None), Err(Refusal::Unsupported));
    }

    #[test]
    fn compare_and_swap_writes_find_the_etag_they_read() {
        let swap = Write { if_match: tag("\"aa\""), if_none_match: None };
        assert_eq!(swap.check(Some("aa")), Ok(()));
        assert_eq!(swap.check(Some("bb")), Err(Refusal::Failed));
        assert_eq!(swap.check(None), Err(Refusal::Missing));
        let both = Write { if_match: tag("\"aa\""), if_none_match: tag("*") };
        assert!(both.check(Some("aa")).is_err() && both.check(None).is_err(), "the two exclude each other");
    }
}
