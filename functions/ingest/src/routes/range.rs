//! Which events a query's parameters ask for.

use crate::Error;
use event_store::{Dimension, Filters, Range, rollup::Hour};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// How far back a query looks that says no time: 30 days.
const USUAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What events must have, as a query's parameters say it. Each is compared as it is written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// From when on, RFC 3339; the hour 30 days before `end_time`, unless said.
    #[param(format = DateTime)]
    start_time: Option<String>,
    /// Up to before when, RFC 3339; the end of the hour a day from now, unless said.
    #[param(format = DateTime)]
    end_time: Option<String>,
    /// What happened.
    event_type: Option<String>,
    /// Where the visit came from.
    utm_source: Option<String>,
    /// By what means.
    utm_medium: Option<String>,
    /// Out of which campaign.
    utm_campaign: Option<String>,
    /// By which of its links.
    utm_content: Option<String>,
    /// For which term.
    utm_term: Option<String>,
    /// The app.
    app: Option<String>,
    /// The part of it.
    surface: Option<String>,
    /// What it runs on.
    platform: Option<String>,
    /// The person whom events are about.
    user_id: Option<String>,
    /// The session that they belong to.
    session_id: Option<String>,
}

impl Asked {
    /// The range and the filters.
    ///
    /// # Errors
    ///
    /// [`Error::BadTimeRange`].
    pub(super) fn read(&self, now: Timestamp) -> Result<(Range, Filters), Error> {
        let time = |text: &Option<String>, form| {
            text.as_deref().map(|text| text.parse::<Timestamp>().map_err(|_| Error::BadTimeRange(form))).transpose()
        };
        let to = time(&self.end_time, "end_time is a time of RFC 3339, such as 2026-03-01T12:00:00Z.")?;
        // Events may be a day ahead of our clock. Whole hours are answered from what was counted.
        let ahead = || now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        let to = to.unwrap_or_else(|| Hour::of(ahead()).range().to);
        let from = time(&self.start_time, "start_time is a time of RFC 3339, such as 2026-03-01T12:00:00Z.")?;
        let from = from.unwrap_or_else(|| Hour::of(to.saturating_sub(USUAL).unwrap_or(Timestamp::MIN)).range().from);
        if from >= to {
            return Err(Error::BadTimeRange("start_time is before end_time, which is not in the range itself."));
        }
        let wanted = [
            (Dimension::EventType, &self.event_type),
            (Dimension::UtmSource, &self.utm_source),
            (Dimension::UtmMedium, &self.utm_medium),
            (Dimension::UtmCampaign, &self.utm_campaign),
            (Dimension::UtmContent, &self.utm_content),
            (Dimension::UtmTerm, &self.utm_term),
            (Dimension::App, &self.app),
            (Dimension::Surface, &self.surface),
            (Dimension::Platform, &self.platform),
        ];
        let dimensions = wanted.into_iter().filter_map(|(dimension, value)| Some((dimension, value.clone()?)));
        let filters = Filters {
            dimensions: dimensions.collect(),
            user_id: self.user_id.clone(),
            session_id: self.session_id.clone(),
        };
        Ok((Range { from, to }, filters))
    }
}

impl Asked {
    /// All that it says, in one order, for the context of a cursor.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        let said = [
            &self.start_time,
            &self.end_time,
            &self.event_type,
            &self.utm_source,
            &self.utm_medium,
            &self.utm_campaign,
            &self.utm_content,
            &self.utm_term,
            &self.app,
            &self.surface,
            &self.platform,
            &self.user_id,
            &self.session_id,
        ];
        // What is absent differs from what is empty.
        said.into_iter().flat_map(|said| [if said.is_some() { "=" } else { "-" }, said.as_deref().unwrap_or_default()])
    }
}
