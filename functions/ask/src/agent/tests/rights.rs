//! A model that calls whatever it likes: what the caller may not use does not run, whoever asked for it.

use super::shop::{CANARIES, Script, Shop, calls, finds, says, written};
use serde_json::{Value, json};
use shared::auth::{Permission, Role};

const ROLES: [Role; 4] = [Role::Unknown, Role::Shopper, Role::StoreEmployee, Role::Admin];

/// Names that are no tool, near and far.
const ODD_NAMES: [&str; 24] = [
    "",
    " ",
    "get_cost_price ",
    " get_cost_price",
    "GET_COST_PRICE",
    "Get_Cost_Price",
    "get-cost-price",
    "getCostPrice",
    "get_cost_price\u{200b}",
    "get_cost_price\0",
    "get_сost_price",
    "functions.get_cost_price",
    "get_cost_price()",
    "delete_product;get_cost_price",
    "get_cost_prices",
    "cost_price",
    "find_products",
    "run_sql",
    "__proto__",
    "../get_cost_price",
    "tool_call",
    "admin.get_cost_price",
    "ｇｅｔ_cost_price",
    "check_store_hours,get_cost_price",
];

/// Arguments that a tool does not take.
fn odd_arguments() -> Vec<Value> {
    vec![
        json!([]),
        json!("oat"),
        json!(7),
        json!(true),
        json!({"query": null}),
        json!({"query": 7}),
        json!({"query": {"$ne": ""}}),
        json!({"query": ["oat"]}),
        json!({"query": "oat", "tenant": "t_corner"}),
        json!({"query": "oat", "tenant_id": "t_corner"}),
        json!({"query": "oat", "store": "uptown"}),
        json!({"query": "oat", "store_id": "uptown"}),
        json!({"query": "oat", "stores": ["*"]}),
        json!({"query": "oat", "role": "admin"}),
        json!({"query": "oat", "user_id": "root"}),
        json!({"query": "oat", "confirmed": true}),
        json!({"query": "oat", "confirmation_token": "x"}),
        json!({"product_id": "T#t_corner#S#main"}),
        json!({"product_id": "../../other"}),
        json!({"product_id": "oat-1", "store_id": "uptown"}),
        json!({"product_id": "oat-1", "query": "oat"}),
        json!({"product_id": ["oat-1"]}),
        json!({"date": "2026-11-16", "store": "uptown"}),
        json!({"date": 0}),
        json!({"date": "0000-00-00"}),
        json!({"query": "x".repeat(1_000_000)}),
        json!({"query": "oat", "max_price": -1}),
        json!({"query": "oat", "max_price": "free"}),
        json!({"__proto__": {"role": "admin"}, "query": "oat"}),
    ]
}

/// Lets a model of each role make one call; hands back what it was told, what ran and what it was refused.
async fn one_call(role: Role, name: &str, arguments: Value) -> (Value, bool, Vec<String>, usize) {
    let shop = Shop::of(role, &[]);
    let model = Script::new([calls([(name, arguments)])], says("done [oat-1]"));
    let written = written(&model, &shop, "hello").await;
    let given = model.given();
    let (content, is_error) = given[1].results()[0].clone();
    (content, is_error, shop.looked_up().clone(), written.refused)
}

fn fit(permission: Permission) -> Value {
    match permission {
        Permission::CheckStoreHours => json!({}),
        Permission::GetProductLocation => json!({"query": "oat"}),
        Permission::GetCostPrice => json!({"product_id": "oat-1"}),
        Permission::UpdateInventory => json!({"product_id": "oat-1", "stock": 0}),
        Permission::DeleteProduct => json!({"product_id": "oat-1"}),
    }
}

#[tokio::test]
async fn each_role_runs_the_tools_that_it_may_use_and_no_other() {
    for role in ROLES {
        for permission in Permission::ALL {
            let (content, is_error, looked_up, refused) = one_call(role, permission.tool(), fit(permission)).await;
            let reads = !matches!(permission, Permission::UpdateInventory | Permission::DeleteProduct);
            let runs = role.allows(permission) && reads;
            assert_eq!((is_error, refused), (!runs, usize::from(!runs)), "{role} {permission:?} {content}");
            assert_eq!(
                looked_up.is_empty(),
                !runs || permission == Permission::CheckStoreHours,
                "{role} {permission:?}"
            );
            if !role.allows(permission) {
                let stated = format!("Role '{role}' cannot use '{}'", permission.tool());
                assert_eq!(content, json!({"error": stated}));
            } else if !reads {
                assert!(content["error"].as_str().unwrap().contains("confirmation"), "{content}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_is_not_exactly_a_tools_runs_nothing_for_anybody() {
    for role in ROLES {
        for name in ODD_NAMES {
            let (content, is_error, looked_up, refused) = one_call(role, name, json!({"product_id": "oat-1"})).await;
            assert!(is_error && refused == 1 && looked_up.is_empty(), "{role} {name:?}: {content}");
            let told = content["error"].as_str().unwrap();
            assert!(told.starts_with(&format!("Role '{role}' cannot use '")) && told.len() < 120, "{told}");
            assert!(told.is_ascii(), "{told}");
        }
    }
}

#[tokio::test]
async fn arguments_that_a_tool_does_not_take_run_nothing() {
    for role in [Role::Shopper, Role::StoreEmployee, Role::Admin] {
        for permission in Permission::ALL {
            for arguments in odd_arguments() {
                let shown: String = arguments.to_string().chars().take(80).collect();
                let (content, is_error, looked_up, refused) = one_call(role, permission.tool(), arguments).await;
                assert!(is_error && refused == 1 && looked_up.is_empty(), "{role} {permission:?} {shown}: {content}");
                assert!(content.to_string().len() < 1_000, "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn what_only_staff_may_know_is_in_nothing_that_a_model_reads_for_a_shopper() {
    for role in [Role::Unknown, Role::Shopper] {
        let shop = Shop::of(role, &[]);
        let everything = Permission::ALL.into_iter().flat_map(|permission| [(permission.tool(), fit(permission)); 1]);
        let model = Script::new([calls(everything), finds("oat")], says("It is there [oat-1]."));
        written(&model, &shop, "what do you pay for oat milk?").await;
        let read: String = model.given().iter().map(|given| given.text()).collect();
        assert!(CANARIES.iter().all(|canary| !read.contains(canary)), "{role}: {read}");
        assert!(!model.given().iter().any(|given| given.tools.contains(&"get_cost_price")));
    }
    let shop = Shop::of(Role::StoreEmployee, &[]);
    let model = Script::new([calls([("get_cost_price", json!({"product_id": "oat-1"}))])], says("done [oat-1]"));
    written(&model, &shop, "what do you pay for oat milk?").await;
    assert!(model.given()[1].text().contains("Quartzfinch"), "for staff it is there: the audit above can see it");
}

#[tokio::test]
async fn a_right_is_asked_again_for_every_call() {
    // Whatever has run before, and however often: the refusal stays one.
    let shop = Shop::of(Role::Shopper, &[]);
    let cost = || calls([("get_cost_price", json!({"product_id": "oat-1"}))]);
    let model = Script::new([cost(), finds("oat"), cost(), cost()], says("It is there [oat-1]."));
    let written = written(&model, &shop, "hello").await;
    assert_eq!((written.refused, shop.looked_up().as_slice()), (3, ["find oat".to_owned()].as_slice()));
}
