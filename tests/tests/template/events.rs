//! `events/` has a true payload for each route and schedule of the template.

use crate::{OURS, gateway::PUBLIC};
use local::template::Template;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");

fn template() -> Template {
    Template::parse(OURS, &[("ProjectId", "smartstore-local")]).unwrap()
}

/// Every JSON file below `events/`, by its path there without the ending.
fn events() -> BTreeMap<String, Value> {
    fn collect(folder: &Path, into: &mut BTreeMap<String, Value>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let name = path.strip_prefix(EVENTS).unwrap().with_extension("");
                let event = serde_json::from_str(&fs::read_to_string(&path).unwrap());
                let event = event.unwrap_or_else(|why| panic!("{}: {why}", name.display()));
                into.insert(name.to_string_lossy().replace('\\', "/"), event);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(Path::new(EVENTS), &mut found);
    found
}

fn requests() -> Vec<(String, Value)> {
    events().into_iter().filter(|(name, _)| !name.starts_with("jobs/")).collect()
}

#[test]
fn every_route_has_exactly_one_event_in_its_functions_folder() {
    let requests = requests();
    for (function, route) in template().routes() {
        let key = route.to_string();
        let names: Vec<_> =
            requests.iter().filter(|(_, event)| event["routeKey"] == key).map(|(name, _)| name).collect();
        let [name] = names.as_slice() else { panic!("{key} has the events {names:?}") };
        let place = name.split('/').next().unwrap();
        assert_eq!(place, function.binary, "{name} is an event of another function");
    }
    assert_eq!(requests.len(), template().routes().count(), "an event of no route");
}

#[test]
fn every_request_is_what_the_gateway_sends() {
    for (name, event) in requests() {
        assert_eq!(event["version"], "2.0", "{name}");
        assert_eq!(event["isBase64Encoded"], false, "{name}");
        let context = &event["requestContext"];
        let (method, pattern) = event["routeKey"].as_str().unwrap().split_once(' ').unwrap();
        assert_eq!(context["http"]["method"], method, "{name}");
        assert_eq!(context["http"]["path"], event["rawPath"], "{name}");
        assert_eq!(context["routeKey"], event["routeKey"], "{name}");
        assert_eq!(context["stage"], "$default", "{name}");
        let mut path = pattern.to_owned();
        for (parameter, value) in event["pathParameters"].as_object().into_iter().flatten() {
            path = path.replace(&format!("{{{parameter}}}"), value.as_str().unwrap());
        }
        assert_eq!(event["rawPath"], path, "{name}");
        let headers = event["headers"].as_object().unwrap();
        assert!(headers.keys().all(|header| *header == header.to_lowercase()), "{name}: headers come in lower case");
        let body = event["body"].as_str().unwrap_or_default();
        let length = headers.get("content-length").map_or("0", |length| length.as_str().unwrap());
        assert_eq!(length, body.len().to_string(), "{name}");
        let public = PUBLIC.contains(&event["routeKey"].as_str().unwrap());
        let token = headers.get("authorization").is_some_and(|value| value == "Bearer TOKEN");
        assert_ne!(public, token, "{name}");
        assert_ne!(public, context["authorizer"]["jwt"]["claims"].is_object(), "{name}");
    }
}

#[test]
fn every_schedule_has_an_event_of_its_form() {
    let events = events();
    let mut jobs = 0;
    for schedule in template().functions.iter().flat_map(|function| &function.schedules) {
        let due = "2026-11-20T09:00:00Z".parse().unwrap();
        let sent: Value = serde_json::from_str(&schedule.event(due)).unwrap();
        let name = format!("jobs/{}", sent["job"].as_str().unwrap());
        assert_eq!(events.get(&name), Some(&sent), "{name}");
        jobs += 1;
    }
    assert_eq!(events.keys().filter(|name| name.starts_with("jobs/")).count(), jobs, "an event of no schedule");
}
