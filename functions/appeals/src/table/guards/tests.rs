use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use shared::{
    audit::Actor,
    notices::{Category, MAX_DECISIONS, Status},
};

/// A notice that tells of `count` decisions and lists these; what came with the newest is not empty.
fn notice(id: &str, count: u64, refs: &[Option<&str>]) -> NoticeRow {
    let at = Timestamp::UNIX_EPOCH;
    let decision = |name: &Option<&str>| Decision { decision_ref: name.map(str::to_owned), at, decided_by: None };
    NoticeRow {
        id: id.to_owned(),
        person: person("ada"),
        category: Category::AccountWarning,
        texts: Default::default(),
        text_version: 1,
        count,
        decisions: refs.iter().map(decision).collect(),
        context: json!({"artifact_id": "art_1"}).as_object().unwrap().clone(),
        appealable: true,
        by: Actor::Job("test".to_owned()),
        involved: Default::default(),
        created_at: at,
        updated_at: at,
        changed_in: None,
        status: Status::Unread,
        read_at: None,
        unread_cat_created: None,
        user_status_created: String::new(),
    }
}

fn person(name: &str) -> PersonId {
    PersonId::from_subject(name).unwrap()
}

/// Opens an appeal named `appeal` against what is left of `notice`, if anything is.
fn open(standing: &mut Standing, notice: &NoticeRow, appeal: &str) -> Option<Unappealed> {
    let left = left(notice.clone(), standing)?;
    standing.extend(guards(&left.notice).into_iter().map(|guard| (guard, appeal.to_owned())));
    Some(left)
}

fn refs(of: &Unappealed) -> Vec<Option<&str>> {
    of.notice.decisions.iter().map(|decision| decision.decision_ref.as_deref()).collect()
}

#[test]
fn an_appeal_is_about_what_has_none_yet_and_names_the_appeals_of_the_rest() {
    let mut standing = Standing::new();
    let alone = open(&mut standing, &notice("ntf_a", 1, &[Some("case-1")]), "apl_1").unwrap();
    assert_eq!((refs(&alone), alone.notice.context.len()), (vec![Some("case-1")], 1));
    // Told again, by itself and among others.
    assert_eq!(open(&mut standing, &notice("ntf_b", 1, &[Some("case-1")]), "apl_2"), None);
    let many = notice("ntf_c", 60, &[Some("case-2"), Some("case-1"), None, Some("case-2")]);
    let rest = open(&mut standing, &many, "apl_3").unwrap();
    assert_eq!((refs(&rest), rest.notice.count), (vec![Some("case-2"), None, Some("case-2")], 59));
    assert!(rest.elsewhere.iter().eq(["apl_1"]));
    assert_eq!(rest.notice.context.len(), 1, "it came with the newest, which is not appealed elsewhere");
    let about = rest.about("es".to_owned(), vec![]);
    assert_eq!((about.count, about.decision_refs()), (59, vec!["case-2".to_owned(); 2]));
    assert_eq!(open(&mut standing, &many, "apl_4"), None);
    let both = notice("ntf_d", 2, &[Some("case-2"), Some("case-1")]);
    assert_eq!(open(&mut standing, &both, "apl_5"), None);
    // What is not named goes with its notice.
    let unnamed = open(&mut standing, &notice("ntf_e", 3, &[Some("case-2"), Some("case-1")]), "apl_6").unwrap();
    assert_eq!((refs(&unnamed), unnamed.notice.count), (vec![], 1));
    assert!(unnamed.notice.context.is_empty(), "it came with a decision that is appealed elsewhere");
    assert!(unnamed.elsewhere.iter().eq(["apl_1", "apl_3"]));
}

#[test]
fn the_guards_of_the_longest_notice_fit_a_transaction_with_the_appeal_and_its_entry() {
    let names: Vec<String> = (0..MAX_DECISIONS).map(|n| format!("case-{n}")).collect();
    let names: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let guards = guards(&notice("ntf_a", 1_000, &names)).len();
    assert_eq!(guards, MAX_DECISIONS + 1);
    // The appeal, and the leaf and the text of its entry.
    assert!(guards + 3 <= 100);
}

#[test]
fn no_two_people_share_a_guard() {
    let of = |name: &str| guard_key(&person(name), "NTF#ntf_a");
    let keys = ["ada", "ada#NTF", "ada#NTF#ntf_a", "APPEALS"].map(of);
    assert!((0..4).all(|a| (0..a).all(|b| keys[a] != keys[b])));
}

proptest! {
    #[test]
    fn whatever_is_told_together_and_clicked_in_whatever_order_a_named_decision_has_one_appeal(
        notices in prop::collection::vec((prop::collection::vec(prop::option::of(0..6_u8), 1..5), 0..3_u64), 1..6),
        clicks in prop::collection::vec(0..6_usize, 1..20),
    ) {
        let told: Vec<NoticeRow> = notices.iter().enumerate().map(|(n, (refs, unlisted))| {
            let names: Vec<_> = refs.iter().map(|name| name.map(|name| format!("case-{name}"))).collect();
            let names: Vec<_> = names.iter().map(Option::as_deref).collect();
            notice(&format!("ntf_{n}"), names.len() as u64 + unlisted, &names)
        }).collect();
        let (mut standing, mut opened) = (Standing::new(), Vec::new());
        for (n, click) in clicks.iter().enumerate() {
            let notice = &told[click % told.len()];
            let appeal = format!("apl_{n}");
            match open(&mut standing, notice, &appeal) {
                Some(of) => {
                    prop_assert!(of.notice.count > 0);
                    let all = |row: &NoticeRow| row.count - row.decisions.len() as u64;
                    prop_assert_eq!(all(&of.notice), all(notice), "what is not listed stays with its notice");
                    opened.push(of);
                }
                None => {
                    prop_assert!(notice.decisions.iter().filter_map(of_decision).all(|name| standing.contains_key(&name)));
                    let unnamed = notice.count as usize > notice.decisions.iter().filter_map(of_decision).count();
                    prop_assert!(!unnamed || standing.contains_key(&of_notice(notice)));
                }
            }
        }
        for name in 0..6_u8 {
            let name = format!("case-{name}");
            let about = opened.iter().filter(|of| refs(of).contains(&Some(&name))).count();
            let clicked = clicks.iter().any(|click| refs_of(&told[click % told.len()]).contains(&name.as_str()));
            prop_assert_eq!(about, usize::from(clicked), "{}", name);
        }
        for notice in &told {
            prop_assert!(opened.iter().filter(|of| of.notice.id == notice.id).count() <= 1);
        }
    }
}

fn refs_of(notice: &NoticeRow) -> Vec<&str> {
    notice.decisions.iter().filter_map(|decision| decision.decision_ref.as_deref()).collect()
}
