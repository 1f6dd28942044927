//! What the table keeps of requests that came under an `Idempotency-Key`.

use super::{Caught, Place};
use aws_sdk_dynamodb::types::AttributeValue;
use local::Bundle;
use std::collections::HashMap;

/// A value as a text, whatever it is made of; bytes are UTF-8 here, which bodies are.
fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::B(bytes) => String::from_utf8_lossy(bytes.as_ref()).into_owned(),
        AttributeValue::L(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        AttributeValue::M(members) => {
            members.iter().map(|(name, value)| format!("{name} {}", text(value))).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

/// Whether an attribute is of the answer itself.
fn is_answer(name: &str) -> bool {
    matches!(name, "answer_status" | "answer_headers" | "answer_body" | "bytes")
}

/// Takes what stands in every item of a key: the answers, and what stands beside them. How many answers there were.
pub(super) async fn take(bundle: &Bundle, caught: &mut Caught) -> usize {
    let client = bundle.aws().administrator().dynamodb();
    let (mut start, mut answers) = (None, 0);
    loop {
        let table = &bundle.template().tables[0].name;
        let page = client.scan().table_name(table).set_exclusive_start_key(start).send().await.unwrap();
        for item in page.items() {
            let key = text(&item["pk"]);
            if !key.contains("#IDEMPOTENCY#") {
                continue;
            }
            let of = |answer: bool| -> String {
                let parts: HashMap<_, _> = item.iter().filter(|(name, _)| is_answer(name) == answer).collect();
                parts.into_iter().map(|(name, value)| format!("{name} {}\n", text(value))).collect()
            };
            answers += usize::from(item.contains_key("answer_status"));
            caught.0.push((Place::KeptAnswer, key.clone(), of(true)));
            caught.0.push((Place::Kept, key, of(false)));
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return answers;
        }
    }
}
