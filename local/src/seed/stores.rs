//! The sample stores: where they are, when they are open, and the tables of their products.

use serde_json::{Value, json};

/// A sample store.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its tenant's id.
    pub tenant: &'static str,
    /// Its id.
    pub store: &'static str,
    /// What `PUT /catalog/stores/{store_id}` takes.
    pub about: fn() -> Value,
    /// Its products, as CSV.
    pub products: &'static str,
}

/// The three sample stores.
pub const SAMPLES: &[Sample] = &[
    Sample { tenant: "t_greenleaf", store: "downtown", about: downtown, products: include_str!("products.csv") },
    Sample { tenant: "t_greenleaf", store: "madrid", about: madrid, products: include_str!("productos.csv") },
    Sample { tenant: "t_corner", store: "main", about: main, products: include_str!("produits.csv") },
];

fn downtown() -> Value {
    let weekday = json!([{"from": "07:00", "to": "22:00"}]);
    json!({
        "name": "Greenleaf Downtown",
        "time_zone": "America/New_York",
        "locale": "en",
        "currency": "USD",
        "address": "214 Mercer Street, New York",
        "phone": "+1 212 555 0134",
        "hours": {
            "weekly": {
                "monday": weekday, "tuesday": weekday, "wednesday": weekday, "thursday": weekday, "friday": weekday,
                "saturday": [{"from": "08:00", "to": "22:00"}],
                "sunday": [{"from": "09:00", "to": "20:00"}],
            },
            "exceptions": {
                "2026-11-26": {"open": [{"from": "08:00", "to": "14:00"}], "note": "Thanksgiving"},
                "2026-12-24": {"open": [{"from": "07:00", "to": "18:00"}], "note": "Christmas Eve"},
                "2026-12-25": {"open": [], "note": "Christmas Day"},
                "2027-01-01": {"open": [{"from": "10:00", "to": "18:00"}], "note": "New Year's Day"},
            },
        },
    })
}

fn madrid() -> Value {
    let weekday = json!([{"from": "09:00", "to": "14:30"}, {"from": "17:00", "to": "21:00"}]);
    json!({
        "name": "Greenleaf Madrid Centro",
        "time_zone": "Europe/Madrid",
        "locale": "es",
        "currency": "EUR",
        "address": "Calle del Olmo 18, Madrid",
        "phone": "+34 910 555 018",
        "hours": {
            "weekly": {
                "monday": weekday, "tuesday": weekday, "wednesday": weekday, "thursday": weekday, "friday": weekday,
                "saturday": [{"from": "09:30", "to": "14:30"}],
            },
            "exceptions": {
                "2026-12-08": {"open": [], "note": "Inmaculada Concepción"},
                "2026-12-25": {"open": [], "note": "Navidad"},
                "2027-01-06": {"open": [], "note": "Epifanía del Señor"},
            },
        },
    })
}

fn main() -> Value {
    let weekday = json!([{"from": "08:30", "to": "20:30"}]);
    json!({
        "name": "Le Petit Coin",
        "time_zone": "Europe/Paris",
        "locale": "fr",
        "currency": "EUR",
        "address": "7 rue des Peupliers, Paris",
        "phone": "+33 1 99 00 12 34",
        "hours": {
            "weekly": {
                "tuesday": weekday, "wednesday": weekday, "thursday": weekday, "friday": weekday,
                "saturday": [{"from": "09:00", "to": "21:00"}],
                "sunday": [{"from": "09:00", "to": "13:00"}],
            },
            "exceptions": {
                "2026-12-25": {"open": [], "note": "Noël"},
                "2027-01-01": {"open": [], "note": "Jour de l'An"},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn rows(csv: &str) -> Vec<Vec<&str>> {
        csv.lines().map(|line| line.split(',').collect()).collect()
    }

    #[test]
    fn the_sample_has_three_hundred_products_that_differ_and_no_line_that_csv_would_quote() {
        assert!(SAMPLES[0].products.lines().count() > 300);
        for sample in SAMPLES {
            let rows = rows(sample.products);
            let width = rows[0].len();
            let ids: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
            assert_eq!(ids.len(), rows.len(), "{}: an id stands twice", sample.store);
            for row in &rows {
                assert_eq!(row.len(), width, "{}: {row:?}", sample.store);
                assert!(row.iter().all(|cell| !cell.is_empty() && !cell.contains('"')), "{}: {row:?}", sample.store);
            }
        }
    }

    #[test]
    fn every_price_is_above_its_cost() {
        for sample in SAMPLES {
            let rows = rows(sample.products);
            let column = |name: &str| rows[0].iter().position(|cell| *cell == name).unwrap();
            let (price, cost) = (column("price"), column("cost_price"));
            for row in &rows[1..] {
                let amount = |at: usize| row[at].parse::<f64>().unwrap();
                assert!(amount(price) > amount(cost), "{}: {row:?}", sample.store);
            }
        }
    }

    #[test]
    fn oat_milk_is_there_under_several_brands_in_every_language() {
        for (sample, name) in SAMPLES.iter().zip(["Oat Milk", "avena", "avoine"]) {
            let brands: BTreeSet<&str> =
                rows(sample.products).iter().filter(|row| row[1].contains(name)).map(|row| row[2]).collect();
            assert!(brands.len() >= 2, "{}: {brands:?}", sample.store);
        }
    }
}
