//! By which of their members events are filtered and grouped.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A member of events by which they are filtered and grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// `event_type`.
    EventType,
    /// `utm_source`.
    UtmSource,
    /// `utm_medium`.
    UtmMedium,
    /// `utm_campaign`.
    UtmCampaign,
    /// `utm_content`.
    UtmContent,
    /// `utm_term`.
    UtmTerm,
    /// `app`.
    App,
    /// `surface`.
    Surface,
    /// `platform`.
    Platform,
}

/// A text that names no dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a dimension is one of event_type, utm_source, utm_medium, utm_campaign, utm_content, utm_term, app, surface, platform"
)]
pub struct NoDimension;

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::EventType,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmContent,
        Self::UtmTerm,
        Self::App,
        Self::Surface,
        Self::Platform,
    ];

    /// The name, as queries and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventType => "event_type",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmCampaign => "utm_campaign",
            Self::UtmContent => "utm_content",
            Self::UtmTerm => "utm_term",
            Self::App => "app",
            Self::Surface => "surface",
            Self::Platform => "platform",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dimension {
    type Err = NoDimension;
    fn from_str(text: &str) -> Result<Self, NoDimension> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text).ok_or(NoDimension)
    }
}
