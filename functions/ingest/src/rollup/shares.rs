//! How the time of a run is shared among those for whom it works.

use std::{collections::VecDeque, mem, time::Duration};

/// The shares of a run: each of those who wait has a turn for an equal part of the time that is left, and then those who have more, as long as
/// some is left.
pub(super) struct Shares<T> {
    waiting: VecDeque<T>,
    unfinished: VecDeque<T>,
    /// Whether all had a turn.
    all_had_one: bool,
}

impl<T> Shares<T> {
    pub(super) fn of(waiting: Vec<T>) -> Self {
        Self { waiting: waiting.into(), unfinished: VecDeque::new(), all_had_one: false }
    }

    /// Whose turn it is, and for how long.
    pub(super) fn next(&mut self, left: Duration) -> Option<(T, Duration)> {
        if self.waiting.is_empty() {
            (self.all_had_one, self.waiting) = (true, mem::take(&mut self.unfinished));
        }
        let share = left / u32::try_from(self.waiting.len()).unwrap_or(u32::MAX).max(1);
        if left == Duration::ZERO { None } else { self.waiting.pop_front().map(|one| (one, share)) }
    }

    /// Who has had a turn has more.
    pub(super) fn again(&mut self, one: T) {
        self.unfinished.push_back(one);
    }

    /// Those who have more, and how many had no turn at all.
    pub(super) fn left(self) -> (impl Iterator<Item = T>, u64) {
        let (rest, postponed) =
            if self.all_had_one { (self.waiting, 0) } else { (VecDeque::new(), self.waiting.len() as u64) };
        (self.unfinished.into_iter().chain(rest), postponed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Duration = Duration::from_secs(240);

    /// Lets each take its time of a run, in seconds; who has more after it and how much, and how many had no turn.
    fn shared(needs: &[(&'static str, u64)]) -> (Vec<(&'static str, u64)>, u64) {
        let (mut left, mut shares) = (RUN, Shares::of(needs.to_vec()));
        while let Some(((who, needs), share)) = shares.next(left) {
            let worked = share.min(Duration::from_secs(needs)).max(Duration::from_millis(1));
            left = left.saturating_sub(worked);
            if needs > worked.as_secs() {
                shares.again((who, needs - worked.as_secs()));
            }
        }
        let (unfinished, postponed) = shares.left();
        (unfinished.collect(), postponed)
    }

    #[test]
    fn each_tenant_has_its_turn_and_what_they_leave_goes_to_those_with_more() {
        let (left, postponed) = shared(&[("large", 1_000), ("a", 1), ("b", 1), ("c", 100)]);
        assert_eq!((left.len(), postponed), (1, 0), "all but one are done: {left:?}");
        assert!(left[0].0 == "large" && (860..870).contains(&left[0].1), "it had all that was left: {left:?}");
        let (left, postponed) = shared(&[("large", 1_000), ("larger", 2_000), ("a", 1)]);
        let had: Vec<u64> = left.iter().zip([1_000, 2_000]).map(|((_, left), needs)| needs - left).collect();
        assert!(had.iter().all(|had| (117..=122).contains(had)) && postponed == 0, "{left:?}");
    }

    #[test]
    fn who_has_no_turn_for_others_that_overrun_theirs_is_counted() {
        let (mut left, mut shares) = (RUN, Shares::of(vec![1, 2, 3]));
        while let Some((one, share)) = shares.next(left) {
            left = left.saturating_sub(share * 2);
            shares.again(one);
        }
        let (unfinished, postponed) = shares.left();
        assert_eq!((unfinished.collect::<Vec<_>>(), postponed), (vec![1, 2], 1));
    }
}
