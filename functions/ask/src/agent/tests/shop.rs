//! A small shop whose internal fields are canaries, and models that follow a script.

use crate::{
    agent::{Asking, Shelves, Thinks, Unreachable, Written, write},
    budget::Budget,
    facts::{Products, sorted},
    model::{Call, Fault, Message, Reply, Turn},
    recall::{Recalled, Sought, What},
};
use serde_json::{Value, json};
use shared::{
    auth::Role,
    catalog::{Product, Store},
    ids::ProductId,
    locale::Locale,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

/// What no shopper may read: each cost price and supplier of the shop.
pub(super) const CANARIES: [&str; 6] = ["48151", "48,151", "Quartzfinch", "7331", "73.31", "Umbrageous"];

pub(super) fn product(id: &str, name: &str, price: f64, aisle: &str, stock: Value) -> Value {
    json!({
        "product_id": id, "name": name, "brand": "Oatly", "category": "Oat milk", "department": "Dairy", "aisle": aisle, "bay": "2",
        "price": price, "stock": stock, "attributes": {"size": "1 l"}, "updated_at": "2026-11-01T00:00:00Z",
        "cost_price": 48151.62, "supplier": "Quartzfinch Imports",
    })
}

/// The shop's shelves, for a caller of one role. They note what was looked up.
pub(super) struct Shop {
    pub(super) role: Role,
    pub(super) rows: Vec<Product>,
    pub(super) broken: bool,
    pub(super) slow: Duration,
    pub(super) looked_up: Mutex<Vec<String>>,
}

impl Shop {
    pub(super) fn of(role: Role, more: &[Value]) -> Self {
        let mut rows = vec![
            product("oat-1", "Oatly Oat Milk", 2.49, "7", json!(12)),
            product("oat-2", "Barista Oat Milk", 3.99, "7", json!(0)),
            product("choc", "Oat Chocolate", 1.5, "14", json!(3)),
        ];
        rows.extend(more.iter().cloned());
        let rows = rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect();
        Self { role, rows, broken: false, slow: Duration::ZERO, looked_up: Mutex::default() }
    }

    pub(super) fn looked_up(&self) -> MutexGuard<'_, Vec<String>> {
        self.looked_up.lock().unwrap()
    }

    async fn look(&self, what: &str, wanted: impl Fn(&Product) -> bool) -> Result<Products, Unreachable> {
        self.looked_up().push(what.to_owned());
        tokio::time::sleep(self.slow).await;
        if self.broken {
            return Err(Unreachable);
        }
        let rows: Vec<Product> = self.rows.iter().filter(|row| wanted(row)).cloned().collect();
        let found = |row: &Product| Recalled { id: row.product_id.to_string(), probability: 0.9, relevant: true };
        Ok(sorted(self.role, rows.clone(), &rows.iter().map(found).collect::<Vec<_>>()))
    }
}

impl Shelves for Shop {
    async fn find(&self, sought: Sought<'_>) -> Result<Products, Unreachable> {
        let What::Words(words) = sought.what else { return Ok(Products::default()) };
        let words = words.to_lowercase();
        let named = |row: &Product| words.split(' ').any(|word| row.name.to_lowercase().contains(word));
        self.look(&format!("find {words}"), named).await
    }

    async fn named(&self, id: &ProductId) -> Result<Products, Unreachable> {
        self.look(&format!("id {id}"), |row| row.product_id == *id).await
    }
}

pub(super) fn store() -> Store {
    let hours = json!([{"from": "08:00", "to": "21:00"}]);
    serde_json::from_value(json!({
        "store_id": "harlem", "name": "Harlem [x] Market", "time_zone": "America/New_York", "locale": "en", "currency": "USD",
        "hours": {"weekly": {"monday": hours, "sunday": [{"from": "10:00", "to": "18:30"}]}},
    }))
    .unwrap()
}

pub(super) fn asking<'a>(role: Role, store: &'a Store, question: &'a str) -> Asking<'a> {
    Asking {
        question,
        category: None,
        store,
        now: "2026-11-16T15:00:00Z".parse().unwrap(), // a Monday, ten in the morning
        locale: Locale::En,
        role,
        max_tokens: 600,
        max_tool_calls: 5,
        turn_time: Duration::from_secs(10),
        retrieves: true,
    }
}

pub(super) fn budget() -> Budget {
    Budget::new(Duration::from_secs(25), Duration::from_secs(5))
}

/// A turn as a model was given it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) system: String,
    pub(super) tools: Vec<&'static str>,
    pub(super) messages: Vec<Message>,
    pub(super) time: Duration,
}

impl Given {
    /// Everything in it as text, for an audit.
    pub(super) fn text(&self) -> String {
        format!("{}\n{:?}\n{:?}", self.system, self.tools, self.messages)
    }

    /// The content and fault of each result of the last message.
    pub(super) fn results(&self) -> Vec<(Value, bool)> {
        match self.messages.last() {
            Some(Message::Results(results)) => results.iter().map(|r| (r.content.clone(), r.is_error)).collect(),
            _ => Vec::new(),
        }
    }
}

/// A model that says what it was told to say, and then nothing but `last`.
pub(super) struct Script {
    pub(super) replies: Mutex<VecDeque<Result<Reply, Fault>>>,
    pub(super) last: Result<Reply, Fault>,
    pub(super) takes: Duration,
    pub(super) given: Mutex<Vec<Given>>,
}

impl Script {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>, last: Reply) -> Self {
        let replies = replies.into_iter().map(Ok).collect();
        Self { replies: Mutex::new(replies), last: Ok(last), takes: Duration::ZERO, given: Mutex::default() }
    }

    pub(super) fn failing(replies: impl IntoIterator<Item = Reply>, fault: Fault) -> Self {
        Self { last: Err(fault), ..Self::new(replies, Reply::default()) }
    }

    pub(super) fn given(&self) -> Vec<Given> {
        self.given.lock().unwrap().clone()
    }
}

impl Thinks for Script {
    async fn take(&self, turn: Turn<'_>) -> Result<Reply, Fault> {
        let tools = turn.tools.iter().map(|tool| tool.name).collect();
        let given = Given { system: turn.system.to_owned(), tools, messages: turn.messages.to_vec(), time: turn.time };
        self.given.lock().unwrap().push(given);
        tokio::time::sleep(self.takes).await;
        let next = self.replies.lock().unwrap().pop_front();
        next.unwrap_or_else(|| self.last.clone())
    }
}

pub(super) fn says(text: &str) -> Reply {
    Reply { text: text.to_owned(), calls: Vec::new(), tokens: 10 }
}

pub(super) fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Reply {
    let call =
        |(i, (name, arguments)): (usize, (&str, Value))| Call { id: format!("c{i}"), name: name.to_owned(), arguments };
    Reply { text: String::new(), calls: calls.into_iter().enumerate().map(call).collect(), tokens: 100 }
}

pub(super) fn finds(query: &str) -> Reply {
    calls([("get_product_location", json!({"query": query}))])
}

/// Lets a model answer a question of a caller of one role.
pub(super) async fn written(model: &Script, shop: &Shop, question: &str) -> Written {
    let store = store();
    write(model, shop, &asking(shop.role, &store, question), &budget()).await
}
