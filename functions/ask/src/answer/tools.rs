//! The read tools: what each one looks up, who may, and what it finds.
//!
//! Each takes the caller's permission with it and refuses before it looks at anything.

use super::facts::Candidate;
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use shared::{
    catalog::{Internal, Interval, Money, Status, Store},
    ids::ProductId,
};
use std::collections::BTreeMap;

/// A tool that answers questions and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Where a product stands.
    GetProductLocation,
    /// When the store is open.
    CheckStoreHours,
    /// What the store pays for a product.
    GetCostPrice,
}

impl Tool {
    /// The name by which roles and models know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetProductLocation => "get_product_location",
            Self::CheckStoreHours => "check_store_hours",
            Self::GetCostPrice => "get_cost_price",
        }
    }
}

/// The caller may not use a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller cannot use '{}'", .0.name())]
pub struct Denied(pub Tool);

/// What only staff may see of some products. It cannot be made for a caller who may not see it.
#[derive(Clone, Debug)]
pub struct Staff(BTreeMap<ProductId, Internal>);

impl Staff {
    /// Holds the internal fields of some products for a caller who may see them.
    ///
    /// # Errors
    ///
    /// [`Denied`] where `may` refuses [`Tool::GetCostPrice`].
    pub fn new(may: &dyn Fn(Tool) -> bool, internal: BTreeMap<ProductId, Internal>) -> Result<Self, Denied> {
        permit(may, Tool::GetCostPrice).map(|()| Self(internal))
    }
}

fn permit(may: &dyn Fn(Tool) -> bool, tool: Tool) -> Result<(), Denied> {
    if may(tool) { Ok(()) } else { Err(Denied(tool)) }
}

/// Where a product stands; every part is absent where the staff did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Location<'a> {
    /// The product.
    pub product_id: &'a ProductId,
    /// The aisle.
    pub aisle: Option<&'a str>,
    /// The bay within it.
    pub bay: Option<&'a str>,
    /// The part of the store.
    pub department: Option<&'a str>,
}

/// Says where a product stands.
///
/// # Errors
///
/// [`Denied`] where the caller may not ask.
pub fn get_product_location<'a>(may: &dyn Fn(Tool) -> bool, product: &'a Candidate) -> Result<Location<'a>, Denied> {
    let _span = tracing::info_span!("tool_call", tool = "get_product_location").entered();
    locate(may, product)
}

/// [`get_product_location`] as a part of a call that has its span.
pub(crate) fn locate<'a>(may: &dyn Fn(Tool) -> bool, product: &'a Candidate) -> Result<Location<'a>, Denied> {
    permit(may, Tool::GetProductLocation)?;
    let (aisle, bay) = (product.aisle.as_deref(), product.bay.as_deref());
    Ok(Location { product_id: &product.id, aisle, bay, department: product.department.as_deref() })
}

/// What the store's hours say about an instant and a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoursFound<'a> {
    /// Whether it is open at the instant.
    pub status: Status,
    /// The date on the store's clocks.
    pub date: Date,
    /// The intervals that begin on the date, in order.
    pub intervals: Vec<Interval>,
    /// Whether the date differs from the week.
    pub exceptional: bool,
    /// Why it differs.
    pub note: Option<&'a str>,
}

/// Says whether the store is open at `at`, and what holds on `date`.
///
/// # Errors
///
/// [`Denied`] where the caller may not ask.
pub fn check_store_hours<'a>(
    may: &dyn Fn(Tool) -> bool,
    store: &'a Store,
    at: Timestamp,
    date: Date,
) -> Result<HoursFound<'a>, Denied> {
    let _span = tracing::info_span!("tool_call", tool = "check_store_hours").entered();
    hours_of(may, store, at, date)
}

/// [`check_store_hours`] as a part of a call that has its span.
pub(crate) fn hours_of<'a>(
    may: &dyn Fn(Tool) -> bool,
    store: &'a Store,
    at: Timestamp,
    date: Date,
) -> Result<HoursFound<'a>, Denied> {
    permit(may, Tool::CheckStoreHours)?;
    let plan = store.hours.on(date);
    let (status, intervals) = (store.status_at(at), store.intervals_on(date));
    Ok(HoursFound { status, date, intervals, exceptional: plan.exceptional, note: plan.note })
}

/// What the store pays for a product, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost<'a> {
    /// The product.
    pub product_id: &'a ProductId,
    /// What the store pays, where it is recorded.
    pub cost_price: Option<Money>,
    /// Whom it buys from, where it is recorded.
    pub supplier: Option<&'a str>,
}

/// Says what the store pays for a product.
///
/// # Errors
///
/// [`Denied`] where the caller may not ask; then nothing was looked up.
pub fn get_cost_price<'a>(
    may: &dyn Fn(Tool) -> bool,
    staff: Option<&'a Staff>,
    product_id: &'a ProductId,
) -> Result<Cost<'a>, Denied> {
    let _span = tracing::info_span!("tool_call", tool = "get_cost_price").entered();
    cost_of(may, staff, product_id)
}

/// [`get_cost_price`] as a part of a call that has its span.
pub(crate) fn cost_of<'a>(
    may: &dyn Fn(Tool) -> bool,
    staff: Option<&'a Staff>,
    product_id: &'a ProductId,
) -> Result<Cost<'a>, Denied> {
    permit(may, Tool::GetCostPrice)?;
    let internal = staff.and_then(|staff| staff.0.get(product_id));
    let supplier = internal.and_then(|internal| internal.supplier.as_deref());
    Ok(Cost { product_id, cost_price: internal.and_then(|internal| internal.cost_price), supplier })
}
