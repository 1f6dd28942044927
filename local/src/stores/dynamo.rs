//! DynamoDB: dynoxide over one SQLite file, on a thread of its own, because SQLite blocks the thread that asks it.

use crate::{
    stop::Stopped,
    template::{Index, Key, Table},
};
use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_dynamodb::{
    Client, Config,
    config::timeout::TimeoutConfig,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, TableDescription, TimeToLiveSpecification,
    },
};
use dynoxide::Database;
use std::{collections::BTreeSet, net::TcpListener, path::Path, thread, time::Duration};
use tokio::runtime;

/// How long requests that are under way at the end may take.
const GRACE: Duration = Duration::from_secs(5);
/// How long a table may take to be looked at.
const LOOK: Duration = Duration::from_secs(300);
/// How often items past their time are taken away. AWS does it within days, so nothing may rely on it.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Opens the database in `file` and serves it on `listener` until `stopped`.
///
/// Commits are in the file when they are acknowledged, and survive `kill -9`; they are not flushed to the disk one by one.
pub(crate) fn serve(listener: TcpListener, file: &Path, stopped: Stopped) -> Result<thread::JoinHandle<()>> {
    let path = file.to_str().context("the state folder's name is not text")?;
    let database = Database::new(path).with_context(|| format!("{path} could not be opened"))?;
    // On and off again leaves SQLite at `synchronous = NORMAL`: no fsync for each write, five times as many of them.
    database.enable_bulk_loading()?;
    database.disable_bulk_loading()?;
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name("dynamodb".to_owned());
    let serving = move || {
        runtime.block_on(async {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            let sweeping = tokio::spawn(sweep(database.clone()));
            let end = stopped.clone();
            tokio::select! {
                _ = dynoxide::server::serve_with_shutdown(listener, database, stopped.wait()) => {}
                () = async { end.wait().await; tokio::time::sleep(GRACE).await } => {}
            }
            sweeping.abort();
        });
    };
    Ok(thread.spawn(serving)?)
}

async fn sweep(database: Database) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!("items past their time could not be taken away: {error}");
        }
    }
}

/// Makes `table` where there is none of its name, and refuses one that has other keys or indexes.
pub(crate) async fn ensure(client: &Client, table: &Table) -> Result<()> {
    // dynoxide counts a table's items to describe it: of millions for longer than a request takes.
    let patient = TimeoutConfig::builder().read_timeout(LOOK).operation_attempt_timeout(LOOK).operation_timeout(LOOK);
    let patient = Config::builder().timeout_config(patient.build());
    let found = client.describe_table().table_name(&table.name).customize().config_override(patient).send().await;
    match found.map_err(|error| error.into_service_error()) {
        Ok(found) => {
            let found = found.table.ok_or_else(|| anyhow!("DynamoDB described nothing"))?;
            if shape_of(&found) != shape(table) {
                bail!(
                    "the table {} was made by another template, with other keys or indexes; `cargo run -- --fresh` starts over",
                    table.name
                );
            }
            Ok(())
        }
        Err(error) if error.is_resource_not_found_exception() => create(client, table).await,
        Err(error) => Err(error).with_context(|| format!("the table {} could not be looked at", table.name)),
    }
}

/// The keys of a table and of its indexes, for comparing.
type Shape = BTreeSet<(String, Vec<String>)>;

fn shape(table: &Table) -> Shape {
    let names = |key: &Key| [Some(&key.hash), key.range.as_ref()].into_iter().flatten().cloned().collect();
    let indexes = table.indexes.iter().map(|index| (index.name.clone(), names(&index.key)));
    indexes.chain([(String::new(), names(&table.key))]).collect()
}

fn shape_of(table: &TableDescription) -> Shape {
    let names = |schema: &[KeySchemaElement]| {
        let of = |kind: KeyType| schema.iter().filter(move |part| part.key_type == kind);
        of(KeyType::Hash).chain(of(KeyType::Range)).map(|part| part.attribute_name.clone()).collect()
    };
    let indexes = table.global_secondary_indexes().iter();
    let indexes = indexes.map(|index| (index.index_name().unwrap_or_default().to_owned(), names(index.key_schema())));
    indexes.chain([(String::new(), names(table.key_schema()))]).collect()
}

async fn create(client: &Client, table: &Table) -> Result<()> {
    let attributes = table.attributes.iter().map(|(name, kind)| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::from(kind.as_str()))
            .build()
    });
    let indexes = table.indexes.iter().map(index).collect::<Result<Vec<_>>>()?;
    let create = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.collect::<Result<_, _>>()?))
        .set_key_schema(Some(schema(&table.key)?))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()));
    create.send().await.with_context(|| format!("the table {} could not be made", table.name))?;
    if let Some(attribute) = &table.ttl {
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
        client.update_time_to_live().table_name(&table.name).time_to_live_specification(ttl).send().await?;
    }
    Ok(())
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex> {
    let included = Some(index.included.clone()).filter(|included| !included.is_empty());
    let projection = Projection::builder()
        .projection_type(ProjectionType::from(index.projection.as_str()))
        .set_non_key_attributes(included)
        .build();
    let built = GlobalSecondaryIndex::builder().index_name(&index.name).projection(projection);
    Ok(built.set_key_schema(Some(schema(&index.key)?)).build()?)
}

fn schema(key: &Key) -> Result<Vec<KeySchemaElement>> {
    let part = |name: &String, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let hash = [part(&key.hash, KeyType::Hash)];
    let range = key.range.iter().map(|name| part(name, KeyType::Range));
    Ok(hash.into_iter().chain(range).collect::<Result<_, _>>()?)
}
