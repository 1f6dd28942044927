//! A public RSA key, from a certificate or a JWK, read once and used for every token.

use super::strict_json;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{rsa::PublicKeyComponents, signature::RSA_PKCS1_2048_8192_SHA256};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// An RSA key of 2,048 to 8,192 bits.
#[derive(Clone, Debug)]
pub struct PublicKey(PublicKeyComponents<Vec<u8>>);

/// Why a text holds no key that signatures can be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not one X.509 certificate in PEM.
    #[error("it is not one X.509 certificate in PEM")]
    NotACertificate,
    /// A key of another kind, or for another use.
    #[error("it holds no RSA key for signatures")]
    NotRsa,
    /// An RSA key outside 2,048 to 8,192 bits.
    #[error("its RSA key does not have 2,048 to 8,192 bits")]
    Size,
}

impl PublicKey {
    /// Reads the key of a certificate in PEM.
    ///
    /// The dates of the certificate do not count, nor who signed it: what makes a key current is that the issuer publishes
    /// it, over TLS, at the key URL. Firebase's certificates wrap keys and are rotated within days; its own SDKs read
    /// no more than the key either.
    ///
    /// # Errors
    ///
    /// [`BadKey`].
    pub fn from_certificate(pem: &str) -> Result<Self, BadKey> {
        let mut found = CertificateDer::pem_slice_iter(pem.as_bytes());
        let (Some(Ok(der)), None) = (found.next(), found.next()) else { return Err(BadKey::NotACertificate) };
        let certificate = webpki::EndEntityCert::try_from(&der).map_err(|_| BadKey::NotACertificate)?;
        let info = certificate.subject_public_key_info();
        let (n, e) = rsa_numbers(&info).ok_or(BadKey::NotRsa)?;
        Self::new(n, e)
    }

    /// Reads a JWK (RFC 7517): `kty` RSA, `n` and `e`; `use`, `alg` and `key_ops`, where present, must allow RS256.
    ///
    /// # Errors
    ///
    /// [`BadKey::NotRsa`], [`BadKey::Size`].
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, BadKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let only = |name: &str, value: &str| !jwk.contains_key(name) || text(name) == Some(value);
        let verifies =
            jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
        if text("kty") != Some("RSA") || !only("use", "sig") || !only("alg", "RS256") || !verifies {
            return Err(BadKey::NotRsa);
        }
        let number = |name| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(BadKey::NotRsa);
        Self::new(&number("n")?, &number("e")?)
    }

    fn new(n: &[u8], e: &[u8]) -> Result<Self, BadKey> {
        let significant = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let (n, e) = (significant(n), significant(e));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(BadKey::Size);
        }
        // Odd, more than 1 and at most 33 bits, as the arithmetic below requires of it.
        let odd = e.last().is_some_and(|byte| byte % 2 == 1);
        if !odd || e == [1] || e.len() > 5 || (e.len() == 5 && e[0] > 1) {
            return Err(BadKey::NotRsa);
        }
        Ok(Self(PublicKeyComponents { n, e }))
    }

    /// Whether this key's owner signed `message`, RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}

/// Published keys by their `kid`.
#[derive(Clone, Debug, Default)]
pub struct KeySet(HashMap<String, Arc<PublicKey>>);

/// Why a document is not a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    /// Not a JSON object.
    #[error("the document is not one JSON object of distinct members")]
    NotAnObject,
    /// A member that is no certificate.
    #[error("a member of the document is not a certificate in PEM")]
    NotACertificate,
    /// No key that could check a signature.
    #[error("the document holds no RSA key of 2,048 bits or more")]
    Empty,
}

impl KeySet {
    /// Reads the form in which Firebase publishes its keys: a JSON object from `kid` to certificate in PEM.
    ///
    /// A certificate whose key is of another kind or too small is left out, so that the issuer may add one; a member that
    /// is no certificate means that this is not the issuer's document, and nothing of it is used.
    ///
    /// # Errors
    ///
    /// [`BadKeySet`].
    pub fn from_x509(document: &[u8]) -> Result<Self, BadKeySet> {
        let members = strict_json::object(document).ok_or(BadKeySet::NotAnObject)?;
        let mut keys = HashMap::new();
        for (kid, pem) in members {
            match PublicKey::from_certificate(pem.as_str().ok_or(BadKeySet::NotACertificate)?) {
                Ok(key) => drop(keys.insert(kid, Arc::new(key))),
                Err(BadKey::NotACertificate) => return Err(BadKeySet::NotACertificate),
                Err(BadKey::NotRsa | BadKey::Size) => {}
            }
        }
        if keys.is_empty() { Err(BadKeySet::Empty) } else { Ok(Self(keys)) }
    }

    /// The key named `kid`.
    pub fn get(&self, kid: &str) -> Option<&Arc<PublicKey>> {
        self.0.get(kid)
    }
}

/// `rsaEncryption`, 1.2.840.113549.1.1.1, with its NULL parameter (RFC 3279 §2.3.1).
const RSA_ENCRYPTION: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// Modulus and exponent of a SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7, RFC 8017 §A.1.1).
fn rsa_numbers(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let info = whole(spki, SEQUENCE)?;
    let (algorithm, info) = element(info, SEQUENCE)?;
    let bits = whole(info, BIT_STRING)?;
    let key = whole(bits.strip_prefix(&[0])?, SEQUENCE)?;
    let (n, rest) = element(key, INTEGER)?;
    let e = whole(rest, INTEGER)?;
    let positive = |number: &[u8]| number.first().is_some_and(|byte| *byte < 0x80);
    (algorithm == RSA_ENCRYPTION && positive(n) && positive(e)).then_some((n, e))
}

/// The contents of a DER element with `tag` that is all of `der`.
fn whole(der: &[u8], tag: u8) -> Option<&[u8]> {
    element(der, tag).and_then(|(contents, rest)| rest.is_empty().then_some(contents))
}

/// The contents of the DER element with `tag` at the beginning of `der`, and what follows it; up to 65,535 bytes.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, 0x82, high, low, rest @ ..] if *first == tag => (usize::from(*high) << 8 | usize::from(*low), rest),
        [first, 0x81, length, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
