//! What a person chooses: their language, and whether they get mail.

use crate::{App, error::Error};
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    auth::Caller,
    preferences::{Email, Preferences},
    web::{
        Json,
        answers::{Guarded, WithBody},
    },
};

/// What a person has chosen.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Chosen {
    /// The language of notices and mail, as a tag such as `es` or `es-MX`; absent where none was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "es")]
    language: Option<String>,
    /// Whether notices come by mail too.
    email: bool,
    /// When it was last chosen; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

/// What a person chooses, as a whole.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutPreferences {
    /// The language of notices and mail, as a tag such as `es` or `es-MX`. Where there are no texts in it, they are English.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*$", max_length = 35)]
    language: Option<String>,
    /// Whether notices come by mail too, to the verified address that the caller's token has.
    #[serde(default)]
    email: bool,
}

/// Shows what the caller has chosen.
#[utoipa::path(
    get,
    path = "/api/user-notifications/preferences",
    tag = "notifications",
    responses((status = 200, description = "What was chosen; without an address.", body = Chosen), Guarded)
)]
pub(crate) async fn get(State(app): State<App>, caller: Caller) -> Result<Json<Chosen>, Error> {
    let feed = app.feed.of(&caller.tenant()?, caller.person().clone());
    let chosen = feed.preferences().await?;
    Ok(Json(Chosen {
        email: chosen.as_ref().and_then(|chosen| chosen.email.as_ref()).is_some_and(|mail| mail.on),
        updated_at: chosen.as_ref().map(|chosen| chosen.updated_at),
        language: chosen.and_then(|chosen| chosen.language),
    }))
}

/// Keeps what the caller chooses, as a whole.
#[utoipa::path(
    put,
    path = "/api/user-notifications/preferences",
    tag = "notifications",
    request_body = PutPreferences,
    responses((status = 200, description = "What is chosen now.", body = Chosen), Guarded, WithBody)
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<PutPreferences>,
) -> Result<Json<Chosen>, Error> {
    let tenant = caller.tenant()?;
    if body.language.as_deref().is_some_and(|tag| !is_tag(tag)) {
        return Err(Error::BadRequest("language is a tag such as es or es-MX."));
    }
    let address = caller.claims().verified_email().cloned();
    let email = match (body.email, address) {
        (false, _) => None,
        (true, Some(address)) => Some(Email { address, on: true }),
        (true, None) => {
            return Err(Error::BadRequest(
                "Your token has no address that is proved to be yours. Verify it, renew the token, or leave email out.",
            ));
        }
    };
    let updated_at = app.clock.now();
    let chosen = Preferences { person: caller.person().clone(), language: body.language, email, updated_at };
    app.feed.of(&tenant, caller.person().clone()).prefer(&chosen).await?;
    Ok(Json(Chosen { language: chosen.language, email: body.email, updated_at: Some(updated_at) }))
}

/// Whether a text has the form of a language tag (RFC 5646 §2.1, its well-formed ones in outline).
fn is_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first =
        parts.next().is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 35 && first && parts.all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_named_by_a_tag() {
        assert!(["en", "es-MX", "zh-Hant-TW", "pt_BR", "es-419"].iter().all(|tag| is_tag(tag)));
        assert!(["", "e", "es-", "-es", "español", "e1", "es MX", &"a".repeat(36)].iter().all(|tag| !is_tag(tag)));
    }
}
