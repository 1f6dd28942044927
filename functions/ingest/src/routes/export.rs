//! Handing events out, to be taken elsewhere.

use super::{
    QUERY, budget,
    list::{MOST, Mark, Record, place},
    range::Asked,
};
use crate::{App, Error, sheet, stores::MISSING_ROUTE};
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use event_store::{EventQuery, Order, Position};
use http::{HeaderName, HeaderValue, Uri, header};
use serde::{Deserialize, Serialize};
use shared::{
    auth::Scope,
    problem::Problem,
    resilience::Budget,
    web::{
        Json, Query,
        answers::Guarded,
        context::{Context, ContextHeaders},
        lambda::Deadline,
    },
};
use std::time::Duration;

/// The most bytes of a page's records: Lambda takes answers of 6 MB, and what is no text as base64.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most that they weigh, as a text of JSON in which a sheet stands.
const MAX_WEIGHT: usize = 5 * 1024 * 1024;
/// How many events are read at a time, so that no more than a few of the largest are held in vain.
const CHUNK: usize = 100;
/// What of an invocation's time is left for answering.
const MARGIN: Duration = Duration::from_secs(3);
/// The longest `Link` that is sent: the gateway takes 10,240 bytes of headers.
const MAX_LINK_BYTES: usize = 4_000;
/// Where a page that is not JSON says where the next one begins.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");
/// Where such a page says why there is nothing.
const WARNING: HeaderName = HeaderName::from_static("x-warning");

/// In which form, and which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `ndjson`: an event in each line. `json`: a list. `csv`: a sheet.
    #[param(example = "csv", pattern = "^(ndjson|json|csv)$")]
    format: Option<String>,
    /// How many events the page has at most, 1 to 1,000; 1,000 unless said. It has fewer where they are large.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Where the page before said that this one begins.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ndjson,
    Json,
    Csv,
}

impl Format {
    fn read(text: Option<&str>) -> Result<Self, Error> {
        match text {
            Some("ndjson") => Ok(Self::Ndjson),
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            _ => Err(Error::BadFormat),
        }
    }
}

/// Events, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Exported {
    /// The events.
    records: Vec<Record>,
    /// Where the next page begins; left out after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Why there is nothing, in a lab without a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "analytics_store.missing_route")]
    warning: Option<&'static str>,
}

/// Hands out a page of events, newest first: a sheet (RFC 4180, with a header row), a list, or an event in each line. `Link` with
/// `rel="next"`, and `x-next-cursor`, say where the next page begins; a list says it in `next_cursor`. In a sheet, each cell that begins with
/// `=`, `+`, `-`, `@`, a tab or a carriage return has a `'` before it, numbers too, and the payload is one cell of JSON.
#[utoipa::path(
    get,
    path = "/api/analytics/export",
    tag = "analytics",
    params(Wanted, Asked, ContextHeaders),
    responses(
        (status = 200, description = "A page.", content(
            (Exported = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        Guarded,
    )
)]
pub(super) async fn export(
    State(app): State<App>,
    context: Context,
    deadline: Option<Extension<Deadline>>,
    uri: Uri,
    Query(wanted): Query<Wanted>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    context.caller.require(Scope::AdminRead).await?;
    let format = Format::read(wanted.format.as_deref())?;
    let page = QUERY.of(page(&app, &context, &wanted, &asked, budget(deadline, MARGIN))).await?;
    told(format, page, &uri)
}

async fn page(app: &App, context: &Context, wanted: &Wanted, asked: &Asked, budget: Budget) -> Result<Exported, Error> {
    let limit = wanted.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Error::BadRequest("limit is 1 to 1000.".to_owned()));
    }
    asked.read(app.clock.now())?;
    let store = app.stores.named(context).await?;
    let place = place("GET /api/analytics/export", context, store.as_ref().map(|(_, name)| name), asked);
    let mark: Option<Mark> = app.cursors.after(&place, wanted.cursor.as_deref()).await?;
    let asked_at = mark.as_ref().map_or_else(|| app.clock.now(), |mark| mark.asked_at);
    let (range, filters) = asked.read(asked_at)?;
    let Some((store, _)) = &store else {
        return Ok(Exported { records: vec![], next_cursor: None, warning: Some(MISSING_ROUTE) });
    };
    let query = EventQuery { range, filters, order: Order::NewestFirst };
    let (mut records, mut bytes, mut weight, mut after) = (Vec::new(), 0, 0, mark.map(|mark| mark.after));
    let tenant = context.tenant.tenant().as_str();
    let next = 'page: loop {
        let count = CHUNK.min(limit - records.len());
        let read = store.query(&context.tenant, &query, count, after.as_ref()).await.map_err(Error::of_query)?;
        for event in read.events {
            let at = Position::of(&event);
            let record = Record::of(event, tenant);
            let line = serde_json::to_vec(&record).map_err(|error| Problem::internal(&error))?;
            bytes += line.len();
            weight += weight_of(&line);
            if (bytes > MAX_BYTES || weight > MAX_WEIGHT) && !records.is_empty() {
                break 'page after;
            }
            records.push(record);
            after = Some(at);
        }
        after = read.next;
        if after.is_none() || records.len() >= limit || budget.left().is_zero() {
            break after;
        }
    };
    let mark = next.map(|after| Mark { after, asked_at });
    let next_cursor = app.cursors.next(&place, mark.as_ref()).await?;
    Ok(Exported { records, next_cursor, warning: None })
}

