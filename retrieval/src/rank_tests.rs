#![allow(clippy::unwrap_used)]

use super::*;

const DAY: i64 = 86_400;
const NOW: i64 = 1_800_000_000;

fn hit(id: &str, strength: f32, age_days: Option<i64>, kind_fit: f32) -> Hit {
    Hit {
        id: id.to_owned(),
        row: None,
        lexical: Some(strength),
        dense: None,
        evidence: Evidence {
            strength,
            found: 1.0,
            named: 1.0,
            kind: kind_fit,
            kind_fit,
            name_fit: 1.0,
            ends: true,
            early: 1.0,
            ..Evidence::default()
        },
        updated_at: age_days.map(|days| NOW - days * DAY),
        category: None,
    }
}

fn settings(similarity: f64, recency: f64, category: f64) -> Settings {
    let weights = Weights::new(similarity, recency, category).unwrap();
    Settings { weights, ..Settings::at(Timestamp::from_second(NOW).unwrap()) }
}

/// A ranking whose small terms reach the score whole, so that a test sees them.
fn plain() -> Ranking {
    Ranking { scales: Scales { recency: 1.0, category: 1.0 }, ..Ranking::default() }
}

fn ids(ranked: &[Ranked]) -> Vec<&str> {
    ranked.iter().map(|ranked| ranked.hit.id.as_str()).collect()
}

#[test]
fn at_similarity_alone_the_order_is_that_of_the_probability_whatever_the_rest() {
    let hits = vec![hit("old", 0.7, Some(4_000), 0.0), hit("new", 0.5, Some(0), 1.0), hit("mid", 0.6, None, 1.0)];
    let ranked = rank(hits, &plain(), &settings(1.0, 0.0, 0.0));
    // `mid` and `new` fit their category, which is part of the evidence and worth less than the strength here.
    assert_eq!(ids(&ranked), ["old", "mid", "new"]);
    assert!(ranked.iter().all(|ranked| ranked.score == ranked.probability));
}

#[test]
fn each_term_decides_when_it_alone_has_weight() {
    for (weights, first) in [((1.0, 0.0, 0.0), "strong"), ((0.0, 1.0, 0.0), "fresh"), ((0.0, 0.0, 1.0), "kind")] {
        let hits =
            vec![hit("strong", 0.8, Some(300), 0.5), hit("fresh", 0.3, Some(0), 0.5), hit("kind", 0.2, Some(300), 1.0)];
        let ranked = rank(hits, &plain(), &settings(weights.0, weights.1, weights.2));
        assert_eq!(ranked[0].hit.id, first);
    }
}

#[test]
fn weights_count_by_their_share() {
    assert_eq!(Weights::new(0.5, 0.2, 0.2), Weights::new(0.25, 0.1, 0.1));
    let (told, default) = (Weights::new(0.5, 0.2, 0.2).unwrap(), Weights::default());
    assert!((told.similarity - default.similarity).abs() < 1e-12 && (told.recency - default.recency).abs() < 1e-12);
}

#[test]
fn weights_outside_0_to_1_and_weights_of_nothing_are_refused() {
    for bad in [(1.5, 0.0, 0.0), (-0.1, 0.5, 0.5), (0.0, 0.0, 0.0), (f64::NAN, 0.1, 0.1)] {
        assert_eq!(Weights::new(bad.0, bad.1, bad.2), Err(BadWeights));
    }
}

#[test]
fn recency_halves_every_half_life_and_is_a_half_when_unknown() {
    let now = Timestamp::from_second(NOW).unwrap();
    assert_eq!(recency(Some(NOW), now, 30.0), 1.0);
    assert_eq!(recency(Some(NOW - 30 * DAY), now, 30.0), 0.5);
    assert_eq!(recency(Some(NOW - 60 * DAY), now, 30.0), 0.25);
    assert_eq!(recency(Some(NOW - 60 * DAY), now, 60.0), 0.5);
    assert_eq!(recency(None, now, 30.0), 0.5);
    assert_eq!(recency(Some(NOW + DAY), now, 30.0), 1.0);
}

