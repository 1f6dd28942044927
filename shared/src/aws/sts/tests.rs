use super::*;
use crate::{
    auth::testing::{Answer, Loopback},
    aws::Endpoints,
};

const NOW: &str = "2026-03-01T09:00:00Z";
const ROLE: &str = "arn:aws:iam::123456789012:role/smartstore-tenant";

/// An answer as STS writes it.
pub(in crate::aws) fn answer(session: &str, key: &str, expires: &str) -> String {
    format!(
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROA123:{session}</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/smartstore-tenant/{session}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{key}</AccessKeyId>
      <SecretAccessKey>secret/of+{key}=</SecretAccessKey>
      <SessionToken>token/of+{key}==</SessionToken>
      <Expiration>{expires}</Expiration>
    </Credentials>
    <PackedPolicySize>1</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleResponse>
"#
    )
}

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn good() -> String {
    answer(&session(&tenant()), "ASIAACME", "2026-03-01T10:00:00Z")
}

async fn ask(answer: Answer) -> (Result<Credentials, StsError>, usize) {
    let server = Loopback::answering(answer).await;
    let sts = Sts::new(&Aws::local(Endpoints::default(), "AKID", "secret"), ROLE, Some(server.url.clone()));
    (sts.assume(&tenant(), NOW.parse().unwrap()).await, server.asked())
}

#[tokio::test]
async fn what_sts_answers_becomes_credentials_that_end_when_it_says() {
    let (got, asked) = ask(Answer::ok(good())).await;
    let got = got.unwrap();
    assert_eq!((got.access_key_id(), got.secret_access_key()), ("ASIAACME", "secret/of+ASIAACME="));
    assert_eq!(got.session_token(), Some("token/of+ASIAACME=="));
    let end: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    assert_eq!(got.expiry(), Some(SystemTime::from(end)));
    assert_eq!(asked, 1);
    let regional = Sts::new(&Aws::local(Endpoints::default(), "AKID", "secret"), ROLE, None);
    assert_eq!(regional.url, "https://sts.us-east-1.amazonaws.com/");
}

#[tokio::test]
async fn an_answer_that_is_cut_foreign_for_another_or_over_gives_none() {
    let good = good();
    let cuts = (0..good.trim_end().len()).step_by(7).map(|length| good[..length].to_owned());
    let others = [
        String::new(),
        "{}".to_owned(),
        "<html><body>sign in</body></html>".to_owned(),
        good.replace("AssumeRoleResponse", "GetSessionTokenResponse"),
        good.replace("<Credentials>", "<Others>").replace("</Credentials>", "</Others>"),
        answer("tenant-of-another", "ASIABETA", "2026-03-01T10:00:00Z"),
        answer(&session(&"beta".parse().unwrap()), "ASIABETA", "2026-03-01T10:00:00Z"),
        answer(&session(&tenant()), "ASIAACME", "2026-03-01T09:00:00Z"),
        answer(&session(&tenant()), "ASIAACME", "2025-03-01T09:00:00Z"),
        answer(&session(&tenant()), "ASIAACME", "soon"),
        answer(&session(&tenant()), "", "2026-03-01T10:00:00Z"),
        answer(&session(&tenant()), "A&amp;B", "2026-03-01T10:00:00Z"),
        good.replace("SessionToken", "Session"),
    ];
    for odd in cuts.chain(others) {
        let (got, _) = ask(Answer::ok(odd.clone())).await;
        assert!(matches!(got, Err(StsError::Odd(_))), "{got:?} of {odd}");
    }
}

#[tokio::test]
async fn trouble_is_tried_once_more_and_a_refusal_is_not() {
    let refusal = r#"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>"#;
    let (got, asked) = ask(Answer { status: 403, ..Answer::ok(refusal) }).await;
    assert!(matches!(got, Err(StsError::Refused { status: 403, code }) if code == "AccessDenied"));
    assert_eq!(asked, 1);
    let (got, asked) = ask(Answer::status(500)).await;
    assert!(matches!(got, Err(StsError::Refused { status: 500, .. })));
    assert_eq!(asked, 2);
    let slow = Answer::ok(good()).after(Duration::from_secs(30));
    let begun = std::time::Instant::now();
    let (got, _) = ask(slow).await;
    assert!(matches!(got, Err(StsError::Unreachable(_))), "{got:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}
