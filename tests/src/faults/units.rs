//! The capacity that a table says that it was asked for.

use serde_json::Value;
use std::collections::BTreeMap;

/// Capacity units by operation and by what they went to: the table, or one of its indexes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Units(BTreeMap<(String, String), f64>);

/// What is asked of a call so that its reply says what it took.
pub(super) const ASKED: (&str, &str) = ("ReturnConsumedCapacity", "INDEXES");

impl Units {
    /// Adds what a reply says, `ConsumedCapacity` in the form of DynamoDB's API: an object, or a list where there may be several tables.
    pub(super) fn add(&mut self, operation: &str, reply: &Value) {
        let told = &reply["ConsumedCapacity"];
        let tables: Vec<&Value> = told.as_array().map_or_else(|| vec![told], |tables| tables.iter().collect());
        for table in tables {
            let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"];
            let indexes = indexes.iter().filter_map(|kind| table[*kind].as_object()).flatten();
            let of = |to: &str, of: &Value| (to.to_owned(), of["CapacityUnits"].as_f64().unwrap_or_default());
            let parts = [of("table", &table["Table"])].into_iter().chain(indexes.map(|(name, taken)| of(name, taken)));
            for (to, units) in parts.filter(|(_, units)| *units > 0.0) {
                *self.0.entry((operation.to_owned(), to)).or_default() += units;
            }
        }
    }

    /// All that was taken: the operation, the table or index, and the units.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str, f64)> {
        self.0.iter().map(|((operation, to), units)| (operation.as_str(), to.as_str(), *units))
    }

    /// The units of writing.
    pub fn written(&self) -> f64 {
        self.parts().filter(|(operation, ..)| writes(operation)).map(|(.., units)| units).sum()
    }

    /// The units of reading.
    pub fn read(&self) -> f64 {
        self.parts().filter(|(operation, ..)| !writes(operation)).map(|(.., units)| units).sum()
    }
}

fn writes(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn units_are_added_up_by_operation_and_index() {
        let mut units = Units::default();
        let put = json!({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"event_time": {"CapacityUnits": 2.0}}}});
        units.add("PutItem", &put);
        units.add("PutItem", &put);
        units.add("BatchGetItem", &json!({"ConsumedCapacity": [{"TableName": "t", "Table": {"CapacityUnits": 0.5}}]}));
        units.add("Query", &json!({"Items": []}));
        assert_eq!((units.written(), units.read()), (6.0, 0.5));
        let parts: Vec<_> = units.parts().collect();
        assert_eq!(parts, [("BatchGetItem", "table", 0.5), ("PutItem", "event_time", 4.0), ("PutItem", "table", 2.0)]);
    }
}
