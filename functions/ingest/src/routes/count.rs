//! Counting events.

use super::{QUERY, range::Asked, service_or};
use crate::{App, Error, stores::MISSING_ROUTE};
use axum::extract::State;
use event_store::{
    Aggregate, AggregateQuery, Dimension, Exactness, Filters, Group, Measure, Range,
    aggregate::{MAX_DIMENSIONS, PAGE_VIEW},
    rollup::{answer, sums::MAX_PATH},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    auth::Scope,
    web::{
        Json, Query,
        answers::Guarded,
        context::{Context, ContextHeaders},
    },
};
use std::collections::BTreeSet;

/// How many events are read at most, of what no roll-up tells.
const BUDGET: usize = 10_000;
/// What stands for a dimension that an event lacks.
const NONE: &str = "(none)";

/// What to count, and by what.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ToCount {
    /// An event type, in the singular or the plural (`pageviews`), `unique_users`, `unique_sessions` (also `sessions`), `bounce_rate`, or
    /// `sum:payload.<path>`: what the numbers at a path of members add up to, in events of every type unless `event_type` names one.
    #[param(example = "pageviews")]
    metric: String,
    /// Up to three dimensions with commas between them.
    #[param(example = "utm_source,surface")]
    group_by: Option<String>,
}

/// What was counted.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Counted {
    /// What was asked for.
    metric: String,
    /// Of all events together: a whole number, but for a rate and for a sum.
    #[schema(value_type = f64)]
    total: Value,
    /// By the values of the dimensions, nested in their order; `(none)` stands for events without one.
    #[schema(value_type = Object)]
    groups: Value,
    /// The same, a row for each combination.
    rows: Vec<CountedRow>,
    /// `exact`; `estimate` where there are so many people or sessions that their number, or their share, is one, with a standard error of 1 %;
    /// `truncated` where not all events were read.
    #[schema(example = "exact")]
    exactness: &'static str,
    /// How many events were read, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<usize>,
    /// Why there is nothing, in a lab without a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "analytics_store.missing_route")]
    warning: Option<&'static str>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct CountedRow {
    /// The values by their dimensions; `null` for events without one.
    #[schema(value_type = Object)]
    dimensions: Map<String, Value>,
    /// What was counted.
    #[schema(value_type = f64)]
    value: Value,
}

/// Counts events, or adds up what is in them, by up to three dimensions.
#[utoipa::path(
    get,
    path = "/analytics/aggregate",
    tag = "analytics",
    params(
        ToCount,
        Asked,
        ContextHeaders,
    ),
    responses((status = 200, description = "What was counted.", body = Counted), Guarded)
)]
pub(super) async fn aggregate(
    State(app): State<App>,
    context: Context,
    Query(to_count): Query<ToCount>,
    Query(asked): Query<Asked>,
) -> Result<Json<Counted>, Error> {
    QUERY.of(counted(&app, &context, to_count, &asked)).await.map(Json)
}

async fn counted(app: &App, context: &Context, to_count: ToCount, asked: &Asked) -> Result<Counted, Error> {
    service_or(&context.caller, Scope::AdminRead).await?;
    let group_by = dimensions(to_count.group_by.as_deref().unwrap_or_default())?;
    let metric = Metric::parse(&to_count.metric)?;
    let (range, filters) = asked.read(app.clock.now())?;
    let query = metric.query(range, filters, &group_by);
    let whole = query.measure.is_whole();
    let Some(store) = app.stores.of(context).await? else {
        let nothing = Aggregate { total: 0.0, groups: vec![], exactness: Exactness::Exact };
        return Ok(Counted { warning: Some(MISSING_ROUTE), ..told(to_count.metric, whole, &group_by, nothing) });
    };
    let found = answer::aggregate(&*store, &context.tenant, &query).await.map_err(Error::of_query)?;
    Ok(told(to_count.metric, whole, &group_by, found))
}

/// What a metric stands for.
enum Metric {
    /// The events of these types.
    Events(BTreeSet<String>),
    Of(Measure),
}

