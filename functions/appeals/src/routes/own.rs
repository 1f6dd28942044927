//! What the person does who appeals, or somebody for them.

use super::{Asking, Changing, OfAppeal, change, crowded, existing, versioned};
use crate::{
    App, Error,
    appeal::Appeal,
    request::{ListQuery, Maybe, OfUser, OpenAppeal, OpenAppealAgainst, Patch, PatchAppeal, statement, states},
    table::{Against, MAX_GUARDS, Written, appeal_id},
    view::{AppealView, Summary, Viewer},
};
use axum::{Extension, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    audit::Entry,
    auth::{Access, Caller, EvenSuspended},
    idempotency::Token,
    problem::ProblemDocument,
    tenant::TenantScope,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne, WithBody},
    },
};

const LIST: &str = "GET /api/user-notifications/appeals";
/// How many appeals before it an appeal names.
const PRIOR: u32 = 20;

/// What opening an appeal may answer besides.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Opening {
    /// All that the notice tells of is appealed: `appeal_id` and `state` say by which appeal, and how far it has come; where there are
    /// several, `appeal_ids` names all of them.
    #[response(status = 409, content_type = "application/problem+json")]
    Already(ProblemDocument),
    /// It is too late; `closed_at` says until when it was not.
    #[response(status = 410, content_type = "application/problem+json")]
    WindowClosed(ProblemDocument),
    /// This cannot be appealed, or the statement is not what it must be.
    #[response(status = 422, content_type = "application/problem+json")]
    NotAppealable(ProblemDocument),
}

/// The path of one notice.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfNotice {
    /// Its name.
    #[param(example = "ntf_01kb3c5dtm0000000000000000")]
    id: String,
}

/// A page of appeals, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AppealsPage {
    /// The appeals.
    appeals: Vec<Summary>,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Appeals against what a notice tells of: one click, as the body may be empty. Where some of its decisions are appealed already, the
/// appeal is about the others.
#[utoipa::path(
    post,
    path = "/api/user-notifications/{id}/appeal",
    tag = "appeals",
    params(OfNotice, ("x-sheen-locale" = Option<String>, Header, description = "The person's language; else the one that they have chosen, else `en`.")),
    request_body = Option<OpenAppeal>,
    responses(
        (status = 201, description = "The appeal.", body = AppealView), Opening, OfOne, Guarded, WithBody
    )
)]
pub(super) async fn open(
    State(app): State<App>,
    EvenSuspended(caller): EvenSuspended,
    Path(OfNotice { id }): Path<OfNotice>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Maybe(body): Maybe<OpenAppeal>,
) -> Result<Response, Error> {
    opened(&app, &caller, token.as_deref(), &headers, (&id, body)).await
}

/// Appeals against what the notice tells of that the body names. Where some of its decisions are appealed already, the appeal is about
/// the others.
#[utoipa::path(
    post,
    path = "/api/user-notifications/appeal",
    tag = "appeals",
    params(("x-sheen-locale" = Option<String>, Header, description = "The person's language; else the one that they have chosen, else `en`.")),
    request_body = OpenAppealAgainst,
    responses(
        (status = 201, description = "The appeal.", body = AppealView), Opening, OfOne, Guarded, WithBody
    )
)]
pub(super) async fn open_against(
    State(app): State<App>,
    EvenSuspended(caller): EvenSuspended,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Json(body): Json<OpenAppealAgainst>,
) -> Result<Response, Error> {
    let OpenAppealAgainst { notification_id, statement, user_id } = body;
    opened(&app, &caller, token.as_deref(), &headers, (&notification_id, OpenAppeal { statement, user_id })).await
}

async fn opened(
    app: &App,
    caller: &Caller,
    token: Option<&Token>,
    headers: &HeaderMap,
    (notice, body): (&str, OpenAppeal),
) -> Result<Response, Error> {
    let tenant = caller.tenant()?;
    let person = caller.subject(body.user_id.as_deref(), Access::Write).await?;
    let said = body.statement.map(statement).transpose()?;
    let asking = Asking::new(caller.person(), token, headers)?;
    let appeals = app.appeals.of(&tenant);
    let own = caller.claims().language().filter(|_| person == *caller.person());
    let language = app.config.words.language(&appeals.wanted(&person, headers, own).await?);
    // Whoever is quicker takes one of the guards away.
    for _ in 0..MAX_GUARDS + 1 {
        let notice = appeals.notice(&person, notice).await?.ok_or(Error::NoSuchNotice)?;
        if !notice.appealable || !notice.category.appealable() {
            return Err(Error::NotAppealable);
        }
        let unappealed = match appeals.against(&person, &notice).await? {
            Against::Open(unappealed) => unappealed,
            Against::Appealed(found) => {
                if let Some(done) = found.iter().find(|appeal| appeal.done_under(asking.token.as_deref())) {
                    return Ok(created(done));
                }
                return Err(Error::appealed(found).unwrap_or_else(crowded));
            }
        };
        let now = app.clock.now();
        if !app.config.window.is_open(notice.created_at, now) {
            return Err(Error::WindowClosed(app.config.window.closes(notice.created_at)));
        }
        let (prior, _) = appeals.names_of(&person, PRIOR, None).await?;
        let id = appeal_id(now);
        let detail = json!({"notification_id": notice.id, "statement": said});
        let draft = Entry::draft("appeal.opened", asking.actor()).of(&*id).about(&person).detail(detail);
        let (entry, act) = asking.act(draft, app)?;
        let about = unappealed.about(language.clone(), prior);
        let appeal = Appeal::open(id, person.clone(), about, said.clone(), &act);
        if appeals.open(&appeal, &unappealed, &entry).await? == Written::Done {
            return Ok(created(&appeal));
        }
    }
    Err(crowded())
}

