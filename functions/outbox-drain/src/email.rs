//! Mail through Amazon SES: `SendEmail` of its API version 2, signed with the function's own credentials.
//!
//! Format: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>. The message names the person; their address is
//! read when it is sent (`shared::preferences`), so that whoever has none, or has switched mail off, gets none.
//!
//! | what comes | is told as |
//! | --- | --- |
//! | 200 with SES's own id of the message | sent |
//! | `MessageRejected`, `BadRequestException`, 413 | hopeless: a dead letter at once |
//! | 429, 5xx, throttling, a limit that is used up, no answer, one that is none of SES's | failed |
//! | any other refusal: an account that is suspended, a domain that is not verified, a right that is missing | unusable |

use crate::channel::{Channel, Outcome, retry_after};
use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    aws::Aws,
    clock::Clock,
    fetch::{Fetch, Fetched},
    ids::PersonId,
    locale,
    outbox::MessageRow,
    preferences::PreferencesTable,
    private::Private,
    resilience::Breaker,
    signer::Signer,
    tenant::TenantScope,
};
use std::collections::BTreeMap;

/// The header that bears the message's id.
pub const MESSAGE_ID: &str = "X-SmartStore-Message-Id";
/// The longest address (RFC 5321 §4.5.3.1).
const MAX_ADDRESS_BYTES: usize = 320;
/// The longest subject, in bytes: what one header line holds at most (RFC 5322 §2.1.1).
const MAX_SUBJECT_BYTES: usize = 998;

/// Mail.
#[derive(Clone, Debug)]
pub struct Email {
    from: Option<String>,
    preferences: PreferencesTable,
    url: String,
    signer: Signer,
    fetch: Fetch,
    breaker: Breaker,
    clock: Clock,
}

/// What a message to a person holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    person: PersonId,
    /// By language tag: the person's own is known when it is sent.
    texts: BTreeMap<String, Text>,
}

/// A mail in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    title: String,
    body: String,
}

impl Email {
    /// Mail from `from`; nobody is sent any where there is none.
    pub fn new(from: Option<String>, preferences: PreferencesTable, aws: &Aws, clock: &Clock) -> Self {
        Self {
            from,
            preferences,
            url: format!("{}/v2/email/outbound-emails", aws.sesv2_url()),
            signer: aws.signer("ses"),
            fetch: Fetch::default(),
            breaker: Breaker::new("email", clock),
            clock: clock.clone(),
        }
    }

    /// The address to which mail for `person` may go, and the language that they have chosen.
    async fn address(
        &self,
        tenant: &TenantScope,
        person: &PersonId,
    ) -> Result<(Private<String>, Option<String>), Outcome> {
        let found = self.preferences.of(tenant).get(person).await;
        let found = found.map_err(|why| Outcome::NotReady(format!("the preferences were not read: {why}")))?;
        let found = found.ok_or(Outcome::Skipped("the person has no address"))?;
        let email = found.email.ok_or(Outcome::Skipped("the person has no address"))?;
        if !email.on {
            return Err(Outcome::Skipped("the person has switched mail off"));
        }
        let good = is_address(email.address.expose());
        good.then_some((email.address, found.language)).ok_or(Outcome::Skipped("the person's address is none"))
    }
}

impl Channel for Email {
    async fn request(&self, tenant: &TenantScope, row: &MessageRow, _: Timestamp) -> Result<Request<Vec<u8>>, Outcome> {
        let from = self.from.as_deref().ok_or(Outcome::Skipped("EMAIL_FROM is not set"))?;
        let letter: Letter = serde_json::from_value(row.message.payload.clone())
            .map_err(|_| Outcome::Hopeless("the payload is not that of a mail".to_owned()))?;
        let (address, wanted) = self.address(tenant, &letter.person).await?;
        let text = locale::best(&letter.texts, wanted.as_deref());
        let text = text.ok_or_else(|| Outcome::Hopeless("the payload is not that of a mail".to_owned()))?;
        let body = body(from, &address, &row.message.id, text).to_string().into_bytes();
        let request = Request::post(&self.url).header("content-type", "application/json").body(body);
        let request = request.map_err(|_| Outcome::Unusable("the address of SES is none".to_owned()))?;
        // Signed by the time of the call, which preferences may have kept waiting.
        self.signer.sign(request, self.clock.now()).await.map_err(|why| Outcome::NotReady(why.to_string()))
    }

