//! What every unsafe route says of idempotency in the OpenAPI document: told once, pointed to by each.

use super::{HEADER, key::MAX_LENGTH};
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::Type,
};

const PARAMETER: &str = "IdempotencyKey";
const CONFLICT: &str = "IdempotencyConflict";
const RIGHTS: &str = "IdempotencyRightsChanged";
const BAD_KEY: &str = "IdempotencyBadKey";
const REPLAYED: &str = "IdempotencyReplayed";

/// Adds to every unsafe operation of `document` the header that it takes and what it answers by it.
///
/// An answer that an operation has with the same status keeps its own words, followed by these.
pub fn describe(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let unsafe_ones = [&mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        unsafe_ones.into_iter().flatten().for_each(repeatable);
    }
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let problem = |description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new().description(description);
        RefOr::T(response.content("application/problem+json", content).build())
    };
    let parameter = ParameterBuilder::new()
        .name(HEADER.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Makes the request safe to repeat for 24 hours: 1 to 255 visible ASCII characters, bare or as a string in double \
             quotes. The same key with the same request answers as the first did, byte for byte, as long as the caller's rights \
             are the same.",
        ))
        .schema(Some(text().min_length(Some(1)).max_length(Some(2 * MAX_LENGTH + 2)).build()))
        .build();
    let replayed = HeaderBuilder::new()
        .schema(Some(text().enum_values(Some(["true"])).build()))
        .description(Some("Present where the answer is that of an earlier request with the same Idempotency-Key."))
        .build();
    let components = document.components.get_or_insert_default();
    components.parameters.insert(PARAMETER.to_owned(), RefOr::T(parameter));
    components.headers.insert(REPLAYED.to_owned(), RefOr::T(replayed));
    components.responses.insert(CONFLICT.to_owned(), problem(REUSED));
    components.responses.insert(RIGHTS.to_owned(), problem(CHANGED));
    components.responses.insert(BAD_KEY.to_owned(), problem(MALFORMED));
}

const REUSED: &str = "The Idempotency-Key came before with another request (`idempotency.key_reused`), or its first request is still \
                      under way (`idempotency.in_progress`, with `Retry-After`).";
const CHANGED: &str = "The Idempotency-Key came before while the caller had other rights, and its answer is not told again: a new key makes a \
                       new request of it (`idempotency.rights_changed`).";
const MALFORMED: &str = "The Idempotency-Key is malformed or repeated (`idempotency.bad_key`).";

fn repeatable(operation: &mut Operation) {
    let pointer = |kind: &str, name: &str| Ref::new(format!("#/components/{kind}/{name}"));
    operation.parameters.get_or_insert_default().push(RefOr::Ref(pointer("parameters", PARAMETER)));
    let responses = &mut operation.responses.responses;
    for (status, component, words) in [("409", CONFLICT, REUSED), ("403", RIGHTS, CHANGED), ("400", BAD_KEY, MALFORMED)]
    {
        match responses.get_mut(status) {
            Some(RefOr::T(own)) => own.description = format!("{} {words}", own.description),
            Some(RefOr::Ref(_)) => {}
            None => {
                responses.insert(status.to_owned(), RefOr::Ref(pointer("responses", component)));
            }
        }
    }
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if let RefOr::T(response) = response {
            response.headers.insert("idempotency-replayed".to_owned(), RefOr::Ref(pointer("headers", REPLAYED)));
        }
    }
}
