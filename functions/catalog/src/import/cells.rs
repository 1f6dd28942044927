//! A record's cells.

use std::borrow::Cow;

/// Splits a record at commas, as RFC 4180 writes them: a field in quotes may hold commas, line ends, and a quote as two.
///
/// A quote inside a field that does not begin with one means itself.
///
/// # Errors
///
/// What follows a closing quote and is no comma.
pub(super) fn commas(record: &str) -> Result<Vec<Cow<'_, str>>, String> {
    let mut cells = Vec::new();
    let mut rest = record;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let Some((cell, after)) = rest.split_once(',') else {
                cells.push(Cow::Borrowed(rest));
                return Ok(cells);
            };
            cells.push(Cow::Borrowed(cell));
            rest = after;
            continue;
        };
        let (cell, after) = unquoted(quoted).ok_or("a quote is opened and not closed")?;
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(cells),
            None => {
                let shown: String = after.chars().take(20).collect();
                return Err(format!("{shown:?} follows a closing quote; write a quote inside a quoted field twice"));
            }
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut cell = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"')?;
        if cell.is_empty() {
            cell = Cow::Borrowed(piece);
        } else {
            cell.to_mut().push_str(piece);
        }
        let Some(doubled) = after.strip_prefix('"') else { return Some((cell, after)) };
        cell.to_mut().push('"');
        rest = doubled;
    }
}

/// Splits a record at tabs.
pub(super) fn tabs(record: &str) -> Vec<Cow<'_, str>> {
    record.split('\t').map(Cow::Borrowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_hold_commas_line_ends_and_doubled_quotes() {
        assert_eq!(commas("a,\"b,\"\"c\"\"\n\",,\"\"").unwrap(), ["a", "b,\"c\"\n", "", ""]);
        assert_eq!(commas("17\" tray,x").unwrap(), ["17\" tray", "x"]);
        assert_eq!(commas("").unwrap(), [""]);
        assert_eq!(commas("a,").unwrap(), ["a", ""]);
        assert!(commas("\"a\"b,c").unwrap_err().contains("b,c"));
    }

    proptest! {
        #[test]
        fn cells_that_were_written_are_read_back(cells in proptest::collection::vec("[a,\"\n\r x]{0,6}", 1..5)) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read = commas(written.strip_suffix('\n').unwrap()).unwrap();
            prop_assert_eq!(read, cells);
        }
    }
}