/// How many bytes a record takes of an answer at most, which is a text of JSON once more: a sheet writes each quote twice.
fn weight_of(line: &[u8]) -> usize {
    let bytes = line.iter().map(|byte| match byte {
        b'"' => 4,
        b'\\' => 2,
        _ => 1,
    });
    bytes.sum()
}

fn told(format: Format, page: Exported, uri: &Uri) -> Result<Response, Error> {
    let (media, name, body) = match format {
        Format::Json => return Ok(Json(page).into_response()),
        Format::Ndjson => ("application/x-ndjson", "events.ndjson", lines(&page.records)),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "events.csv", sheet::of(&page.records)),
    };
    let body = body.map_err(|error| Problem::internal(&*error))?;
    let mut response = ([(header::CONTENT_TYPE, media)], body).into_response();
    let headers = response.headers_mut();
    let attachment = format!("attachment; filename=\"{name}\"");
    headers.extend(HeaderValue::try_from(attachment).ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    headers.extend(page.warning.map(|warning| (WARNING, HeaderValue::from_static(warning))));
    if let Some(cursor) = page.next_cursor {
        let link = HeaderValue::try_from(link(uri, &cursor)).ok().filter(|link| link.len() <= MAX_LINK_BYTES);
        headers.extend(link.map(|link| (header::LINK, link)));
        headers.extend(HeaderValue::try_from(cursor).ok().map(|cursor| (NEXT_CURSOR, cursor)));
    }
    Ok(response)
}

fn lines(records: &[Record]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut body = Vec::new();
    for record in records {
        serde_json::to_writer(&mut body, record)?;
        body.push(b'\n');
    }
    Ok(body)
}

/// The same request for the page that begins at `cursor` (RFC 8288).
fn link(uri: &Uri, cursor: &str) -> String {
    let query =
        uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor="));
    let query: Vec<&str> = query.collect();
    format!("<{}?{}&cursor={cursor}>; rel=\"next\"", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_request_with_another_cursor() {
        let uri = "/api/analytics/export?format=csv&cursor=old&app=a%26b".parse().unwrap();
        assert_eq!(link(&uri, "new"), "</api/analytics/export?format=csv&app=a%26b&cursor=new>; rel=\"next\"");
    }

    #[test]
    fn a_format_is_one_of_three_and_has_to_be_named() {
        for good in ["ndjson", "json", "csv"] {
            assert!(Format::read(Some(good)).is_ok());
        }
        for bad in [None, Some(""), Some("CSV"), Some("xlsx"), Some("json,csv")] {
            assert!(Format::read(bad).is_err(), "{bad:?}");
        }
    }
}
