use super::*;
use proptest::prelude::*;

#[test]
fn what_looks_like_a_person_or_a_key_is_taken_out() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
    for (text, clean) in [
        ("ada@example.com", "[email]"),
        ("mail to <ada.lovelace+x@mail.example.co.uk>.", "mail to <[email]>."),
        (r#"{"email":"ada@example.com","n":1}"#, r#"{"email":"[email]","n":1}"#),
        ("a@b.de, c@d.fr", "[email], [email]"),
        ("?email=ada%40example.com&x=1", "?email=[email]&x=1"),
        ("rené@exämple.com ok", "[email] ok"),
        ("x@y.xn--p1ai", "[email]"),
        ("from 203.0.113.7: refused", "from [ip]: refused"),
        ("connect 127.0.0.1:8080", "connect [ip]:8080"),
        ("peer=10.1.2.3,10.1.2.4", "peer=[ip],[ip]"),
        ("ip:192.168.0.1.", "ip:[ip]."),
        ("2001:db8::ff00:42:8329", "[ip]"),
        ("[::1]:4318 and fe80::1%eth0", "[[ip]]:4318 and [ip]%eth0"),
        ("from 2001:db8:0:1:1:1:1:1: closed", "from [ip]: closed"),
        ("::ffff:203.0.113.7", "[ip]"),
        ("at fd00::abcd.", "at [ip]."),
        (&format!("authorization: Bearer {jwt}"), "authorization: Bearer [credential]"),
        (&format!("token={jwt}&x"), "token=[credential]&x"),
        ("BEARER abc123def456", "BEARER [credential]"),
        ("Basic dXNlcjpwYXNzd29yZDE=", "Basic [credential]"),
        ("key AKIAIOSFODNN7EXAMPLE denied", "key [credential] denied"),
        ("key=ASIAIOSFODNN7EXAMPLE", "key=[credential]"),
        ("sk-ant-api03-AbCdEf0123456789", "[credential]"),
        ("Incorrect API key provided: sk-proj-abcd1234efgh.", "Incorrect API key provided: [credential]"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[credential]"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[credential]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nok", "[private key]\nok"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "[private key]"),
    ] {
        assert_eq!(redact(text), clean);
    }
}

#[test]
fn what_is_ours_stays_as_it_is() {
    for text in [
        "req-0123456789abcdef",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "2026-11-21T00:58:03.123456789Z",
        "00:58:03 and 12:30",
        "sha256/ab/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "T#acme#S#north PRODUCT#SKU-12.5:x 4006381333931",
        "version 1.95.0, rustc 2.0.119, 0.1.0-rc.1",
        "1.2.3.4rc1 is a version, 1.2.3.4_x a name",
        "1.2.3.4.5 is an OID, 999.1.1.1 and 1.2.3 are none either",
        "shared::web::request, ask::recall, be::cafe, <a::B as c::D>, ::std",
        "urn:smartstore:problem:auth.invalid_token",
        "https://securetoken.google.com/project:443/x?y=z",
        "@aws-sdk/client, serde@1.0.2, a @ b, x@y",
        "basic authentication, a bearer of news, Bearer authentication",
        "task-0123456789abcdef, SKU-1234567890123, disk-0000000000000000",
        "skim-milk sk-oat-milk sk-1",
        "eyJ is how JSON begins",
        "0.87 probability, 12.5 %, 3.21 EUR, Größe 1,5 l",
        "AKIA is a prefix; ASIA is a continent",
        "aa:bb:cc:dd:ee:ff",
        "-----BEGIN CERTIFICATE-----",
        "",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{text} became {}", redact(text));
    }
}

#[test]
fn names_of_fields_that_hold_what_is_private_are_known_by_their_last_part() {
    assert!(is_private("email") && is_private("user.email") && is_private("client.address"));
    assert!(!is_private("tokens_used") && !is_private("decision.id") && !is_private("user_id"));
}

#[test]
fn a_long_text_of_beginnings_takes_no_longer_than_another() {
    let begun = std::time::Instant::now();
    for part in [
        "%40",
        "@",
        "a@",
        "é%40",
        "sk-",
        "1..",
        "1.",
        "-----BEGIN ",
        "-----BEGIN X\n",
        "::",
        "a:",
        "basic ",
        "bearer=a ",
    ] {
        let text = part.repeat(200_000 / part.len());
        redact(&text);
    }
    // Each takes some milliseconds; with the square of its length each would take half a minute.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn of_more_than_an_address_can_have_the_nearest_to_its_sign_is_taken_out() {
    for letter in ["x", "é", "語"] {
        let text = format!("{}ada@example.com", letter.repeat(400));
        let clean = redact(&text).into_owned();
        assert!(clean.ends_with("[email]") && !clean.contains("ada"), "{clean}");
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_around_an_address(before in "([A-Z #|,;]{0,20} )?", after in "([ #|,;][A-Z -]{0,20})?", user in "[a-z][a-z0-9.]{0,10}[a-z]") {
        let clean = redact(&format!("{before}{user}@example.com{after}")).into_owned();
        prop_assert_eq!(clean, format!("{before}[email]{after}"));
    }

    #[test]
    fn every_address_of_either_kind_is_found(four: [u8; 4], six: [u16; 8]) {
        let text = format!("from {}, {} port 1", Ipv4Addr::from(four), Ipv6Addr::from(six));
        prop_assert_eq!(redact(&text), "from [ip], [ip] port 1");
    }

    #[test]
    fn our_own_ids_pass(trace in "[0-9a-f]{32}", span in "[0-9a-f]{16}", sku in "[A-Z]{2,4}-[0-9]{1,8}", seconds in 0_i64..4_000_000_000) {
        let at = jiff::Timestamp::from_second(seconds).unwrap();
        let text = format!("00-{trace}-{span}-01 {at} {sku} {trace} T#t_{span}#S#s-{span}");
        prop_assert_eq!(redact(&text), text.as_str());
    }

    #[test]
    fn any_text_is_taken_and_a_clean_one_stays_clean(text in "\\PC{0,200}") {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once), once.as_str());
    }

    #[test]
    fn bytes_at_the_edge_of_everything_do_no_harm(text in "[@%:.0-9a-fsk_ é-]{0,80}") {
        redact(&text);
    }
}