    fn read(&self, got: &Fetched, now: Timestamp) -> Outcome {
        let document: Option<Value> = serde_json::from_slice(&got.body).ok();
        let member = |name: &str| document.as_ref().and_then(|document| document[name].as_str());
        if got.status == 200 {
            return match member("MessageId") {
                Some(id) if !id.is_empty() => Outcome::Sent,
                _ => Outcome::Failed { why: "SES's answer is not of its form".to_owned(), retry_after: None },
            };
        }
        let kind = got.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let kind = kind.or_else(|| member("__type")).unwrap_or_default();
        // The name may stand after its namespace, or before an address: `com.amazonaws.ses#MessageRejected`, `…:http://…`.
        let kind = kind.split(':').next().and_then(|kind| kind.rsplit('#').next()).unwrap_or_default();
        let kind = if is_name(kind) { kind } else { "no name" };
        let why = format!("SES answered {} {kind}", got.status);
        match (got.status, kind) {
            (413, _) | (400, "MessageRejected" | "BadRequestException") => Outcome::Hopeless(why),
            (429 | 408 | 500.., _)
            | (_, "TooManyRequestsException" | "LimitExceededException" | "ThrottlingException" | "Throttling") => {
                Outcome::Failed { why, retry_after: retry_after(&got.headers, now) }
            }
            (400..=499, kind) if kind != "no name" => Outcome::Unusable(why),
            (401 | 403, _) => Outcome::Unusable(why),
            _ => Outcome::Failed { why, retry_after: None },
        }
    }

    fn fetch(&self) -> &Fetch {
        &self.fetch
    }

    fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}

fn body(from: &str, to: &Private<String>, id: &str, (language, letter): (&str, &Text)) -> Value {
    let text = |data: &str| json!({"Data": data, "Charset": "UTF-8"});
    let mut headers = vec![json!({"Name": MESSAGE_ID, "Value": printable(id)})];
    if is_language(language) {
        headers.push(json!({"Name": "Content-Language", "Value": language}));
    }
    json!({
        "FromEmailAddress": from,
        "Destination": {"ToAddresses": [to.expose()]},
        "Content": {"Simple": {
            "Subject": text(&subject(&letter.title)),
            "Body": {"Text": text(&letter.body)},
            "Headers": headers,
        }},
        "EmailTags": [{"Name": "message_id", "Value": tag(id)}],
    })
}

/// A subject is one line.
fn subject(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    while line.len() > MAX_SUBJECT_BYTES {
        line.pop();
    }
    line
}

/// What a header of SES takes: printable ASCII.
fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(870).collect()
}

/// What a tag of SES takes.
fn tag(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.chars().map(|c| if plain(c) { c } else { '_' }).take(256).collect()
}

fn is_language(text: &str) -> bool {
    (2..=35).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// One address, and nothing that could make two of it.
fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')');
    let parts = text.rsplit_once('@');
    text.len() <= MAX_ADDRESS_BYTES
        && !text.contains(odd)
        && parts.is_some_and(|(name, host)| !name.is_empty() && !name.contains('@') && !host.is_empty())
}

fn is_name(text: &str) -> bool {
    (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_and_nothing_beside_it() {
        for good in ["ada@example.com", "a.b+c@sub.example.co", "ünï@exämple.org"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(320));
        for bad in
            ["", "ada", "@example.com", "ada@", "a@b@c", "a@b.c, d@e.f", "Ada <a@b.c>", "a@b.c\r\nBcc: d@e.f", &long]
        {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn nothing_of_a_message_leaves_its_place_in_the_mail() {
        let letter =
            Text { title: format!("Hello\r\nBcc: eve@example.com {}", "ñ".repeat(600)), body: "¿Qué?\n".to_owned() };
        let to = Private::new("ada@example.com".to_owned());
        let body = body("store@example.com", &to, "ntf 1\u{e9}\n", ("es\r\nX: y", &letter));
        let subject = body["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap();
        assert!(subject.starts_with("Hello  Bcc: eve@example.com ñ") && subject.len() <= MAX_SUBJECT_BYTES);
        assert_eq!(body["Content"]["Simple"]["Headers"], json!([{"Name": MESSAGE_ID, "Value": "ntf 1??"}]));
        assert_eq!(body["EmailTags"][0]["Value"], "ntf_1__");
        assert_eq!(body["Content"]["Simple"]["Body"]["Text"]["Data"], "¿Qué?\n");
    }
}
