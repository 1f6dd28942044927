//! What a question leaves behind: its spans in order, and one line about retrieval.

use super::*;
use std::sync::{Arc, Mutex};
use tracing::{
    Subscriber,
    field::Visit,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Every span as `parent > name`, and every event as its message and fields, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent().map(|parent| parent.name()).unwrap_or("-");
        let mut fields = Fields(String::new());
        attributes.record(&mut fields);
        if attributes.metadata().target().starts_with("ask") || span.name() == "request" {
            self.0.lock().unwrap().push(format!("{parent} > {}{}", span.name(), fields.0));
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("ask") {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(format!("event{}", fields.0));
        }
    }
}

/// One process, one subscriber: this story runs in a process of its own.
#[test]
fn a_question_leaves_its_spans_in_order_and_one_line_about_retrieval() {
    let seen = Seen::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(seen.clone())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bundle = Bundle::start().await;
        answer(&bundle.shopper("spanner"), "where is the oat milk?").await;
    });
    // A copy: the other stories of this process are heard too, and must not stumble over this one's fall.
    let seen = seen.0.lock().unwrap().clone();
    let person = shared::private::hashed("spanner");
    assert!(seen.iter().all(|line| !line.contains("spanner")), "a person is named by a digest");
    let begin =
        seen.iter().position(|line| line.contains("> ask_request") && line.contains(&person)).expect("there is a span");
    let lines = &seen[begin..];
    assert!(lines[0].starts_with("request > ask_request") && lines[0].contains("store_id=downtown"), "{lines:#?}");
    let mut order = lines.iter().filter_map(|line| line.strip_prefix("ask_request > "));
    for name in ["embed_query", "vector_search", "rerank", "llm_generation tokens_used=0"] {
        assert!(order.any(|span| span.starts_with(name)), "{name} in {lines:#?}");
    }
    let called = "llm_generation > tool_call tool=\"get_product_location\"";
    assert!(lines.iter().any(|line| line.starts_with(called)), "{called} in {lines:#?}");
    let line = lines.iter().find(|line| line.contains("RAG query completed")).expect("there is a line");
    for field in ["resultsFound=", "ragAvailable=true", "averageSimilarity=0.", "queryTime="] {
        assert!(line.contains(field), "{field} in {line}");
    }
}
