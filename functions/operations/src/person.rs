//! A person's record: what may stand in one, and what it takes to change it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    auth::{PersonRecord, Role, Scope, Scopes},
    digest::Digest,
    ids::{PersonId, StoreId},
};
use std::collections::BTreeSet;

/// The most stores of one person.
pub const MOST_STORES: usize = 200;

/// A role, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// A customer.
    Shopper,
    /// Works in a store.
    StoreEmployee,
    /// Runs a store.
    Admin,
}

/// A scope of administration; a later one includes those before it. `service:write` is the token's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AdminScope {
    /// Reading what administrators see.
    #[serde(rename = "admin:read")]
    Read,
    /// Changing what administrators change.
    #[serde(rename = "admin:write")]
    Write,
    /// Acting in an emergency.
    #[serde(rename = "admin:breakglass")]
    Breakglass,
    /// Everything of administration.
    #[serde(rename = "admin:super")]
    Super,
}

/// A record as it is put. Whose it is the path says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPerson {
    /// What the person is in their stores.
    pub role: RoleName,
    /// Where the role counts.
    #[schema(max_items = 200, example = json!(["downtown"]))]
    pub stores: BTreeSet<StoreId>,
    /// How far the person may administer, if their token says so too; the highest one counts.
    #[schema(max_items = 4)]
    pub scopes: Vec<AdminScope>,
    /// Whether the person is shut out; not, where nothing is said.
    #[serde(default)]
    pub suspended: bool,
}

/// A record as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// Whose it is: the `sub` of their tokens.
    person_id: PersonId,
    /// What the person is in their stores.
    #[schema(value_type = RoleName)]
    role: &'static str,
    /// Where the role counts.
    stores: BTreeSet<StoreId>,
    /// How far the person may administer, if their token says so too: the highest scope, or none.
    #[schema(value_type = Vec<AdminScope>)]
    scopes: Scopes,
    /// Whether the person is shut out.
    suspended: bool,
    /// When the record was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<PersonRecord> for Person {
    fn from(record: PersonRecord) -> Self {
        let PersonRecord { person_id, role, stores, scopes, suspended, updated_at, version: _ } = record;
        Self { person_id, role: role.as_str(), stores, scopes, suspended, updated_at }
    }
}

impl PutPerson {
    /// The record that this makes; its version is yet to be [`sealed`].
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn record(self, person: PersonId, now: Timestamp) -> Result<PersonRecord, String> {
        if self.stores.len() > MOST_STORES {
            return Err(format!("A person has at most {MOST_STORES} stores."));
        }
        let role = match self.role {
            RoleName::Shopper => Role::Shopper,
            RoleName::StoreEmployee => Role::StoreEmployee,
            RoleName::Admin => Role::Admin,
        };
        let scope = |scope: &AdminScope| match scope {
            AdminScope::Read => Scope::AdminRead,
            AdminScope::Write => Scope::AdminWrite,
            AdminScope::Breakglass => Scope::AdminBreakglass,
            AdminScope::Super => Scope::AdminSuper,
        };
        Ok(PersonRecord {
            person_id: person,
            role,
            stores: self.stores,
            scopes: self.scopes.iter().map(scope).collect(),
            suspended: self.suspended,
            updated_at: now,
            version: String::new(),
        })
    }
}

/// The record as the one that follows the version `held`. Its own version is a digest of both, so that it comes back only where
/// everything else has come back too.
///
/// # Panics
///
/// Never: a record is plain data.
pub fn sealed(mut record: PersonRecord, held: Option<&str>) -> PersonRecord {
    record.version.clear();
    let said = serde_json::to_string(&(held, &record)).expect("a record is plain data");
    record.version = Digest::of(said.as_bytes()).to_string()[..16].to_owned();
    record
}

/// Whether two records of one person say the same.
pub fn same(a: &PersonRecord, b: &PersonRecord) -> bool {
    (a.role, a.scopes, a.suspended) == (b.role, b.scopes, b.suspended) && a.stores == b.stores
}

/// The scope that it takes to change a record whose scopes are `before` into one with `after`: at least as much as the person
/// has or gets, so that nobody raises another above themselves or reaches up, and no less than `admin:write`.
///
/// Where the answer is `admin:breakglass` or `admin:super`, the change is an emergency's act and needs its reason.
pub fn needed(before: Scopes, after: Scopes) -> Scope {
    let steps = [Scope::AdminSuper, Scope::AdminBreakglass];
    let held = |scope: &Scope| before.allow(*scope) || after.allow(*scope);
    steps.into_iter().find(held).unwrap_or(Scope::AdminWrite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_what_the_person_has_or_gets_and_at_least_the_right_to_write() {
        let names = ["", "admin:read", "admin:write", "admin:breakglass", "admin:super"];
        let table = names.map(|before| names.map(|after| needed(Scopes::parse(before), Scopes::parse(after)).as_str()));
        let (w, b, s) = ("admin:write", "admin:breakglass", "admin:super");
        assert_eq!(table, [[w, w, w, b, s], [w, w, w, b, s], [w, w, w, b, s], [b, b, b, b, s], [s, s, s, s, s]]);
    }

    #[test]
    fn a_body_says_the_whole_record_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<PutPerson>(text);
        let good = r#"{"role":"store_employee","stores":["north"],"scopes":["admin:read"]}"#;
        assert!(!read(good).unwrap().suspended);
        for bad in [
            "{}",
            r#"{"role":"store_employee","stores":["north"]}"#,
            r#"{"role":"janitor","stores":[],"scopes":[]}"#,
            r#"{"role":"unknown","stores":[],"scopes":[]}"#,
            r#"{"role":"admin","stores":["a#b"],"scopes":[]}"#,
            r#"{"role":"admin","stores":[],"scopes":["service:write"]}"#,
            r#"{"role":"admin","stores":[],"scopes":["admin:*"]}"#,
            r#"{"role":"admin","stores":[],"scopes":[],"suspended":"no"}"#,
            r#"{"role":"admin","stores":[],"scopes":[],"tenant_id":"globex"}"#,
            r#"{"role":"admin","role":"shopper","stores":[],"scopes":[]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_person_has_at_most_two_hundred_stores() {
        let of = |stores: usize| {
            let stores = (0..stores).map(|n| format!("s{n}").parse().unwrap()).collect();
            let body = PutPerson { role: RoleName::Admin, stores, scopes: vec![], suspended: false };
            body.record(PersonId::from_subject("eve").unwrap(), Timestamp::UNIX_EPOCH).is_ok()
        };
        assert!(of(200) && !of(201));
    }

    #[test]
    fn no_version_comes_back_while_a_record_lives() {
        let of = |role: RoleName| {
            let body = PutPerson { role, stores: BTreeSet::new(), scopes: vec![], suspended: false };
            body.record(PersonId::from_subject("eve").unwrap(), Timestamp::UNIX_EPOCH).unwrap()
        };
        let first = sealed(of(RoleName::Admin), None);
        let second = sealed(of(RoleName::Shopper), Some(&first.version));
        let third = sealed(of(RoleName::Admin), Some(&second.version));
        assert!(same(&first, &third) && first.version != third.version && first.version != second.version);
        assert_eq!(first, sealed(first.clone(), None));
    }
}
