//! Reads sources as tokens, since calls to macros may stand inside other macros' arguments, where no parser of expressions sees them.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use shared::telemetry::PRIVATE;

/// Macros whose arguments reach logs and traces.
const MACROS: [&str; 12] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
];
/// Who somebody is: may be logged by a short digest, which is what the types' own `Debug` gives.
const PEOPLE: [&str; 5] = ["person", "person_id", "subject", "sub", "user"];
/// What makes plain text of somebody.
const PLAINLY: [&str; 4] = ["as_str", "as_ref", "to_owned", "to_string"];
/// What makes a value one that may be logged: a digest, or a fact about it.
const WRAPPERS: [&str; 8] = ["hashed", "tenant_hash", "hash", "redact", "is_some", "is_none", "len", "is_empty"];

/// Every fault of a source file, in words.
pub(crate) fn faults(source: &str) -> Vec<String> {
    let tokens: TokenStream = source.parse().expect("the source is Rust");
    let mut found = Vec::new();
    walk(tokens, &mut found);
    found
}

fn walk(stream: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match (token, tokens.get(at + 1), tokens.get(at + 2)) {
            (TokenTree::Ident(name), Some(TokenTree::Punct(bang)), Some(TokenTree::Group(arguments)))
                if bang.as_char() == '!' && MACROS.contains(&name.to_string().as_str()) =>
            {
                within(&format!("{name}!{arguments}"), found, |found| list(arguments.stream(), found));
            }
            (TokenTree::Punct(dot), Some(TokenTree::Ident(name)), Some(TokenTree::Group(arguments)))
                if dot.as_char() == '.' && name == "record" =>
            {
                within(&format!(".record{arguments}"), found, |found| record(arguments, found));
            }
            (TokenTree::Punct(hash), Some(TokenTree::Group(attribute)), _)
                if hash.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
            {
                let text = attribute.to_string();
                if text.contains("instrument") && !text.contains("skip_all") && !text.contains("cfg_attr") {
                    found.push(format!("#{attribute} without skip_all logs every argument"));
                }
            }
            _ => {}
        }
        if let TokenTree::Group(group) = token {
            walk(group.stream(), found);
        }
    }
}

/// The arguments of a macro: fields, a message, what the message is put together from.
fn list(stream: TokenStream, found: &mut Vec<String>) {
    for argument in arguments(stream) {
        if let [TokenTree::Group(fields)] = &argument[..]
            && fields.delimiter() == Delimiter::Brace
        {
            list(fields.stream(), found);
            continue;
        }
        let sign = argument.iter().position(|token| is_sign(token, '='));
        // `target: "…"` and `parent: …` say where, and not what.
        if argument.get(1).is_some_and(|token| is_sign(token, ':')) {
            continue;
        }
        let (key, value) = sign.map_or((None, &argument[..]), |at| (Some(&argument[..at]), &argument[at + 1..]));
        let faults = found.len();
        if let Some(key) = key
            && !is_wrapped(value)
        {
            name(key, found);
        }
        if found.len() == faults {
            expression(value, found);
        }
    }
}

/// `span.record("name", value)`.
fn record(group: &Group, found: &mut Vec<String>) {
    let parts = arguments(group.stream());
    if let [key, value] = &parts[..]
        && matches!(key[..], [TokenTree::Literal(_)])
        && !is_wrapped(value)
    {
        let faults = found.len();
        name(key, found);
        if found.len() == faults {
            expression(value, found);
        }
    }
}

/// A field's name: `email`, `user.email`, `"email"`.
fn name(key: &[TokenTree], found: &mut Vec<String>) {
    let Some(last) = key.last() else { return };
    let text = last.to_string();
    let plain = text.trim_matches('"').rsplit('.').next().unwrap_or_default().to_owned();
    if PRIVATE.contains(&plain.as_str()) {
        fault(&plain, found);
    }
}

/// A value: a text with names in braces, a variable, a call. The first fault is enough.
fn expression(tokens: &[TokenTree], found: &mut Vec<String>) {
    if is_wrapped(tokens) {
        return;
    }
    let mut flat = Vec::new();
    flatten(tokens, &mut flat);
    let plainly = has_word(&flat, &PLAINLY);
    for (at, token) in flat.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) => {
                if let Some(held) = placeholders(&literal.to_string()).find(|held| PRIVATE.contains(&held.as_str())) {
                    return fault(&held, found);
                }
            }
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                // `tool.name()` is a question to a type of ours; a field or a variable of that name is anybody's.
                let called = matches!(flat.get(at + 1), Some(TokenTree::Group(_)));
                let of_ours = called && ["name", "address"].contains(&word.as_str());
                let somebody = plainly && PEOPLE.contains(&word.as_str());
                if word == "expose" || PRIVATE.contains(&word.as_str()) && !of_ours || somebody {
                    return fault(&word, found);
                }
            }
            _ => {}
        }
    }
}

fn is_wrapped(tokens: &[TokenTree]) -> bool {
    let mut flat = Vec::new();
    flatten(tokens, &mut flat);
    has_word(&flat, &WRAPPERS)
}

fn has_word(flat: &[TokenTree], words: &[&str]) -> bool {
    flat.iter().any(|token| matches!(token, TokenTree::Ident(word) if words.contains(&word.to_string().as_str())))
}

fn flatten(tokens: &[TokenTree], into: &mut Vec<TokenTree>) {
    for token in tokens {
        into.push(token.clone());
        if let TokenTree::Group(group) = token {
            flatten(&group.stream().into_iter().collect::<Vec<_>>(), into);
        }
    }
}

/// The names in a format string's braces; `{{` is a brace.
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let plain = text.replace("{{", "").replace("}}", "");
    let names: Vec<String> = plain
        .split('{')
        .skip(1)
        .filter_map(|part| part.split(['}', ':']).next().map(|name| name.trim().to_owned()))
        .collect();
    names.into_iter()
}

/// What commas part.
fn arguments(stream: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in stream {
        if is_sign(&token, ',') {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether this is the sign alone: `=` and not `==`, `:` and not `::`.
fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign && (punct.spacing() == Spacing::Alone || sign == '='))
}

fn fault(word: &str, found: &mut Vec<String>) {
    found.push(format!(
        "`{word}` would be logged: leave it out, or log what it is without saying whose, as by hashed()"
    ));
}

/// Adds to each fault that `look` finds the call that it stands in. (Tokens know no lines here.)
fn within(call: &str, found: &mut Vec<String>, look: impl FnOnce(&mut Vec<String>)) {
    let before = found.len();
    look(found);
    let call: String = call.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
    found[before..].iter_mut().for_each(|fault| *fault = format!("{call}: {fault}"));
}
