//! The `extractive` answerer: it understands a question and composes an answer from given facts alone.
//!
//! A handler takes three steps: [`Intent::of`] says what the question wants and which words to search for, the
//! search and the tables fill [`Facts`], and [`compose`] writes the sentences in the caller's language. Every fact in
//! them is a fact that was given, and every product they name is cited. Nothing is read from the question but the
//! words of the product, and those come back cleaned and short.
//!
//! | module | offers |
//! | --- | --- |
//! | [`facts`] | what an answer is made from, and what it is |
//! | [`intent`] | what a question wants, by the tables of words of its language |
//! | [`hours`] | which day and time a question means, and whether the store is open then |
//! | [`compose()`] | the sentences, by the tables of phrases of the caller's language |
//! | [`tools`] | the read tools, each behind its permission |

mod compose;
pub mod facts;
pub mod hours;
pub mod intent;
mod phrases;
pub(crate) mod text;
pub mod tools;
mod words;

pub use compose::compose;
pub use facts::{Answer, Candidate, Citation, Facts, Limits};
pub use hours::HoursQuestion;
pub use intent::{Intent, Want};
pub use tools::{Denied, Staff, Tool};

#[cfg(test)]
mod tests;
