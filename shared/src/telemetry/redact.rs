//! The second net under logs, metrics and traces: what looks like personal data or a credential is taken out of every text.
//!
//! The first net are types that cannot be printed ([`crate::private`], `shared::secrets`) and a lint over the sources. What
//! slips through both, such as an address in somebody else's error text, is caught here by its form. Names have no form, and
//! so no net but the first.
//!
//! One pass over the bytes; a text in which nothing is found is not copied.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

/// What fields may not be called: their values are never written, whatever they are. `scripts/lint-logs` holds the sources to the
/// same list.
#[rustfmt::skip]
pub const PRIVATE: [&str; 27] = [
    "address", "api_key", "authorization", "birthday", "cookie", "credential", "display_name", "e_mail", "email",
    "first_name", "full_name", "ip", "jwt", "last_name", "name", "passwd", "password", "phone", "postcode", "secret",
    "set_cookie", "street", "surname", "telephone", "token", "user_agent", "username",
];

/// Credentials that are known by how they begin: the beginning, how many bytes follow at least, and whether a digit must be among them,
/// as in keys but not in words.
#[rustfmt::skip]
const CREDENTIALS: [(&str, usize, bool); 14] = [
    ("eyJ", 8, false),         // JSON in base64: a JWT, or its first part
    ("AKIA", 16, false),       // AWS: access keys
    ("ASIA", 16, false),       //
    ("IQoJ", 40, false),       // AWS: session tokens
    ("AIza", 30, false),       // Google: API keys
    ("ya29.", 16, false),      // Google: access tokens
    ("GOCSPX-", 16, false),    // Google: client secrets
    ("sk-", 12, true),         // OpenAI, Anthropic and others
    ("sk_", 12, true),         // Stripe
    ("rk_", 12, true),         //
    ("phx_", 16, true),        // PostHog
    ("ghp_", 16, false),       // GitHub
    ("github_pat_", 16, false),
    ("xox", 16, true),         // Slack
];

/// The longest address: 64 bytes before its `@`, that, and 255 behind it (RFC 5321 §4.5.3.1). No further is looked back from a sign,
/// so that a text of nothing but `%40`, which may all be parts of one, takes no longer than another of its length.
const LONGEST_ADDRESS: usize = 64 + 1 + 255;
/// How far into a credential is looked for what tells it from words.
const TELLING: usize = 256;

/// What stands in the place of a value that is not written.
pub(crate) const REDACTED: &str = "[redacted]";

/// Whether a field of this name holds what may not be written. Of a dotted name the last part counts.
pub(crate) fn is_private(field: &str) -> bool {
    let last = field.rsplit('.').next().unwrap_or(field);
    PRIVATE.contains(&last)
}

/// `text` without e-mail addresses, IP addresses and credentials; each is replaced by a word for what it was.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut clean = String::new();
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        match find(bytes, at, kept) {
            Some((from, to, word)) => {
                clean.push_str(&text[kept..from]);
                clean.push_str(word);
                (kept, at) = (to, to);
            }
            None => at += 1,
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[kept..]);
    Cow::Owned(clean)
}

