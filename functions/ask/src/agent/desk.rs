//! Where a model's calls are granted or refused.
//!
//! Whoever asked for the tool, the rights are those of the verified caller, asked here each time. In this order: a tool of that
//! exact name exists; the role may use it; it changes nothing; its arguments are of its form. A call that fails one runs nothing,
//! is told so in words that say nothing of the data, is logged and counted.

use super::{
    Asking, Shelves, Unreachable,
    shown::{Shown, shown},
    tools::{self, Find, Wish},
};
use crate::{
    answer::{Candidate, Limits, Tool, tools as look},
    budget::Budget,
    facts::{self, Products},
    model::{Call, CallResult},
    recall::{Sought, What},
};
use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};
use shared::{
    auth::{Permission, Role},
    telemetry::{Metric, Outcome, metrics},
};
use tracing::{Instrument, info_span};

/// The most products of one result.
const MAX_PRODUCTS: usize = 8;
/// The most products of which a result tells only that they come near.
const MAX_NEAREST: usize = 3;
/// The most attributes of a product.
const MAX_ATTRIBUTES: usize = 12;
/// The longest text of a product, in characters.
const MAX_TEXT_CHARS: usize = 120;
/// How many days of opening hours are told where no date was named.
const DAYS_AHEAD: i64 = 7;
/// How far from today a date may lie, in days.
const MAX_DAYS_OFF: i64 = 400;

/// The tools of one request, what they have shown, and what was refused.
pub(super) struct Desk<'a, S> {
    pub(super) asking: &'a Asking<'a>,
    shelves: &'a S,
    budget: &'a Budget,
    /// Whether retrieval has failed in this request: it is not waited for again.
    down: bool,
    /// What an answer may cite.
    pub(super) shown: Shown,
    /// The tools that ran, each once, in order.
    pub(super) used: Vec<Tool>,
    /// How many calls were refused.
    pub(super) refused: usize,
    granted: Vec<(Wish, Result<Value, &'static str>)>,
}

