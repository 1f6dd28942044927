//! Stores.

use super::{Guarded, InStore, enter};
use crate::{App, error::Error};
use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value};
use shared::{
    auth::{Caller, Permission},
    catalog::{Currency, Hours, Store, Zone},
    locale::Locale,
    web::{Json, Path, answers::WithBody, extract},
};

/// A store as it is put. Its id is the path's.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of a body that `Store` itself reads")]
pub(super) struct PutStore {
    /// What customers call it.
    #[schema(min_length = 1, max_length = 300, example = "Market Street")]
    name: String,
    /// Whose clocks its hours are read on.
    time_zone: Zone,
    /// When it is open; never, where nothing is said.
    #[schema(required = false)]
    hours: Hours,
    /// The language of its shelves; English, where nothing is said.
    #[schema(required = false)]
    locale: Locale,
    /// The currency of its prices.
    currency: Currency,
    /// Where it is.
    #[schema(min_length = 1, max_length = 300)]
    address: Option<String>,
    /// How to call it.
    #[schema(min_length = 1, max_length = 300)]
    phone: Option<String>,
}

/// Makes a store, or changes it as a whole.
#[utoipa::path(
    put,
    path = "/catalog/stores/{store_id}",
    tag = "catalog",
    params(InStore),
    request_body = PutStore,
    responses(
        (status = 200, description = "The store is changed.", body = Store),
        (status = 201, description = "The store is made.", body = Store),
        Guarded,
        WithBody,
    )
)]
pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
    Json(mut body): Json<Map<String, Value>>,
) -> Result<(StatusCode, Json<Store>), Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    if body.get("store_id").is_some_and(|named| named != store_id.as_str()) {
        return Err(Error::BadStore("store_id is another one than the path's; leave it out.".to_owned()));
    }
    const KNOWN: [&str; 9] =
        ["store_id", "name", "time_zone", "hours", "locale", "currency", "address", "phone", "user_id"];
    if let Some(unknown) = body.keys().find(|name| !KNOWN.contains(&name.as_str()) && *name != "userId") {
        let shown: String = unknown.chars().take(100).collect();
        return Err(Error::BadStore(format!("{shown:?} is no field of a store.")));
    }
    body.insert("store_id".to_owned(), store_id.as_str().into());
    let store: Store = serde_json::from_value(Value::Object(body))
        .map_err(|why| Error::BadStore(format!("{}.", extract::unquoted(&why))))?;
    let new = entered.table.put_store(&store).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(store)))
}

/// Shows a store with its hours.
#[utoipa::path(
    get,
    path = "/catalog/stores/{store_id}",
    tag = "catalog",
    params(InStore),
    responses((status = 200, description = "The store.", body = Store), Guarded)
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
) -> Result<Json<Store>, Error> {
    Ok(Json(enter(&app, &caller, &store_id, Permission::CheckStoreHours)?.store().await?))
}
