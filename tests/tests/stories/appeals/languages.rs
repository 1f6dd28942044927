//! The language that an appeal is in.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_is_in_the_language_of_the_header_else_of_the_person_else_in_english() {
    let bundle = Bundle::start().await;
    for (n, (token, chosen, header, language)) in [
        (None, None, None, "en"),
        (Some("es-MX"), None, None, "es"),
        (Some("es"), Some("fr-CA"), None, "fr"),
        (Some("es"), Some("fr"), Some("en-GB"), "en"),
        (None, Some("fr"), Some("ES_mx"), "es"),
        (None, Some("fr"), Some("ar"), "en"),
        (None, Some("de"), None, "en"),
    ]
    .into_iter()
    .enumerate()
    {
        let person = format!("person-{n}");
        let claims = local::seed::claims(&person, "shopper");
        let client = bundle.person(token.map_or(claims.clone(), |token| claims.locale(token)));
        if let Some(chosen) = chosen {
            client.put(&format!("{NOTICES}/preferences"), json!({"language": chosen})).await.success().unwrap();
        }
        let client = header.map_or(client.clone(), |header| client.with_header("x-sheen-locale", header));
        let notice = tell(&service(&bundle), &person, "account_warning").await;
        assert_eq!(client.get(&format!("{NOTICES}/{notice}")).await.body["language"], language);
        let opened = click(&client, &notice).await;
        assert_eq!((opened.status, &opened.body["context"]["locale"]), (201, &json!(language)), "{n}: {}", opened.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_that_staff_open_for_somebody_is_in_the_language_of_that_person() {
    let bundle = Bundle::start().await;
    bundle.administer(local::seed::TENANT, "rhea", "admin:write").await.unwrap();
    let rhea = bundle.person(local::seed::claims("rhea", "admin").scope("admin:write").locale("fr"));
    let preferences = format!("{NOTICES}/preferences");
    rhea.put(&preferences, json!({"language": "fr"})).await.success().unwrap();
    bundle.shopper("ada").put(&preferences, json!({"language": "es-AR"})).await.success().unwrap();
    for (person, header, language) in [("ada", None, "es"), ("bea", None, "en"), ("cyd", Some("es"), "es")] {
        let client = header.map_or(rhea.clone(), |header| rhea.with_header("x-sheen-locale", header));
        let notice = tell(&service(&bundle), person, "account_warning").await;
        let opened = client.post(&format!("{NOTICES}/{notice}/appeal"), json!({"userId": person})).await;
        assert_eq!((opened.status, &opened.body["context"]["locale"]), (201, &json!(language)), "{}", opened.body);
    }
}
