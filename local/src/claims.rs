//! What a token of the laptop's issuer says of a person.

use serde_json::{Map, Value};

/// The claims of a person, as an administrator would have set them in Firebase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// `sub`: who it is.
    pub subject: String,
    /// `role`; a shopper where there is none.
    pub role: Option<String>,
    /// `tenant_id`.
    pub tenant: Option<String>,
    /// `stores`: where the role counts.
    pub stores: Vec<String>,
    /// `scope`: rights beyond the role, with spaces between them.
    pub scope: Option<String>,
    /// `locale`.
    pub locale: Option<String>,
    /// `email`.
    pub email: Option<String>,
    /// Claims beside or in place of those above; `null` takes one away.
    pub extra: Map<String, Value>,
}

impl Claims {
    /// A person without role, tenant or stores.
    pub fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }

    /// The same person with a role.
    pub fn role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// The same person in a tenant.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    /// The same person in these stores.
    pub fn stores<S: Into<String>>(mut self, stores: impl IntoIterator<Item = S>) -> Self {
        self.stores = stores.into_iter().map(Into::into).collect();
        self
    }

    /// The same person with scopes, separated by spaces.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// The same person with a language.
    pub fn locale(mut self, locale: &str) -> Self {
        self.locale = Some(locale.to_owned());
        self
    }

    /// The same person with another claim; `null` takes it away.
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(claim.to_owned(), value.into());
        self
    }

    /// The claims as a token's payload has them, without those that the issuer adds; a claim to leave out is `null`.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("sub".to_owned(), self.subject.as_str().into());
        members.insert("user_id".to_owned(), self.subject.as_str().into());
        let texts = [
            ("role", &self.role),
            ("tenant_id", &self.tenant),
            ("scope", &self.scope),
            ("locale", &self.locale),
            ("email", &self.email),
        ];
        for (claim, value) in texts {
            members.extend(value.as_ref().map(|value| (claim.to_owned(), value.as_str().into())));
        }
        if !self.stores.is_empty() {
            members.insert("stores".to_owned(), self.stores.clone().into());
        }
        members.extend(self.extra.clone());
        members
    }
}
