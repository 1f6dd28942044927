//! What handlers take in: bodies, paths and queries that answer for their own faults.

use crate::{auth::Caller, ids::PersonId, problem::Problem};
use axum::{
    RequestExt,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

/// A JSON body, in and out.
///
/// Coming in, it must be declared `application/json` (or `…+json`), an object, and of the type's form. A `user_id` or `userId` in it that is
/// not the verified caller grants nothing and is refused, whatever the body's type is.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A path's parameters; a malformed one is the caller's fault, told by its name.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// A query's parameters; a malformed one is the caller's fault, told by its name.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// How many rows of a list a query asks for at most: 1 to 1,000, and 100 where it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit(u32);

impl Limit {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;
    fn try_from(asked: u32) -> Result<Self, &'static str> {
        if (1..=1_000).contains(&asked) { Ok(Self(asked)) } else { Err("it lies between 1 and 1000") }
    }
}

/// A body taken as it is, within the route's limit.
#[derive(Clone, Debug)]
pub struct Raw(pub Bytes);

/// A body that is declared to be JSON and that nobody has read yet: for a handler that has to do with what cannot be read, too.
#[derive(Clone, Debug)]
pub struct RawJson(pub Bytes);

impl RawJson {
    /// The body that came with these headers.
    ///
    /// # Errors
    ///
    /// 415 `http.unsupported_media_type` where it is not declared to be JSON.
    pub fn of(headers: &HeaderMap, body: Bytes) -> Result<Self, Problem> {
        declared(headers).map(|()| Self(body))
    }