#[test]
fn equal_scores_stand_by_id() {
    let hits = ["c", "a", "b"].map(|id| hit(id, 0.5, None, 0.0)).to_vec();
    assert_eq!(ids(&rank(hits, &Ranking::default(), &settings(0.5, 0.2, 0.2))), ["a", "b", "c"]);
}

#[test]
fn the_threshold_looks_at_the_probability_before_any_weight() {
    let fresh_but_weak = hit("weak", 0.2, Some(0), 1.0);
    let stale_but_strong = hit("strong", 0.85, Some(9_000), 0.0);
    let ranked = rank(vec![fresh_but_weak, stale_but_strong], &plain(), &settings(0.1, 1.0, 1.0));
    assert_eq!(ids(&ranked), ["weak", "strong"]);
    assert_eq!(ranked.iter().map(|ranked| ranked.relevant).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn strength_counts_beside_the_strongest_so_that_short_texts_are_as_sure_as_long_ones() {
    let probabilities = |scale: f32| {
        let hits = vec![hit("a", 0.8 * scale, None, 0.0), hit("b", 0.4 * scale, None, 0.0)];
        let ranked = rank(hits, &Ranking::default(), &settings(1.0, 0.0, 0.0));
        ranked.iter().map(|ranked| ranked.probability).collect::<Vec<_>>()
    };
    assert_eq!(probabilities(1.0), probabilities(0.25));
    assert!(probabilities(1.0)[0] > 0.65 && probabilities(1.0)[1] < 0.65);
}

#[test]
fn half_of_the_words_are_much_less_than_half_an_answer() {
    let whole = hit("whole", 0.5, None, 1.0).evidence;
    let probability = |evidence: &Evidence| Calibration::default().probability(evidence, 1.0);
    assert!(probability(&whole) > 0.8);
    assert!(probability(&Evidence { found: 0.6, named: 0.6, early: 0.6, ..whole }) < 0.1);
}

#[test]
fn a_category_that_is_asked_for_by_name_must_be_the_hits_own() {
    let own = |category: &str| Hit { category: Some(category.to_owned()), ..hit(category, 0.5, None, 0.0) };
    let settings = Settings { category: Some("OAT milk".to_owned()), ..settings(0.5, 0.2, 0.2) };
    let ranked = rank(vec![own("Milk"), own("Oat Milk")], &Ranking::default(), &settings);
    assert_eq!(ids(&ranked), ["Oat Milk", "Milk"]);
    assert_eq!((ranked[0].category_match, ranked[1].category_match), (true, false));
}

#[test]
fn hits_behind_the_pool_keep_their_places_and_score_no_higher() {
    let mut hits: Vec<Hit> = (0..POOL).map(|n| hit(&format!("{n:04}"), 0.4, None, 0.0)).collect();
    hits.push(hit("late", 0.9, None, 0.0));
    let ranked = rank(hits, &Ranking::default(), &settings(1.0, 0.0, 0.0));
    assert_eq!(ranked[POOL].hit.id, "late");
    assert!(ranked[POOL].score <= ranked[POOL - 1].score);
}

#[test]
fn a_missing_model_and_an_accessory_are_no_answers_however_strong() {
    let best = Evidence {
        strength: 1.0,
        attributes: 1.0,
        found: 1.0,
        named: 1.0,
        kind_fit: 1.0,
        name_fit: 1.0,
        ends: true,
        early: 1.0,
        together: 1.0,
        ..Evidence::default()
    };
    let probability = |evidence: &Evidence| Calibration::default().probability(evidence, 1.0);
    assert!(probability(&best) > 0.95);
    assert!(probability(&Evidence { model_missing: true, ..best }) < 0.65);
    assert!(probability(&Evidence { accessory: true, ..best }) < 0.65);
}

#[test]
fn a_vector_takes_its_share_of_the_strength_where_there_is_one() {
    let evidence = Evidence { strength: 0.5, ..Evidence::default() };
    let fusion = Fusion { lexical: 0.7, dense: 0.3 };
    assert!((fusion.strength(&evidence, None) - 0.5).abs() < 1e-9);
    assert!((fusion.strength(&evidence, Some(1.0)) - 0.65).abs() < 1e-9);
    assert!((fusion.strength(&evidence, Some(-1.0)) - 0.35).abs() < 1e-9);
}
