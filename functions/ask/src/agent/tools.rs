//! The tools as a model is told of them, and its calls held to their form.
//!
//! A call is text that a model made up. It becomes a [`Wish`] when it names a tool exactly, has arguments of the tool's form and
//! none besides, and is small. Tenant, store and role are no arguments of any tool: a call that brings one is refused.

use crate::model::ToolSpec;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    auth::{Permission, Role},
    catalog::Money,
    ids::ProductId,
};

/// The longest query, in characters.
const MAX_QUERY_CHARS: usize = 200;
/// The longest category, in characters.
const MAX_CATEGORY_CHARS: usize = 100;
/// The longest arguments, in bytes of JSON.
pub(super) const MAX_ARGUMENT_BYTES: usize = 2_000;

/// The tools that can be offered: those that change nothing. The others wait for a person's confirmation, which this route has not.
const OFFERED: [Permission; 3] =
    [Permission::GetProductLocation, Permission::CheckStoreHours, Permission::GetCostPrice];

/// The tools that a role may use, as a model is told of them.
pub(super) fn offered(role: Role) -> Vec<ToolSpec> {
    OFFERED.into_iter().filter(|permission| role.allows(*permission)).map(spec).collect()
}

/// Whether a tool only reads.
pub(super) fn only_reads(permission: Permission) -> bool {
    OFFERED.contains(&permission)
}

fn spec(permission: Permission) -> ToolSpec {
    let text =
        |description: &str, most: usize| json!({"type": "string", "description": description, "maxLength": most});
    let (description, members, required) = match permission {
        Permission::CheckStoreHours => (
            "Says whether the store is open now and its opening hours: of the next seven days, or of one date.",
            json!({"date": {"type": "string", "format": "date", "description": "A date as YYYY-MM-DD, on the store's calendar."}}),
            json!([]),
        ),
        Permission::GetCostPrice => (
            "Says what the store pays for a product and who supplies it. Give product_id if an earlier result named it, else query.",
            json!({"product_id": text("The id of one product.", 128), "query": text("Words of the product.", MAX_QUERY_CHARS)}),
            json!([]),
        ),
        _ => (
            "Finds products of the store by words and gives their id, name, brand, category, aisle, bay, price, stock and attributes. \
             For all that stands in an aisle, ask for `aisle 7`.",
            json!({
                "query": text("Words of the product, without the question around them: oat milk.", MAX_QUERY_CHARS),
                "category": text("Prefer this category.", MAX_CATEGORY_CHARS),
                "max_price": {"type": "number", "minimum": 0, "description": "Only products at this price or below."},
                "in_stock": {"type": "boolean", "description": "Only products that are in stock."},
            }),
            json!(["query"]),
        ),
    };
    let parameters =
        json!({"type": "object", "properties": members, "required": required, "additionalProperties": false});
    ToolSpec { name: permission.tool(), description, parameters }
}

/// A call of the right form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// Products by words.
    Find(Find),
    /// Opening hours: of a date, or of the days ahead.
    Hours(Option<Date>),
    /// What a product costs the store.
    Cost(ProductId),
    /// What products cost the store, found by words.
    CostOf(String),
}

/// What products are looked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// Words of the product.
    pub(super) query: String,
    /// The category to prefer.
    #[serde(default)]
    pub(super) category: Option<String>,
    /// The highest price.
    #[serde(default)]
    pub(super) max_price: Option<Money>,
    /// Whether only what is in stock counts.
    #[serde(default)]
    pub(super) in_stock: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    #[serde(default)]
    date: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    #[serde(default)]
    product_id: Option<ProductId>,
    #[serde(default)]
    query: Option<String>,
}

impl Wish {
    /// Reads the arguments of a call of `permission`'s tool, which must be one that only reads.
    ///
    /// # Errors
    ///
    /// In words for the model, when they are not of the tool's form: another type, a member too many, too long.
    pub(super) fn read(permission: Permission, arguments: &Value) -> Result<Self, String> {
        if arguments.to_string().len() > MAX_ARGUMENT_BYTES {
            return Err("they are too long".to_owned());
        }
        // A call without arguments comes as an empty object from one provider and as nothing from another.
        let arguments = if arguments.is_null() { json!({}) } else { arguments.clone() };
        if !arguments.is_object() {
            return Err("they are no object".to_owned());
        }
        match permission {
            Permission::GetProductLocation => {
                let mut find: Find = form(arguments)?;
                find.query = words(find.query)?;
                find.category = find.category.map(|category| category.trim().to_owned()).filter(|c| !c.is_empty());
                let long = |category: &String| category.chars().count() > MAX_CATEGORY_CHARS;
                if find.category.as_ref().is_some_and(long) {
                    return Err("`category` is too long".to_owned());
                }
                Ok(Self::Find(find))
            }
            Permission::CheckStoreHours => {
                let Hours { date } = form(arguments)?;
                let date = date.filter(|date| !date.is_empty()).map(|date| day(&date)).transpose()?;
                Ok(Self::Hours(date))
            }
            Permission::GetCostPrice => match form(arguments)? {
                Cost { product_id: Some(id), query: None } => Ok(Self::Cost(id)),
                Cost { product_id: None, query: Some(query) } => words(query).map(Self::CostOf),
                _ => Err("give either `product_id` or `query`".to_owned()),
            },
            Permission::UpdateInventory | Permission::DeleteProduct => Err("it is not offered".to_owned()),
        }
    }
}

