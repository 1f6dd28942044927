//! Acts of an audit log, for stories about it.

use local::Bundle;
use shared::{
    audit::{Actor, Audit, Entry},
    ids::PersonId,
    table::{Key, Table, TableError, new_part},
    tenant::{Sweep, TenantScope},
};
use std::collections::BTreeMap;

/// The scope of a tenant.
pub fn scope(tenant: &str) -> TenantScope {
    TenantScope::for_job(Sweep::AuditCheckpoint, tenant.parse().expect("a tenant's id"))
}

fn table(bundle: &Bundle) -> Table {
    Table::new(bundle.aws(), &bundle.template().tables[0].name)
}

async fn commit(bundle: &Bundle, tenant: &str, name: &str) -> Result<u64, TableError> {
    let (scope, table) = (scope(tenant), table(bundle));
    let (log, rows) = (Audit::new(table.clone(), bundle.clock().clone()).of(&scope), table.of(&scope));
    let person = PersonId::from_subject(name).expect("a name");
    let entry = Entry::draft("test.done", Actor::Person(person.clone())).of(name).about(&person).ready()?;
    let row = rows.item(&Key::new("EFFECT", name), &BTreeMap::from([("made", true)]))?;
    let effect = vec![new_part(rows.part_put(row))?];
    scope.act(async move { log.commit(&entry, effect).await }).await
}

/// Does something that can be done once, and writes it down; its place. Panics where it was done.
pub async fn act(bundle: &Bundle, tenant: &str, name: &str) -> u64 {
    commit(bundle, tenant, name).await.expect("it is done")
}

/// Tries again what was done, so that a place was given out and is not used.
pub async fn leave_a_gap(bundle: &Bundle, tenant: &str, done: &str) {
    let refused = commit(bundle, tenant, done).await;
    assert!(matches!(refused, Err(TableError::Condition(_))), "{refused:?}");
}
