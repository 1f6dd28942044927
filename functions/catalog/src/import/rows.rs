//! The rows of a file, each a product's facts or the reason why it is none.

use super::{
    Fault, Format, MAX_ROW_BYTES, cells,
    elements::Elements,
    records::{Quotes, Records},
};
use crate::{
    columns::{self, Column, Filling, NoHeader},
    facts::{Facts, Field},
};
use serde_json::{Map, Value};
use shared::web::extract::unquoted;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, hash_map::Entry},
    io::{self, BufRead},
};

/// What keeps a file from being read at all.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// No column for an id, a name or a price.
    #[error(transparent)]
    NoHeader(#[from] NoHeader),
    /// JSON of another form.
    #[error("The file is no list. Send an array of products, or an object whose first and only member is `products`.")]
    NotAList,
    /// A byte order mark of UTF-16.
    #[error("The file is written in UTF-16. Save it as UTF-8.")]
    Utf16,
    /// The stream broke.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
}

/// A good row or a bad one.
pub type Row = Result<(u64, Facts), Fault>;

/// The rows of a file, in order.
pub struct Rows<R> {
    source: Source<R>,
    /// The line on which each id was first said.
    seen: HashMap<Box<str>, u64>,
}

enum Source<R> {
    Table { records: Records<R>, columns: Vec<Column>, format: Format },
    Lines(Records<R>),
    Array(Elements<R>),
}

impl<R: BufRead> Rows<R> {
    /// Opens a file of the form `format`; reads its header, where it has one.
    ///
    /// # Errors
    ///
    /// [`BadFile`].
    pub fn open(format: Format, mut reader: R) -> Result<Self, BadFile> {
        skip_mark(&mut reader)?;
        let quotes = if format == Format::Csv { Quotes::Bind } else { Quotes::Literal };
        let source = match format {
            Format::Json => Source::Array(Elements::open(reader)?.ok_or(BadFile::NotAList)?),
            Format::Ndjson => Source::Lines(Records::new(reader, quotes, 1)),
            Format::Csv | Format::Tsv => {
                let mut records = Records::new(reader, quotes, 1);
                let first = records.next()?.ok_or_else(|| NoHeader("The file is empty.".to_owned()))?;
                let named = first.bytes.map_err(str::to_owned).and_then(|bytes| {
                    let text = text(bytes)?;
                    Ok(split(format, &text)?.into_iter().map(Cow::into_owned).collect::<Vec<_>>())
                });
                let names = named.map_err(|why| NoHeader(format!("The first line cannot be read: {why}.")))?;
                let columns = columns::header(names.iter().map(String::as_str))?;
                Source::Table { records, columns, format }
            }
        };
        Ok(Self { source, seen: HashMap::new() })
    }

    /// The next row; `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        let (line, draft) = match &mut self.source {
            Source::Table { records, columns, format } => match records.next()? {
                None => return Ok(None),
                Some(record) => {
                    (record.line, record.bytes.map_err(str::to_owned).and_then(|row| table(*format, columns, row)))
                }
            },
            Source::Lines(records) => match records.next()? {
                None => return Ok(None),
                Some(record) => (record.line, record.bytes.map_err(str::to_owned).and_then(object)),
            },
            Source::Array(elements) => match elements.next()? {
                None => return Ok(None),
                Some(element) => (element.line, element.bytes.map_err(str::to_owned).and_then(object)),
            },
        };
        Ok(Some(self.judge(line, draft)))
    }

    fn judge(&mut self, line: u64, filling: Result<Filling, String>) -> Row {
        let fault = |product_id: Option<String>, reason: String| Fault { line, product_id, reason };
        let draft = filling.map_err(|why| fault(None, why))?.draft();
        let told = draft.fields.get(&Field::ProductId).map(|id| id.chars().take(128).collect());
        let facts = draft.check().map_err(|bad| fault(told, bad.to_string()))?;
        match self.seen.entry(facts.id().as_str().into()) {
            Entry::Vacant(entry) => entry.insert(line),
            Entry::Occupied(first) => {
                let reason = format!("product_id stands in line {} already; the first one counts", first.get());
                return Err(fault(Some(facts.id().to_string()), reason));
            }
        };
        Ok((line, facts))
    }
}

/// Passes over the byte order mark of UTF-8, which some spreadsheets write.
fn skip_mark<R: BufRead>(reader: &mut R) -> Result<(), BadFile> {
    let start = reader.fill_buf()?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(BadFile::Utf16);
    }
    if start.starts_with(&[0xef, 0xbb, 0xbf]) {
        reader.consume(3);
    }
    Ok(())
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|why| {
        let at = why.utf8_error().valid_up_to() + 1;
        format!("the row is not UTF-8: its byte {at} belongs to no character")
    })
}

fn split(format: Format, record: &str) -> Result<Vec<Cow<'_, str>>, String> {
    if format == Format::Csv { cells::commas(record) } else { Ok(cells::tabs(record)) }
}

fn table(format: Format, columns: &[Column], row: Vec<u8>) -> Result<Filling, String> {
    let row = text(row)?;
    let cells = split(format, &row)?;
    if cells.len() != columns.len() {
        return Err(format!("the row has {} cells, the first line has {}", cells.len(), columns.len()));
    }
    let mut filling = Filling::default();
    for (column, cell) in columns.iter().zip(&cells) {
        filling.put(column, cell)?;
    }
    Ok(filling)
}

fn object(row: Vec<u8>) -> Result<Filling, String> {
    debug_assert!(row.len() <= MAX_ROW_BYTES + 2, "longer rows are not handed on");
    let row = text(row)?;
    let members: Map<String, Value> =
        serde_json::from_str(&row).map_err(|why| format!("the row is no JSON object: {}", unquoted(&why)))?;
    let mut filling = Filling::default();
    for (name, value) in members {
        let column = Column::named(&name);
        match (&column, value) {
            (Column::Attributes, Value::Object(attributes)) => {
                let attributes: BTreeMap<String, Value> = attributes.into_iter().collect();
                filling.object(attributes)?;
            }
            (column, value) => match columns::scalar(&value) {
                Some(text) => filling.put(column, &text)?,
                None => return Err(format!("{name} is a text, a number, true or false")),
            },
        }
    }
    Ok(filling)
}

#[cfg(test)]
mod tests;