fn form<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, String> {
    // What serde says of a fault quotes the arguments: their length is bounded, and it goes back to who wrote them.
    serde_json::from_value(arguments).map_err(|why| why.to_string().chars().take(200).collect())
}

fn words(query: String) -> Result<String, String> {
    let query = query.trim();
    match query.chars().count() {
        0 => Err("`query` is empty".to_owned()),
        n if n > MAX_QUERY_CHARS => Err("`query` is too long".to_owned()),
        _ => Ok(query.to_owned()),
    }
}

/// A date in the one form that the tool takes; jiff would read others too.
fn day(text: &str) -> Result<Date, String> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = plain.then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| "`date` is no date as YYYY-MM-DD".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(role: Role) -> Vec<&'static str> {
        offered(role).into_iter().map(|spec| spec.name).collect()
    }

    #[test]
    fn a_role_is_offered_what_it_may_use_and_nothing_that_writes() {
        assert_eq!(names(Role::Unknown), Vec::<&str>::new());
        assert_eq!(names(Role::Shopper), ["get_product_location", "check_store_hours"]);
        for role in [Role::StoreEmployee, Role::Admin] {
            assert_eq!(names(role), ["get_product_location", "check_store_hours", "get_cost_price"]);
        }
    }

    #[test]
    fn a_tools_form_is_closed_and_has_no_place_for_a_tenant_or_store() {
        for spec in offered(Role::Admin) {
            assert_eq!(spec.parameters["additionalProperties"], false);
            let members: Vec<_> = spec.parameters["properties"].as_object().unwrap().keys().collect();
            let named = |name: &String| ["tenant", "store", "role", "user"].iter().any(|word| name.contains(word));
            assert!(!members.iter().any(|name| named(name)), "{members:?}");
        }
    }

    #[test]
    fn arguments_of_the_form_become_a_wish() {
        let read = |permission, arguments| Wish::read(permission, &arguments);
        let milk = Find {
            query: "oat milk".into(),
            category: None,
            max_price: Some("4".parse().unwrap()),
            in_stock: Some(true),
        };
        let asked = json!({"query": " oat milk ", "category": null, "max_price": 4.0, "in_stock": true});
        assert_eq!(read(Permission::GetProductLocation, asked), Ok(Wish::Find(milk)));
        for nothing in [json!({}), json!(null), json!({"date": null}), json!({"date": ""})] {
            assert_eq!(read(Permission::CheckStoreHours, nothing), Ok(Wish::Hours(None)));
        }
        let sunday = Wish::Hours(Some("2026-11-15".parse().unwrap()));
        assert_eq!(read(Permission::CheckStoreHours, json!({"date": "2026-11-15"})), Ok(sunday));
        let cost = Wish::Cost("GL-1".parse().unwrap());
        assert_eq!(read(Permission::GetCostPrice, json!({"product_id": "GL-1"})), Ok(cost));
    }

    #[test]
    fn arguments_of_another_form_become_none() {
        use Permission::{CheckStoreHours, DeleteProduct, GetCostPrice, GetProductLocation, UpdateInventory};
        for (permission, arguments) in [
            (GetProductLocation, json!({})),
            (GetProductLocation, json!({"query": ""})),
            (GetProductLocation, json!({"query": "  \t"})),
            (GetProductLocation, json!({"query": 7})),
            (GetProductLocation, json!({"query": ["oat milk"]})),
            (GetProductLocation, json!({"query": "milk", "max_price": "4"})),
            (GetProductLocation, json!({"query": "milk", "max_price": -1})),
            (GetProductLocation, json!({"query": "milk", "max_price": 1e300})),
            (GetProductLocation, json!({"query": "milk", "in_stock": "yes"})),
            (GetProductLocation, json!({"query": "milk", "store_id": "main"})),
            (GetProductLocation, json!({"query": "milk", "tenant_id": "t_corner"})),
            (GetProductLocation, json!({"query": "milk", "role": "admin"})),
            (GetProductLocation, json!({"query": "x".repeat(201)})),
            (GetProductLocation, json!({"query": " ".repeat(3_000) + "milk"})),
            (GetProductLocation, json!({"query": "milk", "category": "x".repeat(101)})),
            (GetProductLocation, json!({"query": "milk", "padding": "x".repeat(100_000)})),
            (GetProductLocation, json!("{\"query\": \"milk\"}")),
            (GetProductLocation, json!(["milk"])),
            (CheckStoreHours, json!({"date": "tomorrow"})),
            (CheckStoreHours, json!({"date": "2026-02-30"})),
            (CheckStoreHours, json!({"date": "+002026-11-15"})),
            (CheckStoreHours, json!({"date": 20261115})),
            (CheckStoreHours, json!({"store": "uptown"})),
            (GetCostPrice, json!({})),
            (GetCostPrice, json!({"product_id": "a", "query": "b"})),
            (GetCostPrice, json!({"product_id": "T#x#S#y"})),
            (GetCostPrice, json!({"product_id": 7})),
            (UpdateInventory, json!({})),
            (DeleteProduct, json!({"product_id": "GL-1"})),
        ] {
            let read = Wish::read(permission, &arguments);
            assert!(read.as_ref().is_err_and(|why| why.len() <= 800), "{permission:?} {arguments}: {read:?}");
        }
    }
}
