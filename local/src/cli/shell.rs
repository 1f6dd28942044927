//! Commands for a second shell: tokens, variables, schedules.

use super::{
    say,
    session::{self, Session},
};
use crate::{
    claims::Claims,
    issuer::{Issuer, PROJECT_ID},
    options::TEMPLATE,
    seed,
    stores::{ACCESS_KEY, REGION, SECRET_KEY},
    template::Template,
};
use anyhow::{Result, anyhow};
use clap::Args;
use jiff::SignedDuration;
use shared::clock::Clock;
use std::{collections::BTreeMap, fs, path::Path};

#[derive(Debug, Args)]
pub(super) struct Token {
    /// shopper, store_employee, admin, or any other text
    #[arg(long, default_value = "shopper")]
    pub(super) role: String,
    /// The tenant
    #[arg(long, default_value = seed::TENANT)]
    pub(super) tenant: String,
    /// The stores in which the role counts, separated by commas; by default the tenant's sample stores
    #[arg(long, value_delimiter = ',')]
    pub(super) stores: Option<Vec<String>>,
    /// Rights beyond the role, separated by spaces: admin:read, admin:write, admin:breakglass, admin:super, service:write
    #[arg(long)]
    pub(super) scope: Option<String>,
    /// Who it is
    #[arg(long, default_value = seed::ADMINISTRATOR)]
    pub(super) subject: String,
    /// The language of answers: en, es or fr
    #[arg(long)]
    pub(super) locale: Option<String>,
    /// How long it is good: 90s, 15m, 12h, 7d; negative for one that has expired
    #[arg(long, default_value = "1h", value_parser = session::lifetime, allow_hyphen_values = true)]
    pub(super) expires_in: SignedDuration,
}

impl Token {
    fn claims(&self) -> Claims {
        let samples = || seed::stores_of(&self.tenant).into_iter().map(str::to_owned).collect();
        let stores: Vec<String> = self.stores.clone().unwrap_or_else(samples);
        let claims = Claims::of(&self.subject).role(&self.role).tenant(&self.tenant).stores(stores);
        Claims { scope: self.scope.clone(), locale: self.locale.clone(), ..claims }
    }
}

/// Prints a token. The issuer's key is made where there is none, so that a token may be had before the first start.
pub(super) async fn token(state: &Path, token: &Token) -> Result<()> {
    fs::create_dir_all(state)?;
    let issuer = Issuer::open(state)?;
    let clock = session::running(state).await.map_or_else(Clock::system, |(_, clock)| clock);
    // A token that has expired was issued before that.
    let issued = clock.now() + token.expires_in.min(SignedDuration::ZERO) * 2;
    let lifetime = token.expires_in.abs();
    say(issuer.token(&token.claims(), issued, lifetime));
    Ok(())
}

/// Prints `export` lines for the bundle that runs.
pub(super) async fn env(state: &Path) -> Result<()> {
    let running = session::running(state).await;
    let (addresses, _) =
        running.ok_or_else(|| anyhow!("no bundle runs on {}: start one with `cargo run`", state.display()))?;
    let template = Template::parse(TEMPLATE, &[("Stage", "dev"), ("ProjectId", PROJECT_ID)])?;
    let mut variables = BTreeMap::new();
    for function in template.functions {
        variables.extend(function.env);
    }
    let laptop = [
        ("AWS_ENDPOINT_URL_DYNAMODB", addresses.dynamodb.as_str()),
        ("AWS_ENDPOINT_URL_S3", &addresses.s3),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &addresses.secrets_manager),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", REGION),
        ("FIREBASE_KEYS_URL", &addresses.keys_url()),
    ];
    variables.extend(laptop.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (name, value) in variables {
        say(format!("export {name}={}", quoted(&value)));
    }
    Ok(())
}

/// Runs a schedule and prints what it reports.
pub(super) async fn run_schedule(state: &Path, name: &str) -> Result<()> {
    let session = Session::open(state).await?;
    let ran = session.run_schedule(name).await;
    session.close().await;
    say(ran?);
    Ok(())
}

fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:,@%+".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(quoted("http://127.0.0.1:9001"), "http://127.0.0.1:9001");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a b$c'd"), r"'a b$c'\''d'");
    }
}
