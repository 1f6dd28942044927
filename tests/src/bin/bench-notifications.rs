//! What the limit on notices costs: 64 senders at once, for one person and for many, beside bare transactions of the same store and beside
//! PostgreSQL's exclusion constraint, in one run. `scripts/bench-notifications` calls it.
//!
//! `bench-notifications [PERSONS] [ROUNDS]`; default 10,000 and 20. Exits 1 where a send of ours fails, where the p99 of one of ours is over
//! 250 ms, or where many persons are told at less than half the rate of the bare transactions.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde_json::{Map, Value};
use shared::{
    clock::Clock,
    notices::{Notices, Origin, Told},
    table::{Key, Table, TenantTable, new_part},
};
use std::{
    future::Future,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tests::{
    limit::{
        history::Subject,
        processes::serve,
        store::Store,
        words::{self, TABLE, Words},
    },
    postgres::{Cluster, SKIPPED, Sender},
};
use tokio::sync::Barrier;
use tokio_postgres::error::SqlState;

const SENDERS: usize = 64;
const P99: Duration = Duration::from_millis(250);
/// The least part of the bare rate.
const SHARE: f64 = 0.5;
/// In how many slices many persons are told and bare transactions done in turn, so that both meet the same machine.
const SLICES: usize = 4;
/// How many are told before anything is measured: connections are opened, and the store has pages.
const WARM: usize = 500;
const TENANT: &str = "acme";
const CATEGORY: &str = "account_warning";

/// What became of one sending.
enum Heard {
    Told,
    PutOff,
    Deadlock,
    Error(String),
}

/// What became of many, and how long each took.
#[derive(Default)]
struct Row {
    times: Vec<Duration>,
    whole: Duration,
    told: usize,
    put_off: usize,
    deadlocks: usize,
    errors: Vec<String>,
}

impl Row {
    fn add(&mut self, sends: Vec<(Heard, Duration)>, whole: Duration) {
        self.whole += whole;
        for (heard, took) in sends {
            self.times.push(took);
            match heard {
                Heard::Told => self.told += 1,
                Heard::PutOff => self.put_off += 1,
                Heard::Deadlock => self.deadlocks += 1,
                Heard::Error(error) => self.errors.push(error),
            }
        }
        self.times.sort_unstable();
    }

    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.whole.as_secs_f64()
    }

    fn at(&self, part: usize) -> Duration {
        self.times.get((self.times.len().saturating_sub(1)) * part / 100).copied().unwrap_or_default()
    }

    fn print(&self, name: &str) {
        let ms = |part| self.at(part).as_secs_f64() * 1e3;
        println!(
            "{name:<34} {:>6.0}/s  p50 {:>7.1} ms  p99 {:>7.1} ms  told {:>6}  put off {:>6}  deadlocks {:>4}  other errors {:>4}",
            self.rate(),
            ms(50),
            ms(99),
            self.told,
            self.put_off,
            self.deadlocks,
            self.errors.len(),
        );
        for error in self.errors.iter().take(3) {
            println!("    {error}");
        }
    }

    /// Says what ours misses; whether it misses nothing.
    fn holds(&self, name: &str, told: usize) -> bool {
        let rules = [
            (self.errors.is_empty(), "errors"),
            (self.at(99) <= P99, "a p99 of more than 250 ms"),
            (self.told == told, "told too often or too rarely"),
        ];
        for (_, what) in rules.iter().filter(|(holds, _)| !holds) {
            println!("MISSED: {name}: {what}");
        }
        rules.iter().all(|(holds, _)| *holds)
    }
}

/// Has all senders do what `does`, each with its number, at once: what they heard, and how long it took.
async fn at_once<S, F>(
    senders: &[Arc<S>],
    does: impl Fn(Arc<S>, usize) -> F,
) -> Result<(Vec<(Heard, Duration)>, Duration)>
where
    F: Future<Output = Vec<(Heard, Duration)>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(senders.len() + 1));
    let one = |(at, sender): (usize, &Arc<S>)| {
        let (start, work) = (start.clone(), does(sender.clone(), at));
        tokio::spawn(async move {
            start.wait().await;
            work.await
        })
    };
    let under_way: Vec<_> = senders.iter().enumerate().map(one).collect();
    start.wait().await;
    let begun = Instant::now();
    let heard = try_join_all(under_way).await?;
    Ok((heard.into_iter().flatten().collect(), begun.elapsed()))
}

