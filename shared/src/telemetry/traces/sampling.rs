//! Which traces are kept of those that hold no error.

/// Whether the trace is within `ratio`, from 0 to 1: alike for all who see the trace, whoever they are.
///
/// The last 63 bits of the trace id, as a fraction, lie below the ratio. Source: OpenTelemetry's `TraceIdRatioBased`, as its Go
/// and Rust SDKs carry it out. An id that is not 32 hex digits is within no ratio but 1.
pub(crate) fn is_within(trace_id: &str, ratio: f64) -> bool {
    let low = trace_id.get(16..).and_then(|low| u64::from_str_radix(low, 16).ok()).unwrap_or(u64::MAX);
    ratio >= 1.0 || ((low >> 1) as f64) < ratio * (1_u64 << 63) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_half_of_the_id_decides() {
        let id = |low: u64| format!("ffffffffffffffff{low:016x}");
        assert!(is_within(&id(0), 0.1) && !is_within(&id(0), 0.0));
        assert!(!is_within(&id(u64::MAX), 0.999) && is_within(&id(u64::MAX), 1.0));
        let tenth = (0.1 * (1_u64 << 63) as f64) as u64;
        assert!(is_within(&id((tenth - 10_000) << 1), 0.1) && !is_within(&id((tenth + 10_000) << 1), 0.1));
        assert!(!is_within("short", 0.5));
    }

    #[test]
    fn a_ratio_is_met_by_random_ids() {
        let kept = (0..20_000).filter(|_| is_within(&crate::web::request::random_hex::<16>(), 0.1)).count();
        assert!((1_700..2_300).contains(&kept), "{kept} of 20,000");
    }
}
