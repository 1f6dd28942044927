//! The bundle's OpenAPI document: what each function documents, merged, with what holds for all of them.
//!
//! `cargo run -- openapi > docs/openapi.json` writes the copy that is checked in and that `catalog` serves.

use utoipa::openapi::{
    Content, Info, License, OpenApi, OpenApiBuilder, Ref, ResponseBuilder,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

/// The document, version 3.1, with every route of every function.
pub fn openapi() -> OpenApi {
    let mut info = Info::new("SmartStore", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "The back end of an AI store assistant: products in, sourced answers out. Errors are RFC 9457 problem documents \
         whose `error_code` is stable. Tokens are Firebase ID tokens; a person acts in the tenant and the stores that \
         their token names."
            .to_owned(),
    );
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    info.license = Some(license);
    let mut document = OpenApiBuilder::new().info(info).build();
    for part in parts() {
        document.merge(part);
    }
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        operations.into_iter().flatten().for_each(refused_by_the_gateway);
    }
    shared::idempotency::openapi::describe(&mut document);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("firebase", SecurityScheme::Http(bearer));
    document
}

/// What the gateway may answer in a function's stead.
fn refused_by_the_gateway(operation: &mut Operation) {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let long = ResponseBuilder::new().description("The URL and headers are over 10,240 bytes together.");
    let long = long.content("application/problem+json", problem).build();
    operation.responses.responses.insert("431".to_owned(), long.into());
}

/// What each function documents.
fn parts() -> impl IntoIterator<Item = OpenApi> {
    [
        appeals::openapi(),
        ask::openapi(),
        catalog::openapi(),
        ingest::openapi(),
        notifications::openapi(),
        operations::openapi(),
        routing::openapi(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_functions_call_different_forms_by_one_name() {
        let mut known = std::collections::BTreeMap::new();
        for part in parts() {
            for (name, schema) in part.components.unwrap_or_default().schemas {
                let schema = serde_json::to_value(schema).expect("a schema is plain data");
                let before = known.insert(name.clone(), schema.clone());
                assert!(before.is_none_or(|before| before == schema), "{name} means two things");
            }
        }
    }
}
