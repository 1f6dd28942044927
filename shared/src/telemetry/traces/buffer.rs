//! The spans of one request, kept until its end.

use super::{export::Exporter, otlp, sampling};
use crate::web::request::RequestContext;
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The most spans of a trace, its root among them.
pub(crate) const MAX_SPANS: usize = 256;
/// The most events of a trace.
pub(crate) const MAX_EVENTS: usize = 128;
/// The most bytes of names and values in a trace.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// The most bytes of one value.
const MAX_VALUE_BYTES: usize = 1024;

/// What a trace is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request.
    Server,
    /// A job's run.
    Job,
}

/// A value that stands in a span or an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Whole(i64),
    Fraction(f64),
    Flag(bool),
}

/// Names and values; a name occurs once.
pub(crate) type Attributes = Vec<(Cow<'static, str>, Value)>;

/// What a span is, while it lasts and after.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) name: Cow<'static, str>,
    /// The place of its parent among the trace's spans; the root's is its own.
    pub(crate) parent: usize,
    pub(crate) begun: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<Event>,
    pub(crate) failed: bool,
}

/// Something that happened within a span.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: Cow<'static, str>,
    pub(crate) at: Duration,
    pub(crate) attributes: Attributes,
}

/// The trace of a request that is under way.
#[derive(Debug)]
pub(crate) struct Trace {
    exporter: Arc<Exporter>,
    pub(crate) context: RequestContext,
    pub(crate) kind: Kind,
    /// `None` once the request is over: what comes later is not kept.
    buffer: Mutex<Option<Buffer>>,
}

/// What is kept of a trace.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) spans: Vec<Span>,
    /// Spans and events that found no room.
    pub(crate) dropped: usize,
    events: usize,
    bytes: usize,
    failed: bool,
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Trace {
    /// A trace with its root, `name`. Says so in `context` if the trace is expected to be kept.
    pub(crate) fn begin(
        exporter: Arc<Exporter>,
        context: &mut RequestContext,
        kind: Kind,
        name: &'static str,
    ) -> Arc<Self> {
        let asked = context.parent.as_ref().map(|parent| parent.sampled);
        context.sampled = asked.unwrap_or_else(|| sampling::is_within(&context.trace_id, exporter.ratio()));
        let mut buffer = Buffer::default();
        let attributes = vec![(Cow::Borrowed("request_id"), Value::Text(context.request_id.clone()))];
        buffer.open(name.into(), 0, attributes);
        Arc::new(Self { exporter, context: context.clone(), kind, buffer: Mutex::new(Some(buffer)) })
    }

    /// Changes what is kept, while the request is under way.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Buffer) -> T) -> Option<T> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(change)
    }

    /// The name of the span at `place`: 16 hex digits. The root's is the request's.
    pub(crate) fn span_id(&self, place: usize) -> String {
        let root = u64::from_str_radix(&self.context.span_id, 16).unwrap_or_default();
        // An odd factor leads each place to a number of its own; zero is no name.
        let number = root.wrapping_add((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        format!("{:016x}", if number == 0 { 1 } else { number })
    }

    /// Ends the trace, and sends it where it is one to be kept. Waits for the collector, within the exporter's bound.
    pub(crate) async fn end(&self, failed: bool) {
        let taken = self.buffer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut buffer) = taken else { return };
        let failed = failed || buffer.failed;
        if !(failed || self.context.sampled) || self.exporter.pauses() {
            return;
        }
        buffer.close(failed);
        let body = otlp::encode(self.exporter.service(), self, &buffer);
        self.exporter.send(body).await;
    }
}

impl Buffer {
    /// Adds a span under the one at `parent`; its place, or `None` where there is no room.
    pub(crate) fn open(&mut self, name: Cow<'static, str>, parent: usize, attributes: Attributes) -> Option<usize> {
        let bytes = name.len() + bytes_of(&attributes);
        if self.spans.len() == MAX_SPANS || !self.has_room(bytes) {
            self.dropped += 1;
            return None;
        }
        let span = Span { name, parent, begun: now(), ended: None, attributes, events: Vec::new(), failed: false };
        self.spans.push(span);
        Some(self.spans.len() - 1)
    }

    /// Adds to what is known of the span at `place`.
    pub(crate) fn add(&mut self, place: usize, attributes: Attributes) {
        if self.has_room(bytes_of(&attributes))
            && let Some(span) = self.spans.get_mut(place)
        {
            for (name, value) in attributes {
                span.attributes.retain(|(known, _)| *known != name);
                span.attributes.push((name, value));
            }
        }
    }

    /// Adds an event to the span at `place`. One that tells of an error is one whether or not there is room for its words.
    pub(crate) fn tell(&mut self, place: usize, error: bool, event: Event) {
        self.failed |= error;
        let room = self.events < MAX_EVENTS && self.has_room(event.name.len() + bytes_of(&event.attributes));
        let Some(span) = self.spans.get_mut(place) else { return };
        span.failed |= error;
        if room {
            self.events += 1;
            span.events.push(event);
        } else {
            self.dropped += 1;
        }
    }

    /// Marks the span at `place` as one that failed.
    pub(crate) fn fail(&mut self, place: usize) {
        self.failed = true;
        if let Some(span) = self.spans.get_mut(place) {
            span.failed = true;
        }
    }

    /// Notes that the span at `place` is over.
    pub(crate) fn end(&mut self, place: usize) {
        if let Some(span) = self.spans.get_mut(place) {
            span.ended = Some(now());
        }
    }

    /// Names the root after what was asked for.
    pub(crate) fn name(&mut self, name: String) {
        if let Some(root) = self.spans.first_mut() {
            root.name = name.into();
        }
    }

    /// Ends what is not over yet.
    fn close(&mut self, failed: bool) {
        let (now, dropped) = (now(), self.dropped);
        for span in &mut self.spans {
            span.ended.get_or_insert(now);
        }
        if let Some(root) = self.spans.first_mut() {
            root.failed |= failed;
            if dropped > 0 {
                root.attributes.push(("dropped".into(), Value::Whole(i64::try_from(dropped).unwrap_or(i64::MAX))));
            }
        }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let room = self.bytes + bytes <= MAX_BYTES;
        self.bytes += if room { bytes } else { 0 };
        room
    }
}

impl Value {
    /// A text without personal data and secrets, cut off after [`MAX_VALUE_BYTES`].
    pub(crate) fn text(text: &str) -> Self {
        let mut text = crate::telemetry::redact(text).into_owned();
        if text.len() > MAX_VALUE_BYTES {
            text.truncate(text.floor_char_boundary(MAX_VALUE_BYTES));
            text.push('…');
        }
        Self::Text(text)
    }
}

fn bytes_of(attributes: &Attributes) -> usize {
    let value = |value: &Value| match value {
        Value::Text(text) => text.len(),
        _ => 8,
    };
    attributes.iter().map(|(name, held)| name.len() + value(held)).sum()
}
