//! One bundle, and what it has told a tenant's people.

use super::*;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The tenant's people at one bundle, and what it has told them.
pub(crate) struct Place {
    people: Vec<Client>,
    imports: Vec<String>,
    /// The names of notices, of what was put off, of appeals and of refused events, in the order in which they were handed out.
    notices: Vec<String>,
    cursor: String,
    etag: String,
}

impl Place {
    pub(crate) fn new(bundle: &Bundle, names: &Names) -> Self {
        let people = names.people().into_iter().map(|claims| bundle.person(claims)).collect();
        Self { people, imports: Vec::new(), notices: Vec::new(), cursor: "AAAA".to_owned(), etag: "\"x\"".to_owned() }
    }

    /// Sends a request, and remembers what the answer hands out.
    pub(crate) async fn send(&mut self, asked: &Asked) -> Response {
        let import = self.imports.last().map_or(NO_IMPORT, String::as_str);
        let last = |kind: &str| self.notices.iter().rev().find(|name| name.starts_with(kind)).map(String::as_str);
        let (notice, appeal) = (last("ntf_").unwrap_or(NO_NOTICE), last("apl_").unwrap_or("apl_none"));
        let (failed, receipt) = (last("fld_").unwrap_or("fld_none"), last("ers_").unwrap_or("ers_none"));
        let known = |text: &str| {
            text.replace("@import@", import)
                .replace("@cursor@", &self.cursor)
                .replace("@notice@", notice)
                .replace("@appeal@", appeal)
                .replace("@failed@", failed)
                .replace("@receipt@", receipt)
        };
        let mut client = self.people[asked.who].clone();
        for (name, value) in &asked.headers {
            client = client.with_header(name, &value.replace("@etag@", &self.etag));
        }
        let body = asked.body.as_ref().map(|(media, body)| (*media, Bytes::from(known(body))));
        let response = client.send(asked.method.clone(), &known(&asked.path), body).await.unwrap();
        if let Some(id) = response.body["import_id"].as_str().filter(|id| !self.imports.iter().any(|own| own == id)) {
            self.imports.push(id.to_owned());
        }
        let listed = response.body["notifications"].as_array().into_iter().flatten().map(|notice| &notice["id"]);
        let appeals = response.body["appeals"].as_array().into_iter().flatten().map(|appeal| &appeal["appeal_id"]);
        let ids = [&response.body["id"], &response.body["deferred_id"], &response.body["appeal_id"]];
        let decision = &response.body["decision"];
        let decided = [&decision["undo_request"]["id"], &decision["notice"]["notification_id"]];
        let refused = ["results", "failed"].map(|list| response.body[list].as_array().into_iter().flatten());
        let refused = refused
            .into_iter()
            .flatten()
            .map(|one| &one["failed_id"])
            .chain([&response.body["failed_id"], &response.body["receipt_id"]]);
        let named = ids.into_iter().chain(listed).chain(appeals).chain(decided).chain(refused);
        for name in named.filter_map(Value::as_str) {
            if !self.notices.iter().any(|known| known == name) {
                self.notices.push(name.to_owned());
            }
        }
        if let Some(cursor) = response.body["next_cursor"].as_str() {
            cursor.clone_into(&mut self.cursor);
        }
        if response.headers.contains_key("etag") {
            response.header("etag").clone_into(&mut self.etag);
        }
        response
    }

    /// An answer without what is drawn at random or measured: import ids by their number, signatures of uploads, versions of
    /// records, durations, the date.
    pub(crate) fn masked(&self, asked: &Asked, response: &Response) -> (u16, BTreeMap<String, Vec<String>>, String) {
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        let drawn = ["date", "content-length", "traceparent"];
        for (name, value) in response.headers.iter().filter(|(name, _)| !drawn.contains(&name.as_str())) {
            headers.entry(name.to_string()).or_default().push(self.unnamed(&String::from_utf8_lossy(value.as_bytes())));
        }
        if asked.path.contains("/people") || asked.path.contains("/appeal") {
            headers.entry("etag".to_owned()).and_modify(|etag| *etag = vec!["<version>".to_owned()]);
        }
        let mut body = response.body.clone();
        // The mark of a page of notices, or of refused events, holds the name of the last one.
        let marked =
            ["/user-notifications", "/admin/appeals", "/analytics/failed"].iter().any(|list| asked.path.contains(list));
        if marked && body["next_cursor"].is_string() {
            body["next_cursor"] = "<cursor>".into();
        }
        if body["rag"]["query_time_ms"].is_u64() {
            body["rag"]["query_time_ms"] = json!(0);
        }
        if let Some(url) = body["upload_url"].as_str() {
            let path = url.split('?').next().unwrap_or_default().splitn(4, '/').last().unwrap_or_default();
            body["upload_url"] = path.into();
        }
        // Bytes that are no JSON stand as they came.
        let body = if response.body.is_string() || response.body.is_null() {
            String::from_utf8_lossy(&response.bytes).into_owned()
        } else {
            body.to_string()
        };
        (response.status, headers, self.unnamed(&body))
    }

    fn unnamed(&self, text: &str) -> String {
        let numbered = self.imports.iter().enumerate();
        let text = numbered.fold(text.to_owned(), |text, (number, id)| text.replace(id, &format!("<import {number}>")));
        let numbered = self.notices.iter().enumerate();
        numbered.fold(text, |text, (number, id)| text.replace(id, &format!("<notice {number}>")))
    }
}
