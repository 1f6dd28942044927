//! The leading keys of a DynamoDB call, read from its JSON; the object keys that S3 has in bodies and queries.

use local::template::Table;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What a call of DynamoDB touches.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) table: String,
    pub(super) index: Option<String>,
    pub(super) keys: Vec<String>,
    pub(super) parts: Vec<String>,
}

impl Touched {
    fn row(&mut self, table: &str, row: &Value, tables: &[Table]) {
        if self.table.is_empty() {
            table.clone_into(&mut self.table);
        }
        self.keys.push(text(&row[hash(tables, table, None)]));
    }
}

/// What the call `operation` with this body touches; `tables` say which attribute leads.
pub(super) fn touched(operation: &str, body: &Value, tables: &[Table]) -> Touched {
    let table = body["TableName"].as_str().unwrap_or_default();
    let index = body["IndexName"].as_str();
    let mut touched = Touched { table: table.to_owned(), index: index.map(str::to_owned), ..Touched::default() };
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => touched.row(table, &body["Key"], tables),
        "PutItem" => touched.row(table, &body["Item"], tables),
        "Query" => touched.keys.push(queried(body, hash(tables, table, index)).unwrap_or_else(|| "?".to_owned())),
        "BatchGetItem" => {
            for (table, asked) in members(&body["RequestItems"]) {
                items(&asked["Keys"]).for_each(|key| touched.row(table, key, tables));
            }
        }
        "BatchWriteItem" => {
            for (table, writes) in members(&body["RequestItems"]) {
                for (kind, write) in items(writes).flat_map(members) {
                    touched.parts.push(kind.trim_end_matches("Request").to_owned());
                    touched.row(table, &write[if kind == "PutRequest" { "Item" } else { "Key" }], tables);
                }
            }
        }
        "TransactWriteItems" | "TransactGetItems" => {
            for (kind, part) in items(&body["TransactItems"]).flat_map(members) {
                touched.parts.push(kind.clone());
                let table = part["TableName"].as_str().unwrap_or_default();
                touched.row(table, &part[if kind == "Put" { "Item" } else { "Key" }], tables);
            }
        }
        _ => {}
    }
    touched
}

/// The value that a query's condition holds the leading attribute to.
fn queried(body: &Value, hash: &str) -> Option<String> {
    let condition = body["KeyConditionExpression"].as_str()?;
    condition.split(" AND ").find_map(|part| {
        let (name, value) = part.trim().trim_matches(['(', ')']).split_once('=')?;
        let name = name.trim();
        let name = if name.starts_with('#') { body["ExpressionAttributeNames"][name].as_str()? } else { name };
        (name == hash).then(|| text(&body["ExpressionAttributeValues"][value.trim()]))
    })
}

fn hash<'a>(tables: &'a [Table], table: &str, index: Option<&str>) -> &'a str {
    let Some(found) = tables.iter().find(|known| known.name == table) else { return "pk" };
    let of_index = index.and_then(|index| found.indexes.iter().find(|known| known.name == index));
    of_index.map_or(&found.key.hash, |index| &index.key.hash)
}

/// A key's value; `?` where there is none, so that a check of keys fails on it.
fn text(value: &Value) -> String {
    value["S"].as_str().map_or_else(|| if value.is_null() { "?".to_owned() } else { value.to_string() }, str::to_owned)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The keys of a `DeleteObjects`.
pub(super) fn listed_in_xml(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()).map(str::to_owned).collect()
}

/// The prefix of a listing.
pub(super) fn prefix(query: &str) -> Option<String> {
    let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="))?;
    Some(percent_decode_str(prefix).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(pk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": "x"}})
    }

    fn keys(operation: &str, body: &Value) -> Vec<String> {
        touched(operation, body, &[]).keys
    }

    #[test]
    fn every_operation_on_rows_shows_each_of_its_leading_keys() {
        for (operation, body, expected) in [
            ("GetItem", json!({"TableName": "t", "Key": row("a")}), vec!["a"]),
            ("PutItem", json!({"TableName": "t", "Item": row("a")}), vec!["a"]),
            ("BatchGetItem", json!({"RequestItems": {"t": {"Keys": [row("a"), row("b")]}}}), vec!["a", "b"]),
            (
                "BatchWriteItem",
                json!({"RequestItems": {"t": [{"PutRequest": {"Item": row("a")}}, {"DeleteRequest": {"Key": row("b")}}]}}),
                vec!["a", "b"],
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [
                    {"Put": {"TableName": "t", "Item": row("a")}},
                    {"Update": {"TableName": "t", "Key": row("b")}},
                    {"ConditionCheck": {"TableName": "t", "Key": row("c")}},
                ]}),
                vec!["a", "b", "c"],
            ),
            ("Scan", json!({"TableName": "t"}), vec![]),
        ] {
            assert_eq!(keys(operation, &body), expected, "{operation}");
        }
    }

    #[test]
    fn a_query_shows_the_value_of_its_leading_attribute_however_it_is_spelled() {
        let values = json!({":pk": {"S": "a"}, ":sk": {"S": "P#"}});
        for condition in ["pk = :pk AND begins_with(sk, :sk)", "begins_with(sk, :sk) AND (pk=:pk)", "#k = :pk"] {
            let body = json!({
                "TableName": "t",
                "KeyConditionExpression": condition,
                "ExpressionAttributeNames": {"#k": "pk"},
                "ExpressionAttributeValues": values,
            });
            assert_eq!(keys("Query", &body), ["a"], "{condition}");
        }
        assert_eq!(keys("Query", &json!({"KeyConditionExpression": "sk = :sk"})), ["?"]);
    }

    #[test]
    fn keys_of_s3_are_read_from_bodies_and_queries_too() {
        assert_eq!(
            listed_in_xml(b"<Delete><Object><Key>a/b</Key></Object><Object><Key>c</Key></Object>"),
            ["a/b", "c"]
        );
        assert_eq!(prefix("list-type=2&prefix=t_one%2Fx").as_deref(), Some("t_one/x"));
    }
}
