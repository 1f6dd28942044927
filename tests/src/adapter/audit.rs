//! The operations on audit logs: `merkle`, `audit-verify`, `audit-rebuild` and `audit-export`, the verdicts of `shared::audit`.

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::{
    audit::{
        Leaf, LeafRow,
        note::Head,
        proof::{extends, includes},
        stored,
        tree::Hash,
        verify::{Fault, lines, rebuilt},
    },
    aws::Aws,
    clock::Clock,
    config::Env,
    tenant::{Sweep, TenantScope},
};
use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

/// Checks a proof: of inclusion where there is a leaf's hash, of consistency otherwise; hashes in base64 or hex. What is missing or
/// malformed proves nothing.
pub fn merkle(request: &Value) -> Value {
    let member = |names: [&str; 2]| names.into_iter().find_map(|name| request.get(name)).unwrap_or(&Value::Null);
    let path = match member(["proof", "path"]) {
        Value::Null => Some(Vec::new()),
        Value::Array(hashes) => hashes.iter().map(hash).collect(),
        _ => None,
    };
    let ok = (|| {
        let path = path?;
        let leaf = member(["leafHash", "leaf_hash"]);
        if !leaf.is_null() || !member(["treeSize", "tree_size"]).is_null() {
            let index =
                member(["leafIdx", "leaf_idx"]).as_u64().or_else(|| member(["leafIndex", "leaf_index"]).as_u64());
            let size = member(["treeSize", "tree_size"]).as_u64()?;
            return Some(includes(index?, size, &hash(member(["root", "root_hash"]))?, &hash(leaf)?, &path));
        }
        let [from, to] = [member(["size1", "size_1"]).as_u64()?, member(["size2", "size_2"]).as_u64()?];
        let [first, second] = [hash(member(["root1", "root_1"]))?, hash(member(["root2", "root_2"]))?];
        Some(extends(from, to, &first, &second, &path))
    })();
    json!({"ok": ok.unwrap_or(false)})
}

fn hash(value: &Value) -> Option<Hash> {
    let text = value.as_str()?;
    let bytes = match text.len() {
        64 => hex::decode(text).ok()?,
        _ => STANDARD.decode(text).ok()?,
    };
    bytes.try_into().ok().map(Hash)
}

/// Checks a log, a file of JSON lines, against a head or none: whether it is sound, the first entry that is wrong and why.
///
/// # Errors
///
/// A file that cannot be read, a head that is none.
pub fn verify(request: &Value) -> Result<Value> {
    let log = read(request)?;
    let heads: Vec<Head> = match request.get("head") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(heads)) => heads.iter().map(|head| opened(head, request)).collect::<Result<_>>()?,
        Some(head) => vec![opened(head, request)?],
    };
    let text = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let report = lines(text, &heads)?;
    let mut reply = json!({
        "ok": report.is_sound(), "first_bad": null, "entries": report.entries, "proven": report.proven,
        "limits": report.limits, "report": report.to_string(),
    });
    if let Some((place, fault)) = &report.first_bad {
        reply["first_bad"] = json!(place);
        reply["why"] = json!(fault.to_string());
        if let Fault::NotSignedUntil(last) = fault {
            reply["last_bad"] = json!(last);
        }
    }
    Ok(reply)
}

fn read(request: &Value) -> Result<Vec<u8>> {
    let path = request.get("log").and_then(Value::as_str).context("log is missing")?;
    fs::read(path).with_context(|| path.to_owned())
}

/// A head: `{note, vkey}`, or the text or file of one, its key after the signatures or in the request's `vkey`.
fn opened(head: &Value, request: &Value) -> Result<Head> {
    let key = request.get("vkey").and_then(Value::as_str);
    if let Some(note) = head.get("note").and_then(Value::as_str) {
        let key = head.get("vkey").and_then(Value::as_str).or(key).context("the head has no vkey")?;
        return Ok(Head::open(note, key)?);
    }
    let text = head.as_str().context("head is neither a text nor {note, vkey}")?;
    let text = if text.contains('\n') || text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        fs::read_to_string(text)?
    };
    if let Ok(document @ Value::Object(_)) = serde_json::from_str::<Value>(&text) {
        if document.get("note").is_none() {
            bail!("the head has no note");
        }
        return opened(&document, request);
    }
    let end = text.rmatch_indices("\n\u{2014} ").next().and_then(|(at, _)| Some(at + 2 + text[at + 1..].find('\n')?));
    let (note, rest) = text.split_at(end.context("the head is no signed note")?);
    let key = Some(rest.trim()).filter(|rest| !rest.is_empty()).or(key).context("the head has no vkey")?;
    Ok(Head::open(note, key)?)
}