fn created(appeal: &Appeal) -> Response {
    versioned(StatusCode::CREATED, appeal, AppealView::of(appeal, &Viewer::Person))
}

/// Lists a person's appeals, newest first. A page may be shorter than `limit` and not the last one.
#[utoipa::path(
    get,
    path = "/api/user-notifications/appeals",
    tag = "appeals",
    params(ListQuery),
    responses((status = 200, description = "A page of appeals.", body = AppealsPage), Guarded)
)]
pub(super) async fn list(
    State(app): State<App>,
    EvenSuspended(caller): EvenSuspended,
    Query(query): Query<ListQuery>,
) -> Result<Json<AppealsPage>, Error> {
    let tenant = caller.tenant()?;
    let person = caller.subject(query.user_id.as_deref(), Access::Read).await?;
    let states = states(query.state.as_deref(), "all")?;
    let place = place(&tenant, person.as_str(), query.state.as_deref());
    let after: Option<String> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let (found, after) = app.appeals.of(&tenant).of_person(&person, states, query.limit.get(), after).await?;
    let next_cursor = app.cursors.next(&place, after.as_ref()).await?;
    let appeals = found.iter().map(|appeal| Summary::of(appeal, &Viewer::Person)).collect();
    Ok(Json(AppealsPage { appeals, next_cursor }))
}

/// What a cursor of the list belongs to.
fn place<'a>(tenant: &'a TenantScope, person: &'a str, state: Option<&'a str>) -> [&'a str; 4] {
    [tenant.tenant().as_str(), LIST, person, state.unwrap_or("all")]
}

/// Shows one of a person's appeals, with its history and decision.
#[utoipa::path(
    get,
    path = "/api/user-notifications/appeals/{appeal_id}",
    tag = "appeals",
    params(OfAppeal, OfUser),
    responses(
        (status = 200, description = "The appeal; its version is the ETag.", body = AppealView), OfOne, Guarded
    )
)]
pub(super) async fn get(
    State(app): State<App>,
    EvenSuspended(caller): EvenSuspended,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
    Query(query): Query<OfUser>,
) -> Result<Response, Error> {
    let tenant = caller.tenant()?;
    let person = caller.subject(query.user_id.as_deref(), Access::Read).await?;
    let appeal = existing(&app.appeals.of(&tenant), &appeal_id, Some(&person)).await?;
    Ok(versioned(StatusCode::OK, &appeal, AppealView::of(&appeal, &Viewer::Person)))
}

/// Adds a statement to an open appeal, or withdraws it.
#[utoipa::path(
    patch,
    path = "/api/user-notifications/appeals/{appeal_id}",
    tag = "appeals",
    params(OfAppeal, ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET.")),
    request_body = PatchAppeal,
    responses(
        (status = 200, description = "The appeal as it is now.", body = AppealView), Changing, OfOne, Guarded, WithBody
    )
)]
pub(super) async fn patch(
    State(app): State<App>,
    EvenSuspended(caller): EvenSuspended,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Json(body): Json<PatchAppeal>,
) -> Result<Response, Error> {
    let tenant = caller.tenant()?;
    let person = caller.subject(body.user_id.as_deref(), Access::Write).await?;
    let patch = body.read()?;
    let asking = Asking::new(caller.person(), token.as_deref(), &headers)?;
    let appeals = app.appeals.of(&tenant);
    let step = |appeal: &mut Appeal| {
        let (kind, detail) = match &patch {
            Patch::Statement(text) => ("appeal.statement_added", json!({"statement": text})),
            Patch::Withdraw => ("appeal.withdrawn", json!({})),
        };
        let (entry, act) = asking.act(asking.draft(kind, appeal).detail(detail), &app)?;
        match &patch {
            Patch::Statement(text) => appeal.add_statement(text.clone(), &act)?,
            Patch::Withdraw => appeal.withdraw(&act)?,
        }
        Ok(entry)
    };
    let appeal = change(&appeals, (&appeal_id, Some(&person)), &asking, step).await?;
    Ok(versioned(StatusCode::OK, &appeal, AppealView::of(&appeal, &Viewer::Person)))
}
