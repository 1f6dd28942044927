//! Lists the texts of notices with the digests that their approvals have to name, and says which of them cannot be told.
//!
//! `cargo run -p shared --features notices --example notice_texts`
#![allow(clippy::print_stdout)]

use shared::notices::texts::{Codes, Texts, TextsError};

fn main() -> Result<(), TextsError> {
    let texts = Texts::load(false, Codes::default())?;
    for text in texts.all() {
        let approved = text.approved.map_or("NOT APPROVED".to_owned(), |(by, on)| format!("approved on {on} by {by}"));
        println!("{} {} {} sha256 {} {approved}", text.language, text.category.as_str(), text.version, text.sha256);
    }
    texts.check()
}