/// What was found: from where to where, and the word for it. Both ends stand beside ASCII, or at an end of the text.
type Found = Option<(usize, usize, &'static str)>;

/// What is at `at`, not reaching back beyond `kept`.
fn find(bytes: &[u8], at: usize, kept: usize) -> Found {
    let begins = at == 0 || !is_word(bytes[at - 1]);
    match bytes[at] {
        b'@' => email(bytes, at, at + 1, kept),
        b'%' if bytes[at..].starts_with(b"%40") => email(bytes, at, at + 3, kept),
        b':' if bytes.get(at + 1) == Some(&b':') && begins => ipv6(bytes, at),
        b'0'..=b'9' if begins => ipv4(bytes, at).or_else(|| ipv6(bytes, at)),
        b'a'..=b'f' | b'A'..=b'F' if begins => {
            ipv6(bytes, at).or_else(|| credential(bytes, at)).or_else(|| after_scheme(bytes, at))
        }
        b'-' if bytes[at..].starts_with(b"-----BEGIN ") => private_key(bytes, at),
        byte if begins && byte.is_ascii_alphabetic() => credential(bytes, at),
        _ => None,
    }
}

/// The address around an `@` that stands from `at` to `after`: a domain behind it that ends in letters, and what may stand before it.
fn email(bytes: &[u8], at: usize, after: usize, kept: usize) -> Found {
    let local = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"._%+-'".contains(byte);
    let domain = |byte: &&u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-".contains(*byte);
    let mut from = at - bytes[kept..at].iter().rev().take(LONGEST_ADDRESS).take_while(|byte| local(byte)).count();
    // Not in the middle of a character.
    while bytes[from] & 0b1100_0000 == 0b1000_0000 {
        from += 1;
    }
    let mut to = after + bytes[after..].iter().take_while(domain).count();
    while to > after && b".-".contains(&bytes[to - 1]) {
        to -= 1;
    }
    let last = bytes[after..to].rsplit(|byte| *byte == b'.').next()?;
    let dotted = last.len() < to - after;
    let top = last.len() >= 2 && (last.starts_with(b"xn--") || !last.iter().any(u8::is_ascii_digit));
    (from < at && dotted && top).then_some((from, to, "[email]"))
}

/// Four numbers up to 255 with dots between them, and no fifth.
fn ipv4(bytes: &[u8], at: usize) -> Found {
    if at > 1 && bytes[at - 1] == b'.' && bytes[at - 2].is_ascii_digit() {
        return None;
    }
    // The longest has 15 bytes, and a fifth number shows in two more.
    let mut to = at + bytes[at..].iter().take(17).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    if bytes[to - 1] == b'.' {
        to -= 1;
    }
    let ends = bytes.get(to).is_none_or(|byte| !is_word(*byte));
    let address = std::str::from_utf8(&bytes[at..to]).ok()?.parse::<Ipv4Addr>();
    (ends && address.is_ok()).then_some((at, to, "[ip]"))
}

/// What parses as an IPv6 address and is no path of Rust, such as `be::cafe`: it has a digit, or three groups.
fn ipv6(bytes: &[u8], at: usize) -> Found {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b":._".contains(*byte);
    let mut to = at + bytes[at..].iter().take(48).take_while(part).count();
    if !bytes[at..to].iter().take(5).any(|byte| *byte == b':') {
        return None;
    }
    while to > at && (bytes[to - 1] == b'.' || bytes[to - 1] == b':' && !bytes[at..to].ends_with(b"::")) {
        to -= 1;
    }
    let text = std::str::from_utf8(&bytes[at..to]).ok()?;
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let plausible = groups > 2 || text.bytes().any(|byte| byte.is_ascii_digit());
    (plausible && text.parse::<Ipv6Addr>().is_ok()).then_some((at, to, "[ip]"))
}

/// A credential that is known by how it begins.
fn credential(bytes: &[u8], at: usize) -> Found {
    let rest = &bytes[at..];
    let (prefix, least, digit) = CREDENTIALS.iter().find(|(prefix, ..)| rest.starts_with(prefix.as_bytes()))?;
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(*byte);
    let tail = &rest[prefix.len()..];
    let head = &tail[..tail.iter().take(TELLING).take_while(part).count()];
    let good = head.len() >= *least && (!digit || head.iter().any(u8::is_ascii_digit));
    good.then(|| (at, at + prefix.len() + tail.iter().take_while(part).count(), "[credential]"))
}

/// What follows `Bearer` or `Basic`, where it is no word.
fn after_scheme(bytes: &[u8], at: usize) -> Found {
    let scheme = ["bearer", "basic"].into_iter().find(|scheme| {
        bytes.get(at..at + scheme.len()).is_some_and(|text| text.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let begin = at + scheme.len();
    let from = begin + bytes[begin..].iter().take_while(|byte| b" :=\"".contains(byte)).count();
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(*byte);
    let tail = &bytes[from..from + bytes[from..].iter().take_while(part).count()];
    let word = tail.len() < 24 && !tail.iter().any(u8::is_ascii_digit);
    (from > begin && tail.len() >= 8 && !word).then_some((from, from + tail.len(), "[credential]"))
}

/// A private key in PEM, to its end line, or where that is missing to the end.
fn private_key(bytes: &[u8], at: usize) -> Found {
    let line = &bytes[at..bytes.len().min(at + 48)];
    if !line.windows(11).any(|part| part == b"PRIVATE KEY") {
        return None;
    }
    const END: &[u8] = b"-----END ";
    let end = bytes[at..].windows(END.len()).position(|part| part == END).map(|end| at + end + END.len());
    let rest = end.map(|end| end + bytes[end..].iter().take_while(|byte| **byte != b'\n').count());
    Some((at, rest.unwrap_or(bytes.len()), "[private key]"))
}

/// Whether something that stands behind this byte is the rest of a word.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests;
