//! The Lambda end of a job: the schedule's event in, the run's report out.

use super::Report;
use crate::{clock::Clock, problem::chain};
use jiff::Timestamp;
pub use lambda_runtime::Error;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, de::DeserializeOwned};

/// The schedule's event. A run that is started by hand may leave the time out, and ask for something.
#[derive(Debug, Default, Deserialize)]
struct Due<A> {
    #[serde(default)]
    scheduled_time: Option<Timestamp>,
    #[serde(flatten)]
    asked: A,
}

/// Nothing that is asked for.
#[derive(Debug, Default, Deserialize)]
struct Nothing {}

/// Runs the job whenever the schedule's event comes, until the environment ends.
///
/// A run that did nothing at all fails as `<name>.not_listed`, one that is not clean as `<name>.<fault>`.
///
/// # Errors
///
/// Those of the runtime's own connection to Lambda; a run's faults are answers.
pub async fn serve<R, E>(name: &str, clock: &Clock, run: impl AsyncFn(Timestamp) -> Result<R, E>) -> Result<(), Error>
where
    R: Report,
    E: std::error::Error,
{
    serve_asked(name, clock, async |due, _: Nothing| run(due).await).await
}

/// The same for a job whose event may ask for something beside the time.
///
/// # Errors
///
/// Those of the runtime's own connection to Lambda; a run's faults are answers.
pub async fn serve_asked<A, R, E>(
    name: &str,
    clock: &Clock,
    run: impl AsyncFn(Timestamp, A) -> Result<R, E>,
) -> Result<(), Error>
where
    A: DeserializeOwned,
    R: Report,
    E: std::error::Error,
{
    let run = &run;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Due<A>>| async move {
        let Due { scheduled_time, asked } = event.payload;
        ended(name, run(scheduled_time.unwrap_or_else(|| clock.now()), asked).await)
    }))
    .await
}

fn ended<R: Report, E: std::error::Error>(name: &str, ran: Result<R, E>) -> Result<R, Diagnostic> {
    let failed = |kind: &str, error_message| Diagnostic { error_type: format!("{name}.{kind}"), error_message };
    let report = ran.map_err(|error| failed("not_listed", chain(&error)))?;
    match report.is_clean() {
        true => Ok(report),
        false => Err(failed(report.fault(), format!("{report:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Debug, Serialize)]
    struct Counted {
        failed: u64,
        altered: u64,
    }

    impl Report for Counted {
        fn is_clean(&self) -> bool {
            self.failed + self.altered == 0
        }

        fn fault(&self) -> &'static str {
            if self.altered > 0 { "altered" } else { "incomplete" }
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("nothing could be listed")]
    struct NotListed(#[source] std::io::Error);

    #[test]
    fn a_run_fails_under_the_jobs_name() {
        let fault = |ran: Result<Counted, NotListed>| {
            ended("outbox_drain", ran)
                .map(drop)
                .map_err(|Diagnostic { error_type, error_message }| (error_type, error_message))
        };
        let told = |kind: &str, message: &str| Err((kind.to_owned(), message.to_owned()));
        assert_eq!(fault(Ok(Counted { failed: 0, altered: 0 })), Ok(()));
        let not_listed = NotListed(std::io::Error::other("throttled"));
        assert_eq!(fault(Err(not_listed)), told("outbox_drain.not_listed", "nothing could be listed: throttled"));
        let incomplete = Counted { failed: 2, altered: 0 };
        assert_eq!(fault(Ok(incomplete)), told("outbox_drain.incomplete", "Counted { failed: 2, altered: 0 }"));
        let altered = Counted { failed: 2, altered: 1 };
        assert_eq!(fault(Ok(altered)), told("outbox_drain.altered", "Counted { failed: 2, altered: 1 }"));
    }

    #[test]
    fn a_run_by_hand_may_leave_the_time_out() {
        let due = |event: &str| serde_json::from_str::<Due<Nothing>>(event).unwrap().scheduled_time;
        assert_eq!(due("{}"), None);
        assert_eq!(due(r#"{"scheduled_time": null}"#), None);
        assert_eq!(due(r#"{"scheduled_time": "2026-03-01T09:00:00Z"}"#), Some("2026-03-01T09:00:00Z".parse().unwrap()));
        assert!(serde_json::from_str::<Due<Nothing>>(r#"{"scheduled_time": "soon"}"#).is_err());
    }
}
