//! A job's run, told as a request's is: ids of its own on every line, and a trace that goes out before the run ends.

use super::traces::{self, Kind};
use crate::web::request::{self, RequestContext};
use std::future::Future;
use tracing::Instrument;

/// Runs `work` as the job `job`: with a request id and a trace of its own, sent before this returns. A run that fails is always
/// kept.
///
/// # Errors
///
/// Those of `work`.
pub async fn job<T, E>(job: &'static str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut context = RequestContext::fresh();
    let RequestContext { request_id, trace_id, .. } = &context;
    let span = tracing::error_span!("job", job, request_id, trace_id, tenant = tracing::field::Empty);
    let trace = traces::open(&span, &mut context, Kind::Job);
    let done = request::scope(context, work).instrument(span.clone()).await;
    if let Some(trace) = trace {
        trace.with(|spans| spans.name(job.to_owned()));
        trace.end(done.is_err()).instrument(span).await;
    }
    done
}
