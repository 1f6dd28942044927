//! Reading a partition page by page: by the table's own order or an index's, from either end.

use super::{Item, TableError, TenantTable, whole};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::HashMap;

/// Which rows of a partition, in which order.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    partition: &'a str,
    index: Option<&'static str>,
    prefix: &'a str,
    between: Option<(&'a str, &'a str)>,
    newest_first: bool,
    limit: u32,
    after: Option<Place>,
}

/// Where a page ended: what the next one begins after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    sort: String,
    /// The value by which the index sorts, where one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl Place {
    /// The place of the row `sort` in the table's own order, whether it is there or not.
    pub fn of(sort: impl Into<String>) -> Self {
        Self { sort: sort.into(), by: None }
    }

    /// The place of the row `sort` in an index that holds it as `by`, whether it is there or not.
    pub fn in_index(sort: impl Into<String>, by: impl Into<String>) -> Self {
        Self { sort: sort.into(), by: Some(by.into()) }
    }
}

/// A page of a listing.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The rows, in the listing's order.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub after: Option<Place>,
}

impl<'a> Listing<'a> {
    /// The rows of `partition`, in the order of their sort keys, at most `limit` of them.
    pub fn of(partition: &'a str, limit: u32) -> Self {
        Self { partition, index: None, prefix: "", between: None, newest_first: false, limit, after: None }
    }

    /// By the index `index`, whose sort attribute has its name. It holds keys alone, and may be a moment behind the table: whoever
    /// acts on a row reads it again.
    pub fn by(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self
    }

    /// Those alone whose sort key, or attribute of the index, begins with `prefix`.
    pub fn beginning(mut self, prefix: &'a str) -> Self {
        self.prefix = prefix;
        self
    }

    /// Those alone whose sort key, or attribute of the index, is `first` or more and `last` or less. Instead of [`Listing::beginning`].
    pub fn between(mut self, first: &'a str, last: &'a str) -> Self {
        self.between = Some((first, last));
        self
    }

    /// From the last to the first.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Those after the place where a page ended.
    pub fn after(mut self, place: Option<Place>) -> Self {
        self.after = place;
        self
    }
}

impl TenantTable {
    /// Reads a page; strongly consistent but where an index is read.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], [`TableError::Form`].
    pub async fn list<T: DeserializeOwned>(&self, listing: Listing<'_>) -> Result<Listed<T>, TableError> {
        let Listing { partition, index, prefix, between, newest_first, limit, after } = listing;
        let sort = index.unwrap_or("sk");
        let start = after.map(|place| {
            let mut key = HashMap::from([("pk".to_owned(), self.pk(partition))]);
            key.insert("sk".to_owned(), AttributeValue::S(place.sort));
            key.extend(index.zip(place.by).map(|(index, by)| (index.to_owned(), AttributeValue::S(by))));
            key
        });
        let mut query = self.client.query().table_name(&self.name).set_index_name(index.map(ToOwned::to_owned));
        if index.is_none() {
            query = query.consistent_read(true);
        }
        let text = |text: &str| AttributeValue::S(text.to_owned());
        query = query.expression_attribute_values(":pk", self.pk(partition));
        query = match between {
            Some((first, last)) => query
                .key_condition_expression("pk = :pk AND #sort BETWEEN :first AND :last")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last)),
            None if prefix.is_empty() => query.key_condition_expression("pk = :pk"),
            None => query
                .key_condition_expression("pk = :pk AND begins_with(#sort, :prefix)")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":prefix", text(prefix)),
        };
        let query = query.scan_index_forward(!newest_first).limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let found = query.set_exclusive_start_key(start).send().await.map_err(TableError::unavailable)?;
        let rows = whole(found.items)?.into_iter().map(serde_dynamo::from_item).collect::<Result<_, _>>()?;
        let after = found.last_evaluated_key.map(|key| place(key, index)).transpose()?;
        Ok(Listed { rows, after })
    }
}

fn place(mut key: Item, index: Option<&str>) -> Result<Place, TableError> {
    let mut text = |name: &str| match key.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => whole(None),
    };
    Ok(Place { sort: text("sk")?, by: index.map(text).transpose()? })
}
