//! The fields of the index.
//!
//! | field | holds | for |
//! | --- | --- | --- |
//! | `all` | terms of name, brand and description | finding |
//! | `name` | terms of name and brand, with their places | judging |
//! | `kind` | terms of the category | finding by it alone, judging |
//! | `extra` | terms of attributes, department and aisle | finding, at a lower weight |
//! | `price`, `updated`, `acl` | columns: minor units, epoch seconds, [`crate::Audience`] bits | filters |
//! | `category`, `department`, `aisle` | columns of text | filters, facets |
//! | `document` | the whole [`crate::Document`] as JSON | answers |

use tantivy::schema::{Field, Schema};

pub(crate) const PRICE: &str = "price";
pub(crate) const UPDATED: &str = "updated";
pub(crate) const ACL: &str = "acl";
pub(crate) const CATEGORY: &str = "category";
pub(crate) const DEPARTMENT: &str = "department";
pub(crate) const AISLE: &str = "aisle";

/// Stands in a name wherever a word does that ends some product's category. English puts the thing itself last, so such a word
/// names a kind of thing. No text gives this term, which holds a letter that no word has.
pub(crate) const HEAD_TERM: &str = "\u{1}head";

/// Stands in a name at the place of its last word, behind which the brand follows.
pub(crate) const END_TERM: &str = "\u{1}end";

/// Handles to the fields of the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) all: Field,
    pub(crate) name: Field,
    pub(crate) kind: Field,
    pub(crate) extra: Field,
    pub(crate) document: Field,
}

impl Fields {
    /// Finds the fields in `schema`, or `None` when it is not ours.
    pub(crate) fn of(schema: &Schema) -> Option<Self> {
        let field = |name| schema.get_field(name).ok();
        Some(Self {
            all: field("all")?,
            name: field("name")?,
            kind: field("kind")?,
            extra: field("extra")?,
            document: field("document")?,
        })
    }
}

/// The schema of every snapshot.
#[cfg(feature = "build")]
pub(crate) fn schema() -> Schema {
    use tantivy::schema::{FAST, IndexRecordOption, STORED, TextFieldIndexing, TextOptions};

    let indexed =
        |option| TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_index_option(option));
    let column = || TextOptions::default().set_fast("raw");
    let mut schema = Schema::builder();
    schema.add_text_field("all", indexed(IndexRecordOption::WithFreqs));
    schema.add_text_field("name", indexed(IndexRecordOption::WithFreqsAndPositions));
    schema.add_text_field("kind", indexed(IndexRecordOption::WithFreqs));
    schema.add_text_field("extra", indexed(IndexRecordOption::WithFreqs));
    schema.add_i64_field(PRICE, FAST);
    schema.add_i64_field(UPDATED, FAST);
    schema.add_u64_field(ACL, FAST);
    schema.add_text_field(CATEGORY, column());
    schema.add_text_field(DEPARTMENT, column());
    schema.add_text_field(AISLE, column());
    schema.add_bytes_field("document", STORED);
    schema.build()
}