/// Who tells.
trait Tells: Send + Sync + 'static {
    fn tell(&self, person: &str, occurrence: &str) -> impl Future<Output = Heard> + Send;
}

struct Ours(Notices<Words>);

impl Tells for Ours {
    async fn tell(&self, person: &str, occurrence: &str) -> Heard {
        let (tenant, now) = (words::tenant(TENANT), Timestamp::now());
        let Ok(category) = CATEGORY.parse() else { return Heard::Error(format!("{CATEGORY} is no category")) };
        let telling = words::telling(person, category, occurrence, Origin::of(Some(occurrence), None), now);
        match tenant.act(self.0.tell(&tenant, &telling)).await {
            Ok(Told::Now(_)) => Heard::Told,
            Ok(Told::PutOff { .. }) => Heard::PutOff,
            other => Heard::Error(format!("{other:?}")),
        }
    }
}

impl Tells for Sender {
    async fn tell(&self, person: &str, _: &str) -> Heard {
        let subject = Subject { tenant: TENANT.to_owned(), person: person.to_owned(), category: CATEGORY.to_owned() };
        match Sender::tell(self, &subject, Timestamp::now()).await {
            Ok(true) => Heard::Told,
            Ok(false) => Heard::PutOff,
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => Heard::Deadlock,
            Err(error) => Heard::Error(format!("{error:?}")),
        }
    }
}

async fn timed(work: impl Future<Output = Heard>) -> (Heard, Duration) {
    let begun = Instant::now();
    let heard = work.await;
    (heard, begun.elapsed())
}

/// Each sender sends once for each of `persons`, one after the other.
async fn to_each<T: Tells>(by: Arc<T>, persons: Vec<String>, sender: usize) -> Vec<(Heard, Duration)> {
    let mut heard = vec![];
    for (n, person) in persons.into_iter().enumerate() {
        heard.push(timed(by.tell(&person, &format!("decision-{sender}-{n}"))).await);
    }
    heard
}

/// All at once for one person, who has never been told: a new person for each of so many rounds.
async fn rounds<T: Tells>(senders: &[Arc<T>], rounds: usize) -> Result<Row> {
    let mut row = Row::default();
    for round in 0..rounds {
        let persons = vec![format!("round-{round}")];
        let (heard, whole) = at_once(senders, |by, at| to_each(by, persons.clone(), at)).await?;
        row.add(heard, whole);
    }
    Ok(row)
}

/// All for one person, each so many times.
async fn going_on<T: Tells>(senders: &[Arc<T>], times: usize) -> Result<Row> {
    let mut row = Row::default();
    let persons = vec!["one".to_owned(); times];
    let (heard, whole) = at_once(senders, |by, at| to_each(by, persons.clone(), at)).await?;
    row.add(heard, whole);
    Ok(row)
}

/// Once for each of the persons of a slice, into `row`.
async fn many<T: Tells>(senders: &[Arc<T>], persons: std::ops::Range<usize>, row: &mut Row) -> Result<()> {
    let of = |at: usize| persons.clone().skip(at).step_by(SENDERS).map(|n| format!("person-{n}")).collect();
    let (heard, whole) = at_once(senders, |by, at| to_each(by, of(at), at)).await?;
    row.add(heard, whole);
    Ok(())
}

/// The bare store, by the same client: transactions of as many new items as a notice that is told writes, of the same content.
struct Bare {
    rows: TenantTable,
    items: Vec<Map<String, Value>>,
}

impl Bare {
    /// Takes the items of the only notice in `store`.
    async fn like(store: &Store, rows: TenantTable) -> Result<Self> {
        let mut items = vec![];
        for stored in store.items() {
            let text = |name: &str| stored[name]["S"].as_str().context("a key is a text");
            let partition = text("pk")?.strip_prefix(&format!("T#{TENANT}#")).context("an item of the tenant")?;
            // The counter is moved by a call of its own, before.
            if text("sk")? != "NEXT" {
                let item: Option<Map<String, Value>> =
                    words::tenant(TENANT).act(rows.get(&Key::new(partition, text("sk")?))).await?;
                items.push(item.context("an item that was just found")?);
            }
        }
        Ok(Self { rows, items })
    }

