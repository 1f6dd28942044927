//! A signature checked the way AWS checks it, from the request as it arrived.
//!
//! Source: AWS, "Create a signed AWS API request", <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use super::wire::Heard;
use ring::{digest, hmac};

/// Checks that `heard` is signed for `service` with `secret`.
pub(super) fn check(heard: &Heard, secret: &str, service: &str) -> Result<(), String> {
    let authorization = heard.header("authorization").ok_or("there is no authorization header")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("it is not Signature Version 4")?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("{name} is missing"))
    };
    let (credential, signed, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let scope: Vec<&str> = credential.split('/').collect();
    let &[_, day, region, of, end] = scope.as_slice() else { return Err("the scope has not five parts".to_owned()) };
    if (of, end) != (service, "aws4_request") {
        return Err(format!("it is signed for {of}"));
    }
    let date = heard.header("x-amz-date").filter(|date| date.starts_with(day)).ok_or("the date is not the scope's")?;
    let names: Vec<&str> = signed.split(';').collect();
    if !names.contains(&"host") || !names.contains(&"x-amz-date") {
        return Err("host and date must be signed".to_owned());
    }
    let mut canonical = format!("{}\n{}\n\n", heard.method, twice_encoded(&heard.path));
    for name in &names {
        let value = heard.header(name).ok_or_else(|| format!("the signed header {name} is missing"))?;
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    canonical.push_str(&format!("\n{signed}\n{}", sha256(&heard.body)));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{of}/{end}\n{}", sha256(canonical.as_bytes()));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, of, end] {
        key = sign(&key, part).as_ref().to_vec();
    }
    if hex::encode(sign(&key, &text).as_ref()) == signature { Ok(()) } else { Err("the signature is wrong".to_owned()) }
}

fn sign(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Every service but S3 signs the path with its escapes escaped once more.
fn twice_encoded(path: &str) -> String {
    path.replace('%', "%25")
}
