//! Firestore, by Google's emulator where this machine has it.

#[path = "../../../../../event-store/tests/contract/firestore/emulator.rs"]
mod emulator;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_route_to_firestore_leads_there() {
    let Some(emulator) = emulator::emulator() else { return };
    let options = Options::for_tests().variable("FIRESTORE_EMULATOR_HOST", &emulator.address.to_string());
    let bundle = Bundle::start_with(options).await;
    let collection = |path: &str| json!({"project_id": "story", "collection_path": path, "use_emulator": true});
    leads_to(&bundle, "t_greenleaf", "firestore", collection("analytics/v1/tenants")).await;
    let cursors = does_all(&bundle).await;
    leads_to(&bundle, "t_greenleaf", "firestore", collection("analytics/v2/tenants")).await;
    refuses(&bundle, &cursors).await;
    assert!(ids(&service(&bundle).get(QUERY).await).is_empty(), "it is another one");
    leads_to(&bundle, "t_greenleaf", "firestore", collection("analytics/v1/tenants")).await;
    takes(&bundle, &cursors).await;
}
