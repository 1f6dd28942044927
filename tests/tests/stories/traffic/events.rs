//! Events, as they are sent and asked for.

use super::*;

impl Traffic {
    /// The name of an event that this traffic has sent, or may have.
    pub(super) fn event(&mut self) -> String {
        if !self.events.is_empty() && self.random.gen_bool(0.8) {
            let names = self.events.clone();
            return self.of(&names);
        }
        let request = self.random.gen_range(1..=self.drawn.max(1));
        format!("traffic-{request}%23{}", self.of(&["default", "0", "1", "step-1"]))
    }

    /// An event, the `at`th of its request where that has several.
    pub(super) fn event_body(&mut self, at: Option<usize>) -> Value {
        let kind = self.of(&["pageview", "pageview", "cta_click", "cta_click", "no event"]);
        let mut event =
            json!({"event_type": kind, "payload": {"n": self.random.gen_range(0..3), "email": "ada@example.com"}});
        for (name, values) in [
            ("utm_source", ["mail", "web"]),
            ("app", ["shop", "kiosk"]),
            ("session_id", ["s-1", "s-2"]),
            ("step_id", ["step-1", "step-2"]),
        ] {
            if self.random.gen_bool(0.4) {
                event[name] = self.of(&values).into();
            }
        }
        let step = event["step_id"].as_str().map(ToOwned::to_owned);
        let step = step.or(at.map(|at| at.to_string())).unwrap_or_else(|| "default".to_owned());
        self.events.push(format!("traffic-{}%23{step}", self.drawn));
        if self.random.gen_bool(0.2) {
            event["user_id"] = self.of(&["ada", "emil", "secret"]).into();
        }
        event
    }

    pub(super) fn events_query(&mut self, path: &str) -> String {
        match path {
            "/analytics/query" => {
                let cursor = if self.random.gen_bool(0.5) { "&cursor=@cursor@" } else { "" };
                let filter = self.of(&["", "&app=shop", "&user_id=ada", "&event_type=pageview", "&session_id=secret"]);
                format!("?limit={}{filter}{cursor}", self.random.gen_range(1..8))
            }
            "/analytics/aggregate" => {
                let metric = self.of(&["pageviews", "unique_users", "sessions", "bounce_rate", "sum:payload.n"]);
                format!("?metric={metric}{}", self.of(&["", "&group_by=app", "&group_by=utm_source,app&app=shop"]))
            }
            "/analytics/failed" => {
                let cursor = if self.random.gen_bool(0.3) { "&cursor=@cursor@" } else { "" };
                let filter = self.of(&["", "&reason=analytics.bad_event", "&reason=analytics.event_id_conflict"]);
                format!("?limit={}{filter}{cursor}", self.random.gen_range(1..8))
            }
            "/analytics/events" => format!("?user_id={}", self.of(&["ada", "emil", "secret"])),
            "/api/analytics/export" => {
                let filter = self.of(&["", "&app=shop", "&user_id=ada"]);
                format!("?format={}&limit={}{filter}", self.of(&["csv", "json", "ndjson"]), self.random.gen_range(1..8))
            }
            "/analytics/event" => format!("?event_id={}", self.event()),
            _ => String::new(),
        }
    }
}
