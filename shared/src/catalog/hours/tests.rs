use super::*;
use jiff::civil::date;
use proptest::prelude::*;
use serde_json::json;

fn hours(value: serde_json::Value) -> Hours {
    serde_json::from_value(value).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open_until(text: &str) -> Status {
    Status::Open { until: Some(at(text)) }
}

fn closed_until(text: &str) -> Status {
    Status::Closed { opens_at: Some(at(text)) }
}

/// Open 08:00 to 22:00 on weekdays, 09:00 to 14:00 and 16:00 to 20:00 on Saturdays, closed on Sundays.
fn grocery() -> Hours {
    let weekday = json!([{"from": "08:00", "to": "22:00"}]);
    hours(json!({
        "weekly": {
            "monday": weekday, "tuesday": weekday, "wednesday": weekday, "thursday": weekday, "friday": weekday,
            "saturday": [{"from": "16:00", "to": "20:00"}, {"from": "09:00", "to": "14:00"}],
        },
        "exceptions": {
            "2026-12-25": {"note": "Christmas Day"},
            "2026-12-24": {"open": [{"from": "08:00", "to": "14:00"}], "note": "Christmas Eve"},
            "2026-12-27": {"open": [{"from": "10:00", "to": "16:00"}]},
        },
    }))
}

#[test]
fn the_opening_instant_is_open_and_the_closing_instant_is_closed() {
    let (hours, madrid) = (grocery(), zone("Europe/Madrid"));
    // Tuesday, 10 November 2026: winter time, one hour ahead of UTC.
    let status = |now: &str| hours.status_at(&madrid, at(now));
    assert_eq!(status("2026-11-10T06:59:59.999999Z"), closed_until("2026-11-10T07:00:00Z"));
    assert_eq!(status("2026-11-10T07:00:00Z"), open_until("2026-11-10T21:00:00Z"));
    assert_eq!(status("2026-11-10T20:59:59.999999Z"), open_until("2026-11-10T21:00:00Z"));
    assert_eq!(status("2026-11-10T21:00:00Z"), closed_until("2026-11-11T07:00:00Z"));
}

#[test]
fn a_break_at_noon_and_a_closed_sunday_are_kept() {
    let (hours, madrid) = (grocery(), zone("Europe/Madrid"));
    let status = |now: &str| hours.status_at(&madrid, at(now));
    assert_eq!(status("2026-11-14T13:30:00Z"), closed_until("2026-11-14T15:00:00Z"), "a Saturday, 14:30");
    assert_eq!(status("2026-11-15T12:00:00Z"), closed_until("2026-11-16T07:00:00Z"), "a Sunday");
}

#[test]
fn an_exception_stands_above_the_week_in_both_directions() {
    let (hours, madrid) = (grocery(), zone("Europe/Madrid"));
    let status = |now: &str| hours.status_at(&madrid, at(now));
    assert_eq!(status("2026-12-24T12:59:00Z"), open_until("2026-12-24T13:00:00Z"), "shorter on the 24th");
    assert_eq!(status("2026-12-25T10:00:00Z"), closed_until("2026-12-26T08:00:00Z"), "closed on the 25th, a Friday");
    assert_eq!(status("2026-12-27T10:00:00Z"), open_until("2026-12-27T15:00:00Z"), "open on a Sunday");
    let christmas = hours.on(date(2026, 12, 25));
    assert_eq!((christmas.spans, christmas.exceptional, christmas.note), (&[][..], true, Some("Christmas Day")));
}

#[test]
fn a_day_on_which_the_clocks_move_is_an_hour_shorter_or_longer() {
    let all_day = hours(json!({"weekly": {"sunday": [{"from": "00:00", "to": "24:00"}]}}));
    for (place, spring, autumn) in [
        ("America/New_York", date(2026, 3, 8), date(2026, 11, 1)),
        ("Europe/Madrid", date(2026, 3, 29), date(2026, 10, 25)),
    ] {
        let length = |day| {
            let day = all_day.intervals_on(&zone(place), day);
            day[0].to.duration_since(day[0].from).as_hours()
        };
        assert_eq!((length(spring), length(autumn)), (23, 25), "{place}");
    }
}

#[test]
fn the_clocks_of_the_store_decide_before_and_after_summer_time() {
    let (hours, new_york) = (grocery(), zone("America/New_York"));
    let opens = |day| hours.intervals_on(&new_york, day)[0].from;
    assert_eq!(opens(date(2026, 3, 6)), at("2026-03-06T13:00:00Z"), "the Friday before");
    assert_eq!(opens(date(2026, 3, 9)), at("2026-03-09T12:00:00Z"), "the Monday after");
    assert_eq!(opens(date(2026, 10, 30)), at("2026-10-30T12:00:00Z"));
    assert_eq!(opens(date(2026, 11, 2)), at("2026-11-02T13:00:00Z"));
}

#[test]
fn a_night_in_which_the_clocks_move_closes_by_the_clock() {
    // A bar, open from 20:00 to 03:00 every night.
    let bar =
        Hours::new(Week::every_day(&[Span::new(time("20:00"), time("03:00")).unwrap()]), BTreeMap::new()).unwrap();
    let madrid = zone("Europe/Madrid");
    let hours_open = |day| {
        let night = bar.intervals_on(&madrid, day)[0];
        night.to.duration_since(night.from).as_hours()
    };
    assert_eq!(hours_open(date(2026, 3, 27)), 7);
    assert_eq!(hours_open(date(2026, 3, 28)), 6, "the clocks skip from 02:00 to 03:00");
    assert_eq!(hours_open(date(2026, 10, 24)), 8, "the clocks show 02:00 to 03:00 twice");
    let status = |now: &str| bar.status_at(&madrid, at(now));
    assert_eq!(status("2026-10-25T01:59:59Z"), open_until("2026-10-25T02:00:00Z"), "02:59 for the second time");
    assert_eq!(status("2026-10-25T02:00:00Z"), closed_until("2026-10-25T19:00:00Z"));
}

#[test]
fn a_closing_time_that_the_clocks_skip_or_repeat_is_one_instant() {
    let late =
        Hours::new(Week::every_day(&[Span::new(time("20:00"), time("02:30")).unwrap()]), BTreeMap::new()).unwrap();
    let closes = |day| late.intervals_on(&zone("Europe/Madrid"), day)[0].to;
    assert_eq!(closes(date(2026, 3, 28)), at("2026-03-29T01:30:00Z"), "03:30 in summer time");
    assert_eq!(closes(date(2026, 10, 24)), at("2026-10-25T00:30:00Z"), "the first 02:30");
}

#[test]
fn an_interval_past_midnight_belongs_to_the_day_it_begins_on() {
    let bar = hours(json!({
        "weekly": {"friday": [{"from": "20:00", "to": "02:00"}], "saturday": [{"from": "20:00", "to": "02:00"}]},
        "exceptions": {"2026-11-14": {"note": "Inventory"}},
    }));
    let utc = zone("UTC");
    let status = |now: &str| bar.status_at(&utc, at(now));
    assert_eq!(
        status("2026-11-14T01:59:59Z"),
        open_until("2026-11-14T02:00:00Z"),
        "Friday's night, on a closed Saturday"
    );
    assert_eq!(status("2026-11-14T21:00:00Z"), closed_until("2026-11-20T20:00:00Z"), "no Saturday night that week");
    assert_eq!(status("2026-11-22T01:00:00Z"), open_until("2026-11-22T02:00:00Z"));
}

#[test]
fn intervals_that_touch_are_one() {
    let always = Hours::new(Week::every_day(&[Span::ALL_DAY]), BTreeMap::new()).unwrap();
    let new_york = zone("America/New_York");
    assert_eq!(always.status_at(&new_york, at("2026-03-08T07:00:00Z")), Status::Open { until: None });
    let closed_at_christmas = hours(json!({
        "weekly": always.weekly(),
        "exceptions": {"2026-12-24": {"open": [{"from": "00:00", "to": "18:00"}]}, "2026-12-25": {}},
    }));
    let status = |now: &str| closed_at_christmas.status_at(&new_york, at(now));
    assert_eq!(status("2026-12-23T12:00:00Z"), open_until("2026-12-24T23:00:00Z"));
    assert_eq!(status("2026-12-24T23:00:00Z"), closed_until("2026-12-26T05:00:00Z"));
}

#[test]
fn a_store_that_never_opens_says_so_and_one_that_opens_next_season_says_when() {
    let never = Hours::default();
    assert_eq!(never.status_at(&zone("UTC"), at("2026-11-10T12:00:00Z")), Status::Closed { opens_at: None });
    let once = hours(json!({"exceptions": {"2027-06-01": {"open": [{"from": "10:00", "to": "11:00"}]}}}));
    assert_eq!(once.status_at(&zone("UTC"), at("2026-11-10T12:00:00Z")), closed_until("2027-06-01T10:00:00Z"));
}

#[test]
fn hours_that_cannot_hold_are_refused_with_the_day_and_the_reason() {
    let refusal = |value: serde_json::Value| serde_json::from_value::<Hours>(value).unwrap_err().to_string();
    let span = |from: &str, to: &str| json!({"from": from, "to": to});
    for (value, says) in [
        (
            json!({"weekly": {"monday": [span("08:00", "12:00"), span("11:59", "13:00")]}}),
            "monday: the interval from 11:59",
        ),
        (json!({"weekly": {"sunday": [span("20:00", "02:00")], "monday": [span("01:00", "03:00")]}}), "monday: "),
        (json!({"weekly": {"monday": [span("08:00", "08:00")]}}), "a full day is 00:00 to 24:00"),
        (json!({"weekly": {"monday": [span("24:00", "08:00")]}}), "a full day is 00:00 to 24:00"),
        (json!({"weekly": {"monday": [span("8:00", "09:00")]}}), "HH:MM"),
        (json!({"weekly": {"monday": [span("08:60", "09:00")]}}), "HH:MM"),
        (json!({"weekly": {"monday": [span("08:00", "24:01")]}}), "HH:MM"),
        (json!({"weekly": {"funday": []}}), "unknown field `funday`"),
        (json!({"weekly": {"monday": [{"from": "08:00", "till": "09:00"}]}}), "unknown field `till`"),
        (json!({"exceptions": {"2026-02-30": {}}}), "day"),
        (json!({"exceptions": {"2026-12-25": {"note": ""}}}), "2026-12-25: a note"),
        (json!({"exceptions": {"2026-12-25": {"note": "a\u{7}"}}}), "2026-12-25: a note"),
        (
            json!({"exceptions": {"2026-12-25": {"open": [span("09:00", "11:00"), span("10:00", "12:00")]}}}),
            "2026-12-25: ",
        ),
        (
            json!({"weekly": {"monday": (0..9).map(|h| span(&format!("0{h}:00"), &format!("0{h}:30"))).collect::<Vec<_>>()}}),
            "at most 8",
        ),
    ] {
        let shown = value.to_string();
        assert!(refusal(value).contains(says), "{shown}");
    }
    let touching = json!({"weekly": {"sunday": [span("20:00", "02:00")], "monday": [span("02:00", "03:00")]}});
    assert!(serde_json::from_value::<Hours>(touching).is_ok());
}

fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

/// Up to three intervals that do not overlap, none past midnight.
fn some_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::btree_set(0_u16..=1440, 0..=6).prop_map(|minutes| {
        let times: Vec<_> = minutes.into_iter().filter_map(TimeOfDay::from_minutes).collect();
        times.chunks_exact(2).filter_map(|pair| Span::new(pair[0], pair[1]).ok()).collect()
    })
}

