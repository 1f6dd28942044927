//! Tenancy by IAM, judged off line: the rendered template's policies against every case, and every seeded fault found by some.

mod cases;
mod evaluate;
mod mutants;
mod pattern;
mod roles;

use crate::OURS;
use roles::Stack;
use serde_json::Value;

/// The names of the cases in which a template's policies say other than they must.
fn wrong(template: &str) -> Result<Vec<String>, String> {
    let stack = Stack::of(template, &[])?;
    Ok(cases::all().into_iter().filter(|case| !case.holds(&stack)).map(|case| case.name).collect())
}

#[test]
fn every_role_may_do_its_work_and_nothing_else() {
    assert_eq!(wrong(OURS).unwrap(), Vec::<String>::new());
}

#[test]
fn no_two_cases_are_one() {
    let mut names: Vec<String> = cases::all().into_iter().map(|case| case.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 39, "{all} cases");
}

/// `scripts/simulate-iam` takes them from here.
#[test]
fn the_cases_are_written_down_for_another_evaluator() {
    let stack = Stack::of(OURS, &[]).unwrap();
    let cases: Vec<Value> = cases::all().iter().map(|case| case.json(&stack)).collect();
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/iam-cases.json");
    std::fs::write(path, serde_json::to_string_pretty(&cases).unwrap()).unwrap();
}
