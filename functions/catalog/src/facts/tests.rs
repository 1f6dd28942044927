use super::*;
use serde_json::json;

fn body(change: impl Fn(&mut Value)) -> Result<Facts, BadProduct> {
    let mut value = json!({"product_id": "oat-1", "name": "Oat milk", "price": 2.49, "aisle": "7"});
    change(&mut value);
    let Value::Object(map) = value else { panic!("an object") };
    Draft::from_body(map).and_then(Draft::check)
}

fn now() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

#[test]
fn a_field_that_breaks_a_rule_is_named() {
    for (field, value) in [
        ("product_id", json!("a#b")),
        ("product_id", json!("")),
        ("product_id", json!("a".repeat(129))),
        ("product_id", json!(7)),
        ("name", json!("")),
        ("name", json!(" \u{a0} ")),
        ("name", json!("a".repeat(301))),
        ("name", json!("a\u{0}b")),
        ("name", json!("a\u{7f}b")),
        ("name", json!(7)),
        ("brand", json!("a\nb")),
        ("description", json!("a".repeat(8_001))),
        ("description", json!("bell\u{7}")),
        ("price", json!(-1)),
        ("price", json!(2.499)),
        ("price", json!(1e30)),
        ("price", json!("2.49")),
        ("price", json!(true)),
        ("stock", json!(-1)),
        ("stock", json!(1.5)),
        ("stock", json!(4_294_967_296_u64)),
        ("stock", json!([])),
        ("cost_price", json!(-0.01)),
        ("supplier", json!({})),
        ("updated_at", json!("yesterday")),
        ("updated_at", json!("2026-02-30")),
        ("attributes", json!([])),
        ("attributes", json!("size: 1 l")),
    ] {
        let bad = body(|product| product[field] = value.clone()).unwrap_err();
        assert_eq!(bad.field, field, "{value}: {bad}");
    }
}

#[test]
fn a_missing_field_is_named_where_it_must_be_there() {
    for field in ["product_id", "name", "price"] {
        let bad = body(|product| drop(product.as_object_mut().unwrap().remove(field))).unwrap_err();
        assert_eq!(bad.to_string(), format!("{field} is missing"));
        assert_eq!(body(|product| product[field] = Value::Null).unwrap_err().field, field);
    }
}

#[test]
fn a_misspelt_field_is_refused_rather_than_forgotten() {
    let bad = body(|product| product["stok"] = json!(5)).unwrap_err();
    assert!(bad.to_string().contains("\"stok\""), "{bad}");
}

#[test]
fn attributes_are_counted_measured_and_named() {
    let with = |attributes: Value| body(|product| product["attributes"] = attributes.clone());
    assert!(with(json!({"size": "1 l", "empty": " "})).unwrap().product.attributes.len() == 1);
    let many = |n: usize| Value::Object((0..n).map(|i| (format!("a{i}"), json!("x"))).collect());
    assert!(with(many(200)).is_ok());
    assert_eq!(with(many(201)).unwrap_err().field, "attributes");
    assert_eq!(with(json!({"size": "a\u{1}"})).unwrap_err().field, "attributes.size");
    assert_eq!(with(json!({"size": 1})).unwrap_err().field, "attributes.size");
    assert!(with(json!({" ": "x"})).is_err());
    let large = Value::Object((0..10).map(|i| (format!("a{i}"), json!("x".repeat(8_000)))).collect());
    assert!(with(large).unwrap_err().to_string().contains("bytes in all its fields"));
}

#[test]
fn every_form_of_count_and_date_that_programs_write_is_read() {
    let with = |field: &str, value: Value| body(|product| product[field] = value.clone()).unwrap().product;
    assert_eq!(with("stock", json!(12)).stock, Some(12));
    assert_eq!(with("stock", json!(12.0)).stock, Some(12));
    assert_eq!(with("stock", json!(0)).stock, Some(0));
    assert_eq!(with("updated_at", json!("2026-03-01")).updated_at.to_string(), "2026-03-01T00:00:00Z");
    assert_eq!(with("updated_at", json!("2026-03-01T10:00:00+01:00")).updated_at, now());
}

#[test]
fn the_same_facts_again_change_nothing_whether_dated_or_not() {
    let undated = || body(|_| ()).unwrap();
    let (effect, product, marks) = undated().against(None, now());
    assert_eq!((effect, product.updated_at), (Effect::Created, now()));
    let later: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    assert_eq!(undated().against(Some(&marks), later).0, Effect::Unchanged);
    let dated = |at: &str| body(|product| product["updated_at"] = json!(at)).unwrap();
    assert_eq!(dated("2026-03-01T09:00:00Z").against(Some(&marks), later).0, Effect::Unchanged);
    assert_eq!(dated("2026-03-01T09:00:01Z").against(Some(&marks), later).0, Effect::Updated);
}

#[test]
fn any_other_fact_is_a_change() {
    let marks = body(|_| ()).unwrap().against(None, now()).2;
    for (field, value) in [
        ("name", json!("Oat drink")),
        ("price", json!(2.5)),
        ("stock", json!(0)),
        ("cost_price", json!(1)),
        ("supplier", json!("Acme")),
        ("attributes", json!({"size": "1 l"})),
        ("aisle", Value::Null),
    ] {
        let (effect, product, _) = body(|p| p[field] = value.clone()).unwrap().against(Some(&marks), now());
        assert_eq!((effect, product.updated_at), (Effect::Updated, now()), "{field}");
    }
}
