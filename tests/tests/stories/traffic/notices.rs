//! What is asked of notices and appeals.

use super::*;

impl Traffic {
    pub(super) fn notice(&mut self) -> String {
        let foreign = self.random.gen_bool(0.3);
        if foreign { self.of(&self.names.foreign_notices.clone()) } else { "@notice@".to_owned() }
    }

    pub(super) fn appeal(&mut self) -> String {
        let foreign = self.random.gen_bool(0.2);
        if foreign { "apl_00000000000000000000000000".to_owned() } else { "@appeal@".to_owned() }
    }

    /// A person of either tenant, or of neither.
    pub(super) fn somebody(&mut self) -> &'static str {
        self.of(&["ada", "ada", "emil", "root", "walter", "someone", "bea"])
    }

    /// Whose notices, and which.
    pub(super) fn notices_query(&mut self, path: &str) -> String {
        let whose = if self.random.gen_bool(0.4) { format!("&userId={}", self.somebody()) } else { String::new() };
        let which = self.of(&["", "&unread=true", "&unread=false", "&category=account_warning"]);
        let which = if path.ends_with("notifications") { which } else { "" };
        let whose = if path.contains("admin") { String::new() } else { whose };
        let lists = path.ends_with("notifications") || path.ends_with("appeals");
        let cursor = if lists && self.random.gen_bool(0.3) { "&cursor=@cursor@" } else { "" };
        let limit = if lists { format!("&limit={}", self.random.gen_range(1..4)) } else { String::new() };
        let query = format!("{limit}{whose}{which}{cursor}");
        query.strip_prefix('&').map(|query| format!("?{query}")).unwrap_or_default()
    }

    /// The body of a route of notices.
    pub(super) fn notices_body(&mut self, path: &str) -> Value {
        let mut body = match path {
            "/api/user-notifications" => {
                let category = self.of(&["account_warning", "content_violation", "appeal_update", "ban"]);
                let item = self.of(&["Rainy day soup", "Sopa", "T05"]);
                let mut body = json!({"userId": self.somebody(), "category": category, "context": {"item": item}});
                if self.random.gen_bool(0.5) {
                    body["decision_ref"] = format!("case-{}", self.random.gen_range(0..9)).into();
                }
                return body;
            }
            "/api/user-notifications/read-all" => json!({}),
            "/api/user-notifications/mark-read" => json!({"ids": [self.notice(), "ntf_00000000000000000000000000"]}),
            "/api/user-notifications/preferences" => return json!({"language": self.of(&["es", "fr", "de"])}),
            "/api/user-notifications/appeal" => json!({"notificationId": self.notice()}),
            "/api/user-notifications/{id}/appeal" => json!({"statement": self.of(&["It was soup.", "¿Por qué?"])}),
            "/api/user-notifications/appeals/{appeal_id}" if self.random.gen_bool(0.9) => {
                json!({"statement": "Once more."})
            }
            "/api/user-notifications/appeals/{appeal_id}" => json!({"state": "withdrawn"}),
            "/api/admin/appeals/{appeal_id}/review" => return json!({}),
            "/api/admin/appeals/{appeal_id}/reopen" => return json!({"reason": "There is something new."}),
            "/api/admin/appeals/{appeal_id}/decision" => {
                let outcome = self.of(&["upheld", "overturned", "partially_overturned"]);
                return json!({"outcome": outcome, "reason": self.of(&["It keeps to the rules.", "See T05."])});
            }
            _ => json!({"read": self.random.gen_bool(0.7)}),
        };
        if self.random.gen_bool(0.3) {
            body["userId"] = self.somebody().into();
        }
        body
    }
}