    async fn write(&self, n: usize) -> Heard {
        let part = |(place, item)| {
            let item = self.rows.item(&Key::new(format!("BARE#{n}"), format!("{place}")), item)?;
            new_part(self.rows.part_put(item))
        };
        let written = async {
            let parts = self.items.iter().enumerate().map(part).collect::<Result<Vec<_>, _>>()?;
            self.rows.transact(parts).await
        };
        match words::tenant(TENANT).act(written).await {
            Ok(()) => Heard::Told,
            Err(error) => Heard::Error(format!("{error:?}")),
        }
    }

    async fn write_each(self: Arc<Self>, of: Vec<usize>) -> Vec<(Heard, Duration)> {
        let mut heard = vec![];
        for n in of {
            heard.push(timed(self.write(n)).await);
        }
        heard
    }
}

async fn ours(persons: usize, times: usize) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let store = Store::in_a_file(folder.path());
    let aws = words::clients(&serve(&store)?);
    let (notices, _) = words::notices(&aws, Clock::system());
    let ours = Arc::new(Ours(notices));
    ensure!(matches!(ours.tell("first", "first").await, Heard::Told), "the first is not told");
    let bare = Arc::new(Bare::like(&store, Table::new(&aws, TABLE).of(&words::tenant(TENANT))).await?);
    let senders = vec![ours; SENDERS];
    let writers = vec![bare.clone(); SENDERS];
    many(&senders, persons..persons + WARM, &mut Row::default()).await?;

    let (mut told, mut written) = (Row::default(), Row::default());
    for slice in 0..SLICES {
        let of = persons * slice / SLICES..persons * (slice + 1) / SLICES;
        let parts = |at: usize| of.clone().skip(at).step_by(SENDERS).collect();
        let (heard, whole) = at_once(&writers, |bare, at| bare.write_each(parts(at))).await?;
        written.add(heard, whole);
        many(&senders, of, &mut told).await?;
    }
    let (raced, went_on) = (rounds(&senders, times).await?, going_on(&senders, times).await?);

    written.print(&format!("bare store, {} items", bare.items.len()));
    let many = format!("ours, {persons} persons");
    told.print(&many);
    raced.print(&format!("ours, {times} rounds"));
    went_on.print("ours, going on");
    let share = told.rate() / written.rate();
    println!("ours tells at {:.0} % of the rate of bare transactions", share * 1e2);
    if share < SHARE {
        println!("MISSED: {many}: less than half the rate of bare transactions");
    }
    let held = [
        written.errors.is_empty(),
        told.holds(&many, persons),
        raced.holds("ours, rounds", times),
        went_on.holds("ours, going on", 1),
        share >= SHARE,
    ];
    Ok(held.iter().all(|holds| *holds))
}

async fn theirs(persons: usize, times: usize) -> Result<()> {
    let Some(cluster) = Cluster::start().await? else {
        println!("{SKIPPED}");
        return Ok(());
    };
    for (synchronous, name) in [(true, "PostgreSQL"), (false, "PostgreSQL, disk later")] {
        cluster.clear().await?;
        let senders = try_join_all((0..SENDERS).map(|_| cluster.sender(synchronous))).await?;
        let senders: Vec<Arc<Sender>> = senders.into_iter().map(Arc::new).collect();
        many(&senders, persons..persons + WARM, &mut Row::default()).await?;
        let mut told = Row::default();
        many(&senders, 0..persons, &mut told).await?;
        told.print(&format!("{name}, {persons} persons"));
        rounds(&senders, times).await?.print(&format!("{name}, {times} rounds"));
        going_on(&senders, times).await?.print(&format!("{name}, going on"));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let persons = numbers.next().transpose()?.unwrap_or(10_000);
    let times = numbers.next().transpose()?.unwrap_or(20);
    println!("{SENDERS} senders at once");
    let held = ours(persons, times).await?;
    theirs(persons, times).await?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
