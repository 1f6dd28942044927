//! What a caller gets to see of a product: staff all of it, everybody else what a shelf shows.

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    auth::{Permission, Role},
    catalog::{Money, Product},
    ids::ProductId,
};
use std::collections::BTreeMap;

/// A product as its caller may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum View {
    /// With the internal fields.
    Staff(Box<Product>),
    /// Without a place for them.
    Public(Box<PublicProduct>),
}

/// A product as everybody may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PublicProduct {
    product_id: ProductId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aisle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bay: Option<String>,
    price: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    updated_at: Timestamp,
}

impl View {
    /// `product` as somebody of `role` sees it.
    pub(crate) fn of(product: Product, role: Role) -> Self {
        if role.allows(Permission::GetCostPrice) {
            return Self::Staff(Box::new(product));
        }
        let Product { product_id, name, brand, description, category, department, aisle, bay, .. } = product;
        let Product { price, stock, attributes, updated_at, internal: _, .. } = product;
        Self::Public(Box::new(PublicProduct {
            product_id,
            name,
            brand,
            description,
            category,
            department,
            aisle,
            bay,
            price,
            stock,
            attributes,
            updated_at,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Draft, Field};

    #[test]
    fn only_staff_see_the_internal_fields() {
        let mut draft = Draft::default();
        let fields = [(Field::ProductId, "1"), (Field::Name, "Oat milk"), (Field::Price, "2.49"), (Field::Stock, "3")];
        draft.fields.extend(fields.map(|(field, text)| (field, text.to_owned())));
        draft.fields.insert(Field::CostPrice, "1.11".to_owned());
        draft.fields.insert(Field::Supplier, "Acme".to_owned());
        draft.attributes.insert("size".to_owned(), "1 l".to_owned());
        let product = draft.check().unwrap().against(None, Timestamp::UNIX_EPOCH).1;
        let seen = |role| serde_json::to_value(View::of(product.clone(), role)).unwrap();
        for role in [Role::Unknown, Role::Shopper] {
            let text = seen(role).to_string();
            assert!(!text.contains("1.11") && !text.contains("Acme"), "{text}");
        }
        for role in [Role::StoreEmployee, Role::Admin] {
            assert_eq!((&seen(role)["cost_price"], &seen(role)["supplier"]), (&1.11.into(), &"Acme".into()));
        }
        let mut staff = seen(Role::Admin);
        staff.as_object_mut().unwrap().retain(|name, _| name != "cost_price" && name != "supplier");
        assert_eq!(staff, seen(Role::Shopper), "apart from those, both see the same");
    }
}
