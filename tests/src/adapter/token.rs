//! The operations `token` and `jws`: the verdicts of `shared::auth`, unchanged.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::auth::{
    Claims, Compact,
    key::{KeySet, PublicKey},
    token,
};

/// Decides an ID token: `token`, `now` (seconds since 1970), `project_id` and `x509` (from `kid` to certificate in PEM) in;
/// `decision` (`accept` or `reject`), `uid` and the `cause` of a refusal out. What is missing or malformed is refused.
pub fn token(request: &Value) -> Value {
    match decide(request) {
        Ok(claims) => json!({"decision": "accept", "uid": claims.person().as_str()}),
        Err(cause) => json!({"decision": "reject", "uid": null, "cause": cause}),
    }
}

fn decide(request: &Value) -> Result<Claims, &'static str> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let (Some(text), Some(project_id)) = (text("token"), text("project_id")) else { return Err("request") };
    let now = request.get("now").and_then(instant).ok_or("request")?;
    let document = request.get("x509").ok_or("request")?.to_string();
    let keys = KeySet::from_x509(document.as_bytes()).map_err(|_| "key_document")?;
    token::verify(text, &keys, project_id, now).map_err(token::Refused::cause)
}

fn instant(seconds: &Value) -> Option<Timestamp> {
    let whole = seconds.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    whole.or_else(|| Timestamp::from_microsecond((seconds.as_f64()? * 1e6).round() as i64).ok())
}

/// Decides a signature in compact form: `jws` and `jwk` in, `decision` and the `cause` of a refusal out.
///
/// The rules are those of ID tokens up to the signature. As there, a `kid` in the header has to name the key.
pub fn jws(request: &Value) -> Value {
    match signed(request) {
        Ok(()) => json!({"decision": "accept"}),
        Err(cause) => json!({"decision": "reject", "cause": cause}),
    }
}

fn signed(request: &Value) -> Result<(), &'static str> {
    let text = request.get("jws").and_then(Value::as_str).ok_or("request")?;
    let jwk = request.get("jwk").and_then(Value::as_object).ok_or("request")?;
    let compact = Compact::parse(text).map_err(token::Refused::cause)?;
    let key = PublicKey::from_jwk(jwk).map_err(|_| "key")?;
    let named = jwk.get("kid").and_then(Value::as_str);
    if compact.kid().is_some() && named.is_some() && compact.kid() != named {
        return Err(token::Refused::UnknownKey.cause());
    }
    compact.payload(&key).map(drop).map_err(token::Refused::cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey};
    use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey, traits::PublicKeyParts};

    const NOW: i64 = 1_772_355_600;

    /// A good token of a key made for this test, and the key in both forms.
    fn case() -> Value {
        let private = RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap();
        let der = private.to_pkcs8_der().unwrap();
        let signer = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256).unwrap();
        let pem = CertificateParams::default().self_signed(&signer).unwrap().pem();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({
            "iss": "https://securetoken.google.com/smartstore-test", "aud": "smartstore-test", "sub": "ada",
            "iat": NOW - 60, "auth_time": NOW - 60, "exp": NOW + 3540,
        });
        let signed = format!("{}.{}", part(json!({"alg": "RS256", "kid": "key-1"})), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()).unwrap());
        let [n, e] = [private.n(), private.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_bytes_be()));
        json!({
            "project_id": "smartstore-test", "now": NOW, "token": format!("{signed}.{signature}"),
            "x509": {"key-1": pem}, "jwk": {"kty": "RSA", "kid": "key-1", "n": n, "e": e},
        })
    }

    #[test]
    fn a_good_token_is_accepted_and_the_same_token_later_is_not() {
        let mut request = case();
        assert_eq!(token(&request), json!({"decision": "accept", "uid": "ada"}));
        request["now"] = json!(request["now"].as_i64().unwrap() + 7200);
        assert_eq!(token(&request), json!({"decision": "reject", "uid": null, "cause": "expired"}));
    }

    #[test]
    fn a_signature_is_accepted_under_its_own_key_only() {
        let mut request = case();
        request["jws"] = request["token"].clone();
        assert_eq!(jws(&request), json!({"decision": "accept"}));
        request["jwk"]["kid"] = json!("key-2");
        assert_eq!(jws(&request)["decision"], "reject");
        request["jwk"]["kid"] = json!("key-1");
        request["jwk"]["use"] = json!("enc");
        assert_eq!(jws(&request)["decision"], "reject");
    }

    #[test]
    fn a_request_without_its_parts_is_refused() {
        for request in [json!({}), json!([]), json!({"token": 1, "jws": {}, "jwk": "x", "now": "soon"})] {
            assert_eq!(
                (&token(&request)["decision"], &jws(&request)["decision"]),
                (&json!("reject"), &json!("reject"))
            );
        }
    }
}