/// Why a call is not granted.
enum Refusal {
    /// The role may not use it, or there is no such tool.
    Forbidden { tool: String },
    /// It changes data, and nobody has confirmed that.
    Unconfirmed { tool: &'static str },
    /// Its arguments are not of its form.
    Arguments { tool: &'static str, why: String },
}

impl<'a, S: Shelves> Desk<'a, S> {
    pub(super) fn new(asking: &'a Asking<'a>, shelves: &'a S, budget: &'a Budget) -> Self {
        let (shown, down) = (Shown::default(), !asking.retrieves);
        Self { asking, shelves, budget, down, shown, used: Vec::new(), refused: 0, granted: Vec::new() }
    }

    /// Runs a call, or refuses it.
    pub(super) async fn run(&mut self, call: &Call) -> CallResult {
        let tool = Permission::of_tool(&call.name).map_or("other", Permission::tool);
        let (content, is_error) = match self.permit(call) {
            Err(refusal) => (json!({"error": self.refuse(&refusal, tool)}), true),
            Ok(wish) => match self.grant(wish).instrument(info_span!("tool_call", tool)).await {
                Ok(content) => (content, false),
                Err(why) => (json!({"error": why}), true),
            },
        };
        CallResult { id: call.id.clone(), name: plain_name(&call.name), content, is_error }
    }

    /// Holds a call to the caller's rights and to the tool's form.
    fn permit(&self, call: &Call) -> Result<Wish, Refusal> {
        let unknown = || Refusal::Forbidden { tool: plain_name(&call.name) };
        let permission = Permission::of_tool(&call.name).ok_or_else(unknown)?;
        let tool = permission.tool();
        self.asking.role.may(permission).map_err(|_| Refusal::Forbidden { tool: tool.to_owned() })?;
        if !tools::only_reads(permission) {
            return Err(Refusal::Unconfirmed { tool });
        }
        Wish::read(permission, &call.arguments).map_err(|why| Refusal::Arguments { tool, why })
    }

    /// Counts and logs a refusal; what the model is told of it.
    fn refuse(&mut self, refusal: &Refusal, tool: &'static str) -> String {
        self.refused += 1;
        let role = self.asking.role;
        let (reason, told) = match refusal {
            Refusal::Forbidden { tool } => ("forbidden", format!("Role '{role}' cannot use '{tool}'")),
            Refusal::Unconfirmed { tool } => (
                "unconfirmed",
                format!(
                    "'{tool}' changes data and needs the person's confirmation, which cannot be given here; it was not run"
                ),
            ),
            Refusal::Arguments { tool, why } => {
                ("arguments", format!("the arguments of '{tool}' are not of its form: {why}"))
            }
        };
        tracing::warn!(
            event = "tool_refused",
            role = role.as_str(),
            tool,
            reason,
            "refused a model's call of {tool}: {reason}"
        );
        metrics::emit(None, Outcome::Declined, &[Metric::one("ask_tool_refusals_total")]);
        told
    }

    /// Runs what was permitted; what was asked before is answered as before.
    async fn grant(&mut self, wish: Wish) -> Result<Value, &'static str> {
        if let Some((_, first)) = self.granted.iter().find(|(before, _)| *before == wish) {
            return first.clone();
        }
        let (tool, found) = match &wish {
            Wish::Find(find) => (Tool::GetProductLocation, self.find(find).await),
            Wish::Hours(date) => (Tool::CheckStoreHours, self.hours(*date)),
            Wish::Cost(id) => {
                let found = self.in_time(self.shelves.named(id)).await.map_err(|_| CANNOT_LOOK);
                (Tool::GetCostPrice, found.and_then(|found| self.costs(&found)))
            }
            Wish::CostOf(query) => {
                let sought = Sought { what: What::Words(query), category: None, limits: Limits::default() };
                let found = self.look(sought).await;
                (Tool::GetCostPrice, found.and_then(|found| self.costs(&found)))
            }
        };
        if found.is_ok() && !self.used.contains(&tool) {
            self.used.push(tool);
        }
        self.granted.push((wish, found.clone()));
        found
    }

    /// Looks products up by words, unless that has failed before in this request.
    async fn look(&mut self, sought: Sought<'_>) -> Result<Products, &'static str> {
        let found = if self.down { Err(Unreachable) } else { self.in_time(self.shelves.find(sought)).await };
        self.down = found.is_err();
        found.map_err(|_| CANNOT_LOOK)
    }

    /// What comes within the time of one look-up. A store that hangs is told to the model as one that fails: it is not its fault.
    async fn in_time<T>(&self, looking: impl Future<Output = Result<T, Unreachable>>) -> Result<T, Unreachable> {
        tokio::time::timeout(self.budget.for_lookup(), looking).await.unwrap_or(Err(Unreachable))
    }

    async fn find(&mut self, find: &Find) -> Result<Value, &'static str> {
        let limits = Limits { min: None, max: find.max_price };
        let category = find.category.as_deref().or(self.asking.category);
        let sought = Sought { what: What::Words(&find.query), category, limits };
        let products = self.look(sought).await?;
        let wanted =
            |product: &&Candidate| limits.allow(product.price) && !(find.in_stock == Some(true) && product.is_out());
        let (fit, other): (Vec<_>, Vec<_>) = products.hits.iter().partition(wanted);
        let told =
            fit.iter().take(MAX_PRODUCTS).map(|product| self.product(product, true)).collect::<Result<Vec<_>, _>>()?;
        if !told.is_empty() {
            return Ok(json!({"products": told, "more": fit.len() > MAX_PRODUCTS}));
        }
        let near = other.into_iter().chain(&products.near).take(MAX_NEAREST);
        let near = near.map(|product| self.product(product, false)).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"products": [], "note": "Nothing fits what was asked for.", "nearest": near}))
    }

    /// A product as the model sees it: only what every caller who may look products up may see.
    fn product(&mut self, product: &Candidate, fits: bool) -> Result<Value, &'static str> {
        let place = look::locate(&may_as(self.asking.role), product).map_err(|_| CANNOT_LOOK)?;
        let price = self.asking.store.currency.format(product.price, self.asking.locale);
        self.shown.product(product, &price, fits);
        let mut told = Map::new();
        let text = |text: Option<&str>| text.map(|text| Value::from(shown(text, MAX_TEXT_CHARS)));
        let members = [
            ("id", Some(product.id.as_str().into())),
            ("name", text(Some(&product.name))),
            ("brand", text(product.brand.as_deref())),
            ("category", text(product.category.as_deref())),
            ("department", text(place.department)),
            ("aisle", text(place.aisle)),
            ("bay", text(place.bay)),
            ("price", Some(price.into())),
            ("stock", Some(product.stock.map_or_else(|| "not counted".into(), Value::from))),
        ];
        told.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let attributes = product.attributes.iter().take(MAX_ATTRIBUTES);
        let attributes: Map<_, _> =
            attributes.map(|(key, value)| (shown(key, MAX_TEXT_CHARS), shown(value, MAX_TEXT_CHARS).into())).collect();
        if !attributes.is_empty() {
            told.insert("attributes".to_owned(), attributes.into());
        }
        Ok(told.into())
    }

    fn hours(&mut self, date: Option<Date>) -> Result<Value, &'static str> {
        let (store, now) = (self.asking.store, self.asking.now);
        let clock = store.local(now);
        let today = clock.date();
        let off = |days: i64| today.checked_add(days.days()).unwrap_or(today);
        let days: Vec<Date> = match date {
            Some(date) if date < off(-MAX_DAYS_OFF) || off(MAX_DAYS_OFF) < date => return Err(TOO_FAR),
            Some(date) => vec![date],
            None => (0..DAYS_AHEAD).map(off).collect(),
        };
        let id = format!("store:{}", store.store_id);
        let may = may_as(self.asking.role);
        let item = self.shown.store(&id, &store.name);
        item.numbers.add_time(clock.hour(), clock.minute());
        let mut told = Vec::new();
        let mut open_now = false;
        for date in days {
            let found = look::hours_of(&may, store, now, date).map_err(|_| CANNOT_LOOK)?;
            open_now = matches!(found.status, shared::catalog::Status::Open { .. });
            item.numbers.add(&date.strftime("%Y-%m-%d").to_string());
            let spans: Vec<String> = found
                .intervals
                .iter()
                .map(|interval| {
                    let (from, to) = (store.local(interval.from), store.local(interval.to));
                    item.numbers.add_time(from.hour(), from.minute());
                    item.numbers.add_time(to.hour(), to.minute());
                    let next = if to.date() == from.date() { "" } else { " of the next day" };
                    format!("{} to {}{next}", from.strftime("%H:%M"), to.strftime("%H:%M"))
                })
                .collect();
            let mut day = json!({"date": date, "day": date.strftime("%A").to_string(), "open": spans});
            if let Some(note) = found.note {
                item.numbers.add(note);
                day["note"] = shown(note, MAX_TEXT_CHARS).into();
            }
            told.push(day);
        }
        let now = clock.strftime("%A %Y-%m-%d %H:%M").to_string();
        Ok(json!({"id": id, "now": now, "open_now": open_now, "days": told}))
    }

    /// What the store pays. Where the caller may not know, `staff` does not exist, and nothing is told.
    fn costs(&mut self, products: &Products) -> Result<Value, &'static str> {
        let (store, locale) = (self.asking.store, self.asking.locale);
        let mut told = Vec::new();
        for product in products.hits.iter().take(MAX_PRODUCTS) {
            let cost = look::cost_of(&may_as(self.asking.role), products.staff.as_ref(), &product.id)
                .map_err(|_| CANNOT_LOOK)?;
            let price = store.currency.format(product.price, locale);
            let pays = cost.cost_price.map(|cost| store.currency.format(cost, locale));
            let item = self.shown.product(product, &price, true);
            if let Some((amount, formatted)) = cost.cost_price.zip(pays.as_deref()) {
                item.add_money(formatted);
                item.add_money(&amount.to_string());
            }
            let supplier = cost.supplier.map(|supplier| shown(supplier, MAX_TEXT_CHARS));
            item.numbers.add(supplier.as_deref().unwrap_or_default());
            told.push(json!({
                "id": product.id,
                "name": shown(&product.name, MAX_TEXT_CHARS),
                "price": price,
                "cost_price": pays.unwrap_or_else(|| "not recorded".to_owned()),
                "supplier": supplier.unwrap_or_else(|| "not recorded".to_owned()),
            }));
        }
        Ok(json!({"products": told}))
    }
}

/// What the tools themselves ask, each time.
fn may_as(role: Role) -> impl Fn(Tool) -> bool {
    move |tool| facts::may(role, tool)
}

const CANNOT_LOOK: &str = "this cannot be looked up right now";
const TOO_FAR: &str = "the date is too far from today";

/// A tool's name as it may go back to a provider: what a model makes up may be of any form and length.
pub(super) fn plain_name(name: &str) -> String {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(64).collect();
    if plain.is_empty() { "unnamed".to_owned() } else { plain }
}
