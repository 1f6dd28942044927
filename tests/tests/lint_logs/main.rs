//! What the sources may not log: fields and arguments that are named like personal data or credentials.
//!
//! The second net is `shared::telemetry::redact`, which knows addresses and keys by their form; a name or a street it cannot know.
//! Run alone by `scripts/lint-logs`.
#![allow(clippy::unwrap_used, missing_docs)]

mod rules;

use rules::faults;
use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every Rust file of `folder` that is no test.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, into);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            into.push(path);
        }
    }
}

#[test]
fn the_sources_log_nothing_that_is_named_like_personal_data_or_a_credential() {
    let mut files = Vec::new();
    for folder in ["shared/src", "retrieval/src", "functions", "local/src", "local/s3/src"] {
        sources(&Path::new(ROOT).join(folder), &mut files);
    }
    assert!(files.len() > 50, "the sources are not where they were");
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let place = file.strip_prefix(ROOT).unwrap().display().to_string();
        found.extend(faults(code).into_iter().map(|fault| format!("{place}: {fault}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn each_way_to_log_an_address_is_found() {
    for code in [
        "info!(email = person.email, \"hello\");",
        "tracing::info!(email = %address_of(x), \"hello\");",
        "tracing::warn!(user.email = x, \"hello\");",
        "tracing::error!(\"e_mail\" = x, \"hello\");",
        "tracing::info!(email, \"shorthand\");",
        "tracing::info!(%email, \"shorthand\");",
        "tracing::info!(?customer.email, \"shorthand\");",
        "tracing::info!(target: \"audit\", phone = 7, \"hello\");",
        "tracing::info!(\"hello {email}\");",
        "tracing::info!(\"hello {email:?}, {n}\");",
        "tracing::info!(\"hello {}\", claims.email);",
        "tracing::info!(\"hello {who}\", who = customer.name);",
        "tracing::info!(\"hello {}\", claims.email().unwrap());",
        "tracing::info!(who = claims.email().unwrap().expose(), \"hello\");",
        "tracing::info!(key = %secret.expose(), \"hello\");",
        "tracing::info!({ ip = peer }, \"hello\");",
        "tracing::debug_span!(\"asked\", token = raw);",
        "let span = tracing::info_span!(\"asked\", password);",
        "tracing::event!(tracing::Level::INFO, authorization = header, \"x\");",
        "info_span!(\"ask_request\", user_id = caller.person().as_str());",
        "span.record(\"email\", claims.email);",
        "span.record(\"who\", caller.person().as_str());",
        "#[tracing::instrument] fn ask(email: String) {}",
        "#[instrument(level = \"info\")] fn ask(email: String) {}",
        "tokio::select! { _ = x => { tracing::info!(email = x); } }",
        "let f = || { if y { join!(async { warn!(\"{password}\") }) } };",
    ] {
        assert_eq!(faults(code).len(), 1, "{code}: {:?}", faults(code));
    }
}

#[test]
fn what_may_be_logged_is_let_through() {
    for code in [
        "tracing::info!(tokens_used = 7, store_id = %id, \"tokens: {tokens_used}\");",
        "tracing::info!(email = claims.email().map(|email| email.hashed()), \"hashed\");",
        "info_span!(\"ask_request\", user_id = caller.person().hashed());",
        "tracing::warn!(tenant = scope.tenant_hash(), \"no token was sent: the token has expired\");",
        "tracing::info!(tool = tool.name(), \"a function's name\");",
        "tracing::info!(has_token = token.is_some(), bytes = secret.len(), \"{{email}}\");",
        "let email = claims.email(); send(email.expose());",
        "#[tracing::instrument(skip_all)] fn ask(email: String) {}",
        "let token = json!({\"email\": email});",
        "table.record(\"email\");",
        "tracing::warn!(tenant, person, \"refused\");",
        "// tracing::info!(email)\nlet x = \"info!(email)\";",
    ] {
        assert_eq!(faults(code), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn a_fault_is_told_with_the_call_that_it_stands_in() {
    let fault = &faults("fn x() {\n    tracing::info!(\n        email = y,\n    );\n}\n")[0];
    assert!(fault.starts_with("info!(email = y") && fault.contains("`email`") && fault.contains("hashed()"), "{fault}");
}
