//! What reviewers do.

use super::{ATTEMPTS, Asking, Changing, OfAppeal, change, crowded, existing, staff::shown};
use crate::{
    App, Error,
    appeal::{Act, Appeal, Move, Notified, Ruling},
    request::{DecideAppeal, ReopenAppeal, artifact},
    table::Written,
    view::StaffView,
};
use axum::{Extension, extract::State, response::Response};
use http::HeaderMap;
use serde_json::{Map, Value, json};
use shared::{
    audit::Actor,
    auth::{Caller, Scope},
    idempotency::Token,
    notices::{Category, Decision, Origin, Plan, TellError, Telling, Told, Unsaid, texts},
    outbox::{Message, Target},
    table::TableError,
    tenant::TenantScope,
    web::{
        Json, Path,
        answers::{Guarded, OfOne, WithBody},
    },
};

/// Takes up an appeal that waits: the review begins.
#[utoipa::path(
    post,
    path = "/api/admin/appeals/{appeal_id}/review",
    tag = "appeals",
    params(OfAppeal, ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET.")),
    responses((status = 200, description = "The appeal as it is now.", body = StaffView), Changing, OfOne, Guarded)
)]
pub(super) async fn review(
    State(app): State<App>,
    caller: Caller,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let tenant = reviewer(&caller).await?;
    let asking = Asking::new(caller.person(), token.as_deref(), &headers)?;
    let appeals = app.appeals.of(&tenant);
    let take = |appeal: &mut Appeal| {
        let draft = asking.draft("appeal.taken", appeal).detail(json!({"round": appeal.round}));
        let (entry, act) = asking.act(draft, &app)?;
        appeal.take(&act).map_err(|refusal| refused(&caller, refusal.into()))?;
        Ok(entry)
    };
    let appeal = change(&appeals, (&appeal_id, None), &asking, take).await?;
    Ok(shown(&app, &appeals, &appeal).await?)
}

/// Decides an appeal that is in review. The person is told, and an overturned decision asks for what was done to be undone.
#[utoipa::path(
    post,
    path = "/api/admin/appeals/{appeal_id}/decision",
    tag = "appeals",
    params(OfAppeal, ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET.")),
    request_body = DecideAppeal,
    responses(
        (status = 200, description = "The appeal as it is now.", body = StaffView), Changing, OfOne, Guarded, WithBody
    )
)]
pub(super) async fn decide(
    State(app): State<App>,
    caller: Caller,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Json(body): Json<DecideAppeal>,
) -> Result<Response, Error> {
    let tenant = reviewer(&caller).await?;
    neutral(&app, &body.reason)?;
    body.artifact_id.as_deref().map(artifact).transpose()?;
    let asking = Asking::new(caller.person(), token.as_deref(), &headers)?;
    let appeals = app.appeals.of(&tenant);
    for _ in 0..ATTEMPTS {
        let mut appeal = existing(&appeals, &appeal_id, None).await?;
        let seen = appeal.version;
        if asking.done(&appeal)? {
            return Ok(shown(&app, &appeals, &appeal).await?);
        }
        let may = appeal.permits(Move::Decide(body.outcome), &asking.by);
        may.map_err(|refusal| refused(&caller, refusal.into()))?;
        let detail = json!({"round": appeal.round, "outcome": body.outcome, "reason": body.reason});
        let (entry, act) = asking.act(asking.draft("appeal.decided", &appeal).detail(detail), &app)?;
        let Plan { mut parts, told } = telling(&app, &tenant, &appeal, &body, &act).await?;
        let mut ruling = ruling(&appeal, &body, &act, told);
        if body.outcome.undoes() {
            let message = undo(&appeal, &ruling);
            ruling.undo = Some(message.id.clone());
            parts.push(appeals.message_part(message)?);
        }
        appeal.decide(ruling, &act)?;
        if appeals.change(&appeal, seen, &entry, parts).await? == Written::Done {
            return Ok(shown(&app, &appeals, &appeal).await?);
        }
    }
    Err(crowded())
}

