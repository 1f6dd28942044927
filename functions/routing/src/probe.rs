//! Trying a backend before traffic depends on it. `ingest` has the backends' clients, and tries; here it is asked to.

use http::HeaderMap;
use jiff::Timestamp;
use shared::{
    aws::Aws,
    invoke::{Answer, Invoke, InvokeError},
    problem::{Problem, chain},
    routes::{PROBE_PATH, Probed, Route, Step, ToProbe},
};
use std::time::Duration;

/// How long a probe may take: as long as `ingest` may.
const PATIENCE: Duration = Duration::from_secs(15);

/// Has backends tried. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Prober(Option<Invoke>);

/// What of a probe did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The backend failed at a step, for this reason.
    #[error("{why}")]
    Failed {
        /// The step.
        step: Step,
        /// Why, in words that hold no secret.
        why: String,
    },
    /// The backend could not be tried.
    #[error("The backend could not be tried. Send it again.")]
    NotTried(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<InvokeError> for ProbeError {
    fn from(error: InvokeError) -> Self {
        Self::NotTried(error.into())
    }
}

impl From<&ProbeError> for Problem {
    fn from(error: &ProbeError) -> Self {
        match error {
            ProbeError::Failed { step, .. } => Self::unprocessable("route.probe_failed").with("step", step.as_str()),
            ProbeError::NotTried(why) => {
                tracing::error!(event = "route_not_probed", error = chain(&**why));
                Self::unavailable("route.probe_unavailable").retry_after(1)
            }
        }
    }
}

impl Prober {
    /// Asks `function`, where there is one.
    pub(crate) fn new(aws: &Aws, function: Option<&str>) -> Self {
        Self(function.map(|name| Invoke::new(aws, name)))
    }

    /// Has the backend of `route` tried for whoever sent `headers`; whether there is somebody to try it.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub(crate) async fn probe(&self, route: &Route, headers: &HeaderMap, now: Timestamp) -> Result<bool, ProbeError> {
        let Some(ingest) = &self.0 else { return Ok(false) };
        let asked = ToProbe { backend_type: route.backend_type.clone(), config: route.config.clone() };
        let asked = serde_json::to_string(&asked).map_err(|error| ProbeError::NotTried(error.into()))?;
        let answer = ingest.post(PROBE_PATH, headers, &asked, now, PATIENCE).await?;
        heard(&answer).map(|Probed { probed }| probed)
    }
}

fn heard(answer: &Answer) -> Result<Probed, ProbeError> {
    let odd = || ProbeError::NotTried(format!("the probe was answered with {}", answer.status).into());
    match answer.status {
        200 => serde_json::from_value(answer.body.clone()).map_err(|_| odd()),
        422 => {
            let step = serde_json::from_value(answer.body["step"].clone()).map_err(|_| odd())?;
            let why = answer.body["detail"].as_str().ok_or_else(odd)?.to_owned();
            Err(ProbeError::Failed { step, why })
        }
        _ => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failure_is_told_with_its_step_and_whatever_is_no_answer_is_no_probe() {
        let of = |status, body| heard(&Answer { status, body });
        assert!(of(200, json!({"probed": true})).is_ok());
        for (step, name) in
            [(Step::Connect, "connect"), (Step::Write, "write"), (Step::Read, "read"), (Step::Delete, "delete")]
        {
            let failed = of(422, json!({"step": name, "detail": "there is no table of this name"})).unwrap_err();
            assert!(matches!(&failed, ProbeError::Failed { step: told, .. } if *told == step), "{failed:?}");
            let problem = Problem::from(&failed);
            assert_eq!((problem.status().as_u16(), problem.code()), (422, "route.probe_failed"));
        }
        for (status, body) in [
            (200, json!({})),
            (422, json!({"step": "jump", "detail": "x"})),
            (422, json!({"step": "write"})),
            (403, json!({"detail": "no"})),
            (500, json!(null)),
        ] {
            let problem = Problem::from(&of(status, body).unwrap_err());
            assert_eq!((problem.status().as_u16(), problem.code()), (503, "route.probe_unavailable"));
        }
    }
}
