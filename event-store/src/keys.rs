//! How a store that knows keys and no joins spreads events over partitions, and sorts them there.

use crate::{EventId, Position, Range};
use jiff::Timestamp;
use shared::digest::Digest;

/// Over how many partitions a tenant's events are spread. Where an event lies follows from it: it never changes.
pub const SHARDS: u32 = 8;

/// The partition of an event.
pub(crate) fn shard(id: &EventId) -> u32 {
    crc32fast::hash(id.as_str().as_bytes()) % SHARDS
}

/// A time as text sorts it, alone or with the event that it is of: nanoseconds since the year -9999, of one length.
pub(crate) fn time_key(time: Timestamp, of: Option<&EventId>) -> String {
    let since = time.as_nanosecond() - Timestamp::MIN.as_nanosecond();
    match of {
        Some(id) => format!("{since:021}#{id}"),
        None => format!("{since:021}"),
    }
}

/// The time and the event that a [`time_key`] is of.
pub(crate) fn position(key: &str) -> Option<Position> {
    let (since, id) = key.split_once('#')?;
    let since = since.parse::<i128>().ok()?.checked_add(Timestamp::MIN.as_nanosecond())?;
    Some(Position { timestamp: Timestamp::from_nanosecond(since).ok()?, event_id: id.parse().ok()? })
}

/// Between which texts the keys of a range lie, both included; `None` where there can be none.
pub(crate) fn between(range: &Range) -> Option<(String, String)> {
    let last = range.to.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
    // `~` sorts behind all that an event's name is made of.
    (range.from <= last).then(|| (time_key(range.from, None), format!("{}~", time_key(last, None))))
}

/// A person as a key has them: what an app calls people may be long, and hold anything.
pub(crate) fn person(user: &str) -> String {
    Digest::of(user.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(name: &str) -> EventId {
        EventId::of(name, "default").unwrap()
    }

    proptest! {
        #[test]
        fn keys_sort_as_times_and_names_do_and_tell_both(
            a in Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond(), after in 0_i128..3, x in "[a-z.-]{1,4}", y in "[a-z.-]{1,4}",
        ) {
            let time = |nanos: i128| Timestamp::from_nanosecond(nanos.min(Timestamp::MAX.as_nanosecond())).unwrap();
            let (one, other) = (
                Position { timestamp: time(a), event_id: event(&x) },
                Position { timestamp: time(a + after), event_id: event(&y) },
            );
            let key = |at: &Position| time_key(at.timestamp, Some(&at.event_id));
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
            prop_assert_eq!(position(&key(&one)), Some(one));
        }
    }

    #[test]
    fn a_range_has_its_first_moment_and_not_its_last() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (from, to) = (time("2026-03-01T12:00:00Z"), time("2026-03-01T12:00:01Z"));
        let (first, last) = between(&Range { from, to }).unwrap();
        let within = |at: Timestamp| (&first..=&last).contains(&&time_key(at, Some(&event("zzz"))));
        let nano = jiff::SignedDuration::from_nanos(1);
        assert!(within(from) && within(to - nano) && !within(from - nano) && !within(to));
        assert_eq!((between(&Range { from: to, to: from }), between(&Range { from, to: from })), (None, None));
        for odd in ["", "#", "1", "x#a#b", "-1#a#b", "1#a", "999999999999999999999999999999999999999#a#b"] {
            assert_eq!(position(odd), None, "{odd}");
        }
    }
}
