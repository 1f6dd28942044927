//! What callers send: bodies and queries, each turned into what it means or refused.

use crate::{
    appeal::{MAX_STATEMENT_CHARS, Outcome, State},
    error::Error,
};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use shared::{
    notices::Category,
    problem::Problem,
    web::{Json, Limit, extract::Raw},
};

/// The longest name of an artifact.
const MAX_ARTIFACT_CHARS: usize = 256;

/// A JSON body that may be left out, as by a button that only says "I appeal": nothing, declared as whatever, is the empty object.
#[derive(Debug)]
pub(crate) struct Maybe<T>(pub(crate) T);

impl<T: Default + DeserializeOwned, S: Send + Sync> FromRequest<S> for Maybe<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let Raw(body) = Raw::from_request(Request::from_parts(parts.clone(), body), state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::from_request(Request::from_parts(parts, Body::from(body)), state).await?;
        Ok(Self(body))
    }
}

/// Opens an appeal.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenAppeal {
    /// What the person says, in any language; nobody has to say anything.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 5000)]
    pub(crate) statement: Option<String>,
    /// Who appeals; the caller where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
}

/// Opens an appeal against what a notice tells of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenAppealAgainst {
    /// The notice.
    #[serde(rename = "notificationId", alias = "notification_id")]
    pub(crate) notification_id: String,
    /// What the person says, in any language; nobody has to say anything.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 5000)]
    pub(crate) statement: Option<String>,
    /// Who appeals; the caller where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
}

/// Changes an appeal: adds a statement, or withdraws it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchAppeal {
    /// What the person says besides.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 5000)]
    statement: Option<String>,
    /// `withdrawn`.
    #[serde(default)]
    #[schema(value_type = Option<State>)]
    state: Option<String>,
    /// Whose appeal it is; the caller's where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
}

/// What a patch means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    Statement(String),
    Withdraw,
}

/// Decides an appeal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideAppeal {
    /// How.
    pub(crate) outcome: Outcome,
    /// Why, in neutral words for the person: no internal codes, no markup.
    #[schema(min_length = 1, max_length = 2000)]
    pub(crate) reason: String,
    /// What is to be restored, where it is not the `artifact_id` that the notice came with.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) artifact_id: Option<String>,
}

/// Reopens an appeal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReopenAppeal {
    /// What is new, in neutral words for the person.
    #[schema(min_length = 1, max_length = 2000)]
    pub(crate) reason: String,
}

/// Whose appeals.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfUser {
    /// Whose; the caller's own where it is left out.
    #[serde(rename = "userId")]
    #[param(min_length = 1, max_length = 128)]
    pub(crate) user_id: Option<String>,
}

/// Which of a person's appeals.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Whose; the caller's own where it is left out.
    #[serde(rename = "userId")]
    #[param(min_length = 1, max_length = 128)]
    pub(crate) user_id: Option<String>,
    /// Those of this state alone: one of the states, `open` or `all`. All where it is left out.
    pub(crate) state: Option<String>,
    /// How many at most; 100 unless said.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub(crate) limit: Limit,
    /// The mark of the page before: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

/// Which appeals of the queue.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// Those of this state alone: one of the states, `open` or `all`. Open ones where it is left out.
    pub(crate) state: Option<String>,
    /// Those alone that have waited for this many hours, or `overdue`; of settled ones, that have been settled for so long.
    pub(crate) age: Option<String>,
    /// Those alone against a decision of this category.
    #[param(value_type = Option<Category>)]
    pub(crate) category: Option<String>,
    /// How many at most; 100 unless said.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub(crate) limit: Limit,
    /// The mark of the page before: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

/// Of which time.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    /// From this time on, or this day (RFC 3339); 90 days before `to` where it is left out.
    from: Option<String>,
    /// Until before this time, or this day; now where it is left out.
    to: Option<String>,
}

const OPEN: &[State] = &[State::Submitted, State::InReview];

