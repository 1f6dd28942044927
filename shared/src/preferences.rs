//! What a person chooses: the language in which they are told things, and whether by mail too.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | preferences | `T#<tenant>#PREFERENCES` | the person | [`Preferences`] |

use crate::{
    ids::PersonId,
    private::Private,
    table::{Key, TableError, TenantTable},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The partition of a tenant's preferences.
pub const PARTITION: &str = "PREFERENCES";

/// What a person has chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preferences {
    /// Who.
    pub person: PersonId,
    /// The language, as a tag; none where it was not chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where mail goes; none where it was not chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Mail>,
    /// When it was chosen.
    pub updated_at: Timestamp,
}

/// Where a person's mail goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The address, from the person's verified token.
    #[serde(serialize_with = "stored")]
    pub address: Private<String>,
    /// Whether anything is sent there.
    pub on: bool,
}

/// Into the table, and nowhere else.
fn stored<S: Serializer>(address: &Private<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(address.expose())
}

fn key(person: &PersonId) -> Key {
    Key::new(PARTITION, person.as_str())
}

/// What `person` has chosen; `None` where nothing.
///
/// # Errors
///
/// [`TableError`].
pub async fn read(rows: &TenantTable, person: &PersonId) -> Result<Option<Preferences>, TableError> {
    rows.get(&key(person)).await
}

/// Keeps what a person chooses, in place of what they chose before.
///
/// # Errors
///
/// [`TableError`].
pub async fn write(rows: &TenantTable, chosen: &Preferences) -> Result<(), TableError> {
    let put = rows.put(rows.item(&key(&chosen.person), chosen)?);
    put.send().await.map(drop).map_err(TableError::unavailable)
}
