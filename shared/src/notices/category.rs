//! What a notice can be about: a closed list.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something that the person made does not keep to the rules.
    ContentViolation,
    /// The account is warned.
    AccountWarning,
    /// The account is limited for a time.
    TemporaryRestriction,
    /// An appeal was decided.
    AppealUpdate,
}

/// A text that names no category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a category is content_violation, account_warning, temporary_restriction or appeal_update")]
pub struct NotACategory;

impl Category {
    /// Every category.
    pub const ALL: [Self; 4] =
        [Self::ContentViolation, Self::AccountWarning, Self::TemporaryRestriction, Self::AppealUpdate];

    /// The category as keys, requests and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContentViolation => "content_violation",
            Self::AccountWarning => "account_warning",
            Self::TemporaryRestriction => "temporary_restriction",
            Self::AppealUpdate => "appeal_update",
        }
    }

    /// The category that a query names, if it names one.
    ///
    /// # Errors
    ///
    /// A refusal of what is no category.
    pub fn asked(named: Option<&str>) -> Result<Option<Self>, Problem> {
        Ok(named.map(str::parse::<Self>).transpose()?)
    }

    /// Whether a decision of this kind can be appealed: all but that on an appeal.
    pub fn appealable(self) -> bool {
        self != Self::AppealUpdate
    }
}

impl From<NotACategory> for Problem {
    fn from(error: NotACategory) -> Self {
        Self::bad_request("notification.bad_category").detail(format!("{error}."))
    }
}

impl FromStr for Category {
    type Err = NotACategory;
    fn from_str(text: &str) -> Result<Self, NotACategory> {
        Self::ALL.into_iter().find(|category| category.as_str() == text).ok_or(NotACategory)
    }
}
