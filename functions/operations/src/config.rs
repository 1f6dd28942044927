//! What the function needs to be told.

use shared::{
    config::{ConfigError, Env},
    ids::{PersonId, TenantId},
    routes::Environment,
    secrets::SecretsConfig,
    web::FrontConfig,
};

/// The settings of `operations`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of people: `TABLE_NAME`.
    pub table: String,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// The stack's own environment, whose routes are asked for: `DEPLOY_ENV`.
    pub environment: Environment,
    /// Who administers a tenant that nobody administers yet.
    pub first_admin: Option<FirstAdmin>,
}

/// The first administrator of a tenant: `FIRST_ADMIN_TENANT` and `FIRST_ADMIN_PERSON`, both or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstAdmin {
    /// The tenant.
    pub tenant: TenantId,
    /// The person: the `sub` of their tokens.
    pub person: PersonId,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let table = env.required("TABLE_NAME");
        let secrets = SecretsConfig::from_env(&mut env);
        let environment = Environment::from_env(&mut env);
        let first_admin = first_admin(&mut env);
        let front = FrontConfig::from_env(&mut env);
        env.finish(Self { table, front, secrets, environment, first_admin })
    }
}

fn first_admin(env: &mut Env) -> Option<FirstAdmin> {
    let tenant = env.optional("FIRST_ADMIN_TENANT").filter(|text| !text.is_empty());
    let person = env.optional("FIRST_ADMIN_PERSON").filter(|text| !text.is_empty());
    if tenant.is_none() && person.is_none() {
        return None;
    }
    let tenant = tenant.and_then(|text| text.parse().ok());
    let person = person.as_deref().and_then(PersonId::from_subject);
    if tenant.is_none() || person.is_none() {
        env.fault("FIRST_ADMIN_TENANT and FIRST_ADMIN_PERSON name a tenant and a person of it, or both are empty");
    }
    Some(FirstAdmin { tenant: tenant?, person: person? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [("TABLE_NAME", "t"), ("SECRET_ID", "s"), ("FIREBASE_PROJECT_ID", "demo")];
        Config::read(base.iter().chain(pairs).map(|(name, value)| (*name, *value)).collect())
    }

    #[test]
    fn the_first_administrator_is_named_whole_or_not_at_all() {
        assert_eq!(read(&[]).unwrap().first_admin, None);
        let empty = [("FIRST_ADMIN_TENANT", ""), ("FIRST_ADMIN_PERSON", "")];
        assert_eq!(read(&empty).unwrap().first_admin, None);
        let named =
            read(&[("FIRST_ADMIN_TENANT", "acme"), ("FIRST_ADMIN_PERSON", "ada")]).unwrap().first_admin.unwrap();
        assert_eq!((named.tenant.as_str(), named.person.as_str()), ("acme", "ada"));
        for bad in [[("FIRST_ADMIN_TENANT", "acme")], [("FIRST_ADMIN_PERSON", "ada")]] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
        assert!(read(&[("FIRST_ADMIN_TENANT", "a#b"), ("FIRST_ADMIN_PERSON", "ada")]).is_err());
    }
}
