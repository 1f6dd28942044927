//! The lines that a start prints to be pasted.

use crate::{
    bundle::Bundle,
    claims::Claims,
    seed::{self, route},
};
use anyhow::Result;
use jiff::SignedDuration;
use serde_json::json;

/// How long the printed tokens are good: a working day.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// The sample tenant whose analytics have no route.
const UNROUTED: &str = "t_corner";

/// Questions to the assistant, and an app's events on their way.
pub(super) fn lines(bundle: &Bundle) -> Result<String> {
    Ok([questions(bundle), events(bundle)?].join("\n"))
}

fn token(bundle: &Bundle, claims: &Claims) -> String {
    bundle.issuer().token(claims, bundle.clock().now(), LIFETIME)
}

fn questions(bundle: &Bundle) -> String {
    let gateway = &bundle.addresses().gateway;
    let line = |title: &str, role: &str, question: &str| {
        let token = token(bundle, &seed::claims("laptop", role));
        let body = json!({"store_id": "downtown", "question": question});
        let headers = format!("-H 'content-type: application/json' -H 'authorization: Bearer {token}'");
        format!("\n# {title}\ncurl -s '{gateway}/ask' -d '{body}' {headers}; echo")
    };
    [
        line("A shopper is told the aisle, with the source", "shopper", "where is the oat milk?"),
        line(
            "An employee learns a cost price; with the shopper's token the same question is refused",
            "store_employee",
            "what is the cost price of the oat milk?",
        ),
        line("An admin too is told plainly what the store does not carry", "admin", "do you have snow chains?"),
        "\n# The same in short, and more: cargo run -- --help\ncargo run -q -- ask downtown \"are you open on Sunday at 8?\""
            .to_owned(),
    ]
    .join("\n")
}

/// An event of the tenant that has a route, and one of the tenant that has none, with the call that mends it.
fn events(bundle: &Bundle) -> Result<String> {
    let gateway = &bundle.addresses().gateway;
    let curl = |name: &str, claims: &Claims, context: [(&str, &str); 3]| {
        let headers = context.map(|(header, value)| format!("-H '{header}: {value}'")).join(" ");
        let token = token(bundle, claims);
        format!(
            "{name}() {{ curl -sw ' %{{http_code}}\\n' -H 'authorization: Bearer {token}' {headers} -H 'content-type: application/json' \"$@\"; }}"
        )
    };
    let app = |tenant: &str| Claims::of("app").tenant(tenant).scope("service:write");
    let of = |tenant: &'static str| [("X-Tenant-ID", tenant), ("X-Project-ID", "web"), ("X-Mode", "saas")];
    let event = json!({"event_type": "pageview", "payload": {"path": "/aisle/7"}, "utm_source": "mail"});
    let route = route::of(bundle, UNROUTED)?;
    Ok([
        "\n# An app's event: kept once under its name, listed, counted, deleted".to_owned(),
        curl("app", &app(seed::TENANT), of(seed::TENANT)),
        format!("app -H 'X-Request-ID: req-abc123' -d '{event}' {gateway}/analytics/ingest"),
        format!("app '{gateway}/analytics/query?limit=10'"),
        format!("app '{gateway}/analytics/aggregate?metric=pageviews&group_by=utm_source'"),
        format!("app -X DELETE {gateway}/analytics/event/req-abc123%23default"),
        "\n# Another company has no route: 503, and nothing is kept. The second line mends it, within ten seconds"
            .to_owned(),
        curl("corner", &app(UNROUTED), of(UNROUTED)),
        curl("keeper", &route::keeper(), route::KEEPER),
        format!("corner -d '{event}' {gateway}/analytics/ingest"),
        format!("keeper -d '{route}' {gateway}/routing/routes"),
        String::new(),
    ]
    .join("\n"))
}
