use super::*;
use proptest::prelude::*;
use shared::notices::{Category, Decision, MAX_DECISIONS, MAX_INVOLVED_BYTES};

fn person(name: &str) -> PersonId {
    PersonId::from_subject(name).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn act(by: &str, second: i64) -> Act {
    Act { by: person(by), at: at(second), audit: format!("entry-{second}"), token: None }
}

/// Ada's appeal against what moderator-7 decided and the service told.
fn appeal() -> Appeal {
    let decision = Decision { decision_ref: None, at: at(-9), decided_by: Some(person("moderator-7")) };
    let about = About {
        notification_id: "ntf_x".to_owned(),
        category: Category::AccountWarning,
        told_at: at(-9),
        count: 1,
        decisions: vec![decision],
        context: Default::default(),
        by: Actor::Person(person("moderation")),
        involved: ["moderator-8"].map(person).into(),
        locale: "en".to_owned(),
        prior: vec![],
        elsewhere: Default::default(),
    };
    Appeal::open("apl_x".to_owned(), person("ada"), about, None, &act("ada", 0))
}

fn ruling(by: &str, outcome: Outcome, second: i64, round: u32) -> Ruling {
    let (by, at, reason) = (person(by), at(second), "It fits.".to_owned());
    let notified = Notified::Off;
    Ruling { outcome, reason, by, at, round, took_s: second, notified, undo: None, artifact_id: None }
}

fn decided(by: &str, outcome: Outcome) -> Appeal {
    let mut appeal = appeal();
    appeal.take(&act(by, 1)).unwrap();
    appeal.decide(ruling(by, outcome, 2, 1), &act(by, 2)).unwrap();
    appeal
}

#[test]
fn who_took_part_in_the_action_does_not_decide_on_it() {
    for (who, refusal) in
        [("moderator-7", Refusal::SameReviewer), ("moderation", Refusal::SameReviewer), ("ada", Refusal::OwnAppeal)]
    {
        let mut appeal = appeal();
        assert_eq!(appeal.take(&act(who, 1)), Err(refusal), "{who}");
        appeal.take(&act("rhea", 1)).unwrap();
        assert_eq!(appeal.decide(ruling(who, Outcome::Upheld, 2, 1), &act(who, 2)), Err(refusal), "{who}");
        assert_eq!((appeal.state, appeal.rulings.len(), appeal.history.len()), (State::InReview, 0, 2));
    }
}

#[test]
fn who_decided_before_does_not_decide_again_and_another_does() {
    let mut appeal = decided("rhea", Outcome::Upheld);
    appeal.reopen("There is a new picture.".to_owned(), &act("rhea", 9)).unwrap();
    assert_eq!((appeal.state, appeal.round, appeal.submitted_at), (State::Submitted, 2, at(9)));
    assert!(appeal.ruling().is_none() && appeal.reviewer().is_none(), "a new round has neither yet");
    assert_eq!(appeal.take(&act("rhea", 10)), Err(Refusal::SameReviewer));
    appeal.take(&act("sol", 10)).unwrap();
    appeal.decide(ruling("sol", Outcome::Overturned, 11, 2), &act("sol", 11)).unwrap();
    assert_eq!(appeal.ruling().map(|ruling| ruling.outcome), Some(Outcome::Overturned));
    assert_eq!(appeal.rulings.len(), 2, "the first stays");
}

#[test]
fn who_helped_with_an_appeal_does_not_decide_on_it() {
    let mut appeal = appeal();
    appeal.add_statement("On her behalf.".to_owned(), &act("rhea", 1)).unwrap();
    assert_eq!(appeal.take(&act("rhea", 2)), Err(Refusal::OwnAppeal));
}

#[test]
fn an_appeal_that_was_withdrawn_in_a_later_round_shows_no_decision_as_standing() {
    let mut appeal = decided("rhea", Outcome::Upheld);
    appeal.reopen("New.".to_owned(), &act("sol", 3)).unwrap();
    appeal.withdraw(&act("ada", 4)).unwrap();
    assert_eq!((appeal.state, appeal.ruling()), (State::Withdrawn, None));
}

#[test]
fn statements_and_rounds_have_an_end() {
    let mut appeal = appeal();
    for n in 0..MAX_STATEMENTS {
        appeal.add_statement(n.to_string(), &act("ada", 1)).unwrap();
    }
    assert_eq!(appeal.add_statement("x".to_owned(), &act("ada", 1)), Err(Refusal::TooManyStatements));
    for _ in 1..MAX_ROUNDS {
        appeal.withdraw(&act("ada", 2)).unwrap();
        appeal.reopen("New.".to_owned(), &act("sol", 3)).unwrap();
    }
    appeal.withdraw(&act("ada", 4)).unwrap();
    assert_eq!(appeal.reopen("New.".to_owned(), &act("sol", 5)), Err(Refusal::TooManyRounds));
}

#[test]
fn the_largest_appeal_fits_an_item() {
    let name = |length| "\u{10ffff}".repeat(length);
    let mut appeal = appeal();
    // As many decisions as a notice lists, each by somebody else, and the largest context.
    let by = |n: usize| person(&format!("{}{n:03}", name(125)));
    let of = |n| Decision { decision_ref: Some(name(128)), at: at(0), decided_by: Some(by(n)) };
    appeal.about.decisions = (0..MAX_DECISIONS).map(of).collect();
    appeal.about.involved = (0..).map(by).take(MAX_INVOLVED_BYTES / by(0).as_str().len()).collect();
    appeal.about.context.insert("x".to_owned(), "x".repeat(8 * 1024).into());
    let names = |most: usize| (0..most).map(|n| format!("apl_{n:026}"));
    (appeal.about.prior, appeal.about.elsewhere) = (names(20).collect(), names(MAX_DECISIONS).collect());
    let (statement, reason) = (name(MAX_STATEMENT_CHARS), name(2_000));
    // Whoever acts has as long a name, and does it under a key.
    let act = |n: usize, second| Act { token: Some("t".repeat(64)), ..act(by(n).as_str(), second) };
    for _ in 0..MAX_STATEMENTS {
        appeal.add_statement(statement.clone(), &act(900, 1)).unwrap();
    }
    for round in 1..=MAX_ROUNDS {
        let reviewer = 900 + round as usize;
        appeal.take(&act(reviewer, 2)).unwrap();
        let ruling = Ruling {
            reason: reason.clone(),
            artifact_id: Some(name(256)),
            undo: Some("u".repeat(40)),
            ..ruling(by(reviewer).as_str(), Outcome::Overturned, 3, round)
        };
        appeal.decide(ruling, &act(reviewer, 3)).unwrap();
        _ = appeal.reopen(reason.clone(), &act(950, 4));
    }
    let bytes = serde_json::to_vec(&appeal).unwrap().len();
    assert!((350 * 1024..400 * 1024).contains(&bytes), "{bytes}");
}

#[test]
fn an_appeal_is_overdue_after_the_last_moment_of_its_time() {
    let hours = SignedDuration::from_hours(72);
    let late = |now: &str| overdue("2026-03-01T09:00:00Z".parse().unwrap(), hours, now.parse().unwrap());
    assert!(!late("2026-03-04T09:00:00Z") && late("2026-03-04T09:00:00.000001Z"));
}

#[test]
fn the_indexes_are_in_the_order_of_time() {
    let (one, mut other) = (appeal(), appeal());
    other.withdraw(&act("ada", 1)).unwrap();
    assert_eq!(one.appeals_by_person, "ada#apl_x");
    assert_eq!(one.appeals_by_state, "submitted#2027-01-15T08:00:00.000000000Z#apl_x");
    assert_eq!(other.appeals_by_state, "withdrawn#2027-01-15T08:00:01.000000000Z#apl_x");
}

/// What somebody tries.
#[derive(Clone, Debug)]
enum Try {
    Take(usize),
    Decide(usize, Outcome),
    Statement(usize),
    Withdraw(usize),
    Reopen(usize),
}

const PEOPLE: [&str; 5] = ["ada", "moderator-7", "rhea", "sol", "tess"];

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let who = || 0..PEOPLE.len();
    let outcome = prop::sample::select(Outcome::ALL);
    let one = prop_oneof![
        3 => who().prop_map(Try::Take),
        3 => (who(), outcome).prop_map(|(who, outcome)| Try::Decide(who, outcome)),
        1 => who().prop_map(Try::Statement),
        1 => who().prop_map(Try::Withdraw),
        2 => who().prop_map(Try::Reopen),
    ];
    prop::collection::vec(one, 0..60)
}