    /// What it says: an object of the type's form.
    ///
    /// # Errors
    ///
    /// 400 `http.bad_request`, which repeats nothing of it.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        // A list would be read as an object's members in their order, past every look at their names.
        if self.0.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(
                Problem::bad_request("http.bad_request").detail("The body is a list. This route takes an object.")
            );
        }
        // Looked at once and not text by text.
        let body = std::str::from_utf8(&self.0)
            .map_err(|_| Problem::bad_request("http.bad_request").detail("The body is not UTF-8."))?;
        serde_json::from_str(body).map_err(|why| {
            let why = unquoted(&why);
            Problem::bad_request("http.bad_request").detail(format!("The body is not what this route takes: {why}"))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for RawJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        declared(request.headers())?;
        let Raw(body) = Raw::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        request.extract().await.map(Self).map_err(|rejection: BytesRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("http.body_too_large")
                .detail("The body is larger than this route takes. Send less at a time."),
            _ => Problem::bad_request("http.bad_request").detail("The body could not be read to its end."),
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let person = request.extensions().get::<PersonId>().cloned();
        let caller = request.extensions().get::<Caller>().cloned();
        let body = RawJson::from_request(request, state).await?;
        same_person(&body.0, person.as_ref()).inspect_err(|problem| {
            if let Some(caller) = caller {
                caller.denied(problem, None);
            }
        })?;
        body.read().map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|why| Problem::bad_request("http.bad_path").detail(why.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = parts.uri.query().unwrap_or_default();
        if percent_encoding::percent_decode_str(raw).decode_utf8().is_err() {
            let detail = "The query is not UTF-8. Percent-encode its UTF-8 bytes.";
            return Err(Problem::bad_request("http.bad_query").detail(detail));
        }
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|why| Problem::bad_request("http.bad_query").detail(why.body_text()))
    }
}

/// Why a document was not read, without the values of it that serde quotes: a problem repeats nothing of what was sent, and a log
/// that repeats the problem repeats nothing either. Names of fields and what was expected stay.
pub fn unquoted(why: &serde_json::Error) -> String {
    let told = why.to_string();
    // What is quoted may hold any words, so that the last `, expected` is serde's own.
    let rest = told.rfind(", expected ").map_or("", |at| &told[at..]);
    for (quoting, plain) in [
        ("invalid type: ", "invalid type"),
        ("invalid value: ", "invalid value"),
        ("unknown variant ", "unknown value"),
        ("unknown field ", "unknown field"),
    ] {
        if told.starts_with(quoting) {
            let place = || format!(" at line {} column {}", why.line(), why.column());
            return format!("{plain}{}", if rest.is_empty() { place() } else { rest.to_owned() });
        }
    }
    told
}

/// The body's media type in lower case, without its parameters; empty where none is declared.
pub fn media_type(headers: &HeaderMap) -> String {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Holds a body to be declared JSON.
fn declared(headers: &HeaderMap) -> Result<(), Problem> {
    let media = media_type(headers);
    if media == "application/json" || (media.starts_with("application/") && media.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type("http.unsupported_media_type")
        .detail("This route takes JSON. Send it with `content-type: application/json`."))
}

/// Whether a body names nobody but `0`, by the members with which older clients name the acting person. Each occurrence is
/// looked at, as a type that does not know the member takes a body that has it twice. `null` names nobody.
struct NamesOnly<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for NamesOnly<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamesOnly<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut agrees = true;
        while let Some(member) = members.next_key::<String>()? {
            if member == "user_id" || member == "userId" {
                let named = members.next_value::<serde_json::Value>()?;
                agrees &= named.is_null() || named == self.0;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(agrees)
    }
}

fn same_person(body: &[u8], caller: Option<&PersonId>) -> Result<(), Problem> {
    let Some(caller) = caller else { return Ok(()) };
    let mut reader = serde_json::Deserializer::from_slice(body);
    // A body that is no object of JSON is refused for its form right after.
    match NamesOnly(caller.as_str()).deserialize(&mut reader) {
        Ok(false) => Err(mismatch()),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// The refusal of a `user_id` that is not the verified caller.
pub fn mismatch() -> Problem {
    Problem::forbidden("identity.user_mismatch")
        .detail("The request names another user than its token does. Leave user_id out: the token says who you are.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, routing::post};
    use serde::Deserialize;
    use tower::ServiceExt;

    #[derive(Deserialize)]
    struct Question {
        question: String,
    }

    async fn send(content_type: &str, body: impl Into<Body>) -> (u16, String) {
        let ask = |Json(body): Json<Question>| async move { body.question };
        let routes = super::super::wrap(Router::new().route("/", post(ask)), Default::default());
        let mut request = http::Request::post("/").header("content-type", content_type).body(body.into()).unwrap();
        request.extensions_mut().insert(PersonId::from_subject("ada").unwrap());
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_repeats_no_value() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Order {
            #[serde(rename = "count")]
            _count: u32,
            #[serde(rename = "kind")]
            _kind: Kind,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            Large,
        }
        for (body, told) in [
            (r#"{"count":"s3cret, expected u8"}"#, "invalid type, expected u32"),
            (r#"{"count":-77}"#, "invalid value, expected u32"),
            (r#"{"kind":"s3cret"}"#, "unknown value, expected `large`"),
            (r#"{"s3cret":1}"#, "unknown field, expected `count` or `kind`"),
            (r#"{"count":1}"#, "missing field `kind`"),
            (r#"{"count":1,"count":2}"#, "duplicate field `count`"),
        ] {
            let found = unquoted(&serde_json::from_str::<Order>(body).unwrap_err());
            let (found, place) = found.split_once(" at line ").unwrap();
            assert_eq!((found, place.starts_with("1 column ")), (told, true), "{body}");
        }
    }

    #[tokio::test]
    async fn a_list_is_no_object_whatever_stands_in_it() {
        for list in [r#"["where?"]"#, " \n[\"where?\"]", "[]", "[{}]"] {
            let (status, told) = send("application/json", list).await;
            assert!(status == 400 && told.contains("This route takes an object"), "{list}: {status} {told}");
        }
        assert_eq!(send("application/json", r#"{"question": "where?"}"#).await, (200, "where?".to_owned()));
    }

    #[tokio::test]
    async fn a_body_is_declared_json_of_the_right_form_and_size() {
        let good = r#"{"question":"where is the oat milk?"}"#;
        assert_eq!(send("application/json; charset=utf-8", good).await.0, 200);
        assert_eq!(send("text/plain", good).await.0, 415);
        assert_eq!(send("application/json", "{").await.0, 400);
        assert_eq!(send("application/json", &b"{\"question\":\"\xff\"}"[..]).await.0, 400);
        assert_eq!(send("application/json", "[".repeat(100_000)).await.0, 400);
        assert_eq!(send("application/json", format!("{{\"question\":\"{}\"}}", "a".repeat(300_000))).await.0, 413);
    }

    #[tokio::test]
    async fn a_body_that_names_another_person_is_refused_whatever_its_type() {
        let body = |member: &str, person: &str| format!(r#"{{"question":"x","{member}":"{person}"}}"#);
        assert_eq!(send("application/json", body("user_id", "ada")).await.0, 200);
        for member in ["user_id", "userId"] {
            let (status, problem) = send("application/json", body(member, "grace")).await;
            assert!(status == 403 && problem.contains("identity.user_mismatch"), "{member}: {status} {problem}");
        }
        for members in [
            r#""user_id":"grace","user_id":"grace""#,
            r#""user_id":"ada","user_id":"grace""#,
            r#""user_id":"grace","user_id":"ada""#,
            r#""userId":null,"userId":"grace""#,
            r#""user_id":1"#,
            r#""user\u005fid":"grace""#,
        ] {
            let (status, problem) = send("application/json", format!(r#"{{"question":"x",{members}}}"#)).await;
            assert!(status == 403 && problem.contains("identity.user_mismatch"), "{members}: {status} {problem}");
        }
        let own = r#"{"question":"x","user_id":"ada","user_id":"ada","userId":null}"#;
        assert_eq!(send("application/json", own).await.0, 200);
    }
}
