//! The template's schedules, ticked by the bundle's clock or run by hand.

use crate::{
    cron::Cron,
    functions::Job,
    stop::Stopped,
    template::{Rhythm, Schedule, Template},
};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use shared::clock::Clock;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How often the clock is looked at. It can be moved, so that nobody can sleep until a schedule is due.
const TICK: Duration = Duration::from_millis(250);

/// Every schedule with its job. Clones share the turns.
#[derive(Clone)]
pub(crate) struct Schedules(Arc<Vec<Entry>>);

struct Entry {
    schedule: Schedule,
    due: Due,
    job: Job,
    /// Held while the job runs: EventBridge may overlap runs, but the laptop's one process need not.
    turn: Mutex<()>,
}

enum Due {
    Every(SignedDuration),
    At(Cron),
}

impl Schedules {
    /// Puts schedules and jobs together; a schedule whose job is missing is left out, [`crate::agree`] tells of it.
    pub(crate) fn of(template: &Template, jobs: &[Job]) -> Result<Self> {
        let mut entries = Vec::new();
        for function in &template.functions {
            let Some(job) = jobs.iter().find(|job| job.binary == function.binary) else { continue };
            for schedule in &function.schedules {
                let due = match &schedule.rhythm {
                    Rhythm::Every(rate) => Due::Every(SignedDuration::try_from(*rate)?),
                    Rhythm::Cron(fields) => Due::At(Cron::parse(fields).with_context(|| schedule.id.clone())?),
                };
                entries.push(Entry { schedule: schedule.clone(), due, job: job.clone(), turn: Mutex::default() });
            }
        }
        Ok(Self(Arc::new(entries)))
    }

    /// The names that [`Schedules::run`] knows: the jobs' binaries.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|entry| entry.job.binary).collect()
    }

    /// Runs the schedule of the job `name`, or the one with that id in the template, as of `now`; `None` where there is none.
    pub(crate) async fn run(&self, name: &str, now: Timestamp) -> Option<Result<String>> {
        let entry = self.0.iter().find(|entry| entry.job.binary == name || entry.schedule.id == name)?;
        Some(entry.run(now).await)
    }

    /// Runs each schedule whenever it is due, until `stopped`.
    ///
    /// A clock that jumps ahead makes one run of those that it jumped over, for the last time that it passed.
    pub(crate) async fn tick(self, clock: Clock, stopped: Stopped) {
        let start = clock.now();
        let mut due: Vec<Option<Timestamp>> = self.0.iter().map(|entry| entry.due.after(start)).collect();
        let ticking = async {
            loop {
                tokio::time::sleep(TICK).await;
                let now = clock.now();
                for (place, next) in due.iter_mut().enumerate() {
                    let Some(mut last) = next.filter(|next| *next <= now) else { continue };
                    let entry = &self.0[place];
                    while let Some(later) = entry.due.after(last).filter(|later| *later <= now) {
                        last = later;
                    }
                    *next = entry.due.after(last);
                    let schedules = self.clone();
                    tokio::spawn(async move {
                        let entry = &schedules.0[place];
                        // The run that is still under way does this one's work too.
                        let Ok(_turn) = entry.turn.try_lock() else { return };
                        if let Err(error) = entry.job.handle(&entry.schedule.event(last)).await {
                            tracing::error!(event = "schedule_failed", "{} failed: {error:#}", entry.job.binary);
                        }
                    });
                }
            }
        };
        tokio::select! {
            () = ticking => {}
            () = stopped.wait() => {}
        }
    }
}

impl Entry {
    async fn run(&self, due: Timestamp) -> Result<String> {
        let _turn = self.turn.lock().await;
        self.job.handle(&self.schedule.event(due)).await
    }
}

impl Due {
    fn after(&self, last: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(rate) => last.checked_add(*rate).ok(),
            Self::At(cron) => cron.next(last),
        }
    }
}
