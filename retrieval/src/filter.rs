//! What hits must satisfy, and how a row is tried against it.

use std::collections::BTreeSet;

use tantivy::columnar::Column;

use crate::snapshot::{Labels, Snapshot};

/// A condition on a document. Text compares without case, marks and punctuation.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Filter {
    /// Everything passes.
    #[default]
    Any,
    /// All of these.
    And(Vec<Filter>),
    /// At least one of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The label is this.
    Eq(Label, String),
    /// The label is one of these.
    In(Label, Vec<String>),
    /// The price in minor units lies between these, both included; a product without a price does not pass.
    Price {
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// The id is one of these.
    Ids(Vec<String>),
}

/// A field that names what a product is or where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// What kind of thing it is.
    Category,
    /// The part of the store.
    Department,
    /// The aisle.
    Aisle,
}

impl Filter {
    /// This and `other`.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, other) => other,
            (this, Self::Any) => this,
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (this, other) => Self::And(vec![this, other]),
        }
    }
}

/// A filter bound to the columns of a snapshot.
pub(crate) enum Bound<'a> {
    Any,
    And(Vec<Bound<'a>>),
    Or(Vec<Bound<'a>>),
    Not(Box<Bound<'a>>),
    Label(&'a Labels, BTreeSet<u64>),
    Price(Option<&'a Column<i64>>, i64, i64),
    Rows(BTreeSet<u32>),
}

impl<'a> Bound<'a> {
    /// Looks the filter's values up once, so that a row is tried by numbers alone.
    pub(crate) fn new(filter: &Filter, snapshot: &'a Snapshot) -> Self {
        let all = |filters: &[Filter]| filters.iter().map(|filter| Self::new(filter, snapshot)).collect();
        let labels = |label: Label, values: &[String]| {
            let labels = match label {
                Label::Category => &snapshot.category,
                Label::Department => &snapshot.department,
                Label::Aisle => &snapshot.aisle,
            };
            let numbers = values.iter().flat_map(|value| labels.numbers(value)).copied().collect();
            Self::Label(labels, numbers)
        };
        match filter {
            Filter::Any => Self::Any,
            Filter::And(filters) => Self::And(all(filters)),
            Filter::Or(filters) => Self::Or(all(filters)),
            Filter::Not(filter) => Self::Not(Box::new(Self::new(filter, snapshot))),
            Filter::Eq(label, value) => labels(*label, std::slice::from_ref(value)),
            Filter::In(label, values) => labels(*label, values),
            Filter::Price { min, max } => {
                Self::Price(snapshot.price.as_ref(), min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX))
            }
            Filter::Ids(ids) => Self::Rows(ids.iter().filter_map(|id| snapshot.row(id)).collect()),
        }
    }

    /// Whether `row` passes.
    pub(crate) fn passes(&self, row: u32) -> bool {
        match self {
            Self::Any => true,
            Self::And(all) => all.iter().all(|filter| filter.passes(row)),
            Self::Or(any) => any.iter().any(|filter| filter.passes(row)),
            Self::Not(filter) => !filter.passes(row),
            Self::Label(labels, numbers) => labels.of(row).is_some_and(|number| numbers.contains(&number)),
            Self::Price(column, min, max) => {
                column.and_then(|column| column.first(row)).is_some_and(|price| (*min..=*max).contains(&price))
            }
            Self::Rows(rows) => rows.contains(&row),
        }
    }
}
