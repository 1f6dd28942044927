//! In their language.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_read_in_the_language_of_the_header_else_of_the_person_else_in_english() {
    let bundle = Bundle::start().await;
    let id = tell(&service(&bundle), "grace", "content_violation").await;
    let grace = bundle.shopper("grace");
    let spanish = bundle.person(local::seed::claims("grace", "shopper").locale("es-MX"));
    let mut titles = std::collections::BTreeMap::new();
    for (client, header, language) in [
        (&grace, None, "en"),
        (&grace, Some("es"), "es"),
        (&grace, Some("es-MX"), "es"),
        (&grace, Some("FR_ca"), "fr"),
        (&grace, Some("de"), "en"),
        (&grace, Some("ar"), "en"),
        (&grace, Some("xx-yy"), "en"),
        (&grace, Some(""), "en"),
        (&spanish, None, "es"),
        (&spanish, Some("fr"), "fr"),
    ] {
        let client = header.map_or(client.clone(), |header| client.with_header("x-sheen-locale", header));
        let one = client.get(&one(&id)).await;
        let told = (one.header("content-language"), one.body["language"].as_str().unwrap());
        assert_eq!(told, (language, language), "{header:?}");
        assert_eq!(client.get(ALL).await.header("content-language"), language, "{header:?}");
        titles.insert(language, one.body["title"].as_str().unwrap().to_owned());
    }
    let texts: std::collections::BTreeSet<_> = titles.values().collect();
    assert_eq!(texts.len(), 3, "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_chooses_their_language_and_whether_they_get_mail() {
    let bundle = Bundle::start().await;
    let id = tell(&service(&bundle), "grace", "content_violation").await;
    let grace = bundle.shopper("grace");
    let path = format!("{ALL}/preferences");
    assert_eq!(grace.get(&path).await.body, json!({"email": false}));
    let chosen = grace.put(&path, json!({"language": "fr-CA"})).await;
    assert_eq!((chosen.status, &chosen.body["language"]), (200, &json!("fr-CA")), "{}", chosen.body);
    assert_eq!(grace.get(&one(&id)).await.header("content-language"), "fr");
    assert_eq!(bundle.shopper("ada").get(&path).await.body, json!({"email": false}), "it is one's own");
    let mail = |claims: Claims| {
        let (client, path) = (bundle.person(claims), path.clone());
        async move { client.put(&path, json!({"email": true})).await }
    };
    let claims = local::seed::claims("grace", "shopper");
    assert_problem(&mail(claims.clone()).await, 400, "http.bad_request");
    assert_problem(&mail(claims.clone().with("email", "grace@example.com")).await, 400, "http.bad_request");
    let proved = claims.with("email", "grace@example.com").with("email_verified", true);
    let told = mail(proved).await;
    assert_eq!((told.status, &told.body["email"]), (200, &json!(true)), "{}", told.body);
    assert!(!String::from_utf8_lossy(&told.bytes).contains("grace@"), "the address is told to nobody");
    for odd in [json!({"language": "español"}), json!({"language": ""}), json!({"lang": "es"}), json!({"email": "yes"})]
    {
        assert_eq!(grace.put(&path, odd).await.status, 400);
    }
}
