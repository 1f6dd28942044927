use super::*;
use azure_core::{
    Bytes,
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Request, headers::Headers},
};
use proptest::prelude::*;
use shared::secrets::SecretString;
use std::sync::{Arc, Mutex};

fn secret() -> SecretString {
    SecretString::from("s3cret".to_owned())
}

/// Whoever gives out tokens, in one answer; and what it was asked.
#[derive(Clone, Debug)]
struct Giver(Option<(u16, &'static str)>, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl HttpClient for Giver {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = Bytes::from(request.body());
        self.1.lock().unwrap().push(format!("{} {}", request.url(), String::from_utf8_lossy(&body)));
        match self.0 {
            Some((status, body)) => Ok(AsyncRawResponse::from_bytes(status.into(), Headers::new(), body)),
            None => Err(azure_core::Error::with_message(ErrorKind::Io, "no connection")),
        }
    }
}

/// What comes of opening a store as an application, at an account that does not answer.
async fn opened(answer: Option<(u16, &'static str)>) -> (StoreError, Vec<String>) {
    let (giver, endpoint) = (Giver(answer, Arc::default()), "http://127.0.0.1:9");
    let over = azure_core::http::Transport::new(Arc::new(giver.clone()));
    let application = credentials::application("contoso", "shop".to_owned(), &secret(), Some(over)).unwrap();
    let account = AccountReference::with_credential(endpoint.parse().unwrap(), application);
    let place = Place { endpoint: endpoint.to_owned(), database_id: "d".to_owned(), container_id: "c".to_owned() };
    let error = Cosmos::find(&place, account, Transport::Loopback).await.unwrap_err();
    let shown = format!("{error:?} {error} {}", shared::problem::chain(&error));
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    let asked = giver.1.lock().unwrap().clone();
    (error, asked)
}

#[tokio::test]
async fn an_application_that_entra_refuses_is_told_from_an_entra_that_is_away() {
    let refused = r#"{"error": "invalid_client", "error_codes": [7000215], "error_description": "s3cret is wrong"}"#;
    for status in [400, 401, 403] {
        let (error, asked) = opened(Some((status, refused))).await;
        assert!(matches!(error, StoreError::AuthRefused), "{status} {error:?}");
        assert!(asked[0].starts_with("https://login.microsoftonline.com/contoso/oauth2/v2.0/token "), "{asked:?}");
        for part in ["client_id=shop", "client_secret=s3cret", "cosmos.azure.com"] {
            assert!(asked[0].contains(part), "{asked:?}");
        }
    }
    for away in [None, Some((500, refused)), Some((503, "busy")), Some((429, refused)), Some((200, "<html>"))] {
        let (error, _) = opened(away).await;
        assert!(matches!(error, StoreError::Unavailable(_)), "{away:?} {error:?}");
    }
    let given = r#"{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "t0ken"}"#;
    let (error, _) = opened(Some((200, given))).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "the account itself does not answer: {error:?}");
}

#[test]
fn an_application_is_named_whole() {
    let of = |tenant: &str, client: &str, secret: &str| Credentials::ClientSecret {
        tenant: tenant.to_owned(),
        client: client.to_owned(),
        secret: SecretString::from(secret.to_owned()),
    };
    let account = |credentials: Credentials| credentials.of("https://x.documents.azure.com".parse().unwrap());
    assert!(account(of("contoso", "shop", "s3cret")).is_ok());
    for bad in
        [of("", "shop", "s3cret"), of("a/b", "shop", "s3cret"), of("contoso", "", "s3cret"), of("contoso", "shop", "")]
    {
        assert!(matches!(account(bad.clone()), Err(StoreError::BadConfig(_))), "{bad:?}");
    }
    let shown = format!("{:?} {:?}", of("contoso", "shop", "s3cret"), Credentials::Key(secret()));
    assert!(!shown.contains("s3cret"), "{shown}");
}

proptest! {
    #[test]
    fn an_id_holds_nothing_that_cosmos_forbids_and_can_be_turned_back(request in "[A-Za-z0-9._-]{1,64}", step in "[A-Za-z0-9._-]{1,64}") {
        let tenant = TenantScope::for_job(shared::tenant::Sweep::OutboxDrain, "t_greenleaf".parse().unwrap());
        let name = EventId::of(&request, &step).unwrap();
        let (pk, id) = place_of(&tenant, &name);
        prop_assert!(!id.contains(['/', '\\', '?', '#']) && id.len() <= 255);
        prop_assert_eq!(id.replace('~', "#").parse::<EventId>().unwrap(), name);
        let shard = pk.strip_prefix("t_greenleaf#").unwrap().parse::<u32>().unwrap();
        prop_assert!(shard < crate::SHARDS);
    }
}
