//! What calls the functions: the gateway's routes and the clock.

use crate::fault::{Faults, entries, items, of_type};
use local::template::Rhythm;
use serde_json::Value;

/// Every route, and no other: `METHOD path`.
pub(crate) const ROUTES: &[&str] = &[
    "DELETE /analytics/event",
    "DELETE /analytics/event/{event_id}",
    "DELETE /analytics/events",
    "DELETE /analytics/failed/{failed_id}",
    "DELETE /api/admin/people/{person_id}",
    "DELETE /api/user-notifications/{id}",
    "DELETE /catalog/stores/{store_id}/products/{product_id}",
    "DELETE /routing/routes/{route_id}",
    "GET /analytics/aggregate",
    "GET /analytics/erasures/{receipt_id}",
    "GET /analytics/failed",
    "GET /analytics/failed/{failed_id}",
    "GET /analytics/query",
    "GET /api/admin/appeals",
    "GET /api/admin/appeals/stats",
    "GET /api/admin/appeals/{appeal_id}",
    "GET /api/admin/people",
    "GET /api/admin/people/{person_id}",
    "GET /api/analytics/export",
    "GET /api/user-notifications",
    "GET /api/user-notifications/appeals",
    "GET /api/user-notifications/appeals/{appeal_id}",
    "GET /api/user-notifications/deferred",
    "GET /api/user-notifications/health",
    "GET /api/user-notifications/preferences",
    "GET /api/user-notifications/unread-count",
    "GET /api/user-notifications/{id}",
    "GET /catalog/stores/{store_id}",
    "GET /catalog/stores/{store_id}/imports/{import_id}",
    "GET /catalog/stores/{store_id}/products",
    "GET /catalog/stores/{store_id}/products/{product_id}",
    "GET /catalog/stores/{store_id}/search",
    "GET /healthz",
    "GET /openapi.json",
    "GET /routing/routes",
    "GET /routing/routes/{route_id}",
    "PATCH /api/user-notifications/appeals/{appeal_id}",
    "PATCH /api/user-notifications/{id}",
    "POST /analytics/failed/{failed_id}/replay",
    "POST /analytics/ingest",
    "POST /analytics/ingest/batch",
    "POST /analytics/probe",
    "POST /api/admin/appeals/{appeal_id}/decision",
    "POST /api/admin/appeals/{appeal_id}/reopen",
    "POST /api/admin/appeals/{appeal_id}/review",
    "POST /api/user-notifications",
    "POST /api/user-notifications/appeal",
    "POST /api/user-notifications/mark-read",
    "POST /api/user-notifications/read-all",
    "POST /api/user-notifications/{id}/appeal",
    "POST /ask",
    "POST /catalog/stores/{store_id}/import",
    "POST /catalog/stores/{store_id}/imports",
    "POST /catalog/stores/{store_id}/imports/{import_id}/start",
    "POST /routing/routes",
    "PUT /api/admin/people/{person_id}",
    "PUT /api/user-notifications/preferences",
    "PUT /catalog/stores/{store_id}",
    "PUT /catalog/stores/{store_id}/products/{product_id}",
];

/// The routes that a stranger may call.
pub(crate) const PUBLIC: [&str; 2] = ["GET /healthz", "GET /openapi.json"];

/// The properties that SAM knows of each event; one that it does not know it passes over in silence.
const KNOWN: [(&str, &[&str]); 2] = [
    ("HttpApi", &["ApiId", "Auth", "Method", "Path", "PayloadFormatVersion", "RouteSettings", "TimeoutInMillis"]),
    (
        "ScheduleV2",
        &[
            "DeadLetterConfig",
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "Input",
            "KmsKeyArn",
            "Name",
            "OmitName",
            "PermissionsBoundary",
            "RetryPolicy",
            "RoleArn",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
        ],
    ),
];

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    let mut guarded = true;
    for (id, api) in of_type(whole, "AWS::Serverless::HttpApi") {
        guarded &= gateway(id, &api["Properties"], faults);
    }
    let mut met = Vec::new();
    for (id, function) in of_type(whole, "AWS::Serverless::Function") {
        for (name, event) in entries(&function["Properties"]["Events"]) {
            let place = format!("{id}.{name}");
            let kind = event["Type"].as_str().unwrap_or_default();
            let known = KNOWN.iter().find(|(known, _)| *known == kind);
            faults.unless(known.is_some(), "event.unknown_type", &place, kind);
            for (property, _) in entries(&event["Properties"]) {
                let known = known.is_none_or(|(_, properties)| properties.contains(&property));
                faults.unless(known, "event.unknown_property", &place, property);
            }
            match kind {
                "HttpApi" => met.extend(route(&place, &event["Properties"], guarded, faults)),
                "ScheduleV2" => schedule(&place, &event["Properties"], faults),
                _ => {}
            }
        }
    }
    met.sort();
    for twice in met.windows(2).filter(|pair| pair[0] == pair[1]) {
        faults.unless(false, "route.twice", &twice[0], "two functions answer it");
    }
    for route in ROUTES.iter().filter(|route| !met.iter().any(|met| met == *route)) {
        faults.unless(false, "route.missing", *route, "no function answers it");
    }
    for route in met.iter().filter(|met| !ROUTES.contains(&met.as_str())) {
        faults.unless(false, "route.unknown", route, "not in the list of routes");
    }
}