proptest! {
    #[test]
    fn every_time_of_day_round_trips(minutes in 0_u16..=1440) {
        let time = TimeOfDay::from_minutes(minutes).unwrap();
        prop_assert_eq!(time.to_string().parse::<TimeOfDay>().unwrap(), time);
    }

    #[test]
    fn the_status_agrees_with_the_intervals_and_holds_until_it_says(
        days in prop::collection::vec(some_spans(), 7),
        closed in prop::collection::btree_set(0_i64..20, 0..4),
        // Around both changes of the clocks in New York in 2026.
        now in prop_oneof![1_772_000_000_i64..1_774_000_000, 1_792_000_000_i64..1_794_000_000],
    ) {
        let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = <[_; 7]>::try_from(days).unwrap();
        let week = Week { monday, tuesday, wednesday, thursday, friday, saturday, sunday };
        let (place, now) = (zone("America/New_York"), Timestamp::from_second(now).unwrap());
        let today = place.to_datetime(now).date();
        let ahead = |days: i64| today.checked_add(days.days()).unwrap();
        let hours = Hours::new(week, closed.into_iter().map(|d| (ahead(d), Exception::default())).collect()).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Hours>(serde_json::to_value(&hours).unwrap()).unwrap(), &hours);

        let intervals: Vec<_> = (-1..30).flat_map(|d| hours.intervals_on(&place, ahead(d))).collect();
        let open = |at: Timestamp| intervals.iter().any(|i| i.from <= at && at < i.to);
        match hours.status_at(&place, now) {
            Status::Open { until } => {
                prop_assert!(open(now));
                let until = until.unwrap();
                prop_assert!(!open(until));
                prop_assert!(intervals.iter().all(|i| i.to <= now || i.to >= until || open(i.to)));
            }
            Status::Closed { opens_at } => {
                prop_assert!(!open(now));
                prop_assert_eq!(opens_at, intervals.iter().map(|i| i.from).filter(|from| *from > now).min());
            }
        }
    }
}
