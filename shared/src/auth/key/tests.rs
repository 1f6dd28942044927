use super::*;
use crate::auth::{
    Compact,
    testing::{ISSUER, Issuer, KID, claims, header},
};
use serde_json::json;

fn certificate_of(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    rcgen::CertificateParams::default().self_signed(&key).unwrap().pem()
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn a_certificate_and_a_jwk_of_one_key_are_one_key() {
    let from_pem = PublicKey::from_certificate(&ISSUER.pem).unwrap();
    let from_jwk = PublicKey::from_jwk(&members(ISSUER.jwk())).unwrap();
    assert_eq!((&from_pem.0.n, &from_pem.0.e), (&from_jwk.0.n, &from_jwk.0.e));
}

#[test]
fn keys_of_many_sizes_sign_and_a_small_one_is_none() {
    let large = Issuer::with_bits(3072);
    let token = large.sign(&header(), &claims(json!({})));
    let compact = Compact::parse(&token).unwrap();
    assert!(compact.payload(&PublicKey::from_certificate(&large.pem).unwrap()).is_ok());
    assert!(compact.payload(&PublicKey::from_certificate(&ISSUER.pem).unwrap()).is_err());
    let jwk = |bytes: usize, first: u8| {
        let n = [vec![first], vec![1; bytes - 1]].concat();
        PublicKey::from_jwk(&members(json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB"}))).map(drop)
    };
    assert_eq!(jwk(256, 0x80), Ok(()));
    assert_eq!(jwk(256, 0x7f), Err(BadKey::Size), "2,047 bits");
    assert_eq!(jwk(128, 0x80), Err(BadKey::Size));
    assert_eq!(jwk(1024, 0x80), Ok(()));
    assert_eq!(jwk(1025, 0x80), Err(BadKey::Size));
}

#[test]
fn a_jwk_of_another_kind_or_use_is_no_key() {
    let with = |name: &str, value: Value| {
        let mut jwk = members(ISSUER.jwk());
        jwk.insert(name.to_owned(), value);
        PublicKey::from_jwk(&jwk).map(drop)
    };
    assert_eq!(with("use", json!("sig")), Ok(()));
    assert_eq!(with("key_ops", json!(["sign", "verify"])), Ok(()));
    assert_eq!(with("alg", json!("RS256")), Ok(()));
    for (name, value) in [
        ("kty", json!("oct")),
        ("kty", json!(null)),
        ("use", json!("enc")),
        ("use", json!(1)),
        ("alg", json!("PS256")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!("verify")),
        ("n", json!("AQAB=")),
        ("n", json!(5)),
        ("e", json!("")),
        ("e", json!("AA")),
        ("e", json!("AQ")),
        ("e", json!("BA")),
        ("e", json!("AgAAAAE")),
    ] {
        assert_eq!(with(name, value.clone()), Err(BadKey::NotRsa), "{name} {value}");
    }
}

#[test]
fn a_text_that_is_not_one_certificate_is_none() {
    let pem = &ISSUER.pem;
    let cut = pem.replacen("MII", "MIJ", 1);
    let key = pem.replace("CERTIFICATE", "PUBLIC KEY");
    for bad in ["", "x", "<html>", &pem[..200], &cut, &key, &format!("{pem}{pem}")] {
        assert_eq!(PublicKey::from_certificate(bad).unwrap_err(), BadKey::NotACertificate, "{bad}");
    }
    assert_eq!(
        PublicKey::from_certificate(&certificate_of(&rcgen::PKCS_ECDSA_P256_SHA256)).unwrap_err(),
        BadKey::NotRsa
    );
    assert_eq!(PublicKey::from_certificate(&certificate_of(&rcgen::PKCS_ED25519)).unwrap_err(), BadKey::NotRsa);
}

#[test]
fn a_key_document_is_used_whole_or_not_at_all() {
    let elliptic = certificate_of(&rcgen::PKCS_ECDSA_P256_SHA256);
    let read = |document: Value| KeySet::from_x509(document.to_string().as_bytes());
    let keys = read(json!({KID: ISSUER.pem, "elliptic": elliptic})).unwrap();
    assert!(keys.get(KID).is_some() && keys.get("elliptic").is_none(), "a key of another kind is left out");
    assert_eq!(read(json!({"elliptic": elliptic})).unwrap_err(), BadKeySet::Empty);
    assert_eq!(read(json!({})).unwrap_err(), BadKeySet::Empty);
    assert_eq!(read(json!({KID: ISSUER.pem, "x": "no certificate"})).unwrap_err(), BadKeySet::NotACertificate);
    assert_eq!(read(json!({KID: ISSUER.pem, "x": 1})).unwrap_err(), BadKeySet::NotACertificate);
    assert_eq!(read(json!([ISSUER.pem])).unwrap_err(), BadKeySet::NotAnObject);
    let twice = format!("{{\"a\":{0},\"a\":{0}}}", json!(ISSUER.pem));
    assert_eq!(KeySet::from_x509(twice.as_bytes()).unwrap_err(), BadKeySet::NotAnObject);
    assert_eq!(KeySet::from_x509(b"<html></html>").unwrap_err(), BadKeySet::NotAnObject);
}

#[test]
fn no_cut_or_lengthened_der_is_a_key() {
    let der = CertificateDer::from_pem_slice(ISSUER.pem.as_bytes()).unwrap();
    let info = webpki::EndEntityCert::try_from(&der).unwrap().subject_public_key_info();
    assert!(rsa_numbers(&info).is_some());
    for cut in 0..info.len() {
        assert!(rsa_numbers(&info[..cut]).is_none() && (cut == 0 || rsa_numbers(&info[cut..]).is_none()));
    }
    assert!(rsa_numbers(&[&info[..], &[0]].concat()).is_none());
    assert!(rsa_numbers(&[]).is_none() && rsa_numbers(&[0x30, 0x80, 0, 0]).is_none());
}
