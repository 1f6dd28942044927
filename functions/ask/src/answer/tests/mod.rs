//! A small shop, and what is asked in it.

mod hostile;
mod questions;
mod rights;
mod shop;
mod truth;
