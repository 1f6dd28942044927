//! Histories of senders that race, fail, die and disagree about the time.

use tests::limit::drive::{Script, Totals, run_many};

fn good(totals: &Totals) {
    let Totals { histories, sends, errors, given_up, hushed, broken } = totals;
    eprintln!(
        "{histories} histories, {sends} sendings, {errors} errors, {given_up} given up, {hushed} looks while off, {} broken promises",
        broken.len()
    );
    assert!(broken.is_empty(), "{:#?}", &broken[..broken.len().min(12)]);
}

/// How many histories a run goes through: `LIMIT_HISTORIES`, or so many.
fn histories(usual: u64) -> u64 {
    std::env::var("LIMIT_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn every_promise_holds_whatever_goes_wrong() {
    let asked = histories(1_700);
    let totals = run_many(0..asked, false, Script::of);
    good(&totals);
    assert!(asked < 1_700 || totals.sends >= 100_000, "{} sendings prove less", totals.sends);
    assert!(totals.given_up * 1_000 <= totals.sends, "more than one of a thousand was given up");
}

#[test]
fn nothing_is_told_once_the_switch_is_off_and_summer_time_moves_nothing() {
    for begins in ["2026-03-27T20:00:00Z", "2026-10-24T20:00:00Z"] {
        let totals = run_many(0..histories(1_700) / 34, false, |seed| Script {
            switched: true,
            begins,
            steps: 6,
            ..Script::of(seed)
        });
        good(&totals);
        assert!(totals.hushed > 0, "nothing was due while notices were off");
    }
}
