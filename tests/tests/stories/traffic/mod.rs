//! Random requests of a tenant's people, over every route of the OpenAPI document.
//!
//! A request may name what only a running bundle knows: an import that it made, a cursor or an ETag that it handed out. Such
//! things stand in it as `@import@`, `@cursor@` and `@etag@`, and [`Place`] puts what its own bundle said in their place, so
//! that two bundles can be asked the same.

mod events;
mod notices;
mod place;

use super::*;
use http::Method;
use local::Claims;
pub(crate) use place::Place;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// The id of no import.
pub(crate) const NO_IMPORT: &str = "imp-00000000000000000000000000000000";

/// The id of no notice.
pub(crate) const NO_NOTICE: &str = "ntf_00000000000000000000000000";

/// What two tenants call their own; the generator draws from both, and from what nobody has.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) tenant: &'static str,
    /// Stores that the tenant's people work in, the small one first.
    pub(crate) stores: Vec<String>,
    pub(crate) products: Vec<String>,
    /// Of the other tenant: stores, products, imports, and whatever else may be guessed.
    pub(crate) foreign_stores: Vec<String>,
    pub(crate) foreign_products: Vec<String>,
    pub(crate) foreign_imports: Vec<String>,
    pub(crate) foreign_notices: Vec<String>,
    pub(crate) foreign_tenant: &'static str,
}

impl Names {
    /// The sample's first tenant, that looks at the second.
    pub(crate) fn of_greenleaf() -> Self {
        Self {
            tenant: "t_greenleaf",
            stores: strings(&["annex", "downtown", "madrid"]),
            products: strings(&["GL-1001", "GL-1002", "GM-1003", "fz-1", "fz-2", "fz-3", "no-such"]),
            foreign_stores: strings(&["main", "nowhere"]),
            foreign_products: strings(&["PC-1001", "PC-1002", "secret-1"]),
            foreign_imports: vec![NO_IMPORT.to_owned()],
            foreign_notices: vec![NO_NOTICE.to_owned()],
            foreign_tenant: "t_corner",
        }
    }

    /// The other way round.
    pub(crate) fn of_corner() -> Self {
        Self {
            tenant: "t_corner",
            stores: strings(&["kiosk", "main"]),
            products: strings(&["PC-1001", "PC-1002", "fz-1", "fz-2", "no-such"]),
            foreign_stores: strings(&["downtown", "madrid", "annex", "nowhere"]),
            foreign_products: strings(&["GL-1001", "GM-1003"]),
            foreign_imports: vec![NO_IMPORT.to_owned()],
            foreign_notices: vec![NO_NOTICE.to_owned()],
            foreign_tenant: "t_greenleaf",
        }
    }

    /// Writes down who of the people may administer, and how far: their tokens alone do not say so.
    pub(crate) async fn settle(&self, bundle: &Bundle) {
        for (name, scope) in [("root", "admin:write"), ("walter", "admin:super")] {
            bundle.administer(self.tenant, name, scope).await.unwrap();
        }
    }

    /// The tenant's people. The last one's token lists the other tenant's stores too: stores of those names in their own tenant.
    pub(crate) fn people(&self) -> Vec<Claims> {
        let of = |name: &str, role: &str| Claims::of(name).role(role).tenant(self.tenant).stores(self.stores.clone());
        let all = self.stores.iter().chain(&self.foreign_stores).cloned();
        let wide = Claims::of("walter").role("admin").tenant(self.tenant).scope("admin:super").stores(all);
        vec![of("ada", "shopper"), of("emil", "store_employee"), of("root", "admin").scope("admin:write"), wide]
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A request that any of the people may send.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The route as the document has it: `GET /catalog/stores/{store_id}`.
    pub(crate) route: String,
    pub(crate) who: usize,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<(&'static str, String)>,
}

impl Asked {
    /// A GET by the tenant's admin.
    pub(crate) fn reading(path: &str) -> Self {
        let headers =
            vec![("x-request-id", "again".to_owned()), ("traceparent", format!("00-{:032x}-{:016x}-00", 1, 1))];
        Self { route: "GET".to_owned(), who: 2, method: Method::GET, path: path.to_owned(), headers, body: None }
    }

    /// A question by the tenant's admin.
    pub(crate) fn question(question: &str, store: &str) -> Self {
        let body = json!({"question": question, "store_id": store}).to_string();
        let body = Some(("application/json", body));
        Self { route: "POST /ask".to_owned(), method: Method::POST, body, ..Self::reading("/ask") }
    }
}

/// Every operation of the document: method, path.
pub(crate) fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(local::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    operations
}

/// Draws requests.
pub(crate) struct Traffic {
    pub(crate) random: StdRng,
    pub(crate) names: Names,
    operations: Vec<(Method, String)>,
    drawn: u64,
    /// The names of the events that were sent.
    events: Vec<String>,
}

impl Traffic {
    pub(crate) fn new(names: Names, seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), names, operations: operations(), drawn: 0, events: vec![] }
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all.choose(&mut self.random).expect("there is something to choose from").clone()
    }

