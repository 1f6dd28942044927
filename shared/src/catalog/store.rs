//! What a store is: its name, its hours, its language and its currency.

use super::{
    currency::Currency,
    hours::{Hours, Interval, Status},
};
use crate::{ids::StoreId, locale::Locale};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The longest name, address or telephone number, in characters.
pub const MAX_STORE_LABEL_CHARS: usize = 300;

/// A store of a tenant, as its staff keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Unchecked")]
pub struct Store {
    /// Unique within the tenant.
    pub store_id: StoreId,
    /// What customers call it; 1 to 300 characters.
    pub name: String,
    /// Whose clocks its hours are read on.
    pub time_zone: Zone,
    /// When it is open.
    pub hours: Hours,
    /// The language of its shelves.
    pub locale: Locale,
    /// The currency of its prices.
    pub currency: Currency,
    /// Where it is; up to 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How to call it; up to 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

#[derive(Deserialize)]
struct Unchecked {
    store_id: StoreId,
    name: String,
    time_zone: Zone,
    #[serde(default)]
    hours: Hours,
    #[serde(default)]
    locale: Locale,
    currency: Currency,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

/// A name, address or number that is empty, long or has control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has 1 to {MAX_STORE_LABEL_CHARS} characters, none of them a control")]
pub struct BadStoreLabel(&'static str);

impl TryFrom<Unchecked> for Store {
    type Error = BadStoreLabel;
    fn try_from(store: Unchecked) -> Result<Self, BadStoreLabel> {
        let checks =
            [("name", Some(&store.name)), ("address", store.address.as_ref()), ("phone", store.phone.as_ref())];
        for (field, value) in checks {
            let Some(text) = value else { continue };
            let long = text.chars().count() > MAX_STORE_LABEL_CHARS;
            if text.trim().is_empty() || long || text.chars().any(char::is_control) {
                return Err(BadStoreLabel(field));
            }
        }
        let Unchecked { store_id, name, time_zone, hours, locale, currency, address, phone } = store;
        Ok(Self { store_id, name, time_zone, hours, locale, currency, address, phone })
    }
}

impl Store {
    /// Whether the store is open at `now`, and until when that holds.
    pub fn status_at(&self, now: Timestamp) -> Status {
        self.hours.status_at(self.time_zone.zone(), now)
    }

    /// The intervals that begin on `date`, in order.
    pub fn intervals_on(&self, date: Date) -> Vec<Interval> {
        self.hours.intervals_on(self.time_zone.zone(), date)
    }

    /// What the store's own clocks show at `now`.
    pub fn local(&self, now: Timestamp) -> DateTime {
        self.time_zone.zone().to_datetime(now)
    }
}

/// A time zone by its IANA name: `America/New_York`. The rules of 2026 and later come with the binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "America/New_York")]
pub struct Zone(TimeZone);

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is an IANA name such as Europe/Madrid")]
pub struct NoSuchZone;

impl Zone {
    /// The zone's rules.
    pub fn zone(&self) -> &TimeZone {
        &self.0
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl FromStr for Zone {
    type Err = NoSuchZone;
    fn from_str(name: &str) -> Result<Self, NoSuchZone> {
        let zone = TimeZone::get(name).map_err(|_| NoSuchZone)?;
        // The database also knows a zone of no place, for times that are not known.
        if zone.is_unknown() || (zone.iana_name().is_none()) {
            return Err(NoSuchZone);
        }
        Ok(Self(zone))
    }
}

impl TryFrom<String> for Zone {
    type Error = NoSuchZone;
    fn try_from(name: String) -> Result<Self, NoSuchZone> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn store(change: impl Fn(&mut serde_json::Value)) -> Result<Store, serde_json::Error> {
        let mut value = json!({
            "store_id": "madrid-1", "name": "Madrid Centro", "time_zone": "europe/madrid",
            "hours": {"weekly": {"monday": [{"from": "09:00", "to": "21:30"}]}}, "locale": "es", "currency": "EUR",
        });
        change(&mut value);
        serde_json::from_value(value)
    }

    #[test]
    fn a_store_round_trips_and_its_zone_gets_its_proper_name() {
        let first = store(|_| {}).unwrap();
        assert_eq!(first.time_zone.name(), "Europe/Madrid");
        let json = serde_json::to_value(&first).unwrap();
        assert_eq!(json["time_zone"], "Europe/Madrid");
        assert_eq!(json["hours"]["weekly"], json!({"monday": [{"from": "09:00", "to": "21:30"}]}));
        assert_eq!(serde_json::from_value::<Store>(json).unwrap(), first);
    }

    #[test]
    fn a_store_with_a_bad_part_is_refused() {
        for (field, bad) in [
            ("time_zone", json!("Europe/Atlantis")),
            ("time_zone", json!("Etc/Unknown")),
            ("time_zone", json!("")),
            ("currency", json!("EURO")),
            ("name", json!(" ")),
            ("name", json!("a\nb")),
            ("phone", json!("1".repeat(301))),
            ("hours", json!({"weekly": {"mon": []}})),
        ] {
            assert!(store(|value| value[field] = bad.clone()).is_err(), "{field}: {bad}");
        }
    }
}
