//! A signature in the compact form of RFC 7515, taken apart as strictly as it can be before any arithmetic.

use super::{key::PublicKey, strict_json, token::Refused};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The longest text that is looked at: 8 KiB. A Firebase ID token with the 1,000 characters of custom claims that are
/// allowed takes less than 3 KiB, and the gateway ends all headers together at 10,240 bytes.
pub(super) const MAX_BYTES: usize = 8 * 1024;

/// A signed text whose form and header are good and whose signature nobody has checked yet.
#[derive(Debug)]
pub struct Compact<'a> {
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    kid: Option<String>,
    typ: Option<String>,
}

impl<'a> Compact<'a> {
    /// Takes `text` apart: three parts of unpadded base64url in their one spelling, and a header that is a JSON object,
    /// names RS256, asks for no extension and carries no key.
    ///
    /// A header with `jku`, `x5u`, `jwk` or `x5c` is refused, not passed over: RFC 8725 §3.10 forbids to trust them, the
    /// issuer never sends them, and so a text that has one was made to find a reader who follows it.
    ///
    /// # Errors
    ///
    /// The [`Refused`] that is found first.
    pub fn parse(text: &'a str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Form)?;
        if header.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(Refused::Form);
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Base64);
        let header = strict_json::object(&decode(header)?).ok_or(Refused::Header)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(Refused::Algorithm);
        }
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refused::Extension);
        }
        if ["jku", "x5u", "jwk", "x5c"].iter().any(|name| header.contains_key(*name)) {
            return Err(Refused::CarriesKey);
        }
        let kid = text_member(&header, "kid").map_err(|()| Refused::KeyId)?;
        let typ = text_member(&header, "typ").map_err(|()| Refused::Type)?;
        Ok(Self { signed, payload, signature, kid, typ })
    }

    /// The name of the key that signed, or `None` where the header does not say.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The header's `typ`.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The payload, if `key` signed it: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.2, checked by re-encoding).
    ///
    /// # Errors
    ///
    /// [`Refused::Signature`].
    pub fn payload(&self, key: &PublicKey) -> Result<&[u8], Refused> {
        let good = key.signed(self.signed.as_bytes(), &self.signature);
        good.then_some(self.payload.as_slice()).ok_or(Refused::Signature)
    }
}

fn text_member(header: &Map<String, Value>, name: &str) -> Result<Option<String>, ()> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(()),
    }
}
