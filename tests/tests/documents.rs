//! The documents that list things list exactly what there is: settings, secrets.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The Rust of what runs in Lambda, tests cut off.
fn sources() -> Vec<String> {
    fn collect(folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                collect(&path, into);
            } else if name.ends_with(".rs") && !name.contains("test") && name != "build.rs" {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                into.push(code.to_owned());
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["shared/src", "retrieval/src", "functions"] {
        collect(&Path::new(ROOT).join(folder), &mut found);
    }
    found
}

/// The texts that stand in quotes right after one of `calls`.
fn named_after(calls: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources() {
        for call in calls {
            for rest in source.split(call).skip(1) {
                let quoted = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                names.extend(quoted.filter(|name| is_setting(name)).map(str::to_owned));
            }
        }
    }
    names
}

fn is_setting(name: &str) -> bool {
    name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn variables() -> BTreeSet<String> {
    named_after(&["required(", "optional(", "parsed(", "within(", "var(", "endpoint("])
}

/// The keys of the secret: texts in the sources that are named like one.
fn secrets() -> BTreeSet<String> {
    let quoted = |source: &String| source.split('"').map(str::to_owned).collect::<Vec<_>>();
    let texts = sources().iter().flat_map(quoted).collect::<BTreeSet<_>>();
    let endings = ["_KEY", "_KEY_PREVIOUS", "_SECRET", "_SECRET_PREVIOUS", "_TOKEN", "_PASSWORD"];
    let named = |text: &String| is_setting(text) && endings.iter().any(|ending| text.ends_with(ending));
    texts.into_iter().filter(|text| named(text) && !text.starts_with("AWS_")).collect()
}

/// The names before `=` in `.env.example`, those above the heading of variables first.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = fs::read_to_string(format!("{ROOT}/.env.example")).unwrap();
    let (secrets, variables) = text.split_once("# ---- Where things are").unwrap();
    let names = |part: &str| {
        part.lines()
            .filter_map(|line| line.strip_prefix('#')?.split_once('='))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let plain = |names: BTreeSet<String>| names.into_iter().filter(|name| is_setting(name)).collect();
    (plain(names(secrets)), plain(names(variables)))
}

fn template_variables() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{ROOT}/template.yaml")).unwrap();
    let template = local::template::Template::parse(&text, &[("ProjectId", "smartstore-local")]).unwrap();
    template.functions.into_iter().flat_map(|function| function.env.into_keys()).collect()
}

#[test]
fn env_example_lists_the_variables_that_the_code_reads() {
    let (read, (_, listed)) = (variables(), documented());
    let unlisted: Vec<_> = read.difference(&listed).collect();
    assert!(unlisted.is_empty(), "read by the code, not in .env.example: {unlisted:?}");
    let idle: Vec<_> = listed.difference(&read).collect();
    assert!(idle.is_empty(), "in .env.example, read by nothing: {idle:?}");
}

#[test]
fn the_template_sets_no_variable_that_nothing_reads() {
    let read = variables();
    // The client of Cosmos DB reads the one itself. The other is there to change: decision 25.
    let reads = |name: &String| read.contains(name) || ["COSMOS_DISABLE_IMDS", "SETTINGS_REVISION"].contains(&&**name);
    let idle: Vec<_> = template_variables().into_iter().filter(|name| !reads(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn the_secrets_that_are_documented_are_those_that_the_code_asks_for() {
    let page = fs::read_to_string(format!("{ROOT}/docs/secrets.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.filter(|name| is_setting(name)).map(str::to_owned).collect();
    assert_eq!(listed, documented().0, "docs/secrets.md and .env.example");
    let asked = secrets();
    let unlisted: Vec<_> = asked.difference(&listed).collect();
    assert!(unlisted.is_empty(), "asked for, not in docs/secrets.md: {unlisted:?}");
    let idle: Vec<_> = listed.difference(&asked).collect();
    assert!(idle.is_empty(), "in docs/secrets.md, asked for by nothing: {idle:?}");
}
