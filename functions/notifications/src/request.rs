//! What callers send: bodies and queries, each turned into what it means or refused.

use crate::error::Error;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::{ids::PersonId, notices::Category, problem::Problem, web::Limit};

/// The most bytes of a context, as JSON.
const MAX_CONTEXT_BYTES: usize = 8 * 1024;
/// How deep a context may be nested.
const MAX_DEPTH: usize = 8;
/// The most characters of a decision's name.
const MAX_REF_CHARS: usize = 128;
/// The most notices that one request marks by name.
pub(crate) const MAX_MARKED: usize = 100;

/// A decision to tell somebody of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateNotification {
    /// Whom it is about: the `sub` of their tokens.
    #[serde(rename = "userId")]
    #[schema(min_length = 1, max_length = 128, example = "grace")]
    user_id: String,
    /// What it is about: `content_violation`, `account_warning`, `temporary_restriction` or `appeal_update`.
    #[schema(value_type = Category)]
    category: String,
    /// What there is to know. Of it the templates say `item`, `item_kind`, `date`, `until` and `outcome`; the rest is for staff.
    #[serde(default = "nothing")]
    #[schema(value_type = Object)]
    context: Value,
    /// Your own name for the decision. Sent again within thirty days, it is not told again to the same person in the same category.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "case-4711")]
    decision_ref: Option<String>,
    /// Whether it can be appealed; all categories can but `appeal_update`.
    #[serde(default)]
    appealable: Option<bool>,
    /// Who took the decision, where that was a person: they cannot decide an appeal against it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "moderator-7")]
    decided_by: Option<String>,
}

/// A decision to tell somebody of, well formed.
#[derive(Debug)]
pub(crate) struct ToTell {
    pub(crate) person: PersonId,
    pub(crate) category: Category,
    pub(crate) context: Map<String, Value>,
    pub(crate) decision_ref: Option<String>,
    pub(crate) appealable: bool,
    pub(crate) decided_by: Option<PersonId>,
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

impl CreateNotification {
    /// What it means.
    pub(crate) fn read(self) -> Result<ToTell, Error> {
        let person = |name: &str, what| PersonId::from_subject(name).ok_or(Error::BadRequest(what));
        let category: Category = self.category.parse().map_err(Problem::from)?;
        let decided_by = self
            .decided_by
            .as_deref()
            .map(|name| person(name, "decided_by has 1 to 128 characters, none of them a control."));
        let reference = self.decision_ref;
        if reference.as_deref().is_some_and(|name| {
            let length = name.chars().count();
            !(1..=MAX_REF_CHARS).contains(&length) || name.chars().any(char::is_control)
        }) {
            return Err(Error::BadRequest("decision_ref has 1 to 128 characters, none of them a control."));
        }
        if self.appealable == Some(true) && !category.appealable() {
            return Err(Error::BadRequest("A notification of this category cannot be appealed. Leave appealable out."));
        }
        Ok(ToTell {
            person: person(&self.user_id, "userId has 1 to 128 characters, none of them a control.")?,
            category,
            context: context(self.context)?,
            decision_ref: reference,
            appealable: self.appealable.unwrap_or(category.appealable()),
            decided_by: decided_by.transpose()?,
        })
    }
}

fn context(value: Value) -> Result<Map<String, Value>, Error> {
    if depth(&value) > MAX_DEPTH {
        return Err(Error::BadContext("context is nested more than 8 deep."));
    }
    if value.to_string().len() > MAX_CONTEXT_BYTES {
        return Err(Error::BadContext(
            "context has more than 8 KiB. Send what people need to know, and keep the rest.",
        ));
    }
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Error::BadContext("context is a JSON object.")),
    }
}

/// How deep a value is nested. What is read here has passed the parser, which stops at 128.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(of) => 1 + of.iter().map(depth).max().unwrap_or(0),
        Value::Object(of) => 1 + of.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Marks a notice.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchNotification {
    /// Whose it is; the caller's own where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
    /// Whether it has been read.
    pub(crate) read: bool,
}

/// Marks all notices read.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadAll {
    /// Whose they are; the caller's own where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
    /// Those of this category alone.
    #[serde(default)]
    #[schema(value_type = Option<Category>)]
    pub(crate) category: Option<String>,
}

/// Marks the notices named read.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkRead {
    /// Whose they are; the caller's own where it is left out.
    #[serde(default, rename = "userId")]
    pub(crate) user_id: Option<String>,
    /// Which.
    #[serde(alias = "notificationIds")]
    #[schema(min_items = 1, max_items = 100)]
    pub(crate) ids: Vec<String>,
}

/// Whose notices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfUser {
    /// Whose they are; the caller's own where it is left out.
    #[serde(default, rename = "userId")]
    #[param(min_length = 1, max_length = 128)]
    pub(crate) user_id: Option<String>,
}

/// Which notices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Whose they are; the caller's own where it is left out.
    #[serde(default, rename = "userId")]
    #[param(min_length = 1, max_length = 128)]
    pub(crate) user_id: Option<String>,
    /// Only unread ones, or only read ones.
    pub(crate) unread: Option<bool>,
    /// Only those of this category.
    #[param(value_type = Option<Category>)]
    pub(crate) category: Option<String>,
    /// How many at most; 100 unless said.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub(crate) limit: Limit,
    /// The mark of the page before: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<ToTell, &'static str> {
        let body: CreateNotification = serde_json::from_str(body).map_err(|_| "http.bad_request")?;
        body.read().map_err(|error| shared::problem::Problem::from(error).code())
    }

    fn with(member: &str) -> String {
        format!(r#"{{"userId":"grace","category":"account_warning",{member}}}"#)
    }

    #[test]
    fn a_decision_needs_a_person_and_a_category_and_no_more() {
        let told = read(r#"{"userId":"grace","category":"account_warning"}"#).unwrap();
        assert_eq!((told.person.as_str(), told.category), ("grace", Category::AccountWarning));
        assert!(told.appealable && told.context.is_empty() && told.decided_by.is_none());
        let told = read(r#"{"userId":"grace","category":"appeal_update"}"#).unwrap();
        assert!(!told.appealable);
    }

    #[test]
    fn what_is_wrong_is_refused_by_its_code() {
        let long = "x".repeat(129);
        let (long, huge, deep) = (
            with(&format!(r#""decision_ref":"{long}""#)),
            with(&format!(r#""context":{{"a":"{}"}}"#, "x".repeat(9_000))),
            with(&format!(r#""context":{}1{}"#, r#"{"a":"#.repeat(9), "}".repeat(9))),
        );
        for (body, code) in [
            (r#"{"userId":"grace","category":"ban"}"#, "notification.bad_category"),
            (r#"{"userId":"grace","category":"Account_Warning"}"#, "notification.bad_category"),
            (&with(r#""context":[]"#), "notification.bad_context"),
            (&with(r#""context":"T05""#), "notification.bad_context"),
            (&with(r#""context":null"#), "notification.bad_context"),
            (&huge, "notification.bad_context"),
            (&deep, "notification.bad_context"),
            (&long, "http.bad_request"),
            (&with(r#""decision_ref":"""#), "http.bad_request"),
            (&with(r#""decision_ref":"a\u0000b""#), "http.bad_request"),
            (&with(r#""decided_by":"""#), "http.bad_request"),
            (&with(r#""title":"You were right""#), "http.bad_request"),
            (r#"{"userId":"","category":"account_warning"}"#, "http.bad_request"),
            (r#"{"userId":"grace","category":"appeal_update","appealable":true}"#, "http.bad_request"),
        ] {
            assert_eq!(read(body).err(), Some(code), "{body}");
        }
    }
}
