//! Logs as JSON, one event a line, each with the request, trace, service, environment and tenant that it belongs to.

use super::{
    Service, redact,
    redact::{REDACTED, is_private},
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fmt;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Servers that run beside functions only on the laptop, and log each refusal that they hand out as an error of theirs.
const EMBEDDED: [&str; 2] = ["dynoxide", "s3s"];

/// A layer that writes events as JSON lines.
///
/// Fields of the surrounding spans stand in the line too, the innermost winning. The message is `message`; the stable name of
/// what happened is `event`, by default the module that says it. Every text goes through [`redact`], and a field that is named
/// like personal data or a credential stands there without its value.
pub struct Logs {
    service: Service,
    level: LevelFilter,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

impl Logs {
    /// Logs of `service`, each line handed to `write` without its line end.
    pub fn new(service: Service, write: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self { service, level: LevelFilter::TRACE, write }
    }

    /// Writes nothing below `level`, whatever others on the same subscriber want to hear.
    pub fn down_to(self, level: LevelFilter) -> Self {
        Self { level, ..self }
    }
}

/// The fields of a span, as they will stand in a line.
struct Fields(Map<String, Value>);

impl<S> Layer<S> for Logs
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if *attributes.metadata().level() > self.level {
            return;
        }
        let mut fields = Map::new();
        attributes.record(&mut Collect(&mut fields));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Fields(fields));
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        // Collected first: a value whose `Debug` panics must not do so under the lock, which the panic's own line needs.
        let mut more = Map::new();
        record.record(&mut Collect(&mut more));
        if let Some(span) = context.span(id)
            && let Some(Fields(fields)) = span.extensions_mut().get_mut::<Fields>()
        {
            fields.extend(more);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > self.level || EMBEDDED.iter().any(|server| metadata.target().starts_with(server)) {
            return;
        }
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("service".to_owned(), self.service.name.clone().into());
        line.insert("env".to_owned(), self.service.environment.clone().into());
        line.insert("event".to_owned(), metadata.target().into());
        for name in ["request_id", "trace_id", "tenant"] {
            line.insert(name.to_owned(), Value::Null);
        }
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                line.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        event.record(&mut Collect(&mut line));
        (self.write)(&Value::Object(line).to_string());
    }
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let value = if is_private(field.name()) { REDACTED.into() } else { value.into() };
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Collect<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, redact(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, redact(&format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_line_carries_its_request_its_tenant_and_what_the_event_says() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = lines.clone();
        let service = Service { name: "ask".into(), environment: "test".into(), region: "local".into() };
        let logs = Logs::new(service, Box::new(move |line| seen.lock().unwrap().push(line.to_owned())));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs), || {
            let span =
                tracing::error_span!("request", request_id = "req-1", trace_id = "t", tenant = tracing::field::Empty);
            let _entered = span.enter();
            span.record("tenant", "0f0f");
            let (password, contact) = ("correct horse", "ada@example.com");
            tracing::warn!(
                event = "auth_refused",
                cause = "expired",
                attempts = 3,
                password,
                contact,
                "a token of {contact} was refused"
            );
        });
        let line: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        for (name, value) in [
            ("request_id", "req-1".into()),
            ("trace_id", "t".into()),
            ("tenant", "0f0f".into()),
            ("service", "ask".into()),
            ("env", "test".into()),
            ("level", "WARN".into()),
            ("event", "auth_refused".into()),
            ("cause", "expired".into()),
            ("attempts", Value::from(3)),
            ("password", "[redacted]".into()),
            ("contact", "[email]".into()),
            ("message", "a token of [email] was refused".into()),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
    }
}
