//! Which spans and events belong to which request.

use super::{
    buffer::{Attributes as Held, Event, Kind, Trace, Value, now},
    config::Config,
    export::Exporter,
};
use crate::{
    telemetry::{
        Service,
        redact::{REDACTED, is_private},
    },
    web::request::{self, RequestContext},
};
use std::{fmt, sync::Arc};
use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, Registry, layer::Context, registry::LookupSpan};

/// A layer that keeps the spans of each request with it until its end. Spans and events below `INFO` are none of its.
pub struct Traces {
    exporter: Arc<Exporter>,
}

impl Traces {
    /// Traces of `service`, sent as `config` says.
    pub fn new(service: Service, config: Config) -> Self {
        Self { exporter: Arc::new(Exporter::new(service, config)) }
    }
}

/// A span's place in the trace that it belongs to.
#[derive(Clone)]
struct Node {
    trace: Arc<Trace>,
    place: usize,
}

/// Begins the trace of a request whose own span is `span`; notes in `context` whether it is expected to be kept. `None` where traces are
/// not sent.
pub(crate) fn open(span: &tracing::Span, context: &mut RequestContext, kind: Kind) -> Option<Arc<Trace>> {
    let name = span.metadata()?.name();
    span.with_subscriber(|(id, dispatch)| {
        let traces = dispatch.downcast_ref::<Traces>()?;
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let trace = Trace::begin(traces.exporter.clone(), context, kind, name);
        span.extensions_mut().replace(Node { trace: trace.clone(), place: 0 });
        Some(trace)
    })
    .flatten()
}

/// The `traceparent` for a call to somebody else: of the span that runs, else of the request, else none.
pub(crate) fn current_traceparent() -> Option<String> {
    let running = tracing::Span::current().with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let Node { trace, place } = span.scope().find_map(|span| span.extensions().get::<Node>().cloned())?;
        let context = &trace.context;
        Some(request::traceparent(&context.trace_id, &trace.span_id(place), context.sampled))
    });
    running.flatten().or_else(|| request::current().map(|context| context.traceparent()))
}

/// The exporter of the current subscriber.
#[cfg(test)]
pub(crate) fn exporter_of() -> Arc<Exporter> {
    tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Traces>().map(|traces| traces.exporter.clone()))
        .expect("traces are exported")
}

impl<S> Layer<S> for Traces
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let Some(span) = context.span(id).filter(|_| *metadata.level() <= Level::INFO) else { return };
        let above = span.scope().skip(1).find_map(|span| span.extensions().get::<Node>().cloned());
        let Some(Node { trace, place: parent }) = above else { return };
        let mut held = Held::new();
        attributes.record(&mut Collect(&mut held));
        let place = trace.with(|buffer| {
            let place = buffer.open(metadata.name().into(), parent, held)?;
            if *metadata.level() == Level::ERROR {
                buffer.fail(place);
            }
            Some(place)
        });
        if let Some(place) = place.flatten() {
            span.extensions_mut().replace(Node { trace, place });
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let node = context.span(id).and_then(|span| span.extensions().get::<Node>().cloned());
        if let Some(Node { trace, place }) = node {
            let mut held = Held::new();
            record.record(&mut Collect(&mut held));
            trace.with(|buffer| buffer.add(place, held));
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return;
        }
        let mut scope = context.event_scope(event).into_iter().flatten();
        let Some(Node { trace, place }) = scope.find_map(|span| span.extensions().get::<Node>().cloned()) else {
            return;
        };
        let mut attributes = Held::new();
        event.record(&mut Collect(&mut attributes));
        let error = *metadata.level() == Level::ERROR;
        let named = attributes.iter().position(|(name, _)| name == "event").map(|at| attributes.remove(at).1);
        let name = match named {
            Some(Value::Text(name)) => name.into(),
            _ => metadata.target().into(),
        };
        // Errors stand in the form in which OpenTelemetry records exceptions, which trace viewers show as such.
        let name = if error { exception(name, &mut attributes) } else { name };
        trace.with(|buffer| buffer.tell(place, error, Event { name, at: now(), attributes }));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let node = context.span(&id).and_then(|span| span.extensions().get::<Node>().cloned());
        if let Some(Node { trace, place }) = node {
            trace.with(|buffer| buffer.end(place));
        }
    }
}

type Name = std::borrow::Cow<'static, str>;

fn exception(kind: Name, attributes: &mut Held) -> Name {
    for (name, _) in attributes.iter_mut().filter(|(name, _)| name == "message") {
        *name = "exception.message".into();
    }
    attributes.push(("exception.type".into(), Value::Text(kind.into_owned())));
    "exception".into()
}

struct Collect<'a>(&'a mut Held);

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let value = if is_private(field.name()) { Value::Text(REDACTED.to_owned()) } else { value };
        self.0.push((field.name().into(), value));
    }
}

impl Visit for Collect<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Fraction(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Whole(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Whole));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Flag(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::text(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::text(&format!("{value:?}")));
    }
}
