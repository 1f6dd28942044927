//! What the notices of these tests say, and what goes out with each.

use serde_json::{Map, json};
use shared::{
    audit::Actor,
    aws::{Aws, Endpoints},
    clock::Clock,
    config::Env,
    ids::PersonId,
    notices::{
        Announce, Category, Compose, Composed, Decision, KillSwitch, NoticeRow, Notices, Origin, Telling, ToSay,
        ToldText,
    },
    outbox::{Message, Target},
    table::Table,
    tenant::{Sweep, TenantScope},
};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

/// The table of these tests.
pub const TABLE: &str = "limit";

/// One text that says how many decisions there are.
#[derive(Clone, Copy, Debug)]
pub struct Words;

impl Compose for Words {
    type Refusal = Infallible;

    fn compose(&self, to_say: &ToSay<'_>) -> Result<Composed, Infallible> {
        let text = ToldText { title: "A decision".to_owned(), body: format!("{} of them", to_say.count) };
        Ok(Composed { texts: BTreeMap::from([("en".to_owned(), text)]), version: 1 })
    }
}

/// One message for each notice.
struct OneMessage;

impl Announce for OneMessage {
    fn messages(&self, _: &TenantScope, notice: &NoticeRow) -> Vec<Message> {
        let (id, topic) = (format!("{}-webhook", notice.id), "notification.created".to_owned());
        vec![Message { id, target: Target::Webhook, topic, payload: json!({"count": notice.count}) }]
    }
}

/// The clients of a store at `url`.
pub fn clients(url: &str) -> Aws {
    Aws::local(Endpoints { dynamodb: Some(url.to_owned()), ..Endpoints::default() }, "local", "local")
}

/// What tells people things, by `clock`, and the switch that stops it.
pub fn notices(aws: &Aws, clock: Clock) -> (Notices<Words>, KillSwitch) {
    let none: [(&str, &str); 0] = [];
    let switch = KillSwitch::from_env(&none.into_iter().collect::<Env>());
    (Notices::new(Table::new(aws, TABLE), clock, switch.clone(), Words, Arc::new(OneMessage)), switch)
}

/// The right to tell in a tenant.
///
/// # Panics
///
/// Where `tenant` is no tenant's name.
pub fn tenant(tenant: &str) -> TenantScope {
    TenantScope::for_job(Sweep::NotificationDeferrals, tenant.parse().expect("a tenant's name"))
}

/// What is to be told of `occurrence`, for `origin`.
///
/// # Panics
///
/// Where `person` is no person's name.
pub fn telling(person: &str, category: Category, occurrence: &str, origin: Origin, at: jiff::Timestamp) -> Telling {
    Telling {
        person: PersonId::from_subject(person).expect("a person's name"),
        category,
        origin,
        decision: Decision { decision_ref: Some(occurrence.to_owned()), at, decided_by: None },
        context: Map::new(),
        appealable: true,
        by: Actor::Job("limit-test".to_owned()),
    }
}
