//! Random tokens, decided by these rules and by a verifier of other people's making.
//!
//! `jsonwebtoken` decides signature, algorithm, `exp`, `nbf`, `aud` and `iss`; it is more lenient than we are, and where it is,
//! the stricter rule is written here once more, over `serde_json`'s own reading of the token. Both must come to the same.

use super::*;
use crate::auth::testing::{ISSUER, KID, PROJECT, STRANGER};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;
use std::time::{Duration, Instant};

/// A random token, and whether a member stands twice in it, which no reader of JSON can tell afterwards.
struct Drawn {
    token: String,
    twice: bool,
    about: String,
}

/// What a claim or header may be instead of what it should.
fn odd(random: &mut StdRng, now: i64) -> Value {
    let others = [
        Value::Null,
        json!(""),
        json!("x"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(true),
        json!([]),
        json!({}),
        json!([PROJECT]),
        json!([PROJECT, "other"]),
        json!("a".repeat(128)),
        json!("a".repeat(129)),
        json!("a\u{7}b"),
        json!("é\u{1f600}"),
        json!(PROJECT),
        json!(format!("https://securetoken.google.com/{PROJECT}")),
        json!(format!("https://securetoken.google.com/{PROJECT}/")),
        json!(now.to_string()),
        json!(now as f64),
        json!(u64::MAX),
        json!("RS256"),
        json!("RS384"),
        json!("none"),
        json!("HS256"),
        json!("jwt"),
        json!("at+jwt"),
        json!(KID),
        json!("key-2"),
    ];
    others.choose(random).cloned().unwrap_or_default()
}

/// Whole seconds before and after now, none so near to an edge that the other verifier's clock could pass it meanwhile.
const OFFSETS: [i64; 10] = [-86_400, -3_000, -120, -80, -40, 0, 40, 80, 120, 86_400];

fn draw(random: &mut StdRng, now: i64) -> Drawn {
    let mut header = json!({"alg": "RS256", "kid": KID, "typ": "JWT"});
    let mut claims = json!({
        "iss": format!("https://securetoken.google.com/{PROJECT}"), "aud": PROJECT, "sub": "ada",
        "iat": now - 600, "auth_time": now - 900, "exp": now + 3_000, "user_id": "ada",
    });
    let mut about = Vec::new();
    for _ in 0..random.gen_range(0..3) {
        let (part, names): (&mut Value, &[&str]) = match random.gen_range(0..4) {
            0 => (&mut header, &["alg", "kid", "typ", "crit", "b64", "jku", "x5u", "jwk", "x5c", "x-other"]),
            _ => (&mut claims, &["iss", "aud", "sub", "iat", "auth_time", "exp", "nbf", "role", "jti"]),
        };
        let name = *names.choose(random).unwrap();
        let value = match random.gen_range(0..6) {
            0 => {
                part.as_object_mut().unwrap().remove(name);
                about.push(format!("no {name}"));
                continue;
            }
            1..=3 if ["iat", "auth_time", "exp", "nbf"].contains(&name) => json!(now + OFFSETS.choose(random).unwrap()),
            _ => odd(random, now),
        };
        about.push(format!("{name}={value}"));
        part[name] = value;
    }
    let (mut head, mut payload) = (header.to_string(), claims.to_string());
    let twice = random.gen_ratio(1, 10);
    if twice {
        let text = if random.gen_bool(0.5) { &mut head } else { &mut payload };
        // The first member once more, or two equal ones deeper down.
        let first = text[1..].split(':').next().unwrap().to_owned();
        let added = if random.gen_bool(0.5) {
            format!("{{{first}:null,")
        } else {
            "{\"z\":{\"a\":1,\"\\u0061\":1},".to_owned()
        };
        *text = text.replacen('{', &added, 1);
        about.push("a member twice".to_owned());
    }
    let signer = if random.gen_ratio(1, 12) { &STRANGER } else { &ISSUER };
    let mut token = signer.sign_raw(head.as_bytes(), payload.as_bytes());
    match random.gen_range(0..12) {
        0 => {
            let place = random.gen_range(0..token.len());
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
            let letter = char::from(*letters.choose(random).unwrap());
            token.replace_range(place..=place, &letter.to_string());
            about.push(format!("byte {place} is {letter:?}"));
        }
        1 => {
            let place = random.gen_range(0..token.len());
            token.remove(place);
            about.push(format!("byte {place} is gone"));
        }
        2 => {
            token.push_str(["=", ".", "A", "AA", "\n", " "].choose(random).unwrap());
            about.push("something behind".to_owned());
        }
        _ => {}
    }
    Drawn { token, twice, about: about.join(", ") }
}

/// What the others say, with the rules in which we are stricter.
fn others_accept(drawn: &Drawn, now: i64) -> bool {
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[PROJECT]);
    rules.set_issuer(&[format!("https://securetoken.google.com/{PROJECT}")]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    (rules.leeway, rules.validate_nbf) = (60, true);
    let jwk = ISSUER.jwk();
    let key = DecodingKey::from_rsa_components(jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap()).unwrap();
    if decode_header(&drawn.token).is_err() {
        return false;
    }
    let Ok(token) = decode::<Value>(&drawn.token, &key, &rules) else { return false };
    let header = drawn.token.split('.').next().map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    let claims = token.claims;
    let time = |name: &str| claims[name].as_u64().is_some_and(|at| i128::from(at) <= i128::from(now) + 60);
    let typ = header.get("typ").is_none_or(|typ| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("jwt")));
    let plain = ["crit", "b64", "jku", "x5u", "jwk", "x5c"].iter().all(|name| header.get(name).is_none());
    let person = claims["sub"]
        .as_str()
        .is_some_and(|sub| !sub.is_empty() && sub.chars().count() <= 128 && sub.chars().all(|c| !c.is_control()));
    !drawn.twice
        && typ
        && plain
        && header["kid"] == KID
        && person
        && claims["aud"].is_string()
        && claims["iss"].is_string()
        && claims["exp"].is_u64()
        && (claims.get("nbf").is_none() || claims["nbf"].is_u64())
        && time("iat")
        && time("auth_time")
}

/// Draws tokens until `enough`; how many were drawn, and how many of them were accepted.
fn compare(seed: u64, enough: impl Fn(u32) -> bool) -> (u32, u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let keys = ISSUER.keys();
    let (mut drawn, mut accepted) = (0, 0);
    while !enough(drawn) {
        let now = Timestamp::now();
        let token = draw(&mut random, now.as_second());
        let ours = verify(&token.token, &keys, PROJECT, now).map(drop);
        let theirs = others_accept(&token, now.as_second());
        assert_eq!(ours.is_ok(), theirs, "seed {seed}, token {drawn}: {ours:?}; {}\n{}", token.about, token.token);
        accepted += u32::from(theirs);
        drawn += 1;
    }
    (drawn, accepted)
}

#[test]
fn another_verifier_comes_to_the_same_on_three_thousand_random_tokens() {
    let (drawn, accepted) = compare(rand::random(), |drawn| drawn == 3_000);
    assert!(accepted > drawn / 10 && accepted < drawn * 9 / 10, "{accepted} of {drawn} accepted");
}

#[test]
#[ignore = "takes half an hour: `cargo test --release -p shared -- --ignored for_half_an_hour`"]
fn another_verifier_comes_to_the_same_for_half_an_hour() {
    let begun = Instant::now();
    let workers: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(move || compare(rand::random(), |_| begun.elapsed() > Duration::from_secs(1_800))))
        .collect();
    for worker in workers {
        eprintln!("{:?} drawn and accepted", worker.join().unwrap());
    }
}
