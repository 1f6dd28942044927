//! Very much that waits, and very many who took part in it.

use super::*;

/// Tells of what waits as often as it takes, twelve hours apart: the notices.
async fn all_told(site: &Site) -> Vec<NoticeRow> {
    for _ in 0..40 {
        site.hours(12);
        match site.flush().await {
            Flushed::Told { .. } => {}
            Flushed::Nothing => return site.notices().await,
            other => panic!("{other:?}"),
        }
    }
    panic!("something waits for ever: {}", site.waiting().await.len());
}

fn named(notices: &[NoticeRow]) -> BTreeSet<PersonId> {
    notices.iter().flat_map(|notice| notice.involved.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_all_that_it_can_hold_fits_a_transaction_with_what_callers_join_to_it() {
    let site = Site::start().await;
    let rows: Vec<PutOff> = (0..TAKEN_UP).map(|n| site.put_off(&format!("d{n}"), [])).collect();
    site.wait(&rows).await;
    let Plan { mut parts, told: Told::Now(notice) } = site.plan("now").await else { panic!("it is put off") };
    assert_eq!((notice.count, parts.len()), (41, MAX_PARTS));
    for n in 0..10 {
        let item = site.rows.item(&Key::new("CALLER", n.to_string()), &BTreeMap::from([("n", n)])).unwrap();
        parts.push(new_part(site.rows.part_put(item)).unwrap());
    }
    assert!(site.write(parts).await);
    assert_eq!(site.waiting().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_notice_names_more_people_than_fit_and_nobody_and_nothing_is_left_out() {
    let site = Site::start().await;
    // Each decision by somebody else, asked for by somebody else.
    let rows: Vec<PutOff> = (0..600)
        .map(|n| {
            site.clock.advance(SignedDuration::from_secs(1));
            site.put_off(&format!("d{n}"), [format!("decides-{n}"), format!("asks-{n}")])
        })
        .collect();
    site.wait(&rows).await;
    let notices = all_told(&site).await;
    assert!(notices.iter().all(|notice| notice.involved.len() <= MAX_INVOLVED));
    assert_eq!(notices.iter().map(|notice| notice.count).sum::<u64>(), 600);
    assert_eq!(named(&notices).len(), 1_200);
    assert!((3..=6).contains(&notices.len()), "{}", notices.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_with_the_longest_names_take_more_room() {
    let site = Site::start().await;
    // Of the longest names there is room for 48 people.
    let name = |n: usize| format!("{}{n:03}", "\u{10ffff}".repeat(125));
    let rows: Vec<PutOff> = (0..120).map(|n| site.put_off(&format!("d{n}"), [name(n)])).collect();
    site.wait(&rows).await;
    let notices = all_told(&site).await;
    let bytes = |notice: &NoticeRow| notice.involved.iter().map(|person| person.as_str().len()).sum::<usize>();
    assert!(notices.iter().all(|notice| bytes(notice) <= MAX_INVOLVED_BYTES));
    assert_eq!(notices.iter().map(|notice| notice.count).sum::<u64>(), 120);
    assert_eq!(named(&notices).len(), 120);
    assert!((3..=4).contains(&notices.len()), "{}", notices.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_fold_is_told_bit_by_bit() {
    let site = Site::start().await;
    // More of them than a notice takes up, and no two go into one.
    let rows: Vec<PutOff> =
        (0..TAKEN_UP + 2).map(|n| site.put_off(&format!("d{n}"), (0..260).map(|k| format!("{n}-{k}")))).collect();
    site.wait(&rows).await;
    site.store.calls();
    site.hours(12);
    assert!(matches!(site.flush().await, Flushed::Told { count: 1, .. }));
    assert!(site.store.calls().iter().all(|(_, times)| *times < 5), "it was tried again and again");
    site.hours(12);
    let told = site.told("now").await;
    assert_eq!((told.count, told.involved.len()), (2, 260));
    assert_eq!(site.waiting().await.len(), TAKEN_UP);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_as_many_as_can_be_folded_is_told_with_whoever_is_told_first() {
    let site = Site::start().await;
    let full = (0..MAX_INVOLVED - 2).map(|n| format!("p{n}"));
    let mut more = site.put_off("more", ["one more".to_owned()]);
    more.at += SignedDuration::from_secs(1);
    site.wait(&[site.put_off("full", full), more]).await;
    let mut telling = site.telling("now");
    (telling.by, telling.decision.decided_by) = (Actor::Person(person("asks")), Some(person("decides")));
    let told = acting(site.notices.tell(&tenant(), &telling)).await.unwrap();
    let Told::Now(notice) = told else { panic!("{told:?}") };
    assert_eq!((notice.count, notice.involved.len()), (2, MAX_INVOLVED));
    assert_eq!(site.waiting().await.len(), 1, "there was no room for one more");
    let notices = all_told(&site).await;
    assert!(named(&notices).contains(&person("one more")));
    assert_eq!(notices.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_by_a_few_is_told_of_by_one_notice() {
    let site = Site::start().await;
    let rows: Vec<PutOff> = (0..1_000).map(|n| site.put_off(&format!("d{n}"), [format!("m{}", n % 3)])).collect();
    site.wait(&rows).await;
    site.hours(12);
    let Flushed::Told { notice, count: 1_000 } = site.flush().await else { panic!("not all was told") };
    for n in [0, 499, 999] {
        assert_eq!(site.tell(&format!("d{n}")).await, Told::Before(notice.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_comes_to_be_as_these_tests_write_it() {
    let site = Site::start().await;
    let row = site.put_off("a", []);
    assert!(site.write(waits(&site.rows, &row, site.clock.now()).unwrap()).await);
    let other = Site::start().await;
    other.wait(&[row]).await;
    let all = async |site: &Site| -> Vec<serde_json::Value> {
        acting(site.rows.all(&limit_of(&person("ada"), CATEGORY), "")).await.unwrap()
    };
    assert_eq!(all(&site).await, all(&other).await);
}
