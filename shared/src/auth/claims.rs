//! What a verified token says of a person.

#[cfg(feature = "table")]
use super::people::PersonRecord;
use super::{Role, Scopes};
use crate::{
    ids::{PersonId, StoreId, TenantId},
    locale::Locale,
    private::Private,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The claims of a token that held: only [`super::token`] makes them, so holding some is proof of a verified person.
///
/// The standard claims decide whether the token is good; these, which an administrator sets, decide what it grants. One that
/// is absent or of the wrong form therefore grants nothing and leaves the person known: answering 401 would send
/// the client for a fresh token with the same claim, for ever. A missing role is a shopper's; a role that is
/// there and is no text is nobody's.
#[derive(Clone, Debug)]
pub struct Claims {
    person: PersonId,
    role: Role,
    tenant: Option<TenantId>,
    stores: BTreeSet<StoreId>,
    scopes: Scopes,
    language: Option<String>,
    email: Option<Email>,
    email_verified: bool,
    suspended: bool,
}

impl Claims {
    /// Reads the claims of `person` from a payload whose signature, issuer, audience and times hold.
    pub(super) fn read(person: PersonId, payload: &Map<String, Value>) -> Self {
        let text = |name: &str| payload.get(name).and_then(Value::as_str);
        let role = match payload.get("role") {
            None => Role::Shopper,
            Some(Value::String(name)) => Role::named(name),
            Some(_) => Role::Unknown,
        };
        let suspended = match payload.get("suspended") {
            None => false,
            Some(Value::Bool(suspended)) => *suspended,
            Some(_) => true,
        };
        let stores = payload.get("stores").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            person,
            role,
            tenant: text("tenant_id").and_then(|id| id.parse().ok()),
            stores: stores.iter().filter_map(Value::as_str).filter_map(|id| id.parse().ok()).collect(),
            scopes: text("scope").map(Scopes::parse).unwrap_or_default(),
            language: text("locale").filter(|tag| is_tag(tag)).map(ToOwned::to_owned),
            email: text("email").map(|email| Email::new(email.to_owned())),
            email_verified: payload.get("email_verified") == Some(&Value::Bool(true)),
            suspended,
        }
    }

    /// The same person with role and stores as they are written down; without a record a shopper of no store. Who is suspended
    /// by token or record stays so: neither lifts what the other says.
    #[cfg(feature = "table")]
    pub(super) fn bounded_by(self, record: Option<&PersonRecord>) -> Self {
        match record {
            Some(record) => Self {
                role: record.role,
                stores: record.stores.clone(),
                suspended: self.suspended || record.suspended,
                ..self
            },
            None => Self { role: Role::Shopper, stores: BTreeSet::new(), ..self },
        }
    }

    /// The token's subject.
    pub fn person(&self) -> &PersonId {
        &self.person
    }

    /// The role; where no role is claimed, a shopper's.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The tenant that the person belongs to.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// The stores in which the role counts.
    pub fn stores(&self) -> &BTreeSet<StoreId> {
        &self.stores
    }

    /// The rights beyond the role that the token claims. What counts of them [`super::Caller::require`] says.
    pub fn claimed_scopes(&self) -> Scopes {
        self.scopes
    }

    /// The person's language as a BCP 47 tag, served or not.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The person's language, where it is one that is served.
    pub fn locale(&self) -> Option<Locale> {
        self.language().and_then(Locale::served)
    }

    /// The person's address.
    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// The person's address, where whoever issued the token has proved that it is theirs.
    pub fn verified_email(&self) -> Option<&Email> {
        self.email.as_ref().filter(|_| self.email_verified)
    }

    /// Whether the account is suspended; a claim of the wrong form counts as yes.
    pub fn suspended(&self) -> bool {
        self.suspended
    }
}

/// Whether `tag` has the form of a BCP 47 tag, of at most 35 characters (RFC 5646, section 4.4.1).
fn is_tag(tag: &str) -> bool {
    let good = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= 35 && tag.split(['-', '_']).all(good)
}

/// An e-mail address: personal data.
pub type Email = Private<String>;
