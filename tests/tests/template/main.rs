//! Rules for `template.yaml` that cfn-lint, `sam validate` and checkov do not know, and proof that each of them bites.
#![allow(clippy::unwrap_used)]

mod alarms;
mod events;
mod fault;
mod functions;
mod gateway;
mod iam;
mod mutants;
mod policies;
mod portable;
mod stores;

use fault::{Fault, Faults};

/// The template as it stands.
pub(crate) const OURS: &str = include_str!("../../../template.yaml");

/// Every fault in a template.
pub(crate) fn faults(template: &str) -> Vec<Fault> {
    let whole = match local::template::long_form(template) {
        Ok(whole) => whole,
        Err(why) => return vec![Fault { rule: "yaml", place: String::new(), found: format!("{why:#}") }],
    };
    let mut faults = Faults::default();
    iam::check(&whole, &mut faults);
    gateway::check(&whole, &mut faults);
    stores::check(&whole, &mut faults);
    functions::check(&whole, &mut faults);
    alarms::check(&whole, &mut faults);
    portable::check(&whole, &mut faults);
    faults.0
}

#[test]
fn the_template_has_no_faults() {
    let found: Vec<String> = faults(OURS).iter().map(Fault::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_openapi_document_has_the_routes_of_the_template() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut routes: Vec<String> = fault::entries(&document["paths"])
        .flat_map(|(path, item)| {
            fault::entries(item).map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        })
        .filter(|route| !route.starts_with("PARAMETERS ") && !route.starts_with("SUMMARY "))
        .collect();
    routes.sort();
    // The document does not list itself.
    let expected: Vec<&str> = gateway::ROUTES.iter().copied().filter(|route| *route != "GET /openapi.json").collect();
    routes.retain(|route| route != "GET /openapi.json");
    assert_eq!(routes, expected);
}
