//! A shop with forty products, and a search good enough to ask it.

use crate::answer::{Answer, Candidate, Facts, Intent, Limits, Staff, Tool, compose, text::folded_words};
use jiff::Timestamp;
use serde_json::json;
use shared::{
    catalog::{Internal, Store},
    locale::Locale,
};
use std::{collections::BTreeMap, sync::LazyLock};

/// id, name, brand, category, department, aisle, bay, price, stock (`-`: not counted), attributes; an empty field is unknown.
const PRODUCTS: &str = "\
oat-oatly|Oatly Oat Milk 1 l|Oatly|Oat milk|Dairy|7|3|2.49|12|gluten free: yes
oat-minor|Barista Oat Milk|Minor Figures|Oat milk|Dairy|7|3|1.99|0|gluten free: yes
oat-chobani|Chobani Oat Milk Extra Creamy|Chobani|Oat milk|Dairy|7|4|3.79|5|
choc-oat|Oat Milk Chocolate Bar|Ritter|Chocolate|Sweets|4|1|1.49|30|
milk-whole|Whole Milk 1 gal|Valley Farm|Milk|Dairy|7|1|4.29|20|fat: 3.5 %
milk-skim|Skim Milk 1 gal|Valley Farm|Milk|Dairy|7|1|4.19|1|fat: 0.1 %
yogurt|Greek Yogurt Plain|Fage|Yogurt|Dairy|7|6|1.79|14|
brie|Brie de Meaux||Cheese|Cheese|||8.90|4|
chorizo|Chorizo ibérico|El Pozo|Charcuterie|Deli|D2||5.25|9|
tortilla|Tortillas de maíz|Guerrero|Tortillas|Mexican|12|2|2.99|17|
baguette|Baguette tradition||Bread|Bakery|||1.20|6|
rye|Rye Bread|Dimpflmeier|Bread|Bakery|3|2|4.50|3|
hummus|Hummus|Sabra|Dips|Deli|D2||3.99|0|
cola|Coca-Cola 12 x 12 oz|Coca-Cola|Soda|Drinks|9|1|7.99|40|
cola-zero|Coca-Cola Zero 12 x 12 oz|Coca-Cola|Soda|Drinks|9|1|7.99|22|
seven-up|7-Up 2 l|7-Up|Soda|Drinks|9|2|2.29|8|
tea|Thé vert Sencha|Kusmi|Tea|Drinks|5|4|6.50|11|caffeine: yes
coffee|House Blend Coffee Beans|Peet's|Coffee|Drinks|5|1|11.99|7|
decaf|Decaf Coffee Ground|Peet's|Coffee|Drinks|5|1|10.49|2|
olive-oil|Extra Virgin Olive Oil 500 ml|Carapelli|Olive oil|Pantry|5|8|9.99|6|
olives|Green Olives in Brine|Mezzetta|Olives|Pantry|6|1|3.49|10|
salt-vinegar|Salt & Vinegar Chips|Kettle|Chips|Snacks|10|1|3.29|16|
tortilla-chips|Tortilla Chips|Tostitos|Chips|Snacks|10|2|4.19|9|
rice|Basmati Rice 2 lb|Tilda|Rice|Pantry|6|4|5.99|-|
pasta|Spaghetti n.5|Barilla|Pasta|Pantry|6|5|1.89|33|
sauce|Marinara Sauce|Rao's|Pasta sauce|Pantry|6|5|8.49|12|
tuna|Tuna in Olive Oil|Genova|Canned fish|Pantry|6|7|2.79|25|
eggs|Large Eggs, dozen|Vital Farms|Eggs|Dairy|7|8|6.99|18|
tofu|Firm Tofu|Nasoya|Tofu|Produce|1|5|2.99|5|diet: vegan
apples|Gala Apples||Apples|Produce|1|1|1.99|50|
bananas|Bananas||Bananas|Produce|1|1|0.59|80|
strawberries|Strawberries 1 lb|Driscoll's|Berries|Produce|1|2|4.99|0|
blueberries|Blueberries 1 pt|Driscoll's|Berries|Produce|1|2|3.99|7|
icecream|Vanilla Ice Cream|Ben & Jerry's|Ice cream|Frozen|11|1|5.99|4|
candy-eight|After Eight Mints|Nestlé|Chocolate|Sweets|4|2|4.75|3|
night-cream|Regenerating Night Cream|Olay|Face cream|Beauty|14|1|24.99|2|
mouse|Wireless Mouse M185|Logitech|Computer mice|Electronics|15|1|14.99|3|color: grey
mouse-pro|Wireless Mouse MX|Logitech|Computer mice|Electronics|15|1|59.99|1|color: black
batteries|AA Batteries 8-pack|Duracell|Batteries|Electronics|15|2|8.99|12|
foil|Aluminum Foil 75 ft|Reynolds|Kitchen|Household|13|1|5.49|9|
christmas|Christmas Cookies||Cookies|Bakery|3|1|6.00|10|";

/// A Wednesday, three in the afternoon in New York.
pub(super) const NOW: &str = "2026-11-18T20:00:00Z";

pub(super) fn products() -> Vec<Candidate> {
    static READ: LazyLock<Vec<Candidate>> = LazyLock::new(read_products);
    READ.clone()
}