/// Puts an appeal that is over before reviewers once more, since there are new facts.
#[utoipa::path(
    post,
    path = "/api/admin/appeals/{appeal_id}/reopen",
    tag = "appeals",
    params(OfAppeal, ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET.")),
    request_body = ReopenAppeal,
    responses(
        (status = 200, description = "The appeal as it is now.", body = StaffView), Changing, OfOne, Guarded, WithBody
    )
)]
pub(super) async fn reopen(
    State(app): State<App>,
    caller: Caller,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Json(body): Json<ReopenAppeal>,
) -> Result<Response, Error> {
    let tenant = reviewer(&caller).await?;
    neutral(&app, &body.reason)?;
    let asking = Asking::new(caller.person(), token.as_deref(), &headers)?;
    let appeals = app.appeals.of(&tenant);
    let reopen = |appeal: &mut Appeal| {
        let detail = json!({"round": appeal.round + 1, "reason": body.reason});
        let (entry, act) = asking.act(asking.draft("appeal.reopened", appeal).detail(detail), &app)?;
        appeal.reopen(body.reason.clone(), &act).map_err(|refusal| refused(&caller, refusal.into()))?;
        Ok(entry)
    };
    let appeal = change(&appeals, (&appeal_id, None), &asking, reopen).await?;
    Ok(shown(&app, &appeals, &appeal).await?)
}

/// The tenant in which the caller may review: a person with `admin:write`. A service's token is not a person's, whatever else it has.
async fn reviewer(caller: &Caller) -> Result<TenantScope, Error> {
    let tenant = caller.tenant()?;
    caller.require(Scope::AdminWrite).await?;
    if caller.scopes().await?.allow(Scope::ServiceWrite) {
        return Err(refused(caller, Error::Automated));
    }
    Ok(tenant)
}

/// Holds what a reviewer writes for the person to the rules of notices.
fn neutral(app: &App, reason: &str) -> Result<(), Error> {
    let none = texts::Codes::default();
    texts::neutral(reason, app.config.words.codes().unwrap_or(&none)).map_err(Error::Reason)
}

/// Writes a refusal into the security log, where it is one of a person.
fn refused(caller: &Caller, error: Error) -> Error {
    let problem = shared::problem::Problem::from(error);
    if problem.status() == http::StatusCode::FORBIDDEN {
        caller.denied(&problem, None);
    }
    problem.into()
}

/// What telling the person of a decision takes.
async fn telling(
    app: &App,
    tenant: &TenantScope,
    appeal: &Appeal,
    body: &DecideAppeal,
    act: &Act,
) -> Result<Plan, Error> {
    let name = format!("{}-{}", appeal.id, appeal.round);
    let of = |context| Telling {
        person: appeal.person.clone(),
        category: Category::AppealUpdate,
        origin: Origin::of_outcome(&appeal.id, appeal.round),
        decision: Decision { decision_ref: Some(name.clone()), at: act.at, decided_by: Some(act.by.clone()) },
        context,
        appealable: false,
        by: Actor::Person(act.by.clone()),
    };
    let mut context = Map::from_iter([
        ("appeal_id".to_owned(), Value::from(appeal.id.as_str())),
        ("outcome".to_owned(), Value::from(body.outcome.as_str())),
    ]);
    let bare = context.clone();
    for what in ["item", "item_kind"] {
        context.extend(appeal.about.context.get(what).map(|value| (what.to_owned(), value.clone())));
    }
    // What the item was called then may not be said any more.
    let plan = match app.notices.plan(tenant, &of(context)).await {
        Err(TellError::Refused(_)) => app.notices.plan(tenant, &of(bare)).await,
        plan => plan,
    };
    plan.map_err(|error| match error {
        TellError::Refused(why) => unsayable(&why).into(),
        TellError::Table(error) => error.into(),
    })
}

/// The texts cannot even say how an appeal ended.
fn unsayable(why: &Unsaid) -> TableError {
    TableError::unavailable(std::io::Error::other(why.to_string()))
}

