//! The whole held together: template, routers, OpenAPI document, events and strangers.

use super::*;
use http::Method;
use local::Options;
use std::{collections::BTreeSet, fs, path::Path};

/// Routes that answer whoever asks.
const PUBLIC: &[&str] = &["GET /healthz", "GET /openapi.json"];

/// A path of a route with something in each of its parameters.
fn filled(path: &str) -> String {
    let values = [("{store_id}", DOWNTOWN), ("{product_id}", "no-such-product"), ("{import_id}", "no-such-import")];
    values.iter().fold(path.to_owned(), |path, (parameter, value)| path.replace(parameter, value))
}

fn routes(bundle: &Bundle) -> Vec<(Method, String)> {
    bundle.template().routes().map(|(_, route)| (route.method.parse().unwrap(), route.path.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_template_is_answered_by_its_function() {
    let bundle = Bundle::start().await;
    let routes = routes(&bundle);
    assert!(routes.len() >= 13, "{routes:?}");
    for (method, path) in routes {
        let response = bundle.admin("root").send(method.clone(), &filled(&path), None).await.unwrap();
        let code = response.body["error_code"].as_str().unwrap_or_default();
        assert!(
            !matches!(code, "http.not_found" | "http.method_not_allowed" | "internal"),
            "{method} {path}: {}",
            response.body
        );
        assert!(response.status < 500, "{method} {path}: {}", response.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_outside_the_written_list_turns_a_stranger_away() {
    let bundle = Bundle::start().await;
    for (method, path) in routes(&bundle) {
        let response = bundle.stranger().send(method.clone(), &filled(&path), None).await.unwrap();
        if PUBLIC.contains(&format!("{method} {path}").as_str()) {
            assert_eq!(response.status, 200, "{method} {path}");
        } else {
            assert_problem(&response, 401, "auth.missing_token");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_has_every_route_and_no_other_and_is_the_one_checked_in() {
    let bundle = Bundle::start().await;
    let served = bundle.stranger().get("/openapi.json").await.body;
    let generated = serde_json::to_value(local::openapi()).unwrap();
    assert!(served == generated, "docs/openapi.json is old: cargo run -- openapi > docs/openapi.json");
    let documented: BTreeSet<String> = served["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let routed: BTreeSet<String> =
        routes(&bundle).into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(documented, routed);
    assert_eq!(served["openapi"].as_str().map(|version| version.starts_with("3.1")), Some(true));
}

/// Feeds an event file to the function as Lambda would, with a good token in its place.
async fn event_status(bundle: &Bundle, file: &Path) -> (String, i64) {
    let text = fs::read_to_string(file).unwrap();
    let root = bundle.administrator("root", "admin:super").await;
    bundle.administer("t_system", "root", "admin:super").await.unwrap();
    let system = bundle.person(local::Claims::of("root").tenant("t_system").scope("admin:super"));
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let who = if parsed["headers"]["x-tenant-id"] == "t_system" { system } else { root };
    let event = text.replace("Bearer TOKEN", &format!("Bearer {}", who.token().unwrap()));
    let route = parsed["routeKey"].as_str().unwrap_or_else(|| panic!("{} has no routeKey", file.display())).to_owned();
    (route, bundle.deliver(&event).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_file_is_answered_well() {
    let bundle = Bundle::start_with(Options::for_tests()).await;
    super::analytics::route(&bundle, "t_greenleaf").await;
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut files = Vec::new();
    for function in ["appeals", "catalog", "ingest", "notifications", "operations", "routing"] {
        files.extend(fs::read_dir(events.join(function)).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.extend([events.join("ask.json"), events.join("catalog.json")]);
    files.sort();
    let mut seen = BTreeSet::new();
    for file in files {
        let (route, status) = event_status(&bundle, &file).await;
        let known = match route.as_str() {
            // The files name an import and a product that this bundle has not made.
            route if route.contains("{import_id}") => matches!(status, 404),
            // And an appeal and a notice.
            route if route.contains("{appeal_id}") || route.ends_with("/appeal") => matches!(status, 404),
            route if route.ends_with("/api/user-notifications/{id}") => matches!(status, 404),
            "DELETE /catalog/stores/{store_id}/products/{product_id}" => matches!(status, 204 | 404),
            // Its event stands before that of the PUT, which makes the record.
            "DELETE /api/admin/people/{person_id}" => matches!(status, 204 | 404),
            // The event that removes the route stands before the one that shows it.
            "GET /routing/routes/{route_id}" => matches!(status, 404),
            // The route is there, as the events of what it leads need it.
            "POST /routing/routes" => matches!(status, 409),
            route if route.contains("{failed_id}") || route.contains("{receipt_id}") => matches!(status, 404),
            "DELETE /analytics/events" => matches!(status, 200),
            route if route.starts_with("DELETE /analytics/event") => matches!(status, 404),
            _ => (200..300).contains(&status),
        };
        assert!(known, "{}: {route} gave {status}", file.display());
        seen.insert(route);
    }
    let routed: BTreeSet<String> =
        routes(&bundle).into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(seen, routed, "each route has its event");
    let job = fs::read_to_string(events.join("jobs/catalog_publish.json")).unwrap();
    assert!(serde_json::from_str::<Value>(&job).unwrap()["scheduled_time"].is_string());
}

#[test]
fn no_function_links_an_embedded_store() {
    for function in [
        "appeals",
        "ask",
        "audit-checkpoint",
        "catalog",
        "ingest",
        "notifications",
        "operations",
        "outbox-drain",
        "routing",
    ] {
        let tree = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-e", "normal", "-p", function, "--prefix", "none"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        let tree = String::from_utf8(tree.stdout).unwrap();
        assert!(tree.contains("lambda_runtime"), "{tree}");
        for foreign in ["dynoxide", "s3s ", "rusqlite", "local", "openssl-sys", "aws-lc"] {
            assert!(!tree.lines().any(|line| line.starts_with(foreign)), "{function} links {foreign}");
        }
    }
}

/// Microsoft's emulator of Cosmos DB is a feature of the client that a release would ship, and must never be turned on there.
#[test]
fn the_emulator_within_a_client_is_for_tests_alone() {
    let tree = |edges: &str, package: &[&str]| {
        let tree = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-e", edges, "--prefix", "none"])
            .args(package)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        String::from_utf8(tree.stdout).unwrap()
    };
    let client = ["-p", "event-store", "--features", "event-store/cosmos"];
    let emulated = |tree: &str| tree.contains("__internal_in_memory_emulator");
    assert!(emulated(&tree("normal,dev,features", &client)), "the tests' own tree has it, and shows how it is told");
    let shipped = tree("normal,features", &client);
    assert!(shipped.contains("azure_data_cosmos_driver feature") && !emulated(&shipped), "{shipped}");
    assert!(!emulated(&tree("normal,features", &["-p", "ingest"])));
    for foreign in ["openssl-sys", "native-tls", "aws-lc"] {
        assert!(!shipped.lines().any(|line| line.starts_with(foreign)), "{foreign}");
    }
}
