//! Spanish sentences. They name products without an article, so that no word has to agree with a name's gender.

use super::Phrases;
use jiff::civil::{Date, Weekday};

pub(super) const PHRASES: Phrases = Phrases {
    is_at: "Encontrará {name} {place}.",
    it_is_at: "Ubicación: {place}.",
    no_place: "No tengo la ubicación de {name}: pregunte a nuestro personal.",
    it_has_no_place: "No tengo su ubicación: pregunte a nuestro personal.",
    costs: "El precio de {name} es {price}.",
    it_costs: "El precio es {price}.",
    stock_of: "{name}: {stock}.",
    stock_unknown: "No tengo registradas las existencias de {name}.",
    yes_we_have: "Sí, tenemos {item}.",
    yes_we_carry: "Sí, vendemos {item}.",
    we_carry: "Vendemos {item}.",
    we_have: "Tenemos {item}.",
    we_also_have: "También tenemos {list}.",
    carried_but_out: "Vendemos {name}, pero ahora mismo no quedan existencias.",
    it_is_out: "Ahora mismo no quedan existencias.",
    out_too: "Sin existencias ahora mismo: {list}.",
    instead: "En su lugar hay {list}.",
    cheapest: "La opción más barata es {item}.",
    dearest: "La opción más cara es {item}.",
    cheaper_but_out: "Por menos, pero sin existencias ahora mismo: {item}.",
    dearer_but_out: "Por más, pero sin existencias ahora mismo: {item}.",
    one_brand: "Tenemos una marca: {list}.",
    brands: "Tenemos {n} marcas: {list}.",
    no_brand: "No tengo ninguna marca registrada para {name}.",
    kinds: "Tenemos {n}: {list}.",
    in_this_aisle: "{place}: {list}.",
    nothing_in_aisle: "No encuentro nada registrado en ese pasillo. Nuestro personal puede ayudarle.",
    not_at_that_price: "Nada de lo que encuentro está dentro de ese precio.",
    nearest_price: "Lo más cercano en precio es {item}.",
    among_others: "{list}, entre otros productos",
    we_pay: "Pagamos {price} por {name}.",
    no_cost: "No hay precio de coste registrado para {name}.",
    supplier: "El proveedor de {name} es {supplier}.",
    no_supplier: "No hay proveedor registrado para {name}.",
    staff_only: "Los precios de coste y los proveedores son solo para nuestro personal.",
    not_allowed: "No puedo consultar eso para usted.",
    closest: "Nada se llama exactamente {subject}; lo más parecido es {name}.",
    cannot_look_up: "Ahora mismo no puedo consultar los productos. Inténtelo de nuevo en un momento o pregunte a nuestro personal.",
    not_carried: "Parece que no vendemos {subject}.",
    nearest: "Lo más parecido que tenemos: {list}.",
    ask_staff: "Nuestro personal puede ayudarle.",
    which_product: "¿Qué producto busca? Puedo decirle dónde está, cuánto cuesta y cuándo abrimos.",
    attribute: "{key}: {value}.",
    quoted: "«{text}»",
    in_aisle: "en el {aisle}",
    in_department: "en la sección {department}",
    aisle: "pasillo {aisle}",
    bay: "módulo {bay}",
    department: "sección {department}",
    aisle_words: &["pasillo"],
    in_stock: |n| if n == 1 { "1 disponible".to_owned() } else { format!("{n} disponibles") },
    out_of_stock: "sin existencias",
    yes: "Sí, ",
    no: "No, ",
    open_now: "ahora está abierto{until}.",
    closed_now: "ahora está cerrado{note}.",
    open_at: "{day} {time} está abierto{until}{note}.",
    closed_at: "{day} {time} está cerrado{note}.",
    open_on: "{day} abrimos {spans}{note}.",
    closed_on: "{day} está cerrado{note}.",
    opens: "{day} abrimos {time}{note}.",
    closes: "{day} cerramos {time}{note}.",
    closed_already: "{day} cerramos {time}{note}.",
    does_not_close: "{day} no cerramos{note}.",
    opens_next: "Abrimos {day} {time}.",
    no_opening_ahead: "No tengo horarios registrados para los próximos días.",
    week: "Nuestro horario: {list}.",
    days: "de {a} a {b}",
    every_day: "todos los días",
    closed: "cerrado",
    all_day: "las 24 horas",
    differs: "Horarios distintos: {list}.",
    unknown_day: "No conozco la fecha de {subject}.",
    whole_store: "Es el horario de toda la tienda.",
    of_year: "{date} de {year}",
    today: "hoy",
    tomorrow: "mañana",
    that_day: "ese día",
    parts_today: ["esta mañana", "esta tarde", "esta noche", "esta noche", "esta madrugada"],
    parts_tomorrow: [
        "mañana por la mañana",
        "mañana por la tarde",
        "mañana por la noche",
        "mañana por la noche",
        "mañana de madrugada",
    ],
    parts: ["por la mañana", "por la tarde", "por la noche", "por la noche", "de madrugada"],
    and: " y ",
    comma: ", ",
    semicolon: "; ",
    at: |minutes| if midnight(minutes) { "a medianoche".to_owned() } else { format!("a {}", with_article(minutes)) },
    until: |minutes| {
        if midnight(minutes) { "hasta medianoche".to_owned() } else { format!("hasta {}", with_article(minutes)) }
    },
    from_to: |from, to| format!("de {} a {}", time(from), time(to)),
    on: |date| format!("el {} {} de {}", weekday(date.weekday()), date.day(), month(date)),
    weekday,
};

fn midnight(minutes: u16) -> bool {
    minutes.is_multiple_of(1440)
}

fn time(minutes: u16) -> String {
    format!("{}:{:02}", if minutes == 1440 { 24 } else { minutes / 60 % 24 }, minutes % 60)
}

/// `las 8:00`, `la 1:30`.
fn with_article(minutes: u16) -> String {
    format!("{} {}", if minutes / 60 % 24 == 1 { "la" } else { "las" }, time(minutes))
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "lunes",
        Weekday::Tuesday => "martes",
        Weekday::Wednesday => "miércoles",
        Weekday::Thursday => "jueves",
        Weekday::Friday => "viernes",
        Weekday::Saturday => "sábado",
        Weekday::Sunday => "domingo",
    }
}

fn month(date: Date) -> &'static str {
    match date.month() {
        1 => "enero",
        2 => "febrero",
        3 => "marzo",
        4 => "abril",
        5 => "mayo",
        6 => "junio",
        7 => "julio",
        8 => "agosto",
        9 => "septiembre",
        10 => "octubre",
        11 => "noviembre",
        _ => "diciembre",
    }
}