/// What ought to hold, written down a second time and without the code's own words.
#[derive(Default)]
struct Model {
    state: &'static str,
    round: u32,
    statements: usize,
    /// Who may not decide.
    barred: Vec<usize>,
    deeds: Vec<&'static str>,
}

impl Model {
    /// Whether the try succeeds.
    fn apply(&mut self, tried: &Try) -> bool {
        let open = matches!(self.state, "submitted" | "in_review");
        let (good, state, deed, bars) = match *tried {
            Try::Take(who) => (self.state == "submitted" && !self.barred.contains(&who), "in_review", "taken", None),
            Try::Decide(who, outcome) => {
                let good = self.state == "in_review" && !self.barred.contains(&who);
                (good, outcome.as_str(), "decided", Some(who))
            }
            Try::Statement(who) => (open && self.statements < 10, self.state, "statement_added", Some(who)),
            Try::Withdraw(who) => (open, "withdrawn", "withdrawn", Some(who)),
            Try::Reopen(who) => {
                let helped = who == 0 || self.helped(who);
                (!open && !helped && self.round < 5, "submitted", "reopened", None)
            }
        };
        if good {
            self.state = state;
            self.statements += usize::from(deed == "statement_added");
            self.round += u32::from(deed == "reopened");
            self.deeds.push(deed);
            self.barred.extend(bars);
            if let Try::Statement(who) | Try::Withdraw(who) = *tried {
                self.barred.push(who + 100);
            }
        }
        good
    }

