//! The forms of a file, by media type.

use serde::{Deserialize, Serialize};

/// The form of a file of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Format {
    /// One array of objects, or an object whose only member `products` is one.
    #[serde(rename = "application/json")]
    Json,
    /// An object on each line.
    #[serde(rename = "application/x-ndjson")]
    Ndjson,
    /// Commas, a header row, quotes as RFC 4180 has them.
    #[serde(rename = "text/csv")]
    Csv,
    /// Tabs, a header row; a quote means itself.
    #[serde(rename = "text/tab-separated-values")]
    Tsv,
}

/// A media type of no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Products come as application/json, application/x-ndjson, text/csv or text/tab-separated-values; say which in Content-Type."
)]
pub struct UnknownFormat;

impl Format {
    /// The form that a media type without parameters names.
    ///
    /// # Errors
    ///
    /// [`UnknownFormat`].
    pub fn of(media_type: &str) -> Result<Self, UnknownFormat> {
        match media_type {
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Ok(Self::Ndjson)
            }
            "text/csv" | "application/csv" => Ok(Self::Csv),
            "text/tab-separated-values" | "text/tsv" => Ok(Self::Tsv),
            _ => Err(UnknownFormat),
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Tsv => "text/tab-separated-values",
        }
    }
}
