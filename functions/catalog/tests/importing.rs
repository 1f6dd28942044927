//! Files into a store: in one request's manner and in the job's, again, cut off, and refused.
#![allow(clippy::unwrap_used)]

mod support;

use catalog::{
    import::{Format, Rows, Tally},
    job,
    load::{CHUNK, Loading},
    publish::Outcome,
    table::imports::{ImportId, ImportState, LEASE},
};
use jiff::SignedDuration;
use shared::{job::Report as _, tenant::StoreScope};
use support::{Stores, acme, store};

async fn load(stores: &Stores, scope: &StoreScope, file: &str) -> (Tally, bool) {
    let table = stores.table(scope);
    let mut rows: Rows<&[u8]> = Rows::open(Format::Csv, file.as_bytes()).unwrap();
    let mut tally = Tally::default();
    let mut loading = Loading::new(&table, &stores.clock, "test", false);
    while acme(loading.chunk(&mut rows, &mut tally)).await.unwrap() > 0 {}
    (tally, acme(loading.settle()).await.unwrap())
}

fn file(rows: usize, price: &str) -> String {
    let mut file = "id,name,price\n".to_owned();
    (0..rows).for_each(|row| file.push_str(&format!("p{row:05},Product {row},{price}\n")));
    file
}

async fn upload(stores: &Stores, scope: &StoreScope, bytes: &str) -> ImportId {
    let row = acme(stores.table(scope).create_import(ImportId::new(), Format::Csv, stores.clock.now())).await.unwrap();
    let key = format!("uploads/{}/{}", scope.tenant(), job::upload_name(scope, &row.import_id));
    let body = bytes.as_bytes().to_vec().into();
    stores.aws.administrator().s3().put_object().bucket("artifacts").key(key).body(body).send().await.unwrap();
    row.import_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_file_again_changes_nothing_and_publishes_nothing() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let text = file(2_500, "1.50") + "bad row\np00000,Again,1\n";
    let (tally, wrote) = load(&stores, &north, &text).await;
    assert_eq!((tally.created, tally.rejected, tally.rows, wrote), (2_500, 2, 2_502, true));
    assert_eq!((tally.faults[0].line, tally.faults[1].line), (2_502, 2_503));
    assert!(matches!(stores.publish(&north).await, Outcome::Published(_)));
    let before = acme(stores.table(&north).state()).await.unwrap().state;
    let (tally, wrote) = load(&stores, &north, &text).await;
    assert_eq!((tally.unchanged, tally.written(), tally.rejected, wrote), (2_500, 0, 2, false));
    assert_eq!(acme(stores.table(&north).state()).await.unwrap().state, before);
    assert!(!stores.is_pending(&north).await);
    let (tally, _) = load(&stores, &north, &text.replace("Product 7,1.50", "Product 7,1.49")).await;
    assert_eq!((tally.updated, tally.unchanged), (1, 2_499));
    assert!(matches!(stores.publish(&north).await, Outcome::Published(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_file_is_imported_and_published_by_the_job() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let table = stores.table(&north);
    let id = upload(&stores, &north, &(file(1_200, "1") + "x,,1\n")).await;
    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!(report, catalog::Report::default(), "nobody has started it");
    assert_eq!(acme(table.start_import(&id, stores.clock.now())).await.unwrap().unwrap().state, ImportState::Queued);
    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!((report.imports_done, report.rows, report.published), (1, 1_201, 1));
    let row = acme(table.import(&id)).await.unwrap().unwrap();
    assert_eq!((row.state, row.tally.created, row.tally.rejected), (ImportState::Done, 1_200, 1));
    assert_eq!(row.snapshot, acme(table.state()).await.unwrap().state.current);
    assert_eq!(stores.published(&north).await.len(), 1_200);
    assert!(!stores.is_pending(&north).await);
    let again = acme(table.start_import(&id, stores.clock.now())).await.unwrap().unwrap();
    assert_eq!(again.state, ImportState::Done, "what is done is not started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_killed_is_followed_up_where_it_stopped_when_its_lease_is_over() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let table = stores.table(&north);
    let text = file(CHUNK + 500, "1") + "p00001,again,2\n";
    let id = upload(&stores, &north, &text).await;
    acme(table.start_import(&id, stores.clock.now())).await.unwrap();
    // A run that writes its first chunk and half of the next, and then is no more.
    let mut row = acme(table.claim_import(&id, "killed", stores.clock.now())).await.unwrap().unwrap();
    let mut rows: Rows<&[u8]> = Rows::open(Format::Csv, text.as_bytes()).unwrap();
    let mut loading = Loading::new(&table, &stores.clock, "killed", false);
    row.position += acme(loading.chunk(&mut rows, &mut row.tally)).await.unwrap();
    assert!(acme(table.advance_import(&row, "killed", stores.clock.now())).await.unwrap());
    acme(loading.chunk(&mut rows, &mut Tally::default())).await.unwrap();

    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!(report.imports_done, 0, "its lease still holds");
    stores.clock.advance(LEASE + SignedDuration::from_secs(1));
    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!((report.imports_done, report.rows), (1, 501));
    let done = acme(table.import(&id)).await.unwrap().unwrap();
    assert_eq!((done.state, done.tally.rows, done.tally.rejected), (ImportState::Done, 1_501, 1), "{done:?}");
    assert!(
        !acme(table.advance_import(&row, "killed", stores.clock.now())).await.unwrap(),
        "the dead one writes no more"
    );
    assert_eq!(stores.published(&north).await.len(), CHUNK + 500);
    // The dead run might have been slow only: the store is at rest when its own time to write is over, too.
    stores.clock.advance(SignedDuration::from_secs(60));
    catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert!(!stores.is_pending(&north).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_missing_or_unreadable_fails_and_says_how_to_mend_it() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let table = stores.table(&north);
    let missing = acme(table.create_import(ImportId::new(), Format::Csv, stores.clock.now())).await.unwrap().import_id;
    let headless = upload(&stores, &north, "1,Oat milk,2.49\n").await;
    for id in [&missing, &headless] {
        acme(table.start_import(id, stores.clock.now())).await.unwrap();
    }
    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!((report.imports_refused, report.imports_done, report.is_clean()), (2, 0, true));
    let reason = async |id| acme(table.import(id)).await.unwrap().unwrap().reason.unwrap();
    assert!(reason(&missing).await.contains("PUT it to the upload URL"));
    assert!(reason(&headless).await.contains("product_id"));
    let again = acme(table.start_import(&missing, stores.clock.now())).await.unwrap().unwrap();
    assert_eq!((again.state, again.reason), (ImportState::Queued, None), "it can be started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_runs_at_once_one_works_on_an_import() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let id = upload(&stores, &north, &file(10, "1")).await;
    acme(stores.table(&north).start_import(&id, stores.clock.now())).await.unwrap();
    let runs = (0..8).map(|_| catalog::run(&stores.publisher, stores.clock.now()));
    let reports = futures::future::join_all(runs).await;
    let done: u64 = reports.into_iter().map(|report| report.unwrap().imports_done).sum();
    assert_eq!(done, 1);
    assert_eq!(stores.published(&north).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_made_again_under_its_id_is_the_one_that_was_made() {
    let (stores, scope) = (Stores::start().await, store("acme", "north"));
    let (table, id) = (stores.table(&scope), ImportId::new());
    let first = acme(table.create_import(id.clone(), Format::Csv, stores.clock.now())).await.unwrap();
    stores.clock.advance(SignedDuration::from_secs(40));
    let again = acme(table.create_import(id.clone(), Format::Csv, stores.clock.now())).await.unwrap();
    assert_eq!((&again.import_id, again.created_at), (&first.import_id, first.created_at));
    assert!(acme(table.create_import(id, Format::Ndjson, stores.clock.now())).await.is_err(), "of another form");
}