/// Edits a log and makes every place and hash anew, as somebody would who has our code and not the key. The edit: `kind` (`edit`,
/// `delete`, `insert`, `swap`, `duplicate`, `truncate`; by default `edit`), `index`, and for a swap `with`; an edit may say the
/// `leaf` that it puts, or members of it in `set`. The log comes back as a file beside its lines.
///
/// # Errors
///
/// A file that cannot be read or written, an edit that cannot be made.
pub fn rebuild(request: &Value) -> Result<Value> {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let log = String::from_utf8(read(request)?)?;
    let mut leaves = Vec::new();
    for line in log.lines().filter(|line| !line.is_empty()) {
        leaves.push(serde_json::from_str::<LeafRow>(line)?.leaf);
    }
    edit(&mut leaves, request.get("edit").unwrap_or(&Value::Null))?;
    let rows = rebuilt(leaves);
    let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let name = format!("audit-rebuilt-{}-{}.jsonl", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    fs::write(&path, lines.join("\n") + "\n")?;
    Ok(json!({"log": path, "lines": rows}))
}

fn edit(leaves: &mut Vec<String>, edit: &Value) -> Result<()> {
    let number =
        |names: &[&str]| names.iter().find_map(|name| edit.get(name)?.as_u64()).and_then(|n| usize::try_from(n).ok());
    let kind = ["kind", "op", "type"].iter().find_map(|name| edit.get(name)?.as_str()).unwrap_or("edit");
    let at = number(&["index", "seq", "at", "place"]).context("the edit has no index")?;
    let there = at < leaves.len() || matches!(kind, "insert" | "truncate") && at == leaves.len();
    if !there {
        bail!("the log has no entry {at}");
    }
    match kind {
        "edit" | "modify" | "replace" => leaves[at] = changed(&leaves[at], edit)?,
        "delete" | "remove" => drop(leaves.remove(at)),
        "insert" => {
            let model = leaves.get(at).or(leaves.last()).context("the log is empty")?;
            let new = changed(model, edit)?;
            leaves.insert(at, new);
        }
        "duplicate" | "repeat" => leaves.insert(at, leaves[at].clone()),
        "swap" | "reorder" => {
            let with = number(&["with", "to", "other"]).unwrap_or(at + 1);
            if with >= leaves.len() {
                bail!("the log has no entry {with}");
            }
            leaves.swap(at, with);
        }
        "truncate" => leaves.truncate(at),
        other => bail!("no edit is called {other:?}"),
    }
    Ok(())
}

fn changed(leaf: &str, edit: &Value) -> Result<String> {
    match edit.get("leaf") {
        Some(Value::String(leaf)) => return Ok(leaf.clone()),
        Some(leaf) if leaf.is_object() => return Ok(leaf.to_string()),
        _ => {}
    }
    let mut members: Value = serde_json::from_str(leaf)?;
    match edit.get("set").and_then(Value::as_object) {
        Some(set) => set.iter().for_each(|(name, value)| members[name] = value.clone()),
        None => members["kind"] = json!("tampered.with"),
    }
    Ok(serde_json::to_string(&serde_json::from_value::<Leaf>(members)?)?)
}

/// The log of a tenant and its last signed head, from the stores that the environment's endpoints name.
///
/// # Errors
///
/// What the stores refuse.
pub async fn export(request: &Value) -> Result<Value> {
    let tenant = request.get("tenant").and_then(Value::as_str).context("tenant is missing")?;
    let mut config = audit_checkpoint::Config::read(Env::process())?;
    if !config.secrets.secret_id.ends_with("/audit") {
        // `cargo run -- env` prints the variables of all functions as one.
        config.secrets.secret_id.push_str("/audit");
    }
    let app = audit_checkpoint::App::new(config, &Aws::from_env(), Clock::system());
    let scope = TenantScope::for_job(Sweep::AuditCheckpoint, tenant.parse().context("no tenant's id")?);
    let acting = scope.clone();
    scope
        .act(async move {
            let checkpoints = app.checkpoints();
            let rows = stored::rows(checkpoints, &acting).await?;
            let key = checkpoints.key(&acting).await?;
            let head = checkpoints.latest(&acting).await?;
            let head = head.map(|head| json!({"note": head.note, "vkey": key.verifier(), "size": head.size}));
            Ok(json!({"log": rows, "head": head}))
        })
        .await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use shared::{
        audit::{leaf_hash, note::LogKey, tree::Tree},
        secrets::SecretString,
    };

    fn log() -> (tempfile::TempDir, String, Value) {
        let folder = tempfile::tempdir().unwrap();
        let leaf = |n: u64| {
            format!(
                "{{\"v\":1,\"seq\":{n},\"at\":\"1970-01-01T00:00:00Z\",\"id\":\"{n:032x}\",\"kind\":\"test.done\"}}"
            )
        };
        let mut tree = Tree::default();
        let rows: Vec<String> = (0..120)
            .map(|n| {
                let hash = leaf_hash(leaf(n).as_bytes());
                tree.push(&hash).unwrap();
                serde_json::to_string(&LeafRow { leaf: leaf(n), leaf_hash: hash }).unwrap()
            })
            .collect();
        let path = folder.path().join("log.jsonl");
        fs::write(&path, rows.join("\n")).unwrap();
        let secret = SecretString::from("0123456789abcdef0123456789abcdef".to_owned());
        let key = LogKey::derive(&secret, "smartstore.audit/test/acme").unwrap();
        let head = key.sign(120, tree.root().unwrap()).unwrap();
        (folder, path.to_str().unwrap().to_owned(), json!({"note": head.note, "vkey": key.verifier()}))
    }

    #[test]
    fn a_log_is_sound_with_its_head_in_every_form_and_rebuilt_never() {
        let (folder, path, head) = log();
        let (note, vkey) = (head["note"].as_str().unwrap(), head["vkey"].as_str().unwrap());
        let file = folder.path().join("head.txt");
        fs::write(&file, format!("{note}{vkey}\n")).unwrap();
        for head in [
            head.clone(),
            json!(head.to_string()),
            json!(format!("{note}{vkey}")),
            json!(file),
            json!([head]),
            json!(null),
        ] {
            let verdict = verify(&json!({"log": path, "head": head})).unwrap();
            assert_eq!((&verdict["ok"], &verdict["first_bad"]), (&json!(true), &json!(null)), "{verdict}");
        }
        for n in 0..100 {
            let made = rebuild(&json!({"log": path, "edit": {"index": n}})).unwrap();
            assert_eq!(verify(&json!({"log": made["log"], "head": null})).unwrap()["ok"], true);
            assert_eq!(verify(&json!({"log": made["log"], "head": head})).unwrap()["ok"], false, "{n}");
            fs::remove_file(made["log"].as_str().unwrap()).unwrap();
        }
        for kind in ["delete", "insert", "swap", "duplicate", "truncate"] {
            let made = rebuild(&json!({"log": path, "edit": {"kind": kind, "index": 7}})).unwrap();
            assert_eq!(verify(&json!({"log": made["log"], "head": head})).unwrap()["ok"], false, "{kind}");
            fs::remove_file(made["log"].as_str().unwrap()).unwrap();
        }
        let forged = json!({"note": note.replace("120", "121"), "vkey": vkey});
        assert!(verify(&json!({"log": path, "head": forged})).is_err());
        assert!(rebuild(&json!({"log": path, "edit": {"index": 120}})).is_err());
    }

    #[test]
    fn proofs_are_checked_in_either_spelling_and_what_is_malformed_proves_nothing() {
        let one = leaf_hash(b"a").to_string();
        let encoded = STANDARD.encode(hex::decode(&one).unwrap());
        let camel = json!({"leafIdx": 0, "treeSize": 1, "root": encoded, "leafHash": encoded, "proof": null});
        let snake = json!({"leaf_idx": 0, "tree_size": 1, "root": one, "leaf_hash": one, "proof": []});
        let wrong = json!({"leafIdx": 1, "treeSize": 1, "root": encoded, "leafHash": encoded, "proof": []});
        let long = json!({"leafIdx": 0, "treeSize": 1, "root": encoded, "leafHash": encoded, "proof": [encoded]});
        let same = json!({"size1": 1, "size2": 1, "root1": one, "root2": one, "proof": []});
        let past = json!({"size1": 2, "size2": 1, "root1": one, "root2": one, "proof": []});
        let verdicts = [camel, snake, wrong, long, same, past, json!({}), json!({"proof": 1})]
            .map(|case| merkle(&case)["ok"].clone());
        assert_eq!(verdicts, [true, true, false, false, true, false, false, false].map(Value::from));
    }
}
