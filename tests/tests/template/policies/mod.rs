//! Tenancy by IAM, judged off line: the rendered template's policies against every case, and every seeded fault found by some.

mod calls;
mod cases;
mod evaluate;
mod exercise;
mod mutants;
mod pattern;
mod reaches;
mod roles;
mod used;

use crate::OURS;
use cases::SETTINGS;
use roles::Stack;
use serde_json::Value;

/// The name of the first case in which a template's policies say other than they must.
fn wrong(template: &str) -> Result<Option<String>, String> {
    for setting in &SETTINGS {
        let stack = Stack::of(template, setting.parameters)?;
        if let Some(case) = cases::all(setting).into_iter().find(|case| !case.holds(&stack)) {
            return Ok(Some(case.name));
        }
    }
    Ok(None)
}

#[test]
fn every_role_may_do_its_work_and_nothing_else() {
    assert_eq!(wrong(OURS).unwrap(), None);
}

#[test]
fn no_two_cases_are_one() {
    let mut names: Vec<String> = cases::all(&SETTINGS[0]).into_iter().map(|case| case.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 39, "{all} cases");
}

/// `scripts/simulate-iam` takes them from here.
#[test]
fn the_cases_are_written_down_for_another_evaluator() {
    let written = SETTINGS.iter().enumerate().flat_map(|(n, setting)| {
        let stack = Stack::of(OURS, setting.parameters).unwrap();
        // Who writes answers matters to `ask` alone, and what is sent to `outbox-drain`.
        let own = |case: &cases::Case| ["AskRole ", "OutboxDrainRole "].iter().any(|role| case.name.starts_with(role));
        let apart = cases::all(setting).into_iter().filter(move |case| n == 0 || own(case));
        apart.map(move |case| case.json(&stack))
    });
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/iam-cases.json");
    std::fs::write(path, serde_json::to_string_pretty(&written.collect::<Vec<Value>>()).unwrap()).unwrap();
}
