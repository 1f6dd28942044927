//! A catalog as tab-separated lines under a header, as measurements and the bench adapter read it.
//!
//! | column | becomes |
//! | --- | --- |
//! | `product_id` | the id |
//! | `title`, `name` | the name: the title, after the name where the title does not say it |
//! | `brand`, `description`, `department`, `aisle`, `bay` | themselves |
//! | `category`, else `derived_type`, else `aisle` | the category |
//! | `price` | the price, read as units and hundredths |
//! | `updated_at`, else `date_released` | the date of change: RFC 3339 or a day |
//! | `attributes` | facts, written `name: value \| name: value`; one without a value holds `yes` |
//!
//! Cells hold no tabs and no line ends, and quotes mean themselves. Other columns are left out.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::document::{Audience, Document};
use crate::text;

/// Why a catalog cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TsvError {
    /// The header names no `product_id`.
    #[error("the header has no column product_id")]
    NoId,
    /// A line has no id.
    #[error("line {0} has no product_id")]
    Line(usize),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads the documents of a catalog; empty lines are passed over.
///
/// # Errors
///
/// One for the header, and one for each line that is no product.
pub fn documents<R: BufRead>(reader: R) -> Result<impl Iterator<Item = Result<Document, TsvError>>, TsvError> {
    let mut lines = reader.lines();
    let header = lines.next().transpose()?.unwrap_or_default();
    let header = header.trim_start_matches('\u{feff}').trim_end_matches('\r').to_owned();
    let columns: HashMap<String, usize> =
        header.split('\t').enumerate().map(|(at, name)| (name.trim().to_lowercase(), at)).collect();
    if !columns.contains_key("product_id") {
        return Err(TsvError::NoId);
    }
    let numbered = lines.zip(2..).filter(|(line, _)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Ok(numbered.map(move |(line, number)| {
        let line = line?;
        let cells: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
        document(|name| {
            let cell = cells.get(*columns.get(name)?)?.trim();
            (!cell.is_empty()).then_some(cell)
        })
        .ok_or(TsvError::Line(number))
    }))
}

fn document<'a>(cell: impl Fn(&str) -> Option<&'a str>) -> Option<Document> {
    let owned = |name: &str| cell(name).map(str::to_owned);
    let attributes: BTreeMap<String, String> = cell("attributes")
        .unwrap_or_default()
        .split(" | ")
        .filter(|fact| !fact.trim().is_empty())
        .map(|fact| fact.split_once(": ").unwrap_or((fact, "yes")))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    Some(Document {
        id: owned("product_id")?,
        name: full_name(cell("name"), cell("title")),
        brand: owned("brand"),
        description: owned("description"),
        category: owned("category").or_else(|| owned("derived_type")).or_else(|| owned("aisle")),
        department: owned("department"),
        aisle: owned("aisle"),
        bay: owned("bay"),
        price_minor: cell("price")
            .and_then(|price| price.parse::<f64>().ok())
            .map(|price| (price * 100.0).round() as i64),
        attributes,
        updated_at: cell("updated_at").or_else(|| cell("date_released")).and_then(moment),
        audience: Audience::PUBLIC,
    })
}

/// The title, after the name where the title does not say it.
fn full_name(name: Option<&str>, title: Option<&str>) -> String {
    match (name, title) {
        (Some(name), Some(title)) if !text::normalised(title).contains(&text::normalised(name)) => {
            format!("{name}, {title}")
        }
        (name, title) => title.or(name).unwrap_or_default().to_owned(),
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Document, TsvError>> {
        documents(text.as_bytes()).unwrap().collect()
    }

    #[test]
    fn a_line_becomes_a_document_by_the_names_of_its_columns() {
        let text = "product_id\ttitle\tname\tprice\tdate_released\tattributes\tderived_type\n\
                    7\tThe 17\" tray\ttray\t19.95\t2009-12-10\tcolour: red | foldable\ttray\n";
        let document = read(text).remove(0).unwrap();
        assert_eq!((document.id.as_str(), document.name.as_str()), ("7", "The 17\" tray"));
        assert_eq!(document.price_minor, Some(1_995));
        assert_eq!(document.category.as_deref(), Some("tray"));
        assert_eq!(document.attributes["foldable"], "yes");
        assert_eq!(document.updated_at.unwrap().to_string(), "2009-12-10T00:00:00Z");
    }

    #[test]
    fn a_missing_title_falls_back_to_the_name_and_an_aisle_serves_as_category() {
        let document = read("product_id\tname\ttitle\taisle\r\ng1\tGranny Smith\t\tApple\r\n").remove(0).unwrap();
        assert_eq!((document.name.as_str(), document.category.as_deref()), ("Granny Smith", Some("Apple")));
        assert_eq!(document.aisle.as_deref(), Some("Apple"));
    }

    #[test]
    fn a_header_without_ids_and_a_line_without_one_are_refused() {
        assert!(matches!(documents(&b"name\nx\n"[..]).err(), Some(TsvError::NoId)));
        assert!(matches!(read("name\tproduct_id\n\nx\t\n")[0], Err(TsvError::Line(3))));
    }
}
