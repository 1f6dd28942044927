use super::*;
use End::{Failed, Refused, Succeeded, Unknown};
use proptest::prelude::*;

fn new() -> (Breaker, Clock) {
    let clock = Clock::frozen("2026-03-01T09:00:00Z".parse().unwrap());
    (Breaker::new("model", &clock), clock)
}

fn end(pass: Pass, end: End) {
    match end {
        Succeeded => pass.succeeded(),
        Refused => pass.refused(),
        Failed => pass.failed(),
        Unknown => pass.learnt_nothing(),
    }
}

/// Calls once for each of `ends`, and says how many calls went out.
fn call(breaker: &Breaker, ends: impl IntoIterator<Item = End>) -> usize {
    ends.into_iter().filter_map(|this| breaker.admit().ok().map(|pass| end(pass, this))).count()
}

fn is_closed(breaker: &Breaker) -> bool {
    breaker.circuit().state == State::Closed
}

#[test]
fn five_failures_in_a_row_keep_the_sixth_call_back() {
    let (breaker, _clock) = new();
    assert_eq!(call(&breaker, [Failed; 6]), 5);
    let open = breaker.admit().unwrap_err();
    assert_eq!((open.dependency, open.retry_after), ("model", Duration::from_secs(15)));
}

#[test]
fn a_success_ends_the_row_and_a_refusal_does_not() {
    let (breaker, _clock) = new();
    call(&breaker, [Failed, Failed, Failed, Failed, Succeeded, Failed, Failed, Failed, Failed]);
    assert!(is_closed(&breaker));
    call(&breaker, [Refused, Refused, Failed]);
    assert!(!is_closed(&breaker));
}

#[test]
fn a_call_that_had_no_time_says_nothing_in_any_state() {
    let (breaker, clock) = new();
    assert_eq!(call(&breaker, [Unknown; 200]), 200);
    call(&breaker, [Failed, Failed, Unknown, Failed, Failed, Unknown]);
    assert!(is_closed(&breaker));
    call(&breaker, [Failed]);
    clock.advance(REST);
    assert_eq!(call(&breaker, [Unknown, Unknown]), 2, "the next one may find out");
    assert!(!is_closed(&breaker));
    assert_eq!(call(&breaker, [Failed, Failed]), 1);
}

#[test]
fn refusals_alone_never_open_it() {
    let (breaker, _clock) = new();
    assert_eq!(call(&breaker, [Refused; 200]), 200);
}

/// Eleven failures among twenty calls, never five in a row, and half of them among the first ten.
const ELEVEN_OF_TWENTY: [End; 20] = [
    Failed, Failed, Succeeded, Failed, Succeeded, Failed, Succeeded, Failed, Succeeded, Failed, Succeeded, Failed,
    Succeeded, Failed, Succeeded, Failed, Succeeded, Failed, Succeeded, Failed,
];

#[test]
fn more_than_half_of_twenty_calls_opens_it_and_half_does_not() {
    let (breaker, _clock) = new();
    call(&breaker, ELEVEN_OF_TWENTY.into_iter().take(19));
    assert!(is_closed(&breaker), "nineteen calls are not twenty");
    call(&breaker, [Failed]);
    assert!(!is_closed(&breaker));
    let (breaker, _clock) = new();
    call(&breaker, [Failed, Succeeded].into_iter().cycle().take(100));
    assert!(is_closed(&breaker), "half is not more than half");
}

#[test]
fn twenty_calls_count_only_within_thirty_seconds() {
    for (pause_ms, closed) in [(1_578, false), (1_580, true)] {
        let (breaker, clock) = new();
        for this in ELEVEN_OF_TWENTY {
            call(&breaker, [this]);
            clock.advance(SignedDuration::from_millis(pause_ms));
        }
        assert_eq!(is_closed(&breaker), closed, "{pause_ms} ms between the calls");
    }
}

#[test]
fn after_its_rest_one_call_goes_out_and_decides() {
    for (this, closed) in [(Succeeded, true), (Refused, true), (Failed, false)] {
        let (breaker, clock) = new();
        call(&breaker, [Failed; 5]);
        clock.advance(SignedDuration::from_millis(14_999));
        assert!(breaker.admit().is_err());
        clock.advance(SignedDuration::from_millis(1));
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "one is enough");
        end(probe, this);
        assert_eq!(is_closed(&breaker), closed, "{this:?}");
        if !closed {
            assert_eq!(breaker.admit().unwrap_err().retry_after, Duration::from_secs(15));
        }
    }
}

