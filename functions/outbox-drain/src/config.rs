//! What the job needs to be told.

use shared::{
    config::{ConfigError, Env},
    fetch::Transport,
    secrets::SecretsConfig,
    switch::KillSwitch,
};

/// The settings of `outbox-drain`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table: `TABLE_NAME`.
    pub table: String,
    /// Whom mail comes from: `EMAIL_FROM`; `None` where no mail is sent.
    pub email_from: Option<String>,
    /// Where webhooks go: `WEBHOOK_URL`; `None` where they wait.
    pub webhook_url: Option<String>,
    /// Whether notices go out: `TRUST_SAFETY_NOTIFICATIONS`. What else is in the outbox does so in any case.
    pub switch: KillSwitch,
    /// The environment's secret, for the key of signatures: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or of another form at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let set =
            |env: &Env, name: &str| env.optional(name).map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
        let table = env.required("TABLE_NAME");
        let email_from = set(&env, "EMAIL_FROM");
        if email_from.as_ref().is_some_and(|from| !from.contains('@') || from.chars().any(char::is_control)) {
            env.fault("EMAIL_FROM is an address, such as store@example.com, or empty");
        }
        let webhook_url = set(&env, "WEBHOOK_URL");
        // The URL may hold a key: it is not repeated.
        let reachable = |url: &String| url.parse().is_ok_and(|uri| Transport::of(&uri).is_some());
        if webhook_url.as_ref().is_some_and(|url| !reachable(url)) {
            env.fault("WEBHOOK_URL is an https URL without a user name (http only to this machine), or empty");
        }
        let secrets = SecretsConfig::from_env(&mut env);
        let switch = KillSwitch::from_env(&env);
        env.finish(Self { table, email_from, webhook_url, switch, secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [("TABLE_NAME", "t"), ("SECRET_ID", "s")];
        Config::read(base.iter().chain(pairs).map(|(name, value)| (*name, *value)).collect())
    }

    #[test]
    fn what_is_empty_is_switched_off_and_what_is_no_address_is_refused() {
        let off = read(&[("EMAIL_FROM", ""), ("WEBHOOK_URL", " ")]).unwrap();
        assert_eq!((off.email_from, off.webhook_url), (None, None));
        let on = read(&[("EMAIL_FROM", "a@example.com"), ("WEBHOOK_URL", "https://hooks.example.com/x?k=1")]).unwrap();
        assert!(on.email_from.is_some() && on.webhook_url.is_some());
        assert!(read(&[("WEBHOOK_URL", "http://127.0.0.1:1/x")]).is_ok());
        for bad in ["http://example.com", "ftp://example.com", "https://", "nothing", "https://me@example.com"] {
            let ConfigError(faults) = read(&[("WEBHOOK_URL", bad)]).unwrap_err();
            assert!(faults.len() == 1 && !faults[0].contains(bad), "{bad}: {faults:?}");
        }
        assert!(read(&[("EMAIL_FROM", "nobody")]).is_err());
    }
}
