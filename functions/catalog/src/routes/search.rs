//! Plain product search.

use super::{Guarded, InStore, enter};
use crate::{
    App,
    error::Error,
    search::{Found, Results, Search, Wanted},
    view::View,
};
use axum::extract::State;
use retrieval::{Roles, Scope, SnapshotScope, retriever};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Permission, Role},
    catalog::{Money, Product},
    web::{Json, Path, Query},
};

const SEARCH: &str = "GET /catalog/stores/{store_id}/search";
/// The longest text that is searched for, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// The longest category, in characters.
const MAX_CATEGORY_CHARS: usize = 300;
/// The most values that a facet tells.
const MAX_VALUES: usize = 100;

/// What is searched for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// What the shopper typed, as words or as a question; left out, it lists all that passes the filters.
    #[param(max_length = 2000, example = "oat milk under 3 dollars")]
    q: Option<String>,
    /// Only this category; case and accents do not count.
    #[param(max_length = 300)]
    category: Option<String>,
    /// At most this price, in the store's currency.
    #[param(value_type = Option<f64>, minimum = 0)]
    max_price: Option<String>,
    /// With `true`, nothing that is counted and sold out.
    in_stock: Option<bool>,
    /// How many products at most; 20 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The mark of the page before: its `next_cursor`.
    cursor: Option<String>,
}

/// A page of products, best first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SearchPage {
    products: Vec<ProductHit>,
    /// How many products match, before `in_stock`.
    matches: u64,
    facets: Facets,
    /// The mark of the next page; absent after the last one. A page may be short, or empty, and still have a next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A product that was found, as it is now.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ProductHit {
    #[serde(flatten)]
    #[schema(value_type = Product)]
    product: View,
    /// The probability that it is what was searched for, from 0 to 1.
    similarity: f64,
    /// Whether that is enough for an answer.
    relevant: bool,
}

/// How many matches there are of each kind, most first; up to 100 values each.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Facets {
    category: Vec<FacetValue>,
    department: Vec<FacetValue>,
    aisle: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct FacetValue {
    value: String,
    count: u64,
}

/// Finds products: the store's snapshot orders them, the table says what they cost and whether they are there.
#[utoipa::path(
    get,
    path = "/catalog/stores/{store_id}/search",
    tag = "catalog",
    params(InStore, SearchQuery),
    responses((status = 200, description = "A page of products.", body = SearchPage), Guarded)
)]
pub(super) async fn search(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchPage>, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::GetProductLocation)?;
    let cursor = query.cursor.clone();
    let wanted = wanted(query)?;
    let context = wanted.context();
    entered.store().await?;
    let place = entered.place(SEARCH, &context);
    let mark = app.cursors.after(&place, cursor.as_deref()).await?;
    let snapshot = app.warm.current(&entered.scope).await.map_err(Error::Snapshot)?;
    let scope = Scope {
        store: SnapshotScope { tenant: entered.scope.tenant().to_string(), store: entered.scope.store().to_string() },
        snapshot: None,
        roles: Roles::from_names([caller.role().as_str()]),
    };
    let search = Search { snapshot, scope: &scope, table: &entered.table, wanted: &wanted, as_of: app.clock.now() };
    let Results { found, matches, facets, next } = search.page(mark).await?;
    let next_cursor = app.cursors.next(&place, next.as_ref()).await?;
    let products = found.into_iter().map(|found| ProductHit::of(found, caller.role())).collect();
    Ok(Json(SearchPage { products, matches, facets: facets.into(), next_cursor }))
}

impl ProductHit {
    fn of(found: Found, role: Role) -> Self {
        let Found { product, similarity, relevant } = found;
        Self { product: View::of(product, role), similarity: (similarity * 1e4).round() / 1e4, relevant }
    }
}

impl From<retriever::Facets> for Facets {
    fn from(facets: retriever::Facets) -> Self {
        let values = |counted: Vec<(String, u64)>| {
            counted.into_iter().take(MAX_VALUES).map(|(value, count)| FacetValue { value, count }).collect()
        };
        let retriever::Facets { category, department, aisle } = facets;
        Self { category: values(category), department: values(department), aisle: values(aisle) }
    }
}

fn wanted(query: SearchQuery) -> Result<Wanted, Error> {
    let bad = |what: String| Err(Error::BadQuery(what));
    let SearchQuery { q, category, max_price, in_stock, limit, cursor: _ } = query;
    let text = q.unwrap_or_default();
    if text.chars().count() > MAX_TEXT_CHARS {
        return bad(format!("q has at most {MAX_TEXT_CHARS} characters."));
    }
    let category = category.filter(|category| !category.trim().is_empty());
    if category.as_ref().is_some_and(|category| category.chars().count() > MAX_CATEGORY_CHARS) {
        return bad(format!("category has at most {MAX_CATEGORY_CHARS} characters."));
    }
    let max_price: Option<Money> = match max_price.as_deref().map(str::parse).transpose() {
        Ok(price) => price,
        Err(why) => return bad(format!("max_price: {why}.")),
    };
    let limit = limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return bad("limit lies between 1 and 100.".to_owned());
    }
    Ok(Wanted { text, category, max_price, in_stock: in_stock.unwrap_or(false), limit })
}
