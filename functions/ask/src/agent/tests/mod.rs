//! The agent against scripted models: those that do their work, those that obey an attacker, and those that fail.

mod poison;
mod random;
mod rights;
mod shop;
mod turns;
mod verdict;