/// The states that a query names.
pub(crate) fn states(named: Option<&str>, otherwise: &'static str) -> Result<&'static [State], Error> {
    match named.unwrap_or(otherwise) {
        "all" => Ok(State::ALL),
        "open" => Ok(OPEN),
        one => {
            let at = State::ALL.iter().position(|state| state.as_str() == one);
            let one = at.and_then(|at| State::ALL.get(at..=at));
            one.ok_or(Error::BadRequest(
                "state is submitted, in_review, upheld, overturned, partially_overturned, withdrawn, open or all.",
            ))
        }
    }
}

/// How long ago at least: a number of hours, or as long as an appeal may wait.
pub(crate) fn age(asked: Option<&str>, patience: SignedDuration) -> Result<Option<SignedDuration>, Error> {
    let bad = Error::BadRequest("age is a whole number of hours up to 100000, or overdue.");
    match asked {
        None => Ok(None),
        // Overdue is what has waited for longer than that.
        Some("overdue") => Ok(Some(patience + SignedDuration::from_nanos(1))),
        Some(hours) => match hours.parse::<u32>() {
            Ok(hours) if hours <= 100_000 => Ok(Some(SignedDuration::from_hours(i64::from(hours)))),
            _ => Err(bad),
        },
    }
}

impl StatsQuery {
    /// From when to before when.
    pub(crate) fn read(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), Error> {
        let to = self.to.as_deref().map_or(Ok(now), time)?;
        let earlier = to.checked_sub(SignedDuration::from_hours(90 * 24)).unwrap_or(Timestamp::MIN);
        let from = self.from.as_deref().map_or(Ok(earlier), time)?;
        if from < to { Ok((from, to)) } else { Err(Error::BadRequest("from lies before to.")) }
    }
}

/// A time of RFC 3339, or the beginning of a day. Years outside of those of people are refused: they do not sort as texts.
fn time(text: &str) -> Result<Timestamp, Error> {
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let time =
        text.parse().ok().or_else(day).filter(|time: &Timestamp| (0..=253_402_300_799).contains(&time.as_second()));
    time.ok_or(Error::BadRequest("from and to are times of RFC 3339, or days such as 2026-03-01."))
}

impl PatchAppeal {
    /// What it means.
    pub(crate) fn read(self) -> Result<Patch, Error> {
        match (self.statement, self.state.as_deref()) {
            (Some(text), None) => Ok(Patch::Statement(statement(text)?)),
            (None, Some("withdrawn")) => Ok(Patch::Withdraw),
            (None, Some(_)) => Err(Error::BadRequest("state can be set to withdrawn alone.")),
            _ => Err(Error::BadRequest("Send a statement, or \"state\": \"withdrawn\".")),
        }
    }
}

/// What a person says: 1 to [`MAX_STATEMENT_CHARS`] characters of any script, with line breaks and tabs.
pub(crate) fn statement(text: String) -> Result<String, Error> {
    if text.chars().all(char::is_whitespace) {
        return Err(Error::BadText("The statement is empty. Leave it out, or say something."));
    }
    if text.chars().nth(MAX_STATEMENT_CHARS).is_some() {
        return Err(Error::BadText("The statement has more than 5000 characters."));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::BadText("The statement holds a control character other than line breaks and tabs."));
    }
    Ok(text)
}

/// The name of an artifact.
pub(crate) fn artifact(name: &str) -> Result<(), Error> {
    let good = (1..=MAX_ARTIFACT_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if good { Ok(()) } else { Err(Error::BadText("artifact_id has 1 to 256 characters, none of them a control.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_counted_in_characters_whatever_their_script() {
        for letter in ["a", "ß", "ع", "字", "😀", "\u{10ffff}"] {
            assert!(statement(letter.repeat(5_000)).is_ok(), "{letter}");
            assert!(statement(letter.repeat(5_001)).is_err(), "{letter}");
        }
        for good in ["x", "a\r\n\tb", "  x", "مرحبا\u{200f}", "e\u{301}"] {
            assert!(statement(good.to_owned()).is_ok(), "{good:?}");
        }
        for bad in ["", " \n\t", "a\0", "a\u{1b}[31m", "a\u{7f}", "a\u{85}b", "\u{3000}"] {
            assert!(statement(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_patch_says_one_thing() {
        let read = |body: &str| {
            let body: Option<PatchAppeal> = serde_json::from_str(body).ok();
            body.and_then(|body| body.read().ok())
        };
        assert_eq!(read(r#"{"statement":"x"}"#), Some(Patch::Statement("x".to_owned())));
        assert_eq!(read(r#"{"state":"withdrawn","userId":"ada"}"#), Some(Patch::Withdraw));
        for bad in [r"{}", r#"{"state":"upheld"}"#, r#"{"state":"withdrawn","statement":"x"}"#, r#"{"outcome":"x"}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn ages_states_and_times_are_read_or_refused() {
        let hours = SignedDuration::from_hours(72);
        assert_eq!(age(Some("24"), hours).unwrap(), Some(SignedDuration::from_hours(24)));
        assert!(age(Some("overdue"), hours).unwrap() > Some(hours));
        assert!(["", "-1", "1h", "100001", "old"].iter().all(|bad| age(Some(bad), hours).is_err()));
        assert_eq!(states(None, "open").unwrap(), OPEN);
        assert_eq!(states(Some("upheld"), "open").unwrap(), [State::Upheld]);
        assert!(["", "Upheld", "closed"].iter().all(|bad| states(Some(bad), "open").is_err()));
        let stats = |from: &str, to: &str| {
            let query = StatsQuery { from: Some(from.to_owned()), to: Some(to.to_owned()) };
            query.read(Timestamp::UNIX_EPOCH).is_ok()
        };
        assert!(stats("2026-03-01", "2026-03-02T00:00:00Z"));
        assert!(!stats("2026-03-01", "2026-03-01") && !stats("2026-03-02", "2026-03-01") && !stats("x", "2026-03-01"));
        assert!(!stats("-000001-01-01T00:00:00Z", "2026-03-01"));
    }
}
