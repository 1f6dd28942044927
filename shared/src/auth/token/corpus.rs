//! Tokens that must not pass, each with the rule that it breaks.

use super::*;
use crate::auth::testing::{ISSUER, KID, NOW, PROJECT, STRANGER, claims, header, now};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use ring::hmac;
use rsa::{
    BigUint,
    traits::{PrivateKeyParts, PublicKeyParts},
};
use serde_json::json;

/// A token with its name and the cause for which it falls.
type Case = (String, String, Refused);

#[test]
fn every_bad_token_falls_and_by_the_rule_it_breaks() {
    let cases =
        [forms(), headers(), keys_and_algorithms(), paddings(), payloads(), claims_of_others(), times()].concat();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    for (name, token, cause) in &cases {
        let verdict = verify(token, &ISSUER.keys(), PROJECT, now()).map(drop);
        assert_eq!(verdict, Err(*cause), "{name}");
    }
}

#[test]
fn a_refusal_shows_nothing_of_the_token() {
    for (name, token, cause) in headers() {
        let said = format!("{cause} {cause:?} {}", cause.cause());
        assert!(!token.split('.').any(|part| part.len() > 8 && said.contains(part)), "{name}");
    }
}

fn case(name: impl Into<String>, token: impl Into<String>, cause: Refused) -> Case {
    (name.into(), token.into(), cause)
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn good() -> String {
    ISSUER.token(json!({}))
}

fn parts() -> [String; 3] {
    let token = good();
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn forms() -> Vec<Case> {
    let [h, p, s] = parts();
    let padded = |part: &str| URL_SAFE.encode(URL_SAFE_NO_PAD.decode(part).unwrap());
    let last = |part: &str| part.replace(&part[part.len() - 1..], "");
    let mut cases = vec![
        case("empty", "", Refused::Form),
        case("one point", ".", Refused::Form),
        case("two points", "..", Refused::Form),
        case("one part", h.clone(), Refused::Form),
        case("two parts", format!("{h}.{p}"), Refused::Form),
        case("four parts", format!("{h}.{p}.{s}.{s}"), Refused::Form),
        case("five parts, as encrypted ones have", format!("{h}.{p}.{s}.{p}.{s}"), Refused::Form),
        case("no header", format!(".{p}.{s}"), Refused::Form),
        case("no payload", format!("{h}..{s}"), Refused::Signature),
        case("no payload, and signed so", ISSUER.sign_raw(header().to_string().as_bytes(), b""), Refused::Claims),
        case("no signature", format!("{h}.{p}."), Refused::Form),
        case("JSON serialisation", json!({"payload": p, "protected": h, "signature": s}).to_string(), Refused::Form),
        case("signature padded", format!("{h}.{p}.{}", padded(&s)), Refused::Base64),
        case("padding alone", format!("{h}.{p}.=="), Refused::Base64),
        case("space inside", format!("{h}.{p} .{s}"), Refused::Base64),
        case("line end inside", format!("{h}.{p}\n.{s}"), Refused::Base64),
        case("line end behind", format!("{h}.{p}.{s}\n"), Refused::Base64),
        case("NUL behind", format!("{h}.{p}.{s}\0"), Refused::Base64),
        case("percent-encoded", format!("{h}.{p}.%41{s}"), Refused::Base64),
        case("not ASCII", format!("{h}.{p}.é{s}"), Refused::Base64),
        case("a length that no bytes have", format!("{h}.{p}.AAAAA"), Refused::Base64),
        case("8 KiB and a byte", format!("{h}.{}.{s}", "A".repeat(8193 - h.len() - s.len() - 2)), Refused::TooLong),
        case("a mebibyte", "A".repeat(1 << 20), Refused::TooLong),
        case("a mebibyte of points", ".".repeat(1 << 20), Refused::TooLong),
        case("signature of another length", format!("{h}.{p}.{}", b64([1; 255])), Refused::Signature),
        case("signature of zeros", format!("{h}.{p}.{}", b64([0; 256])), Refused::Signature),
        case("signature of ones", format!("{h}.{p}.{}", b64([255; 256])), Refused::Signature),
        case("a letter dropped everywhere", format!("{h}.{p}.{}", last(&s)), Refused::Base64),
    ];
    cases.retain(|(name, token, _)| name != "a letter dropped everywhere" || token.len() % 4 == 1);
    // The bits that the last letter of 256 bytes leaves over must be zero.
    let over = s.chars().last().map(|c| char::from_u32(c as u32 + 1).unwrap()).unwrap();
    cases.push(case("bits left over", format!("{h}.{p}.{}{over}", &s[..s.len() - 1]), Refused::Base64));
    let standard = STANDARD_NO_PAD.encode([0xfb, 0xff, 0xbf]);
    cases.push(case("the other alphabet", format!("{h}.{p}.{standard}"), Refused::Base64));
    cases
}

fn headers() -> Vec<Case> {
    let payload = claims(json!({}));
    let with = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        ISSUER.sign(&header, &payload)
    };
    let without = |name: &str| {
        let mut header = header();
        header.as_object_mut().unwrap().remove(name);
        ISSUER.sign(&header, &payload)
    };
    let raw = |header: &[u8]| ISSUER.sign_raw(header, payload.to_string().as_bytes());
    let mut cases = vec![
        case("no alg", without("alg"), Refused::Algorithm),
        case("alg null", with("alg", Value::Null), Refused::Algorithm),
        case("alg a list", with("alg", json!(["RS256"])), Refused::Algorithm),
        case("no kid", without("kid"), Refused::KeyId),
        case("kid empty", with("kid", json!("")), Refused::KeyId),
        case("kid null", with("kid", Value::Null), Refused::KeyId),
        case("kid a number", with("kid", json!(1)), Refused::KeyId),
        case("kid a list", with("kid", json!([KID])), Refused::KeyId),
        case("crit empty", with("crit", json!([])), Refused::Extension),
        case("crit of a known name", with("crit", json!(["alg"])), Refused::Extension),
        case("crit of exp", with("crit", json!(["exp"])), Refused::Extension),
        case("crit null", with("crit", Value::Null), Refused::Extension),
        case("b64 false", with("b64", json!(false)), Refused::Extension),
        case("jku", with("jku", json!("https://attacker.example/keys")), Refused::CarriesKey),
        case("x5u", with("x5u", json!("http://169.254.169.254/latest")), Refused::CarriesKey),
        case("jwk, the true one", with("jwk", ISSUER.jwk()), Refused::CarriesKey),
        case("x5c", with("x5c", json!(["AAAA"])), Refused::CarriesKey),
        case("typ of an access token", with("typ", json!("at+jwt")), Refused::Type),
        case("typ empty", with("typ", json!("")), Refused::Type),
        case("typ with a space", with("typ", json!("JWT ")), Refused::Type),
        case("typ null", with("typ", Value::Null), Refused::Type),
        case("typ a list", with("typ", json!(["JWT"])), Refused::Type),
        case("header empty object", raw(b"{}"), Refused::Algorithm),
        case("header a list", raw(b"[]"), Refused::Header),
        case("header a text", raw(b"\"RS256\""), Refused::Header),
        case("header null", raw(b"null"), Refused::Header),
        case("header not JSON", raw(b"alg=RS256"), Refused::Header),
        case("header cut", raw(br#"{"alg":"RS256","kid":"key-1""#), Refused::Header),
        case("header and more", raw(br#"{"alg":"RS256","kid":"key-1"}{}"#), Refused::Header),
        case("header with a comma too many", raw(br#"{"alg":"RS256","kid":"key-1",}"#), Refused::Header),
        case("header with a comment", raw(br#"{"alg":"RS256",/**/"kid":"key-1"}"#), Refused::Header),
        case(
            "header with a byte order mark",
            raw(b"\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"key-1\"}"),
            Refused::Header,
        ),
        case("header not UTF-8", raw(b"{\"alg\":\"RS256\",\"kid\":\"key-1\",\"x\":\"\xff\"}"), Refused::Header),
        case("alg twice, good last", raw(br#"{"alg":"none","alg":"RS256","kid":"key-1"}"#), Refused::Header),
        case("alg twice, good first", raw(br#"{"alg":"RS256","alg":"none","kid":"key-1"}"#), Refused::Header),
        case("alg twice, once escaped", raw(br#"{"alg":"RS256","\u0061lg":"RS256","kid":"key-1"}"#), Refused::Header),
        case("kid twice", raw(br#"{"alg":"RS256","kid":"x","kid":"key-1"}"#), Refused::Header),
        case("a member within twice", raw(br#"{"alg":"RS256","kid":"key-1","x":{"a":1,"a":1}}"#), Refused::Header),
        case("half a surrogate", raw(br#"{"alg":"RS256","kid":"key-1","x":"\ud800"}"#), Refused::Header),
        case(
            "depth without end",
            raw(format!("{{\"alg\":\"RS256\",\"x\":{}1", "[".repeat(1000)).as_bytes()),
            Refused::Header,
        ),
    ];
    for kid in
        ["key-2", "KEY-1", "key-1 ", "../key-1", "key-1\0", "key-1' OR '1'='1", "/dev/null", "__proto__", "constructor"]
    {
        cases.push(case(format!("kid {kid:?}"), with("kid", json!(kid)), Refused::UnknownKey));
    }
    cases
}

fn keys_and_algorithms() -> Vec<Case> {
    let payload = claims(json!({}));
    let mut cases = Vec::new();
    let algorithms = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "EdDSA",
        "rs256",
        "Rs256",
        "RS256 ",
        " RS256",
        "RS2560",
        "RSA-OAEP",
        "RS256\0",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    ];
    for alg in algorithms {
        let header = json!({"alg": alg, "kid": KID, "typ": "JWT"});
        let signed = format!("{}.{}", b64(header.to_string()), b64(payload.to_string()));
        cases.push(case(
            format!("alg {alg:?} with the true signature"),
            ISSUER.sign(&header, &payload),
            Refused::Algorithm,
        ));
        cases.push(case(format!("alg {alg:?} without signature"), format!("{signed}."), Refused::Form));
    }
    // The public key in every form that a careless reader might take for a shared secret.
    let n = ISSUER.private.n().to_bytes_be();
    let secrets = [
        ISSUER.pem.clone().into_bytes(),
        ISSUER.pem.trim_end().as_bytes().to_vec(),
        n,
        ISSUER.jwk().to_string().into_bytes(),
        Vec::new(),
    ];
    for (form, secret) in secrets.iter().enumerate() {
        for alg in ["HS256", "RS256"] {
            let signed = format!("{}.{}", b64(json!({"alg": alg, "kid": KID}).to_string()), b64(payload.to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let cause = if alg == "HS256" { Refused::Algorithm } else { Refused::Signature };
            cases.push(case(
                format!("{alg}, keyed with the public key, form {form}"),
                format!("{signed}.{}", b64(tag)),
                cause,
            ));
        }
    }
    let stranger = STRANGER.token(json!({}));
    let carrying = json!({"alg": "RS256", "kid": KID, "jwk": STRANGER.jwk()});
    let linking = json!({"alg": "RS256", "kid": "key-9", "jku": "http://127.0.0.1:1/keys"});
    cases.push(case("a stranger's signature under a known name", stranger, Refused::Signature));
    cases.push(case("a stranger who brings the key along", STRANGER.sign(&carrying, &payload), Refused::CarriesKey));
    cases.push(case("a stranger who says where the key is", STRANGER.sign(&linking, &payload), Refused::CarriesKey));
    let [h, _, s] = parts();
    let other = b64(claims(json!({"sub": "victim"})).to_string());
    cases.push(case("another payload under a true signature", format!("{h}.{other}.{s}"), Refused::Signature));
    cases
}

/// Signatures made with the true key over wrongly padded digests (RFC 8017 §9.2; Bleichenbacher's forgery of 2006).
fn paddings() -> Vec<Case> {
    const SHA256: &[u8] = &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    const WITHOUT_NULL: &[u8] = &[0x30, 0x2f, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 0x20];
    const SHA512_NAMED: &[u8] = &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x20];
    let signed = format!("{}.{}", b64(header().to_string()), b64(claims(json!({})).to_string()));
    let digest = ring::digest::digest(&ring::digest::SHA256, signed.as_bytes());
    let info = |prefix: &[u8]| [prefix, digest.as_ref()].concat();
    let padded = |mark: &[u8], fill: u8, separator: &[u8], tail: &[u8]| {
        let length = 256 - mark.len() - separator.len() - tail.len();
        [mark, &vec![fill; length], separator, tail].concat()
    };
    let good = padded(&[0, 1], 0xff, &[0], &info(SHA256));
    let mut gap = good.clone();
    gap[100] = 0xfe;
    let forged = [
        ("block type 2", padded(&[0, 2], 0xff, &[0], &info(SHA256))),
        ("block type 0", padded(&[0, 0], 0x00, &[0], &info(SHA256))),
        ("a first byte that is not zero", padded(&[1, 1], 0xff, &[0], &info(SHA256))),
        ("no zero before the digest", padded(&[0, 1], 0xff, &[0xff], &info(SHA256))),
        ("a gap in the filling", gap),
        ("filling of zeros", padded(&[0, 1], 0x00, &[0], &info(SHA256))),
        ("short filling, rubbish behind", [&[0, 1], &[0xff; 8][..], &[0], &info(SHA256), &[0xaa; 194]].concat()),
        ("rubbish within the digest's header", padded(&[0, 1], 0xff, &[0], &[&info(SHA256)[..], &[0]].concat())),
        ("no NULL parameter", padded(&[0, 1], 0xff, &[0], &info(WITHOUT_NULL))),
        ("another digest's name", padded(&[0, 1], 0xff, &[0], &info(SHA512_NAMED))),
        ("the digest alone", padded(&[0, 1], 0xff, &[0], digest.as_ref())),
        ("the message alone", padded(&[0, 1], 0xff, &[0], &signed.as_bytes()[..100])),
    ];
    let power = |block: &[u8]| {
        let number = BigUint::from_bytes_be(block).modpow(ISSUER.private.d(), ISSUER.private.n()).to_bytes_be();
        [vec![0; 256 - number.len()], number].concat()
    };
    let token = |block: &[u8]| format!("{signed}.{}", b64(power(block)));
    assert!(verify(&token(&good), &ISSUER.keys(), PROJECT, now()).is_ok(), "the forger's arithmetic is right");
    let over = BigUint::from_bytes_be(&power(&good)) + ISSUER.private.n();
    let mut cases: Vec<_> = forged.iter().map(|(name, block)| case(*name, token(block), Refused::Signature)).collect();
    if over.bits() <= 2048 {
        cases.push(case(
            "the signature plus the modulus",
            format!("{signed}.{}", b64(over.to_bytes_be())),
            Refused::Signature,
        ));
    }
    cases.push(case(
        "a zero before",
        format!("{signed}.{}", b64([&[0], &power(&good)[..]].concat())),
        Refused::Signature,
    ));
    cases
}

fn payloads() -> Vec<Case> {
    let raw = |payload: &[u8]| ISSUER.sign_raw(header().to_string().as_bytes(), payload);
    let good = claims(json!({})).to_string();
    let doubled = |member: &str| good.replacen('{', &format!("{{{member},"), 1);
    let wide = |swap: bool| -> Vec<u8> {
        good.encode_utf16().flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    vec![
        case("payload a list", raw(b"[]"), Refused::Claims),
        case("payload a text", raw(b"\"ada\""), Refused::Claims),
        case("payload null", raw(b"null"), Refused::Claims),
        case("payload not JSON", raw(b"sub=ada"), Refused::Claims),
        case("payload empty object", raw(b"{}"), Refused::WrongAudience),
        case("payload in UTF-16", raw(&wide(false)), Refused::Claims),
        case("payload in UTF-16, the other way", raw(&wide(true)), Refused::Claims),
        case("payload with a byte order mark", raw(&[b"\xef\xbb\xbf", good.as_bytes()].concat()), Refused::Claims),
        case("payload and more", raw(format!("{good}{good}").as_bytes()), Refused::Claims),
        case("payload cut", raw(&good.as_bytes()[..good.len() - 1]), Refused::Claims),
        case("payload with a NUL behind", raw(format!("{good}\0").as_bytes()), Refused::Claims),
        case("sub twice", raw(doubled(r#""sub":"victim""#).as_bytes()), Refused::Claims),
        case("sub twice, alike", raw(doubled(r#""sub":"ada""#).as_bytes()), Refused::Claims),
        case("sub twice, once escaped", raw(doubled(r#""s\u0075b":"victim""#).as_bytes()), Refused::Claims),
        case("exp twice", raw(doubled(r#""exp":1""#.trim_end_matches('"')).as_bytes()), Refused::Claims),
        case("role twice", raw(doubled(r#""role":"shopper","role":"admin""#).as_bytes()), Refused::Claims),
        case("a member within twice", raw(doubled(r#""x":[{"a":1,"a":2}]"#).as_bytes()), Refused::Claims),
        case(
            "not UTF-8",
            raw(&[&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xc3\x28\"}"].concat()),
            Refused::Claims,
        ),
        case("a nested token", raw(self::good().as_bytes()), Refused::Claims),
    ]
}

fn claims_of_others() -> Vec<Case> {
    let with = |extra: Value| ISSUER.token(extra);
    let mut cases = Vec::new();
    let audiences = [
        json!("other-project"),
        json!([PROJECT]),
        json!([PROJECT, "other"]),
        json!([]),
        json!(""),
        json!(1),
        json!({}),
        json!(format!("{PROJECT} ")),
        json!(PROJECT.to_uppercase()),
        json!(format!("{PROJECT}x")),
        json!(format!("{PROJECT}\0")),
    ];
    for aud in audiences {
        cases.push(case(format!("aud {aud}"), with(json!({"aud": aud})), Refused::WrongAudience));
    }
    let issuer = format!("https://securetoken.google.com/{PROJECT}");
    let issuers = [
        json!("https://securetoken.google.com/other-project"),
        json!("https://securetoken.google.com/"),
        json!([issuer]),
        json!(""),
        json!(1),
        json!(format!("http://securetoken.google.com/{PROJECT}")),
        json!(format!("{issuer}/")),
        json!(format!("{issuer}?x")),
        json!(format!("https://session.firebase.google.com/{PROJECT}")),
        json!(format!("https://SECURETOKEN.google.com/{PROJECT}")),
        json!(format!("https://attacker.example/{issuer}")),
        json!("https://accounts.google.com"),
        json!("accounts.google.com"),
        json!(format!("securetoken.google.com/{PROJECT}")),
        json!(format!(" {issuer}")),
    ];
    for iss in issuers {
        cases.push(case(format!("iss {iss}"), with(json!({"iss": iss})), Refused::WrongIssuer));
    }
    for sub in [
        json!(""),
        json!(1),
        json!(["ada"]),
        json!({}),
        json!(true),
        json!("x".repeat(129)),
        json!("é".repeat(129)),
        json!("a\0b"),
        json!("a\nb"),
    ] {
        cases.push(case(format!("sub {sub}"), with(json!({"sub": sub})), Refused::Subject));
    }
    let service = "firebase-adminsdk@smartstore-test.iam.gserviceaccount.com";
    let custom = json!({
        "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
        "iss": service, "sub": service, "uid": "ada",
    });
    cases.push(case("no aud", with(json!({"aud": null})), Refused::WrongAudience));
    cases.push(case("no iss", with(json!({"iss": null})), Refused::WrongIssuer));
    cases.push(case("no sub, but a user_id", with(json!({"sub": null, "user_id": "ada"})), Refused::Subject));
    cases.push(case("a custom token", with(custom), Refused::WrongAudience));
    cases.push(case(
        "a Google sign-in token",
        with(json!({"iss": "https://accounts.google.com", "aud": "1-x.apps.googleusercontent.com"})),
        Refused::WrongAudience,
    ));
    cases
}

fn times() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["exp", "iat", "auth_time", "nbf"] {
        let good = if name == "exp" { NOW + 3000 } else { NOW - 600 };
        let forms = [
            json!(good.to_string()),
            json!(good as f64 + 0.5),
            json!(good as f64),
            json!(-1),
            json!(true),
            json!([good]),
            json!({"s": good}),
            json!(1e300),
            json!(""),
            json!("2026-03-01T09:00:00Z"),
        ];
        for form in forms {
            cases.push(case(format!("{name} {form}"), ISSUER.token(json!({name: form})), Refused::Time));
        }
        let null = claims(json!({})).to_string().replacen('{', &format!("{{\"{name}\":null,"), 1);
        let absent = if name == "nbf" { null } else { claims(json!({name: null})).to_string() };
        cases.push(case(
            format!("{name} absent or null"),
            ISSUER.sign_raw(header().to_string().as_bytes(), absent.as_bytes()),
            Refused::Time,
        ));
        let cause = if name == "exp" { Refused::Expired } else { Refused::NotYetValid };
        let wrong = if name == "exp" { [NOW - 61, NOW - 86_400, 0] } else { [NOW + 61, NOW + 86_400, NOW * 1000] };
        for at in wrong {
            cases.push(case(format!("{name} {at}"), ISSUER.token(json!({name: at})), cause));
        }
    }
    cases
}
