//! Eight processes at once for one person, and processes that are killed in the middle.

use rand::{Rng, SeedableRng, rngs::StdRng};
use std::time::Duration;
use tests::limit::{
    checker::check,
    history::{Answer, History, Send},
    processes::{Burst, Process, Said, serve},
    state::State,
    store::Store,
    words,
};

const PROCESSES: usize = 8;
const PROGRAM: &str = env!("CARGO_BIN_EXE_limit-worker");

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn burst(round: usize, process: usize, each: usize) -> Burst {
    Burst {
        tenant: "acme".to_owned(),
        person: format!("person-{round}"),
        category: "account_warning".to_owned(),
        occurrences: (0..each).map(|at| format!("d{round}-{process}-{at}")).collect(),
        now: "2026-03-01T09:00:00Z".parse().unwrap(),
    }
}

fn noted(burst: &Burst, occurrence: &str, answer: Answer, place: u64) -> Send {
    let now = burst.now.as_microsecond();
    // All are sent at once: each begins before any ends.
    let (began, ended) = (0, place + 1);
    Send { subject: burst.subject(), occurrence: occurrence.to_owned(), before: now, after: now, began, ended, answer }
}

/// How many rounds one store sees: a file that grows makes each round slower, and shows nothing more.
const ROUNDS_OF_A_STORE: usize = 20;

#[test]
fn one_of_all_that_eight_processes_send_at_once_is_told() {
    let (rounds, each) = (number("LIMIT_ROUNDS", 3), number("LIMIT_EACH", 12));
    let rounds: Vec<usize> = (0..rounds).collect();
    let (mut errors, mut took) = (vec![], vec![]);
    for of_a_store in rounds.chunks(ROUNDS_OF_A_STORE) {
        let folder = tempfile::tempdir().unwrap();
        let url = serve(&Store::in_a_file(folder.path())).unwrap();
        let mut processes: Vec<Process> = (0..PROCESSES).map(|_| Process::start(PROGRAM, &url).unwrap()).collect();
        for &round in of_a_store {
            for (at, process) in processes.iter_mut().enumerate() {
                process.send(&burst(round, at, each)).unwrap();
            }
            let heard: Vec<_> = processes.iter_mut().flat_map(Process::heard).collect();
            assert_eq!(heard.len(), PROCESSES * each);
            let told = heard.iter().filter(|(_, said, _)| matches!(said, Said::Told(..))).count();
            assert_eq!(told, 1, "round {round}");
            let failed = |(_, said, _): &(_, Said, _)| match said {
                Said::Told(..) | Said::PutOff(_) => None,
                other => Some(format!("{other:?}")),
            };
            errors.extend(heard.iter().filter_map(failed));
            took.extend(heard.iter().map(|(_, _, us)| *us));
        }
        eprintln!("{} sendings, {} errors", took.len(), errors.len());
    }
    took.sort_unstable();
    let at = |part: usize| Duration::from_micros(took[(took.len() - 1) * part / 100]);
    eprintln!(
        "{} rounds of {} at once: p50 {:?}, p99 {:?}, {} errors",
        rounds.len(),
        PROCESSES * each,
        at(50),
        at(99),
        errors.len()
    );
    assert!(errors.is_empty(), "{} errors, such as {}", errors.len(), errors[0]);
}

#[test]
fn what_killed_processes_sent_is_told_once_when_it_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_a_file(folder.path());
    let url = serve(&store).unwrap();
    let mut dice = StdRng::seed_from_u64(7);
    let mut history = History::default();
    let mut unheard = 0;
    for round in 0..number("LIMIT_ROUNDS", 4) {
        let mut processes: Vec<Process> = (0..PROCESSES / 2).map(|_| Process::start(PROGRAM, &url).unwrap()).collect();
        let bursts: Vec<Burst> = (0..processes.len()).map(|at| burst(round, at, 8)).collect();
        for (process, burst) in processes.iter_mut().zip(&bursts) {
            process.send(burst).unwrap();
        }
        std::thread::sleep(Duration::from_millis(dice.gen_range(20..250)));
        for process in &mut processes[1..] {
            process.kill().unwrap();
        }
        for (process, burst) in processes.iter_mut().zip(&bursts) {
            let heard = process.heard();
            let missing = burst.occurrences.iter().filter(|of| !heard.iter().any(|(heard, ..)| heard == *of)).cloned();
            let missing = Burst { occurrences: missing.collect(), ..burst.clone() };
            unheard += missing.occurrences.len();
            let place = history.sends.len() as u64;
            history.sends.extend(heard.into_iter().map(|(of, said, _)| noted(burst, &of, said.into(), place)));
            history.sends.extend(missing.occurrences.iter().map(|of| noted(burst, of, Answer::Nothing, place)));
            let mut again = Process::start(PROGRAM, &url).unwrap();
            again.send(&missing).unwrap();
            let heard = again.heard();
            assert_eq!(heard.len(), missing.occurrences.len());
            history.sends.extend(heard.into_iter().map(|(of, said, _)| noted(burst, &of, said.into(), place + 1)));
        }
    }
    eprintln!("{unheard} of {} were not heard of", history.sends.len());
    assert!(unheard > 0, "no process was killed in the middle of anything");
    flush(&url, number("LIMIT_ROUNDS", 4));
    let findings = check(&history, &State::read(&store.items()));
    assert_eq!(findings.errors, 0);
    assert!(findings.broken.is_empty(), "{:#?}", findings.broken);
}

/// Tells everybody of what waits for them, twelve hours later.
fn flush(url: &str, rounds: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let clock = shared::clock::Clock::frozen("2026-03-01T21:00:00Z".parse().unwrap());
        let (notices, _) = words::notices(&words::clients(url), clock);
        let tenant = words::tenant("acme");
        for round in 0..rounds {
            let person = shared::ids::PersonId::from_subject(&format!("person-{round}")).unwrap();
            let category = "account_warning".parse().unwrap();
            tenant.act(notices.flush(&tenant, &person, category)).await.unwrap();
        }
    });
}
