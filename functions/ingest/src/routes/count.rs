//! Counting events.

use super::{QUERY, range::Asked, service_or};
use crate::{App, Error, stores::MISSING_ROUTE};
use axum::extract::State;
use event_store::{
    Aggregate, AggregateQuery, Dimension, EventStore, Exactness, Filters, Group, Measure, Range,
    aggregate::{self, MAX_DIMENSIONS},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    auth::Scope,
    tenant::TenantScope,
    web::{
        Json, Query,
        answers::Guarded,
        context::{Context, ContextHeaders},
    },
};
use std::collections::BTreeMap;

/// How many events are read at most.
const BUDGET: usize = 10_000;
/// What stands for a dimension that an event lacks.
const NONE: &str = "(none)";

/// What to count, and by what.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ToCount {
    /// An event type, in the singular or the plural (`pageviews`), `unique_users`, `unique_sessions` (also `sessions`), `bounce_rate`, or
    /// `sum:payload.<path>`.
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
    /// Of all events together.
    total: f64,
    /// By the values of the dimensions, nested in their order; `(none)` stands for events without one.
    #[schema(value_type = Object)]
    groups: Value,
    /// The same, a row for each combination.
    rows: Vec<CountedRow>,
    /// `exact`, or `truncated` where only the newest events were read.
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
    value: f64,
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
    let Some(store) = app.stores.of(context).await? else {
        let nothing = Aggregate { total: 0.0, groups: vec![], exactness: Exactness::Exact };
        return Ok(Counted { warning: Some(MISSING_ROUTE), ..told(to_count.metric, &group_by, nothing) });
    };
    let found = metric.count(&*store, &context.tenant, range, filters, &group_by).await?;
    Ok(told(to_count.metric, &group_by, found))
}

/// What a metric stands for.
enum Metric {
    /// The events of these types.
    Events(Vec<String>),
    Of(Measure),
}

impl Metric {
    fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sum:") {
            let path = path.strip_prefix("payload.").filter(|path| path.len() <= 256);
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

    async fn count(
        self,
        store: &dyn EventStore,
        tenant: &TenantScope,
        range: Range,
        filters: Filters,
        group_by: &[Dimension],
    ) -> Result<Aggregate, Error> {
        let fold = async |filters: Filters, measure: Measure, budget: usize| {
            let query = AggregateQuery { range, filters, measure, group_by: group_by.to_vec(), budget };
            let found = aggregate::fold(store, tenant, &query).await;
            found.map_err(Error::of_query)
        };
        let types = match self {
            Self::Of(Measure::BounceRate) => {
                // A session bounces that saw one page.
                let mut filters = filters;
                filters.dimensions.entry(Dimension::EventType).or_insert_with(|| "pageview".to_owned());
                return fold(filters, Measure::BounceRate, BUDGET).await;
            }
            Self::Of(measure) => return fold(filters, measure, BUDGET).await,
            Self::Events(types) => types,
        };
        let mut all = Aggregate { total: 0.0, groups: vec![], exactness: Exactness::Exact };
        let (mut groups, mut read, mut truncated) = (BTreeMap::new(), 0, false);
        let budget = BUDGET / types.len();
        for kind in types {
            let mut filters = filters.clone();
            if filters.dimensions.insert(Dimension::EventType, kind.clone()).is_some_and(|asked| asked != kind) {
                continue;
            }
            let found = fold(filters, Measure::Events, budget).await?;
            all.total += found.total;
            for Group { values, value } in found.groups {
                *groups.entry(values).or_insert(0.0) += value;
            }
            match found.exactness {
                Exactness::Exact => {}
                Exactness::Truncated { read: some } => (read, truncated) = (read + some, true),
            }
        }
        all.groups = groups.into_iter().map(|(values, value)| Group { values, value }).collect();
        all.exactness = if truncated { Exactness::Truncated { read } } else { Exactness::Exact };
        Ok(all)
    }
}

fn dimensions(text: &str) -> Result<Vec<Dimension>, Error> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let named = names.map(|name| name.parse().map_err(Error::BadDimension)).collect::<Result<Vec<Dimension>, _>>()?;
    let twice = named.iter().enumerate().any(|(at, name)| named[..at].contains(name));
    if named.len() > MAX_DIMENSIONS || twice { Err(Error::TooManyDimensions) } else { Ok(named) }
}

fn told(metric: String, group_by: &[Dimension], found: Aggregate) -> Counted {
    let mut groups = Value::Object(Map::new());
    for group in found.groups.iter().filter(|_| !group_by.is_empty()) {
        let mut place = &mut groups;
        for value in &group.values {
            let Value::Object(members) = place else { break };
            let name = value.as_deref().unwrap_or(NONE).to_owned();
            place = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        *place = group.value.into();
    }
    let row = |group: Group| {
        let values = group.values.into_iter().map(Value::from);
        let dimensions = group_by.iter().map(|dimension| dimension.as_str().to_owned()).zip(values).collect();
        CountedRow { dimensions, value: group.value }
    };
    let (exactness, read) = match found.exactness {
        Exactness::Exact => ("exact", None),
        Exactness::Truncated { read } => ("truncated", Some(read)),
    };
    let rows = found.groups.into_iter().map(row).collect();
    Counted { metric, total: found.total, groups, rows, exactness, read, warning: None }
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
        let told = told("pageviews".to_owned(), &[Dimension::UtmSource, Dimension::App], found);
        assert_eq!(told.groups, json!({"(none)": {"shop": 2.0}, "mail": {"kiosk": 1.0, "shop": 3.0}}));
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
