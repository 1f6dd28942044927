//! Acting in an emergency: who uses `admin:breakglass` says why, in the header [`REASON`].

use super::denial::Trail;
use crate::{
    problem::Problem,
    telemetry::{Metric, Outcome, metrics},
};
use http::{HeaderMap, HeaderName};

/// The header that holds the reason.
pub const REASON: HeaderName = HeaderName::from_static("x-breakglass-reason");

/// How long a reason is, in characters, spaces around it not counted.
const CHARS: std::ops::RangeInclusive<usize> = 10..=500;

/// Why an emergency's right is used: 10 to 500 characters, none of them a control. It may name people, so that it is shown in
/// no log; it is written into the tenant's table with the act.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The reason in the one header of its name, UTF-8.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(REASON).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let text = std::str::from_utf8(line.as_bytes()).ok()?.trim();
        let good = CHARS.contains(&text.chars().count()) && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned()))
    }

    /// The reason as it was given.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in characters.
    pub(super) fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl std::fmt::Debug for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Tells the security log, and by the metric `admin_breakglass_total` the alarm, that an emergency's right is used. The act
/// itself is written down by the function that does it, from [`super::Grant`], in one transaction with it: by whom, on whom, what
/// and why. That row is made once and not tamper-evident; a log that is, such as a chain of digests, is not there yet.
pub(super) fn used(trail: &Trail, reason: &Reason) {
    trail.broke_glass(reason.chars());
    metrics::emit(None, Outcome::Ok, &[Metric::one("admin_breakglass_total")]);
}

/// The refusal of an emergency's act without a reason.
pub(super) fn unexplained() -> Problem {
    Problem::bad_request("admin.breakglass_reason_required").detail(
        "This is an emergency's act. Send x-breakglass-reason once, with 10 to 500 printable characters that say why.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_ten_to_five_hundred_printable_characters_in_one_header() {
        let of = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(REASON, http::HeaderValue::from_bytes(line).unwrap());
            }
            Reason::of(&headers).map(|reason| reason.expose().to_owned())
        };
        assert_eq!(of(&[b"  till fire  "]), None, "nine");
        assert_eq!(of(&[b"  till fires  "]).as_deref(), Some("till fires"));
        assert_eq!(of(&["é".repeat(10).as_bytes()]), Some("é".repeat(10)));
        assert!(of(&["a".repeat(500).as_bytes()]).is_some());
        let bad: [&[&[u8]]; 5] = [&[], &[b""], &[b"         x         "], &[b"till\tfires now"], &[&[0xff; 10]]];
        for bad in bad {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        assert_eq!(of(&["a".repeat(501).as_bytes()]), None);
        assert_eq!(of(&[b"the till is on fire", b"the till is on fire"]), None, "which of the two?");
    }

    #[test]
    fn a_reason_shows_itself_in_no_log() {
        let reason = Reason("ada@example.com asked".to_owned());
        assert!(!format!("{reason:?}").contains("ada"));
    }
}
