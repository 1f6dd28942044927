//! Each way to get the limit wrong is found, and by the promise that it breaks.

use std::time::{Duration, Instant};
use tests::limit::{
    checker::Rule,
    drive::{Script, run_many},
    mistake::Mistake,
};

/// Goes through histories of senders who make `mistake` until one breaks a promise, which is to be one of `rules`.
fn is_found(mistake: Mistake, rules: &[Rule]) {
    let start = Instant::now();
    let mut found = vec![];
    for seeds in (0..400).step_by(4) {
        let script = |seed| Script { mistake: Some(mistake), ..Script::of(seed) };
        found = run_many(seeds..seeds + 4, true, script).broken;
        if found.iter().any(|(_, broken)| rules.contains(&broken.rule)) {
            break;
        }
    }
    assert!(found.iter().any(|(_, broken)| rules.contains(&broken.rule)), "{mistake:?} is not found: {found:?}");
    assert!(start.elapsed() < Duration::from_secs(60), "{mistake:?} is found after {:?}", start.elapsed());
}

macro_rules! mistakes {
    ($($name:ident: $mistake:ident breaks $($rule:ident)or+;)*) => {
        $(#[test]
        fn $name() {
            is_found(Mistake::$mistake, &[$(Rule::$rule),+]);
        })*

        #[test]
        fn every_mistake_is_tried() {
            assert_eq!([$(Mistake::$mistake),*], Mistake::ALL);
        }
    };
}

mistakes! {
    checking_first_and_writing_later_is_found: CheckThenPut breaks Apart;
    windows_by_the_clock_on_the_wall_are_found: FixedWindow breaks Apart;
    a_guard_outside_of_the_transaction_is_found: GuardOutside breaks Kept or Once or Audited;
    an_expiry_that_decides_is_found: ExpiryDecides breaks Excused or Live;
    a_wrong_unit_is_found: Units breaks Apart;
    a_limit_that_each_sender_remembers_is_found: Cache breaks Apart;
    a_blind_retry_is_found: BlindRetry breaks Once;
    a_read_that_is_behind_is_found: StaleRead breaks Apart;
    less_where_at_most_is_meant_is_found: Strict breaks Live or Excused;
    a_guard_without_its_tenant_is_found: NoTenant breaks Alone;
    telling_what_was_put_off_meanwhile_is_found: ToldUnasked breaks Once;
    putting_off_what_was_told_meanwhile_is_found: PutOffUnasked breaks Once;
}
