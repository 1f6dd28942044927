//! No secret stands in the tree, and the page that lists the secrets lists those that the code asks for.
#![allow(clippy::unwrap_used)]

mod patterns;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Folders and files that git ignores, or that are its own.
const APART: [&str; 9] =
    [".git", "target", ".venv", ".smartstore", ".schemathesis", ".env", "node_modules", "bench-out", "__pycache__"];

/// What looks like a secret and is none: the file, what it looks like, and why it stands there.
const FIXTURES: &[(&str, &str, &str)] = &[
    (REDACT, "a signed token", "made up, for redaction to find"),
    (REDACT, "an AWS access key", "the key of AWS's own documents"),
    (REDACT, "an AWS session's access key", "made up, for redaction to find"),
    (REDACT, "a model provider's key", "made up, for redaction to find"),
    (REDACT, "a payment provider's key", "made up, for redaction to find"),
    (REDACT, "a GitHub token", "made up, for redaction to find"),
    ("tests/tests/canaries/main.rs", "a model provider's key", "a canary: made up, to be looked for in logs"),
    ("tests/tests/template/mutants.rs", "a model provider's key", "made up, seeded as a fault for a rule to find"),
    ("functions/ask/src/config/answering.rs", "an address with a password", "an address that a test has refused"),
];
const REDACT: &str = "shared/src/telemetry/redact/tests.rs";

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).to_owned()
}

/// Every text of the tree under `folder`, with its path from the root.
fn texts(folder: &Path, see: &mut impl FnMut(&str, &str)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if APART.iter().any(|apart| *apart == name) {
            continue;
        }
        if path.is_dir() {
            texts(&path, see);
        } else if let Ok(text) = fs::read_to_string(&path) {
            see(&path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"), &text);
        }
    }
}

#[test]
fn no_secret_stands_in_the_tree() {
    let (mut found, mut used, mut files) = (Vec::new(), BTreeSet::new(), 0);
    texts(&root(), &mut |path, text| {
        files += 1;
        for secret in patterns::find(text) {
            match FIXTURES.iter().position(|(file, kind, _)| *file == path && *kind == secret.kind) {
                Some(fixture) => drop(used.insert(fixture)),
                None => found.push(format!("{path}:{}: looks like {}", secret.line, secret.kind)),
            }
        }
    });
    assert!(files > 100, "only {files} files were read");
    assert_eq!(found, Vec::<String>::new());
    let stale: Vec<_> = (0..FIXTURES.len()).filter(|n| !used.contains(n)).map(|n| FIXTURES[n].0).collect();
    assert_eq!(stale, Vec::<&str>::new(), "these fixtures are no longer there");
}

/// Texts in the code that are the name of a secret's key: capitals, and the end of a secret's name. Variables of AWS's own are not.
fn asked_for() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for folder in ["shared/src", "functions"] {
        texts(&root().join(folder), &mut |path, text| {
            if !path.ends_with(".rs") || path.contains("/tests") {
                return;
            }
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for quoted in code.split('"').skip(1).step_by(2) {
                let named = ["_KEY", "_KEY_PREVIOUS", "_TOKEN", "_SECRET", "_SECRET_PREVIOUS", "_PASSWORD"]
                    .iter()
                    .any(|end| quoted.ends_with(end));
                let plain = quoted.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
                if named && plain && !quoted.starts_with("AWS_") {
                    keys.insert(quoted.to_owned());
                }
            }
        });
    }
    keys
}

#[test]
fn the_page_of_secrets_lists_the_keys_that_the_code_asks_for() {
    let page = fs::read_to_string(root().join("docs/secrets.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| key |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let listed: BTreeSet<String> = rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(listed, asked_for());
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    for key in &listed {
        assert!(example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{key}="))), "{key}");
    }
}

#[test]
fn the_page_of_secrets_says_what_to_do_when_one_has_leaked() {
    let page = fs::read_to_string(root().join("docs/secrets.md")).unwrap();
    let steps = page.split("## When one has leaked").nth(1).expect("the section stands there");
    for (n, word) in [(1, "new one"), (2, "Revoke"), (3, "log"), (4, "Write down")] {
        let step = steps.lines().find(|line| line.starts_with(&format!("{n}. "))).expect("a step of this number");
        assert!(step.contains(word), "{step}");
    }
    for stage in ["laptop", "`dev`", "`staging`", "`prod`"] {
        assert!(page.contains(stage), "{stage}");
    }
}
