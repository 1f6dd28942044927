//! x

pub mod answer;