    fn store(&mut self) -> String {
        let names = &self.names;
        let all = match self.random.gen_range(0..10) {
            0 | 1 => names.foreign_stores.clone(),
            2..=6 => names.stores[..1].to_vec(),
            _ => names.stores.clone(),
        };
        self.of(&all)
    }

    fn product(&mut self) -> String {
        let foreign = self.random.gen_bool(0.3);
        let all = if foreign { self.names.foreign_products.clone() } else { self.names.products.clone() };
        self.of(&all)
    }

    fn import(&mut self) -> String {
        let foreign = self.random.gen_bool(0.3);
        if foreign { self.of(&self.names.foreign_imports.clone()) } else { "@import@".to_owned() }
    }

    /// The next request.
    pub(crate) fn draw(&mut self) -> Asked {
        let mut drawn = self.of(&self.operations.clone());
        if drawn.1.ends_with("/import") && self.random.gen_bool(0.6) {
            // It publishes, which costs as much as ten others.
            drawn = self.of(&self.operations.clone());
        }
        if self.random.gen_bool(0.3) {
            // Few appeals are decided by chance.
            let appeals = |(_, path): &&(Method, String)| path.contains("appeal");
            drawn = self.of(&self.operations.iter().filter(appeals).cloned().collect::<Vec<_>>());
        }
        let (method, path) = drawn;
        self.drawn += 1;
        let mut asked = Asked {
            route: format!("{method} {path}"),
            who: self.random.gen_range(0..self.names.people().len()),
            path: self.filled(&path),
            headers: vec![("x-request-id", format!("traffic-{}", self.drawn))],
            body: self.body(&method, &path),
            method,
        };
        asked.path.push_str(&self.query(&path));
        let places = ["/routing/", "/analytics/", "/api/analytics/"];
        if places.iter().any(|place| asked.path.starts_with(place)) {
            let context = [("x-tenant-id", self.names.tenant), ("x-project-id", "proj-1"), ("x-mode", "saas")];
            asked.headers.extend(context.map(|(name, value)| (name, value.to_owned())));
        }
        let trace = format!("00-{:032x}-{:016x}-00", self.drawn, 1);
        asked.headers.push(("traceparent", trace));
        if self.random.gen_bool(0.1) {
            let tenants = [self.names.tenant, self.names.foreign_tenant, "t_nobody"];
            asked.headers.push(("x-tenant-id", self.of(&tenants).to_owned()));
        }
        if self.random.gen_bool(0.2) && asked.method != Method::GET {
            asked.headers.push(("idempotency-key", format!("key-{}", self.random.gen_range(0..40))));
        }
        if self.random.gen_bool(0.1) {
            asked.headers.push(("if-match", "@etag@".to_owned()));
        }
        if self.random.gen_bool(0.1) {
            asked.headers.push(("x-sheen-locale", self.of(&["en", "es", "fr", "de"]).to_owned()));
        }
        asked
    }

    fn filled(&mut self, path: &str) -> String {
        let mut filled = String::new();
        for part in path.split_inclusive('/') {
            let (part, slash) = part.strip_suffix('/').map_or((part, ""), |part| (part, "/"));
            let value = match part {
                "{store_id}" => self.store(),
                "{product_id}" => self.product(),
                "{import_id}" => self.import(),
                "{id}" => self.notice(),
                "{appeal_id}" => self.appeal(),
                "{event_id}" => self.event(),
                "{receipt_id}" => self.of(&["@receipt@", "ers_01jc0000000000000000000000"]).to_owned(),
                "{failed_id}" => self.of(&["@failed@", "@failed@", "fld_01jc0000000000000000000000"]).to_owned(),
                "{route_id}" => format!("analytics_store.{}.development", self.names.foreign_tenant),
                parameter if parameter.starts_with('{') => self.of(&["ada", "emil", "someone", "bea"]).to_owned(),
                literal => literal.to_owned(),
            };
            filled.push_str(&value);
            filled.push_str(slash);
        }
        filled
    }

