//! Events as the sample's app sends them, made up by number.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const TYPES: [&str; 5] = ["pageview", "pageview", "pageview", "cta_click", "search"];
/// Where visits come from, and by what means: a campaign has one of each.
const SOURCES: [(&str, &str); 5] =
    [("newsletter", "email"), ("web", "organic"), ("shelf", "qr"), ("friend", "referral"), ("search", "cpc")];
/// How many campaigns there are.
const CAMPAIGNS: usize = 20;
const SURFACES: [&str; 4] = ["home", "aisle", "product", "basket"];
const PLATFORMS: [&str; 3] = ["ios", "android", "web"];
/// Of twelve events, which of five sessions each belongs to: three of the five are left after one.
const SESSIONS: [usize; 12] = [0, 1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4];

/// The `n`th of `of` events that are spread over the time from `from` to `to`: some 650 bytes, with a payload of twelve members.
pub fn event(n: usize, of: usize, from: Timestamp, to: Timestamp) -> Value {
    // A stride that shares no factor with most numbers mixes values without dice, the same in each run.
    let mixed = n.wrapping_mul(2_654_435_761) >> 7;
    let pick = |list: &[&'static str], salt: usize| list.get((mixed >> salt) % list.len()).copied().unwrap_or_default();
    let campaign = (mixed >> 7) % CAMPAIGNS;
    let (source, medium) = SOURCES.get(campaign % SOURCES.len()).copied().unwrap_or_default();
    let span = to.duration_since(from);
    let nanos = span.as_nanos() / of.max(1) as i128 * n as i128;
    let at = from + SignedDuration::from_nanos_i128(nanos);
    let session = n / SESSIONS.len() * 5 + SESSIONS.get(n % SESSIONS.len()).copied().unwrap_or_default();
    json!({
        "event_type": pick(&TYPES, 0),
        "timestamp": at,
        "user_id": format!("shopper-{:06}", session % 50_000),
        "session_id": format!("session-{session:08}"),
        "step_id": format!("{n}"),
        "app": "shop", "surface": pick(&SURFACES, 3), "platform": pick(&PLATFORMS, 5),
        "utm_source": source, "utm_medium": medium, "utm_campaign": format!("campaign-{campaign}"),
        "payload": {
            "path": format!("/aisle/{}/product/{}", mixed % 40, mixed % 19_000), "referrer": "https://www.example.com/offers/this-week",
            "title": "Oat drink, unsweetened, one litre", "position": mixed % 50, "price_cents": 99 + mixed % 900,
            "currency": "EUR", "in_stock": mixed.is_multiple_of(3), "experiment": "shelf-order", "variant": "b", "viewport": [390, 844],
            "banner": "spring-offers-left-column-with-the-recipe-of-the-week", "query": "oat drink without sugar, for coffee, one litre",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_a_usual_size_and_times_within_their_range() {
        let (from, to) = ("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-31T00:00:00Z".parse().unwrap());
        let events: Vec<Value> = (0..1_000).map(|n| event(n, 1_000, from, to)).collect();
        let bytes: usize = events.iter().map(|event| event.to_string().len()).sum();
        assert!((600..700).contains(&(bytes / events.len())), "{}", bytes / events.len());
        assert!(events.iter().all(|event| (from..to).contains(&event["timestamp"].as_str().unwrap().parse().unwrap())));
    }
}
