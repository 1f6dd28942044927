//! Products, one at a time and page by page.

use super::{Guarded, InStore, enter};
use crate::{
    App,
    error::Error,
    facts::{BadProduct, Draft, Effect},
    table::{Deletion, ProductRow, Stored},
    view::View,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    auth::{Caller, Permission},
    catalog::{Money, Product},
    ids::{ProductId, StoreId},
    web::{
        Json, Path, Query,
        answers::WithBody,
        etag::{self, Seen},
    },
};
use std::collections::BTreeMap;

const LIST: &str = "GET /catalog/stores/{store_id}/products";

/// A product as it is put. Its id is the path's.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of a body that `Draft` reads field by field")]
pub(super) struct PutProduct {
    /// What it is called on the shelf.
    #[schema(min_length = 1, max_length = 300, example = "Oat milk 1 l")]
    name: String,
    /// Who makes it.
    #[schema(max_length = 300)]
    brand: Option<String>,
    /// What it is, in a few sentences.
    #[schema(max_length = 8000)]
    description: Option<String>,
    /// Its kind.
    #[schema(max_length = 300, example = "Oat milk")]
    category: Option<String>,
    /// Its part of the store.
    #[schema(max_length = 300, example = "Dairy")]
    department: Option<String>,
    /// Where it stands.
    #[schema(max_length = 300, example = "7")]
    aisle: Option<String>,
    /// Where in the aisle.
    #[schema(max_length = 300)]
    bay: Option<String>,
    /// What a customer pays, in the store's currency.
    price: Money,
    /// How many there are; left out where the store does not count them.
    #[schema(minimum = 0, maximum = 4_294_967_295_u32)]
    stock: Option<u32>,
    /// Anything else that a shopper may ask for; up to 200 names, each value up to 8,000 characters.
    attributes: Option<BTreeMap<String, String>>,
    /// When its facts last changed, as RFC 3339 or a day; now, where nothing is said.
    #[schema(value_type = Option<String>, example = "2026-03-01T09:00:00Z")]
    updated_at: Option<String>,
    /// What the store pays; only staff see it.
    cost_price: Option<Money>,
    /// Whom the store buys it from; only staff see it.
    #[schema(max_length = 300)]
    supplier: Option<String>,
}

/// The path of one product.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfProduct {
    /// One of the token's stores.
    #[param(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    store_id: StoreId,
    /// Unique within the store.
    #[param(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]
    product_id: ProductId,
}

/// Which page of the products.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// How many products at most; 100 unless said. A page of large products may be shorter.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The mark of the page before: its `next_cursor`.
    cursor: Option<String>,
}

/// A page of products in the order of their ids.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ProductPage {
    /// The products.
    #[schema(value_type = Vec<Product>)]
    products: Vec<View>,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Makes a product, or changes it as a whole. The same facts again change nothing, also where `updated_at` is left out.
#[utoipa::path(
    put,
    path = "/catalog/stores/{store_id}/products/{product_id}",
    tag = "catalog",
    params(OfProduct, ("If-Match" = Option<String>, Header, description = "Only onto this version: an ETag of a GET.")),
    request_body = PutProduct,
    responses(
        (status = 200, description = "The product stands as it was put.", body = Product),
        (status = 201, description = "The product is new.", body = Product),
        (status = 412, description = "The product is another version than If-Match names.",
            body = shared::problem::ProblemDocument, content_type = "application/problem+json"),
        Guarded,
        WithBody,
    )
)]
pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(OfProduct { store_id, product_id }): Path<OfProduct>,
    headers: HeaderMap,
    Json(mut body): Json<Map<String, Value>>,
) -> Result<Response, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    if body.get("product_id").is_some_and(|named| named != product_id.as_str()) {
        return Err(BadProduct::new("product_id", "is another one than the path's; leave it out").into());
    }
    body.insert("product_id".to_owned(), product_id.as_str().into());
    let facts = Draft::from_body(body).and_then(Draft::check)?;
    let seen = etag::if_match(&headers)?.map(|Seen(digest)| digest);
    entered.store().await?;
    match entered.table.put_product(&facts, seen.as_ref(), app.clock.now()).await? {
        Stored::Done(effect, row) => {
            let status = if effect == Effect::Created { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, versioned(*row, &caller)).into_response())
        }
        Stored::Other(_) => Err(Error::ChangedMeanwhile),
    }
}

/// Shows a product. Staff also see what it costs the store and who supplies it.
#[utoipa::path(
    get,
    path = "/catalog/stores/{store_id}/products/{product_id}",
    tag = "catalog",
    params(OfProduct),
    responses((status = 200, description = "The product; its version is the ETag.", body = Product), Guarded)
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(OfProduct { store_id, product_id }): Path<OfProduct>,
) -> Result<Response, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::GetProductLocation)?;
    match entered.table.product(&product_id).await? {
        Some(row) => Ok(versioned(row, &caller).into_response()),
        None => {
            entered.store().await?;
            Err(Error::NoSuchProduct(product_id))
        }
    }
}

/// Removes a product.
#[utoipa::path(
    delete,
    path = "/catalog/stores/{store_id}/products/{product_id}",
    tag = "catalog",
    params(OfProduct, ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET.")),
    responses(
        (status = 204, description = "The product is gone."),
        (status = 412, description = "The product is another version than If-Match names.",
            body = shared::problem::ProblemDocument, content_type = "application/problem+json"),
        Guarded,
    )
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(OfProduct { store_id, product_id }): Path<OfProduct>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::DeleteProduct)?;
    let seen = etag::if_match(&headers)?.map(|Seen(digest)| digest);
    entered.store().await?;
    match entered.table.delete_product(&product_id, seen.as_ref(), app.clock.now()).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::Missing => Err(Error::NoSuchProduct(product_id)),
        Deletion::Other => Err(Error::ChangedMeanwhile),
    }
}

/// Lists the products of a store in the order of their ids.
#[utoipa::path(
    get,
    path = "/catalog/stores/{store_id}/products",
    tag = "catalog",
    params(InStore, ListQuery),
    responses((status = 200, description = "A page of products.", body = ProductPage), Guarded)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ProductPage>, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::GetProductLocation)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Error::BadQuery("limit lies between 1 and 1000.".to_owned()));
    }
    entered.store().await?;
    let place = entered.place(LIST, "");
    let after: Option<String> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let page = entered.table.page(limit, after.as_deref()).await?;
    let next_cursor = app.cursors.next(&place, page.after.as_ref()).await?;
    let products = page.rows.into_iter().map(|product| View::of(product, caller.role())).collect();
    Ok(Json(ProductPage { products, next_cursor }))
}

/// A product with its version as ETag.
fn versioned(row: ProductRow, caller: &Caller) -> impl IntoResponse {
    ([(header::ETAG, etag::of(&row.digest))], Json(View::of(row.product, caller.role())))
}