    fn helped(&self, who: usize) -> bool {
        self.barred.contains(&(who + 100))
    }
}

proptest! {
    #[test]
    fn whatever_is_tried_in_whatever_order_only_what_the_rules_allow_happens(tries in tries()) {
        let mut appeal = appeal();
        let mut model = Model { state: "submitted", round: 1, barred: vec![0, 1], deeds: vec!["opened"], ..Model::default() };
        for (second, tried) in (1..).zip(&tries) {
            let before = appeal.clone();
            let did = match tried {
                Try::Take(who) => appeal.take(&act(PEOPLE[*who], second)),
                Try::Decide(who, outcome) => {
                    let ruling = ruling(PEOPLE[*who], *outcome, second, appeal.round);
                    appeal.decide(ruling, &act(PEOPLE[*who], second))
                }
                Try::Statement(who) => appeal.add_statement("x".to_owned(), &act(PEOPLE[*who], second)),
                Try::Withdraw(who) => appeal.withdraw(&act(PEOPLE[*who], second)),
                Try::Reopen(who) => appeal.reopen("New.".to_owned(), &act(PEOPLE[*who], second)),
            };
            prop_assert_eq!(did.is_ok(), model.apply(tried), "{:?} of {:?}", tried, before.state);
            if did.is_err() {
                prop_assert_eq!(&appeal, &before, "what is refused changes nothing");
            }
            prop_assert_eq!((appeal.state.as_str(), appeal.round), (model.state, model.round));
            prop_assert!(appeal.history.starts_with(&before.history), "what was done stays as it was written");
            prop_assert_eq!(appeal.version, appeal.history.len() as u64);
            prop_assert_eq!(appeal.settled_at.is_some(), !appeal.state.is_open());
        }
        let deeds: Vec<_> = appeal.history.iter().map(|event| event.deed.name()).collect();
        prop_assert_eq!(deeds, model.deeds);
        prop_assert!(appeal.history.iter().map(|event| event.seq).eq(1..=appeal.history.len() as u32));
        for ruling in &appeal.rulings {
            prop_assert!(ruling.by != person("ada") && ruling.by != person("moderator-7"));
            prop_assert_eq!(appeal.rulings.iter().filter(|other| other.by == ruling.by).count(), 1);
        }
        let text = serde_json::to_string(&appeal).unwrap();
        prop_assert_eq!(serde_json::from_str::<Appeal>(&text).unwrap(), appeal);
    }

    #[test]
    fn a_move_that_is_told_is_one_that_there_is(state in prop::sample::select(State::ALL)) {
        let of = |name: &str| match name {
            "add_statement" => Move::AddStatement,
            "withdraw" => Move::Withdraw,
            "review" => Move::Take,
            "decision" => Move::Decide(Outcome::Upheld),
            _ => Move::Reopen,
        };
        let all = ["add_statement", "withdraw", "review", "decision", "reopen"];
        for name in all {
            prop_assert_eq!(state.after(of(name)).is_some(), state.moves().contains(&name), "{:?} {}", state, name);
        }
    }
}
