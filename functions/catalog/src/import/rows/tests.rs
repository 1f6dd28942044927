use super::*;
use std::io::BufReader;

fn rows(format: Format, text: impl AsRef<[u8]>) -> Vec<Row> {
    // A small buffer, so that marks and rows lie across its ends.
    let mut rows = Rows::open(format, BufReader::with_capacity(7, text.as_ref())).unwrap();
    std::iter::from_fn(|| rows.next_row().unwrap()).collect()
}

/// Line and id of each good row, line and reason of each bad one.
fn told(rows: &[Row]) -> Vec<(u64, String)> {
    let tell = |row: &Row| match row {
        Ok((line, facts)) => (*line, facts.id().to_string()),
        Err(fault) => (fault.line, fault.reason.clone()),
    };
    rows.iter().map(tell).collect()
}

#[test]
fn every_kind_of_bad_row_is_named_by_line_and_reason_and_the_rest_is_kept() {
    let file = b"\xef\xbb\xbfsku,name,price,stock,description\r\n\
        a-1,Oat milk,2.49,3,\"creamy,\r\nand sweet\"\r\n\
        a-2,,1.00,,\r\n\
        a-3,Rye bread,free,,\r\n\
        a-4,Rye bread,1.00\r\n\
        ,Rye bread,1.00,,\r\n\
        a/5,Rye bread,1.00,,\r\n\
        a-6,Rye \xff bread,1.00,,\r\n\
        \r\n\
        a-1,Oat milk again,2.49,3,\r\n\
        a-7,\"Rye\" bread,1.00,,\r\n\
        a-8,\"Rye bread,1.00,,\r\n\
        a-9,Rye bread,1.00,-4,\r\n\
        a-10,Rye bread,3.10,0,last";
    let expected = [
        (2, "a-1"),
        (4, "name is missing"),
        (5, "price is wrong"),
        (6, "the row has 3 cells, the first line has 5"),
        (7, "product_id is missing"),
        (8, "product_id is wrong"),
        (9, "the row is not UTF-8"),
        (11, "product_id stands in line 2 already"),
        (12, "\" bread"),
        (13, "a quote is opened and not closed"),
        (14, "stock is a whole number"),
        (15, "a-10"),
    ];
    let found = told(&rows(Format::Csv, file));
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((line, told), (expected_line, part)) in found.iter().zip(expected) {
        assert!(*line == expected_line && told.contains(part), "{line}: {told}");
    }
}

#[test]
fn a_bad_row_names_its_product_where_it_can() {
    let found = rows(Format::Csv, "id,name,price\na-3,Rye bread,free\n");
    assert_eq!(found[0].as_ref().unwrap_err().product_id.as_deref(), Some("a-3"));
}

#[test]
fn the_same_products_are_read_from_every_form() {
    let csv = "id,name,price,attributes,colour\n1,\"The 17\"\" tray\",19.95,size: 1 l | vegan,red\n";
    let tsv = "id\tname\tprice\tattributes\tcolour\n1\tThe 17\" tray\t19.95\tsize: 1 l | vegan\tred\r\n";
    let object =
        r#"{"id":1,"name":"The 17\" tray","price":19.95,"attributes":{"size":"1 l","vegan":"yes"},"colour":"red"}"#;
    let expected = rows(Format::Csv, csv).remove(0).unwrap().1;
    for (format, text) in [
        (Format::Tsv, tsv.to_owned()),
        (Format::Ndjson, format!("{object}\r\n\n")),
        (Format::Ndjson, format!("\u{feff}{object}")),
        (Format::Json, format!("[{object}]")),
        (Format::Json, format!("{{\"products\":[\n{object}\n]}}")),
    ] {
        let found = rows(format, &text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].as_ref().unwrap().1, expected, "{text}");
    }
}

#[test]
fn a_bad_row_of_json_costs_itself_only() {
    let good = |id: u8| format!(r#"{{"id":"{id}","name":"x","price":1}}"#);
    let text = format!("{}\n{{\"id\":\n[]\n{}\nnull\n{{\"id\":[1]}}\n{}", good(1), good(2), good(3));
    let found = told(&rows(Format::Ndjson, text));
    let expected = [
        (1, "1"),
        (2, "no JSON object"),
        (3, "no JSON object"),
        (4, "2"),
        (5, "no JSON"),
        (6, "id is a text"),
        (7, "3"),
    ];
    for ((line, told), (expected_line, part)) in found.iter().zip(expected) {
        assert!(*line == expected_line && told.contains(part), "{line}: {told}");
    }
    let text = format!("[{},\n{{\"id\" 5}},\n{},\n\"x\"\n", good(1), good(2));
    let found = told(&rows(Format::Json, text));
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[1].1.contains("no JSON object") && found[3].1.contains("the file ends"), "{found:?}");
}

#[test]
fn a_file_that_is_no_such_file_is_refused_whole() {
    let open = |format, bytes: &[u8]| Rows::open(format, BufReader::new(bytes)).err().unwrap();
    assert!(matches!(open(Format::Csv, b""), BadFile::NoHeader(_)));
    assert!(matches!(open(Format::Csv, b"1,Oat milk,2.49\n"), BadFile::NoHeader(_)));
    assert!(matches!(open(Format::Csv, b"\xff\xfei\0d\0"), BadFile::Utf16));
    assert!(matches!(open(Format::Csv, b"\"id,name,price\n"), BadFile::NoHeader(_)));
    assert!(matches!(open(Format::Tsv, b"id,name,price\n"), BadFile::NoHeader(_)));
    assert!(matches!(open(Format::Json, b"{\"id\":1}"), BadFile::NotAList));
    assert!(matches!(open(Format::Json, b""), BadFile::NotAList));
    assert_eq!(rows(Format::Ndjson, "").len(), 0);
}

#[test]
fn six_megabytes_are_read_row_by_row() {
    let mut file = String::from("id,name,price,description\n");
    let description = "x".repeat(900);
    for row in 0..6_500 {
        file.push_str(&format!("p{row},\"Product, {row}\",{row}.50,\"{description}\"\n"));
    }
    assert!(file.len() > 6_000_000);
    let found = rows(Format::Csv, &file);
    assert_eq!((found.len(), found.iter().filter(|row| row.is_ok()).count()), (6_500, 6_500));
}
