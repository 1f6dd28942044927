//! The refusals that routes of every function have in common, for the bundle's OpenAPI document.

use crate::problem::ProblemDocument;

/// What every route that needs a token may answer.
#[derive(utoipa::IntoResponses)]
pub enum Guarded {
    /// A parameter, header or body is malformed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemDocument),
    /// No token, or one that does not hold.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemDocument),
    /// The caller may not do this; `required_scope` names the scope that is lacking, where one is.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// Something failed on our side.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemDocument),
    /// A service behind this one did not answer; `Retry-After` says when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// What a route of one thing may answer beside [`Guarded`].
#[derive(utoipa::IntoResponses)]
pub enum OfOne {
    /// There is no such thing, or none that the caller may see.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
}

/// What a route with a body may answer beside [`Guarded`].
#[derive(utoipa::IntoResponses)]
pub enum WithBody {
    /// The body is larger than the route takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDocument),
    /// The body's media type is none that the route takes.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemDocument),
}
