//! Telling over the embedded DynamoDB: what it reads, what it writes on which condition, and what it does with very much.

use super::{
    deferral::{Flushed, fold},
    parts::waits,
    row::{LAST, Once, limit_of, once_key, put_off_key},
    standing::{Limit, TAKEN_UP},
    *,
};
use crate::{
    audit::{Actor, Audit, Entry},
    clock::Clock,
    config::Env,
    ids::PersonId,
    outbox::{Message, Target},
    table::{Key, TableError, TenantTable, Write, new_part, testing::Store},
    tenant::{Sweep, TenantScope},
};
use jiff::SignedDuration;
use serde_json::{Map, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::Future,
    sync::Arc,
};

mod many;
mod once;

const CATEGORY: Category = Category::AccountWarning;

struct OneText;

impl Compose for OneText {
    type Refusal = Infallible;
    fn compose(&self, to_say: &ToSay<'_>) -> Result<Composed, Infallible> {
        let text = ToldText { title: "A decision".to_owned(), body: format!("{} of them", to_say.count) };
        Ok(Composed { texts: BTreeMap::from([("en".to_owned(), text)]), version: 1 })
    }
}

struct TwoMessages;

impl Announce for TwoMessages {
    fn messages(&self, _: &TenantScope, notice: &NoticeRow) -> Vec<Message> {
        let message = |target, name| {
            let (id, topic) = (format!("{}-{name}", notice.id), "notification.created".to_owned());
            Message { id, target, topic, payload: json!({}) }
        };
        vec![message(Target::Email, "email"), message(Target::Webhook, "webhook")]
    }
}

struct Site {
    store: Store,
    clock: Clock,
    notices: Notices<OneText>,
    rows: TenantTable,
    audit: Audit,
}

fn tenant() -> TenantScope {
    TenantScope::for_job(Sweep::NotificationDeferrals, "acme".parse().unwrap())
}

fn person(name: &str) -> PersonId {
    PersonId::from_subject(name).unwrap()
}

async fn acting<T>(does: impl Future<Output = T>) -> T {
    tenant().act(does).await
}

impl Site {
    async fn start() -> Self {
        let store = Store::with_indexes(&[DEFERRAL_DUE]).await;
        let clock = Clock::frozen("2026-03-01T09:00:00Z".parse().unwrap());
        let switch = KillSwitch::from_env(&std::iter::empty::<(&str, &str)>().collect::<Env>());
        let notices = Notices::new(store.table(), clock.clone(), switch, OneText, Arc::new(TwoMessages));
        let (rows, audit) = (store.table().of(&tenant()), Audit::new(store.table(), clock.clone()));
        Self { store, clock, notices, rows, audit }
    }

    /// A decision with the name `name` about ada.
    fn telling(&self, name: &str) -> Telling {
        Telling {
            person: person("ada"),
            category: CATEGORY,
            origin: Origin::of(Some(name), None),
            decision: self.decision(name),
            context: Map::new(),
            appealable: true,
            by: Actor::Job("test".to_owned()),
        }
    }

    fn decision(&self, name: &str) -> Decision {
        Decision { decision_ref: Some(name.to_owned()), at: self.clock.now(), decided_by: None }
    }

    async fn tell(&self, name: &str) -> Told {
        acting(self.notices.tell(&tenant(), &self.telling(name))).await.unwrap()
    }

    /// The notice that is told of `name` now.
    async fn told(&self, name: &str) -> NoticeRow {
        match self.tell(name).await {
            Told::Now(notice) => *notice,
            other => panic!("{name}: {other:?}"),
        }
    }

    async fn flush(&self) -> Flushed {
        acting(self.notices.flush(&tenant(), &person("ada"), CATEGORY)).await.unwrap()
    }

    async fn plan(&self, name: &str) -> Plan {
        acting(self.notices.plan(&tenant(), &self.telling(name))).await.unwrap()
    }

    /// Writes a plan with an entry of the audit log; whether its conditions held.
    async fn write(&self, parts: Vec<aws_sdk_dynamodb::types::TransactWriteItem>) -> bool {
        let entry = Entry::draft("test.told", Actor::Job("test".to_owned())).ready().unwrap();
        match acting(self.audit.of(&tenant()).commit(&entry, parts)).await {
            Ok(_) => true,
            Err(TableError::Condition(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn waiting(&self) -> Vec<PutOff> {
        acting(self.notices.waiting(&tenant(), &person("ada"), CATEGORY)).await.unwrap()
    }

    /// Every notice of ada.
    async fn notices(&self) -> Vec<NoticeRow> {
        let partition = notices_of(&person("ada"));
        acting(self.rows.all(&partition, "")).await.unwrap()
    }

    fn hours(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// What waits as the decision `name`, of `count` decisions in which these took part.
    fn put_off(&self, name: &str, involved: impl IntoIterator<Item = String>) -> PutOff {
        let origin = Origin::of(Some(name), None).as_str().to_owned();
        let involved = involved.into_iter().map(|name| person(&name)).collect();
        PutOff {
            origin,
            person: person("ada"),
            category: CATEGORY,
            count: 1,
            decisions: vec![self.decision(name)],
            context: Map::new(),
            appealable: true,
            by: Actor::Job("test".to_owned()),
            at: self.clock.now(),
            involved,
            deferral_due: None,
        }
    }

    /// Writes rows that wait, each as it would come to be.
    async fn wait(&self, rows: &[PutOff]) {
        let mut writes = Vec::new();
        for row in rows {
            let once = Once { origin: row.origin.clone(), told_in: None, waited: true, expires_at: None };
            let (off, once_at) =
                (put_off_key(&row.person, row.category, &row.origin), once_key(&row.person, row.category, &row.origin));
            writes.push(Write::Put(self.rows.item(&off, row).unwrap()));
            writes.push(Write::Put(self.rows.item(&once_at, &once).unwrap()));
        }
        acting(self.rows.write_all(writes)).await.unwrap();
    }
}
