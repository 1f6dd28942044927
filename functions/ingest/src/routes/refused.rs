//! Keeping what is refused for what it is.

use crate::{
    App,
    failed::{Reason, Sent},
};
use shared::{
    ids::{self, PersonId},
    problem::{Problem, chain},
    telemetry::{Metric, Outcome, metrics},
    web::context::Context,
};

/// The refusals of one request.
pub(super) struct Refusals<'a> {
    app: &'a App,
    context: &'a Context,
    request_id: &'a str,
    person: Option<&'a PersonId>,
}

/// An event that is refused: what was sent, its place in the request, and why.
pub(super) struct Refused<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: Option<usize>,
    pub(super) why: &'a Problem,
}

/// What became of a refused event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It waits under this id.
    As(String),
    /// It is not kept: there is no room, or the table failed.
    Not,
}

impl Kept {
    /// The refusal, with what became of the event.
    pub(super) fn tell(self, why: Problem) -> Problem {
        match self {
            Self::As(failed_id) => why.with("failed_id", failed_id),
            Self::Not => why.with("failed_kept", false),
        }
    }
}

impl<'a> Refusals<'a> {
    pub(super) fn of(app: &'a App, context: &'a Context, request_id: &'a str, person: Option<&'a PersonId>) -> Self {
        Self { app, context, request_id, person }
    }

    /// Keeps those that are refused for what they are; what became of each, and nothing of those that are refused for something else.
    ///
    /// A fault of the table changes no refusal: the answer says that the event is not kept.
    pub(super) async fn keep(&self, refused: Vec<Refused<'_>>) -> Vec<Option<Kept>> {
        let now = self.app.clock.now();
        let sent = Sent {
            tenant: self.context.tenant.tenant(),
            project: &self.context.project,
            request_id: self.request_id,
            person: self.person,
            now,
            pii: self.app.config.pii,
            name: ids::timed(now),
        };
        let rows: Vec<_> = refused
            .iter()
            .map(|one| Reason::of(one.why).map(|reason| sent.failed(one.bytes, one.at, one.why, reason)))
            .collect();
        let for_what_they_are: Vec<bool> = rows.iter().map(Option::is_some).collect();
        let rows: Vec<_> = rows.into_iter().flatten().collect();
        if rows.is_empty() {
            return vec![None; refused.len()];
        }
        let all = rows.len();
        let kept = Box::pin(self.app.failed.of(&self.context.tenant).keep(rows, now)).await.unwrap_or_else(|error| {
            let causes = chain(&error);
            tracing::error!(
                event = "analytics_failed_not_kept",
                error = causes,
                "refused events are not kept: {causes}"
            );
            vec![None; all]
        });
        let count = kept.iter().flatten().count() as u64;
        let not = all as u64 - count;
        let counted = [("analytics_failed_kept_total", count), ("analytics_failed_not_kept_total", not)];
        metrics::emit(None, Outcome::Declined, &counted.map(|(name, count)| Metric::count(name, count)));
        let mut kept = kept.into_iter();
        let told = |is: bool| is.then(|| kept.next().flatten().map_or(Kept::Not, Kept::As));
        for_what_they_are.into_iter().map(told).collect()
    }
}
