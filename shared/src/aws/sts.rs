//! Credentials for one tenant: STS's AssumeRole with the tenant as a session tag, asked for by hand.
//!
//! The role's policy lets a session touch what begins with its own tag (`dynamodb:LeadingKeys`, the prefixes of objects): with
//! its credentials another tenant's data cannot be had, whatever the code does.
//!
//! Wire format: AWS Security Token Service API Reference, AssumeRole (version 2011-06-15), a form in, XML out.

use crate::{
    aws::Aws,
    fetch::{Fetch, FetchError},
    ids::TenantId,
    signer::{SignError, Signer},
    tenant,
};
use aws_credential_types::Credentials;
use http::{Request, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::{Duration, SystemTime};

/// How long credentials are good: the most that AWS gives to a role that was assumed by a role.
const LASTING: &str = "3600";
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often a call is tried that got no answer, or one of trouble at STS.
const ATTEMPTS: u32 = 2;
/// The largest answer.
const MAX_BYTES: usize = 64 * 1024;
/// What stands for itself in a form.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why there are no credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum StsError {
    /// The request could not be signed.
    #[error("the call of STS could not be signed: {0}")]
    Unsigned(String),
    /// No answer.
    #[error("STS did not answer: {0}")]
    Unreachable(String),
    /// STS said no.
    #[error("STS refused, {status} {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// STS's own word, such as `AccessDenied`.
        code: String,
    },
    /// An answer that is none of STS's, is cut, is for somebody else, or holds credentials that are over.
    #[error("STS's answer is of no use: {0}")]
    Odd(&'static str),
}

impl StsError {
    /// Whether asking again may help.
    fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, code } => *status >= 500 || code == "Throttling",
            Self::Unsigned(_) | Self::Odd(_) => false,
        }
    }
}

impl From<SignError> for StsError {
    fn from(error: SignError) -> Self {
        Self::Unsigned(error.to_string())
    }
}

impl From<FetchError> for StsError {
    fn from(error: FetchError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// Asks STS for a role's credentials.
#[derive(Clone, Debug)]
pub(super) struct Sts {
    fetch: Fetch,
    signer: Signer,
    url: String,
    role: String,
}

impl Sts {
    /// Asks for `role`, an ARN, in the name of `aws`; at `endpoint` where it is not AWS's own of the region.
    pub(super) fn new(aws: &Aws, role: &str, endpoint: Option<String>) -> Self {
        let signer = aws.signer("sts");
        let url = endpoint.unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", signer.region()));
        Self { fetch: Fetch::default(), signer, url: format!("{}/", url.trim_end_matches('/')), role: role.to_owned() }
    }

    /// Credentials that are good for `tenant` alone.
    ///
    /// # Errors
    ///
    /// [`StsError`].
    pub(super) async fn assume(&self, tenant: &TenantId, now: Timestamp) -> Result<Credentials, StsError> {
        for attempt in 1.. {
            match self.ask(tenant, now).await {
                Err(error) if error.passes() && attempt < ATTEMPTS => {}
                other => return other,
            }
        }
        unreachable!("the loop ends by its attempts")
    }

    async fn ask(&self, tenant: &TenantId, now: Timestamp) -> Result<Credentials, StsError> {
        let session = session(tenant);
        let form = form(&[
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.role),
            ("RoleSessionName", &session),
            ("DurationSeconds", LASTING),
            ("Tags.member.1.Key", "tenant"),
            ("Tags.member.1.Value", tenant.as_str()),
        ]);
        let request = Request::post(&self.url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(form.into_bytes()).map_err(|_| StsError::Odd("its address is none"))?;
        let request = self.signer.sign(request, now).await?;
        let answer = self.fetch.send(request, TIMEOUT, MAX_BYTES).await?;
        let text = std::str::from_utf8(&answer.body).map_err(|_| StsError::Odd("it is no text"))?;
        if answer.status != 200 {
            let code = element(text, "Code").filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
            return Err(StsError::Refused { status: answer.status, code: code.unwrap_or("without a word").to_owned() });
        }
        credentials(text, &session, now)
    }
}

/// The session's name, by which CloudTrail and the answer tell whose it is; not the tenant's own name.
fn session(tenant: &TenantId) -> String {
    format!("tenant-{}", tenant::hash(tenant))
}

fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, FORM));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Reads an answer: whole, STS's, for this session, and good for some time yet.
fn credentials(text: &str, session: &str, now: Timestamp) -> Result<Credentials, StsError> {
    let odd = |what| move || StsError::Odd(what);
    let whole = text.trim_end().ends_with("</AssumeRoleResponse>");
    let answer = element(text, "AssumeRoleResponse").filter(|_| whole).ok_or_else(odd("it is no whole answer"))?;
    let arn = element(answer, "AssumedRoleUser").and_then(|user| element(user, "Arn"));
    if arn.and_then(|arn| arn.rsplit_once('/')).is_none_or(|(_, name)| name != session) {
        return Err(StsError::Odd("it is for another session"));
    }
    let found = element(answer, "Credentials").ok_or_else(odd("it has no credentials"))?;
    let text = |name| element(found, name).filter(|text| is_plain(text)).ok_or_else(odd("a part of them is missing"));
    let expires: Timestamp = text("Expiration")?.parse().map_err(|_| StsError::Odd("their end is no time"))?;
    if expires <= now {
        return Err(StsError::Odd("they are over"));
    }
    let (id, secret, token) = (text("AccessKeyId")?, text("SecretAccessKey")?, text("SessionToken")?);
    let expires = Some(SystemTime::from(expires));
    Ok(Credentials::new(id, secret, Some(token.to_owned()), expires, "tenant session"))
}

/// Neither empty nor in need of decoding: keys and tokens are base64, so that what is not is no key.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'&'))
}

/// What stands in the first element `name` of `text`.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once(&format!("<{name}"))?;
        rest = after;
        // `<Code` is also how `<CodeName>` begins.
        if let Some((attributes, inside)) = after.split_once('>')
            && (attributes.is_empty() || attributes.starts_with(char::is_whitespace))
        {
            return inside.split_once(&format!("</{name}>")).map(|(inside, _)| inside.trim());
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