impl Metric {
    fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sum:") {
            let path = path.strip_prefix("payload.").filter(|path| path.len() <= MAX_PATH);
            let path = path.filter(|path| path.split('.').all(|name| !name.is_empty())).ok_or(Error::BadMetric)?;
            return Ok(Self::Of(Measure::Sum(path.to_owned())));
        }
        let kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        Ok(match text {
            "unique_users" => Self::Of(Measure::UniqueUsers),
            "unique_sessions" | "sessions" => Self::Of(Measure::UniqueSessions),
            "bounce_rate" => Self::Of(Measure::BounceRate),
            _ if !(1..=128).contains(&text.len()) || !text.chars().all(kind) => return Err(Error::BadMetric),
            _ => {
                let singular = text.strip_suffix('s').filter(|singular| !singular.is_empty());
                Self::Events(singular.into_iter().chain([text]).map(ToOwned::to_owned).collect())
            }
        })
    }

    fn query(self, range: Range, mut filters: Filters, group_by: &[Dimension]) -> AggregateQuery {
        let (types, measure) = match self {
            Self::Events(types) => (types, Measure::Events),
            Self::Of(measure) => (BTreeSet::new(), measure),
        };
        if measure == Measure::BounceRate {
            // A session bounces that saw one page.
            filters.dimensions.entry(Dimension::EventType).or_insert_with(|| PAGE_VIEW.to_owned());
        }
        AggregateQuery { range, filters, types, measure, group_by: group_by.to_vec(), budget: BUDGET }
    }
}

fn dimensions(text: &str) -> Result<Vec<Dimension>, Error> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let named = names.map(|name| name.parse().map_err(Error::BadDimension)).collect::<Result<Vec<Dimension>, _>>()?;
    let twice = named.iter().enumerate().any(|(at, name)| named[..at].contains(name));
    if named.len() > MAX_DIMENSIONS || twice { Err(Error::TooManyDimensions) } else { Ok(named) }
}

/// A number as JSON has it: whole where it is a number of things.
fn number(value: f64, whole: bool) -> Value {
    // Counts are far below what a number of JSON holds to the last digit.
    if whole { Value::from(value as u64) } else { Value::from(value) }
}

fn told(metric: String, whole: bool, group_by: &[Dimension], found: Aggregate) -> Counted {
    let mut groups = Value::Object(Map::new());
    for group in found.groups.iter().filter(|_| !group_by.is_empty()) {
        let mut place = &mut groups;
        for value in &group.values {
            let Value::Object(members) = place else { break };
            let name = value.as_deref().unwrap_or(NONE).to_owned();
            place = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        *place = number(group.value, whole);
    }
    let row = |group: Group| {
        let values = group.values.into_iter().map(Value::from);
        let dimensions = group_by.iter().map(|dimension| dimension.as_str().to_owned()).zip(values).collect();
        CountedRow { dimensions, value: number(group.value, whole) }
    };
    let (exactness, read) = match found.exactness {
        Exactness::Exact => ("exact", None),
        Exactness::Estimate => ("estimate", None),
        Exactness::Truncated { read } => ("truncated", Some(read)),
    };
    let rows = found.groups.into_iter().map(row).collect();
    Counted { metric, total: number(found.total, whole), groups, rows, exactness, read, warning: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_nested_in_the_order_that_was_asked_for_and_what_is_absent_has_a_name() {
        let group = |source: Option<&str>, app: &str, value| Group {
            values: vec![source.map(ToOwned::to_owned), Some(app.to_owned())],
            value,
        };
        let groups =
            vec![group(None, "shop", 2.0), group(Some("mail"), "kiosk", 1.0), group(Some("mail"), "shop", 3.0)];
        let found = Aggregate { total: 6.0, groups, exactness: Exactness::Exact };
        let by = [Dimension::UtmSource, Dimension::App];
        let fractions = told("bounce_rate".to_owned(), false, &by, found.clone());
        assert_eq!((&fractions.total, &fractions.groups["mail"]["kiosk"]), (&json!(6.0), &json!(1.0)));
        let told = told("pageviews".to_owned(), true, &by, found);
        assert_eq!((&told.total, &told.rows[2].value), (&json!(6), &json!(3)));
        assert_eq!(told.groups, json!({"(none)": {"shop": 2}, "mail": {"kiosk": 1, "shop": 3}}));
        assert_eq!(told.rows[0].dimensions["utm_source"], Value::Null);
    }

    #[test]
    fn dimensions_are_three_at_most_and_known_ones() {
        assert_eq!(dimensions("").unwrap(), []);
        assert_eq!(dimensions(" utm_source, app ").unwrap(), [Dimension::UtmSource, Dimension::App]);
        for bad in ["user_id", "payload.x", "app,app", "app,surface,platform,utm_term", "App"] {
            assert!(dimensions(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_metric_is_counted_added_up_or_refused() {
        for good in ["pageviews", "pageview", "s", "cta_clicks", "unique_users", "bounce_rate", "sum:payload.cart.sum"]
        {
            assert!(Metric::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "sum:", "sum:cart", "sum:payload.", "sum:payload.a..b", "é"] {
            assert!(Metric::parse(bad).is_err(), "{bad}");
        }
    }
}
