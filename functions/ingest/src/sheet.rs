//! Events as a sheet: CSV by RFC 4180, which no spreadsheet takes for formulas.

use crate::routes::Record;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use std::borrow::Cow;

/// What a cell begins with that a spreadsheet may take for a formula.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A sheet with a header row and a row for each event. What an event lacks is an empty cell.
///
/// # Errors
///
/// None that a writer into memory has.
pub(crate) fn of(records: &[Record]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut sheet =
        WriterBuilder::new().terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary).from_writer(vec![]);
    sheet.write_record(Record::COLUMNS)?;
    for record in records {
        sheet.write_record(record.cells().map(|cell| harmless(cell.unwrap_or_default()).into_owned()))?;
    }
    Ok(sheet.into_inner()?)
}

/// A cell that is a text to every spreadsheet: what begins like a formula gets a `'` before it.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULAS) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(app: &str, payload: &str) -> Record {
        let event = serde_json::json!({
            "event_id": "r#default", "event_type": "pageview", "project_id": "web", "request_id": "r", "app": app,
            "payload": {"x": payload}, "timestamp": "2026-03-01T09:00:00Z", "received_at": "2026-03-01T09:00:00Z",
        });
        Record::of(serde_json::from_str(&event.to_string()).unwrap(), "acme")
    }

    fn read(sheet: &[u8]) -> Vec<csv::StringRecord> {
        csv::Reader::from_reader(sheet).into_records().map(Result::unwrap).collect()
    }

    #[test]
    fn a_cell_that_begins_like_a_formula_is_none() {
        for (cell, harmless) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1.5", "'-1.5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("a=b", "a=b"),
            ("", ""),
            ("1", "1"),
            ("\u{ff1d}1", "\u{ff1d}1"),
        ] {
            assert_eq!(super::harmless(cell), harmless);
        }
    }

    #[test]
    fn rows_end_as_the_standard_says_and_a_sheet_of_nothing_has_its_header() {
        let nothing = String::from_utf8(of(&[]).unwrap()).unwrap();
        assert!(nothing.starts_with("event_id,event_type,") && nothing.ends_with("received_at\r\n"), "{nothing}");
        let one = String::from_utf8(of(&[record("a \"b\",\nc", "x")]).unwrap()).unwrap();
        assert!(one.contains(",\"a \"\"b\"\",\nc\",") && one.ends_with("Z\r\n"), "{one}");
        assert!(one.contains(r#","{""x"":""x""}","#), "{one}");
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_cell_comes_back(app in any::<String>(), payload in any::<String>()) {
            let sheet = of(&[record(&app, &payload), record("", "")]).unwrap();
            let rows = read(&sheet);
            prop_assert_eq!(rows.len(), 2);
            let at = |name: &str| Record::COLUMNS.iter().position(|column| *column == name).unwrap();
            let cell = &rows[0][at("app")];
            let harmless = app.starts_with(FORMULAS);
            prop_assert_eq!(if harmless { &cell[1..] } else { cell }, &app);
            prop_assert!(!cell.starts_with(FORMULAS));
            let told: serde_json::Value = serde_json::from_str(&rows[0][at("payload")]).unwrap();
            prop_assert_eq!(&told["x"], &payload);
        }
    }
}