    fn query(&mut self, path: &str) -> String {
        if path.starts_with("/api/user-notifications") || path == "/api/admin/appeals" {
            return self.notices_query(path);
        }
        if path.starts_with("/analytics/") || path == "/api/analytics/export" {
            return self.events_query(path);
        }
        if path == "/healthz" {
            return self.of(&["", "?deep=1"]).to_owned();
        }
        let lists = path.ends_with("/products") || path.ends_with("/search") || path.ends_with("/people");
        if !lists || self.random.gen_bool(0.2) {
            return String::new();
        }
        let limit = self.random.gen_range(1..8);
        let cursor = if self.random.gen_bool(0.5) { "&cursor=@cursor@" } else { "" };
        let words = self.of(&["", "&q=milk", "&q=Bananes", "&q=fig", "&category=Fruit", "&in_stock=true", "&q=secret"]);
        let words = if path.ends_with("/search") { words } else { "" };
        format!("?limit={limit}{words}{cursor}")
    }

    fn body(&mut self, method: &Method, path: &str) -> Option<(&'static str, String)> {
        let json = |value: Value| Some(("application/json", value.to_string()));
        match (method.as_str(), path) {
            ("POST", "/ask") => {
                let question = self.of(&QUESTIONS);
                let mut body = json!({"question": question, "store_id": self.store()});
                if self.random.gen_bool(0.2) {
                    body["category"] = self.of(&["oat milk", "Fruits", "secret"]).into();
                }
                if self.random.gen_bool(0.1) {
                    body["tenant_id"] = self.names.foreign_tenant.into();
                }
                json(body)
            }
            ("PUT", "/catalog/stores/{store_id}") => json(shop(&format!("Shop {}", self.random.gen_range(0..3)))),
            ("PUT", "/catalog/stores/{store_id}/products/{product_id}") => {
                let mut product = fig_spread(self.random.gen_range(0..4));
                product["price"] = json!(f64::from(self.random.gen_range(1..9)) + 0.5);
                product["cost_price"] = json!(0.5);
                json(product)
            }
            ("POST", "/catalog/stores/{store_id}/import") => {
                let stock = self.random.gen_range(0..3);
                let id = self.product();
                let rows = format!("product_id,name,price,aisle,stock\n{id},Imported Fig,2.50,3,{stock}\nbad,,1,1,1\n");
                Some(("text/csv", rows))
            }
            ("POST", "/catalog/stores/{store_id}/imports") => json(json!({"content_type": "text/csv"})),
            ("POST" | "PUT" | "PATCH", path)
                if path.starts_with("/api/user-notifications") || path.starts_with("/api/admin/appeals") =>
            {
                json(self.notices_body(path))
            }
            ("POST", "/analytics/ingest") => json(self.event_body(None)),
            ("POST", "/analytics/failed/{failed_id}/replay") => {
                if self.random.gen_bool(0.3) {
                    None
                } else {
                    json(self.event_body(None))
                }
            }
            ("POST", "/analytics/ingest/batch") => {
                let events: Vec<Value> = (0..self.random.gen_range(1..4)).map(|at| self.event_body(Some(at))).collect();
                json(json!({"events": events}))
            }
            ("POST", "/analytics/probe") => json(super::routing::to_probe("smartstore-dev-EventsTable")),
            ("POST", "/routing/routes") => json(super::routing::dynamodb(self.names.foreign_tenant)),
            ("POST" | "PUT" | "PATCH", _) if !path.ends_with("/start") => json(self.unknown()),
            _ => None,
        }
    }

    /// A body for a route of people: the one family of routes whose bodies are alike.
    fn unknown(&mut self) -> Value {
        let role = self.of(&["shopper", "store_employee", "admin"]);
        json!({"role": role, "stores": [self.names.stores[0]], "scopes": ["admin:read"], "suspended": false})
    }
}

const QUESTIONS: [&str; 10] = [
    "where is the oat milk?",
    "do you have Bananes?",
    "what is the cost price of the Imported Fig?",
    "how much is the zanzibar fig spread and is it in stock?",
    "when do you close today?",
    "¿dónde está la leche de avena?",
    "avez-vous du fromage de la concurrence?",
    "do you have secret-1?",
    "what is in aisle 3?",
    "",
];

/// A store as it is put.
pub(crate) fn shop(name: &str) -> Value {
    json!({"name": name, "time_zone": "Europe/Paris", "currency": "EUR", "locale": "en",
        "hours": {"weekly": {"tuesday": [{"from": "09:00", "to": "21:00"}]}}})
}
