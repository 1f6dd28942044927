//! Events are handed out as a sheet, a list or lines, all of them and each once.

use super::*;

const EXPORT: &str = "/api/analytics/export";

async fn reader(bundle: &Bundle, tenant: &str) -> Client {
    bundle.administer(tenant, "reader", "admin:read").await.unwrap();
    within(bundle.person(Claims::of("reader").tenant(tenant).scope("admin:read")), tenant, "saas")
}

fn rows(sheet: &Response) -> Vec<Vec<String>> {
    let rows = csv::ReaderBuilder::new().has_headers(false).from_reader(&sheet.bytes[..]).into_records();
    rows.map(|row| row.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

fn lines(response: &Response) -> Vec<Value> {
    let text = std::str::from_utf8(&response.bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every page, by the cursor of each.
async fn all(reader: &Client, query: &str) -> Vec<Response> {
    let (mut pages, mut next) = (vec![], format!("{EXPORT}?{query}"));
    loop {
        let page = reader.get(&next).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let cursor = match page.body["next_cursor"].as_str() {
            Some(cursor) => cursor.to_owned(),
            None => page.header("x-next-cursor").to_owned(),
        };
        next = format!("{EXPORT}?{query}&cursor={cursor}");
        if query.contains("format=json") {
            assert!(page.header("link").is_empty());
        } else if !cursor.is_empty() {
            assert_eq!(page.header("link"), format!("<{next}>; rel=\"next\""));
        }
        pages.push(page);
        if cursor.is_empty() {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_come_as_a_sheet_a_list_and_lines_page_by_page() {
    let (bundle, service) = started().await;
    let reader = reader(&bundle, "t_greenleaf").await;
    let odd = ["=1+1", "+1", "-2.5", "@x", "a \"b\", c", "milch\u{fc} \u{1f95b}", "'quoted'", "plain"];
    let one = |n: usize| {
        let mut event = event("pageview");
        event["app"] = odd[n % odd.len()].into();
        event["payload"] = json!({"text": "line\r\nand \"quote\", \u{1f95b}", "n": n});
        event
    };
    for batch in 0..3 {
        let events: Vec<Value> = (0..50).map(|n| one(batch * 50 + n)).collect();
        let client = service.with_header("x-request-id", &format!("req-{batch}"));
        assert_eq!(client.post(BATCH, json!({"events": events})).await.body["stored"], 50);
        bundle.clock().advance(SignedDuration::from_secs(1));
    }
    let sheets = all(&reader, "format=csv&limit=40").await;
    assert_eq!(sheets.len(), 4);
    let header = &rows(&sheets[0])[0];
    let (mut sheet, mut list, mut lined) = (vec![], vec![], vec![]);
    for page in &sheets {
        assert_eq!(page.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(page.header("content-disposition"), "attachment; filename=\"events.csv\"");
        assert!(page.bytes.ends_with(b"\r\n") && &rows(page)[0] == header, "each page is a whole sheet");
        sheet.extend(rows(page).into_iter().skip(1));
    }
    for page in all(&reader, "format=json&limit=40").await {
        assert_eq!(page.header("content-type"), "application/json");
        list.extend(page.body["records"].as_array().unwrap().clone());
    }
    for page in all(&reader, "format=ndjson&limit=40").await {
        assert_eq!(page.header("content-type"), "application/x-ndjson");
        assert_eq!(page.header("content-disposition"), "attachment; filename=\"events.ndjson\"");
        lined.extend(lines(&page));
    }
    assert_eq!((sheet.len(), list.len()), (150, 150));
    assert_eq!(list, lined);
    for (row, record) in sheet.iter().zip(&list) {
        for (name, cell) in header.iter().zip(row) {
            let member = &record[name];
            if name == "payload" {
                assert_eq!(&serde_json::from_str::<Value>(cell).unwrap(), member);
                continue;
            }
            let text = member.as_str().unwrap_or_default();
            let harmless = text.starts_with(['=', '+', '-', '@']);
            assert_eq!(*cell, if harmless { format!("'{text}") } else { text.to_owned() }, "{name}");
        }
    }
    let ids: std::collections::BTreeSet<_> = list.iter().map(|record| record["event_id"].to_string()).collect();
    assert_eq!(ids.len(), 150, "each once");
    let some = reader.get(&format!("{EXPORT}?format=json&app=plain&limit=1000")).await;
    assert_eq!(
        some.body["records"].as_array().unwrap().len(),
        (0..150).filter(|n| odd[n % odd.len()] == "plain").count()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_handed_out_is_refused() {
    let (bundle, service) = started().await;
    let reader = reader(&bundle, "t_greenleaf").await;
    for bad in ["", "format=", "format=xml", "format=CSV", "limit=3"] {
        assert_problem(&reader.get(&format!("{EXPORT}?{bad}")).await, 400, "export.bad_format");
    }
    for (bad, code) in [
        ("limit=0", "http.bad_request"),
        ("limit=1001", "http.bad_request"),
        ("limit=x", "http.bad_query"),
        ("start_time=yesterday", "analytics.bad_time_range"),
        ("cursor=x", "http.bad_cursor"),
    ] {
        assert_problem(&reader.get(&format!("{EXPORT}?format=csv&{bad}")).await, 400, code);
    }
    for _ in 0..2 {
        service.post(INGEST, event("a")).await.success().unwrap();
    }
    let cursor = reader.get(&format!("{EXPORT}?format=csv&limit=1")).await.header("x-next-cursor").to_owned();
    route(&bundle, "t_corner").await;
    let corner = super::exported::reader(&bundle, "t_corner").await;
    for (who, filter) in [(&corner, ""), (&reader, "&app=shop"), (&reader, "&start_time=2026-01-01T00:00:00Z")] {
        let refused = who.get(&format!("{EXPORT}?format=csv&limit=1&cursor={cursor}{filter}")).await;
        assert_problem(&refused, 400, "http.bad_cursor");
    }
    assert_problem(&reader.get(&format!("{QUERY}?cursor={cursor}")).await, 400, "http.bad_cursor");
    assert_eq!(corner.get(&format!("{EXPORT}?format=json")).await.body["records"], json!([]));
    for who in [&service, &within(bundle.shopper("ada"), "t_greenleaf", "saas")] {
        assert_problem(&who.get(&format!("{EXPORT}?format=csv")).await, 403, "admin.insufficient_scope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_events_is_cut_so_that_it_can_be_sent() {
    let (bundle, service) = started().await;
    let reader = reader(&bundle, "t_greenleaf").await;
    // Of what a text of JSON has to escape.
    let large = json!({"event_type": "a", "payload": {"x": "\"".repeat(31_000)}});
    for n in 0..12 {
        let client = service.with_header("x-request-id", &format!("req-{n}"));
        let taken = client.post(BATCH, json!({"events": vec![large.clone(); 12]})).await;
        assert_eq!(taken.body["stored"], 12, "{}", taken.body);
    }
    for format in ["csv", "json", "ndjson"] {
        let pages = all(&reader, &format!("format={format}")).await;
        let count = |page: &Response| match format {
            "csv" => rows(page).len() - 1,
            "json" => page.body["records"].as_array().unwrap().len(),
            _ => lines(page).len(),
        };
        assert_eq!(pages.iter().map(count).sum::<usize>(), 144, "{format}");
        assert!(pages.len() > 2, "{format}");
        for page in &pages {
            let as_text = serde_json::to_string(&String::from_utf8_lossy(&page.bytes)).unwrap().len();
            assert!(as_text.max(page.bytes.len() * 4 / 3) < 5_900_000, "{format}: {as_text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_without_a_route_is_handed_nothing_and_told_why() {
    let options = Options::for_tests().variable("ALLOW_LAB_MODE", "true").variable("LAB_TENANTS", "t_greenleaf");
    let bundle = Bundle::start_with(options).await;
    let reader = reader(&bundle, "t_greenleaf").await;
    let lab = within(reader.clone(), "t_greenleaf", "lab");
    let list = lab.get(&format!("{EXPORT}?format=json")).await;
    assert_eq!(list.body, json!({"records": [], "warning": "analytics_store.missing_route"}));
    for format in ["csv", "ndjson"] {
        let nothing = lab.get(&format!("{EXPORT}?format={format}")).await;
        assert_eq!((nothing.status, nothing.header("x-warning")), (200, "analytics_store.missing_route"));
        assert!(if format == "csv" { rows(&nothing).len() == 1 } else { nothing.bytes.is_empty() });
    }
    assert_problem(&reader.get(&format!("{EXPORT}?format=csv")).await, 503, "analytics_store.missing_route");
}
