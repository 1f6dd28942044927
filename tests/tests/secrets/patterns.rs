//! What secrets look like: beginnings that their issuers gave them, followed by enough of the right characters.

/// A secret found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it looks like: `an Anthropic key`.
    pub(crate) kind: &'static str,
    /// The line, from 1.
    pub(crate) line: usize,
}

struct Pattern {
    kind: &'static str,
    begins: &'static str,
    /// The characters that follow, beside letters and digits.
    others: &'static str,
    /// How many of them there are at least.
    least: usize,
}

const fn pattern(kind: &'static str, begins: &'static str, others: &'static str, least: usize) -> Pattern {
    Pattern { kind, begins, others, least }
}

const PATTERNS: &[Pattern] = &[
    pattern("an AWS access key", "AKIA", "", 16),
    pattern("an AWS session's access key", "ASIA", "", 16),
    pattern("a model provider's key", "sk-", "_-", 20),
    pattern("a payment provider's key", "sk_live_", "", 16),
    pattern("a Google key", "AIza", "_-", 30),
    pattern("a GitHub token", "ghp_", "", 30),
    pattern("a GitHub token", "gho_", "", 30),
    pattern("a GitHub token", "github_pat_", "_", 30),
    pattern("a Slack token", "xoxb-", "-", 20),
    pattern("a Slack token", "xoxp-", "-", 20),
    pattern("a bearer token", "Bearer ", "._~+/=-", 20),
];

/// Every secret in `text`.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut add = |kind| found.push(Found { kind, line: number + 1 });
        for pattern in PATTERNS {
            let hit = places(line, pattern.begins).any(|(before, after)| {
                let apart = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                apart && run(after, pattern.others) >= pattern.least
            });
            if hit {
                add(pattern.kind);
            }
        }
        if places(line, "eyJ").any(|(_, after)| signed(after)) {
            add("a signed token");
        }
        if places(line, "://").any(|(_, after)| password(after)) {
            add("an address with a password");
        }
        if line.to_ascii_lowercase().contains("secret_access_key") && longest(line, "/+") >= 40 {
            add("an AWS secret key");
        }
    }
    for (before, after) in places(text, "PRIVATE KEY-----") {
        // Only with a key behind it: programs that read and write such files name the line itself.
        let body = after.trim_start_matches(['\n', '\r', ' ', '"', '\\', 'n']);
        if run(body, "+/=") >= 40 {
            found.push(Found { kind: "a private key", line: before.lines().count() });
        }
    }
    found
}

/// Every place of `what` in `text`: what stands before it and after it.
fn places<'a>(text: &'a str, what: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(what).map(move |(at, _)| (&text[..at], &text[at + what.len()..]))
}

/// How many letters, digits and `others` a text begins with.
fn run(text: &str, others: &str) -> usize {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || others.contains(*c)).count()
}

/// The longest run in a text.
fn longest(text: &str, others: &str) -> usize {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || others.contains(c)));
    parts.map(str::len).max().unwrap_or(0)
}

/// `<header>.eyJ<claims>.<signature>`, less the first three letters.
fn signed(after: &str) -> bool {
    let parts: Vec<&str> = after.splitn(3, '.').collect();
    let [header, claims, signature] = parts[..] else { return false };
    let whole = |part: &str| part.len() >= 10 && run(part, "_-") == part.len();
    whole(header) && whole(claims) && claims.starts_with("eyJ") && run(signature, "_-") >= 10
}

/// `user:password@host`, where the password is not a placeholder.
fn password(after: &str) -> bool {
    let authority = after.split(['/', ' ', '"', '\'', '`', '<', '>', ')']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else { return false };
    let Some((name, password)) = user.split_once(':') else { return false };
    let plain = |text: &str| !text.is_empty() && !text.contains(['{', '$', '*', '…']);
    plain(name) && plain(password) && plain(host)
}

#[test]
fn each_kind_of_secret_is_found() {
    let letters = |n: usize| "aB3".repeat(n);
    // Put together here, so that this file holds none.
    let secrets = [
        format!("AKI{}", "AIOSFODNN7EXAMPLE"),
        format!("sk{}ant-api03-{}", '-', letters(12)),
        format!("sk{}proj-{}", '-', letters(12)),
        format!("gh{}_{}", 'p', letters(12)),
        format!("AI{}{}", "za", letters(12)),
        format!("authorization: Bea{} {}", "rer", letters(12)),
        format!("ey{0}{1}.ey{0}{1}.{1}", 'J', letters(5)),
        format!("postgres:/{}", "/app:hunter22@db.example/store"),
        format!("aws_secret_access_{} = {}", "key", letters(14)),
        format!("-----BEGIN PRIVATE {}-----\n{}", "KEY", letters(15)),
        format!("\"-----BEGIN RSA PRIVATE {}-----\\n{}\"", "KEY", letters(15)),
    ];
    for secret in secrets {
        assert_eq!(find(&format!("one line\nvalue = {secret}")).len(), 1, "{secret}");
    }
}

#[test]
fn words_about_secrets_are_none() {
    for plain in [
        "sk-ant-…",
        "Authorization: Bearer TOKEN",
        "risk-assessment-of-many-long-words",
        "https://example.com/a:b@c",
        "postgres://${USER}:${PASSWORD}@host",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "eyJhbGciOi.x.y",
    ] {
        assert_eq!(find(plain), vec![], "{plain}");
    }
}
