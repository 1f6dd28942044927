//! What is told once, and until when it is known.

use super::*;

/// Puts down that `name` was told of, to be forgotten at `expires_at`.
async fn known(site: &Site, names: impl IntoIterator<Item = String>, expires_at: i64) {
    let once = |name: String| {
        let origin = Origin::of(Some(&name), None).as_str().to_owned();
        let key = once_key(&person("ada"), CATEGORY, &origin);
        let once = Once { origin, told_in: Some("ntf_old".to_owned()), waited: false, expires_at: Some(expires_at) };
        Write::Put(site.rows.item(&key, &once).unwrap())
    };
    acting(site.rows.write_all(names.into_iter().map(once).collect())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_telling_reads_and_writes_does_not_grow_with_what_was_told() {
    let mut calls = Vec::new();
    for marks in [0, 1_000] {
        let site = Site::start().await;
        let later = site.clock.now().as_second() + 86_400;
        known(&site, (0..marks).map(|n| format!("old-{n}")), later).await;
        site.store.calls();
        let told = site.told("a").await;
        let at_once = site.store.calls();
        assert!(matches!(site.tell("b").await, Told::PutOff { waiting: 1, .. }));
        let put_off = site.store.calls();
        assert_eq!(site.tell("a").await, Told::Before(told.id));
        let again = site.store.calls();
        site.hours(12);
        assert!(matches!(site.flush().await, Flushed::Told { count: 1, .. }));
        calls.push([at_once, put_off, again, site.store.calls()]);
    }
    assert_eq!(calls[0], calls[1]);
    let some = |calls: &[(&str, usize)]| calls.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
    let writes = some(&[("getitem", 1), ("query", 1), ("transactwriteitems", 1), ("updateitem", 1)]);
    assert_eq!(calls[1][..2], [writes.clone(), writes]);
    assert_eq!(calls[1][2], some(&[("getitem", 1), ("query", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_name_is_looked_for_by_nobody_and_leaves_no_mark() {
    let site = Site::start().await;
    let nameless = || Telling { origin: Origin::of(None, None), ..site.telling("a") };
    for hours in [0, 0, 12] {
        site.hours(hours);
        site.store.calls();
        acting(site.notices.tell(&tenant(), &nameless())).await.unwrap();
        assert!(site.store.calls().iter().all(|(name, _)| name != "getitem"));
    }
    let left: Vec<Map<String, serde_json::Value>> =
        acting(site.rows.all(&limit_of(&person("ada"), CATEGORY), "")).await.unwrap();
    assert_eq!(left.len(), 1, "the last notice alone: {left:?}");
    assert_eq!(site.notices().await.iter().map(|notice| notice.count).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_as_if_it_were_deleted() {
    // A second before its time it is known; from it on, it is not, whether the table has deleted it or not.
    for (left, known_still) in [(Some(1), true), (Some(0), false), (Some(-3_600), false), (None, false)] {
        let site = Site::start().await;
        if let Some(left) = left {
            known(&site, ["a".to_owned(), "b".to_owned()], site.clock.now().as_second() + left).await;
        }
        if known_still {
            assert_eq!(site.tell("a").await, Told::Before("ntf_old".to_owned()));
            site.told("c").await;
            assert_eq!(site.tell("b").await, Told::Before("ntf_old".to_owned()));
            continue;
        }
        let told = site.told("a").await;
        assert_eq!(site.tell("a").await, Told::Before(told.id), "{left:?}");
        assert!(matches!(site.tell("b").await, Told::PutOff { waiting: 1, .. }), "{left:?}");
        assert!(matches!(site.tell("b").await, Told::PutOff { waiting: 1, .. }), "{left:?}");
        site.hours(12);
        let Flushed::Told { notice, count: 1 } = site.flush().await else { panic!("{left:?}: nothing was told") };
        assert_eq!(site.tell("b").await, Told::Before(notice));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_known_for_thirty_days_and_told_again_after_them() {
    let site = Site::start().await;
    let first = site.told("a").await;
    site.hours(12);
    site.told("b").await;
    site.hours(30 * 24 - 13);
    assert_eq!(site.tell("a").await, Told::Before(first.id));
    site.hours(1);
    site.told("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_that_is_told_and_the_same_that_is_put_off_one_can_write() {
    for told_first in [true, false] {
        let site = Site::start().await;
        site.told("first").await;
        let late = site.plan("a").await;
        assert!(matches!(late.told, Told::PutOff { .. }));
        site.hours(12);
        let early = site.plan("a").await;
        assert!(matches!(early.told, Told::Now(_)));
        let (one, other) = if told_first { (early, late) } else { (late, early) };
        assert!(site.write(one.parts).await);
        assert!(!site.write(other.parts).await, "told first: {told_first}");
        site.hours(12);
        site.flush().await;
        let told: Vec<_> = site.notices().await.into_iter().flat_map(|notice| notice.decisions).collect();
        assert_eq!(told.iter().filter(|decision| decision.decision_ref.as_deref() == Some("a")).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_meanwhile_is_not_folded() {
    let site = Site::start().await;
    let rows: Vec<PutOff> = (0..3).map(|n| site.put_off(&format!("d{n}"), [])).collect();
    site.wait(&rows).await;
    assert!(matches!(site.flush().await, Flushed::Told { count: 3, .. }));
    let now = site.clock.now();
    assert!(acting(fold(&site.rows, &rows.iter().collect::<Vec<_>>(), now)).await.unwrap(), "it was tried");
    assert_eq!(site.waiting().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_folded_is_found_by_its_own_name_while_it_waits_and_when_it_was_told() {
    let site = Site::start().await;
    let rows: Vec<PutOff> = (0..90).map(|n| site.put_off(&format!("d{n}"), [])).collect();
    site.wait(&rows).await;
    let now = site.clock.now();
    for _ in 0..2 {
        let limit = acting(Limit::read(&site.rows, &person("ada"), CATEGORY)).await.unwrap();
        assert!(acting(fold(&site.rows, &limit.waiting(), now)).await.unwrap());
    }
    // Folded or not: each waits, and is told of with all.
    acting(
        site.rows
            .put(
                site.rows
                    .item(
                        &Key::new(limit_of(&person("ada"), CATEGORY), LAST),
                        &limit::Last::at(now, "ntf_last", "last"),
                    )
                    .unwrap(),
            )
            .send(),
    )
    .await
    .unwrap();
    for n in [0, 44, 89] {
        assert!(matches!(site.tell(&format!("d{n}")).await, Told::PutOff { .. }), "d{n}");
    }
    assert_eq!(site.waiting().await.iter().map(|row| row.count).sum::<u64>(), 90);
    // However long that is: notices may be switched off for months.
    site.hours(24 * 100);
    assert!(
        matches!(site.plan("d0").await.told, Told::Now(notice) if notice.count == 90),
        "it is told with all and not twice"
    );
    let Flushed::Told { notice, count: 90 } = site.flush().await else { panic!("not all was told") };
    site.hours(24 * 29);
    for n in 0..90 {
        assert_eq!(site.tell(&format!("d{n}")).await, Told::Before(notice.clone()), "d{n}");
    }
}