fn read_products() -> Vec<Candidate> {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let product = |line: &str| {
        let f: Vec<_> = line.split('|').collect();
        let attributes = f[9].split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned()));
        Candidate {
            id: f[0].parse().unwrap(),
            name: f[1].to_owned(),
            brand: known(f[2]),
            category: known(f[3]),
            department: known(f[4]),
            aisle: known(f[5]),
            bay: known(f[6]),
            price: f[7].parse().unwrap(),
            stock: f[8].parse().ok(),
            attributes: attributes.into_iter().collect(),
            probability: 0.0,
        }
    };
    PRODUCTS.lines().map(product).collect()
}

pub(super) fn store() -> Store {
    static READ: LazyLock<Store> = LazyLock::new(read_store);
    READ.clone()
}

fn read_store() -> Store {
    let weekday = json!([{"from": "08:00", "to": "22:00"}]);
    serde_json::from_value(json!({
        "store_id": "harlem", "name": "Harlem Market", "time_zone": "America/New_York", "locale": "en", "currency": "USD",
        "hours": {
            "weekly": {
                "monday": weekday, "tuesday": weekday, "wednesday": weekday, "thursday": weekday,
                "friday": [{"from": "08:00", "to": "01:00"}],
                "saturday": [{"from": "09:00", "to": "14:00"}, {"from": "16:00", "to": "20:30"}],
            },
            "exceptions": {
                "2026-11-26": {"open": [{"from": "10:00", "to": "16:00"}], "note": "Thanksgiving"},
                "2026-12-24": {"open": [{"from": "08:00", "to": "14:00"}], "note": "Christmas Eve"},
                "2026-12-25": {"note": "Christmas Day"},
                "2027-03-17": {"open": [{"from": "08:00", "to": "18:00"}], "note": "St Patrick's Day"},
            },
        },
    }))
    .unwrap()
}

/// What each product costs the store: four fifths of its price.
pub(super) fn internal() -> BTreeMap<shared::ids::ProductId, Internal> {
    let cost = |product: Candidate| {
        let cost_price = shared::catalog::Money::from_hundredths(product.price.hundredths() * 4 / 5);
        let known = product.id.as_str() != "brie";
        let supplier = known.then(|| "Nordic Foods AB".to_owned());
        (product.id, Internal { cost_price: cost_price.filter(|_| known), supplier })
    };
    products().into_iter().map(cost).collect()
}

/// Finds by the share of the words that a product has: three quarters of them is a hit.
pub(super) fn search(text: &str, category: Option<&str>) -> (Vec<Candidate>, Vec<Candidate>) {
    let words: Vec<_> = folded_words(text).into_iter().filter(|word| word.len() > 2 || word == "7").collect();
    let stem = |word: &str| word.trim_end_matches('s').to_owned();
    let mut found = Vec::new();
    for (i, mut product) in products().into_iter().enumerate() {
        let mut own = folded_words(&product.name);
        own.extend(
            [&product.brand, &product.category, &product.department]
                .into_iter()
                .flatten()
                .flat_map(|t| folded_words(t)),
        );
        own.extend(product.attributes.iter().flat_map(|(k, v)| folded_words(&format!("{k} {v}"))));
        let own: Vec<_> = own.iter().map(|word| stem(word)).collect();
        let matched = words.iter().filter(|word| own.contains(&stem(word))).count();
        let named = folded_words(&product.name).iter().filter(|own| words.contains(own)).count();
        let share = matched as f32 / words.len().max(1) as f32;
        let in_category = category.is_some() && product.category.as_deref() == category;
        product.probability = (share * 0.9 + named as f32 * 0.01 + f32::from(u8::from(in_category)) * 0.02
            - i as f32 * 0.0005)
            .clamp(0.0, 0.99);
        if share > 0.0 {
            found.push(product);
        }
    }
    found.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let (hits, near): (Vec<_>, Vec<_>) = found.into_iter().partition(|product| product.probability >= 0.65);
    (hits.into_iter().take(10).collect(), near.into_iter().take(3).collect())
}

pub(super) struct Asked<'a> {
    pub(super) question: &'a str,
    pub(super) category: Option<&'a str>,
    pub(super) locale: Locale,
    pub(super) employee: bool,
    pub(super) now: &'a str,
}

/// Asks as the handler does: understand, search, fill the facts, compose.
pub(super) fn ask(asked: &Asked<'_>) -> (Intent, Answer) {
    let intent = Intent::of(asked.question, asked.locale);
    let mut found = intent.search_text(asked.category).map(|text| search(&text, asked.category)).unwrap_or_default();
    if let Some(aisle) = &intent.aisle {
        found.0.extend(products().into_iter().filter(|p| p.aisle.as_ref() == Some(aisle)));
    }
    let may = |tool| asked.employee || tool != Tool::GetCostPrice;
    let staff = Staff::new(&may, internal()).ok();
    let store = store();
    let facts = Facts {
        recalled: true,
        hits: &found.0,
        near: &found.1,
        store: &store,
        now: asked.now.parse::<Timestamp>().unwrap(),
        locale: asked.locale,
        category: asked.category,
        limits: Limits::default(),
        staff: staff.as_ref(),
        may: &may,
    };
    let answer = compose(&intent, &facts);
    let known =
        |id: &str| id == "store:harlem" || found.0.iter().chain(&found.1).any(|product| product.id.as_str() == id);
    assert!(answer.citations.iter().all(|citation| known(&citation.id)), "{}", asked.question);
    (intent, answer)
}

/// Asks as a shopper on the afternoon of [`NOW`].
pub(super) fn shopper<'a>(question: &'a str, locale: Locale) -> Asked<'a> {
    Asked { question, category: None, locale, employee: false, now: NOW }
}
