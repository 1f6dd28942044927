//! What is malformed in the index of a schedule costs nobody else anything.

use super::{
    notices::{Row, decision, put, service, tell},
    *,
};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;

/// A row of an index, of a partition that a schedule may know or not, at what may be a time or not.
fn odd(pk: &str, index: &str, at: &str) -> Row {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let row = [("pk", text(pk)), ("sk", text(&format!("ODD#{index}"))), (index, text(at))];
    row.map(|(name, value)| (name.to_owned(), value)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schedule_passes_over_what_it_cannot_read_and_does_the_rest() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    tell(&service, "grace", "account_warning").await;
    assert_eq!(service.post("/api/user-notifications", decision("grace", "account_warning")).await.status, 429);
    assert_eq!(bundle.employee("emil").put(&product_path("fig-1"), fig_spread(9)).await.status, 201);
    let mut rows = Vec::new();
    for (index, pk) in [
        ("pending", "T#a#S#north"),
        ("audit_pending", "T#a#AUDITSEQ"),
        ("outbox_due", "T#a#OUTBOX"),
        ("deferral_due", "T#a#RATE#grace#account_warning"),
    ] {
        rows.extend([odd(pk, index, "0 o'clock"), odd("T#a#ODD", index, "2026-01-01T00:00:00Z")]);
    }
    put(&bundle, rows).await;
    bundle.clock().advance(SignedDuration::from_hours(13));
    for (schedule, done) in [
        ("notification-deferrals", "\"told\":1"),
        ("catalog-publish", "\"published\":1"),
        ("analytics-rollup", "\"failed\":0"),
        ("audit-checkpoint", "\"failed\":0"),
        ("outbox-drain", "\"failed\":0"),
    ] {
        let report = bundle.run_schedule(schedule).await.unwrap();
        assert!(report.contains(done), "{schedule}: {report}");
    }
}
