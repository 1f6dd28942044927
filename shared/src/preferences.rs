//! How a person wants to be reached: their language, and the address to which mail may go.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | preferences | `T#<tenant>#PREFERENCES` | the person | `person`, `language` (optional), `email` (optional: `address`, `on`), `updated_at` |
//!
//! What is to be sent names the person. The address is read when it is sent, so that it stands in one place, and whoever has changed
//! it or switched mail off is heeded at once.

use crate::{
    ids::PersonId,
    locale,
    private::Private,
    table::{Key, Table, TableError, TenantTable},
    tenant::TenantScope,
};
use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The partition of a tenant's preferences.
pub const PARTITION: &str = "PREFERENCES";

/// How a person wants to be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The person.
    pub person: PersonId,
    /// The language in which they are written to, as a tag (BCP 47).
    pub language: Option<String>,
    /// Their address for mail.
    pub email: Option<Email>,
    /// When they last changed something.
    pub updated_at: Timestamp,
}

/// An address for mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: Private<String>,
    /// Whether mail may go there.
    pub on: bool,
}

/// The preferences of every tenant's people.
#[derive(Clone, Debug)]
pub struct PreferencesTable(Table);

/// The preferences of one tenant's people.
#[derive(Clone, Debug)]
pub struct TenantPreferences(TenantTable);

/// The form in the table; apart from [`Preferences`], which nobody can serialise by mistake.
#[derive(Serialize, Deserialize)]
struct Row {
    person: PersonId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<EmailRow>,
    updated_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct EmailRow {
    #[serde(serialize_with = "stored")]
    address: Private<String>,
    on: bool,
}

fn stored<S: Serializer>(address: &Private<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(address.expose())
}

impl PreferencesTable {
    /// The preferences in `table`.
    pub fn new(table: Table) -> Self {
        Self(table)
    }

    /// The preferences of a tenant's people.
    pub fn of(&self, tenant: &TenantScope) -> TenantPreferences {
        TenantPreferences(self.0.of(tenant))
    }
}

impl TenantPreferences {
    /// A person's preferences; `None` for whoever has never said any.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn get(&self, person: &PersonId) -> Result<Option<Preferences>, TableError> {
        let row: Option<Row> = self.0.get(&key(person)).await?;
        Ok(row.map(|Row { person, language, email, updated_at }| {
            let email = email.map(|EmailRow { address, on }| Email { address, on });
            Preferences { person, language, email, updated_at }
        }))
    }

    /// The languages that `person` wants to be answered in, as tags, best first: the one that the request's header names, and where it
    /// names none the one that they have chosen, then the `token`'s.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn wanted(
        &self,
        person: &PersonId,
        headers: &HeaderMap,
        token: Option<&str>,
    ) -> Result<Vec<String>, TableError> {
        let named = headers.get(locale::HEADER).and_then(|value| value.to_str().ok());
        if let Some(named) = named.filter(|named| !named.trim().is_empty()) {
            return Ok(vec![named.to_owned()]);
        }
        let chosen = self.get(person).await?.and_then(|chosen| chosen.language);
        Ok(chosen.into_iter().chain(token.map(ToOwned::to_owned)).collect())
    }

    /// Writes a person's preferences in place of what they said before.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn put(&self, preferences: &Preferences) -> Result<(), TableError> {
        let Preferences { person, language, email, updated_at } = preferences.clone();
        let email = email.map(|Email { address, on }| EmailRow { address, on });
        let item = self.0.item(&key(&person), &Row { person: person.clone(), language, email, updated_at })?;
        self.0.put(item).send().await.map_err(TableError::unavailable)?;
        Ok(())
    }
}

fn key(person: &PersonId) -> Key {
    Key::new(PARTITION, person.as_str())
}