fn ruling(appeal: &Appeal, body: &DecideAppeal, act: &Act, told: Told) -> Ruling {
    let notified = match told {
        Told::Now(notice) => Notified::Told { notification_id: notice.id },
        Told::Before(notification_id) => Notified::Told { notification_id },
        Told::PutOff { until, .. } => Notified::PutOff { until },
        Told::Off => Notified::Off,
    };
    // A context may hold anything under that name.
    let named = || appeal.about.context.get("artifact_id").and_then(Value::as_str);
    let with_notice = || named().filter(|name| artifact(name).is_ok()).map(str::to_owned);
    Ruling {
        outcome: body.outcome,
        reason: body.reason.clone(),
        by: act.by.clone(),
        at: act.at,
        round: appeal.round,
        took_s: act.at.duration_since(appeal.submitted_at).as_secs().max(0),
        notified,
        undo: None,
        artifact_id: body.artifact_id.clone().or_else(with_notice).filter(|_| body.outcome.undoes()),
    }
}

/// The message that asks the app's systems to undo what was decided. It names things and has none of their contexts, so that it is never
/// larger than a message may be.
fn undo(appeal: &Appeal, ruling: &Ruling) -> Message {
    let payload = json!({
        "appeal_id": appeal.id, "round": appeal.round, "outcome": ruling.outcome, "artifact_id": ruling.artifact_id,
        "decision_refs": appeal.about.decision_refs(), "notification_id": appeal.about.notification_id,
        "userId": appeal.person, "decided_at": ruling.at,
    });
    let (id, topic) = (format!("undo-{}-{}", appeal.id, appeal.round), "artifact.undo_requested".to_owned());
    Message { id, target: Target::Webhook, topic, payload }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appeal::{About, Outcome};
    use jiff::Timestamp;
    use shared::{ids::PersonId, notices::MAX_DECISIONS, outbox::MAX_PAYLOAD_BYTES};

    #[test]
    fn the_largest_request_to_undo_is_no_larger_than_a_message_may_be() {
        // No character takes more bytes, and as many as each name may have.
        let name = |length| "\u{10ffff}".repeat(length);
        let (person, at) = (PersonId::from_subject(&name(128)).unwrap(), Timestamp::UNIX_EPOCH);
        let decision = Decision { decision_ref: Some(name(128)), at, decided_by: Some(person.clone()) };
        let mut about = About {
            notification_id: "ntf_00000000000000000000000000".to_owned(),
            category: Category::TemporaryRestriction,
            told_at: at,
            count: u64::MAX,
            decisions: vec![decision; MAX_DECISIONS],
            context: Map::from_iter([("artifact_id".to_owned(), Value::from(name(256)))]),
            by: Actor::Person(person.clone()),
            involved: Default::default(),
            locale: "en".to_owned(),
            prior: vec![],
            elsewhere: Default::default(),
        };
        let act = Act { by: person.clone(), at, audit: String::new(), token: None };
        let of = |about: &About| {
            let appeal =
                Appeal::open(crate::table::appeal_id(at), person.clone(), about.clone(), Some(name(5_000)), &act);
            let body = DecideAppeal { outcome: Outcome::PartiallyOverturned, reason: name(2_000), artifact_id: None };
            undo(&appeal, &ruling(&appeal, &body, &act, Told::Off)).payload
        };
        let payload = of(&about);
        assert_eq!(payload["artifact_id"], name(256));
        let bytes = payload.to_string().len();
        assert!((27_000..=MAX_PAYLOAD_BYTES).contains(&bytes), "{bytes}");
        // What is no name of an artifact is none, whatever the context says.
        for odd in [Value::from(name(257)), Value::from("a".repeat(8_000)), Value::from(""), json!(7), json!(["x"])] {
            about.context.insert("artifact_id".to_owned(), odd);
            assert_eq!(of(&about)["artifact_id"], Value::Null);
        }
    }
}
