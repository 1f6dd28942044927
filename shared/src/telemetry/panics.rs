//! Panics as log lines.

/// From now on a panic is told as a line of the log, and no longer on standard error, where its words would stand as they are: a
/// message may quote what a caller sent, and only a log line goes through [`super::redact`].
///
/// A release aborts on a panic, right after this line.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = message(panic.payload());
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "panicked", place, "a panic: {said}");
    }));
}

/// The words of a panic.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let said = payload.downcast_ref::<&str>().copied();
    said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