/// Checks the gateway, and says whether it asks for a token where a route does not say.
fn gateway(id: &str, api: &Value, faults: &mut Faults) -> bool {
    faults.unless(api["StageName"] == "$default", "gateway.stage", id, &api["StageName"]);
    let name = api["Auth"]["DefaultAuthorizer"].as_str().unwrap_or_default();
    let jwt = &api["Auth"]["Authorizers"][name]["JwtConfiguration"];
    let issuer = jwt["issuer"]["Fn::Sub"] == "https://securetoken.google.com/${ProjectId}";
    faults.unless(issuer, "gateway.issuer", id, &jwt["issuer"]);
    let audience = items(&jwt["audience"]);
    let project = audience.len() == 1 && audience[0]["Ref"] == "ProjectId";
    faults.unless(project, "gateway.audience", id, &jwt["audience"]);
    let limits = &api["DefaultRouteSettings"];
    let throttled = !limits["ThrottlingRateLimit"].is_null() && !limits["ThrottlingBurstLimit"].is_null();
    faults.unless(throttled, "gateway.throttle", id, limits);
    let log = api["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
    let personal = ["identity", "querystring", "path", "authorizer.claims"];
    let clean = !log.is_empty() && !personal.iter().any(|what| log.contains(&format!("$context.{what}")));
    faults.unless(clean, "gateway.access_log", id, log);
    // SAM takes an intrinsic as the whole of CORS: one below it, such as an `AllowOrigins: !If`, would replace the rest.
    let cors = &api["CorsConfiguration"]["Fn::If"];
    let whole = cors[0] == "HasCors" && cors[1]["allowOrigins"]["Fn::Split"].is_array();
    faults.unless(whole, "gateway.cors", id, &api["CorsConfiguration"]);
    !name.is_empty()
}

fn route(place: &str, properties: &Value, guarded: bool, faults: &mut Faults) -> Option<String> {
    let route = format!("{} {}", properties["Method"].as_str()?, properties["Path"].as_str()?);
    let authorizer = properties["Auth"]["Authorizer"].as_str();
    let open = authorizer.map_or(!guarded, |name| name == "NONE");
    faults.unless(!open || PUBLIC.contains(&route.as_str()), "route.open", place, &route);
    let at_gateway = properties["ApiId"]["Ref"].is_string();
    faults.unless(at_gateway, "route.gateway", place, "would make a gateway of its own");
    Some(route)
}

fn schedule(place: &str, properties: &Value, faults: &mut Faults) {
    let expression = properties["ScheduleExpression"].as_str().unwrap_or_default();
    faults.unless(expression.parse::<Rhythm>().is_ok(), "schedule.expression", place, expression);
    let letters = &properties["DeadLetterConfig"];
    faults.unless(letters["Arn"]["Fn::GetAtt"].is_array(), "schedule.dead_letters", place, letters);
    let retry = &properties["RetryPolicy"]["MaximumRetryAttempts"];
    faults.unless(retry.is_number(), "schedule.retry", place, retry);
    let input = properties["Input"].as_str().unwrap_or_default();
    let event: Value = serde_json::from_str(input).unwrap_or_default();
    let told = event["job"].is_string() && event["scheduled_time"] == "<aws.scheduler.scheduled-time>";
    faults.unless(told, "schedule.input", place, input);
}
