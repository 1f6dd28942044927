//! The bench adapter: JSON lines in, one reply a line out, at once and in order, until the input ends.
//!
//! A new operation is a module beside this one and an arm of [`Adapter::reply`].

pub mod audit;
pub mod search;
pub mod token;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// What the operations keep between requests.
#[derive(Default)]
pub struct Adapter {
    searcher: search::Searcher,
}

impl Adapter {
    /// Answers every line of `input` on `output`.
    ///
    /// # Errors
    ///
    /// Those of reading and writing; a line that is wrong is answered, not an error.
    pub async fn run(
        &mut self,
        mut input: impl AsyncBufRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line).await? > 0 {
            if !line.trim_ascii().is_empty() {
                let mut reply = self.line(&line).await.to_string();
                reply.push('\n');
                output.write_all(reply.as_bytes()).await?;
                output.flush().await?;
            }
            line.clear();
        }
        Ok(())
    }

    /// The reply to one line: the operation's members and the request's `id`, or an `error`.
    async fn line(&mut self, line: &[u8]) -> Value {
        let request: Map<String, Value> = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return json!({"id": null, "error": format!("not a JSON object: {error}")}),
        };
        let id = request.get("id").cloned().unwrap_or(Value::Null);
        let mut reply = match self.reply(&Value::Object(request)).await {
            Ok(Value::Object(members)) => members,
            Ok(other) => Map::from_iter([("result".to_owned(), other)]),
            Err(error) => Map::from_iter([("error".to_owned(), Value::String(format!("{error:#}")))]),
        };
        reply.insert("id".to_owned(), id);
        Value::Object(reply)
    }

    async fn reply(&mut self, request: &Value) -> anyhow::Result<Value> {
        match request.get("op").and_then(Value::as_str) {
            Some("search") => self.searcher.answer(request).await,
            Some("merkle") => Ok(audit::merkle(request)),
            Some("audit-verify") => audit::verify(request),
            Some("audit-rebuild") => audit::rebuild(request),
            Some("audit-export") => audit::export(request).await,
            Some("token") => Ok(token::token(request)),
            Some("jws") => Ok(token::jws(request)),
            _ => Ok(json!({"error": "unsupported"})),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn replies(input: &str) -> Vec<Value> {
        let mut output = Vec::new();
        Adapter::default().run(input.as_bytes(), &mut output).await.unwrap();
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn every_line_gets_one_reply_in_order_and_blank_lines_get_none() {
        let replies = replies("{\"id\":7,\"op\":\"dance\"}\n\n{oops\n[1]\n{\"id\":\"x\"}").await;
        assert_eq!(replies[0], json!({"id": 7, "error": "unsupported"}));
        assert_eq!(replies[1]["id"], Value::Null);
        assert!(replies[1]["error"].is_string() && replies[2]["error"].is_string());
        assert_eq!(replies[3], json!({"id": "x", "error": "unsupported"}));
        assert_eq!(replies.len(), 4);
    }

    #[tokio::test]
    async fn a_search_without_its_members_or_file_is_an_error_with_its_id() {
        let replies = replies(
            "{\"id\":1,\"op\":\"search\"}\n{\"id\":2,\"op\":\"search\",\"store\":\"/nowhere.tsv\",\"queries\":[],\"k\":1}\n",
        )
        .await;
        assert_eq!((&replies[0]["id"], &replies[1]["id"]), (&json!(1), &json!(2)));
        assert!(replies.iter().all(|reply| reply["error"].is_string()));
    }
}