#[test]
fn what_was_counted_before_it_opened_is_forgotten_when_it_closes() {
    let (breaker, clock) = new();
    call(&breaker, [Failed; 5]);
    clock.advance(REST);
    assert_eq!(call(&breaker, [Succeeded, Failed, Failed, Failed, Failed]), 5);
    assert!(is_closed(&breaker));
}

#[test]
fn calls_from_before_it_opened_say_nothing_afterwards() {
    let (breaker, clock) = new();
    let late: Vec<Pass> = (0..8).map(|_| breaker.admit().unwrap()).collect();
    call(&breaker, [Failed; 5]);
    let mut late = late.into_iter();
    late.next().unwrap().succeeded();
    assert!(breaker.admit().is_err(), "a late success does not close it");
    clock.advance(REST);
    let probe = breaker.admit().unwrap();
    late.next().unwrap().failed();
    probe.succeeded();
    late.for_each(Pass::failed);
    assert!(is_closed(&breaker), "late failures do not open it");
}

#[tokio::test]
async fn a_call_given_up_by_a_timeout_has_failed() {
    let (breaker, _clock) = new();
    for _ in 0..5 {
        let call = async {
            let pass = breaker.admit().unwrap();
            std::future::pending::<()>().await;
            pass.succeeded();
        };
        assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    }
    assert!(breaker.admit().is_err());
}

#[test]
fn a_clock_that_was_set_back_ends_a_rest() {
    let (breaker, clock) = new();
    call(&breaker, [Failed; 5]);
    clock.advance(SignedDuration::from_hours(-1));
    assert_eq!(call(&breaker, [Succeeded]), 1);
    assert!(is_closed(&breaker));
}

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// Ends one of the calls that are under way.
    End(usize, End),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![1 => Just(Succeeded), 1 => Just(Refused), 3 => Just(Failed)];
    prop_oneof![
        4 => Just(Step::Begin),
        4 => (any::<usize>(), end).prop_map(|(which, end)| Step::End(which, end)),
        1 => (0_i64..20_000).prop_map(Step::Wait),
    ]
}

/// The rules told another way: everything that counted since the last change, looked through anew each time.
#[derive(Default)]
struct Told {
    counted: Vec<(i64, bool)>,
    opened: Option<i64>,
    probe: Option<usize>,
}

impl Told {
    fn may_begin(&self, now: i64) -> bool {
        self.probe.is_none() && self.opened.is_none_or(|at| now - at >= 15_000)
    }

    fn ended(&mut self, now: i64, end: End) {
        if end == Refused {
            return;
        }
        self.counted.push((now, end == Failed));
        let row = self.counted.iter().rev().take_while(|(_, failed)| *failed).count();
        let last: Vec<_> = self.counted.iter().rev().take(20).collect();
        let recent = last.len() == 20 && last.iter().all(|(at, _)| now - at <= 30_000);
        if row >= 5 || (recent && last.iter().filter(|(_, failed)| *failed).count() > 10) {
            *self = Self { opened: Some(now), ..Self::default() };
        }
    }
}

proptest! {
    #[test]
    fn any_history_of_calls_ends_as_the_rules_say(steps in prop::collection::vec(step(), 1..200)) {
        let (breaker, clock) = new();
        let (mut told, mut now, mut names, mut change) = (Told::default(), 0_i64, 0, 0);
        let mut under_way: Vec<(usize, i32, Pass)> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(ms) => {
                    now += ms;
                    clock.advance(SignedDuration::from_millis(ms));
                }
                Step::Begin => {
                    let admitted = breaker.admit();
                    prop_assert_eq!(admitted.is_ok(), told.may_begin(now));
                    let Ok(pass) = admitted else { continue };
                    names += 1;
                    if told.opened.is_some() {
                        (told.probe, change) = (Some(names), change + 1);
                    }
                    under_way.push((names, change, pass));
                }
                Step::End(which, this) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (name, began, pass) = under_way.remove(which % under_way.len());
                    end(pass, this);
                    if told.probe == Some(name) {
                        let opened = (this == Failed).then_some(now);
                        (told, change) = (Told { opened, ..Told::default() }, change + 1);
                    } else if began == change && told.opened.is_none() {
                        told.ended(now, this);
                    }
                }
            }
        }
    }
}
