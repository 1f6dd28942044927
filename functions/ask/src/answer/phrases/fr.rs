//! French sentences. They name products without an article, so that no word has to agree with a name's gender; a
//! space that does not break stands before a colon, a semicolon and within a time.

use super::Phrases;
use jiff::civil::{Date, Weekday};

pub(super) const PHRASES: Phrases = Phrases {
    is_at: "Vous trouverez {name} {place}.",
    it_is_at: "Emplacement\u{a0}: {place}.",
    no_place: "Je n'ai pas d'emplacement pour {name}\u{a0}: demandez à notre équipe.",
    it_has_no_place: "Je n'ai pas son emplacement\u{a0}: demandez à notre équipe.",
    costs: "Le prix de {name} est de {price}.",
    it_costs: "Le prix est de {price}.",
    stock_of: "{name}\u{a0}: {stock}.",
    stock_unknown: "Le stock de {name} n'est pas enregistré.",
    yes_we_have: "Oui, nous avons {item}.",
    yes_we_carry: "Oui, nous vendons {item}.",
    we_carry: "Nous vendons {item}.",
    we_have: "Nous avons {item}.",
    we_also_have: "Nous avons aussi {list}.",
    carried_but_out: "Nous vendons {name}, mais il n'y en a plus en stock pour le moment.",
    it_is_out: "Il n'y en a plus en stock pour le moment.",
    out_too: "En rupture de stock pour le moment\u{a0}: {list}.",
    instead: "En stock à la place\u{a0}: {list}.",
    cheapest: "Le produit le moins cher est {item}.",
    dearest: "Le produit le plus cher est {item}.",
    cheaper_but_out: "Moins cher, mais en rupture de stock pour le moment\u{a0}: {item}.",
    dearer_but_out: "Plus cher, mais en rupture de stock pour le moment\u{a0}: {item}.",
    one_brand: "Nous avons une marque\u{a0}: {list}.",
    brands: "Nous avons {n} marques\u{a0}: {list}.",
    no_brand: "Je n'ai pas de marque enregistrée pour {name}.",
    kinds: "Nous en avons {n}\u{a0}: {list}.",
    in_this_aisle: "{place}\u{a0}: {list}.",
    nothing_in_aisle: "Je ne trouve rien d'enregistré pour cette allée. Notre équipe peut vous aider.",
    not_at_that_price: "Rien de ce que je trouve n'est à ce prix.",
    nearest_price: "Le produit le plus proche de ce prix est {item}.",
    among_others: "{list}, entre autres",
    we_pay: "Nous payons {price} pour {name}.",
    no_cost: "Aucun prix d'achat n'est enregistré pour {name}.",
    supplier: "Fournisseur de {name}\u{a0}: {supplier}.",
    no_supplier: "Aucun fournisseur n'est enregistré pour {name}.",
    staff_only: "Les prix d'achat et les fournisseurs sont réservés à notre équipe.",
    not_allowed: "Je ne peux pas consulter cela pour vous.",
    closest: "Rien ne porte exactement le nom {subject}\u{a0}; le plus proche est {name}.",
    cannot_look_up: "Je ne peux pas consulter les produits pour le moment. Réessayez dans un instant ou demandez à notre équipe.",
    not_carried: "Nous ne semblons pas vendre {subject}.",
    nearest: "Ce que nous avons de plus proche\u{a0}: {list}.",
    ask_staff: "Notre équipe peut vous aider.",
    which_product: "De quel produit s'agit-il\u{a0}? Je peux dire où il se trouve, ce qu'il coûte et quand nous sommes ouverts.",
    attribute: "{key}\u{a0}: {value}.",
    quoted: "«\u{a0}{text}\u{a0}»",
    in_aisle: "dans l'{aisle}",
    in_department: "au rayon {department}",
    aisle: "allée {aisle}",
    bay: "travée {bay}",
    department: "rayon {department}",
    aisle_words: &["allee"],
    in_stock: |n| format!("{n} en stock"),
    out_of_stock: "en rupture de stock",
    yes: "Oui, ",
    no: "Non, ",
    open_now: "nous sommes ouverts maintenant{until}.",
    closed_now: "nous sommes fermés en ce moment{note}.",
    open_at: "{day} {time} nous sommes ouverts{until}{note}.",
    closed_at: "{day} {time} nous sommes fermés{note}.",
    open_on: "{day} nous sommes ouverts {spans}{note}.",
    closed_on: "{day} nous sommes fermés{note}.",
    opens: "{day} nous ouvrons {time}{note}.",
    closes: "{day} nous fermons {time}{note}.",
    closed_already: "{day} nous avons fermé {time}{note}.",
    does_not_close: "{day} nous ne fermons pas{note}.",
    opens_next: "Nous ouvrons {day} {time}.",
    no_opening_ahead: "Je n'ai pas d'horaires enregistrés pour les jours à venir.",
    week: "Nos horaires\u{a0}: {list}.",
    days: "du {a} au {b}",
    every_day: "tous les jours",
    closed: "fermé",
    all_day: "24\u{a0}h sur 24",
    differs: "Horaires différents\u{a0}: {list}.",
    unknown_day: "Je ne connais pas la date de {subject}.",
    whole_store: "Ce sont les horaires de tout le magasin.",
    of_year: "{date} {year}",
    today: "aujourd'hui",
    tomorrow: "demain",
    that_day: "ce jour-là",
    parts_today: ["ce matin", "cet après-midi", "ce soir", "cette nuit", "cette nuit"],
    parts_tomorrow: ["demain matin", "demain après-midi", "demain soir", "demain dans la nuit", "demain dans la nuit"],
    parts: ["dans la matinée", "dans l'après-midi", "dans la soirée", "dans la nuit", "dans la nuit"],
    and: " et ",
    comma: ", ",
    semicolon: "\u{a0}; ",
    at: |minutes| format!("à {}", time(minutes)),
    until: |minutes| format!("jusqu'à {}", time(minutes)),
    from_to: |from, to| format!("de {} à {}", time(from), time(to)),
    on: |date| format!("le {} {} {}", weekday(date.weekday()), day(date), month(date)),
    weekday,
};

fn time(minutes: u16) -> String {
    match (minutes / 60 % 24, minutes % 60) {
        (0, 0) => "minuit".to_owned(),
        (12, 0) => "midi".to_owned(),
        (hour, 0) => format!("{hour}\u{a0}h"),
        (hour, minute) => format!("{hour}\u{a0}h\u{a0}{minute:02}"),
    }
}

fn day(date: Date) -> String {
    if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "lundi",
        Weekday::Tuesday => "mardi",
        Weekday::Wednesday => "mercredi",
        Weekday::Thursday => "jeudi",
        Weekday::Friday => "vendredi",
        Weekday::Saturday => "samedi",
        Weekday::Sunday => "dimanche",
    }
}

fn month(date: Date) -> &'static str {
    match date.month() {
        1 => "janvier",
        2 => "février",
        3 => "mars",
        4 => "avril",
        5 => "mai",
        6 => "juin",
        7 => "juillet",
        8 => "août",
        9 => "septembre",
        10 => "octobre",
        11 => "novembre",
        _ => "décembre",
    }
}
