//! Whether the template and the code describe the same bundle.

use crate::template::Template;
use std::collections::BTreeSet;

/// What the code has: functions with their routes, and jobs, by their binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Each function's binary and its routes, as `GET /path`.
    pub functions: Vec<(String, Vec<String>)>,
    /// Each job's binary.
    pub jobs: Vec<String>,
}

/// Every difference between the template and the code, a sentence each; none when they agree.
///
/// Compared are the routes of each function, both ways, and schedules against jobs, both ways.
pub fn differences(template: &Template, code: &Code) -> Vec<String> {
    let mut found = Vec::new();
    let binaries = template.functions.iter().map(|function| &function.binary);
    let of_code = code.functions.iter().map(|(binary, _)| binary).chain(&code.jobs);
    for binary in of_code.clone().collect::<BTreeSet<_>>().difference(&binaries.clone().collect()) {
        found.push(format!("{binary}: the code has it, template.yaml does not"));
    }
    let mut seen = BTreeSet::new();
    for function in &template.functions {
        let (id, binary) = (&function.id, &function.binary);
        if !seen.insert(binary) {
            found.push(format!("{id}: another function runs {binary} too"));
        }
        let written: BTreeSet<String> = function.routes.iter().map(ToString::to_string).collect();
        let routes = code.functions.iter().filter(|(name, _)| name == binary).flat_map(|(_, routes)| routes);
        let answered: BTreeSet<String> = routes.cloned().collect();
        for route in written.difference(&answered) {
            found.push(format!("{binary}: {route} stands in template.yaml ({id}), and no router answers it"));
        }
        for route in answered.difference(&written) {
            found.push(format!("{binary}: the router answers {route}, and template.yaml ({id}) does not lead there"));
        }
        let job = code.jobs.contains(binary);
        if job && function.schedules.is_empty() {
            found.push(format!("{binary}: it is a job, and template.yaml ({id}) has no schedule for it"));
        }
        for schedule in function.schedules.iter().filter(|_| !job) {
            found.push(format!(
                "{binary}: the schedule {} stands in template.yaml, and there is no such job",
                schedule.id
            ));
        }
        let idle = function.routes.is_empty() && function.schedules.is_empty();
        if idle && !of_code.clone().any(|name| name == binary) {
            found.push(format!("{binary}: template.yaml ({id}) has it, the code does not"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters: {}
Resources:
  Ask:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: ask}}
    Properties:
      Events:
        Ask: {Type: HttpApi, Properties: {Method: POST, Path: /ask}}
        Rate: {Type: HttpApi, Properties: {Method: POST, Path: /ask/feedback}}
  Publish:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: publish}}
    Properties:
      Events:
        Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), Input: "{}"}}
"#;

    fn compare(functions: &[(&str, &[&str])], jobs: &[&str]) -> Vec<String> {
        let functions = functions
            .iter()
            .map(|(binary, routes)| ((*binary).to_owned(), routes.iter().map(|route| (*route).to_owned()).collect()));
        let code = Code { functions: functions.collect(), jobs: jobs.iter().map(|job| (*job).to_owned()).collect() };
        differences(&Template::parse(TEMPLATE, &[]).unwrap(), &code)
    }

    #[test]
    fn a_template_and_code_that_agree_differ_in_nothing() {
        assert_eq!(compare(&[("ask", &["POST /ask", "POST /ask/feedback"])], &["publish"]), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_told_by_the_side_that_lacks_it() {
        let both = compare(&[("ask", &["POST /ask", "PUT /ask/feedback"]), ("mail", &["POST /mail"])], &["sweep"]);
        for says in [
            "POST /ask/feedback stands in template.yaml (Ask), and no router answers it",
            "the router answers PUT /ask/feedback, and template.yaml (Ask) does not lead there",
            "mail: the code has it, template.yaml does not",
            "sweep: the code has it, template.yaml does not",
            "publish: the schedule Publish.Often stands in template.yaml, and there is no such job",
        ] {
            assert!(both.iter().any(|line| line.contains(says)), "{says}\n{both:#?}");
        }
        assert_eq!(both.len(), 5, "{both:#?}");
    }

    #[test]
    fn a_job_without_a_schedule_is_a_difference() {
        let found = compare(&[("ask", &["POST /ask", "POST /ask/feedback"])], &["publish", "ask"]);
        assert_eq!(found, ["ask: it is a job, and template.yaml (Ask) has no schedule for it"]);
    }
}
